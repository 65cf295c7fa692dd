/* interp_tangent.c: forward mode: what an operator makes of its operands' tangents, one row an operator.
 *
 * A tensor's tangents are its elements' derivatives along one direction of the weights. They are computed
 * with the elements, in float64, from the first operator to the last, so that no rule here has anything in
 * common with those of passes/training, which go backwards: it is these that a test holds the others against.
 * Tangents of elements that are only moved go with them (copy_elements). A composite's are those of its body,
 * but for two that have rows. */
#include "ir/interp/interp_impl.h"

#include <math.h>

/* ---- element by element ------------------------------------------------------------------------------ */

/* x[]: operands, y: the result, t[]: the operands' tangents (0 of those without). */
typedef double slope(const double *x, double y, const double *t);

#define SLOPE(name, expression)                                                                              \
  static double name(const double *x, double y, const double *t) {                                           \
    (void)x, (void)y, (void)t;                                                                               \
    return (expression);                                                                                     \
  }

SLOPE(of_neg, -t[0])
SLOPE(of_abs, x[0] < 0 ? -t[0] : t[0])
SLOPE(of_exp, y *t[0])
SLOPE(of_log, t[0] / x[0])
SLOPE(of_sin, t[0] * cos(x[0]))
SLOPE(of_cos, -t[0] * sin(x[0]))
SLOPE(of_sqrt, t[0] / (2 * y))
SLOPE(of_rsqrt, -t[0] * y / (2 * x[0]))
SLOPE(of_relu, x[0] > 0 ? t[0] : 0)
SLOPE(of_identity, t[0])
SLOPE(of_step, 0)
SLOPE(of_add, t[0] + t[1])
SLOPE(of_sub, t[0] - t[1])
SLOPE(of_mul, t[0] * x[1] + x[0] * t[1])
SLOPE(of_div, (t[0] - y * t[1]) / x[1])
SLOPE(of_min, x[1] < x[0] ? t[1] : t[0])
SLOPE(of_max, x[0] < x[1] ? t[1] : t[0])
SLOPE(of_select, x[0] != 0 ? t[1] : t[2])

/* Its body's is no number where exp(-x) is infinite. e / (1 + e)^2, the same for x and -x. */
static double of_sigmoid(const double *x, double y, const double *t) {
  double e = exp(-fabs(x[0]));
  (void)y;
  return t[0] * e / ((1 + e) * (1 + e));
}

/* y (b log a)', or of a constant b alone; b y / a is no number where a is 0. */
static double of_pow(const double *x, double y, const double *t) {
  double of_base = x[1] == 0 ? 0 : t[0] * x[1] * pow(x[0], x[1] - 1);
  return of_base + (x[0] > 0 ? t[1] * y * log(x[0]) : 0);
}

static slope *const slopes[OP_COUNT] = {
    [OP_NEG] = of_neg,
    [OP_ABS] = of_abs,
    [OP_EXP] = of_exp,
    [OP_LOG] = of_log,
    [OP_SIN] = of_sin,
    [OP_COS] = of_cos,
    [OP_POW] = of_pow,
    [OP_SQRT] = of_sqrt,
    [OP_RSQRT] = of_rsqrt,
    [OP_SIGMOID] = of_sigmoid,
    [OP_RELU] = of_relu,
    [OP_FLOOR] = of_step,
    [OP_ROUND] = of_step,
    [OP_CONVERT] = of_identity,
    [OP_ADD] = of_add,
    [OP_SUB] = of_sub,
    [OP_MUL] = of_mul,
    [OP_DIV] = of_div,
    [OP_MIN] = of_min,
    [OP_MAX] = of_max,
    [OP_SELECT] = of_select,
    [OP_QUANTIZE] = of_identity, /* straight through, as docs/numerics.md says */
    [OP_DEQUANTIZE] = of_identity,
};

static double element(const struct tensor *t, int64_t i) {
  return t->type.elem == ELEM_F32 ? t->f64[i] : t->type.elem == ELEM_BOOL ? t->boolean[i] : 0;
}

