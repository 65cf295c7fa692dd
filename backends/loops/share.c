/* share.c: which loops the threads of a team share, and what a kernel loads.
 *
 * The loops of the kernel's block, or of the one loop over a scan's tokens in it, are shared when each
 * iteration needs nothing of another: then a thread has the same iterations of each of those loops, and needs
 * no barrier between them. Small kernels are not worth a team: thread 0 runs them alone while the others
 * wait. */
#include "backends/loops/lower.h"

/* Below this many innermost iterations, handing work to other processors takes longer than doing it. */
enum { SHARED_WORK = 2048, SCAN_TOKENS = 16 }; /* a scan goes over this many tokens, say */

static const struct stmt *only_loop(const struct stmt *list) {
  const struct stmt *found = NULL;
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LET)
      continue;
    if (s->kind != STMT_LOOP || found)
      return NULL;
    found = s;
  }
  return found;
}

/* Innermost iterations; loops over tokens count as long, those over sequences have all of them. */
static int64_t work(const struct unit *u, const struct loop *l) {
  int64_t inside = 0, extent = l->extent->kind == INDEX_B ? u->m->batch : l->extent->constant;
  if (l->extent->kind != INDEX_CONST && l->extent->kind != INDEX_B)
    return SHARED_WORK;
  for (const struct stmt *s = l->body; s; s = s->next)
    inside += s->kind == STMT_LOOP ? work(u, s->loop) : 0;
  return extent * (inside ? inside : 1);
}

static bool accumulates(const struct loop *l, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    if ((s->kind == STMT_ACCUMULATE && s->acc->loop == l) ||
        (s->kind == STMT_LOOP && accumulates(l, s->loop->body)))
      return true;
  return false;
}

/* All statements are loops of one kind and extent, and what they share lies before them in registers. */
static bool loops_alike(const struct unit *u, const struct stmt *list, int times) {
  const struct loop *first = NULL;
  int64_t sum = 0;
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LET)
      continue;
    if (s->kind != STMT_LOOP || accumulates(s->loop, s->loop->body))
      return false;
    first = first ? first : s->loop;
    if (s->loop->kind != first->kind || !index_equal(s->loop->extent, first->extent))
      return false;
    sum += times * work(u, s->loop);
  }
  return first && sum >= SHARED_WORK;
}

/* Every root uses others only at its own index of the shared axis. A root without that axis was computed by
 * every thread for itself. */
static bool rows_apart(const struct unit *u, int axis) {
  for (int i = 0; i < u->accesses.n; i++) {
    const struct access *x = &u->accesses.at[i];
    const struct root *needed = x->read ? x->from : x->to;
    if (x->aligned <= axis && needed->n_axes > axis)
      return false;
  }
  return true;
}

void share_loops(struct unit *u) {
  struct stmt *list = u->kernel->body;
  const struct stmt *only = only_loop(list);
  bool scan = false;
  for (int i = 0; i < u->roots.n; i++)
    scan |= u->roots.at[i]->scan != NULL;
  if (scan && !only)
    return;
  if (scan)
    list = only->loop->body;
  if (!loops_alike(u, list, scan ? SCAN_TOKENS : 1) || !rows_apart(u, scan))
    return;
  u->kernel->parallel = true;
  for (struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LOOP)
      s->loop->parallel = true;
}

/* ---- weights --------------------------------------------------------------------------------- */

struct inside { /* the loops around a statement */
  const struct loop *loop;
  const struct inside *outer;
};

/* Elements that one load touches in all iterations, at most. */
static int64_t touched(const struct expr *load, const struct inside *in) {
  int64_t n = 1, c;
  for (; in; in = in->outer) {
    bool fixed = index_coefficient(load->index, in->loop, &c) && c == 0;
    n *= fixed || in->loop->extent->kind != INDEX_CONST ? 1 : in->loop->extent->constant;
  }
  return n;
}

static int64_t elements_loaded(const struct stmt *list, const struct buffer *b, const struct inside *in) {
  int64_t n = 0;
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      n += elements_loaded(s->loop->body, b, &(struct inside){s->loop, in});
    if (s->kind == STMT_LET && s->expr->kind == EXPR_LOAD && s->expr->buffer == b)
      n += touched(s->expr, in);
  }
  return n;
}

uint64_t loaded_weights(const struct kernel *k) {
  uint64_t bytes = 0;
  for (int i = 0; i < k->buffers.n; i++) {
    const struct buffer *b = k->buffers.at[i];
    if (b->base != BASE_WEIGHTS)
      continue;
    int64_t n = elements_loaded(k->body, b, NULL), width = buffer_bytes(b) / b->elements;
    bytes += (uint64_t)((n < b->elements ? n : b->elements) * width);
  }
  return bytes;
}
