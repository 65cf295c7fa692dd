/* pull.c: the element of a value at an index.
 *
 * An operator asks its operands for the elements that its own element is made of: MAP at the same place, with
 * the stretched axes at 0; MOVE somewhere else, which is index arithmetic only. It ends at loads, constants
 * and roots. What is asked for twice at the same index in nested blocks is computed once. */
#include "backends/lower/lower.h"

typedef struct expr *pull_function(struct kernel_lowering *u, struct value *v, struct index *const *at);

/* ---- what is at hand ------------------------------------------------------------------------- */

static bool same_place(const struct known_element *k, struct index *const *at) {
  for (int i = 0; i < k->n; i++)
    if (!index_equal(k->at[i], at[i]))
      return false;
  return true;
}

static struct expr *recall(const struct kernel_lowering *u, const struct value *v, struct index *const *at) {
  for (const struct scope *s = u->scope; s; s = s->outer) {
    struct known_value *all = NULL;
    HASH_FIND_PTR(s->known, &v, all);
    for (const struct known_element *k = all ? all->first : NULL; k; k = k->next)
      if (same_place(k, at))
        return k->expr;
  }
  return NULL;
}

/* The tables of what is at hand live in the lowering's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(u->a, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static struct known_value *known_of(struct kernel_lowering *u, struct scope *s, const struct value *v) {
  struct known_value *all = NULL;
  HASH_FIND_PTR(s->known, &v, all);
  if (all)
    return all;
  all = arena_new(u->a, struct known_value);
  all->value = v;
  all->end = &all->first;
  HASH_ADD_PTR(s->known, value, all);
  return all;
}

void remember(struct kernel_lowering *u, const struct value *v, struct index *const *at, struct expr *e,
              int level) {
  int n = v->def && v->def->code == OP_CONST ? 0 : v->type.rank;
  struct index **copy = arena_array(u->a, struct index *, n ? n : 1);
  for (int i = 0; i < n; i++)
    copy[i] = at[i];
  struct scope *s = u->scope;
  while (s->level > level)
    s = s->outer;
  struct known_value *all = known_of(u, s, v);
  struct known_element *k = *all->end = arena_new(u->a, struct known_element);
  *k = (struct known_element){.n = n, .at = copy, .expr = e};
  all->end = &k->next;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static struct expr *pull_const(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  (void)at;
  struct expr *e = expr_new(u, EXPR_CONST, v->type.elem, v->def->at);
  e->value = v->def->attr.value;
  return put(u, e, 0);
}

static struct expr *put_index(struct kernel_lowering *u, struct index *i) {
  struct expr *e = expr_new(u, EXPR_INDEX, ELEM_U32, (struct loc){0});
  e->index = i;
  return put(u, e, index_level(u, i));
}

static struct expr *pull_captured(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  const struct value *outside = u->captured[v->index];
  for (int i = 0; i < MAX_REPEATS; i++)
    if (outside == u->repeat[i])
      return put_index(u, index_leaf(u->a, i == 0 ? INDEX_I : INDEX_J));
  struct buffer *b = buffer_of_value(u, outside);
  struct expr *e = put_load(u, b, linear_index(u->a, v->type, at), v->type.elem, u->op->at);
  e->name = v->name;
  return e;
}

static struct expr *pull_argument(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  if (v->block == u->body)
    return pull_captured(u, v, at);
  struct value *all = v->block->parent->in[v->index]; /* of the scan: this token's part */
  struct index *with_token[MAX_RANK];
  with_token[0] = u->token;
  for (int k = 0; k < v->type.rank; k++)
    with_token[k + 1] = at[k];
  return pull(u, all, with_token);
}

/* A state's old content must be loaded before the roots that overwrite it are stored. */
static void note_read(struct kernel_lowering *u, const struct value *v, const struct buffer *b,
                      struct index *const *at);

struct index *sequence_number(struct kernel_lowering *u, struct index *at) {
  struct value *v = &u->sequences;
  v->type = type_lead(type_scalar(ELEM_U32), u->kernel->entry->sequences);
  struct expr *e = recall(u, v, &at);
  if (!e) {
    struct buffer *b = buffer_of_rows(u, v->type);
    e = put_load(u, b, at, ELEM_U32, u->op->at);
    remember(u, v, &at, e, u->levels.at[e->id]);
  }
  return index_value(u->a, e);
}

