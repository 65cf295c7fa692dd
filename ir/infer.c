/* infer.c: the type rules that ops.def names: one function a rule, which checks the operands' types and the
 * attributes and gives the result types.
 *
 * Messages are read by the author of a spec: they name the operator, show exact types, and say which number
 * does not fit which. */
#include "ir/infer.h"
#include "ir/curve.h"
#include "ir/integer_ops.h"

#include <stdio.h>
#include <string.h>

bool rule_fail(struct rule *r, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  *r->why = arena_printf(r->arena, "%s: %s", op_info[r->op->code].text, arena_vprintf(r->arena, format, ap));
  va_end(ap);
  return false;
}

const char *rule_text(struct rule *r, struct type t) {
  return type_text(r->arena, r->m, t);
}

struct type rule_in_type(const struct rule *r, int i) {
  return r->op->in[i]->type;
}

#define MOST_ELEMENTS ((int64_t)1 << 40) /* of one value, for each token */

/* ---- conditions that many rules share ---------------------------------------------------------------- */

bool rule_quantised(enum elem e) {
  return e == ELEM_Q8 || e == ELEM_Q16;
}

/* Elements that lie in a buffer one by one. */
static bool plain(enum elem e) {
  return !rule_quantised(e) && !elem_codes(e);
}

bool rule_want_elem(struct rule *r, int i, enum elem e) {
  struct type t = rule_in_type(r, i);
  if (t.elem == e)
    return true;
  return rule_fail(r, "takes %s, not %s%s", elem_name(e), rule_text(r, t),
                   rule_quantised(t.elem)   ? "; a quantised value can only enter a matrix product"
                   : t.elem == ELEM_TERNARY ? "; a ternary weight can only be the matrix of a product"
                   : elem_codes(t.elem)     ? "; a weight of codes can only be the matrix of a product"
                                            : "");
}

static bool want_plain(struct rule *r, int i) {
  struct type t = rule_in_type(r, i);
  return plain(t.elem) || rule_fail(r, "%s can only enter a matrix product", rule_text(r, t));
}

bool rule_want_axes(struct rule *r, int i, int rank) {
  struct type t = rule_in_type(r, i);
  return t.rank >= rank ||
         rule_fail(r, "%s has %s", rule_text(r, t), rank == 1 ? "no axis" : "fewer axes than it takes");
}

static bool want_axis(struct rule *r, struct type t) {
  int axis = r->op->attr.axis;
  if (axis < 0 || axis >= t.rank)
    return rule_fail(r, "%s has no axis %d", rule_text(r, t), axis);
  enum opcode code = r->op->code;
  bool past = dim_is_past(r->m, t.dim[axis]);
  if (past && (code == OP_SUM || code == OP_AMAX || code == OP_ABSMAX || code == OP_SOFTMAX))
    return true;
  return t.dim[axis] > 0 || rule_fail(r, "axis %d of %s is the tokens %s", axis, rule_text(r, t),
                                      past ? "that a token sees" : "of a call");
}

static bool want_bits(struct rule *r, int most) {
  int bits = r->op->attr.bits;
  return (bits >= 2 && bits <= most) || rule_fail(r, "bits = %d is not in 2 .. %d", bits, most);
}

static bool want_rounding(struct rule *r) {
  return ((int)r->op->attr.round >= 0 && r->op->attr.round < ROUND_COUNT) ||
         rule_fail(r, "no such rounding mode");
}

static bool stretch(struct rule *r, struct type a, struct type b, struct type *out) {
  return type_broadcast(a, b, out) ||
         rule_fail(r, "the shapes %s and %s do not fit each other", rule_text(r, a), rule_text(r, b));
}

static struct type with_elem(struct type t, enum elem e) {
  t.elem = e;
  return t;
}

/* The shapes of all operands together, elements f32. */
static bool stretch_f32(struct rule *r, int first) {
  struct type t = type_scalar(ELEM_F32);
  for (int i = first; i < r->op->n_in; i++)
    if (!rule_want_elem(r, i, ELEM_F32) || !stretch(r, t, rule_in_type(r, i), &t))
      return false;
  *r->out = t;
  return true;
}

/* ---- leaves ------------------------------------------------------------------------------------------ */

