/* nest.c: the loops of a kernel.
 *
 * Level by level, from the outside: roots whose next axes have one length go over it in one loop, unless one
 * needs elements of another that the loop has not reached, or may have overwritten. What is then in one loop
 * is treated in the same way for its next axes. The last axis of a root is a VECTOR loop, the others are
 * SERIAL; a scan's tokens are a SERIAL loop with all that the scan's body computes.
 *
 *   f32[T, n]: SERIAL t { VECTOR x { sum of squares }  VECTOR x { absmax }  VECTOR x { codes } }
 *
 * A group is joined as early as what it needs allows. */
#include "backends/lower/lower.h"

#include <string.h>

enum group_kind { GROUP_SCALAR, GROUP_VECTOR, GROUP_SERIAL };

struct root_group {
  enum group_kind kind;
  bool fixed; /* its kind cannot change to suit another root */
  int64_t extent;
  struct op *scan;
};

typedef VEC(struct root *) root_list;
typedef VEC(struct root_group) group_list;

/* ---- which loop a root goes in --------------------------------------------------------------- */

/* The loop that a root needs on a level; one that only stores elements would as well do with a SERIAL loop.
 */
static struct root_group wanted(const struct root *r, int level) {
  int left = r->n_axes - level;
  if (left <= 0)
    return (struct root_group){GROUP_SCALAR, true, 1, NULL};
  bool scan = r->scan && level == 0;
  bool serial = left > 1 || scan;
  return (struct root_group){serial ? GROUP_SERIAL : GROUP_VECTOR, serial || r->kind == ROOT_REDUCE,
                             r->extent[level], scan ? r->scan : NULL};
}

static bool fits(const struct root_group *g, const struct root_group *want) {
  if (g->kind == GROUP_SCALAR || want->kind == GROUP_SCALAR)
    return g->kind == want->kind;
  return g->extent == want->extent && (g->kind == want->kind || !g->fixed || !want->fixed);
}

static void join(struct root_group *g, const struct root_group *want) {
  if (want->fixed) {
    g->kind = want->kind;
    g->fixed = true;
  }
  g->scan = want->scan ? want->scan : g->scan;
}

/* Whether both are in the same loops down to `level`, and the second is already placed on it. */
static bool placed_beside(const struct root *r, const struct root *other, int level) {
  for (int k = 0; k < level; k++)
    if (r->group[k] != other->group[k])
      return false;
  return other->depth > level;
}

/* The first group that the root can be in after what it needs. */
static int earliest(const struct kernel_lowering *u, const struct root *r, int level) {
  int first = 0;
  for (int i = 0; i < u->accesses.n; i++) {
    const struct access *x = &u->accesses.at[i];
    if (x->from != r || x->to == r || !placed_beside(r, x->to, level))
      continue;
    bool both_scalars = r->n_axes <= level && x->to->n_axes <= level;
    int g = x->to->group[level] + !(x->aligned > level || both_scalars);
    first = g > first ? g : first;
  }
  return first;
}

/* A scan's roots are in one loop over the tokens: after all that any of them needs from outside. */
static int earliest_scan(const struct kernel_lowering *u, const struct root *r) {
  int first = 0;
  for (int i = 0; i < u->roots.n; i++) {
    const struct root *other = u->roots.at[i];
    if (other->scan != r->scan)
      continue;
    int g = other->depth > 0 ? other->group[0] : earliest(u, other, 0);
    if (other->depth > 0)
      return g;
    first = g > first ? g : first;
  }
  return first;
}

static void place(struct kernel_lowering *u, struct root *r, int level, group_list *groups) {
  struct root_group want = wanted(r, level);
  int g = level == 0 && r->scan ? earliest_scan(u, r) : earliest(u, r, level);
  while (g < groups->n && !fits(&groups->at[g], &want))
    g++;
  if (g == groups->n)
    vec_push(u->a, *groups, want);
  else
    join(&groups->at[g], &want);
  r->group[level] = g;
  r->depth = level + 1;
}

/* ---- emission -------------------------------------------------------------------------------- */

/* Where a root's loops stand, for each axis of its value. */
static void place_of(struct kernel_lowering *u, const struct root *r, struct index **at) {
  for (int k = 0; k < r->value->type.rank; k++)
    at[k] = index_const(u->a, 0);
  for (int k = 0; k < r->n_axes; k++)
    if (r->axis[k] >= 0)
      at[r->axis[k]] = r->at_index[k];
}

