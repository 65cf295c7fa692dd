/* share.c: what the threads of a team do in a kernel, and what a kernel loads.
 *
 * The loops of the kernel's block, or of the one loop over a scan's tokens in it, are shared when each
 * iteration needs nothing of another: then a thread has the same iterations of each of those loops, and needs
 * no barrier between them. Small kernels are not worth a team: thread 0 runs them alone. In a function that
 * is spread (passes/spread.c) each thread runs for itself what cannot be shared. What is worth sharing the
 * policy says; by one for a single thread, nothing is. */
#include "backends/lower/lower.h"

/* ---- loops ----------------------------------------------------------------------------------- */

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

/* Whether its iterations are the sequences of a call. */
static bool of_sequences(const struct kernel_lowering *u, const struct loop *l) {
  return l->extent->kind == INDEX_DIM && l->extent->constant == u->kernel->entry->sequences;
}

/* Innermost iterations; loops over tokens count as long, those over sequences have all of them. */
static int64_t work(const struct kernel_lowering *u, const struct loop *l) {
  int64_t inside = 0,
          extent = of_sequences(u, l) ? dim_of(u->m, l->extent->constant)->most : l->extent->constant;
  if (l->extent->kind != INDEX_CONST && !of_sequences(u, l))
    return u->policy->least_work;
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

/* All statements are loops of one kind and extent, and what they share lies before them in registers.
 * `spread`: what feeds them is shared already, so a vector need only be long enough for two shares. */
static bool loops_alike(const struct kernel_lowering *u, const struct stmt *list, int64_t times,
                        bool spread) {
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
  bool long_enough =
      first && first->kind == LOOP_VECTOR && first->extent->constant >= u->policy->least_vector;
  return first && (sum >= u->policy->least_work || (spread && long_enough));
}

/* Every root uses others only at its own index of the shared axis. A root without that axis was computed by
 * every thread for itself. */
static bool rows_apart(const struct kernel_lowering *u, int axis) {
  for (int i = 0; i < u->accesses.n; i++) {
    const struct access *x = &u->accesses.at[i];
    const struct root *needed = x->read ? x->from : x->to;
    if (x->aligned <= axis && needed->n_axes > axis)
      return false;
  }
  return true;
}

static void find_write(struct op *op, void *found) {
  *(bool *)found |= op->code == OP_WRITE || op->code == OP_SEEN_BACK;
}

/* A scan in which no token needs another: threads share its tokens, or sequences. */
static bool share_tokens(struct kernel_lowering *u, const struct stmt *only) {
  bool carries = false;
  walk(u->op->body, find_write, &carries);
  if (carries || only->loop->kind != LOOP_SERIAL || accumulates(only->loop, only->loop->body) ||
      work(u, only->loop) < u->policy->least_work || !rows_apart(u, 0))
    return false;
  only->loop->parallel = true;
  return u->tokens_shared = true;
}

enum { MATRIX_WORK = 1024 }; /* innermost iterations a token from which on its state is worth keeping near */

/* t { let ...; j { body } }  ->  j { t { let ...; body } }
 *
 * Threads that share j each go through all tokens by themselves, so nothing goes from one j to another: the
 * state of one (a head's matrix) stays in the nearest cache from token to token. */
static void turn_inside_out(const struct kernel_lowering *u, struct stmt *tokens) {
  struct stmt **inner = &tokens->loop->body;
  while ((*inner)->kind == STMT_LET)
    inner = &(*inner)->next;
  struct stmt *shared = *inner;
  struct loop *time = tokens->loop, *rows = shared->loop;
  if (shared->next || rows->kind != LOOP_SERIAL || work(u, rows) < MATRIX_WORK * rows->extent->constant)
    return;
  *inner = rows->body;
  rows->body = shared;
  shared->loop = time;
  tokens->loop = rows;
}

/* A thread has the same iterations for every token only where there are always as many: not over what a token
 * sees. */
static bool same_for_tokens(const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LOOP && s->loop->extent->kind != INDEX_CONST)
      return false;
  return true;
}

static bool share_loops(struct kernel_lowering *u, bool spread) {
  struct stmt *list = u->kernel->body;
  const struct stmt *only = only_loop(list);
  bool scan = false;
  for (int i = 0; i < u->roots.n; i++)
    scan |= u->roots.at[i]->scan != NULL;
  if (scan && !only)
    return false;
  if (scan && share_tokens(u, only))
    return true;
  if (scan)
    list = only->loop->body;
  if (scan && !same_for_tokens(list))
    return false;
  if (!loops_alike(u, list, scan ? u->policy->scan_tokens : 1, spread) || !rows_apart(u, scan))
    return false;
  for (struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LOOP)
      s->loop->parallel = true;
  if (scan)
    turn_inside_out(u, (struct stmt *)only);
  return true;
}

