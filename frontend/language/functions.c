/* functions.c: functions of the language that are made of operators; a handler of each is named by a row of
 * builtins.c. docs/numerics.md has those whose order of roundings shows. */
#include "frontend/language/builtin_call.h"

#include <math.h>
#include <string.h>

/* ---- what they are written in ------------------------------------------------------------------------ */

static struct item add(struct builtin_call *c, struct item x, struct item y) {
  return two(c, OP_ADD, x, y);
}

static struct item times(struct builtin_call *c, struct item x, struct item y) {
  return two(c, OP_MUL, x, y);
}

static struct item minus(struct builtin_call *c, struct item x) {
  return one(c, OP_NEG, x, NULL);
}

/* The argument as a value, made once; poison after a report. */
static struct item operand(struct builtin_call *c) {
  struct type t;
  return settle(c, 0, &t) ? c->items[0] : item_poison();
}

/* 0 .. n - 1 along an axis of a value with `rank` axes */
static struct item count_along(struct builtin_call *c, int64_t n, int axis, int rank) {
  struct type t = {.elem = ELEM_F32, .rank = rank};
  for (int i = 0; i < rank; i++)
    t.dim[i] = i == axis ? n : 1;
  c->e->b.at = c->node->at;
  struct item ones = item_value(build_const(&c->e->b, 1, t));
  return two(c, OP_SUB, one(c, OP_CUMSUM, ones, &(struct attrs){.axis = axis}), item_number(1));
}

/* ---- element by element ------------------------------------------------------------------------------ */

struct item power(struct elaborator *e, struct loc at, const struct item *items,
                  const struct node *const *nodes) {
  if (items[0].kind != ITEM_NUMBER || items[1].kind != ITEM_NUMBER)
    return apply(e, OP_POW, at, 2, items, nodes, NULL, NULL);
  double a = items[0].number, b = items[1].number, y = pow(a, b);
  if (isfinite(y))
    return item_number(y);
  fail(e, at, "%.15g to the power of %.15g is %s", a, b, isnan(y) ? "no number" : "infinite");
  return item_poison();
}

/* min(max(x, lo), hi) */
struct item run_clamp(struct builtin_call *c) {
  const struct item *x = c->items;
  if (x[0].kind == ITEM_NUMBER && x[1].kind == ITEM_NUMBER && x[2].kind == ITEM_NUMBER)
    return item_number(fmin(fmax(x[0].number, x[1].number), x[2].number));
  return two(c, OP_MIN, two(c, OP_MAX, x[0], x[1]), x[2]);
}

/* -softplus(-x) */
struct item run_logsigmoid(struct builtin_call *c) {
  return minus(c, one(c, OP_SOFTPLUS, minus(c, operand(c)), NULL));
}

/* x (0.5 erf(x sqrt(1/2)) + 0.5) */
struct item run_gelu_erf(struct builtin_call *c) {
  struct item x = operand(c), half = item_number(0.5);
  struct item erf = one(c, OP_ERF, times(c, x, item_number(0.70710678118654752)), NULL);
  return times(c, x, add(c, times(c, erf, half), half));
}

/* x < 0 ? slope x : x */
struct item run_leaky_relu(struct builtin_call *c) {
  struct item x = operand(c), below = two(c, OP_LT, x, item_number(0));
  struct item in[] = {below, times(c, x, item_number(c->numbers[1])), x};
  bool ok = x.kind != ITEM_POISON && below.kind != ITEM_POISON && in[1].kind != ITEM_POISON;
  return ok ? apply(c->e, OP_SELECT, c->node->at, 3, in, NULL, NULL, NULL) : item_poison();
}

/* max(x, 0) + alpha (exp(min(x, 0)) - 1) */
struct item run_elu(struct builtin_call *c) {
  struct item x = operand(c), zero = item_number(0);
  struct item e = one(c, OP_EXP, two(c, OP_MIN, x, zero), NULL);
  struct item below = times(c, two(c, OP_SUB, e, item_number(1)), item_number(c->numbers[1]));
  return add(c, two(c, OP_MAX, x, zero), below);
}

/* x tanh(softplus(x)) */
struct item run_mish(struct builtin_call *c) {
  struct item x = operand(c);
  return times(c, x, one(c, OP_TANH, one(c, OP_SOFTPLUS, x, NULL), NULL));
}

