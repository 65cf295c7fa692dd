/* holes.h: the names of tensors in repeats, "layers.{}.w", in which a number stands for each hole.
 *
 * A hole "{}" takes the index that has its place among the holes: the first one the first index. Any other is
 * a sum of indices times whole numbers and of a whole number, where i, j, k and l are the first to the fourth
 * index: "{i+1}", "{4i+j+3}", "{-i+7}". */
#ifndef TERN_SUPPORT_HOLES_H
#define TERN_SUPPORT_HOLES_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOLE_INDICES = 4, HOLE_MOST = 999999999 };

/* offset + the sum of scale[k] * index[k]; no number of it is beyond HOLE_MOST. */
struct hole {
  int64_t offset, scale[HOLE_INDICES];
};

/* Reads the hole that `text` begins with, which is number `nth` of its name, from 0. Its length; 0: that is
 * no hole. */
size_t hole_read(const char *text, int nth, struct hole *hole);
/* As hole_read takes it: "{}" where it can be. In the arena. */
const char *hole_text(struct arena *a, const struct hole *hole, int nth);

int64_t hole_number(const struct hole *hole, const int64_t index[HOLE_INDICES]);
/* The least number of it, where index k counts to counts[k] - 1. */
int64_t hole_least(const struct hole *hole, int n, const int64_t *counts);
/* How many indices it has: the number of its last one. */
int hole_indices(const struct hole *hole);

/* The name with the numbers of those indices; what is no hole, or has more than n of them, stays. In the
 * arena.
 */
const char *holes_filled(struct arena *a, const char *name, int n, const int64_t *index);

/* What is wrong with the holes of a name of n indices, that count to counts[k] - 1: one that cannot be read,
 * an index that is not there, a number below 0. In the arena; NULL: nothing. */
const char *holes_wrong(struct arena *a, const char *name, int n, const int64_t *counts);

#endif