/* const and convert: the result type is the operator's own. */
static bool infer_carried(struct rule *r) {
  struct type t = r->op->out[0]->type;
  *r->out = t;
  if (!plain(t.elem))
    return rule_fail(r, "cannot make %s", rule_text(r, t));
  if (r->op->n_in == 0)
    return true;
  struct type x = rule_in_type(r, 0);
  if (!want_plain(r, 0))
    return false;
  if (!type_same_shape(x, t))
    return rule_fail(r, "%s and %s differ in shape", rule_text(r, x), rule_text(r, t));
  bool narrower = x.elem == ELEM_BOOL || (elem_integer(x.elem) && elem_bytes(x.elem) < elem_bytes(t.elem));
  bool fits = x.elem == t.elem || t.elem == ELEM_F32 || (elem_integer(t.elem) && narrower);
  return fits || rule_fail(r, "%s does not convert to %s", rule_text(r, x), elem_name(t.elem));
}

static bool infer_symbol(struct rule *r) {
  struct declaration s;
  if (!rule_find_symbol(r, &s))
    return false;
  *r->out = s.type;
  return rule_want_indices(r, &s, 0) && (!s.weight || rule_lead(r));
}

/* That of a state: its own, one part of it, or with a dimension in front for one row of each sequence. */
static bool is_state_type(const struct module *m, struct type t, struct type state) {
  bool rows =
      t.rank == state.rank + 1 && t.rank <= MAX_RANK && t.dim[0] < 0 && dim_of(m, t.dim[0])->sequences;
  return type_is_part(m, t, state) || type_equal(t, rows ? type_lead(state, t.dim[0]) : state);
}

static bool infer_read(struct rule *r) {
  struct type t = r->op->out[0]->type;
  if (!infer_symbol(r))
    return false;
  if (is_state_type(r->m, t, *r->out))
    *r->out = t;
  return true;
}

static bool infer_wscale(struct rule *r) {
  struct declaration s;
  if (!rule_find_symbol(r, &s) || !rule_want_indices(r, &s, 0))
    return false;
  if (!elem_codes(s.type.elem) || s.type.rank != 2)
    return rule_fail(r, "'%s' is %s; only matrices of codes have scales", r->op->attr.symbol,
                     rule_text(r, s.type));
  int64_t rows = s.type.dim[0], group = s.weight->group;
  switch (s.weight->scale) {
  case WSCALE_TENSOR: *r->out = type_make(ELEM_F32, 1, (int64_t[]){1}); return rule_lead(r);
  case WSCALE_ROW: *r->out = type_make(ELEM_F32, 1, &rows); return rule_lead(r);
  case WSCALE_GROUP: break;
  }
  if (group < 1)
    return rule_fail(r, "'%s' has groups of %lld columns", r->op->attr.symbol, (long long)group);
  *r->out = type_make(ELEM_F32, 2, (int64_t[]){rows, (s.type.dim[1] + group - 1) / group});
  return rule_lead(r);
}

static bool infer_write(struct rule *r) {
  struct declaration s;
  if (r->op->n_in < 1)
    return rule_fail(r, "has no value to write");
  if (!rule_find_symbol(r, &s) || !rule_want_indices(r, &s, 1))
    return false;
  return is_state_type(r->m, rule_in_type(r, 0), s.type) ||
         rule_fail(r, "'%s' is %s, the new value %s", r->op->attr.symbol, rule_text(r, s.type),
                   rule_text(r, rule_in_type(r, 0)));
}

/* ---- element-wise ------------------------------------------------------------------------------------ */

static bool infer_map(struct rule *r) {
  return want_rounding(r) && stretch_f32(r, 0);
}

static bool infer_compare(struct rule *r) {
  if (!stretch_f32(r, 0))
    return false;
  r->out->elem = ELEM_BOOL;
  return true;
}

static bool infer_select(struct rule *r) {
  struct type a = rule_in_type(r, 1), b = rule_in_type(r, 2);
  if (!rule_want_elem(r, 0, ELEM_BOOL))
    return false;
  if (!elem_integer(a.elem) && !elem_integer(b.elem))
    return stretch_f32(r, 1) && stretch(r, *r->out, rule_in_type(r, 0), r->out);
  if (a.elem != b.elem)
    return rule_fail(r, "chooses between %s and %s, which differ in their elements", rule_text(r, a),
                     rule_text(r, b));
  return stretch(r, a, b, r->out) && stretch(r, *r->out, rule_in_type(r, 0), r->out);
}

static bool infer_dither(struct rule *r) {
  *r->out = rule_in_type(r, 0);
  return want_bits(r, 23) && rule_want_elem(r, 0, ELEM_F32) &&
         (type_equal(rule_in_type(r, 1), type_scalar(ELEM_U32)) ||
          rule_fail(r, "takes a seed that is u32, not %s", rule_text(r, rule_in_type(r, 1))));
}

