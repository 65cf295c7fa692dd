/* rows.c: rows of a value by the indices of repeats: x[l], and x[4 * g + j] by a sum of them, out of
 * operators that exist: the rows are parted into groups of as many as the largest factor, a repeat's index
 * chooses the group, and the rest of the sum a row in it. */
#include "frontend/language/elaborate.h"

static struct item cut(struct elaborator *e, struct item x, int64_t begin, int64_t end, struct loc at) {
  if (x.kind != ITEM_VALUE || (begin == 0 && end == x.value->type.dim[0]))
    return x;
  return apply(e, OP_SLICE, at, 1, &x, NULL, &(struct attrs){.begin = begin, .end = end}, NULL);
}

static struct item choose(struct elaborator *e, struct item x, struct value *index, struct loc at) {
  e->b.at = at;
  return x.kind == ITEM_VALUE ? item_value(sound(build2(&e->b, OP_INDEX, x.value, index))) : x;
}

struct item indexed(struct elaborator *e, struct item x, struct item index, const struct node *n,
                    const struct node *whole) {
  int64_t rows = x.value->type.dim[0], end = rows;
  if (index.from)
    end = index.from + index.value->block->parent->attr.count;
  if (end > rows) {
    fail(e, n->at, "'%s' reaches %lld, and the axis has the length %lld", node_text(e->arena, n),
         (long long)end - 1, (long long)rows);
    return item_poison();
  }
  return choose(e, cut(e, x, index.from, end, whole->at), index.value, whole->at);
}

/* Zeros behind the rows, which no index reaches. */
static struct item pad(struct elaborator *e, struct item x, int64_t rows, struct loc at) {
  if (x.kind != ITEM_VALUE || x.value->type.dim[0] == rows)
    return x;
  struct type t = x.value->type;
  t.dim[0] = rows - t.dim[0];
  struct item zero = item_value(plain(e, item_number(0), at));
  struct item both[2] = {x, apply(e, OP_BROADCAST, at, 1, &zero, NULL, NULL, &t)};
  return apply(e, OP_CONCAT, at, 2, both, NULL, &(struct attrs){.axis = 0}, NULL);
}

/* [n * group, ...] -> [n, group, ...] */
static struct item grouped(struct elaborator *e, struct item x, int64_t group, struct loc at) {
  if (x.kind != ITEM_VALUE)
    return x;
  struct type t = {.elem = x.value->type.elem, .rank = x.value->type.rank + 1};
  t.dim[0] = x.value->type.dim[0] / group;
  t.dim[1] = group;
  for (int i = 2; i < t.rank; i++)
    t.dim[i] = x.value->type.dim[i - 1];
  return apply(e, OP_RESHAPE, at, 1, &x, NULL, NULL, &t);
}

/* The repeat with the largest factor; -1: the sum is a number. */
static int largest(const struct hole *h) {
  int k = -1;
  for (int i = 0; i < HOLE_INDICES; i++)
    if (h->scale[i] && (k < 0 || h->scale[i] > h->scale[k]))
      k = i;
  return k;
}

static int64_t most_number(const struct elaborator *e, const struct hole *h) {
  int64_t most = h->offset;
  for (int k = 0; k < e->repeats.n; k++)
    most += h->scale[k] * (e->repeats.at[k].count - 1);
  return most;
}

/* Whether the terms of the sum part the rows into groups, and groups into groups. */
static bool parts_rows(const struct elaborator *e, struct hole h) {
  for (int k = largest(&h); k >= 0; k = largest(&h)) {
    int64_t group = h.scale[k];
    h.scale[k] = 0;
    h.offset %= group > 0 ? group : 1;
    if (group < 1 || most_number(e, &h) >= group)
      return false;
  }
  return true;
}

struct item row_of_sum(struct elaborator *e, struct item x, struct hole h, const struct node *n,
                       const struct node *whole) {
  struct loc at = whole->at;
  struct type t = x.value->type;
  bool negative = h.offset < 0;
  for (int k = 0; k < e->repeats.n; k++)
    negative |= h.scale[k] < 0;
  if (negative || t.rank == MAX_RANK || !parts_rows(e, h)) {
    fail(e, n->at,
         "an index by several repeats counts rows in groups, as 4 * g + j + 1 does where j + 1 stays below "
         "4%s",
         t.rank == MAX_RANK ? ", and one more axis needs room" : "");
    return item_poison();
  }
  if (most_number(e, &h) >= t.dim[0]) {
    fail(e, n->at, "'%s' reaches %lld, and the axis has the length %lld", node_text(e->arena, n),
         (long long)most_number(e, &h), (long long)t.dim[0]);
    return item_poison();
  }
  for (int k = largest(&h); k >= 0 && x.kind == ITEM_VALUE; k = largest(&h)) {
    int64_t group = h.scale[k], begin = h.offset - h.offset % group, rows = x.value->type.dim[0],
            end = begin + group * e->repeats.at[k].count;
    x = pad(e, cut(e, x, begin, end < rows ? end : rows, at), end - begin, at);
    x = choose(e, grouped(e, x, group, at), e->repeats.at[k].index, at);
    h.scale[k] = 0;
    h.offset -= begin;
  }
  x = cut(e, x, h.offset, h.offset + 1, at);
  for (int i = 1; i < t.rank; i++)
    t.dim[i - 1] = t.dim[i];
  t.dim[--t.rank] = 0;
  return x.kind == ITEM_VALUE ? apply(e, OP_RESHAPE, at, 1, &x, NULL, NULL, &t) : x;
}