/* ---- a thread's own elements ----------------------------------------------------------------- */

struct touching {
  struct arena *arena;
  const struct buffer *buffer;
  int64_t width; /* that is shared; 0: not known yet */
  bool own;
};

static void touch(struct touching *t, const struct index *i, const struct loop *loop) {
  if (!loop || loop->kind != LOOP_VECTOR || loop->extent->kind != INDEX_CONST) {
    t->own = false;
    return;
  }
  int64_t width = loop->extent->constant;
  struct index *first = index_sum(t->arena, i, -1, index_var(t->arena, (struct loop *)loop));
  t->own &= index_is_const(index_mod(t->arena, first, width), 0) && (t->width == 0 || t->width == width);
  t->width = width;
}

/* loop: the parallel one around. */
static void touch_all(struct touching *t, const struct stmt *list, const struct loop *loop) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      touch_all(t, s->loop->body, s->loop->parallel ? s->loop : loop);
    if (s->kind == STMT_STORE && s->buffer == t->buffer)
      touch(t, s->index, loop);
    if (s->kind == STMT_LET && s->expr->kind == EXPR_LOAD && s->expr->buffer == t->buffer)
      touch(t, s->expr->index, loop);
  }
}

static void find_own_elements(struct kernel_lowering *u) {
  for (int i = 0; i < u->kernel->buffers.n; i++) {
    struct buffer *b = u->kernel->buffers.at[i];
    struct touching t = {.arena = u->a, .buffer = b, .own = true};
    touch_all(&t, u->kernel->body, NULL);
    b->shared = t.own ? t.width : 0;
  }
}

/* ---- kernels that each thread runs ----------------------------------------------------------- */

struct kept {
  struct arena *arena;
  struct value_map *values;
};

static void find_kept(struct op *op, void *data) {
  struct kept *k = data;
  bool keeps = op->code == OP_REPEAT || (op_info[op->code].flags & END);
  for (int i = 0; keeps && i < op->n_in; i++)
    map_put(k->arena, k->values, op->in[i], op->in[i]);
}

struct value_map kept_values(struct arena *a, const struct func *f) {
  struct value_map values = {0};
  walk(f->body, find_kept, &(struct kept){a, &values});
  return values;
}

/* Whether all that it writes can have a copy for each thread: no state, nothing that a repeat carries on or
 * the function returns. */
static bool can_repeat(const struct kernel_lowering *u, const struct value_map *kept) {
  for (int i = 0; i < u->kernel->buffers.n; i++)
    if (u->kernel->buffers.at[i]->written && u->kernel->buffers.at[i]->base != BASE_SCRATCH)
      return false;
  for (int i = 0; i < u->op->n_out; i++)
    if (map_has(kept, u->op->out[i]))
      return false;
  return true;
}

void share_kernel(struct kernel_lowering *u, const struct func *f, const struct value_map *kept) {
  struct kernel *k = u->kernel;
  if (!u->policy->team)
    return;
  if (share_loops(u, f->spread)) {
    k->team = TEAM_SHARE;
    own_rows(u, f->spread ? u->scratch : 0);
    find_own_elements(u);
  } else if (f->spread && can_repeat(u, kept)) {
    k->team = TEAM_EACH;
    for (int i = 0; i < k->buffers.n; i++)
      if (k->buffers.at[i]->written)
        k->buffers.at[i]->base = BASE_OWN;
  }
}

bool same_buffer(const struct buffer *x, const struct buffer *y) {
  return x->base == y->base && x->port == y->port && x->offset == y->offset && x->stride_i == y->stride_i &&
         x->stride_j == y->stride_j && x->elements == y->elements && buffer_bytes(x) == buffer_bytes(y);
}

/* The width that the first kernel after the sum shares what it made by; 0: none does. */
static int64_t wanted_share(const struct kernel *sum) {
  for (const struct kernel *k = sum->next; k && k->entry == sum->entry; k = k->next)
    for (int i = 0; i < k->buffers.n; i++)
      if (same_buffer(k->buffers.at[i], sum->out))
        return k->buffers.at[i]->shared;
  return 0;
}

/* Of several rows, parts would lie apart; and what sums them fastest may part the rows among threads instead
 * of the outputs (runtime/kernels/ternary_amx.c), so no output is one thread's own. */
void share_sums(const struct loops *l, const struct entry *e) {
  const struct policy *policy = l->policy;
  for (struct kernel *k = l->kernels; k; k = k->next) {
    if (k->kind != KERNEL_TERNARY_SUM || k->entry != e || k->group || k->row || !index_is_const(k->rows, 1))
      continue;
    int64_t width = wanted_share(k);
    if (width && k->m % width == 0 && k->m / width <= policy->most_parts && width % policy->grain == 0)
      k->parts = k->m / width;
    k->out->shared = k->m / k->parts;
  }
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
