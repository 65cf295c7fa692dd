/* unrolled.h: the unrolled machine: a model's step as one pipeline of scalar operators with the weights in
 * it.
 *
 * For small models: a token enters each clock, and the recurrence's loop of C clocks makes C sequences take
 * turns (stages.h). Written as a project: a module a block of the spec, a core that joins them, a top with
 * AXI4-Stream, a test bench with vectors of the interpreter. docs/hardware.md is the guide. */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_UNROLLED_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_UNROLLED_H

#include "backends/hardware/unrolled/emission.h"
#include "ir/source.h"

struct unrolled_options {
  int depth; /* logic levels a pipeline stage; 0: 1 */
  bool best; /* results are the best token and its score; else all logits */
  enum net_multiplier multiplier;
  const char *name; /* of the top module; NULL: the model's */
};

/* Widths of the top's streams, in bits. */
struct unrolled_streams {
  int token_bits, token_data; /* of a token; of s_axis_tdata */
  int sequence_bits;
  int results, field; /* results a token, and bits of each in m_axis_tdata */
};

struct unrolled {
  struct arena *arena;
  struct module *module;
  const struct weight_source *source;
  struct unrolled_options options;
  const char *top;
  struct netlist net;
  struct schedule schedule;
  struct emission emission;
  struct unrolled_streams streams;
};

/* Plans the machine for the function `step` in the form after fixed-point and before fuse (kernels are looked
 * into). NULL after a diagnostic at the spec's place. In the arena; `source` must outlive it. */
struct unrolled *unrolled_plan(struct arena *a, struct module *m, const struct weight_source *source,
                               const struct unrolled_options *options);

/* What the design consists of, for reports; clock_mhz is the target they are made for. */
struct inventory *unrolled_inventory(const struct unrolled *u, double clock_mhz);

/* What the test bench is given: every sequence of the machine takes `n` tokens, sequence s those of the text
 * from its token s on, round its end. */
struct unrolled_vectors {
  const uint32_t *tokens;
  int64_t n;
};

/* Writes the project to `dir`, which exists: rtl/, sim/, manifest.json, Makefile; `library`,
 * share/tern/verilog where ternc is installed, has the files (rtl/, sim/) that are copied. Same input, same
 * bytes. False after a diagnostic. */
bool unrolled_write(const struct unrolled *u, const char *dir, const char *library,
                    const struct unrolled_vectors *vectors);

/* ---- top.c, unrolled_bench.c: what unrolled_write is made of ---- */
void unrolled_streams(const struct netlist *n, const struct schedule *s, struct unrolled_streams *t);
void unrolled_emit_top(const struct emission *e, const struct unrolled_streams *t, FILE *out);
void unrolled_emit_bench(const struct unrolled *u, int64_t tokens, FILE *out);
/* Tokens and expected results as $readmemh reads them; false after a diagnostic. */
bool unrolled_emit_vectors(const struct unrolled *u, const struct unrolled_vectors *vectors, FILE *tokens,
                           FILE *results);

#endif