/* x min(max(x + 3, 0), 6) / 6 */
struct item run_hardswish(struct builtin_call *c) {
  struct item x = operand(c), raised = two(c, OP_MAX, add(c, x, item_number(3)), item_number(0));
  return two(c, OP_DIV, times(c, x, two(c, OP_MIN, raised, item_number(6))), item_number(6));
}

/* ---- vectors ----------------------------------------------------------------------------------------- */

enum { MOST_COUNTED = 1 << 24 }; /* of which f32 holds each number */

struct item run_iota(struct builtin_call *c) {
  int n;
  return whole_in(c, 0, 1, MOST_COUNTED, &n) ? count_along(c, n, 0, 1) : item_poison();
}

/* layernorm of each of `groups` equal parts of the last axis */
struct item run_groupnorm(struct builtin_call *c) {
  struct type t;
  int groups;
  if (!settle(c, 0, &t) || !whole_in(c, 1, 1, MOST_COUNTED, &groups))
    return item_poison();
  if (t.rank < 1 || t.rank == MAX_RANK || t.dim[t.rank - 1] % groups != 0) {
    fail(c->e, c->node->at, "the last axis of %s does not split into %d equal groups", type_of(c->e, t),
         groups);
    return item_poison();
  }
  if (!(c->numbers[2] >= 0 && c->numbers[2] < 1)) {
    fail(c->e, argument_at(c, 2), "'eps' of groupnorm is a small number from 0 on, not %.15g", c->numbers[2]);
    return item_poison();
  }
  struct type parted = t;
  parted.dim[t.rank - 1] = groups;
  parted.dim[parted.rank++] = t.dim[t.rank - 1] / groups;
  struct item x = shaped(c, OP_RESHAPE, c->items[0], parted);
  return shaped(c, OP_RESHAPE, one(c, OP_LAYERNORM, x, &(struct attrs){.eps = c->numbers[2]}), t);
}

struct item run_hadamard(struct builtin_call *c) {
  struct type t;
  int block;
  if (!settle(c, 0, &t) || !whole_in(c, 1, 1, MOST_COUNTED, &block))
    return item_poison();
  return make(c, OP_HADAMARD, 1, &(struct attrs){.group = block});
}

/* ---- which one --------------------------------------------------------------------------------------- */

/* Where the largest of x stands along the axis, as a number; the first of several, the last place where there
 * is none that equals the largest (NaN). */
static struct item place_of_largest(struct builtin_call *c, struct item x, int axis) {
  struct type t = x.value->type;
  int64_t n = t.dim[axis];
  struct attrs along = {.axis = axis};
  struct item largest = two(c, OP_EQ, x, one(c, OP_AMAX, x, &along));
  struct item in[] = {largest, minus(c, count_along(c, n, axis, t.rank)), item_number(1 - (double)n)};
  if (largest.kind == ITEM_POISON || in[1].kind == ITEM_POISON)
    return item_poison();
  struct item places = apply(c->e, OP_SELECT, c->node->at, 3, in, NULL, NULL, NULL);
  return minus(c, one(c, OP_AMAX, places, &along));
}

/* Numbers as indices of an axis of length n. */
static struct item as_indices(struct builtin_call *c, struct item x, int64_t n) {
  return one(c, OP_ORDINAL, x, &(struct attrs){.group = n});
}

static bool countable(struct builtin_call *c, struct type t, int axis) {
  if (t.dim[axis] <= MOST_COUNTED)
    return true;
  fail(c->e, c->node->at, "%s counts to 2^24; this axis of %s is longer", c->f->name, type_of(c->e, t));
  return false;
}

struct item run_argmax(struct builtin_call *c) {
  struct type t;
  int axis;
  if (!settle(c, 0, &t) || !axis_of(c, 1, t, &axis) || !countable(c, t, axis))
    return item_poison();
  int64_t n = t.dim[axis];
  struct item place = place_of_largest(c, c->items[0], axis);
  for (int i = axis + 1; i < t.rank; i++)
    t.dim[i - 1] = t.dim[i];
  t.dim[--t.rank] = 0;
  return as_indices(c, shaped(c, OP_RESHAPE, place, t), n);
}

