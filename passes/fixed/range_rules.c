/* range_rules.c: the range of each operator's result from those of its operands; contract in range_impl.h.
 *
 * Every operator has a row in the table at the end: what only moves elements too, and what the walk of
 * ranges.c treats itself. A composite (ir/composites.h) has one where its body does not say the same.
 */
#include "passes/fixed/range_impl.h"

#include "ir/composites.h"
#include "passes/rewrite.h"

typedef struct range rule(const struct analysis *x, const struct op *op);

/* ---- arithmetic; 0 times what is unbounded is 0 ------------------------------------------------------ */

static const struct range everything = {.lo = -INFINITY, .hi = INFINITY};

static struct range in(const struct analysis *x, const struct op *op, int i) {
  return range_of(x, op->in[i]);
}

static struct range within(struct range r, double most) {
  r.lo = fmax(r.lo, -most);
  r.hi = fmin(r.hi, most);
  return r;
}

static double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

static struct range product(struct range a, struct range b) {
  double p[] = {times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi)};
  struct range r = range_between(p[0], p[0]);
  for (int i = 1; i < 4; i++)
    r = range_hull(r, range_between(p[i], p[i]));
  return r;
}

static struct range scaled(struct range r, double n) {
  return product(r, range_between(n, n));
}

static struct range reciprocal(struct range a) {
  if (a.lo > 0 || a.hi < 0)
    return range_between(1 / a.hi, 1 / a.lo);
  return a.lo == 0 && a.hi > 0 ? range_between(1 / a.hi, INFINITY) : everything;
}

static struct range sum(struct range a, struct range b) {
  return range_between(a.lo + b.lo, a.hi + b.hi);
}

static struct range minus(struct range a) {
  return range_between(-a.hi, -a.lo);
}

static struct range magnitude(struct range a) {
  return range_between(a.lo > 0 ? a.lo : a.hi < 0 ? -a.hi : 0, range_most(a));
}

static struct range rising(struct range a, double (*f)(double)) {
  return range_between(f(a.lo), f(a.hi));
}

static double logistic(double x) {
  return 1 / (1 + exp(-x));
}

static double soft_plus(double x) {
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double root(double x) {
  return sqrt(fmax(x, 0));
}

/* ---- element-wise, one operand ----------------------------------------------------------------------- */

static struct range of_neg(const struct analysis *x, const struct op *op) {
  return minus(in(x, op, 0));
}

static struct range of_abs(const struct analysis *x, const struct op *op) {
  return magnitude(in(x, op, 0));
}

static struct range of_exp(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), exp);
}

static struct range of_log(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  return range_between(a.lo > 0 ? log(a.lo) : -INFINITY, a.hi > 0 ? log(a.hi) : -INFINITY);
}

static struct range of_erf(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), erf);
}

static struct range of_wave(const struct analysis *x, const struct op *op) {
  (void)x, (void)op;
  return range_between(-1, 1);
}

static struct range of_sqrt(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), root);
}

static struct range of_rsqrt(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  double most = a.lo > 0 ? 1 / sqrt(a.lo) : INFINITY;
  return range_between(a.hi > 0 ? 1 / sqrt(a.hi) : 0, most);
}

static struct range of_tanh(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), tanh);
}

static struct range of_softplus(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), soft_plus);
}

static struct range of_silu(const struct analysis *x, const struct op *op) {
  const double least = -0.27846454276107384; /* at x = -1.2785 */
  struct range a = in(x, op, 0);
  double lo = a.lo < -1e3 ? 0 : a.lo * logistic(a.lo);
  double hi = isinf(a.hi) ? a.hi : a.hi < -1e3 ? 0 : a.hi * logistic(a.hi);
  bool dips = a.lo < -1.2784645 && a.hi > -1.2784645;
  return range_between(dips ? least : fmin(lo, hi), fmax(lo, hi));
}

static struct range of_relu(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  return range_between(fmax(a.lo, 0), fmax(a.hi, 0));
}

static struct range of_floor(const struct analysis *x, const struct op *op) {
  return rising(in(x, op, 0), floor);
}

static struct range of_round(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  switch (op->attr.round) {
  case ROUND_FLOOR: return rising(a, floor);
  case ROUND_TRUNCATE: return rising(a, trunc);
  case ROUND_HALF_AWAY: return rising(a, round);
  default: return rising(a, rint);
  }
}

/* ---- element-wise, two operands and more ------------------------------------------------------------- */

static struct range of_add(const struct analysis *x, const struct op *op) {
  struct range r;
  return range_convex(x, op, &r) ? r : sum(in(x, op, 0), in(x, op, 1));
}