static void store(struct kernel_lowering *u, const struct root *r, struct index *const *at, struct expr *e) {
  for (int i = 0; i < r->targets.n; i++)
    put_store(u, r->targets.at[i], place_index(u, r->targets.at[i], r->value->type, at), e, r->at);
}

/* The row of the token at hand, at its place; of a window once more a ring later. */
static void store_rows(struct kernel_lowering *u, const struct root *r, struct index *const *at,
                       struct expr *e) {
  bool rows = r->appends.n && r->value->type.rank && r->value->type.dim[0] < 0;
  struct type one = rows ? type_rest(r->value->type) : r->value->type;
  for (int i = 0; i < r->appends.n; i++) {
    const struct append *a = &r->appends.at[i];
    int64_t ring = past_ring(u->m, a->dim);
    struct index *token = rows ? at[0] : NULL, *row = token_position(u, token);
    struct index *place = linear_index(u->a, one, at + rows);
    row = ring ? index_mod(u->a, row, ring) : row;
    place = index_sum(u->a, place, a->row, row);
    if (a->extra)
      place = index_sum(u->a, place, 1, a->extra);
    if (a->buffer->sequence)
      place = index_sum(u->a, place, a->buffer->sequence / (buffer_bytes(a->buffer) / a->buffer->elements),
                        sequence_number(u, token));
    put_store(u, a->buffer, place, e, r->at);
    if (ring)
      put_store(u, a->buffer, index_sum(u->a, place, a->row, index_const(u->a, ring)), e, r->at);
  }
}

/* Row at[0] of those that the token sees: once, wherever a window has another copy of it. */
static void add_rows(struct kernel_lowering *u, const struct root *r, struct index *const *at,
                     struct expr *e) {
  for (int i = 0; i < r->sums.n; i++) {
    const struct append *a = &r->sums.at[i];
    int64_t ring = past_ring(u->m, a->dim);
    struct index *row = index_sum(u->a, past_first(u, a->dim), 1, at[0]);
    struct index *place = linear_index(u->a, type_rest(r->value->type), at + 1);
    place = index_sum(u->a, place, a->row, ring ? index_mod(u->a, row, ring) : row);
    if (a->extra)
      place = index_sum(u->a, place, 1, a->extra);
    struct expr *sum = expr_new(u, EXPR_OP, ELEM_F32, r->at);
    sum->code = OP_ADD;
    sum->n_in = 2;
    sum->in[0] = put_load(u, a->buffer, place, ELEM_F32, r->at);
    sum->in[1] = e;
    put_store(u, a->buffer, place, put(u, sum, u->scope->level), r->at);
  }
}

static void emit_map(struct kernel_lowering *u, struct root *r) {
  struct index *at[MAX_RANK];
  place_of(u, r, at);
  struct expr *e = pull_root(u, r, at);
  if (!r->copy)
    remember(u, r->value, at, e, u->levels.at[e->id]);
  store(u, r, at, e);
  store_rows(u, r, at, e);
  add_rows(u, r, at, e);
}

/* Its last loop is open. */
static struct accumulator *emit_reduce(struct kernel_lowering *u, struct root *r) {
  struct index *at[MAX_RANK];
  place_of(u, r, at);
  u->token = r->scan ? r->at_index[0] : NULL;
  struct expr *e = pull(u, r->value->def->in[0], at);
  return put_accumulate(u, u->scope->loop, r->value->def->code, e, r->at);
}

static void emit_reduced(struct kernel_lowering *u, struct root *r, struct accumulator *acc) {
  struct index *at[MAX_RANK];
  place_of(u, r, at);
  at[r->value->type.rank - 1] = index_const(u->a, 0);
  struct expr *e = put_accumulated(u, acc, u->scope->level, r->at);
  remember(u, r->value, at, e, u->scope->level);
  store(u, r, at, e);
  store_rows(u, r, at, e);
  add_rows(u, r, at, e);
}

/* ---- sums over a past --------------------------------------------------------------------------- */

/* Adds the terms of r->rows rows to the results so far, row by row: so many are read for one load and store
 * of them. */
static void emit_fold(struct kernel_lowering *u, struct root *r) {
  struct index *at[MAX_RANK], *first = r->at_index[r->fold];
  place_of(u, r, at);
  u->token = r->scan ? r->at_index[0] : NULL;
  struct index *place = place_index(u, r->targets.at[0], r->value->type, at);
  struct expr *sum = put_load(u, r->targets.at[0], place, ELEM_F32, r->at);
  for (int row = 0; row < r->rows; row++) {
    struct expr *next = expr_new(u, EXPR_OP, ELEM_F32, r->at);
    at[0] = index_sum(u->a, first, 1, index_const(u->a, row));
    next->code = OP_ADD;
    next->n_in = 2;
    next->in[0] = sum;
    next->in[1] = pull(u, r->value->def->in[0], at);
    sum = put(u, next, u->scope->level);
  }
  at[0] = index_const(u->a, 0);
  store(u, r, at, sum);
}

