/* expr.c: expressions to items.
 *
 * What consists of numbers only is computed here, in float64; what meets a value becomes an operator, and a
 * number beside it a constant. */
#include "frontend/language/builtin_call.h"
#include "support/whole.h"

#include <float.h>
#include <math.h>
#include <string.h>

static struct item binding_item(struct elaborator *e, struct binding *b, const struct node *n);

/* ---- items as values --------------------------------------------------------------------------------- */

static bool is_quantised(enum elem elem) {
  return elem == ELEM_Q8 || elem == ELEM_Q16;
}

static bool is_data(struct item item) {
  return item.kind == ITEM_TEXT || item.kind == ITEM_LIST || item.kind == ITEM_BLOCK;
}

struct value *plain(struct elaborator *e, struct item item, struct loc at) {
  e->b.at = at;
  if (!e->instance && item.kind == ITEM_NUMBER) {
    fail(e, at, "this is computed when a model runs; a parameter is computed before, from numbers");
    return NULL;
  }
  if (item.kind == ITEM_NUMBER) {
    if (fabs(item.number) <= FLT_MAX)
      return build_const(&e->b, item.number, type_scalar(ELEM_F32));
    fail(e, at, "%g is too large for f32", item.number);
    return NULL;
  }
  if (is_data(item))
    fail(e, at,
         item.kind == ITEM_BLOCK ? "%s, '%s', is no value to compute with; it is called, or used under a path"
                                 : "%s %s is no value to compute with; it can be compared",
         item_noun(item), item_text(e, item));
  if (item.kind != ITEM_VALUE)
    return NULL;
  struct value *v = item.value;
  if (is_quantised(v->type.elem))
    return sound(build1(&e->b, OP_DEQUANTIZE, v));
  if (v->type.elem != ELEM_U32)
    return v;
  struct type t = v->type;
  t.elem = ELEM_F32;
  struct value *number = sound(build(&e->b, OP_CONVERT, 1, &v, NULL, &t)->out[0]);
  if (!number || !item.from)
    return number;
  return sound(build2(&e->b, OP_ADD, number, build_const(&e->b, (double)item.from, t)));
}

/* After an operator that did not fit: where its operands come from. */
static void operand_note(struct elaborator *e, const struct node *n, const struct item *item) {
  if (!n || (n->kind != NODE_NAME && n->kind != NODE_FIELD) || item->kind != ITEM_VALUE)
    return;
  bool reported;
  const struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  if (!b)
    b = find_path(e, n, &reported);
  if (b)
    note(e, b->at, "'%s' is %s", node_text(e->arena, n), type_of(e, item->value->type));
}

/* Products take codes as they are, and what only moves takes indices so. */
static bool taken_raw(enum opcode code, const struct item *item) {
  if (item->kind != ITEM_VALUE)
    return false;
  bool moves = code == OP_SLICE || code == OP_RESHAPE;
  return code == OP_MATMUL || (moves && item->value->type.elem == ELEM_U32);
}

struct item apply(struct elaborator *e, enum opcode code, struct loc at, int n, const struct item *items,
                  const struct node *const *nodes, const struct attrs *attr, const struct type *type) {
  struct value **in = arena_array(e->arena, struct value *, n);
  for (int i = 0; i < n; i++) {
    struct loc operand = nodes && nodes[i] ? nodes[i]->at : at;
    in[i] = taken_raw(code, &items[i]) ? items[i].value : plain(e, items[i], operand);
  }
  for (int i = 0; i < n; i++)
    if (!in[i])
      return item_poison();
  e->b.at = at;
  struct value *v = sound(build(&e->b, code, n, in, attr, type)->out[0]);
  if (v)
    return item_value(v);
  program_chain(e->program, at);
  for (int i = 0; nodes && i < n; i++)
    if (i == 0 || items[i].value != items[i - 1].value)
      operand_note(e, nodes[i], &items[i]);
  return item_poison();
}

