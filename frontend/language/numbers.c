/* numbers.c: numbers of twice float64's digits, hi + lo, and the functions that they are computed by (T. J.
 * Dekker, 1971; Hida, Li and Bailey, 2001). */
#include "frontend/language/numbers.h"

#include <math.h>
#include <stdbool.h>

struct wide {
  double hi, lo; /* |lo| is at most half a unit in the last place of hi */
};

static const struct wide ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
/* pi / 2, 159 bits of it. */
static const double half_pi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};

static struct wide sum(double a, double b) {
  double s = a + b, t = s - a;
  return (struct wide){s, (a - (s - t)) + (b - t)};
}

static struct wide wide_add(struct wide a, struct wide b) {
  struct wide s = sum(a.hi, b.hi), t = sum(a.lo, b.lo);
  s = sum(s.hi, s.lo + t.hi);
  return sum(s.hi, s.lo + t.lo);
}

static struct wide wide_mul(struct wide a, struct wide b) {
  double p = a.hi * b.hi;
  return sum(p, fma(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi));
}

static struct wide wide_times(struct wide a, double b) {
  return wide_mul(a, (struct wide){b, 0});
}

/* Divisors are small whole numbers. */
static struct wide wide_over(struct wide a, double b) {
  double q = a.hi / b, rest = fma(-q, b, a.hi);
  return sum(q, (rest + a.lo) / b);
}

static double wide_round(struct wide a) {
  return a.hi + a.lo;
}

/* ---- exp and log ------------------------------------------------------------------------------------- */

/* e^x - 1, |x| < 0.0014: the power series. */
static struct wide small_exp(struct wide x) {
  struct wide sum_of = x, term = x;
  for (int k = 2; k <= 12; k++) {
    term = wide_over(wide_mul(term, x), k);
    sum_of = wide_add(sum_of, term);
  }
  return sum_of;
}

/* e^x = 2^*power * result, |x| <= 1100: x = power * ln 2 + 256 r; (1 + y)^2 - 1 = 2 y + y y, eight times. */
static struct wide wide_exp(struct wide x, int *power) {
  double k = nearbyint(x.hi / ln2.hi);
  struct wide r = wide_add(x, wide_times(ln2, -k));
  struct wide y = small_exp((struct wide){r.hi / 256, r.lo / 256});
  for (int i = 0; i < 8; i++)
    y = wide_add(wide_times(y, 2), wide_mul(y, y));
  *power = (int)k;
  return wide_add((struct wide){1, 0}, y);
}

static double exp_of(struct wide x) {
  int power;
  if (!(fabs(x.hi) <= 1100))
    return x.hi > 0 ? INFINITY : x.hi < 0 ? 0 : x.hi;
  struct wide y = wide_exp(x, &power);
  return ldexp(wide_round(y), power);
}

double number_exp(double x) {
  return exp_of((struct wide){x, 0});
}

/* Of x from 1/2 to 2, to about 50 bits: 2 artanh((x - 1) / (x + 1)). */
static double rough_log(double x) {
  double s = (x - 1) / (x + 1), square = s * s, power = s, all = 0;
  for (int k = 1; k < 60; k += 2, power *= square)
    all += power / k;
  return 2 * all;
}

/* One step of Newton's from a rough y: y + d - d d / 2, d = x e^-y - 1. */
static struct wide wide_log(double x) {
  int power, none;
  double m = frexp(x, &power) * 2;
  power--;
  double y = rough_log(m);
  struct wide e = wide_exp((struct wide){-y, 0}, &none);
  e = (struct wide){ldexp(e.hi, none), ldexp(e.lo, none)};
  struct wide d = wide_add(wide_times(e, m), (struct wide){-1, 0});
  d = wide_add(d, wide_times(wide_mul(d, d), -0.5));
  return wide_add(wide_times(ln2, power), wide_add((struct wide){y, 0}, d));
}

double number_log(double x) {
  if (!(x > 0) || isinf(x))
    return x > 0 ? x : x == 0 ? -INFINITY : NAN;
  return wide_round(wide_log(x));
}

double number_pow(double a, double b) {
  bool odd = fmod(b, 2) == 1 || fmod(b, 2) == -1;
  bool plain = isfinite(a) && isfinite(b) && a != 0 && b != 0 && a != 1 && (a > 0 || b == floor(b));
  if (!plain)
    return pow(a, b);
  double y = exp_of(wide_times(wide_log(fabs(a)), b));
  return a < 0 && odd ? -y : y;
}

/* ---- sin and cos ------------------------------------------------------------------------------------- */

/* The power series that begins with `term` and goes on by -x x / ((k + 1) (k + 2)). */
static struct wide alternating(struct wide x, struct wide term, int k) {
  struct wide square = wide_mul(x, x), all = term;
  for (; k < 30; k += 2) {
    term = wide_over(wide_times(wide_mul(term, square), -1), (double)((k + 1) * (k + 2)));
    all = wide_add(all, term);
  }
  return all;
}

/* sin(x + turn * pi / 2) */
static double turned(double x, int turn) {
  if (!(fabs(x) < 0x1p30))
    return NAN;
  double k = nearbyint(x / half_pi[0]);
  struct wide r = wide_add((struct wide){x, 0}, wide_times((struct wide){half_pi[0], 0}, -k));
  r = wide_add(r, wide_times((struct wide){half_pi[1], half_pi[2]}, -k));
  int quarter = ((int)fmod(k, 4) + 4 + turn) % 4;
  struct wide y = quarter % 2 ? alternating(r, (struct wide){1, 0}, 0) : alternating(r, r, 1);
  return quarter < 2 ? wide_round(y) : -wide_round(y);
}

double number_sin(double x) {
  return x == 0 ? x : turned(x, 0);
}

double number_cos(double x) {
  return turned(x, 1);
}
