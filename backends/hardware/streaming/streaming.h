/* streaming.h: the streaming machine: a hardware project for a model.
 *
 * It has one datapath for all layers: a sum engine of L ternary lanes, a small pipeline a
 * kernel, a buffer a planned value, the states on chip, and a sequencer whose program is the model's
 * schedule. All that a step reads of the weights arrives as one stream in the order of consumption
 * (weight_stream.h). docs/hardware.md is the guide; design.h describes a planned design completely. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_STREAMING_H
#define TERN_BACKENDS_HARDWARE_STREAMING_STREAMING_H

#include "backends/hardware/hw_options.h"
#include "backends/lower/loops.h"
#include "ir/source.h"

/* What a design's numbers are checked with: what the interpreter computes for these tokens. */
struct hw_vectors {
  const uint32_t *tokens; /* of a step for all sequences together */
  int64_t n;              /* tokens given */
  int64_t generate;       /* steps after them, each on the token that scored best before */
  int64_t ends;           /* sequence q ends with step ends + q, and begins anew; 0: none ends */
  bool units;             /* also what every unit stores; else only logits */
  uint32_t *best;         /* filled in: the best token of each step and sequence; or NULL */
};

struct hw_design; /* design.h */

/* Plans the streaming machine for the form `step`. NULL after a diagnostic, at the spec's place where one
 * is to blame. In the arena. */
struct hw_design *hw_plan(struct arena *a, struct diag *d, const struct loops *loops,
                          const struct hw_options *options);

/* What the design consists of, for reports. In the design's arena. */
struct inventory *hw_inventory(const struct hw_design *design);

/* Writes the project to the folder `dir`, which exists: rtl/ (generated modules, and copies of the files in
 * `library`/rtl), sim/ (test bench), manifest.json, Makefile, README.md; with a source also weights.bin, and
 * vectors/ for `vectors` when it is not NULL. Same input, same bytes. False after a diagnostic. */
bool hw_write(struct diag *d, const struct hw_design *design, const char *dir, const char *library,
              const struct weight_source *source, const struct hw_vectors *vectors);

#endif
