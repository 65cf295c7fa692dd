/* index.h: making integer expressions. Every maker returns its result in a canonical form (a constant and a
 * sum of products of distinct atoms by constants, in a fixed order), so that indices that mean the same
 * element compare equal. */
#ifndef TERN_BACKENDS_INDEX_H
#define TERN_BACKENDS_INDEX_H

#include "backends/lower/loops.h"

struct index *index_const(struct arena *a, int64_t c);
struct index *index_var(struct arena *a, struct loop *loop);
struct index *index_leaf(struct arena *a, enum index_kind kind); /* INDEX_I, INDEX_J */
struct index *index_dim(struct arena *a, int64_t dim);           /* a constant, or the size in the call */
struct index *index_value(struct arena *a, struct expr *value);

/* x + by * y */
struct index *index_sum(struct arena *a, const struct index *x, int64_t by, const struct index *y);
struct index *index_scale(struct arena *a, const struct index *x, int64_t by);
/* x / by, x % by: x >= 0, by > 0. */
struct index *index_div(struct arena *a, const struct index *x, int64_t by);
struct index *index_mod(struct arena *a, const struct index *x, int64_t by);
struct index *index_clamp(struct arena *a, const struct index *x, int64_t least, int64_t most);

bool index_equal(const struct index *x, const struct index *y);
bool index_is_const(const struct index *x, int64_t c);
/* Bounds of x over all iterations and calls; INDEX_FAR stands for a bound that is not known. */
#define INDEX_FAR ((int64_t)1 << 48)
void index_range(const struct index *x, int64_t *least, int64_t *most);

#endif
