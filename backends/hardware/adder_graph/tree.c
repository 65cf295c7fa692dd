/* tree.c: narrow and shallow trees.
 *
 * A result is about one bit wider than the wider operand only when the sum of the ranges crosses a power of
 * two; a tree is narrow when its results fill their widths. So the next two to be joined are those with the
 * narrowest result, and among these the widest range: 4 + 4 rather than 3 + 4. The depth limit holds when the
 * load (sharing.h) stays within 2^limit; joining two of equal depth keeps the load, so there is always a
 * pair. */
#include "backends/hardware/adder_graph/tree.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 48 }; /* more leaves than this are first joined in neighbouring pairs */

int signed_width(int64_t lo, int64_t hi) {
  uint64_t magnitude = (uint64_t)(lo < 0 ? ~lo : 0) | (uint64_t)(hi > 0 ? hi : 0);
  return magnitude ? 65 - __builtin_clzll(magnitude) : 1;
}

struct leaf leaf_join(const struct leaf *a, const struct leaf *b) {
  struct leaf r = {.depth = (a->depth > b->depth ? a->depth : b->depth) + 1, .value = -1};
  if (a->negative == b->negative) {
    r.lo = a->lo + b->lo;
    r.hi = a->hi + b->hi;
    r.negative = a->negative;
  } else {
    const struct leaf *plus = a->negative ? b : a, *minus = a->negative ? a : b;
    r.lo = plus->lo - minus->hi;
    r.hi = plus->hi - minus->lo;
  }
  return r;
}

static int64_t range(const struct leaf *a) {
  return a->hi - a->lo;
}

static int64_t weight(const struct leaf *a) {
  return (int64_t)1 << a->depth;
}

/* ---- many leaves -------------------------------------------------------------------------------------- */

static int by_depth_and_range(const void *p, const void *q) {
  const struct leaf *a = p, *b = q;
  if (a->depth != b->depth)
    return a->depth < b->depth ? -1 : 1;
  if (range(a) != range(b))
    return range(a) < range(b) ? -1 : 1;
  if (a->negative != b->negative)
    return a->negative ? 1 : -1;
  return a->value < b->value ? -1 : a->value > b->value;
}

struct tree {
  struct leaf *leaf;
  int n;
  int64_t bits, load, most; /* load now, and at most */
  uint64_t *random;
  int32_t (*join)(void *, const struct leaf *, const struct leaf *);
  void *data;
};

static struct leaf join_two(struct tree *t, const struct leaf *a, const struct leaf *b) {
  struct leaf r = leaf_join(a, b);
  if (t->join)
    r.value = t->join(t->data, a, b);
  t->bits += signed_width(r.lo, r.hi);
  t->load += weight(&r) - weight(a) - weight(b);
  return r;
}

/* Halves the number of leaves, or nearly: those of equal depth in pairs. */
static void join_neighbours(struct tree *t) {
  int n = 0;
  qsort(t->leaf, (size_t)t->n, sizeof *t->leaf, by_depth_and_range);
  for (int i = 0; i < t->n;) {
    if (i + 1 < t->n && t->leaf[i].depth == t->leaf[i + 1].depth) {
      t->leaf[n++] = join_two(t, &t->leaf[i], &t->leaf[i + 1]);
      i += 2;
    } else {
      t->leaf[n++] = t->leaf[i++];
    }
  }
  t->n = n;
}

/* ---- few leaves --------------------------------------------------------------------------------------- */

static void insert_by_range(struct tree *t, struct leaf x) {
  int k = t->n++;
  for (; k > 0 && range(&t->leaf[k - 1]) > range(&x); k--)
    t->leaf[k] = t->leaf[k - 1];
  t->leaf[k] = x;
}

static struct leaf take(struct tree *t, int i) {
  struct leaf x = t->leaf[i];
  memmove(t->leaf + i, t->leaf + i + 1, sizeof *t->leaf * (size_t)(t->n - i - 1));
  t->n--;
  return x;
}

static bool chance(uint64_t *random, int one_in) {
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  return (int)((*random >> 33) % (uint64_t)one_in) == 0;
}

/* The pair to join; leaves are in order of range. */
static void choose(struct tree *t, int *first, int *second) {
  int width = 65, ties = 0;
  int64_t widest = -1;
  for (int i = 0; i + 1 < t->n; i++)
    for (int k = i + 1; k < t->n; k++) {
      struct leaf r = leaf_join(&t->leaf[i], &t->leaf[k]);
      int w = signed_width(r.lo, r.hi);
      if (w > width)
        break; /* nearly always so for all that follow, whose ranges are wider */
      if (t->load + weight(&r) - weight(&t->leaf[i]) - weight(&t->leaf[k]) > t->most)
        continue;
      ties = w < width ? 1 : ties + 1;
      bool better = t->random ? chance(t->random, ties) : range(&r) > widest;
      if (w < width || better) {
        width = w;
        widest = range(&r);
        *first = i;
        *second = k;
      }
    }
}

int64_t tree_build(struct leaf *leaf, int n, int limit, uint64_t *random,
                   int32_t (*join)(void *data, const struct leaf *a, const struct leaf *b), void *data) {
  struct tree t = {leaf, n, 0, 0, (int64_t)1 << limit, random, join, data};
  for (int i = 0; i < n; i++)
    t.load += weight(&leaf[i]);
  while (t.n > MANY)
    join_neighbours(&t);
  n = t.n;
  t.n = 0;
  for (int i = 0; i < n; i++)
    insert_by_range(&t, leaf[i]);
  while (t.n > 1) {
    int first = 0, second = 1;
    choose(&t, &first, &second);
    struct leaf b = take(&t, second), a = take(&t, first);
    insert_by_range(&t, join_two(&t, &a, &b));
  }
  return t.bits;
}
