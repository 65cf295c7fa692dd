/* place.c: first fit by size. Each buffer goes to the lowest gap between those placed before it that live at
 * the same time. */
#include "passes/place.h"

#include "support/arena.h"
#include <stdlib.h>

int64_t place_align(int64_t bytes, int64_t align) {
  return (bytes + align - 1) / align * align;
}

/* Largest first; then earliest; then the one given first, which the addresses tell. */
static int by_size(const void *x, const void *y) {
  const struct lifetime *a = *(struct lifetime *const *)x, *b = *(struct lifetime *const *)y;
  if (a->bytes != b->bytes)
    return a->bytes < b->bytes ? 1 : -1;
  if (a->first != b->first)
    return a->first < b->first ? -1 : 1;
  return a < b ? -1 : a > b;
}

static int by_offset(const void *x, const void *y) {
  const struct lifetime *a = *(struct lifetime *const *)x, *b = *(struct lifetime *const *)y;
  return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The lowest gap for b between the n `others` that live with it, which get sorted. */
static int64_t first_fit(const struct lifetime *b, struct lifetime **others, int n, int64_t align) {
  int64_t at = 0;
  qsort(others, (size_t)n, sizeof(struct lifetime *), by_offset);
  for (int i = 0; i < n; i++) {
    if (others[i]->offset - at >= b->bytes)
      break;
    int64_t end = place_align(others[i]->offset + others[i]->bytes, align);
    at = end > at ? end : at;
  }
  return at;
}

int64_t place(struct lifetime *buffers, int n, int64_t align) {
  struct arena a = {0};
  struct lifetime **order = arena_array(&a, struct lifetime *, n),
                  **live = arena_array(&a, struct lifetime *, n);
  for (int i = 0; i < n; i++)
    order[i] = &buffers[i];
  qsort(order, (size_t)n, sizeof(struct lifetime *), by_size);
  int64_t size = 0;
  for (int i = 0; i < n; i++) {
    struct lifetime *b = order[i];
    int n_live = 0;
    for (int k = 0; k < i; k++)
      if (order[k]->first <= b->last && b->first <= order[k]->last)
        live[n_live++] = order[k];
    b->offset = first_fit(b, live, n_live, align);
    int64_t end = place_align(b->offset + b->bytes, align);
    size = end > size ? end : size;
  }
  arena_free(&a);
  return size;
}
