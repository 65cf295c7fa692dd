/* compare.h: one engine against the interpreter, kernel by kernel.
 *
 * The interpreter runs the planned module. Before each kernel (or sum) its inputs, as the interpreter has
 * them, are put where the plan says; the engine's kernel runs on them; its results are held against the
 * interpreter's. So a difference is found where it arises, and cannot hide or grow. All elements must be
 * bit-equal (NaN equals NaN). */
#ifndef TERN_DRIVER_COMPARE_H
#define TERN_DRIVER_COMPARE_H

#include "backends/loops/loops.h"
#include "ir/source.h"
#include "runtime/model.h"

struct comparison {
  const struct module *module; /* planned */
  const struct loops *loops;
  const struct weight_source *source;
  const struct tern_model *model; /* the engine */
  const char *engine;             /* for messages: "native", "c" */
  const uint8_t *weights;         /* the image's weights */
  uint32_t threads;               /* each kernel is run by 1 and by this many threads, one after another */
  /* results */
  int64_t kernels_run;
};

/* Runs `form` ("step" or "prefill") on n tokens (1 for step), keeping `keep` logits, from the interpreter's
 * present state. False after a diagnostic that names the first kernel that differs, its line of the spec,
 * element and values. */
struct interp;
bool compare_form(struct comparison *c, struct interp *in, const char *form, const uint32_t *tokens,
                  int64_t n, int64_t keep);

/* Runs `batch` on token i of the interpreter's sequence rows[i]; it has `sequences` of them. */
bool compare_batch(struct comparison *c, struct interp *in, int64_t sequences, const uint32_t *rows,
                   const uint32_t *tokens, int64_t n);

#endif