static bool infer_codes(struct rule *r) {
  if (!want_bits(r, 31) || !want_rounding(r) || !stretch_f32(r, 0))
    return false;
  r->out->elem = integer_elem(r->op->attr.bits);
  return true;
}

static bool infer_ordinal(struct rule *r) {
  if (r->op->attr.group < 1 || r->op->attr.group > 1 << 24)
    return rule_fail(r, "group = %lld is not in 1 .. 2^24", (long long)r->op->attr.group);
  if (!stretch_f32(r, 0))
    return false;
  r->out->elem = ELEM_U32;
  return true;
}

/* ---- element-wise on integers ------------------------------------------------------------------------ */

/* The shapes of all operands together, of element e. */
static bool stretch_integers(struct rule *r, enum elem e) {
  struct type t = type_scalar(e);
  for (int i = 0; i < r->op->n_in; i++) {
    if (!elem_integer(rule_in_type(r, i).elem))
      return rule_fail(r, "takes i8, i16 or i32, not %s", rule_text(r, rule_in_type(r, i)));
    if (!stretch(r, t, rule_in_type(r, i), &t))
      return false;
  }
  *r->out = t;
  return true;
}

static bool infer_integer(struct rule *r) {
  return want_bits(r, 32) && stretch_integers(r, integer_elem(r->op->attr.bits));
}

static bool infer_icompare(struct rule *r) {
  return stretch_integers(r, ELEM_BOOL);
}

