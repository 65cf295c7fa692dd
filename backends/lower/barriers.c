/* barriers.c: where threads must meet between kernels.
 *
 * A thread that leaves a kernel goes on to the next at once, unless a kernel that another thread may still be
 * in shares memory with it that one of them writes. Those that it may be in are all since the last barrier;
 * in a repeat also those of the iteration before. Two kernels that thread 0 runs alone run in its order
 * whatever the others do; so do two in which a thread touches only its own elements of what they share.
 *
 * Memory is compared by the bytes that buffers reach over. Those of states that a repeat steps through are
 * compared within a step, and within a sequence: none leaves its own. */
#include "backends/lower/lower.h"

#include <string.h>

struct barriers {
  struct arena arena;
  int n;
  const struct kernel **kernels;  /* by number, those met so far */
  int64_t (*counts)[MAX_REPEATS]; /* of the repeats around each */
  int64_t repeats[MAX_REPEATS];   /* around the present call */
  int depth;
  bool changed; /* a barrier was added */
};

/* ---- memory that two kernels share ------------------------------------------------------------- */

static bool meet(int64_t x, int64_t x_bytes, int64_t y, int64_t y_bytes) {
  return x < y + y_bytes && y < x + x_bytes;
}

/* From the first iteration's first byte to the last one's last. */
static int64_t reach(const struct barriers *b, const struct kernel *k, const struct buffer *x) {
  const int64_t *counts = b->counts[k->number];
  return buffer_bytes(x) + x->stride_i * (counts[0] - 1) + x->stride_j * (counts[1] - 1);
}

static bool buffers_meet(const struct barriers *b, const struct kernel *k, const struct buffer *x,
                         const struct kernel *l, const struct buffer *y) {
  if (x->base != y->base || x->port != y->port || !meet(x->offset, reach(b, k, x), y->offset, reach(b, l, y)))
    return false;
  int64_t step = x->stride_j ? x->stride_j : x->stride_i;
  if (!step || x->stride_i != y->stride_i || x->stride_j != y->stride_j)
    return true;
  int64_t ahead = ((y->offset - x->offset) % step + step) % step; /* y of x, in the same step or the next */
  return ahead < buffer_bytes(x) || ahead + buffer_bytes(y) > step;
}

static bool own_elements(const struct buffer *x, const struct buffer *y) {
  return x->shared && x->shared == y->shared && same_buffer(x, y);
}

static bool conflict(const struct barriers *b, const struct kernel *k, const struct kernel *l) {
  if (k->team == TEAM_FIRST && l->team == TEAM_FIRST)
    return false;
  for (int i = 0; i < k->buffers.n; i++)
    for (int j = 0; j < l->buffers.n; j++) {
      const struct buffer *x = k->buffers.at[i], *y = l->buffers.at[j];
      if ((x->written || y->written) && x->base != BASE_OWN && !own_elements(x, y) &&
          buffers_meet(b, k, x, l, y))
        return true;
    }
  return false;
}

/* ---- schedules --------------------------------------------------------------------------------- */

static void enter(struct barriers *b, const struct kernel *k) {
  b->kernels[k->number] = k;
  for (int i = 0; i < MAX_REPEATS; i++)
    b->counts[k->number][i] = i < b->depth ? b->repeats[i] : 1;
}

static void place_call(struct barriers *b, struct call *c, bool *since) {
  enter(b, c->kernel);
  bool needed = c->barrier;
  for (int n = 0; n < b->n && !needed; n++)
    needed = since[n] && conflict(b, b->kernels[n], c->kernel);
  b->changed |= needed && !c->barrier;
  c->barrier = needed;
  if (needed)
    memset(since, 0, sizeof *since * (size_t)b->n);
  since[c->kernel->number] = true;
}

static void place_calls(struct barriers *b, struct call *c, bool *since);

/* Until no iteration brings anything new to the next one. */
static void place_repeat(struct barriers *b, const struct call *c, bool *since) {
  size_t bytes = sizeof *since * (size_t)b->n;
  bool *before = arena_array(&b->arena, bool, b->n), *last = arena_array(&b->arena, bool, b->n);
  bool again = true, outside = b->changed;
  memcpy(before, since, bytes);
  b->repeats[b->depth++] = c->count;
  while (again) {
    for (int n = 0; n < b->n; n++)
      since[n] = before[n] || (last[n] && c->count > 1);
    b->changed = false;
    place_calls(b, c->body, since);
    outside |= b->changed;
    again = b->changed || memcmp(last, since, bytes) != 0;
    memcpy(last, since, bytes);
  }
  b->changed = outside;
  b->depth--;
}

/* since[n]: kernel n may not be done yet. */
static void place_calls(struct barriers *b, struct call *c, bool *since) {
  for (; c; c = c->next)
    if (c->kernel)
      place_call(b, c, since);
    else
      place_repeat(b, c, since);
}

static int64_t count_barriers(const struct call *c) {
  int64_t sum = 0;
  for (; c; c = c->next)
    sum += c->kernel ? c->barrier : c->count * count_barriers(c->body);
  return sum;
}

void place_barriers(struct entry *e, int kernels) {
  struct barriers b = {.n = kernels};
  b.kernels = arena_array(&b.arena, const struct kernel *, kernels);
  b.counts = arena_alloc(&b.arena, sizeof *b.counts * (size_t)kernels);
  bool *since = arena_array(&b.arena, bool, kernels);
  place_calls(&b, e->schedule, since);
  e->barriers = count_barriers(e->schedule);
  arena_free(&b.arena);
}
