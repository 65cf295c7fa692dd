/* roots.c: which values of a kernel get loops and a buffer of their own.
 *
 * What is stored (yielded, written to a state) does; so do sums along the last axis, which end a loop,
 * running sums, and results of a scan. Everything else is computed where it is used, unless it is used more
 * than once and costs more than a store and a load. A root that ends up in one loop with all of its users is
 * not stored. */
#include "backends/lower/lower.h"

/* Costs, in additions. Above COST_KEPT a value that would be computed again is kept instead. */
enum { COST_LOAD = 1, COST_MAP = 1, COST_DIVIDE = 4, COST_FUNCTION = 16, COST_MOST = 1000, COST_KEPT = 6 };

static const int map_costs[OP_COUNT] = {
    [OP_SIN] = 2 * COST_FUNCTION, [OP_COS] = 2 * COST_FUNCTION, [OP_POW] = 4 * COST_FUNCTION,
    [OP_EXP] = COST_FUNCTION,     [OP_LOG] = COST_FUNCTION,     [OP_DIV] = COST_DIVIDE,
    [OP_RSQRT] = 2 * COST_DIVIDE, [OP_SQRT] = COST_DIVIDE,      [OP_CODES] = COST_DIVIDE,
    [OP_MULSHIFT] = COST_DIVIDE,  [OP_IDIV] = 2 * COST_DIVIDE,  [OP_ISQRT] = COST_DIVIDE,
    [OP_ILOG2] = COST_DIVIDE,     [OP_CURVE] = COST_FUNCTION,   [OP_DITHER] = 2 * COST_DIVIDE,
};

struct listing {
  struct kernel_lowering *u;
  VEC(struct op *) ops; /* of the body and of the bodies in it, in program order */
};

static struct value_plan *node_of(const struct kernel_lowering *u, const struct value *v) {
  return &u->nodes[v->id];
}

bool last_axis_reduction(const struct op *op) {
  return (op_info[op->code].flags & REDUCE) && op->attr.axis == op->in[0]->type.rank - 1;
}

bool is_leaf(const struct value *v) {
  return !v->def || v->def->code == OP_CONST || v->def->code == OP_WEIGHT || v->def->code == OP_WSCALE ||
         v->def->code == OP_READ || v->def->code == OP_SEEN || v->def->code == OP_APPEND_BACK ||
         v->def->code == OP_POSITION || v->def->code == OP_AGE;
}

/* One operand's elements in another place: costs nothing, and its uses are its operand's. */
static bool passes_through(const struct op *op) {
  return (op_info[op->code].flags & MOVE) && op->code != OP_CONCAT;
}

/* ---- listing --------------------------------------------------------------------------------- */

static void number(struct kernel_lowering *u, struct value *v) {
  v->id = u->n_values++;
}

static void list_block(struct listing *l, struct block *b) {
  for (int i = 0; i < b->n_args; i++)
    number(l->u, b->args[i]);
  for (struct op *op = b->first; op; op = op->next) {
    if (op->body)
      list_block(l, op->body);
    vec_push(l->u->a, l->ops, op);
    for (int i = 0; i < op->n_out; i++)
      number(l->u, op->out[i]);
  }
}

/* ---- uses and costs -------------------------------------------------------------------------- */

static int at_most(int64_t x) {
  return x > COST_MOST ? COST_MOST : (int)x;
}

static bool is_larger(const struct kernel_lowering *u, struct type a, struct type b) {
  return most_count(u->m, a) > most_count(u->m, b);
}

/* How often the operator computes an element of operand i for each of its own uses: 1, or 2 for more. */
static int uses_of_operand(const struct kernel_lowering *u, const struct op *op, int i) {
  const struct value *v = op->in[i];
  if (op->code == OP_SCAN)
    return u->nodes[op->body->args[i]->id].uses;
  if (v->block != op->block) /* every token again */
    return 2;
  if (passes_through(op))
    return i == 0 ? u->nodes[op->out[0]->id].uses : 1;
  bool again = op->n_out == 1 && is_larger(u, op->out[0]->type, v->type);
  return again || op->code == OP_CONCAT ? 2 : 1;
}

static void count_operand_uses(struct listing *l) {
  for (int k = l->ops.n - 1; k >= 0; k--) {
    const struct op *op = l->ops.at[k];
    for (int i = 0; i < op->n_in; i++) {
      struct value_plan *n = node_of(l->u, op->in[i]);
      n->uses = at_most(n->uses + (int64_t)uses_of_operand(l->u, op, i));
    }
  }
}

/* What operand i adds to an element. One that is stretched is computed outside of the innermost loop. */
static int cost_of_operand(const struct kernel_lowering *u, const struct op *op, int i) {
  const struct value_plan *n = node_of(u, op->in[i]);
  bool stretched = (op_info[op->code].flags & MAP) && is_larger(u, op->out[0]->type, op->in[i]->type);
  return n->root || stretched ? COST_LOAD : n->cost;
}