static struct range of_sub(const struct analysis *x, const struct op *op) {
  struct range r;
  if (range_convex(x, op, &r))
    return r;
  r = sum(in(x, op, 0), minus(in(x, op, 1)));
  if (range_at_least(x, op->in[1], op->in[0]))
    r.hi = fmin(r.hi, 0);
  if (range_at_least(x, op->in[0], op->in[1]))
    r.lo = fmax(r.lo, 0);
  return r;
}

static struct range of_mul(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0), b = in(x, op, 1);
  if (op->in[0] == op->in[1])
    return product(magnitude(a), magnitude(a));
  double most = range_product(x, op->in[0], op->in[1]);
  return most > 0 ? within(product(a, b), most) : product(a, b);
}

static struct range of_div(const struct analysis *x, const struct op *op) {
  struct range r;
  if (range_ternary_product(x, op, &r))
    return r;
  double most = range_quotient(x, op->in[0], op->in[1]);
  r = product(in(x, op, 0), reciprocal(in(x, op, 1)));
  return most > 0 ? within(r, most) : r;
}

static struct range of_ordinal(const struct analysis *x, const struct op *op) {
  (void)x;
  return range_between(0, (double)(op->attr.group - 1));
}

/* b log(a) is largest and least at corners. */
static struct range of_pow(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0), b = in(x, op, 1);
  if (!(a.lo >= 0))
    return everything;
  struct range low = range_between(pow(a.lo, b.lo), pow(a.lo, b.lo));
  double corners[] = {pow(a.lo, b.hi), pow(a.hi, b.lo), pow(a.hi, b.hi)};
  for (int i = 0; i < 3; i++)
    low = range_hull(low, range_between(corners[i], corners[i]));
  return a.lo <= 1 && a.hi >= 1 ? range_hull(low, range_between(1, 1)) : low;
}

static struct range of_min(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0), b = in(x, op, 1);
  return range_between(fmin(a.lo, b.lo), fmin(a.hi, b.hi));
}

static struct range of_max(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0), b = in(x, op, 1);
  return range_between(fmax(a.lo, b.lo), fmax(a.hi, b.hi));
}

static struct range of_truth(const struct analysis *x, const struct op *op) {
  (void)x, (void)op;
  return range_between(0, 1);
}

static struct range of_select(const struct analysis *x, const struct op *op) {
  return range_hull(in(x, op, 1), in(x, op, 2));
}

