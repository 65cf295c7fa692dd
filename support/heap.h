/* heap.h: a set of numbers that gives its least. */
#ifndef TERN_SUPPORT_HEAP_H
#define TERN_SUPPORT_HEAP_H

#include "support/arena.h"

struct heap {
  VEC(int) at; /* each is no larger than those at twice its place + 1 and + 2 */
};

/* A number may be in it more than once. */
void heap_push(struct arena *a, struct heap *h, int number);
/* Takes the least out; the heap is not empty. */
int heap_pop(struct heap *h);

#endif