/* Results before the first row, on the axes from `level` on. */
static void start_fold(struct kernel_lowering *u, struct root *r, int level) {
  if (level == r->n_axes) {
    struct index *at[MAX_RANK];
    place_of(u, r, at);
    store(u, r, at, put(u, expr_new(u, EXPR_CONST, ELEM_F32, r->at), 0));
    return;
  }
  struct loop *loop = loop_new(u, level + 1 == r->n_axes ? LOOP_VECTOR : LOOP_SERIAL, r->extent[level], "x");
  r->at_index[level] = index_var(u->a, loop);
  scope_open(u, loop, loop->kind == LOOP_SERIAL);
  start_fold(u, r, level + 1);
  loop_close(u, loop, r->at);
}

/* The running sum is stored element by element in a loop of its own. */
static void emit_cumsum(struct kernel_lowering *u, struct root *r) {
  struct index *at[MAX_RANK];
  const struct op *op = r->value->def;
  place_of(u, r, at);
  u->token = r->scan ? r->at_index[0] : NULL;
  struct loop *loop = loop_new(u, LOOP_SERIAL, r->value->type.dim[op->attr.axis], "k");
  scope_open(u, loop, false);
  at[op->attr.axis] = index_var(u->a, loop);
  struct accumulator *acc = put_accumulate(u, loop, OP_SUM, pull(u, op->in[0], at), r->at);
  store(u, r, at, put_accumulated(u, acc, u->scope->level, r->at));
  loop_close(u, loop, r->at);
}

static void emit_scalars(struct kernel_lowering *u, const root_list *roots) {
  for (int i = 0; i < roots->n; i++)
    (roots->at[i]->kind == ROOT_CUMSUM ? emit_cumsum : emit_map)(u, roots->at[i]);
}

static void enter(struct kernel_lowering *u, const root_list *roots, int level, struct loop *loop) {
  for (int i = 0; i < roots->n; i++)
    roots->at[i]->at_index[level] = index_var(u->a, loop);
}

/* ---- parts of a concatenation ------------------------------------------------------------------ */

/* Where the last axis of what roots compute changes from one operand of a concatenation to the next. */
enum { MOST_CUTS = 8, LEAST_PART = 64 /* elements */ };
struct cuts {
  const struct kernel_lowering *u;
  int64_t extent, at[MOST_CUTS];
  int n; /* MOST_CUTS: too many */
};

static void add_cut(struct cuts *c, int64_t at) {
  int i = 0;
  while (i < c->n && c->at[i] < at)
    i++;
  if (c->n == MOST_CUTS || (i < c->n && c->at[i] == at))
    return;
  memmove(c->at + i + 1, c->at + i, sizeof *c->at * (size_t)(c->n++ - i));
  c->at[i] = at;
}

/* As far as elements stay in their places. */
static void find_cuts(struct cuts *c, const struct value *v, bool root) {
  const struct op *op = v->def;
  int last = v->type.rank - 1;
  if (!op || c->n == MOST_CUTS || last < 0 || v->type.dim[last] != c->extent ||
      (!root && c->u->nodes[v->id].root))
    return;
  if (op->code == OP_CONCAT && op->attr.axis == last) {
    int64_t end = 0;
    for (int i = 0; i + 1 < op->n_in; i++)
      add_cut(c, end += op->in[i]->type.dim[last]);
    return;
  }
  for (int i = 0; (op_info[op->code].flags & MAP) && i < op->n_in; i++)
    find_cuts(c, op->in[i], false);
}

/* Loops over rows only: others are shared, or made to be, by their extents. Lanes of sums go over all parts.
 */
static struct cuts cuts_of(const struct kernel_lowering *u, const root_list *roots, int level,
                           int64_t extent) {
  struct cuts c = {.u = u, .extent = extent};
  if (level == 0 || !u->policy->team)
    return c;
  for (int i = 0; i < roots->n; i++)
    if (roots->at[i]->kind == ROOT_MAP)
      find_cuts(&c, roots->at[i]->value, true);
    else
      return (struct cuts){0};
  for (int i = 0; i < c.n; i++)
    if (c.at[i] - (i ? c.at[i - 1] : 0) < LEAST_PART)
      return (struct cuts){0};
  return c.n == MOST_CUTS || (c.n && extent - c.at[c.n - 1] < LEAST_PART) ? (struct cuts){0} : c;
}