static struct item joined(struct builtin_call *c, struct item *items, int n, int axis) {
  for (int i = 0; i < n; i++)
    if (items[i].kind == ITEM_POISON)
      return item_poison();
  return apply(c->e, OP_CONCAT, c->node->at, n, items, NULL, &(struct attrs){.axis = axis}, NULL);
}

/* The largest one after another; what has been taken counts as -infinity from then on. */
struct item run_top(struct builtin_call *c) {
  enum { MOST = 256 };
  struct type t;
  int k;
  if (!settle(c, 0, &t) || !whole_in(c, 1, 1, MOST, &k))
    return item_poison();
  if (t.rank < 1) {
    fail(c->e, c->node->at, "top takes a vector, not %s", type_of(c->e, t));
    return item_poison();
  }
  int axis = t.rank - 1;
  int64_t n = t.dim[axis];
  if (!countable(c, t, axis))
    return item_poison();
  if (k > n) {
    fail(c->e, argument_at(c, 1), "the last axis of %s has no %d elements", type_of(c->e, t), k);
    return item_poison();
  }
  struct item x = c->items[0], places[MOST], *two_results = arena_array(c->e->arena, struct item, 2);
  struct item values[MOST];
  for (int i = 0; i < k && x.kind == ITEM_VALUE; i++) {
    places[i] = place_of_largest(c, x, axis);
    struct item in[] = {two(c, OP_EQ, count_along(c, n, axis, t.rank), places[i]), x, item_number(0)};
    if (in[0].kind != ITEM_VALUE)
      return item_poison();
    struct item alone = apply(c->e, OP_SELECT, c->node->at, 3, in, NULL, NULL, NULL);
    values[i] = one(c, OP_SUM, alone, &(struct attrs){.axis = axis});
    struct item rest[] = {in[0], item_value(build_const(&c->e->b, -INFINITY, type_scalar(ELEM_F32))), x};
    x = apply(c->e, OP_SELECT, c->node->at, 3, rest, NULL, NULL, NULL);
  }
  two_results[0] = joined(c, values, k, axis);
  two_results[1] = as_indices(c, joined(c, places, k, axis), n);
  if (two_results[0].kind == ITEM_POISON || two_results[1].kind == ITEM_POISON)
    return item_poison();
  return (struct item){.kind = ITEM_SEVERAL, .items = two_results, .n = 2};
}

/* ---- names from elsewhere ---------------------------------------------------------------------------- */

const char *name_here(const char *elsewhere) {
  static const char *const names[][2] = {
      {"arange", "iota"},
      {"topk", "top"},
      {"clip", "clamp"},
      {"swish", "silu"},
      {"layer_norm", "layernorm"},
      {"rms_norm", "rmsnorm"},
      {"group_norm", "groupnorm"},
      {"log_sigmoid", "logsigmoid"},
      {"cat", "concat"},
      {"concatenate", "concat"},
      {"chunk", "split"},
      {"where", "select"},
      {"power", "pow"},
      {"maximum", "max"},
      {"minimum", "min"},
      {"view", "reshape"},
      {"expand", "broadcast"},
      {"permute", "transpose"},
      {"normalize", "l2norm"},
      {"hard_swish", "hardswish"},
      {"fwht", "hadamard"},
      {"gelu_tanh", "gelu"},
      {"gelu_new", "gelu"},
      {"gelu_pytorch_tanh", "gelu"},
      {"leakyrelu", "leaky_relu"},
      {"max_index", "argmax"},
      {"norm", "l2norm"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i][0], elsewhere) == 0)
      return names[i][1];
  return NULL;
}

void unknown_function(struct elaborator *e, const struct node *callee) {
  const char *name = node_text(e->arena, callee), *names[128];
  int n = builtin_names(names, 96);
  for (int i = e->scope.n; i-- > (e->instance ? e->instance->scope : 0) && n < 128;)
    if (e->scope.at[i]->kind == BIND_USE)
      names[n++] = e->scope.at[i]->path.text;
  const struct binding *value = callee->kind == NODE_NAME ? find_name(e, callee->text) : NULL;
  if (value) {
    fail(e, callee->at, "'%s' is a value, not a function", name);
    note(e, value->at, "it is introduced here");
  } else if (name_here(name))
    fail(e, callee->at, "there is no function, instance or block '%s'; did you mean '%s'?", name,
         name_here(name));
  else
    fail(e, callee->at, "there is no function, instance or block '%s'%s", name,
         suggestion(e, name, names, n));
}