static struct expr *pull_symbol(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *extra;
  struct type t = v->type;
  bool chosen = v->def->code != OP_READ && t.rank && t.dim[0] < 0; /* by each token */
  u->row = chosen ? at[0] : NULL;
  struct buffer *b = buffer_of_symbol(u, v->def, 0, &extra);
  if (chosen)
    t = type_make(t.elem, t.rank - 1, t.dim + 1);
  struct index *place = place_index(u, b, t, at + chosen);
  if (v->def->code == OP_READ)
    note_read(u, v, b, at);
  return put_load(u, b, extra ? index_sum(u->a, place, 1, extra) : place, v->type.elem, v->def->at);
}

/* ---- what a token sees ------------------------------------------------------------------------ */

struct index *token_position(struct kernel_lowering *u, struct index *at) {
  struct value *v = &u->positions;
  struct index *token = at ? at : index_const(u->a, 0);
  v->type =
      (struct type){.elem = ELEM_U32, .rank = 1, .dim = {2}}; /* more than one, so that `token` counts */
  struct expr *e = recall(u, v, &token);
  if (!e) {
    struct buffer *b = buffer_add(u, BASE_POSITIONS, ELEM_U32, 0,
                                  most_count(u->m, positions_type(u->kernel->entry)), "positions");
    e = put_load(u, b, token, ELEM_U32, u->op->at);
    e->name = "position";
    remember(u, v, &token, e, u->levels.at[e->id]);
  }
  return index_value(u->a, e);
}

struct index *past_count(struct kernel_lowering *u, int64_t dim) {
  struct index *seen = index_sum(u->a, token_position(u, u->token), 1, index_const(u->a, 1));
  const struct dim *d = dim_of(u->m, dim);
  return d->past == PAST_WINDOW ? index_clamp(u->a, seen, 0, d->most) : seen;
}

struct index *past_first(struct kernel_lowering *u, int64_t dim) {
  const struct dim *d = dim_of(u->m, dim);
  if (d->past != PAST_WINDOW)
    return index_const(u->a, 0);
  struct index *before = index_sum(u->a, token_position(u, u->token), 1, index_const(u->a, 1 - d->most));
  return index_mod(u->a, index_clamp(u->a, before, 0, INDEX_FAR), past_ring(u->m, dim));
}

/* Row at[0] of those seen. */
static struct expr *pull_seen(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *extra;
  const struct type row = type_rest(v->type);
  struct buffer *b = buffer_of_symbol(u, v->def, 0, &extra);
  struct index *number = index_sum(u->a, past_first(u, v->type.dim[0]), 1, at[0]);
  struct index *place = index_sum(u->a, linear_index(u->a, row, at + 1), type_count(row, NULL), number);
  if (b->sequence)
    place =
        index_sum(u->a, place, b->sequence / (buffer_bytes(b) / b->elements), sequence_number(u, u->token));
  return put_load(u, b, extra ? index_sum(u->a, place, 1, extra) : place, v->type.elem, v->def->at);
}

/* Row at[0] of the call's own: of a window the one that sums go to. */
static struct expr *pull_own_row(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *extra;
  const struct type row = type_rest(v->type);
  const struct state *s = state_find(u->m, v->def->attr.symbol);
  int64_t ring = past_ring(u->m, s->type.dim[0]);
  struct buffer *b = buffer_of_symbol(u, v->def, 0, &extra);
  struct index *number = token_position(u, at[0]);
  number = ring ? index_mod(u->a, number, ring) : number;
  struct index *place = index_sum(u->a, linear_index(u->a, row, at + 1), type_count(row, NULL), number);
  return put_load(u, b, extra ? index_sum(u->a, place, 1, extra) : place, v->type.elem, v->def->at);
}

static struct expr *pull_position(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  return put_index(u, token_position(u, v->type.rank ? at[0] : NULL));
}

static struct expr *pull_age(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *last = index_sum(u->a, past_count(u, v->type.dim[0]), -1, index_const(u->a, 1));
  struct expr *number = put_index(u, index_sum(u->a, last, -1, at[0])),
              *e = expr_new(u, EXPR_OP, ELEM_F32, v->def->at);
  e->code = OP_CONVERT;
  e->n_in = 1;
  e->in[0] = number;
  return put(u, e, u->levels.at[number->id]);
}

/* ---- MAP ------------------------------------------------------------------------------------- */

