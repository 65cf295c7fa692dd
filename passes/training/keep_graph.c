/* keep_graph.c: the graph, and the cost of a choice. */
#include "passes/training/keep_graph.h"

#include "ir/composites.h"
#include "passes/rewrite.h"

#include <string.h>

/* ---- costs ------------------------------------------------------------------------------------------- */

/* Of an element, in additions. They rank what is cheap among itself; a product outweighs all of it. */
static double element_ops(enum opcode code) {
  switch (code) {
  case OP_EXP:
  case OP_LOG: return 8;
  case OP_SIN:
  case OP_COS:
  case OP_POW: return 24;
  case OP_DIV:
  case OP_SQRT:
  case OP_RSQRT: return 4;
  case OP_SIGMOID:
  case OP_SILU:
  case OP_TANH:
  case OP_SOFTPLUS:
  case OP_GELU:
  case OP_SOFTMAX: return 16;
  case OP_RMSNORM:
  case OP_LAYERNORM:
  case OP_L2NORM: return 4;
  case OP_QUANTIZE: return 6;
  default: return 1;
  }
}

static bool by_weight(const struct op *op) {
  return op->code == OP_MATMUL && op_is(op->in[0]->def, OP_WEIGHT);
}

static int64_t per_token(const struct value *v) {
  return type_count(v->type, NULL);
}

/* Four products of int8 codes by ternary weights fit where one of float32 does. */
static double product_ops(const struct op *op) {
  bool codes = op->in[0]->type.elem == ELEM_TERNARY && op->in[1]->type.elem == ELEM_Q8;
  return 2 * (double)per_token(op->out[0]) * (double)op->in[0]->type.dim[1] / (codes ? 4 : 1);
}

static bool of_tokens(const struct value *v) {
  return v->type.rank > 0 && v->type.dim[0] == DIM_T;
}

static bool any_of_tokens(const struct op *op) {
  for (int i = 0; i < op->n_out; i++)
    if (of_tokens(op->out[i]))
      return true;
  return false;
}

static double body_ops(const struct block *b) {
  double sum = 0;
  for (const struct op *op = b->first; op; op = op->next)
    for (int i = 0; i < op->n_out; i++)
      sum += element_ops(op->code) * (double)per_token(op->out[i]);
  return sum;
}

/* Of operands and results: a reduction's are its operand's. */
static int64_t most_elements(const struct op *op) {
  int64_t most = 0;
  for (int i = 0; i < op->n_in + op->n_out; i++) {
    const struct value *v = i < op->n_in ? op->in[i] : op->out[i - op->n_in];
    most = of_tokens(v) && per_token(v) > most ? per_token(v) : most;
  }
  return most;
}

static void set_cost(struct keep_step *s) {
  const struct op *op = s->twin.again;
  s->of_tokens = any_of_tokens(op);
  s->moves = op_info[op->code].flags & MOVE || op->code == OP_CONVERT || op->code == OP_DEQUANTIZE ||
             !(op->body || s->of_tokens);
  if (s->moves)
    return;
  s->product = by_weight(op) ? product_ops(op) : 0;
  s->ops = op->body ? body_ops(op->body) : s->product;
  if (!op->body && !s->product)
    s->ops = element_ops(op->code) * (double)most_elements(op);
}

/* ---- tapes ------------------------------------------------------------------------------------------- */

/* Bytes a token of it on a tape; 0: there is none for its type. */
static int64_t tape_bytes(const struct value *v) {
  int64_t n = per_token(v);
  bool dynamic = op_is(v->def, OP_QUANTIZE) && v->def->attr.frac == FRAC_DYNAMIC;
  if (!of_tokens(v) || (op_info[v->def->code].flags & MOVE))
    return 0;
  if (v->type.elem == ELEM_Q8 || v->type.elem == ELEM_Q16) {
    int64_t vectors = n / v->type.dim[v->type.rank - 1];
    return dynamic && v->type.rank == 2 ? n * (v->type.elem == ELEM_Q8 ? 1 : 2) + 4 * vectors : 0;
  }
  return v->type.elem == ELEM_F32 || elem_integer(v->type.elem) ? n * elem_bytes(v->type.elem) : 0;
}

/* ---- the graph --------------------------------------------------------------------------------------- */

/* The number of the item that v is, or -1. Values that are none may have any id. */
static int item_of(const struct keep_graph *g, const struct value *v) {
  return v->id >= 0 && v->id < g->items.n && g->items.at[v->id].v == v ? v->id : -1;
}

static void add_items(struct keep_graph *g, struct op *op, int step) {
  for (int i = 0; i < op->n_out; i++) {
    struct value *v = op->out[i];
    v->id = g->items.n;
    vec_push(g->arena, g->items, (struct keep_item){.v = v, .step = step, .bytes = tape_bytes(v)});
  }
}