static void through_elements(struct interp *in, const struct op *op) {
  const struct tensor *x[3];
  const struct tensor *y = operand(in, op->out[0]);
  struct places places = {.shape = y->type};
  for (int k = 0; k < op->n_in; k++) {
    x[k] = operand(in, op->in[k]);
    places_add(&places, x[k]->type);
  }
  int64_t n = type_count(y->type, NULL);
  for (int64_t e = 0; e < n; e++, places_next(&places)) {
    double v[3], t[3];
    for (int k = 0; k < op->n_in; k++) {
      v[k] = element(x[k], places.at[k]);
      t[k] = x[k]->tangents ? x[k]->tangents[places.at[k]] : 0;
    }
    y->tangents[e] = slopes[op->code](v, element(y, e), t);
  }
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

/* A line of n elements x along the axis, `step` apart, and their tangents t; y: what they are reduced to. */
typedef double line_slope(const double *x, const double *t, int64_t n, int64_t step, double y);

static double of_sum(const double *x, const double *t, int64_t n, int64_t step, double y) {
  double sum = 0;
  (void)x, (void)y;
  for (int64_t k = 0; k < n; k++)
    sum += t[k * step];
  return sum;
}

/* The mean over the elements that equal the largest. */
static double of_amax(const double *x, const double *t, int64_t n, int64_t step, double y) {
  double sum = 0, count = 0;
  for (int64_t k = 0; k < n; k++)
    if (x[k * step] == y) {
      sum += t[k * step];
      count++;
    }
  return sum / count;
}

static double of_absmax(const double *x, const double *t, int64_t n, int64_t step, double y) {
  double sum = 0, count = 0;
  for (int64_t k = 0; k < n; k++)
    if (fabs(x[k * step]) == y) {
      sum += x[k * step] < 0 ? -t[k * step] : t[k * step];
      count++;
    }
  return sum / count;
}

static void reduce(struct interp *in, const struct op *op, line_slope *f) {
  const struct tensor *x = operand(in, op->in[0]), *y = operand(in, op->out[0]);
  int64_t outer, n, inner;
  around_axis(x->type, op->attr.axis, &outer, &n, &inner);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      int64_t first = o * n * inner + i, to = o * inner + i;
      y->tangents[to] = f(x->f64 + first, x->tangents + first, n, inner, y->f64[to]);
    }
}

static void through_sum(struct interp *in, const struct op *op) {
  reduce(in, op, of_sum);
}

static void through_amax(struct interp *in, const struct op *op) {
  reduce(in, op, of_amax);
}

static void through_absmax(struct interp *in, const struct op *op) {
  reduce(in, op, of_absmax);
}

static void through_cumsum(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]), *y = operand(in, op->out[0]);
  int64_t outer, n, inner;
  around_axis(x->type, op->attr.axis, &outer, &n, &inner);
  for (int64_t e = 0; e < outer * n * inner; e++) {
    bool first = e / inner % n == 0;
    y->tangents[e] = (first ? 0 : y->tangents[e - inner]) + x->tangents[e];
  }
}

/* ---- products ---------------------------------------------------------------------------------------- */

/* The number that element (i, j) of a matrix stands for; w: a ternary one's weight. */
static double matrix_number(const struct weight *w, const struct tensor *t, int64_t i, int64_t j) {
  int64_t n = t->type.dim[1], group = w && w->scale == WSCALE_GROUP ? w->group : n;
  if (!w)
    return t->f64[i * n + j];
  int64_t scale = w->scale == WSCALE_TENSOR ? 0 : i * ((n + group - 1) / group) + j / group;
  return t->i8[i * n + j] / ((const double *)t->scales)[scale];
}

static double vector_number(const struct tensor *t, int64_t row, int64_t i) {
  if (t->type.elem == ELEM_F32)
    return t->f64[i];
  return (t->type.elem == ELEM_Q16 ? t->i16[i] : t->i8[i]) / ((const double *)t->scales)[row];
}

/* The sum over j of W[i, j] x'[j] + W'[i, j] x[j] */
static void through_matmul(struct interp *in, const struct op *op) {
  const struct tensor *w = operand(in, op->in[0]), *x = operand(in, op->in[1]), *y = operand(in, op->out[0]);
  const struct weight *ternary =
      elem_codes(w->type.elem) ? weight_find(in->m, op->in[0]->def->attr.symbol) : NULL;
  int64_t m = w->type.dim[0], n = w->type.dim[1], all = type_count(y->type, NULL);
  for (int64_t e = 0; e < all; e++) {
    int64_t row = e / m, i = e % m;
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
      sum += matrix_number(ternary, w, i, j) * x->tangents[row * n + j] +
             w->tangents[i * n + j] * vector_number(x, row, row * n + j);
    y->tangents[e] = sum;
  }
}

