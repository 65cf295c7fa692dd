/* emit.c: blocks of statements under construction.
 *
 * The open loops form a chain of scopes. An expression goes to the outermost of them in which all that it
 * depends on is there: what does not change in a loop stands before it. */
#include "backends/lower/lower.h"

struct scope *scope_open(struct kernel_lowering *u, struct loop *loop, bool rows) {
  struct scope *s = arena_new(u->a, struct scope);
  s->outer = u->scope;
  s->level = s->outer ? s->outer->level + 1 : 0;
  s->loop = loop;
  s->rows = rows;
  s->end = &s->first;
  s->stores_end = &s->stores;
  u->scope = s;
  return s;
}

struct stmt *scope_close(struct kernel_lowering *u) {
  struct scope *s = u->scope;
  *s->end = s->stores;
  u->scope = s->outer;
  return s->first;
}

static struct scope *scope_at(const struct kernel_lowering *u, int level) {
  struct scope *s = u->scope;
  while (s->level > level)
    s = s->outer;
  return s;
}

static struct stmt *append(struct kernel_lowering *u, struct scope *s, enum stmt_kind kind, struct loc at) {
  struct stmt *st = arena_new(u->a, struct stmt);
  st->kind = kind;
  st->at = at;
  *s->end = st;
  s->end = &st->next;
  return st;
}

struct loop *loop_new(struct kernel_lowering *u, enum loop_kind kind, int64_t extent, const char *name) {
  struct loop *l = arena_new(u->a, struct loop);
  l->kind = kind;
  l->name = name;
  l->id = u->kernel->n_loops++;
  l->extent = dim_is_past(u->m, extent) ? past_count(u, extent) : index_dim(u->a, extent);
  return l;
}

void loop_close(struct kernel_lowering *u, struct loop *loop, struct loc at) {
  loop->body = scope_close(u);
  append(u, u->scope, STMT_LOOP, at)->loop = loop;
}

static int most(int x, int y) {
  return x > y ? x : y;
}

int index_level(const struct kernel_lowering *u, const struct index *i) {
  if (!i)
    return 0;
  if (i->kind == INDEX_VALUE)
    return u->levels.at[i->value->id];
  if (i->kind != INDEX_VAR)
    return most(index_level(u, i->a), index_level(u, i->b));
  const struct scope *s = u->scope;
  while (s->loop != i->loop)
    s = s->outer;
  return s->level;
}

int rows_level(const struct kernel_lowering *u) {
  const struct scope *s = u->scope;
  while (!s->rows)
    s = s->outer;
  return s->level;
}

struct expr *expr_new(struct kernel_lowering *u, enum expr_kind kind, enum elem elem, struct loc at) {
  struct expr *e = arena_new(u->a, struct expr);
  e->kind = kind;
  e->elem = elem;
  e->at = at;
  return e;
}

struct expr *put(struct kernel_lowering *u, struct expr *e, int level) {
  e->id = u->kernel->n_exprs++;
  vec_push(u->a, u->levels, level);
  append(u, scope_at(u, level), STMT_LET, e->at)->expr = e;
  return e;
}

/* What this kernel writes is not loaded ahead of the loops that may write it. */
struct expr *put_load(struct kernel_lowering *u, struct buffer *b, struct index *at, enum elem elem,
                      struct loc loc) {
  struct expr *e = expr_new(u, EXPR_LOAD, elem, loc);
  e->buffer = b;
  e->index = at;
  int level = index_level(u, at);
  return put(u, e, b->written ? most(level, rows_level(u)) : level);
}

void put_store(struct kernel_lowering *u, struct buffer *b, struct index *at, struct expr *e,
               struct loc loc) {
  struct stmt *st = arena_new(u->a, struct stmt);
  *st = (struct stmt){.kind = STMT_STORE, .at = loc, .expr = e, .buffer = b, .index = at};
  *u->scope->stores_end = st;
  u->scope->stores_end = &st->next;
}

struct accumulator *put_accumulate(struct kernel_lowering *u, struct loop *loop, enum opcode how,
                                   struct expr *e, struct loc at) {
  struct accumulator *acc = arena_new(u->a, struct accumulator);
  acc->how = how == OP_AMAX ? ACC_MAX : how == OP_ABSMAX ? ACC_ABSMAX : ACC_SUM;
  acc->elem = elem_integer(e->elem) ? ELEM_I32 : e->elem;
  acc->loop = loop;
  acc->name = how == OP_AMAX || how == OP_ABSMAX ? "top" : "sum";
  acc->id = u->kernel->n_accs++;
  struct stmt *st = append(u, u->scope, STMT_ACCUMULATE, at);
  st->acc = acc;
  st->expr = e;
  return acc;
}

struct expr *put_accumulated(struct kernel_lowering *u, struct accumulator *acc, int level, struct loc at) {
  struct expr *e = expr_new(u, EXPR_ACC, acc->elem, at);
  e->acc = acc;
  e->name = acc->name;
  return put(u, e, level);
}

struct index *place_index(struct kernel_lowering *u, const struct buffer *b, struct type t,
                          struct index *const *at) {
  if (!b->sequence)
    return linear_index(u->a, t, at);
  struct type one = {.elem = t.elem, .rank = t.rank - 1};
  for (int k = 0; k < one.rank; k++)
    one.dim[k] = t.dim[k + 1];
  int64_t width = buffer_bytes(b) / b->elements;
  return index_sum(u->a, linear_index(u->a, one, at + 1), b->sequence / width, sequence_number(u, at[0]));
}

struct index *linear_index(struct arena *a, struct type t, struct index *const *at) {
  struct index *sum = index_const(a, 0);
  int64_t step = 1;
  for (int k = t.rank - 1; k >= 0; k--) {
    sum = index_sum(a, sum, step, at[k]);
    step *= t.dim[k];
  }
  return sum;
}
