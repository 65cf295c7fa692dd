/* curve.c: curve tables and their evaluation; contracts and formulas in curve.h.
 *
 * The functions are computed in fixed point with 62 fraction bits (ONE = 2^62): 2^f by the series of e^(f log
 * 2), log2 by repeated squaring, one bit of the logarithm a squaring. Both are off by less than 2^-54, so a
 * table of at most 30 fraction bits is the correctly rounded one unless a function comes within 2^-24 of a
 * tie in the last place; at the points where it is rational (2^0, log2 1, sigmoid 0, ...) it is exact. */
#include "ir/curve.h"

#include "ir/integer_ops.h"

typedef unsigned __int128 wide;

/* Points of a table are multiples of 2^-16: POINT of them are 1. */
enum { LOG_BITS = 56, POINT_BITS = CURVE_MOST_SEGMENTS, MOST_FRAC = 30 };
static const uint64_t ONE = (uint64_t)1 << 62;
static const uint64_t LOG2_E = 0x5c551d94ae0bf85e; /* log2(e) * 2^62 */
static const uint64_t LN_2 = 0x2c5c85fdf473de6b;   /* log(2) * 2^62 */

/* The domain of each: [lo, lo + 2^w). */
static const struct {
  int lo, w;
} domains[CURVE_COUNT] = {
    [CURVE_SIGMOID] = {-16, 5}, [CURVE_EXP2] = {0, 0}, [CURVE_LOG2] = {0, 0}, [CURVE_SOFTPLUS_TAIL] = {0, 4}};

/* ---- functions in fixed point ------------------------------------------------------------------------ */

static uint64_t times(uint64_t a, uint64_t b) {
  return (uint64_t)((wide)a * b >> 62);
}

/* 2^f for f in [0, 1): the series of e^t, whose 24th term is below 2^-62. */
static uint64_t exp2_of(uint64_t f) {
  uint64_t t = times(f, LN_2), sum = ONE, term = ONE;
  for (uint64_t n = 1; n <= 24; n++) {
    term = times(term, t) / n;
    sum += term;
  }
  return sum;
}

/* log2(y) for y in [1, 2]: y = 2^r, and squaring doubles r. */
static uint64_t log2_of(uint64_t y) {
  uint64_t result = 0;
  if (y >= 2 * ONE)
    return ONE;
  for (int k = 1; k <= LOG_BITS; k++) {
    wide square = (wide)y * y >> 62;
    if (square >= 2 * ONE) {
      result |= ONE >> k;
      square >>= 1;
    }
    y = (uint64_t)square;
  }
  return result;
}

/* e^-x for x >= 0 in points */
static uint64_t exp_minus(int64_t x) {
  wide z = (wide)x * LOG2_E >> POINT_BITS; /* 2^-z = 2^(1-f) / 2^(whole+1) */
  uint64_t whole = (uint64_t)(z >> 62), f = (uint64_t)z & (ONE - 1);
  return f ? exp2_of(ONE - f) >> (whole + 1) : ONE >> whole;
}

static uint64_t sigmoid_of(int64_t x) {
  uint64_t of_magnitude = (uint64_t)(((wide)ONE << 62) / (ONE + exp_minus(x < 0 ? -x : x)));
  return x < 0 ? ONE - of_magnitude : of_magnitude;
}

/* f(x) for x in points, with 62 fraction bits; x may be the end of the domain. */
static uint64_t function(enum curve curve, int64_t x) {
  uint64_t fraction = (uint64_t)x << (62 - POINT_BITS);
  switch (curve) {
  case CURVE_SIGMOID: return sigmoid_of(x);
  case CURVE_EXP2: return fraction >= ONE ? 2 * ONE : exp2_of(fraction);
  case CURVE_LOG2: return log2_of(ONE + fraction);
  default: return times(log2_of(ONE + exp_minus(x)), LN_2);
  }
}

/* ---- tables ------------------------------------------------------------------------------------------ */

struct curve_shape curve_shape(const struct attrs *attr) {
  struct curve_shape c = {.w = domains[attr->curve].w};
  c.first = (int64_t)domains[attr->curve].lo * ((int64_t)1 << attr->frac);
  c.s = attr->segments < c.w + attr->frac ? attr->segments : c.w + attr->frac;
  c.h = c.w + attr->frac - c.s;
  return c;
}

/* The last rule keeps (y[k+1] - y[k]) * t below 2^62: a step of a curve is at most 2^out_frac. */
const char *curve_check(const struct attrs *attr) {
  if ((int)attr->curve < 0 || attr->curve >= CURVE_COUNT)
    return "no such curve";
  if (attr->frac < 0 || attr->frac > MOST_FRAC || attr->out_frac < 0 || attr->out_frac > MOST_FRAC)
    return "frac and out_frac are in 0 .. 30";
  if (attr->segments < 0 || attr->segments > CURVE_MOST_SEGMENTS)
    return "segments is in 0 .. 16";
  if (attr->out_frac + curve_shape(attr).h > 61)
    return "too few segments for so many fraction bits";
  return NULL;
}

/* y[i], rounded half to even. */
static int64_t entry(const struct attrs *attr, const struct curve_shape *c, int64_t i) {
  int64_t x = (i << (c->w + POINT_BITS - c->s)) + domains[attr->curve].lo * ((int64_t)1 << POINT_BITS);
  uint64_t y = function(attr->curve, x);
  int drop = 62 - attr->out_frac;
  uint64_t whole = y >> drop, rest = y & (((uint64_t)1 << drop) - 1), half = (uint64_t)1 << (drop - 1);
  return (int64_t)(whole + (rest > half || (rest == half && whole & 1)));
}

int curve_table(const struct attrs *attr, int64_t *y) {
  struct curve_shape c = curve_shape(attr);
  int n = (1 << c.s) + 1;
  for (int i = 0; i < n; i++)
    y[i] = entry(attr, &c, i);
  return n;
}

int64_t curve_eval(const struct attrs *attr, int64_t x) {
  struct curve_shape c = curve_shape(attr);
  int64_t u = x - c.first, last = ((int64_t)1 << (c.w + attr->frac)) - 1;
  u = u < 0 ? 0 : u > last ? last : u;
  int64_t k = u >> c.h, t = u & (((int64_t)1 << c.h) - 1);
  int64_t from = entry(attr, &c, k), to = entry(attr, &c, k + 1);
  int64_t half = c.h > 0 ? (int64_t)1 << (c.h - 1) : 0;
  return integer_saturate(from + (((to - from) * t + half) >> c.h), attr->bits);
}
