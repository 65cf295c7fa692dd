/* lower_ops.c: operators element by element. */
#include "backends/hardware/unrolled/lower_step.h"

#include "backends/hardware/unrolled/constant_sums.h"
#include "ir/curve.h"
#include <stdlib.h>
#include <string.h>

/* Tables with at most this many entries are stored whole; longer ones as straight pieces, with a product. */
enum { WHOLE_TABLE = 512 };

static int64_t limit(int bits) {
  return ((int64_t)1 << (bits - 1)) - 1;
}

static ref saturate(struct netlist *n, ref a, int bits) {
  return net_clamp(n, a, -limit(bits) - 1, limit(bits));
}

/* ---- element by element ------------------------------------------------------------------------------ */

static ref mulshift(struct netlist *n, ref a, ref b, ref e, int bits) {
  ref exponent = net_clamp(n, e, -62, 62);
  int64_t v;
  if (net_is_const(n, a, &v) && v == 0)
    return a;
  if (net_is_const(n, b, &v) && v == 0)
    return b;
  return net_scale(n, net_mul(n, a, b), exponent, bits);
}

static ref whole_curve(struct netlist *n, ref x, const struct attrs *attr) {
  const struct net_node *at = net_at(n, x);
  int64_t count = at->hi - at->lo + 1, *value = xmalloc(sizeof *value * (size_t)count);
  for (int64_t i = 0; i < count; i++)
    value[i] = curve_eval(attr, at->lo + i);
  ref y = net_rom(n, x, value);
  free(value);
  return y;
}

/* ir/curve.h has the formula. The piece's start, shifted up and with the rounding in it, is one table; its
 * rise another. */
static ref curve(struct netlist *n, ref x, const struct attrs *attr) {
  struct curve_shape shape = curve_shape(attr);
  x = net_clamp(n, x, shape.first, shape.first + ((int64_t)1 << (shape.s + shape.h)) - 1);
  const struct net_node *at = net_at(n, x);
  if (shape.h == 0 || at->hi - at->lo < WHOLE_TABLE)
    return whole_curve(n, x, attr);
  int64_t pieces = (int64_t)1 << shape.s, *y = xmalloc(sizeof *y * (size_t)(2 * pieces + 1));
  curve_table(attr, y);
  ref u = net_add(n, x, net_const(n, -shape.first)), k = net_shr(n, u, shape.h);
  int64_t first = net_at(n, k)->lo, last = net_at(n, k)->hi, *rise = y + pieces + 1;
  for (int64_t i = 0; i < pieces; i++)
    rise[i] = y[i + 1] - y[i];
  for (int64_t i = 0; i < pieces; i++)
    y[i] = y[i] * ((int64_t)1 << shape.h) + ((int64_t)1 << (shape.h - 1));
  ref start = first == last ? net_const(n, y[first]) : net_rom(n, k, y + first);
  ref slope = first == last ? net_const(n, rise[first]) : net_rom(n, k, rise + first);
  free(y);
  ref sum = net_add(n, net_mul(n, slope, net_low(n, u, shape.h, false)), start);
  return saturate(n, net_shr(n, sum, shape.h), attr->bits);
}

/* The result of an element-wise operator; NO_NODE for one that the machine lacks. */
static ref element(struct netlist *n, const struct op *op, ref a, ref b, ref c) {
  int bits = op->attr.bits;
  switch (op->code) {
  case OP_IADD: return saturate(n, net_add(n, a, b), bits);
  case OP_ISUB: return saturate(n, net_sub(n, a, b), bits);
  case OP_IMIN: return saturate(n, net_min(n, a, b), bits);
  case OP_IMAX: return saturate(n, net_max(n, a, b), bits);
  case OP_MULSHIFT: return mulshift(n, a, b, c, bits);
  case OP_IDIV: return saturate(n, net_div(n, a, b), bits);
  case OP_ISQRT: return saturate(n, net_sqrt(n, a), bits);
  case OP_ILOG2: return saturate(n, net_log2(n, a), bits);
  case OP_ILT: return net_lt(n, a, b);
  case OP_ILE: return net_eq(n, net_lt(n, b, a), net_const(n, 0));
  case OP_IEQ: return net_eq(n, a, b);
  case OP_CURVE: return curve(n, a, &op->attr);
  case OP_SELECT: return net_select(n, a, b, c);
  case OP_CONVERT: return a;
  default: return NO_NODE;
  }
}

static bool is_integer(const struct value *v) {
  return elem_integer(v->type.elem) || v->type.elem == ELEM_BOOL || v->type.elem == ELEM_U32;
}

