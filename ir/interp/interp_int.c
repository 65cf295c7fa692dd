/* interp_int.c: the operators on integers, element by element over int64 (ir/integer_ops.h): the INTEGER
 * ones, and those that take floats as well as integers. Their results do not depend on the interpreter's
 * precision.
 */
#include "ir/interp/interp_impl.h"

#include "ir/integer_ops.h"

static int64_t load(const struct tensor *t, int64_t i) {
  switch (t->type.elem) {
  case ELEM_BOOL: return t->boolean[i] != 0;
  case ELEM_U32: return t->u32[i];
  case ELEM_I8: return t->i8[i];
  case ELEM_I16: return t->i16[i];
  default: return t->i32[i];
  }
}

void store_integer(struct tensor *t, int64_t i, int64_t x) {
  switch (t->type.elem) {
  case ELEM_BOOL: t->boolean[i] = x != 0; break;
  case ELEM_U32: t->u32[i] = (uint32_t)x; break;
  case ELEM_I8: t->i8[i] = (int8_t)x; break;
  case ELEM_I16: t->i16[i] = (int16_t)x; break;
  default: t->i32[i] = (int32_t)x; break;
  }
}

static int64_t same(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {
  (void)b, (void)c, (void)attr;
  return a;
}

void integer_map(struct interp *in, const struct op *op) {
  const struct tensor *x[3] = {0};
  struct tensor *y = result(in, op->out[0]);
  struct places places = {.shape = y->type};
  for (int k = 0; k < op->n_in; k++) {
    x[k] = operand(in, op->in[k]);
    places_add(&places, x[k]->type);
  }
  integer_function *f = op->code == OP_CONVERT ? same : integer_ops[op->code];
  int64_t n = type_count(y->type, NULL);
  for (int64_t e = 0; e < n; e++, places_next(&places)) {
    int64_t v[3] = {0};
    for (int k = 0; k < op->n_in; k++)
      v[k] = load(x[k], places.at[k]);
    store_integer(y, e, f(v[0], v[1], v[2], &op->attr));
  }
}

static void constant(struct interp *in, const struct op *op) {
  struct tensor *y = result(in, op->out[0]);
  int64_t n = type_count(y->type, NULL);
  for (int64_t i = 0; i < n; i++)
    store_integer(y, i, (int64_t)op->attr.value);
}

/* One more element x of a reduction. */
static int64_t reduced(enum opcode how, int64_t acc, int64_t x) {
  if (how == OP_SUM)
    return integer_wrap(acc + x);
  x = how == OP_ABSMAX ? (x == INT32_MIN ? INT32_MAX : x < 0 ? -x : x) : x;
  return acc < x ? x : acc;
}

static void reduce(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]);
  struct tensor *y = result(in, op->out[0]);
  int64_t outer, n, inner;
  around_axis(x->type, op->attr.axis, &outer, &n, &inner);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      int64_t acc = op->code == OP_AMAX ? INT32_MIN : 0;
      for (int64_t k = 0; k < n; k++)
        acc = reduced(op->code, acc, load(x, (o * n + k) * inner + i));
      y->i32[o * inner + i] = (int32_t)acc;
    }
}

numeric_handler *integer_handler(const struct op *op) {
  if (op_info[op->code].flags & INTEGER)
    return integer_map;
  if (op->n_out != 1 || op->out[0]->type.elem == ELEM_F32)
    return NULL;
  switch (op->code) {
  case OP_CONST: return constant;
  case OP_CONVERT:
  case OP_SELECT: return integer_map;
  case OP_SUM:
  case OP_AMAX:
  case OP_ABSMAX: return reduce;
  default: return NULL;
  }
}