static bool infer_curve(struct rule *r) {
  const char *why = curve_check(&r->op->attr);
  return why ? rule_fail(r, "%s", why) : infer_integer(r);
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

/* The result is like the operand. */
static bool infer_same(struct rule *r) {
  *r->out = rule_in_type(r, 0);
  double eps = r->op->attr.eps;
  if (!rule_want_elem(r, 0, ELEM_F32) || !rule_want_axes(r, 0, 1))
    return false;
  return (eps >= 0 && eps < 1e30) || rule_fail(r, "eps = %g is not a small positive number", eps);
}

static bool infer_hadamard(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  int64_t block = r->op->attr.group;
  *r->out = x;
  if (!rule_want_elem(r, 0, ELEM_F32) || !rule_want_axes(r, 0, 1))
    return false;
  if (block < 1 || block & (block - 1))
    return rule_fail(r, "blocks have a power of two elements, not %lld", (long long)block);
  return (x.dim[x.rank - 1] > 0 && x.dim[x.rank - 1] % block == 0) ||
         rule_fail(r, "the last axis of %s does not split into blocks of %lld", rule_text(r, x),
                   (long long)block);
}

static bool infer_axis(struct rule *r) {
  *r->out = rule_in_type(r, 0);
  return rule_want_elem(r, 0, ELEM_F32) && want_axis(r, *r->out);
}

bool infer_reduce(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  bool integers = elem_integer(x.elem);
  *r->out = with_elem(x, integers ? ELEM_I32 : ELEM_F32);
  if (!(integers ? want_axis(r, x) : infer_axis(r)))
    return false;
  r->out->dim[r->op->attr.axis] = 1;
  return true;
}

/* ---- products and quantisation ----------------------------------------------------------------------- */

/* The matrix; [T, m, n], one for each token, meets what T leads. */
static struct type matrix_of_token(const struct rule *r) {
  struct type w = rule_in_type(r, 0), x = rule_in_type(r, 1);
  bool each =
      r->op->code == OP_TERNARY_SUM && w.rank == 3 && w.dim[0] < 0 && x.rank > 1 && x.dim[0] == w.dim[0];
  return each ? type_make(w.elem, 2, w.dim + 1) : w;
}

/* W[m, n] against x[..., n]: gives [..., m] of element e. */
static bool matrix_times(struct rule *r, enum elem e) {
  struct type w = matrix_of_token(r), x = rule_in_type(r, 1);
  if (w.rank != 2)
    return rule_fail(r, "the matrix is %s; it needs two axes", rule_text(r, w));
  if (x.rank < 1)
    return rule_fail(r, "the vector is %s; it needs an axis", rule_text(r, x));
  if (x.dim[x.rank - 1] != w.dim[1])
    return rule_fail(r, "the matrix %s has %lld columns, the vector %s has %lld elements", rule_text(r, w),
                     (long long)w.dim[1], rule_text(r, x), (long long)x.dim[x.rank - 1]);
  *r->out = with_elem(x, e);
  r->out->dim[x.rank - 1] = w.dim[0];
  return true;
}

static bool infer_matmul(struct rule *r) {
  struct type w = rule_in_type(r, 0), x = rule_in_type(r, 1);
  if (w.elem != ELEM_F32 && !elem_codes(w.elem))
    return rule_fail(r, "the matrix is f32 or codes, not %s", rule_text(r, w));
  if (x.elem != ELEM_F32 && !rule_quantised(x.elem))
    return rule_fail(r, "the vector is f32 or quantised, not %s", rule_text(r, x));
  return matrix_times(r, ELEM_F32);
}

static bool infer_ternary_sum(struct rule *r) {
  enum elem x = rule_in_type(r, 1).elem;
  if (!elem_codes(rule_in_type(r, 0).elem))
    return rule_fail(r, "the matrix is ternary or of wider codes, not %s", rule_text(r, rule_in_type(r, 0)));
  if (x != ELEM_F32 && x != ELEM_I8 && x != ELEM_I16)
    return rule_fail(r, "sums i8, i16 or f32, not %s", rule_text(r, rule_in_type(r, 1)));
  if (!matrix_times(r, x == ELEM_F32 ? ELEM_F32 : ELEM_I32))
    return false;
  int64_t group = r->op->attr.group, n = matrix_of_token(r).dim[1];
  int64_t columns = group ? group : n, most = elem_most_products(rule_in_type(r, 0).elem, x);
  if (columns > most)
    return rule_fail(
        r,
        "a sum of %lld products of %s by %s can leave 32 bits; at most %lld fit: give the weight "
        "scales per group, or the vector 8 bits",
        (long long)columns, elem_name(rule_in_type(r, 0).elem), elem_name(x), (long long)most);
  if (group == 0)
    return true;
  if (group < 0 || group > n)
    return rule_fail(r, "groups of %lld columns in %s", (long long)group, rule_text(r, rule_in_type(r, 0)));
  if (r->out->rank == MAX_RANK)
    return rule_fail(r, "groups of %s would have more than %d axes", rule_text(r, *r->out), MAX_RANK);
  r->out->dim[r->out->rank++] = (n + group - 1) / group;
  return true;
}

static bool infer_quantize(struct rule *r) {
  int bits = r->op->attr.bits, frac = r->op->attr.frac;
  if (!rule_want_elem(r, 0, ELEM_F32) || !rule_want_axes(r, 0, 1) || !want_bits(r, 16) || !want_rounding(r))
    return false;
  if (frac != FRAC_DYNAMIC && (frac < -32 || frac > 32))
    return rule_fail(r, "frac = %d is not in -32 .. 32", frac);
  *r->out = with_elem(rule_in_type(r, 0), bits <= 8 ? ELEM_Q8 : ELEM_Q16);
  return true;
}

static bool infer_dequantize(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  *r->out = with_elem(x, ELEM_F32);
  return rule_quantised(x.elem) || rule_fail(r, "takes a quantised value, not %s", rule_text(r, x));
}

/* ---- moving ------------------------------------------------------------------------------------------ */

/* Elements for each token, and which of T and K lead. */
static int64_t elements(struct type t, int64_t *leading) {
  *leading = 0;
  for (int i = 0; i < t.rank; i++)
    if (t.dim[i] < 0)
      *leading = *leading * (MOST_DIMS + 1) + t.dim[i];
  return type_count(t, NULL);
}

static bool infer_reshape(struct rule *r) {
  struct type x = rule_in_type(r, 0), t = r->op->out[0]->type;
  int64_t lead_x, lead_t, n = elements(x, &lead_x), m = elements(t, &lead_t);
  *r->out = with_elem(t, x.elem);
  if (!want_plain(r, 0))
    return false;
  return (n == m && lead_x == lead_t) ||
         rule_fail(r, "%s and %s differ in their number of elements: %lld and %lld", rule_text(r, x),
                   rule_text(r, *r->out), (long long)n, (long long)m);
}

static bool infer_broadcast(struct rule *r) {
  struct type x = rule_in_type(r, 0), t = with_elem(r->op->out[0]->type, x.elem), both;
  *r->out = t;
  if (!want_plain(r, 0))
    return false;
  return (type_broadcast(x, t, &both) && type_same_shape(both, t)) ||
         rule_fail(r, "%s does not stretch to %s", rule_text(r, x), rule_text(r, t));
}

static bool infer_transpose(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  *r->out = x;
  if (!want_plain(r, 0))
    return false;
  unsigned seen = 0;
  for (int k = 0; k < x.rank; k++) {
    int from = r->op->attr.perm[k];
    if (from < 0 || from >= x.rank || seen >> from & 1)
      return rule_fail(r, "perm is not an order of the %d axes of %s", x.rank, rule_text(r, x));
    seen |= 1u << from;
    r->out->dim[k] = x.dim[from];
  }
  return true;
}

static bool infer_slice(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  int64_t begin = r->op->attr.begin, end = r->op->attr.end;
  *r->out = x;
  if (!want_plain(r, 0) || !want_axis(r, x))
    return false;
  if (begin < 0 || end <= begin || end > x.dim[r->op->attr.axis])
    return rule_fail(r, "%lld .. %lld is not a part of axis %d of %s", (long long)begin, (long long)end,
                     r->op->attr.axis, rule_text(r, x));
  r->out->dim[r->op->attr.axis] = end - begin;
  return true;
}

static bool infer_concat(struct rule *r) {
  int axis = r->op->attr.axis;
  if (r->op->n_in == 0)
    return rule_fail(r, "has no operands");
  struct type sum = rule_in_type(r, 0);
  for (int i = 0; i < r->op->n_in; i++) {
    struct type t = rule_in_type(r, i);
    if (!want_plain(r, i) || !want_axis(r, t))
      return false;
    int64_t length = t.dim[axis];
    t.dim[axis] = sum.dim[axis];
    if (!type_equal(t, sum))
      return rule_fail(r, "%s and %s differ in more than axis %d", rule_text(r, rule_in_type(r, 0)),
                       rule_text(r, rule_in_type(r, i)), axis);
    sum.dim[axis] += i ? length : 0;
  }
  *r->out = sum;
  return true;
}

static bool infer_index(struct rule *r) {
  struct type x = rule_in_type(r, 0), i = rule_in_type(r, 1);
  if (!want_plain(r, 0) || !rule_want_axes(r, 0, 1) || !rule_want_elem(r, 1, ELEM_U32))
    return false;
  if (i.rank > 1 || i.rank + x.rank - 1 > MAX_RANK)
    return rule_fail(r, "an index is one number or a vector of them, not %s", rule_text(r, i));
  struct type t = {.elem = x.elem, .rank = i.rank + x.rank - 1};
  for (int k = 0; k < t.rank; k++)
    t.dim[k] = k < i.rank ? i.dim[k] : x.dim[k - i.rank + 1];
  *r->out = t;
  int64_t beyond = x.dim[0] > 0 ? rule_index_beyond(r->op->in[1], x.dim[0]) : -1;
  return beyond < 0 || rule_fail(r, "%s has %lld rows, and the index reaches %lld", rule_text(r, x),
                                 (long long)x.dim[0], (long long)beyond);
}

static bool infer_tail(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  *r->out = x;
  if (!want_plain(r, 0) || !rule_want_axes(r, 0, 1))
    return false;
  r->out->dim[0] = DIM_K;
  return x.dim[0] == DIM_T || rule_fail(r, "the first axis of %s is not T", rule_text(r, x));
}

/* ---- regions ----------------------------------------------------------------------------------------- */

/* The yield that ends the body, with its results; NULL when it does not end so. */
static const struct op *body_end(struct rule *r) {
  const struct op *end = r->op->body ? r->op->body->last : NULL;
  if (end && end->code == OP_YIELD)
    return end;
  rule_fail(r, "the body does not end with yield");
  return NULL;
}

static bool infer_repeat(struct rule *r) {
  const struct block *body = r->op->body;
  int k = r->op->n_in;
  if (r->op->attr.count < 1 || r->op->attr.count > INT32_MAX)
    return rule_fail(r, "count = %lld is not in 1 .. %d", (long long)r->op->attr.count, INT32_MAX);
  if (r->op->attr.group && !rule_fits_parts(r))
    return false;
  const struct op *end = body_end(r);
  if (!end)
    return false;
  if (body->n_args != k + 1 || end->n_in != k || r->op->n_out != k)
    return rule_fail(r, "%d initial values, %d arguments, %d yielded, %d results", k, body->n_args, end->n_in,
                     r->op->n_out);
  if (!type_equal(body->args[0]->type, type_scalar(ELEM_U32)))
    return rule_fail(r, "its index is u32, not %s", rule_text(r, body->args[0]->type));
  for (int i = 0; i < k; i++) {
    struct type t = rule_in_type(r, i), carried = body->args[i + 1]->type;
    r->out[i] = t;
    if (r->op->attr.group && t.rank && t.dim[0] == r->op->attr.group)
      return rule_fail(r, "carries %s, whose length is another in the next part", rule_text(r, t));
    if (!type_equal(t, carried) || !type_equal(t, end->in[i]->type))
      return rule_fail(r, "value %d starts as %s, is carried as %s and yielded as %s", i, rule_text(r, t),
                       rule_text(r, carried), rule_text(r, end->in[i]->type));
  }
  return true;
}

/* A token's part of a value for all tokens: [T, ...] without the T. */
static struct type one_token(struct type t) {
  for (int k = 1; k < t.rank; k++)
    t.dim[k - 1] = t.dim[k];
  t.dim[--t.rank] = 0;
  return t;
}

static bool infer_scan(struct rule *r) {
  const struct block *body = r->op->body;
  const struct op *end = body_end(r);
  if (!end)
    return false;
  if (body->n_args != r->op->n_in || end->n_in != r->op->n_out)
    return rule_fail(r, "%d operands, %d arguments, %d yielded, %d results", r->op->n_in, body->n_args,
                     end->n_in, r->op->n_out);
  for (int i = 0; i < r->op->n_in; i++) {
    struct type t = rule_in_type(r, i), token = body->args[i]->type;
    if (t.rank < 1 || t.dim[0] >= 0 || t.dim[0] != rule_in_type(r, 0).dim[0])
      return rule_fail(
          r,
          "operand %d is %s; its first axis must be T, B or another that is known only at each call, "
          "the same for all operands",
          i, rule_text(r, t));
    if (!type_equal(one_token(t), token))
      return rule_fail(r, "operand %d is %s, its argument %s", i, rule_text(r, t), rule_text(r, token));
  }
  for (int i = 0; i < end->n_in; i++) {
    struct type t = end->in[i]->type;
    if (t.rank == MAX_RANK)
      return rule_fail(r, "yields %s, which has no room for the tokens' axis", rule_text(r, t));
    r->out[i] = type_lead(t, scan_lead(r->op));
  }
  return true;
}

static bool infer_kernel(struct rule *r) {
  const struct op *end = body_end(r);
  if (!end)
    return false;
  if (r->op->body->n_args != 0 || end->n_in != r->op->n_out)
    return rule_fail(r, "%d arguments, %d yielded, %d results", r->op->body->n_args, end->n_in, r->op->n_out);
  for (int i = 0; i < end->n_in; i++)
    r->out[i] = end->in[i]->type;
  return true;
}

static bool infer_none(struct rule *r) {
  (void)r;
  return true;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static bool (*const rules[OP_COUNT])(struct rule *r) = {
#define OP(id, text, ins, outs, rule, attrs, flags, doc) [OP_##id] = infer_##rule,
#include "ir/ops.def"
};

/* Dimensions are at least 1 and no value is so large that sizes could overflow. */
static bool sized(struct rule *r, struct type t) {
  int64_t n = 1;
  for (int i = 0; i < t.rank; i++) {
    int64_t d = t.dim[i] < 0 && t.dim[i] >= -r->m->dims.n ? 1 : t.dim[i];
    if (d < 1 || d > MOST_ELEMENTS / n)
      return rule_fail(r, "%s is not a size that a value can have", rule_text(r, t));
    n *= d;
  }
  return true;
}

bool op_infer(struct arena *a, const struct module *m, const struct op *op, struct type *out,
              const char **why) {
  struct rule r = {.arena = a, .m = m, .op = op, .out = out, .why = why};
  const struct op_info *info = &op_info[op->code];
  if (info->ins >= 0 && op->n_in != info->ins)
    return rule_fail(&r, "takes %d operand%s, not %d", info->ins, info->ins == 1 ? "" : "s", op->n_in);
  if (info->outs >= 0 && op->n_out != info->outs)
    return rule_fail(&r, "has %d result%s, not %d", info->outs, info->outs == 1 ? "" : "s", op->n_out);
  if (info->outs == 1 && !sized(&r, op->out[0]->type))
    return false;
  if (!rules[op->code](&r))
    return false;
  for (int i = 0; i < op->n_out; i++)
    if (!sized(&r, out[i]))
      return false;
  return true;
}