static bool refuse(struct step_lowering *l, const struct op *op) {
  bool floats = false;
  for (int i = 0; i < op->n_in; i++)
    floats |= !is_integer(op->in[i]) && op->in[i]->type.elem != ELEM_TERNARY;
  for (int i = 0; i < op->n_out; i++)
    floats |= !is_integer(op->out[i]);
  if (floats)
    diag_at(l->m->diag, SEVERITY_ERROR, op->at,
            "'%s' computes with floats here; hardware has integers only (is the pass fixed-point left out?)",
            op_info[op->code].text);
  else
    diag_at(l->m->diag, SEVERITY_ERROR, op->at, "the unrolled machine cannot do '%s' yet",
            op_info[op->code].text);
  return false;
}

/* Position in an operand, stretched as numpy does, of element e of the result. */
static int64_t stretched(struct type of, struct type to, int64_t e) {
  int64_t at = 0, step = 1;
  for (int k = to.rank - 1, j = of.rank - 1; k >= 0; k--, j--) {
    int64_t c = e % to.dim[k];
    e /= to.dim[k];
    if (j < 0)
      continue;
    at += of.dim[j] == 1 ? 0 : c * step;
    step *= of.dim[j];
  }
  return at;
}

static bool lower_map(struct step_lowering *l, const struct op *op) {
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  for (int64_t e = 0; e < y->n; e++) {
    ref in[3] = {NO_NODE, NO_NODE, NO_NODE};
    for (int i = 0; i < op->n_in; i++)
      in[i] = unrolled_scalars(l, op->in[i])->at[stretched(op->in[i]->type, op->out[0]->type, e)];
    y->at[e] = is_integer(op->out[0]) ? element(l->net, op, in[0], in[1], in[2]) : NO_NODE;
    if (y->at[e] == NO_NODE)
      return refuse(l, op);
  }
  return true;
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

static ref tree(struct netlist *n, ref (*join)(struct netlist *, ref, ref), const ref *x, int64_t count) {
  if (count == 1)
    return x[0];
  return join(n, tree(n, join, x, count / 2), tree(n, join, x + count / 2, count - count / 2));
}

static ref reduce(struct netlist *n, enum opcode code, ref *x, int64_t count) {
  if (code == OP_AMAX)
    return tree(n, net_max, x, count);
  if (code == OP_ABSMAX) {
    for (int64_t i = 0; i < count; i++)
      x[i] = net_abs(n, x[i]);
    return net_clamp(n, tree(n, net_max, x, count), 0, INT32_MAX);
  }
  struct net_term *term = xmalloc(sizeof *term * (size_t)count);
  for (int64_t i = 0; i < count; i++)
    term[i] = (struct net_term){x[i], false, 0};
  ref sum = net_low(n, net_sum(n, term, (int)count), 32, true);
  free(term);
  return sum;
}

static bool lower_reduce(struct step_lowering *l, const struct op *op) {
  struct type t = op->in[0]->type;
  const struct scalars *x = unrolled_scalars(l, op->in[0]);
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  int64_t inner = 1, count = t.dim[op->attr.axis];
  if (!elem_integer(t.elem))
    return refuse(l, op);
  for (int k = op->attr.axis + 1; k < t.rank; k++)
    inner *= t.dim[k];
  ref *element_of = xmalloc(sizeof *element_of * (size_t)count);
  for (int64_t e = 0; e < y->n; e++) {
    for (int64_t i = 0; i < count; i++)
      element_of[i] = x->at[(e / inner * count + i) * inner + e % inner];
    y->at[e] = reduce(l->net, op->code, element_of, count);
  }
  free(element_of);
  return true;
}

/* y[..., m(, g)] = sums over the columns of a group. */
static bool lower_ternary_sum(struct step_lowering *l, const struct op *op) {
  int64_t rows = op->in[0]->type.dim[0], columns = op->in[0]->type.dim[1];
  int64_t group = op->attr.group ? op->attr.group : columns, groups = (columns + group - 1) / group;
  const struct scalars *w = unrolled_scalars(l, op->in[0]), *x = unrolled_scalars(l, op->in[1]);
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  if (!elem_integer(op->in[1]->type.elem))
    return refuse(l, op);
  int8_t *codes = xmalloc((size_t)(rows * group));
  ref *sum = xmalloc(sizeof *sum * (size_t)rows);
  bool ok = true;
  for (int64_t v = 0; v < x->n / columns; v++)
    for (int64_t g = 0; ok && g < groups; g++) {
      int64_t first = g * group, n = columns - first < group ? columns - first : group, value;
      for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++) {
          net_is_const(l->net, w->at[r * columns + first + i], &value);
          codes[r * n + i] = (int8_t)value;
        }
      ok = net_ternary_sums(l->net, l->m->diag, codes, rows, n, x->at + v * columns + first, sum);
      for (int64_t r = 0; ok && r < rows; r++)
        y->at[(v * rows + r) * groups + g] = sum[r];
    }
  free(codes);
  free(sum);
  return ok;
}