/* The place in operand x of the element of y at `at`: axes are aligned at the last, those of length 1 stay.
 */
static void stretch(struct kernel_lowering *u, struct type x, struct type y, struct index *const *at,
                    struct index **to) {
  for (int k = 0; k < x.rank; k++)
    to[k] = x.dim[k] == 1 ? index_const(u->a, 0) : at[y.rank - x.rank + k];
}

static int level_of(const struct kernel_lowering *u, const struct expr *e) {
  return u->levels.at[e->id];
}

static struct expr *put_op(struct kernel_lowering *u, enum opcode code, enum elem elem, int n,
                           struct expr *const *in, struct loc at) {
  struct expr *e = expr_new(u, EXPR_OP, elem, at);
  int level = 0;
  e->code = code;
  e->n_in = n;
  for (int i = 0; i < n; i++) {
    e->in[i] = in[i];
    level = level_of(u, in[i]) > level ? level_of(u, in[i]) : level;
  }
  return put(u, e, level);
}

static struct expr *pull_map(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  const struct op *op = v->def;
  struct expr *in[3] = {0};
  struct index *to[MAX_RANK];
  for (int i = 0; i < op->n_in; i++) {
    stretch(u, op->in[i]->type, v->type, at, to);
    in[i] = pull(u, op->in[i], to);
  }
  if (op->code == OP_CONVERT && in[0]->elem == v->type.elem)
    return in[0];
  struct expr *e = put_op(u, op->code, v->type.elem, op->n_in, in, op->at);
  e->attr = op->attr;
  e->name = v->name;
  return e;
}

/* What it is rounded by depends on the place, not on the loops that reach it. */
static struct expr *pull_dither(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  const struct op *op = v->def;
  struct expr *in[] = {pull(u, op->in[0], at), pull(u, op->in[1], NULL),
                       put_index(u, linear_index(u->a, v->type, at))};
  struct expr *e = put_op(u, op->code, ELEM_F32, 3, in, op->at);
  e->attr = op->attr;
  e->name = v->name;
  return e;
}

/* ---- reductions inside a loop ---------------------------------------------------------------- */

/* Along an axis that is not the last: a SERIAL loop where the result is needed, in order. */
static struct expr *pull_reduce(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  const struct op *op = v->def;
  struct value *x = op->in[0];
  struct index *to[MAX_RANK];
  int level = rows_level(u);
  for (int k = 0; k < v->type.rank; k++) {
    to[k] = at[k];
    level = index_level(u, at[k]) > level ? index_level(u, at[k]) : level;
  }
  struct scope *inner = u->scope; /* what changes in loops inside of `level` is not needed */
  while (u->scope->level > level)
    u->scope = u->scope->outer;
  struct loop *loop = loop_new(u, LOOP_SERIAL, x->type.dim[op->attr.axis], "k");
  scope_open(u, loop, false);
  to[op->attr.axis] = index_var(u->a, loop);
  struct accumulator *acc = put_accumulate(u, loop, op->code, pull(u, x, to), op->at);
  loop_close(u, loop, op->at);
  struct expr *e = put_accumulated(u, acc, level, op->at);
  u->scope = inner;
  return e;
}

/* ---- MOVE ------------------------------------------------------------------------------------ */

/* Both shapes are cut, from the left, into the shortest runs of axes with equal numbers of elements; within a
 * run the place is counted through. Runs of one axis each, the tokens among them, pass unchanged. */
static void reshape_place(struct kernel_lowering *u, struct type from, struct type to,
                          struct index *const *at, struct index **out) {
  int i = 0, j = 0;
  while (i < from.rank || j < to.rank) {
    int i0 = i, j0 = j;
    int64_t n = i < from.rank ? from.dim[i++] : 1, m = j < to.rank ? to.dim[j++] : 1;
    while (n != m) {
      if (m < n && j < to.rank)
        m *= to.dim[j++];
      else if (n < m && i < from.rank)
        n *= from.dim[i++];
      else
        break; /* T or K against ones before it: left for the next run */
    }
    struct index *place = index_const(u->a, 0);
    for (int k = i0; k < i; k++)
      place = index_sum(u->a, at[k], from.dim[k], place);
    if (j == j0 + 1 && i == i0 + 1) {
      out[j0] = at[i0];
      continue;
    }
    for (int k = j - 1; k >= j0; k--) {
      out[k] = k == j0 ? place : index_mod(u->a, place, to.dim[k]);
      place = index_div(u->a, place, to.dim[k]);
    }
  }
}

