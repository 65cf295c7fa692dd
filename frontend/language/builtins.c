/* builtins.c: the functions of the language, one row each: names and kinds of their arguments, and what makes
 * the operators. */
#include "frontend/language/builtin_call.h"
#include "frontend/language/numbers.h"
#include "support/whole.h"

#include <math.h>
#include <string.h>

/* ---- element-wise ------------------------------------------------------------------------------------ */

static struct item run_unary(struct builtin_call *c) {
  if (c->items[0].kind == ITEM_NUMBER && c->f->number) {
    double x = c->items[0].number, y = c->f->number(x);
    if (isfinite(y))
      return item_number(y);
    fail(c->e, c->node->at, "%s(%.15g) is %s", c->f->name, x, isnan(y) ? "no number" : "infinite");
    return item_poison();
  }
  return make(c, c->f->code, 1, NULL);
}

static struct item run_round(struct builtin_call *c) {
  if (c->items[0].kind == ITEM_NUMBER && c->round == ROUND_HALF_EVEN)
    return item_number(nearbyint(c->items[0].number));
  return make(c, OP_ROUND, 1, &(struct attrs){.round = c->round});
}

/* ceil(x) = -floor(-x) */
static struct item run_ceil(struct builtin_call *c) {
  if (c->items[0].kind == ITEM_NUMBER)
    return item_number(ceil(c->items[0].number));
  return one(c, OP_NEG, one(c, OP_FLOOR, make(c, OP_NEG, 1, NULL), NULL), NULL);
}

static struct item run_extreme(struct builtin_call *c) {
  double a = c->items[0].number, b = c->items[1].number;
  if (c->items[0].kind == ITEM_NUMBER && c->items[1].kind == ITEM_NUMBER)
    return item_number((c->f->code == OP_MAX) == (a < b) ? b : a);
  return make(c, c->f->code, 2, NULL);
}

static struct item run_pow(struct builtin_call *c) {
  return power(c->e, c->node->at, c->items, c->nodes);
}

static struct item run_square(struct builtin_call *c) {
  struct type t;
  if (c->items[0].kind == ITEM_NUMBER)
    return item_number(c->items[0].number * c->items[0].number);
  return settle(c, 0, &t) ? two(c, OP_MUL, c->items[0], c->items[0]) : item_poison();
}

