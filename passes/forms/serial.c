/* serial.c: what goes token by token in a form that takes many.
 *
 * A scan holds what a kernel can: its body runs in one piece, token after token. Products by weights and
 * repeats are kernels of their own. A part of step in which there are such (h enters a matrix whose result
 * makes the next h; a state that the iterations of a repeat share) goes into a repeat through the tokens of
 * the call, in which stands what step does to one token: in it
 *
 *   what comes in        is the row of the iteration's token (index)
 *   what others want     is written to that row of a state as long as the call, which lies in the function's
 *                        scratch (struct state's `within`), and read behind the repeat for all tokens
 *
 * Whatever lies outside the part takes all tokens at once, as always. */
#include "passes/forms/site.h"

#include "passes/rewrite.h"

/* ---- scans ------------------------------------------------------------------------------------------- */

/* The operators of a part have rising ids. */
static bool contains(const op_list *ops, const struct op *op) {
  int first = 0, last = ops->n - 1;
  while (first < last) {
    int middle = (first + last) / 2;
    if (ops->at[middle]->id < op->id)
      first = middle + 1;
    else
      last = middle;
  }
  return ops->at[first] == op;
}

static bool used_outside(const struct batching *b, const op_list *ops, const struct value *v) {
  const struct batched *m = batch_made(b, v);
  for (int i = 0; i < m->users.n; i++) {
    const struct op *op = m->users.at[i];
    while (op->block != v->block)
      op = op->block->parent;
    if (!contains(ops, op))
      return true;
  }
  return false;
}

/* Values from outside that vary: operands. Those that do not are captured; `map` gets both. */
static void add_operands(struct site *p, const op_list *ops, int n, struct value *const *values,
                         value_list *operands, struct value_map *map) {
  struct arena *a = &p->b->scratch;
  for (int i = 0; i < n; i++) {
    struct value *v = values[i];
    if ((v->def && contains(ops, v->def)) || map_has(map, v))
      continue;
    if (batch_varies(p->b, v))
      vec_push(a, *operands, v);
    map_put(a, map, v, site_get(p, v));
  }
}

static void find_operands(struct site *p, const op_list *ops, value_list *operands, struct value_map *map) {
  for (int k = 0; k < ops->n; k++) {
    const struct op *op = ops->at[k];
    struct value **captured = NULL;
    int n = op->body ? captured_values(&p->b->scratch, op, &captured) : 0;
    add_operands(p, ops, op->n_in, op->in, operands, map);
    add_operands(p, ops, n, captured, operands, map);
  }
}

static struct op *scan_begin(struct site *p, const value_list *operands, struct value_map *map) {
  struct arena *a = &p->b->scratch;
  struct value **in = arena_array(a, struct value *, operands->n);
  for (int i = 0; i < operands->n; i++)
    in[i] = site_get(p, operands->at[i]);
  struct op *scan = build(&p->at, OP_SCAN, operands->n, in, NULL, NULL);
  for (int i = 0; i < operands->n; i++) {
    struct value *v = operands->at[i];
    struct value *token = block_arg(p->b->m, scan->body, v->type, v->name);
    token->frac = v->frac;
    map_put(a, map, v, token);
  }
  return scan;
}

static void scan_end(struct site *p, struct op *scan, const op_list *ops, const struct value_map *map) {
  struct arena *a = &p->b->scratch;
  value_list results = {0}, yields = {0};
  VEC(struct type) types = {0};
  for (int k = 0; k < ops->n; k++)
    for (int i = 0; i < ops->at[k]->n_out; i++) {
      struct value *v = ops->at[k]->out[i];
      if (!used_outside(p->b, ops, v))
        continue;
      vec_push(a, results, v);
      vec_push(a, yields, map_value(map, v));
      vec_push(a, types, lead_type(v->type, p->lead, 0));
    }
  struct builder inner = builder_end(p->b->m, scan->body);
  inner.at = scan->at;
  build(&inner, OP_YIELD, yields.n, yields.at, NULL, NULL);
  op_set_results(p->b->m, scan, types.n, types.at);
  for (int i = 0; i < results.n; i++) {
    batch_made(p->b, results.at[i])->value = scan->out[i];
    scan->out[i]->name = results.at[i]->name;
  }
}