/* Elements [begin, end) of roots that only store them. */
static void emit_part(struct kernel_lowering *u, const root_list *roots, int level, int64_t begin,
                      int64_t end) {
  struct loop *loop = loop_new(u, LOOP_VECTOR, end - begin, "x");
  for (int i = 0; i < roots->n; i++)
    roots->at[i]->at_index[level] = index_sum(u->a, index_var(u->a, loop), 1, index_const(u->a, begin));
  scope_open(u, loop, false);
  for (int i = 0; i < roots->n; i++)
    emit_map(u, roots->at[i]);
  loop_close(u, loop, roots->at[0]->at);
}

/* In parts, where there are any: each loads of the operand that it is made of, and chooses nothing. */
static bool emit_parts(struct kernel_lowering *u, const root_list *roots, int level, int64_t extent) {
  struct cuts c = cuts_of(u, roots, level, extent);
  for (int i = 0; c.n && i <= c.n; i++)
    emit_part(u, roots, level, i ? c.at[i - 1] : 0, i < c.n ? c.at[i] : extent);
  return c.n > 0;
}

static void emit_vector(struct kernel_lowering *u, const root_list *roots, int level, int64_t extent) {
  if (emit_parts(u, roots, level, extent))
    return;
  struct loop *loop = loop_new(u, LOOP_VECTOR, extent, "x");
  struct accumulator **accs = arena_array(u->a, struct accumulator *, roots->n);
  enter(u, roots, level, loop);
  scope_open(u, loop, false);
  for (int i = 0; i < roots->n; i++) {
    struct root *r = roots->at[i];
    if (r->kind == ROOT_REDUCE)
      accs[i] = emit_reduce(u, r);
    else
      (r->kind == ROOT_CUMSUM ? emit_cumsum : r->kind == ROOT_FOLD ? emit_fold : emit_map)(u, r);
  }
  loop_close(u, loop, roots->at[0]->at);
  for (int i = 0; i < roots->n; i++)
    if (accs[i])
      emit_reduced(u, roots->at[i], accs[i]);
}

static void emit_level(struct kernel_lowering *u, const root_list *roots, int level);

/* sequences: the dimension of them, or 0. */
static const char *loop_name(int64_t extent, int64_t sequences, int level) {
  static const char *const names[] = {"i", "j", "k", "l", "m", "n"};
  return extent == sequences ? "b" : extent < 0 ? "t" : names[level];
}

/* The tokens of a scan that begins with the last. */
static bool goes_back(const root_list *roots) {
  for (int i = 0; i < roots->n; i++)
    if (roots->at[i]->scan && roots->at[i]->scan->attr.reverse)
      return true;
  return false;
}

static void emit_serial(struct kernel_lowering *u, const root_list *roots, int level, int64_t extent) {
  struct loop *loop = loop_new(u, LOOP_SERIAL, extent, loop_name(extent, u->kernel->entry->sequences, level));
  loop->reverse = level == 0 && goes_back(roots);
  enter(u, roots, level, loop);
  scope_open(u, loop, true);
  emit_level(u, roots, level + 1);
  loop_close(u, loop, roots->at[0]->at);
}

/* The token of those in a scan: what is computed before it may share a loop over tokens with it. */
static struct index *token_of(const root_list *roots) {
  for (int i = 0; i < roots->n; i++)
    if (roots->at[i]->scan)
      return roots->at[i]->at_index[0];
  return NULL;
}

enum { FOLD_ROWS = 4 };

/* `times` iterations of `rows` rows each, from row `begin` on. */
static void emit_rows(struct kernel_lowering *u, const root_list *roots, int level, int rows,
                      struct index *times, struct index *begin) {
  struct loop *loop = loop_new(u, LOOP_SERIAL, 1, "t");
  loop->extent = times;
  for (int i = 0; i < roots->n; i++) {
    roots->at[i]->rows = rows;
    roots->at[i]->at_index[level] = index_sum(u->a, begin, rows, index_var(u->a, loop));
  }
  scope_open(u, loop, true);
  emit_level(u, roots, level + 1);
  loop_close(u, loop, roots->at[0]->at);
}

