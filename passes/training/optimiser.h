/* optimiser.h: what the files of the pass `optimise` share.
 *
 *   optimise.c  the pass: which weights are trained, and the entries
 *   nests.c     operators for all instances of a weight
 *   moments.c   how AdamW's moments are kept from step to step
 *   consume.c   gradients that are used up inside of `train` */
#ifndef TERN_PASSES_TRAINING_OPTIMISER_H
#define TERN_PASSES_TRAINING_OPTIMISER_H

#include "passes/rewrite.h"

/* A weight of floats that is trained, and the states beside it. */
struct trained_weight {
  struct weight *w;
  const char *gradient, *mean, *square;
  const char *mean_scale, *square_scale; /* of moments of 8 bits */
  bool decays;
  bool consumed; /* the update stands in `train`, and the gradient has room for one instance */
  int64_t block; /* elements of a block of moments of 8 bits; 0: they are floats */
  /* Of the update's seeds, of which each instance takes one: the first of the weight's own, which is kept as
   * bfloat16, of the mean's and of the square's; -1: what needs none. */
  int64_t weight_seeds, mean_seeds, square_seeds;
};

/* ---- nests.c: repeats around operators, one a count of a weight ---------------------------------------- */

/* Each repeat hands on the values in `carried`, the innermost as arguments. */
struct nest {
  struct module *m;
  struct builder inside;
  struct op *repeat[MAX_REPEATS];
  int depth, n;
  struct value *index[MAX_REPEATS];
  struct value *carried; /* or NULL */
  struct value *seeds;   /* u32[N] of the function, or NULL */
};

void nest_open(struct nest *x, struct module *m, struct builder at, const struct weight *w,
               struct value *carried);
/* What the innermost body hands on; the value after all of them. */
struct value *nest_close(struct nest *x, struct value *carried);
/* The instance of a weight or a state that the nest is at. */
struct value *nest_fetch(struct nest *x, enum opcode code, const char *symbol);
void nest_put(struct nest *x, enum opcode code, struct value *v, const char *symbol);
/* v to one of the two nearest numbers of `bits` significant bits, by the seed of this instance of w: the
 * first instance has number `first`. */
struct value *nest_dither(struct nest *x, const struct weight *w, int64_t first, struct value *v, int bits);

/* ---- moments.c ----------------------------------------------------------------------------------------- */

/* Adds the states of the weight's moments, kept as STORE_NONE (float32), STORE_BF16 or STORE_I8: codes of 8
 * bits, in blocks that have a scale each, where the weight can be cut into such. */
void moments_add(struct module *m, struct trained_weight *t, enum storage kept);
/* A value of the weight's shape in the shape that the update computes in. */
struct value *moments_shape(struct nest *x, const struct trained_weight *t, struct value *v);
struct value *moments_mean(struct nest *x, const struct trained_weight *t);
struct value *moments_square(struct nest *x, const struct trained_weight *t);
void moments_keep(struct nest *x, const struct trained_weight *t, struct value *mean, struct value *square);

/* ---- optimise.c ---------------------------------------------------------------------------------------- */

enum { OPTIMISE_RATES = 8 };

/* Adds the arguments that an update has to the function: rate[0] .. and the seeds, NULL where there are none.
 */
struct value *optimise_arguments(struct module *m, struct func *f, struct builder b, int64_t n_seeds,
                                 struct value **rate);
/* The gradient of the instance that the nest is at. */
struct value *optimise_gradient(struct nest *x, const struct trained_weight *t);
/* One step of AdamW of that instance; its gradient becomes 0. */
void optimise_update(struct nest *x, const struct trained_weight *t, struct value *const *rate);
/* The sum over all axes, f32[1]. */
struct value *optimise_sum(struct builder *b, struct value *x);

/* ---- consume.c ----------------------------------------------------------------------------------------- */

/* The updates of ternary matrices of layers go into `train`, which gets the arguments of `update` and gives
 * the sum of their gradients' squares beside the loss. False after a diagnostic: there are no such. */
bool consume_gradients(struct module *m, int n, struct trained_weight *list, int64_t n_seeds);

#endif
