/* apart.h: an entry's kernels as threads run them that are as far apart as barriers allow: between two
 * barriers each thread runs all kernels before another thread goes on, first the last thread, or first the
 * first. What needs a barrier that is not there goes wrong. */
#ifndef TERN_TESTS_RANDOM_APART_H
#define TERN_TESTS_RANDOM_APART_H

#include "backends/lower/loops.h"
#include "support/arena.h"

struct waiting_call {
  const struct kernel *k;
  uint32_t i, j;
};

struct apart {
  uint32_t threads;
  bool forward;
  void *self;
  void (*run)(void *self, const struct kernel *k, uint32_t i, uint32_t j, uint32_t thread);
  /* since the last barrier: */
  struct arena arena;
  VEC(struct waiting_call) calls;
};

static inline void meet_apart(struct apart *a) {
  for (uint32_t t = 0; t < a->threads; t++)
    for (int n = 0; n < a->calls.n; n++)
      a->run(a->self, a->calls.at[n].k, a->calls.at[n].i, a->calls.at[n].j,
             a->forward ? t : a->threads - 1 - t);
  a->calls.n = 0;
}

/* i, j: indices of the repeats around; depth: how many there are. */
static inline void call_apart(struct apart *a, const struct call *c, uint32_t i, uint32_t j, int depth) {
  for (; c; c = c->next) {
    if (c->barrier)
      meet_apart(a);
    if (c->kernel)
      vec_push(&a->arena, a->calls, (struct waiting_call){c->kernel, i, j});
    for (uint32_t x = 0; !c->kernel && x < c->count; x++)
      call_apart(a, c->body, depth ? i : x, depth ? x : 0, depth + 1);
  }
}

static inline void run_apart(struct apart *a, const struct entry *e) {
  call_apart(a, e->schedule, 0, 0, 0);
  meet_apart(a);
  arena_free(&a->arena);
}

#endif