/* A loop over a past of nothing but sums over it: several rows at a time, then those that are left. */
static void emit_folds(struct kernel_lowering *u, const root_list *roots, int level, int64_t extent) {
  struct index *all = past_count(u, extent), *blocks = index_div(u->a, all, FOLD_ROWS);
  struct index *done = index_scale(u->a, blocks, FOLD_ROWS);
  emit_rows(u, roots, level, FOLD_ROWS, blocks, index_const(u->a, 0));
  emit_rows(u, roots, level, 1, index_sum(u->a, all, -1, done), done);
}

static bool only_folds(const root_list *roots, int level) {
  for (int i = 0; i < roots->n; i++)
    if (roots->at[i]->kind != ROOT_FOLD || roots->at[i]->fold != level)
      return false;
  return true;
}

static void emit_level(struct kernel_lowering *u, const root_list *roots, int level) {
  group_list groups = {0};
  for (int i = 0; i < roots->n; i++)
    place(u, roots->at[i], level, &groups);
  for (int g = 0; g < groups.n; g++) {
    root_list members = {0};
    for (int i = 0; i < roots->n; i++)
      if (roots->at[i]->group[level] == g)
        vec_push(u->a, members, roots->at[i]);
    const struct root_group *group = &groups.at[g];
    for (int i = 0; i < members.n; i++)
      if (members.at[i]->kind == ROOT_FOLD && members.at[i]->fold == level)
        start_fold(u, members.at[i], level + 1);
    u->token = level > 0 ? token_of(&members) : NULL;
    if (group->kind == GROUP_SCALAR)
      emit_scalars(u, &members);
    else if (only_folds(&members, level))
      emit_folds(u, &members, level, group->extent);
    else
      (group->kind == GROUP_VECTOR ? emit_vector : emit_serial)(u, &members, level, group->extent);
  }
}

/* ---- what roots need of each other ----------------------------------------------------------- */

/* Computes one element of the root in loops of its own, to see what it asks for. */
static void probe(struct kernel_lowering *u, struct root *r) {
  struct index *at[MAX_RANK];
  u->probing = r;
  scope_open(u, NULL, true);
  for (int k = 0; k < r->n_axes; k++) {
    u->token = r->scan && k > 0 ? r->at_index[0] : NULL;
    struct loop *loop = loop_new(u, LOOP_SERIAL, r->extent[k], "probe");
    r->at_index[k] = index_var(u->a, loop);
    scope_open(u, loop, true);
  }
  if (r->kind == ROOT_REDUCE) {
    emit_reduce(u, r);
  } else if (r->kind == ROOT_CUMSUM) {
    emit_cumsum(u, r);
  } else if (r->kind == ROOT_FOLD) {
    emit_fold(u, r);
  } else {
    place_of(u, r, at);
    pull_root(u, r, at);
  }
  for (int k = 0; k <= r->n_axes; k++)
    scope_close(u);
  u->probing = NULL;
}

static void probe_all(struct kernel_lowering *u) {
  for (int i = 0; i < u->roots.n; i++)
    probe(u, u->roots.at[i]);
  u->kernel->n_exprs = u->kernel->n_loops = u->kernel->n_accs = 0;
  u->levels.n = 0;
}

/* ---- old contents ---------------------------------------------------------------------------- */

/* Whether every element that is read is still there: it is read in an earlier loop of the innermost block
 * that both roots are in, or in the same iteration as it is overwritten (stores stand last). A running sum
 * stores as it goes. */
static bool reads_in_time(const struct access *x) {
  const struct root *writer = x->from, *reader = x->to;
  int level = 0;
  while (level < writer->depth && level < reader->depth && writer->group[level] == reader->group[level])
    level++;
  if (level == writer->depth && level == reader->depth)
    return writer->kind != ROOT_CUMSUM && x->aligned >= writer->n_axes - (writer->kind == ROOT_REDUCE);
  return x->aligned >= level && reader->group[level] < writer->group[level];
}

static bool all_read_in_time(struct kernel_lowering *u) {
  bool ok = true;
  for (int i = 0; i < u->accesses.n; i++) {
    const struct access *x = &u->accesses.at[i];
    if (!x->read || reads_in_time(x))
      continue;
    bool known = false;
    for (int k = 0; k < u->saved.n; k++)
      known |= u->saved.at[k] == x->read->id;
    if (!known)
      vec_push(u->a, u->saved, x->read->id);
    ok = false;
  }
  return ok;
}

bool make_loops(struct kernel_lowering *u) {
  probe_all(u);
  root_list all = {0};
  for (int i = 0; i < u->roots.n; i++)
    vec_push(u->a, all, u->roots.at[i]);
  scope_open(u, NULL, true);
  emit_level(u, &all, 0);
  u->kernel->body = scope_close(u);
  return all_read_in_time(u);
}