static struct item run_select(struct builtin_call *c) {
  if (c->items[0].kind == ITEM_NUMBER)
    return c->items[c->items[0].number != 0 ? 1 : 2];
  return make(c, OP_SELECT, 3, NULL);
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

static struct item run_axis(struct builtin_call *c) {
  struct type t;
  int axis;
  if (!settle(c, 0, &t) || !axis_of(c, 1, t, &axis))
    return item_poison();
  return make(c, c->f->code, 1, &(struct attrs){.axis = axis});
}

/* The language drops the axis that the operator keeps with length 1, unless `keep` says so. */
static struct item reduce(struct builtin_call *c, enum opcode code, int64_t *length) {
  struct type t;
  int axis;
  if (!settle(c, 0, &t) || !axis_of(c, 1, t, &axis))
    return item_poison();
  *length = t.dim[axis];
  struct item sum = make(c, code, 1, &(struct attrs){.axis = axis});
  if (c->numbers[2] != 0)
    return sum;
  for (int i = axis + 1; i < t.rank; i++)
    t.dim[i - 1] = t.dim[i];
  t.dim[--t.rank] = 0;
  return shaped(c, OP_RESHAPE, sum, t);
}

static struct item run_reduce(struct builtin_call *c) {
  int64_t length;
  return reduce(c, c->f->code, &length);
}

static struct item run_mean(struct builtin_call *c) {
  int64_t length = 1;
  struct item sum = reduce(c, OP_SUM, &length);
  if (length < 0 && sum.kind != ITEM_POISON) {
    fail(c->e, c->node->at, "the tokens so far have no fixed number; divide their sum by what it is of");
    return item_poison();
  }
  return two(c, OP_DIV, sum, item_number((double)length));
}

/* rmsnorm, layernorm, l2norm */
static struct item run_norm(struct builtin_call *c) {
  if (!(c->numbers[1] >= 0 && c->numbers[1] < 1)) {
    fail(c->e, argument_at(c, 1), "'eps' of %s is a small number from 0 on, not %.15g", c->f->name,
         c->numbers[1]);
    return item_poison();
  }
  return make(c, c->f->code, 1, &(struct attrs){.eps = c->numbers[1]});
}

/* ---- quantisation ------------------------------------------------------------------------------------ */

static struct item run_quantize(struct builtin_call *c) {
  struct attrs attr = {.frac = FRAC_DYNAMIC, .round = c->round};
  return whole_in(c, 1, 2, 16, &attr.bits) ? make(c, OP_QUANTIZE, 1, &attr) : item_poison();
}

static struct item run_fixed(struct builtin_call *c) {
  struct attrs attr = {.round = c->round};
  bool ok = whole_in(c, 1, 2, 16, &attr.bits) && whole_in(c, 2, -32, 32, &attr.frac);
  return ok ? make(c, OP_QUANTIZE, 1, &attr) : item_poison();
}

/* ---- moving ------------------------------------------------------------------------------------------ */

static struct item run_shape(struct builtin_call *c) {
  struct type t;
  if (!settle(c, 0, &t))
    return item_poison();
  c->shape.elem = t.elem;
  if (c->shape.dim[0] == AXIS_AS_IT_IS && t.rank == 0) {
    fail(c->e, argument_at(c, 1), "'_' in a shape stands for the first axis, and this is %s",
         type_of(c->e, t));
    return item_poison();
  }
  if (c->shape.dim[0] == AXIS_AS_IT_IS)
    c->shape.dim[0] = t.dim[0];
  return apply(c->e, c->f->code, c->node->at, 1, c->items, c->nodes, NULL, &c->shape);
}

static struct item run_transpose(struct builtin_call *c) {
  struct type t;
  if (!settle(c, 0, &t))
    return item_poison();
  if (t.rank < 2) {
    fail(c->e, c->node->at, "transpose swaps the last two axes; %s has fewer", type_of(c->e, t));
    return item_poison();
  }
  struct attrs attr = {0};
  for (int i = 0; i < t.rank; i++)
    attr.perm[i] = i < t.rank - 2 ? i : 2 * t.rank - 3 - i;
  return make(c, OP_TRANSPOSE, 1, &attr);
}

/* The lengths of the parts: a list of them, or as many equal ones. NULL after a report. */
static int64_t *part_sizes(struct builtin_call *c, struct type t, int axis, int *n) {
  bool list = c->items[1].kind == ITEM_LIST;
  if (t.dim[axis] < 0) {
    fail(c->e, c->node->at, "axis %d of %s is as long as the tokens so far, and does not split", axis,
         type_of(c->e, t));
    return NULL;
  }
  *n = list ? c->items[1].n : 0;
  if (!list && !whole_in(c, 1, 1, 1024, n))
    return NULL;
  int64_t *sizes = arena_array(c->e->arena, int64_t, *n), all = 0;
  for (int i = 0; i < *n; i++) {
    const struct item *size = list ? &c->items[1].items[i] : NULL;
    sizes[i] = t.dim[axis] / *n;
    if (list && (size->kind != ITEM_NUMBER || !whole_number(size->number, 1, INT32_MAX, &sizes[i]))) {
      fail(c->e, argument_at(c, 1), "the length of a part is a whole number from 1 on; one here is %s",
           item_text(c->e, *size));
      return NULL;
    }
    all += sizes[i];
  }
  if (all == t.dim[axis])
    return sizes;
  if (list)
    fail(c->e, argument_at(c, 1), "the parts %s add up to %lld; axis %d of %s is %lld long",
         item_text(c->e, c->items[1]), (long long)all, axis, type_of(c->e, t), (long long)t.dim[axis]);
  else
    fail(c->e, c->node->at, "axis %d of %s does not split into %d equal parts", axis, type_of(c->e, t), *n);
  return NULL;
}

static struct item run_split(struct builtin_call *c) {
  struct type t;
  int axis, n;
  int64_t *sizes, at = 0;
  if (!settle(c, 0, &t) || !axis_of(c, 2, t, &axis) || !(sizes = part_sizes(c, t, axis, &n)))
    return item_poison();
  struct item *parts = arena_array(c->e->arena, struct item, n);
  for (int i = 0; i < n; at += sizes[i++])
    parts[i] = make(c, OP_SLICE, 1, &(struct attrs){.axis = axis, .begin = at, .end = at + sizes[i]});
  return n == 1 ? parts[0] : (struct item){.kind = ITEM_SEVERAL, .items = parts, .n = n};
}

/* outer(a[..., m], b[..., n]) = a[..., m, 1] * b[..., 1, n] */
static struct item run_outer(struct builtin_call *c) {
  struct type a, b;
  if (!settle(c, 0, &a) || !settle(c, 1, &b))
    return item_poison();
  if (a.rank < 1 || b.rank < 1 || a.rank == MAX_RANK || b.rank == MAX_RANK) {
    fail(c->e, c->node->at, "outer takes vectors of 1 to %d axes, not %s and %s", MAX_RANK - 1,
         type_of(c->e, a), type_of(c->e, b));
    return item_poison();
  }
  a.dim[a.rank++] = 1;
  b.dim[b.rank] = b.dim[b.rank - 1];
  b.dim[b.rank++ - 1] = 1;
  struct item column = shaped(c, OP_RESHAPE, c->items[0], a), row = shaped(c, OP_RESHAPE, c->items[1], b);
  return two(c, OP_MUL, column, row);
}

/* ---- the table --------------------------------------------------------------------------------------- */

#define X                         {VALUE, "x", 0}
#define AXIS                      {NUMBER, "axis", -1}
#define KEEP                      {NUMBER, "keep", 0}
#define ROUND                     {ROUNDING, "round", 0}
#define UNARY(name, code, number) {name, {X}, run_unary, code, number}

static const struct builtin builtins[] = {
    UNARY("exp", OP_EXP, number_exp),
    UNARY("log", OP_LOG, number_log),
    UNARY("sin", OP_SIN, NULL),
    UNARY("cos", OP_COS, NULL),
    UNARY("sqrt", OP_SQRT, sqrt),
    UNARY("rsqrt", OP_RSQRT, NULL),
    UNARY("sigmoid", OP_SIGMOID, NULL),
    UNARY("silu", OP_SILU, NULL),
    UNARY("tanh", OP_TANH, NULL),
    UNARY("softplus", OP_SOFTPLUS, NULL),
    UNARY("gelu", OP_GELU, NULL),
    UNARY("erf", OP_ERF, NULL),
    UNARY("relu", OP_RELU, NULL),
    UNARY("abs", OP_ABS, fabs),
    UNARY("floor", OP_FLOOR, floor),
    {"logsigmoid", {X}, run_logsigmoid, 0, NULL},
    {"gelu_erf", {X}, run_gelu_erf, 0, NULL},
    {"leaky_relu", {X, {NUMBER, "slope", 0.01}}, run_leaky_relu, 0, NULL},
    {"elu", {X, {NUMBER, "alpha", 1}}, run_elu, 0, NULL},
    {"mish", {X}, run_mish, 0, NULL},
    {"hardswish", {X}, run_hardswish, 0, NULL},
    {"clamp", {X, {VALUE, "lo", 0}, {VALUE, "hi", 0}}, run_clamp, 0, NULL},
    {"iota", {{REQUIRED, "n", 0}}, run_iota, 0, NULL},
    {"ceil", {X}, run_ceil, 0, NULL},
    {"round", {X, ROUND}, run_round, 0, NULL},
    {"square", {X}, run_square, 0, NULL},
    {"pow", {{VALUE, "a", 0}, {VALUE, "b", 0}}, run_pow, 0, NULL},
    {"min", {{VALUE, "a", 0}, {VALUE, "b", 0}}, run_extreme, OP_MIN, NULL},
    {"max", {{VALUE, "a", 0}, {VALUE, "b", 0}}, run_extreme, OP_MAX, NULL},
    {"select", {{VALUE, "c", 0}, {VALUE, "a", 0}, {VALUE, "b", 0}}, run_select, 0, NULL},
    {"sum", {X, AXIS, KEEP}, run_reduce, OP_SUM, NULL},
    {"mean", {X, AXIS, KEEP}, run_mean, 0, NULL},
    {"amax", {X, AXIS, KEEP}, run_reduce, OP_AMAX, NULL},
    {"absmax", {X, AXIS, KEEP}, run_reduce, OP_ABSMAX, NULL},
    {"argmax", {X, AXIS}, run_argmax, 0, NULL},
    {"top", {X, {REQUIRED, "k", 0}}, run_top, 0, NULL},
    {"softmax", {X, AXIS}, run_axis, OP_SOFTMAX, NULL},
    {"cumsum", {X, AXIS}, run_axis, OP_CUMSUM, NULL},
    {"rmsnorm", {X, {REQUIRED, "eps", 0}}, run_norm, OP_RMSNORM, NULL},
    {"layernorm", {X, {REQUIRED, "eps", 0}}, run_norm, OP_LAYERNORM, NULL},
    {"l2norm", {X, {REQUIRED, "eps", 0}}, run_norm, OP_L2NORM, NULL},
    {"groupnorm", {X, {REQUIRED, "groups", 0}, {REQUIRED, "eps", 0}}, run_groupnorm, 0, NULL},
    {"hadamard", {X, {REQUIRED, "block", 0}}, run_hadamard, 0, NULL},
    {"quantize", {X, {NUMBER, "bits", 8}, ROUND}, run_quantize, 0, NULL},
    {"fixed", {X, {NUMBER, "bits", 16}, {REQUIRED, "frac", 0}, ROUND}, run_fixed, 0, NULL},
    {"reshape", {X, {SHAPE, "shape", 0}}, run_shape, OP_RESHAPE, NULL},
    {"broadcast", {X, {SHAPE, "shape", 0}}, run_shape, OP_BROADCAST, NULL},
    {"transpose", {X}, run_transpose, 0, NULL},
    {"split", {X, {PARTS, "parts", 0}, AXIS}, run_split, 0, NULL},
    {"outer", {{VALUE, "a", 0}, {VALUE, "b", 0}}, run_outer, 0, NULL},
};
enum { BUILTINS = sizeof builtins / sizeof *builtins };

int builtin_names(const char **names, int room) {
  int n = 0;
  for (; n < BUILTINS && n < room; n++)
    names[n] = builtins[n].name;
  if (n < room)
    names[n++] = "concat";
  if (n < room)
    names[n++] = "config";
  if (n < room)
    names[n++] = "append";
  if (n < room)
    names[n++] = "position";
  if (n < room)
    names[n++] = "age";
  if (n < room)
    names[n++] = "length";
  if (n < room)
    names[n++] = "einsum";
  return n;
}

/* ---- arguments --------------------------------------------------------------------------------------- */

/* "rmsnorm(x, eps)", with "[ ]" around what can be left out. */
static const char *usage(struct elaborator *e, const struct builtin *f) {
  const char *text = arena_printf(e->arena, "%s(", f->name);
  for (int i = 0; i < MAX_ARGUMENTS && f->formals[i].kind != NO_MORE; i++) {
    bool optional = f->formals[i].kind == NUMBER || f->formals[i].kind == ROUNDING;
    text = arena_printf(e->arena, "%s%s%s%s%s", text, i ? ", " : "", optional ? "[" : "", f->formals[i].name,
                        optional ? "]" : "");
  }
  return arena_printf(e->arena, "%s)", text);
}

static int formal_named(const struct builtin *f, const char *name) {
  for (int i = 0; i < MAX_ARGUMENTS && f->formals[i].kind != NO_MORE; i++)
    if (strcmp(f->formals[i].name, name) == 0)
      return i;
  return -1;
}

/* Puts each argument at its place. */
static bool place_arguments(struct builtin_call *c) {
  const argument_list *args = &c->node->args;
  int next = 0;
  for (int i = 0; i < args->n; i++) {
    const struct argument *a = &args->at[i];
    int k = a->name ? formal_named(c->f, a->name) : next++;
    if (k < 0 || k >= MAX_ARGUMENTS || c->f->formals[k].kind == NO_MORE) {
      fail(c->e, a->at, a->name ? "%s has no argument '%s': %s" : "%s has no place for this argument%.0s: %s",
           c->f->name, a->name ? a->name : "", usage(c->e, c->f));
      return false;
    }
    if (c->nodes[k]) {
      fail(c->e, a->at, "the argument '%s' of %s is given twice", c->f->formals[k].name, c->f->name);
      return false;
    }
    c->nodes[k] = a->value;
  }
  for (int i = 0; i < MAX_ARGUMENTS && c->f->formals[i].kind != NO_MORE; i++)
    if (!c->nodes[i] && c->f->formals[i].kind != NUMBER && c->f->formals[i].kind != ROUNDING) {
      fail(c->e, c->node->at, "%s lacks its argument '%s': %s", c->f->name, c->f->formals[i].name,
           usage(c->e, c->f));
      return false;
    }
  return true;
}

static bool take_rounding(struct builtin_call *c, const struct node *n) {
  if (!n || (n->kind == NODE_NAME && rounding_parse(n->text, &c->round)))
    return true;
  const char *names[ROUND_COUNT];
  for (int i = 0; i < ROUND_COUNT; i++)
    names[i] = rounding_name((enum rounding)i);
  const char *word = node_text(c->e->arena, n), *near = suggestion(c->e, word, names, ROUND_COUNT);
  fail(c->e, n->at, "there is no rounding mode '%s'%s", word,
       *near ? near : "; they are half_even, half_away, truncate, floor");
  return false;
}

/* A list that a name stands for, such as a param. */
static bool take_shape_list(struct builtin_call *c, const struct node *n) {
  struct item list = eval_constant(c->e, n, "a shape");
  int64_t size;
  if (list.kind == ITEM_POISON)
    return false;
  if (list.kind != ITEM_LIST || list.n > MAX_RANK) {
    fail(c->e, n->at, "a shape is a list of 1 to %d dimensions in brackets", MAX_RANK);
    return false;
  }
  c->shape = (struct type){.elem = ELEM_F32, .rank = list.n};
  for (int i = 0; i < list.n; i++) {
    if (list.items[i].kind != ITEM_NUMBER || !whole_number(list.items[i].number, 1, INT32_MAX, &size)) {
      fail(c->e, n->at, "a dimension must be a whole number from 1 on; one here is %s",
           item_text(c->e, list.items[i]));
      return false;
    }
    c->shape.dim[i] = size;
  }
  return true;
}

static bool take_shape(struct builtin_call *c, const struct node *n) {
  if (n->kind != NODE_LIST)
    return take_shape_list(c, n);
  if (n->args.n > MAX_RANK) {
    fail(c->e, n->at, "a shape is a list of 1 to %d dimensions in brackets", MAX_RANK);
    return false;
  }
  bool ok = true;
  c->shape = (struct type){.elem = ELEM_F32, .rank = n->args.n};
  for (int i = 0; i < n->args.n; i++)
    if (i == 0 && n->args.at[i].value->kind == NODE_NAME && strcmp(n->args.at[i].value->text, "_") == 0)
      c->shape.dim[i] = AXIS_AS_IT_IS;
    else
      ok &= eval_whole(c->e, n->args.at[i].value, "a dimension", 1, &c->shape.dim[i]);
  return ok;
}

static bool take_parts(struct builtin_call *c, int i, const struct node *n) {
  c->items[i] = eval_constant(c->e, n, "'parts' of split");
  c->numbers[i] = c->items[i].number;
  if (c->items[i].kind == ITEM_NUMBER || c->items[i].kind == ITEM_LIST)
    return true;
  if (c->items[i].kind != ITEM_POISON)
    fail(c->e, n->at, "'parts' of split is a number, or a list of lengths; this is %s",
         item_noun(c->items[i]));
  return false;
}

static bool take_argument(struct builtin_call *c, int i) {
  const struct formal *f = &c->f->formals[i];
  const struct node *n = c->nodes[i];
  switch (f->kind) {
  case VALUE: c->items[i] = eval_one(c->e, n); return c->items[i].kind != ITEM_POISON;
  case NUMBER:
  case REQUIRED:
    c->numbers[i] = f->otherwise;
    return !n ||
           eval_number(c->e, n, arena_printf(c->e->arena, "'%s' of %s", f->name, c->f->name), &c->numbers[i]);
  case PARTS: return take_parts(c, i, n);
  case ROUNDING: return take_rounding(c, n);
  case SHAPE: return take_shape(c, n);
  case NO_MORE: break;
  }
  return true;
}

/* concat(a, b, ..., axis = -1) */
static struct item call_concat(struct elaborator *e, const struct node *n) {
  VEC(struct item) items = {0};
  VEC(const struct node *) nodes = {0};
  double axis = -1;
  bool ok = true;
  for (int i = 0; i < n->args.n; i++) {
    const struct argument *a = &n->args.at[i];
    if (a->name && strcmp(a->name, "axis") != 0) {
      fail(e, a->at, "concat has no argument '%s': concat(a, b, ..., [axis])", a->name);
      ok = false;
    } else if (a->name)
      ok &= eval_number(e, a->value, "'axis' of concat", &axis);
    else {
      struct value *v = plain(e, eval_one(e, a->value), a->at);
      vec_push(e->arena, items, item_value(v));
      vec_push(e->arena, nodes, a->value);
      ok &= v != NULL;
    }
  }
  if (!ok)
    return item_poison();
  int rank = items.n ? items.at[0].value->type.rank : 0;
  int64_t whole;
  if (!whole_number(axis, -rank, rank - 1, &whole)) {
    fail(e, n->at, "concat: there is no axis %.15g among the %d of the first value", axis, rank);
    return item_poison();
  }
  struct attrs attr = {.axis = (int)whole + (whole < 0 ? rank : 0)};
  return apply(e, OP_CONCAT, n->at, items.n, items.at, nodes.at, &attr, NULL);
}

struct item call_builtin(struct elaborator *e, const struct node *n, bool *known) {
  const char *name = n->a->text;
  *known = true;
  if (strcmp(name, "concat") == 0)
    return call_concat(e, n);
  if (strcmp(name, "config") == 0)
    return call_config(e, n);
  if (strcmp(name, "einsum") == 0)
    return call_einsum(e, n);
  if (strcmp(name, "length") == 0 && !program_block(e->program, e->file, name))
    return call_length(e, n);
  struct item past = call_past(e, n, known);
  if (*known)
    return past;
  int i = 0;
  while (i < BUILTINS && strcmp(builtins[i].name, name) != 0)
    i++;
  *known = i < BUILTINS;
  struct builtin_call c = {.e = e, .f = &builtins[*known ? i : 0], .node = n};
  if (!*known || !place_arguments(&c))
    return item_poison();
  bool ok = true;
  for (int k = 0; k < MAX_ARGUMENTS && c.f->formals[k].kind != NO_MORE; k++)
    ok &= take_argument(&c, k);
  return ok ? c.f->run(&c) : item_poison();
}
