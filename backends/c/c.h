/* c.h: a model as readable C11: the back end for people who want to read the code, or to build it where LLVM
 * does not go.
 *
 * The folder stands alone: NAME.c has the kernels, the forms and the constant struct tern_model; ops.h the
 * element-wise operators; runtime/ a copy of the runtime's sources; Makefile builds libNAME.a (kernels only,
 * needs libm) and the program NAME. */
#ifndef TERN_BACKENDS_C_H
#define TERN_BACKENDS_C_H

#include "backends/lower/loops.h"

struct c_options {
  const char *runtime; /* folder with the runtime's sources (model.h, kernels/, ...) */
  uint32_t threads;    /* the program's default; 0: as many as pay */
};

/* Writes the folder `dir`, which may exist. False after a diagnostic; then nothing is left that was not there
 * before. The same loops give the same bytes. */
bool c_emit(struct diag *d, const struct loops *l, const char *dir, const struct c_options *o);

/* Sources in runtime/kernels, without ".c" and with a header each, that a training step calls beside the
 * ternary sums (loops_call). */
enum { C_TRAINING_SOURCES = 4 };
extern const char *const c_training_sources[C_TRAINING_SOURCES];

/* NAME.c alone. */
void c_print(FILE *out, const struct loops *l, const struct c_options *o);

/* C for chips: NAME.c and NAME.h, which ask for nothing but <stdint.h> (bare.c). */
struct bare_options {
  const char *runtime; /* folder with the runtime's sources */
  /* The image's, and zeros to a multiple of 4: an array of NAME.c. NULL: the array is elsewhere. */
  const uint8_t *weights;
};

/* What a chip needs for the model, in bytes; code and tables of curves come on top. */
struct bare_sizes {
  int64_t weights, state, scratch, logits;
};
struct bare_sizes bare_sizes(const struct loops *l);

/* Whether the model is not too large to be addressed in 32 bits; false after a diagnostic. */
bool bare_fits(struct diag *d, const struct loops *l);

/* Writes the two files into `dir`, as c_emit does. The module must have been planned for a chip. */
bool bare_emit(struct diag *d, const struct loops *l, const char *dir, const struct bare_options *o);

/* Whether there is C for a MAP operator; a test asks for all of them. */
bool c_covers(enum opcode code);

#endif