static int cost_of(const struct kernel_lowering *u, const struct op *op) {
  if (passes_through(op))
    return cost_of_operand(u, op, 0);
  int64_t sum = map_costs[op->code] ? map_costs[op->code] : COST_MAP;
  for (int i = 0; i < op->n_in; i++)
    sum += cost_of_operand(u, op, i);
  if (op_info[op->code].flags & REDUCE) {
    int64_t n = op->in[0]->type.dim[op->attr.axis];
    sum = n < 0 ? COST_MOST : sum * n;
  }
  return at_most(sum);
}

static bool computed_often(const struct kernel_lowering *u, const struct op *op) {
  const struct value_plan *n = node_of(u, op->out[0]);
  return !passes_through(op) && n->uses > 1 && n->cost > COST_KEPT;
}

/* ---- roots ----------------------------------------------------------------------------------- */

static void add_axis(struct root *r, int axis, int64_t extent) {
  r->axis[r->n_axes] = axis;
  r->extent[r->n_axes++] = extent;
}

/* A sum over what a token sees, of several axes: it goes through the past once, in the order of memory, and
 * has the axis before it in the outermost loop, so that threads can share that. */
static bool folds_past(const struct module *m, const struct op *op) {
  const struct type t = op->n_in ? op->in[0]->type : (struct type){0};
  int axes = 0;
  for (int k = 1; k < t.rank; k++)
    axes += t.dim[k] != 1;
  return op->code == OP_SUM && op->attr.axis == 0 && t.rank > 1 && dim_is_past(m, t.dim[0]) && axes > 1;
}

static void set_axes(struct root *r) {
  const struct type t = r->value->type;
  const struct op *def = r->value->def;
  if (r->scan && r->value->def != r->scan)
    add_axis(r, -1, scan_lead(r->scan));
  int first = r->n_axes;
  for (int k = 0; k < t.rank; k++) {
    if (t.dim[k] != 1 && !(r->kind == ROOT_CUMSUM && k == def->attr.axis))
      add_axis(r, k, t.dim[k]);
    if (r->kind == ROOT_FOLD && r->n_axes == first + 1 && !r->fold) {
      r->fold = r->n_axes;
      add_axis(r, -1, def->in[0]->type.dim[0]);
    }
  }
  if (r->kind == ROOT_REDUCE)
    add_axis(r, t.rank - 1, def->in[0]->type.dim[t.rank - 1]);
}

static struct root *add_root(struct kernel_lowering *u, struct value *v, struct op *scan, bool copy,
                             struct loc at) {
  struct root *r = arena_new(u->a, struct root);
  const struct op *def = copy ? NULL : v->def;
  *r = (struct root){.value = v, .copy = copy, .scan = scan, .at = at, .rows = 1};
  r->kind = !def                       ? ROOT_MAP
            : def->code == OP_CUMSUM   ? ROOT_CUMSUM
            : last_axis_reduction(def) ? ROOT_REDUCE
            : folds_past(u->m, def)    ? ROOT_FOLD
                                       : ROOT_MAP;
  set_axes(r);
  if (!copy)
    node_of(u, v)->root = r;
  vec_push(u->a, u->roots, r);
  return r;
}

/* The scan whose body the block is. */
static struct op *scan_of(const struct block *b) {
  return b->parent && b->parent->code == OP_SCAN ? b->parent : NULL;
}

/* A reshape's elements lie in memory as its operand's: it is its operand that is stored. */
static struct value *before_reshape(struct value *v) {
  while (v->def && v->def->code == OP_RESHAPE)
    v = v->def->in[0];
  return v;
}

/* What a state keeps of a sum over a past is copied there when the sum is whole. */
static bool stored_as_copy(const struct kernel_lowering *u, const struct value *v, const struct op *by) {
  return is_leaf(v) || v->block != by->block || (by->code != OP_YIELD && folds_past(u->m, v->def));
}

static void want_stored(struct kernel_lowering *u, const struct op *by, int i) {
  struct value *v = before_reshape(by->in[i]);
  if (!stored_as_copy(u, v, by))
    node_of(u, v)->stored = true;
}

static bool wants_root(const struct kernel_lowering *u, const struct op *op, const struct value_plan *n) {
  if (op->code == OP_READ)
    return n->copied;
  return n->stored ||
         (n->uses && (op->code == OP_SCAN || op->code == OP_CUMSUM || last_axis_reduction(op) ||
                      folds_past(u->m, op))) ||
         computed_often(u, op);
}

static void find_in_block(struct kernel_lowering *u, struct block *b);