static struct expr *pull_reshape(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct value *x = v->def->in[0];
  struct index *to[MAX_RANK];
  reshape_place(u, v->type, x->type, at, to);
  return pull(u, x, to);
}

static struct expr *pull_broadcast(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *to[MAX_RANK];
  stretch(u, v->def->in[0]->type, v->type, at, to);
  return pull(u, v->def->in[0], to);
}

static struct expr *pull_transpose(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *to[MAX_RANK];
  for (int k = 0; k < v->type.rank; k++)
    to[v->def->attr.perm[k]] = at[k];
  return pull(u, v->def->in[0], to);
}

/* The operand's element `by` further along an axis. */
static struct expr *pull_shifted(struct kernel_lowering *u, struct value *x, int axis,
                                 struct index *const *at, const struct index *by, int64_t sign) {
  struct index *to[MAX_RANK];
  for (int k = 0; k < x->type.rank; k++)
    to[k] = k == axis ? index_sum(u->a, at[k], sign, by) : at[k];
  return pull(u, x, to);
}

static struct expr *pull_slice(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  const struct op *op = v->def;
  return pull_shifted(u, op->in[0], op->attr.axis, at, index_const(u->a, op->attr.begin), 1);
}

/* The last K of T: place + T - K. */
static struct expr *pull_tail(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct index *by = index_sum(u->a, index_dim(u->a, DIM_T), -1, index_dim(u->a, DIM_K));
  return pull_shifted(u, v->def->in[0], 0, at, by, 1);
}

static struct expr *put_less(struct kernel_lowering *u, struct index *i, int64_t bound, struct loc at) {
  struct expr *e = expr_new(u, EXPR_INDEX_LT, ELEM_BOOL, at);
  e->index = i;
  e->bound = index_const(u->a, bound);
  return put(u, e, index_level(u, i));
}

/* The parts from number `part` on, which begins at `begin`. Loads stay in bounds whichever part is chosen. */
static struct expr *pull_part(struct kernel_lowering *u, const struct op *op, int part, int64_t begin,
                              struct index *const *at) {
  int axis = op->attr.axis;
  struct value *x = op->in[part];
  int64_t end = begin + x->type.dim[axis], least, most;
  struct index *to[MAX_RANK], *i = at[axis];
  index_range(i, &least, &most);
  if (least >= end && part + 1 < op->n_in)
    return pull_part(u, op, part + 1, end, at);
  for (int k = 0; k < x->type.rank; k++)
    to[k] = at[k];
  struct index *shifted = index_sum(u->a, i, -1, index_const(u->a, begin));
  to[axis] = index_clamp(u->a, shifted, 0, end - begin - 1);
  if (part + 1 == op->n_in || most < end)
    return pull(u, x, to);
  struct expr *in[3] = {put_less(u, i, end, op->at), pull(u, x, to), pull_part(u, op, part + 1, end, at)};
  return put_op(u, OP_SELECT, x->type.elem, 3, in, op->at);
}

static struct expr *pull_concat(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  return pull_part(u, v->def, 0, 0, at);
}

static struct index *index_of_expr(struct kernel_lowering *u, struct expr *e) {
  if (e->kind == EXPR_INDEX)
    return e->index;
  if (e->kind == EXPR_CONST)
    return index_const(u->a, (int64_t)e->value);
  return index_value(u->a, e);
}

static struct expr *pull_index(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  struct value *x = v->def->in[0], *i = v->def->in[1];
  struct index *to[MAX_RANK];
  to[0] = index_of_expr(u, pull(u, i, at));
  for (int k = 1; k < x->type.rank; k++)
    to[k] = at[i->type.rank + k - 1];
  return pull(u, x, to);
}

/* ---- roots ----------------------------------------------------------------------------------- */

/* On how many leading axes of `to` the place is that of the loops of `from`. The last loop of a reduction is
 * over before its result is there. */
static int aligned_axes(const struct kernel_lowering *u, const struct root *from, const struct root *to,
                        struct index *const *at) {
  int n = to->kind == ROOT_REDUCE ? to->n_axes - 1 : to->kind == ROOT_FOLD ? to->fold : to->n_axes, k = 0;
  for (; k < n && k < from->n_axes && from->extent[k] == to->extent[k]; k++) {
    const struct index *i = to->axis[k] < 0 ? u->token : at[to->axis[k]];
    if (!i || !index_equal(i, from->at_index[k]))
      break;
  }
  return k;
}