/* ---- movement ---------------------------------------------------------------------------------------- */

static bool lower_copy(struct step_lowering *l,
                       const struct op *op) { /* the same elements in the same order */
  memcpy(unrolled_scalars(l, op->out[0])->at, unrolled_scalars(l, op->in[0])->at,
         sizeof(ref) * (size_t)unrolled_scalars(l, op->out[0])->n);
  return true;
}

static bool lower_broadcast(struct step_lowering *l, const struct op *op) {
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  for (int64_t e = 0; e < y->n; e++)
    y->at[e] = unrolled_scalars(l, op->in[0])->at[stretched(op->in[0]->type, op->out[0]->type, e)];
  return true;
}

static bool lower_transpose(struct step_lowering *l, const struct op *op) {
  struct type to = op->out[0]->type, of = op->in[0]->type;
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  int64_t step[MAX_RANK], s = 1;
  for (int k = of.rank - 1; k >= 0; k--) {
    step[k] = s;
    s *= of.dim[k];
  }
  for (int64_t e = 0; e < y->n; e++) {
    int64_t at = 0, rest = e;
    for (int k = to.rank - 1; k >= 0; k--) {
      at += rest % to.dim[k] * step[op->attr.perm[k]];
      rest /= to.dim[k];
    }
    y->at[e] = unrolled_scalars(l, op->in[0])->at[at];
  }
  return true;
}

/* Elements begin .. end - 1 of an axis of x to those from `first` on of y's. */
static void copy_along(const struct scalars *x, struct type of, const struct scalars *y, struct type to,
                       int axis, int64_t begin, int64_t end, int64_t first) {
  int64_t outer = 1, inner = 1;
  for (int k = 0; k < axis; k++)
    outer *= of.dim[k];
  for (int k = axis + 1; k < of.rank; k++)
    inner *= of.dim[k];
  for (int64_t o = 0; o < outer; o++)
    memcpy(y->at + (o * to.dim[axis] + first) * inner, x->at + (o * of.dim[axis] + begin) * inner,
           sizeof(ref) * (size_t)((end - begin) * inner));
}

static bool lower_slice(struct step_lowering *l, const struct op *op) {
  copy_along(unrolled_scalars(l, op->in[0]), op->in[0]->type, unrolled_scalars(l, op->out[0]),
             op->out[0]->type, op->attr.axis, op->attr.begin, op->attr.end, 0);
  return true;
}

static bool lower_concat(struct step_lowering *l, const struct op *op) {
  int64_t first = 0;
  for (int i = 0; i < op->n_in; i++) {
    int64_t n = op->in[i]->type.dim[op->attr.axis];
    copy_along(unrolled_scalars(l, op->in[i]), op->in[i]->type, unrolled_scalars(l, op->out[0]),
               op->out[0]->type, op->attr.axis, 0, n, first);
    first += n;
  }
  return true;
}

static bool lower_index(struct step_lowering *l, const struct op *op) {
  const struct scalars *x = unrolled_scalars(l, op->in[0]);
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  int64_t rows = op->in[0]->type.dim[0];
  ref i = unrolled_scalars(l, op->in[1])->at[0], *column = xmalloc(sizeof *column * (size_t)rows);
  int64_t v;
  if (net_is_const(l->net, i, &v) && v >= rows) {
    free(column);
    diag_at(l->m->diag, SEVERITY_ERROR, op->at, "index %lld is beyond the %lld rows", (long long)v,
            (long long)rows);
    return false;
  }
  for (int64_t e = 0; e < y->n; e++) {
    for (int64_t r = 0; r < rows; r++)
      column[r] = x->at[r * y->n + e];
    y->at[e] = net_choose(l->net, i, column, rows);
  }
  free(column);
  return true;
}

static bool lower_const(struct step_lowering *l, const struct op *op) {
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  if (!is_integer(op->out[0]))
    return refuse(l, op);
  for (int64_t e = 0; e < y->n; e++)
    y->at[e] = net_const(l->net, (int64_t)op->attr.value);
  return true;
}

bool unrolled_lower_op(struct step_lowering *l, const struct op *op) {
  switch (op->code) {
  case OP_CONST: return lower_const(l, op);
  case OP_SUM:
  case OP_AMAX:
  case OP_ABSMAX: return lower_reduce(l, op);
  case OP_TERNARY_SUM: return lower_ternary_sum(l, op);
  case OP_RESHAPE: return lower_copy(l, op);
  case OP_BROADCAST: return lower_broadcast(l, op);
  case OP_TRANSPOSE: return lower_transpose(l, op);
  case OP_SLICE: return lower_slice(l, op);
  case OP_CONCAT: return lower_concat(l, op);
  case OP_INDEX: return lower_index(l, op);
  default: return op_info[op->code].flags & MAP ? lower_map(l, op) : refuse(l, op);
  }
}