static void find_in_op(struct kernel_lowering *u, struct op *op) {
  if (op->body)
    find_in_block(u, op->body);
  for (int i = 0; i < op->n_out; i++) {
    struct value_plan *n = node_of(u, op->out[i]);
    n->cost = is_leaf(op->out[i]) ? COST_LOAD : cost_of(u, op);
    if (!n->root && wants_root(u, op, n))
      add_root(u, op->out[i], op->code == OP_SCAN ? op : scan_of(op->block), false, op->at);
  }
}

/* Roots in the order in which they can be computed; reads to be saved come first. */
static void find_in_block(struct kernel_lowering *u, struct block *b) {
  for (struct op *op = b->first; op; op = op->next)
    if (op->code == OP_READ)
      find_in_op(u, op);
  for (struct op *op = b->first; op; op = op->next)
    find_in_op(u, op);
}

/* ---- where they are stored ------------------------------------------------------------------- */

static struct root *root_to_store(struct kernel_lowering *u, const struct op *by, int i) {
  struct value *v = before_reshape(by->in[i]);
  return stored_as_copy(u, v, by) ? add_root(u, v, scan_of(by->block), true, by->at) : node_of(u, v)->root;
}

static void add_target(struct kernel_lowering *u, struct root *r, struct buffer *b) {
  b->written = true;
  vec_push(u->a, r->targets, b);
}

static void store_state(struct kernel_lowering *u, struct op *write, int values_before) {
  struct index *extra;
  struct root *r = root_to_store(u, write, 0);
  struct buffer *b = buffer_of_symbol(u, write, 1, &extra);
  if (extra) {
    diag_at(u->d, SEVERITY_ERROR, write->at, "'%s' is written at an index that is no repeat's",
            write->attr.symbol);
    u->failed = true;
  }
  add_target(u, r, b);
  r->state = b;
  r->written_at = values_before;
}

static void store_row(struct kernel_lowering *u, const struct op *op) {
  const struct state *s = state_find(u->m, op->attr.symbol);
  struct append a = {.dim = s->type.dim[0], .row = type_count(type_rest(s->type), NULL)};
  struct root *r = root_to_store(u, op, 0);
  a.buffer = buffer_of_symbol(u, op, 1, &a.extra);
  a.buffer->written = true;
  if (op->code == OP_APPEND)
    vec_push(u->a, r->appends, a);
  else
    vec_push(u->a, r->sums, a);
}

static void store_results(struct kernel_lowering *u, const struct op *yield) {
  for (int i = 0; i < yield->n_in; i++)
    add_target(u, root_to_store(u, yield, i), buffer_of_value(u, u->op->out[i]));
}

/* In an array of the kernel's own. */
static void keep_inside(struct kernel_lowering *u, struct root *r) {
  const struct value *v = r->value;
  const char *name = v->name ? v->name : v->def ? op_info[v->def->code].text : "row";
  struct buffer *b = buffer_local(u, v->type.elem, most_count(u->m, v->type), name);
  b->each_token = r->scan && v->def != r->scan;
  vec_push(u->a, r->targets, b);
}

static void find_targets(struct kernel_lowering *u, const struct listing *l) {
  int values = u->body->n_args;
  for (int i = 0; i < l->ops.n; i++) {
    struct op *op = l->ops.at[i];
    if (op->n_out)
      values = op->out[op->n_out - 1]->id + 1;
    if (op->code == OP_WRITE || op->code == OP_DEFINE)
      store_state(u, op, values);
    if (op->code == OP_APPEND || op->code == OP_SEEN_BACK)
      store_row(u, op);
    if (op->code == OP_YIELD && op->block == u->body)
      store_results(u, op);
  }
  for (int i = 0; i < u->roots.n; i++)
    if (u->roots.at[i]->targets.n == 0)
      keep_inside(u, u->roots.at[i]);
}

/* Reads that an earlier attempt found to be overwritten too soon. */
static bool op_is_saved(const struct kernel_lowering *u, const struct op *read) {
  for (int i = 0; i < u->saved.n; i++)
    if (u->saved.at[i] == read->out[0]->id)
      return true;
  return false;
}

void find_roots(struct kernel_lowering *u) {
  struct listing l = {.u = u};
  list_block(&l, u->body);
  u->nodes = arena_array(u->a, struct value_plan, u->n_values);
  for (int i = 0; i < l.ops.n; i++) {
    struct op *op = l.ops.at[i];
    if (op->code == OP_READ)
      node_of(u, op->out[0])->copied = op_is_saved(u, op);
    if (op->code == OP_WRITE || op->code == OP_DEFINE || op->code == OP_APPEND || op->code == OP_SEEN_BACK)
      want_stored(u, op, 0);
    for (int k = 0; op->code == OP_YIELD && op->block == u->body && k < op->n_in; k++)
      want_stored(u, op, k);
  }
  count_operand_uses(&l);
  find_in_block(u, u->body);
  find_targets(u, &l);
}