/* ---- the table --------------------------------------------------------------------------------------- */

static void stays(struct interp *in, const struct op *op) {
  struct tensor *y = operand(in, op->out[0]);
  clear_tangents(y, type_count(y->type, NULL));
}

/* Where elements went, tangents did. */
static void moves(struct interp *in, const struct op *op) {
  (void)in, (void)op;
}

static numeric_handler *const rules[OP_COUNT] = {
    [OP_CONST] = stays,
    [OP_AGE] = stays,
    [OP_WSCALE] = stays, /* a ternary weight's tangents are those of its master */
    [OP_WEIGHT] = moves,
    [OP_READ] = moves,
    [OP_WRITE] = moves,
    [OP_APPEND] = moves,
    [OP_SEEN] = moves,
    [OP_SUM] = through_sum,
    [OP_AMAX] = through_amax,
    [OP_ABSMAX] = through_absmax,
    [OP_CUMSUM] = through_cumsum,
    [OP_MATMUL] = through_matmul,
    [OP_RESHAPE] = moves,
    [OP_BROADCAST] = moves,
    [OP_TRANSPOSE] = moves,
    [OP_SLICE] = moves,
    [OP_CONCAT] = moves,
    [OP_INDEX] = moves,
    [OP_TAIL] = moves,
    [OP_REPEAT] = moves,
    [OP_SCAN] = moves,
    [OP_KERNEL] = moves,
};

/* Those that have none, and why. */
static const char *const without[OP_COUNT] = {
    [OP_DEFINE] = "tangents of weights are given",
    [OP_LT] = "its result is a condition",
    [OP_LE] = "its result is a condition",
    [OP_EQ] = "its result is a condition",
    [OP_CODES] = "its result is an integer",
    [OP_IADD] = "its result is an integer",
    [OP_ISUB] = "its result is an integer",
    [OP_IMIN] = "its result is an integer",
    [OP_IMAX] = "its result is an integer",
    [OP_MULSHIFT] = "its result is an integer",
    [OP_IDIV] = "its result is an integer",
    [OP_ISQRT] = "its result is an integer",
    [OP_ILOG2] = "its result is an integer",
    [OP_ILT] = "its result is a condition",
    [OP_ILE] = "its result is a condition",
    [OP_IEQ] = "its result is a condition",
    [OP_CURVE] = "its result is an integer",
    [OP_NTH] = "its result is an integer",
    [OP_POSITION] = "its result is an integer",
    [OP_ORDINAL] = "its result is an integer",
    [OP_TERNARY_SUM] = "its codes are no numbers that have a master; ternarize makes it",
    [OP_MATMUL_BACK] = "differentiate makes it",
    [OP_TERNARY_BACK] = "differentiate makes it",
    [OP_OUTER] = "differentiate makes it",
    [OP_SCATTER] = "differentiate makes it",
    [OP_SEEN_BACK] = "differentiate makes it",
    [OP_APPEND_BACK] = "differentiate makes it",
    [OP_DITHER] = "optimise makes it",
    [OP_YIELD] = "its region moves what it yields",
    [OP_RETURN] = "it moves nothing",
};

bool interp_tangent_known(enum opcode code) {
  return slopes[code] || rules[code] || without[code] || composite_known(code);
}

bool run_tangents(struct interp *in, const struct op *op) {
  bool real = op->n_out == 1 && elem_real(op->out[0]->type.elem);
  if (rules[op->code] && (real || op->n_out != 1))
    rules[op->code](in, op);
  else if (slopes[op->code] && real)
    through_elements(in, op);
  else if (without[op->code] && (real || op->n_out == 0)) {
    diag_at(in->d, SEVERITY_ERROR, op->at, "'%s' has no tangents: %s", op_info[op->code].text,
            without[op->code]);
    return false;
  }
  return true;
}