/* Calls f for each item that op, or its body, is made of. */
static void each_use(struct keep_graph *g, const struct op *op,
                     void (*f)(struct keep_graph *g, int item, int step), int step) {
  struct value **captured = NULL;
  int n = op->body ? captured_values(g->arena, op, &captured) : 0;
  for (int i = 0; i < op->n_in + n; i++) {
    int item = item_of(g, i < op->n_in ? op->in[i] : captured[i - op->n_in]);
    if (item >= 0)
      f(g, item, step);
  }
}

static void note_use(struct keep_graph *g, int item, int step) {
  vec_push(g->arena, g->steps.at[step].uses, item);
}

static void note_seed(struct keep_graph *g, int item, int step) {
  (void)step;
  g->items.at[item].seed = true;
}

static void note_effect(struct op *op, void *found) {
  *(bool *)found |= op_changes(op->code) && !(op->code == OP_WRITE && state_runs_again(op->attr.symbol));
}

/* Repeats keep tapes of their own; other effects than those of scans that run again are the way back's. */
static bool must_run(struct op *op) {
  bool found = op->code == OP_REPEAT;
  note_effect(op, &found);
  if (op->body)
    walk(op->body, note_effect, &found);
  return found;
}

static void add_step(struct keep_graph *g, struct twin t) {
  int step = g->steps.n;
  vec_push(g->arena, g->steps, (struct keep_step){.twin = t, .first = g->items.n});
  struct keep_step *s = &g->steps.at[step];
  set_cost(s);
  s->stays = must_run(t.again);
  g->products += s->product;
  each_use(g, t.again, note_use, step);
  add_items(g, t.again, step);
}

/* ---- what the way back reads ------------------------------------------------------------------------- */

static void mark_live(const struct op *op, bool *live) {
  struct arena a = {0};
  struct value **captured = NULL;
  int n = op->body ? captured_values(&a, op, &captured) : 0;
  for (int i = 0; i < op->n_in + n; i++) {
    struct op *def = (i < op->n_in ? op->in[i] : captured[i - op->n_in])->def;
    if (def && def->block == op->block && !live[def->id])
      live[def->id] = true;
  }
  arena_free(&a);
}

/* Operators behind the last twin that something is made of. */
static void find_seeds(struct keep_graph *g, struct op *back, struct op *last) {
  int n = 0;
  for (struct op *op = back->body->first; op; op = op->next)
    op->id = n++;
  bool *live = arena_array(g->arena, bool, n);
  for (struct op *op = back->body->last; op != last; op = op->prev) {
    live[op->id] |= op_info[op->code].flags & END || op->body || op_changes(op->code);
    if (!live[op->id]) {
      vec_push(g->arena, g->dead, op);
      continue;
    }
    mark_live(op, live);
    each_use(g, op, note_seed, 0);
  }
}

struct keep_graph keep_graph(struct arena *a, struct op *back, const twin_list *twins) {
  struct keep_graph g = {.arena = a};
  for (int i = 0; i < twins->n; i++)
    add_step(&g, twins->at[i]);
  if (twins->n)
    find_seeds(&g, back, twins->at[twins->n - 1].again);
  return g;
}

/* ---- the cost ---------------------------------------------------------------------------------------- */

static bool step_runs(const struct keep_graph *g, const struct keep_step *s, const bool *kept,
                      const bool *needed, struct keep_cost *cost) {
  bool runs = s->stays;
  for (int i = 0; i < s->twin.again->n_out; i++) {
    int item = s->first + i;
    if (needed[item] && kept[item])
      cost->bytes += g->items.at[item].bytes;
    runs |= needed[item] && !kept[item];
  }
  return runs;
}

struct keep_cost keep_evaluate(const struct keep_graph *g, const bool *kept, bool *needed, bool *run) {
  struct arena a = {0};
  struct keep_cost cost = {0};
  needed = needed ? needed : arena_array(&a, bool, g->items.n + 1);
  for (int i = 0; i < g->items.n; i++)
    needed[i] = g->items.at[i].seed;
  for (int k = g->steps.n - 1; k >= 0; k--) {
    const struct keep_step *s = &g->steps.at[k];
    bool runs = step_runs(g, s, kept, needed, &cost);
    if (run)
      run[k] = runs;
    if (!runs)
      continue;
    cost.ops += s->ops;
    cost.products += s->product;
    for (int i = 0; i < s->uses.n; i++)
      needed[s->uses.at[i]] = true;
  }
  arena_free(&a);
  return cost;
}
