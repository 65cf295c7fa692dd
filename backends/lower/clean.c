/* clean.c: drops what nothing uses.
 *
 * Loops are made as if every root were needed in every loop. What is alive is found from the stores that
 * others can see, back through operands, accumulators and arrays of the kernel's own; the rest goes. */
#include "backends/lower/lower.h"

#include <string.h>

struct marks {
  struct kernel_lowering *u;
  bool *exprs;              /* by id: alive */
  struct stmt **accumulate; /* by accumulator id */
  VEC(struct stmt *) stores;
  VEC(struct buffer *) used;
};

static bool is_used(const struct marks *m, const struct buffer *b) {
  for (int i = 0; i < m->used.n; i++)
    if (m->used.at[i] == b)
      return true;
  return false;
}

static void collect(struct marks *m, struct stmt *list) {
  for (struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      collect(m, s->loop->body);
    if (s->kind == STMT_STORE)
      vec_push(m->u->a, m->stores, s);
    if (s->kind == STMT_ACCUMULATE)
      m->accumulate[s->acc->id] = s;
  }
}

static void mark(struct marks *m, const struct expr *e);

static void mark_index(struct marks *m, const struct index *i) {
  if (!i)
    return;
  if (i->kind == INDEX_VALUE)
    mark(m, i->value);
  mark_index(m, i->a);
  mark_index(m, i->b);
}

static void mark_store(struct marks *m, const struct stmt *s) {
  mark(m, s->expr);
  mark_index(m, s->index);
}

/* The stores to an array of the kernel's own count once somebody loads from it. */
static void mark_buffer(struct marks *m, struct buffer *b) {
  if (is_used(m, b))
    return;
  vec_push(m->u->a, m->used, b);
  for (int i = 0; buffer_is_local(m->u, b) && i < m->stores.n; i++)
    if (m->stores.at[i]->buffer == b)
      mark_store(m, m->stores.at[i]);
}

static void mark(struct marks *m, const struct expr *e) {
  if (m->exprs[e->id])
    return;
  m->exprs[e->id] = true;
  for (int i = 0; i < e->n_in; i++)
    mark(m, e->in[i]);
  mark_index(m, e->index);
  mark_index(m, e->bound);
  if (e->kind == EXPR_ACC)
    mark(m, m->accumulate[e->acc->id]->expr);
  if (e->kind == EXPR_LOAD)
    mark_buffer(m, e->buffer);
}

/* What the lengths of loops are computed of. */
static void mark_extents(struct marks *m, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LOOP) {
      mark_index(m, s->loop->extent);
      mark_extents(m, s->loop->body);
    }
}

static bool is_alive(const struct marks *m, const struct stmt *s, const bool *accs) {
  switch (s->kind) {
  case STMT_LET: return m->exprs[s->expr->id];
  case STMT_STORE: return is_used(m, s->buffer);
  case STMT_ACCUMULATE: return accs[s->acc->id];
  default: return s->loop->body != NULL;
  }
}

static struct stmt *sweep(const struct marks *m, struct stmt *list, const bool *accs) {
  struct stmt *first = NULL, **end = &first;
  for (struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      s->loop->body = sweep(m, s->loop->body, accs);
    if (!is_alive(m, s, accs))
      continue;
    *end = s;
    end = &s->next;
  }
  *end = NULL;
  return first;
}

/* An accumulator is alive when something reads it. */
static void find_accumulators(const struct marks *m, const struct stmt *list, bool *accs) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      find_accumulators(m, s->loop->body, accs);
    if (s->kind == STMT_LET && s->expr->kind == EXPR_ACC && m->exprs[s->expr->id])
      accs[s->expr->acc->id] = true;
  }
}

/* Buffers in use, those of the kernel's own side by side. */
static void keep_buffers(struct kernel_lowering *u, const struct marks *m) {
  int n = 0;
  u->local = 0;
  int64_t planned = u->scratch;
  for (int i = 0; i < u->kernel->buffers.n; i++) {
    struct buffer *b = u->kernel->buffers.at[i];
    if (!is_used(m, b))
      continue;
    u->kernel->buffers.at[n++] = b;
    if (buffer_is_local(u, b)) {
      b->offset = planned + u->local;
      u->local += (buffer_bytes(b) + 63) / 64 * 64;
    }
  }
  u->kernel->buffers.n = n;
}

void clean_kernel(struct kernel_lowering *u) {
  struct kernel *k = u->kernel;
  struct marks m = {.u = u};
  m.exprs = arena_array(u->a, bool, k->n_exprs + 1);
  m.accumulate = arena_array(u->a, struct stmt *, k->n_accs + 1);
  bool *accs = arena_array(u->a, bool, k->n_accs + 1);
  collect(&m, k->body);
  for (int i = 0; i < m.stores.n; i++)
    if (!buffer_is_local(u, m.stores.at[i]->buffer)) {
      mark_buffer(&m, m.stores.at[i]->buffer);
      mark_store(&m, m.stores.at[i]);
    }
  find_accumulators(&m, k->body, accs);
  mark_extents(&m, k->body);
  k->body = sweep(&m, k->body, accs);
  keep_buffers(u, &m);
}