/* Of integers: all that the bits hold. */
static struct range of_bits(const struct analysis *x, const struct op *op) {
  (void)x;
  return range_between(-ldexp(1, op->attr.bits - 1), ldexp(1, op->attr.bits - 1) - 1);
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

static double length_of(const struct op *op) {
  return (double)op->in[0]->type.dim[op->attr.axis];
}

static struct range of_sum(const struct analysis *x, const struct op *op) {
  return scaled(in(x, op, 0), length_of(op));
}

/* sqrt(n) times the largest of n. */
static struct range of_hadamard(const struct analysis *x, const struct op *op) {
  double most = range_most(in(x, op, 0)) * sqrt((double)op->attr.group);
  return range_between(-most, most);
}

static struct range of_cumsum(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  return range_hull(a, scaled(a, length_of(op)));
}

/* Wider than their bodies' ranges where operands hardly vary: fixed-point has rules of its own for the two,
 * which round otherwise than the bodies would. */
static struct range of_rmsnorm(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  double most = sqrt((double)op->in[0]->type.dim[type_last(op->in[0]->type)]);
  if (op->attr.eps > 0)
    most = fmin(most, range_most(a) / sqrt(op->attr.eps));
  return range_between(a.lo < 0 ? -most : 0, a.hi > 0 ? most : 0);
}

static struct range of_softmax(const struct analysis *x, const struct op *op) {
  (void)x;
  return length_of(op) == 1 ? range_between(1, 1) : range_between(0, 1);
}

/* ---- products and quantisers ------------------------------------------------------------------------- */

/* Of a matrix of codes: they over its scales. */
static struct range of_matrix(const struct analysis *x, const struct value *w) {
  if (!elem_codes(w->type.elem))
    return range_of(x, w);
  const struct weight *known = op_is(w->def, OP_WEIGHT) ? weight_find(x->m, w->def->attr.symbol) : NULL;
  double most = known ? most_code(w->type.elem) / weight_range(known).lo : INFINITY;
  return range_between(-most, most);
}

static struct range of_matmul(const struct analysis *x, const struct op *op) {
  struct type w = op->in[0]->type;
  return scaled(product(of_matrix(x, op->in[0]), in(x, op, 1)), (double)w.dim[w.rank - 1]);
}

static struct range of_ternary_sum(const struct analysis *x, const struct op *op) {
  int64_t n = op->attr.group ? op->attr.group : op->in[0]->type.dim[1];
  double most = range_most(in(x, op, 1)) * (double)n * most_code(op->in[0]->type.elem);
  return range_between(-most, most);
}

/* Codes over their scale: less than a step from the operand, whatever the mode; a static scale's codes end.
 */
static struct range of_quantize(const struct analysis *x, const struct op *op) {
  struct range a = in(x, op, 0);
  double top = ldexp(1, op->attr.bits - 1) - 1;
  if (op->attr.frac == FRAC_DYNAMIC) {
    double step = fmax(range_most(a), TERN_LEAST_MAGNITUDE) / top;
    return range_between(a.lo - step, a.hi + step);
  }
  double step = ldexp(1, -op->attr.frac), least = -(top + 1) * step, most = top * step;
  return range_between(fmin(fmax(a.lo - step, least), most), fmax(fmin(a.hi + step, most), least));
}

/* ---- leaves ------------------------------------------------------------------------------------------ */

static struct range of_const(const struct analysis *x, const struct op *op) {
  (void)x;
  double c = op->attr.value;
  return (struct range){.lo = c, .hi = c, .mask = fabs(c) >= MASK, .whole = c == rint(c), .tried = fabs(c)};
}

static struct range of_weight(const struct analysis *x, const struct op *op) {
  const struct weight *w = weight_find(x->m, op->attr.symbol);
  double most = most_code(w->type.elem);
  return op->code == OP_WEIGHT && elem_codes(w->type.elem) ? range_between(-most, most) : weight_range(w);
}

static struct range of_read(const struct analysis *x, const struct op *op) {
  return x->r->states.at[state_find(x->m, op->attr.symbol)->id];
}

/* ---- what has the operand's range -------------------------------------------------------------------- */

static struct range of_operand(const struct analysis *x, const struct op *op) {
  return in(x, op, 0);
}

static struct range of_concat(const struct analysis *x, const struct op *op) {
  struct range r = in(x, op, 0);
  for (int i = 1; i < op->n_in; i++)
    r = range_hull(r, in(x, op, i));
  return r;
}

/* ---- the table --------------------------------------------------------------------------------------- */

/* Of operators that are never asked for: blocks, repeats and states are the walk's (ranges.c); tails, scans
 * and kernels are made later in the pipeline. */
static struct range not_asked(const struct analysis *x, const struct op *op) {
  (void)x, (void)op;
  return everything;
}

static rule *const rules[OP_COUNT] = {
    [OP_CONST] = of_const,
    [OP_WEIGHT] = of_weight,
    [OP_WSCALE] = of_weight,
    [OP_READ] = of_read,
    [OP_WRITE] = not_asked,
    [OP_APPEND] = not_asked,
    [OP_SEEN] = not_asked,
    [OP_POSITION] = not_asked,
    [OP_AGE] = not_asked,
    [OP_DEFINE] = not_asked,
    [OP_NEG] = of_neg,
    [OP_ABS] = of_abs,
    [OP_EXP] = of_exp,
    [OP_LOG] = of_log,
    [OP_ERF] = of_erf,
    [OP_ORDINAL] = of_ordinal,
    [OP_SIN] = of_wave,
    [OP_COS] = of_wave,
    [OP_SQRT] = of_sqrt,
    [OP_RSQRT] = of_rsqrt,
    [OP_SILU] = of_silu,
    [OP_TANH] = of_tanh,
    [OP_SOFTPLUS] = of_softplus,
    [OP_RELU] = of_relu,
    [OP_FLOOR] = of_floor,
    [OP_ROUND] = of_round,
    [OP_CONVERT] = of_operand,
    [OP_ADD] = of_add,
    [OP_SUB] = of_sub,
    [OP_MUL] = of_mul,
    [OP_DIV] = of_div,
    [OP_POW] = of_pow,
    [OP_MIN] = of_min,
    [OP_MAX] = of_max,
    [OP_LT] = of_truth,
    [OP_LE] = of_truth,
    [OP_EQ] = of_truth,
    [OP_SELECT] = of_select,
    [OP_CODES] = of_bits,
    [OP_IADD] = of_bits,
    [OP_ISUB] = of_bits,
    [OP_IMIN] = of_bits,
    [OP_IMAX] = of_bits,
    [OP_MULSHIFT] = of_bits,
    [OP_IDIV] = of_bits,
    [OP_ISQRT] = of_bits,
    [OP_ILOG2] = of_bits,
    [OP_ILT] = of_truth,
    [OP_ILE] = of_truth,
    [OP_IEQ] = of_truth,
    [OP_CURVE] = of_bits,
    [OP_SUM] = of_sum,
    [OP_AMAX] = of_operand,
    [OP_ABSMAX] = of_abs,
    [OP_RMSNORM] = of_rmsnorm,
    [OP_SOFTMAX] = of_softmax,
    [OP_CUMSUM] = of_cumsum,
    [OP_HADAMARD] = of_hadamard,
    [OP_MATMUL] = of_matmul,
    [OP_QUANTIZE] = of_quantize,
    [OP_DEQUANTIZE] = of_operand,
    [OP_TERNARY_SUM] = of_ternary_sum,
    [OP_RESHAPE] = of_operand,
    [OP_BROADCAST] = of_operand,
    [OP_TRANSPOSE] = of_operand,
    [OP_SLICE] = of_operand,
    [OP_CONCAT] = of_concat,
    [OP_INDEX] = of_operand,
    [OP_MATMUL_BACK] = not_asked,
    [OP_TERNARY_BACK] = not_asked,
    [OP_OUTER] = not_asked,
    [OP_SCATTER] = not_asked,
    [OP_SEEN_BACK] = not_asked,
    [OP_APPEND_BACK] = not_asked,
    [OP_DITHER] = not_asked,
    [OP_NTH] = not_asked,
    [OP_TAIL] = not_asked,
    [OP_REPEAT] = not_asked,
    [OP_SCAN] = not_asked,
    [OP_KERNEL] = not_asked,
    [OP_YIELD] = not_asked,
    [OP_RETURN] = not_asked,
};

bool range_rule_named(enum opcode code) {
  return rules[code] != NULL;
}

bool range_rule_known(enum opcode code) {
  return range_rule_named(code) || composite_known(code);
}

/* ---- masks and whole numbers ------------------------------------------------------------------------- */

static bool whole_result(const struct analysis *x, const struct op *op) {
  switch (op->code) {
  case OP_FLOOR:
  case OP_ROUND:
  case OP_CODES:
  case OP_LT:
  case OP_LE:
  case OP_EQ: return true;
  case OP_NEG:
  case OP_ABS:
  case OP_RELU:
  case OP_CONVERT:
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_MIN:
  case OP_MAX:
  case OP_SELECT:
  case OP_SUM:
  case OP_AMAX:
  case OP_ABSMAX:
  case OP_CUMSUM:
  case OP_TERNARY_SUM: break;
  default:
    if (!(op_info[op->code].flags & MOVE))
      return false;
  }
  bool whole = true;
  for (int i = op->code == OP_SELECT; i < (op->code == OP_INDEX ? 1 : op->n_in); i++)
    whole &= in(x, op, i).whole || elem_codes(op->in[i]->type.elem);
  return whole;
}

/* Masked values pass on: what is not bounded below a mask may be one. */
static bool masked_result(const struct analysis *x, const struct op *op, struct range r) {
  bool mask = false;
  for (int i = op->code == OP_SELECT; i < op->n_in; i++)
    mask |= in(x, op, i).mask;
  return mask && range_most(r) >= MASK;
}

/* Why a model with the operator has no integers; NULL: it may. */
static const char *without_integers(const struct op *op) {
  switch (op->code) {
  case OP_APPEND:
  case OP_SEEN:
  case OP_AGE:
    return "append, seen and age, of a history or a window, have no fixed-point form; run this model in "
           "floats";
  case OP_POSITION: return "the position of a token has no fixed-point form; run this model in floats";
  default: return NULL;
  }
}

bool range_of_op(struct analysis *x, const struct op *op, struct range *out) {
  rule *of = rules[op->code];
  if (without_integers(op)) {
    diag_at(x->m->diag, SEVERITY_ERROR, op->at, "%s", without_integers(op));
    return x->ok = false;
  }
  if (!of || of == not_asked || op->n_out != 1) {
    diag_at(x->m->diag, SEVERITY_ERROR, op->at, "fixed-point: %s: %s", op_info[op->code].text,
            of ? "stands too late in the pipeline; the pass goes before batch-time and fuse"
               : "the range of its results is not known (passes/fixed/range_rules.c)");
    return x->ok = false;
  }
  *out = of(x, op);
  if (op->n_in && !(op_info[op->code].flags & SYMBOL)) {
    out->whole = whole_result(x, op);
    out->mask = masked_result(x, op, *out);
  }
  return true;
}