static bool emit_scan(struct site *p, const op_list *ops) {
  value_list operands = {0};
  struct value_map map = {0};
  p->at.at = ops->at[0]->at;
  find_operands(p, ops, &operands, &map);
  struct op *scan = scan_begin(p, &operands, &map);
  struct builder inner = builder_end(p->b->m, scan->body);
  for (int k = 0; k < ops->n; k++)
    op_clone(&inner, ops->at[k], &map);
  scan_end(p, scan, ops, &map);
  return true;
}

/* ---- repeats through the tokens ---------------------------------------------------------------------- */

/* What runs beside kernels. */
static bool is_heavy(const struct batching *b, const struct op *op) {
  return op->code == OP_REPEAT || op_is_product(op) ||
         (op->code == OP_MATMUL && (!batch_varies(b, op->in[0]) || op_is(op->in[0]->def, OP_WEIGHT)));
}

static const struct op *first_heavy(const struct batching *b, const op_list *ops) {
  for (int k = 0; k < ops->n; k++)
    if (is_heavy(b, ops->at[k]))
      return ops->at[k];
  return NULL;
}

/* Repeats that nest in the operator, itself among them. */
static int depth_of(const struct op *op) {
  int most = 0;
  for (const struct op *in = op->body ? op->body->first : NULL; in; in = in->next) {
    int depth = depth_of(in);
    most = depth > most ? depth : most;
  }
  return most + (op->code == OP_REPEAT);
}

struct unfit {
  const struct module *m;
  bool found;
};

/* What has to do with the tokens before: it wants all tokens of a call at once, or a scan. */
static void find_unfit(struct op *op, void *data) {
  struct unfit *u = data;
  u->found |= has_past(u->m, op) || op->code == OP_APPEND || op->code == OP_POSITION;
}

static bool fits_loop(const struct site *p, const op_list *ops) {
  struct unfit unfit = {.m = p->b->m};
  int depth = 0;
  for (int k = 0; k < ops->n; k++) {
    int inside = depth_of(ops->at[k]);
    depth = inside > depth ? inside : depth;
    find_unfit(ops->at[k], &unfit);
    if (ops->at[k]->body)
      walk(ops->at[k]->body, find_unfit, &unfit);
  }
  return !p->b->sequences && !p->b->whole && !unfit.found && p->repeats + 1 + depth <= MAX_REPEATS;
}

/* A repeat through the tokens that is being made. */
struct token_loop {
  struct site *p;
  const op_list *ops;
  struct op *repeat;
  struct builder at;    /* in it */
  struct value_map map; /* from values of step to those of the iteration's token */
  value_list results;   /* of step, that others want */
  bool *again;          /* of each operator: it is made once more behind the repeat, for all tokens */
};

static bool has_rows(enum elem e) {
  return e == ELEM_F32 || elem_integer(e);
}

/* The row of the token at hand. */
static bool take_row(struct token_loop *l, struct value *v) {
  enum elem e = v->type.elem;
  if (e == ELEM_Q8 || e == ELEM_Q16)
    return false;
  struct value *in[] = {map_value(&l->map, v), l->repeat->body->args[0]};
  struct value *row = build(&l->at, OP_INDEX, 2, in, NULL, NULL)->out[0];
  row->name = v->name;
  map_put(&l->p->b->scratch, &l->map, v, row);
  return true;
}

