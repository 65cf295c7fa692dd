/* compare.h: one engine against the interpreter, kernel by kernel.
 *
 * The interpreter runs the planned module. Before each kernel (or sum) its inputs, as the interpreter has
 * them, are put where the plan says; the engine's kernel runs on them; its results are held against the
 * interpreter's. So a difference is found where it arises, and cannot hide or grow. All elements must be
 * bit-equal (NaN equals NaN). */
#ifndef TERN_DRIVER_COMPARE_H
#define TERN_DRIVER_COMPARE_H

#include "backends/lower/loops.h"
#include "ir/interp/interp.h"
#include "runtime/model.h"

struct comparison {
  const struct module *module; /* planned */
  const struct loops *loops;
  const struct weight_source *source;
  const struct tern_model *model; /* the engine */
  const char *engine;             /* for messages: "native", "c" */
  const uint8_t *weights; /* the image's weights; a copy that may be written where the module trains some */
  int64_t sequences;      /* that the interpreter has states of */
  uint32_t threads;       /* each kernel is run by 1 and by this many threads, one after another */
  /* results */
  int64_t kernels_run;
};

/* Runs an entry on the arguments (sizes must be given), from the interpreter's present state. False after a
 * diagnostic that names the first kernel that differs, its line of the spec, element and values. */
bool compare_entry(struct comparison *c, struct interp *in, const struct entry *e,
                   const struct interp_arguments *given);

#endif