struct item eval_one(struct elaborator *e, const struct node *n) {
  struct item item = eval(e, n);
  if (item.kind != ITEM_SEVERAL)
    return item;
  fail(e, n->at, "this gives %d values where one is needed", item.n);
  return item_poison();
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

bool eval_number(struct elaborator *e, const struct node *n, const char *what, double *number) {
  struct item item = eval_one(e, n);
  *number = item.number;
  if (is_data(item))
    fail(e, n->at, "%s must be a number; this is %s %s", what,
         item.kind == ITEM_TEXT   ? "the string"
         : item.kind == ITEM_LIST ? "the list"
                                  : "the block",
         item_text(e, item));
  if (item.kind == ITEM_VALUE)
    fail(e, n->at, "%s must be known when the model is compiled; this is %s", what,
         type_of(e, item.value->type));
  return item.kind == ITEM_NUMBER;
}

/* What a name stands for that is no path: paths can have the names of blocks. */
static struct item constant_name(struct elaborator *e, const struct node *n) {
  struct binding *b = find_name(e, n->text);
  struct item item;
  if (b)
    return binding_item(e, b, n);
  if (param_item(e, n->text, &item))
    return item;
  const struct block_ref *block = block_named(e, n->text, n->at);
  return block ? (struct item){.kind = ITEM_BLOCK, .ref = block} : eval_one(e, n);
}

struct item eval_constant(struct elaborator *e, const struct node *n, const char *what) {
  double number;
  if (n->kind == NODE_CHOICE)
    return eval_number(e, n->a, "what chooses here", &number)
               ? eval_constant(e, number != 0 ? n->b : n->c, what)
               : item_poison();
  struct item item = n->kind == NODE_NAME ? constant_name(e, n) : eval_one(e, n);
  if (item.kind != ITEM_VALUE)
    return item;
  fail(e, n->at, "%s must be known when the model is compiled; this is %s", what,
       type_of(e, item.value->type));
  return item_poison();
}

bool eval_whole(struct elaborator *e, const struct node *n, const char *what, int64_t least, int64_t *whole) {
  double number;
  if (!eval_number(e, n, what, &number))
    return false;
  if (whole_number(number, least, INT32_MAX, whole))
    return true;
  if (number > INT32_MAX)
    fail(e, n->at, "%s must be a whole number from %lld to %d; this is %.15g", what, (long long)least,
         INT32_MAX, number);
  else
    fail(e, n->at, "%s must be a whole number from %lld on; this is %.15g", what, (long long)least, number);
  origin_notes(e, n);
  return false;
}

bool eval_type(struct elaborator *e, const struct type_node *t, struct type *out) {
  if (t->stored == STORE_NONE)
    return eval_row_type(e, t, out);
  fail(e, t->at,
       "bf16 and i8 are how the rows of a history or a window are kept, i8 a weight too; this is f32, u32 or "
       "ternary");
  return false;
}

bool eval_row_type(struct elaborator *e, const struct type_node *t, struct type *out) {
  if (t->dims.n > MAX_RANK) {
    fail(e, t->at, "a type has at most %d dimensions", MAX_RANK);
    return false;
  }
  bool ok = true;
  *out = (struct type){.elem = t->elem, .rank = t->dims.n};
  for (int i = 0; i < t->dims.n; i++)
    ok &= eval_whole(e, t->dims.at[i], "a dimension", 1, &out->dim[i]);
  return ok;
}

static struct item number_binary(struct elaborator *e, const struct node *n, double a, double b) {
  if (b == 0 && (n->binary == BINARY_DIV || n->binary == BINARY_MOD)) {
    fail(e, n->b->at, "division by zero");
    return item_poison();
  }
  switch (n->binary) {
  case BINARY_ADD: return item_number(a + b);
  case BINARY_SUB: return item_number(a - b);
  case BINARY_MUL: return item_number(a * b);
  case BINARY_DIV: return item_number(a / b);
  case BINARY_MOD: return item_number(a - b * floor(a / b));
  case BINARY_LT: return item_boolean(a < b);
  case BINARY_LE: return item_boolean(a <= b);
  case BINARY_GT: return item_boolean(a > b);
  case BINARY_GE: return item_boolean(a >= b);
  case BINARY_EQ: return item_boolean(a == b);
  case BINARY_NE: return item_boolean(a != b);
  case BINARY_POW:
  case BINARY_AND:
  case BINARY_OR:
  case BINARY_MATMUL:
  case BINARY_COUNT: break;
  }
  fail(e, n->at, "'@' takes a matrix and a vector, not numbers");
  return item_poison();
}

/* ---- operators --------------------------------------------------------------------------------------- */

static const struct {
  enum opcode code;
  bool swapped;
} binary_ops[BINARY_COUNT] = {
    [BINARY_ADD] = {OP_ADD, false}, [BINARY_SUB] = {OP_SUB, false},       [BINARY_MUL] = {OP_MUL, false},
    [BINARY_DIV] = {OP_DIV, false}, [BINARY_MATMUL] = {OP_MATMUL, false}, [BINARY_LT] = {OP_LT, false},
    [BINARY_LE] = {OP_LE, false},   [BINARY_GT] = {OP_LT, true},          [BINARY_GE] = {OP_LE, true},
    [BINARY_EQ] = {OP_EQ, false},   [BINARY_NE] = {OP_EQ, false}};

/* a != b: where a == b is 0. */
static struct item negated(struct elaborator *e, struct item equal, struct loc at) {
  if (equal.kind != ITEM_VALUE)
    return equal;
  struct type t = equal.value->type;
  t.elem = ELEM_F32;
  struct item items[2] = {apply(e, OP_CONVERT, at, 1, &equal, NULL, NULL, &t), item_number(0)};
  return items[0].kind == ITEM_VALUE ? apply(e, OP_EQ, at, 2, items, NULL, NULL, NULL) : item_poison();
}

/* `and`, `or`: the right side is looked at where the left one does not decide. */
static struct item eval_logic(struct elaborator *e, const struct node *n) {
  double a, b;
  const char *what = n->binary == BINARY_AND ? "what 'and' takes" : "what 'or' takes";
  if (!eval_number(e, n->a, what, &a))
    return item_poison();
  if ((a != 0) == (n->binary == BINARY_OR))
    return item_boolean(a != 0);
  return eval_number(e, n->b, what, &b) ? item_boolean(b != 0) : item_poison();
}

static struct item eval_not(struct elaborator *e, const struct node *n) {
  double a;
  return eval_number(e, n->a, "what 'not' takes", &a) ? item_boolean(a == 0) : item_poison();
}

static struct item eval_binary(struct elaborator *e, const struct node *n) {
  if (n->binary == BINARY_AND || n->binary == BINARY_OR)
    return eval_logic(e, n);
  struct item a = eval_one(e, n->a), b = eval_one(e, n->b);
  if (a.kind == ITEM_POISON || b.kind == ITEM_POISON)
    return item_poison();
  if (n->binary == BINARY_POW && !is_data(a) && !is_data(b))
    return power(e, n->at, (struct item[]){a, b}, (const struct node *[]){n->a, n->b});
  if (a.kind == ITEM_NUMBER && b.kind == ITEM_NUMBER)
    return number_binary(e, n, a.number, b.number);
  if (is_data(a) || is_data(b))
    return compare_items(e, n, a, b);
  if (n->binary == BINARY_MOD) {
    fail(e, n->at, "'%%' is for numbers known when the model is compiled");
    return item_poison();
  }
  bool swapped = binary_ops[n->binary].swapped;
  struct item items[2] = {swapped ? b : a, swapped ? a : b};
  const struct node *nodes[2] = {swapped ? n->b : n->a, swapped ? n->a : n->b};
  struct item result = apply(e, binary_ops[n->binary].code, n->at, 2, items, nodes, NULL, NULL);
  if (result.kind == ITEM_POISON && n->binary == BINARY_MATMUL && a.kind == ITEM_VALUE &&
      a.value->type.rank > 2)
    note(e, n->at,
         "'@' is a matrix and vectors; any axes are multiplied and summed by einsum(\"bmk,bkn->bmn\", a, b)");
  return n->binary == BINARY_NE ? negated(e, result, n->at) : result;
}

/* A condition known now chooses a branch, and the other is not looked at. */
static struct item eval_choice(struct elaborator *e, const struct node *n) {
  struct item c = eval_one(e, n->a);
  if (c.kind == ITEM_NUMBER) {
    mention(e, c.number != 0 ? n->c : n->b);
    return eval(e, c.number != 0 ? n->b : n->c);
  }
  struct item a = eval_one(e, n->b), b = eval_one(e, n->c), items[3] = {c, a, b};
  const struct node *nodes[3] = {n->a, n->b, n->c};
  return apply(e, OP_SELECT, n->at, 3, items, nodes, NULL, NULL);
}

static struct item eval_negate(struct elaborator *e, const struct node *n) {
  struct item a = eval_one(e, n->a);
  const struct node *nodes[1] = {n->a};
  return a.kind == ITEM_NUMBER ? item_number(-a.number) : apply(e, OP_NEG, n->at, 1, &a, nodes, NULL, NULL);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static struct item binding_item(struct elaborator *e, struct binding *b, const struct node *n) {
  if (b->used)
    *b->used = true;
  if (b->kind == BIND_WEIGHT)
    return weight_item(e, b, n->at);
  if (b->kind == BIND_STATE && b->statement->past)
    return past_rows_of(e, b, n->at);
  if (b->kind != BIND_USE)
    return b->item;
  if (!b->ref || b->broken) /* which has been said */
    return item_poison();
  const char *name = node_text(e->arena, n);
  fail(e, n->at, "'%s' is an instance of the block '%s'; call it: %s(...)", name, b->ref->block->name.text,
       name);
  return item_poison();
}

bool param_item(struct elaborator *e, const char *name, struct item *item) {
  if (!program_param(e->program, e->file, name))
    return false;
  for (int i = 0; i < e->params.n; i++)
    if (strcmp(e->params.at[i].name, name) == 0) {
      *item = e->params.at[i].item;
      return true;
    }
  return false;
}

static struct item eval_name(struct elaborator *e, const struct node *n) {
  struct binding *b = find_name(e, n->text);
  bool reported = false;
  struct item item = item_poison();
  if (!b)
    b = find_path(e, n, &reported);
  if (b)
    return binding_item(e, b, n);
  if (reported || param_item(e, n->text, &item))
    return item;
  if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)
    return item_boolean(n->text[0] == 't');
  const struct block_ref *block = block_named(e, n->text, n->at);
  if (block)
    return (struct item){.kind = ITEM_BLOCK, .ref = block};
  unknown_name(e, n);
  return item;
}

static struct item eval_field(struct elaborator *e, const struct node *n) {
  bool reported;
  struct binding *b = find_path(e, n, &reported);
  if (b)
    return binding_item(e, b, n);
  if (!reported)
    unknown_name(e, n);
  return item_poison();
}

/* ---- elements and slices ----------------------------------------------------------------------------- */

/* Begin or end of a range in an axis of `size`; counted from the end when negative. */
static bool range_bound(struct elaborator *e, const struct node *n, int64_t size, int64_t otherwise,
                        int64_t *bound) {
  double number;
  *bound = otherwise;
  if (!n)
    return true;
  if (!eval_number(e, n, "a slice's bound", &number))
    return false;
  if (!whole_number(number, -size, size, bound)) {
    fail(e, n->at, "%.15g is not in an axis of length %lld", number, (long long)size);
    return false;
  }
  *bound += *bound < 0 ? size : 0;
  return true;
}

/* [begin, end) of a subscript that is known now; *one: it is a single element, and the axis goes away. */
static bool subscript_range(struct elaborator *e, const struct node *n, double index, int64_t size,
                            int64_t *begin, int64_t *end, bool *one) {
  *one = n->kind != NODE_RANGE;
  if (*one) {
    if (!whole_number(index, -size, size - 1, begin)) {
      fail(e, n->at, "%.15g is not an index of an axis of length %lld", index, (long long)size);
      return false;
    }
    *begin += *begin < 0 ? size : 0;
    *end = *begin + 1;
    return true;
  }
  if (!range_bound(e, n->a, size, 0, begin) || !range_bound(e, n->b, size, size, end))
    return false;
  if (*begin < *end)
    return true;
  fail(e, n->at, "the slice from %lld to %lld is empty", (long long)*begin, (long long)*end);
  return false;
}

static struct item drop_axis(struct elaborator *e, struct item item, int axis, struct loc at) {
  if (item.kind != ITEM_VALUE)
    return item;
  struct type t = item.value->type;
  for (int i = axis + 1; i < t.rank; i++)
    t.dim[i - 1] = t.dim[i];
  t.dim[--t.rank] = 0;
  return apply(e, OP_RESHAPE, at, 1, &item, NULL, NULL, &t);
}

/* An element of a list, counted from the end when negative. */
static struct item list_element(struct elaborator *e, struct item list, const struct node *n) {
  double number;
  if (n->args.n != 1 || n->args.at[0].value->kind == NODE_RANGE) {
    fail(e, n->at, "a list has one index in brackets");
    return item_poison();
  }
  if (!eval_number(e, n->args.at[0].value, "an index of a list", &number))
    return item_poison();
  double at = number < 0 ? number + list.n : number;
  if (number == floor(number) && at >= 0 && at < list.n)
    return list.items[(int)at];
  fail(e, n->args.at[0].value->at, "%.15g is not an index of a list of length %d", number, list.n);
  return item_poison();
}

/* One subscript of item, in *axis, which moves on to the next axis of the result. */
static struct item subscript(struct elaborator *e, struct item item, const struct node *n, int *axis,
                             const struct node *whole) {
  struct hole sum;
  int errors = e->diag->errors;
  bool rows = *axis == 0 && item.kind == ITEM_VALUE && item.value->type.rank > 0 &&
              item.value->type.dim[0] > 0 && n->kind == NODE_BINARY && index_of_repeats(e, n, &sum);
  if (rows)
    return row_of_sum(e, item, sum, n, whole);
  if (e->diag->errors > errors)
    return item_poison();
  struct item index = n->kind == NODE_RANGE ? item_number(0) : eval_one(e, n);
  if (item.kind != ITEM_VALUE || index.kind == ITEM_POISON)
    return item_poison();
  struct type t = item.value->type;
  if (*axis >= t.rank) {
    fail(e, n->at, "%s has no axis for this index", type_of(e, t));
    return item_poison();
  }
  if (t.dim[*axis] < 0 && (n->kind != NODE_RANGE || n->a || n->b)) {
    fail(e, n->at, "the tokens so far have no fixed number; the first index of %s is ':'", type_of(e, t));
    return item_poison();
  }
  if (index.kind == ITEM_VALUE) {
    if (*axis > 0 || index.value->type.elem != ELEM_U32) {
      fail(e, n->at,
           *axis > 0 ? "only the first index can change from token to token or from layer to layer"
                     : "an index is a number, the token, a repeat's name or what argmax and top give, not %s",
           type_of(e, index.value->type));
      return item_poison();
    }
    return indexed(e, item, index, n, whole);
  }
  int64_t begin, end;
  bool one;
  if (t.dim[*axis] < 0) { /* ':' */
    ++*axis;
    return item;
  }
  if (!subscript_range(e, n, index.number, t.dim[*axis], &begin, &end, &one))
    return item_poison();
  if (end - begin < t.dim[*axis]) {
    struct attrs attr = {.axis = *axis, .begin = begin, .end = end};
    item = apply(e, OP_SLICE, whole->at, 1, &item, NULL, &attr, NULL);
  }
  if (one)
    return drop_axis(e, item, *axis, whole->at);
  ++*axis;
  return item;
}

static bool is_new_axis(struct elaborator *e, const struct node *n) {
  return n->kind == NODE_NAME && strcmp(n->text, "_") == 0 && !find_name(e, n->text);
}

/* x[:, _]: axes of length 1 where `_` stands, among those that the other subscripts leave. */
static struct item new_axes(struct elaborator *e, struct item item, const struct node *n) {
  struct type t = {0}, old = item.kind == ITEM_VALUE ? item.value->type : t;
  int at = 0, added = 0;
  for (int i = 0; i < n->args.n; i++)
    added += is_new_axis(e, n->args.at[i].value);
  if (item.kind != ITEM_VALUE || !added)
    return item;
  if (old.rank + added > MAX_RANK) {
    fail(e, n->at, "%s with %d more ax%s has more than %d", type_of(e, old), added, added == 1 ? "is" : "es",
         MAX_RANK);
    return item_poison();
  }
  t.elem = old.elem;
  for (int i = 0; i < n->args.n; i++) {
    const struct node *s = n->args.at[i].value;
    if (is_new_axis(e, s))
      t.dim[t.rank++] = 1;
    else if (s->kind == NODE_RANGE)
      t.dim[t.rank++] = old.dim[at++];
  }
  while (at < old.rank)
    t.dim[t.rank++] = old.dim[at++];
  return apply(e, OP_RESHAPE, n->at, 1, &item, NULL, NULL, &t);
}

static struct item eval_index(struct elaborator *e, const struct node *n) {
  bool reported;
  struct binding *b = find_path(e, n, &reported);
  if (b)
    return binding_item(e, b, n);
  if (reported)
    return item_poison();
  struct item item = eval_one(e, n->a);
  if (item.kind == ITEM_LIST)
    return list_element(e, item, n);
  if (item.kind == ITEM_NUMBER || item.kind == ITEM_TEXT || item.kind == ITEM_BLOCK) {
    fail(e, n->at, "%s has no elements", item_noun(item));
    return item_poison();
  }
  if (item.kind == ITEM_VALUE && is_quantised(item.value->type.elem))
    item = item_value(plain(e, item, n->a->at));
  int axis = 0;
  for (int i = 0; i < n->args.n; i++)
    if (!is_new_axis(e, n->args.at[i].value))
      item = subscript(e, item, n->args.at[i].value, &axis, n);
  return new_axes(e, item, n);
}

/* ---- calls ------------------------------------------------------------------------------------------- */

/* The expression stands in the block itself, or in one that it calls. */
static bool inside_block(const struct elaborator *e, const struct block_node *block) {
  for (const struct instance *i = e->instance; i; i = i->parent)
    if (i->block == block)
      return true;
  return false;
}

/* A block of the spec goes before a builtin function of its name, so that new builtins leave old specs as
 * they are; in the block itself the name is the builtin's. */
static struct item eval_call(struct elaborator *e, const struct node *n) {
  bool reported = false, known = false;
  struct binding *use = find_path(e, n->a, &reported);
  if (use && use->used)
    *use->used = true;
  if (use && use->kind == BIND_USE)
    return use->broken ? item_poison() : call_block(e, use->ref, use, n);
  if (reported || (use && use->broken))
    return item_poison();
  struct item item = item_poison();
  const struct block_ref *ref =
      n->a->kind == NODE_NAME && e->instance ? block_named(e, n->a->text, n->a->at) : NULL;
  bool own = ref && ref->block == program_block(e->program, e->file, n->a->text);
  if (n->a->kind == NODE_NAME && (!ref || (own && inside_block(e, ref->block))))
    item = call_builtin(e, n, &known);
  if (known)
    return item;
  if (ref)
    return call_block(e, ref, NULL, n);
  if (use)
    fail(e, n->a->at, "'%s' is a weight, not a function", use->path.text);
  else
    unknown_function(e, n->a);
  return item_poison();
}

static struct item eval_list(struct elaborator *e, const struct node *n) {
  struct item *items = arena_array(e->arena, struct item, n->args.n);
  for (int i = 0; i < n->args.n; i++) {
    items[i] = eval_one(e, n->args.at[i].value);
    if (items[i].kind == ITEM_VALUE || items[i].kind == ITEM_BLOCK)
      fail(e, n->args.at[i].value->at,
           "a list in brackets is a shape, or what a list of config.json is compared with; this is %s",
           items[i].kind == ITEM_BLOCK ? "a block" : type_of(e, items[i].value->type));
    if (items[i].kind == ITEM_POISON || items[i].kind == ITEM_VALUE || items[i].kind == ITEM_BLOCK)
      return item_poison();
  }
  return (struct item){.kind = ITEM_LIST, .items = items, .n = n->args.n};
}

struct item eval(struct elaborator *e, const struct node *n) {
  switch (n->kind) {
  case NODE_NUMBER: return item_number(n->number);
  case NODE_NAME: return eval_name(e, n);
  case NODE_FIELD: return eval_field(e, n);
  case NODE_INDEX: return eval_index(e, n);
  case NODE_CALL: return eval_call(e, n);
  case NODE_NEGATE: return eval_negate(e, n);
  case NODE_BINARY: return eval_binary(e, n);
  case NODE_CHOICE: return eval_choice(e, n);
  case NODE_NOT: return eval_not(e, n);
  case NODE_STRING: return (struct item){.kind = ITEM_TEXT, .text = n->text};
  case NODE_LIST: return eval_list(e, n);
  case NODE_GIVEN: {
    const struct block_ref *ref = eval_block(e, n);
    return ref ? (struct item){.kind = ITEM_BLOCK, .ref = ref} : item_poison();
  }
  case NODE_RANGE: fail(e, n->at, "a range stands only in an index"); break;
  case NODE_ERROR: break;
  }
  return item_poison();
}
