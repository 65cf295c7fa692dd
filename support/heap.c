/* heap.c: a binary heap; contracts in heap.h. */
#include "support/heap.h"

void heap_push(struct arena *a, struct heap *h, int number) {
  vec_push(a, h->at, number);
  int i = h->at.n - 1;
  for (; i > 0 && h->at.at[(i - 1) / 2] > number; i = (i - 1) / 2)
    h->at.at[i] = h->at.at[(i - 1) / 2];
  h->at.at[i] = number;
}

int heap_pop(struct heap *h) {
  int *at = h->at.at, least = at[0], n = --h->at.n, last = at[n], i = 0;
  for (int child = 1; child < n; child = 2 * i + 1) {
    child += child + 1 < n && at[child + 1] < at[child];
    if (at[child] >= last)
      break;
    at[i] = at[child];
    i = child;
  }
  at[i] = last;
  return least;
}
