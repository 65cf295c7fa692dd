/* memory.h: how much memory a training step takes, and how little it can take. */
#ifndef TERN_PASSES_TRAINING_MEMORY_H
#define TERN_PASSES_TRAINING_MEMORY_H

#include "passes/recompute.h"

/* Bytes of a planned module, by what they are for. All of it is there from the first call on. */
struct training_memory {
  int64_t tokens;    /* of a call, at most: what saved, replay and scratch are for */
  int64_t floats;    /* weights of floats, and masters of ternary ones */
  int64_t codes;     /* ternary weights, with their scales */
  int64_t gradients; /* of all weights */
  int64_t moments;   /* AdamW's two */
  int64_t sequence;  /* the model's own states, and what goes from call to call beside them */
  int64_t saved;     /* of the forward pass, until the backward pass has gone by */
  int64_t replay;    /* what a group of iterations keeps while it is gone back through (recompute.h) */
  int64_t scratch;   /* of the entry that needs most, for one thread */
  int64_t total;
  int64_t saved_token; /* bytes of `saved` a token */
  int64_t layers;      /* iterations of the repeats that hold most of the weights */
};

/* m: after the pipeline `training`. */
struct training_memory training_memory(const struct module *m);

/* A table of it, a line each. */
void training_memory_print(const struct training_memory *n, FILE *out);

/* Makes the module anew and runs the pipeline `training` with that choice, for calls of up to `chunk` tokens;
 * NULL after a diagnostic. */
typedef struct module *planned_module(void *self, struct recompute choice, int64_t chunk);

/* Of the choices that need at most `most` bytes in all the one that takes the fewest operations a token:
 * those that are computed again, and what each call does however short it is. chunk: tokens of a call; 0:
 * that is chosen too, TRAINING_CHUNK at the most. The module, made by plan(self, ...), after a note that says
 * what was chosen; NULL after a diagnostic, which says what the least would be. */
struct module *training_fit(struct diag *d, int64_t most, int64_t chunk, planned_module *plan, void *self);

#endif