static bool loop_begin(struct token_loop *l, struct loc at) {
  struct module *m = l->p->b->m;
  int64_t dim = dim_parts(m, DIM_T, 1);
  value_list operands = {0};
  if (!dim)
    return false;
  l->p->at.at = at;
  find_operands(l->p, l->ops, &operands, &l->map);
  struct attrs attr = {.count = dim_of(m, DIM_T)->most, .group = dim};
  l->repeat = build(&l->p->at, OP_REPEAT, 0, NULL, &attr, NULL);
  l->at = builder_end(m, l->repeat->body);
  l->at.at = at;
  block_arg(m, l->repeat->body, type_scalar(ELEM_U32), "t");
  for (int i = 0; i < operands.n; i++)
    if (!take_row(l, operands.at[i]))
      return false;
  return true;
}

static bool listed(const value_list *list, const struct value *v) {
  for (int i = 0; i < list->n; i++)
    if (list->at[i] == v)
      return true;
  return false;
}

/* What others want of the loop. What no state can hold (a comparison, codes with their scale) is made once
 * more of what it is made of. */
static bool find_results(struct token_loop *l) {
  struct arena *a = &l->p->b->scratch;
  value_list wanted = {0};
  l->again = arena_array(a, bool, l->ops->n);
  for (int k = l->ops->n - 1; k >= 0; k--) {
    struct op *op = l->ops->at[k];
    for (int i = 0; i < op->n_out; i++) {
      struct value *v = op->out[i];
      if (!used_outside(l->p->b, l->ops, v) && !listed(&wanted, v))
        continue;
      if (!batch_varies(l->p->b, v) || (!has_rows(v->type.elem) && op->body))
        return false;
      l->again[k] |= !has_rows(v->type.elem);
      if (has_rows(v->type.elem))
        vec_push(a, l->results, v);
    }
    for (int i = 0; l->again[k] && i < op->n_in; i++)
      vec_push(a, wanted, op->in[i]);
  }
  return true;
}

static struct state *new_rows(struct token_loop *l, const struct value *v) {
  struct module *m = l->p->b->m;
  int n = 0;
  const char *name;
  do
    name = arena_printf(m->arena, "rows.%d", n++);
  while (state_find(m, name));
  struct state *s = state_add(m, name, lead_type(v->type, DIM_T, 0));
  s->within = l->p->b->form;
  s->frac = v->frac;
  s->at = l->repeat->at;
  return s;
}

/* Writes the token's row of a result, and gives all rows to those behind the repeat. */
static void give_rows(struct token_loop *l, const struct value *v) {
  const struct state *s = new_rows(l, v);
  struct attrs attr = {.symbol = s->name};
  struct value *in[] = {map_value(&l->map, (struct value *)v), l->repeat->body->args[0]};
  build(&l->at, OP_WRITE, 2, in, &attr, NULL);
  struct value *rows = build(&l->p->at, OP_READ, 0, NULL, &attr, &s->type)->out[0];
  rows->name = v->name;
  batch_made(l->p->b, v)->value = rows;
}

static bool emit_loop(struct site *p, const op_list *ops, const struct op *heavy) {
  struct token_loop l = {.p = p, .ops = ops};
  if (!fits_loop(p, ops) || !find_results(&l) || !loop_begin(&l, heavy->at))
    return false;
  for (int k = 0; k < ops->n; k++)
    op_clone(&l.at, ops->at[k], &l.map);
  for (int i = l.results.n - 1; i >= 0; i--)
    give_rows(&l, l.results.at[i]);
  build(&l.at, OP_YIELD, 0, NULL, NULL, NULL);
  for (int k = 0; k < ops->n; k++)
    if (l.again[k])
      site_emit(p, ops->at[k]);
  return true;
}

bool emit_serial(struct site *p, const op_list *ops) {
  const struct op *heavy = first_heavy(p->b, ops);
  if (!heavy)
    return emit_scan(p, ops);
  if (emit_loop(p, ops, heavy))
    return true;
  p->b->stuck = heavy;
  return p->b->possible = false;
}