static void note_access(struct kernel_lowering *u, struct root *from, struct root *to, int aligned,
                        const struct value *read) {
  vec_push(u->a, u->accesses, (struct access){from, to, aligned, read});
}

static void note_read(struct kernel_lowering *u, const struct value *v, const struct buffer *b,
                      struct index *const *at) {
  for (int i = 0; u->probing && i < u->roots.n; i++) {
    struct root *w = u->roots.at[i];
    if (w->state != b)
      continue;
    if (v->id < w->written_at) {
      note_access(u, w, u->probing, aligned_axes(u, u->probing, w, at), v);
    } else if (w->n_axes == 0) { /* nothing orders loads of a single element after its store */
      diag_at(u->d, SEVERITY_ERROR, v->def->at, "'%s' is read and written by one kernel, once inside a scan",
              v->def->attr.symbol);
      u->failed = true;
    } else {
      note_access(u, u->probing, w, 0, NULL);
    }
  }
}

static struct expr *pull_stored(struct kernel_lowering *u, struct root *r, struct index *const *at) {
  if (u->probing && u->probing != r)
    note_access(u, u->probing, r, aligned_axes(u, u->probing, r, at), NULL);
  struct expr *e = put_load(u, r->targets.at[0], place_index(u, r->targets.at[0], r->value->type, at),
                            r->value->type.elem, r->at);
  e->name = r->value->name;
  return e;
}

static struct expr *pull_scanned(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  return pull(u, v->def->body->last->in[v->index], at + 1);
}

/* A single u32: a repeat's index, or what is loaded. */
static struct index *number(struct kernel_lowering *u, struct value *v) {
  const struct expr *e = pull(u, v, NULL);
  return e->kind == EXPR_INDEX ? e->index : index_value(u->a, pull(u, v, NULL));
}

static struct expr *pull_nth(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  (void)at;
  struct index *i = number(u, v->def->in[0]), *j = number(u, v->def->in[1]);
  return put_index(u, index_sum(u->a, j, v->def->attr.group, i));
}

static pull_function *const pulls[OP_COUNT] = {
    [OP_CONST] = pull_const,
    [OP_WEIGHT] = pull_symbol,
    [OP_WSCALE] = pull_symbol,
    [OP_READ] = pull_symbol,
    [OP_RESHAPE] = pull_reshape,
    [OP_BROADCAST] = pull_broadcast,
    [OP_TRANSPOSE] = pull_transpose,
    [OP_SLICE] = pull_slice,
    [OP_CONCAT] = pull_concat,
    [OP_INDEX] = pull_index,
    [OP_TAIL] = pull_tail,
    [OP_NTH] = pull_nth,
    [OP_SCAN] = pull_scanned,
    [OP_SUM] = pull_reduce,
    [OP_AMAX] = pull_reduce,
    [OP_ABSMAX] = pull_reduce,
    [OP_SEEN] = pull_seen,
    [OP_POSITION] = pull_position,
    [OP_AGE] = pull_age,
    [OP_APPEND_BACK] = pull_own_row,
    [OP_DITHER] = pull_dither,
};

static struct expr *compute(struct kernel_lowering *u, struct value *v, struct index *const *at) {
  if (!v->def)
    return pull_argument(u, v, at);
  return (pulls[v->def->code] ? pulls[v->def->code] : pull_map)(u, v, at);
}

/* An axis of length 1 has one index, whatever it was computed as. */
struct expr *pull(struct kernel_lowering *u, struct value *v, struct index *const *given) {
  struct index *at[MAX_RANK];
  for (int k = 0; k < v->type.rank; k++)
    at[k] = v->type.dim[k] == 1 ? index_const(u->a, 0) : given[k];
  struct expr *e = recall(u, v, at);
  if (e)
    return e;
  struct root *r = u->nodes[v->id].root;
  e = r ? pull_stored(u, r, at) : compute(u, v, at);
  remember(u, v, at, e, level_of(u, e));
  return e;
}

struct expr *pull_root(struct kernel_lowering *u, struct root *r, struct index *const *at) {
  u->token = r->scan ? r->at_index[0] : NULL;
  return r->copy ? pull(u, r->value, at) : compute(u, r->value, at);
}
