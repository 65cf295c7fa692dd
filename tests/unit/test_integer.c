/* test_integer.c: the integer operators' meaning at extreme values, curve tables against float64 functions,
 * and the interpreter on modules of integers. */
#include "ir/curve.h"
#include "ir/integer_ops.h"
#include "ir/interp/interp.h"
#include "runtime/kernels/integer.h"
#include "tests/unit/ir_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef __int128 wide;

static const int64_t extreme[] = {INT32_MIN,
                                  INT32_MIN + 1,
                                  -(1 << 30),
                                  -65537,
                                  -65536,
                                  -32769,
                                  -32768,
                                  -257,
                                  -129,
                                  -128,
                                  -127,
                                  -3,
                                  -2,
                                  -1,
                                  0,
                                  1,
                                  2,
                                  3,
                                  126,
                                  127,
                                  128,
                                  255,
                                  32767,
                                  32768,
                                  46340,
                                  46341,
                                  65535,
                                  65536,
                                  99999,
                                  1 << 30,
                                  INT32_MAX - 1,
                                  INT32_MAX};
enum { EXTREMES = sizeof extreme / sizeof *extreme };

static int64_t clamped(wide v, int bits) {
  wide most = ((wide)1 << (bits - 1)) - 1;
  return (int64_t)(v > most ? most : v < -most - 1 ? -most - 1 : v);
}

static wide floor_div(wide a, wide b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t apply(enum opcode code, int64_t a, int64_t b, int64_t c, int bits) {
  return integer_ops[code](a, b, c, &(struct attrs){.bits = bits});
}

static void same(int64_t got, int64_t want, enum opcode code, int64_t a, int64_t b, int64_t c, int bits) {
  if (got != want)
    fail_msg("%s(%lld, %lld, %lld) in %d bits: %lld where %lld is right", op_info[code].text, (long long)a,
             (long long)b, (long long)c, bits, (long long)got, (long long)want);
}

static void every_integer_operator_has_a_meaning(void **state) {
  (void)state;
  for (int code = 0; code < OP_COUNT; code++) {
    if (op_info[code].flags & INTEGER && !integer_ops[code])
      fail_msg("'%s' has no meaning", op_info[code].text);
    assert_true(interp_covers((enum opcode)code));
  }
}

static void sums_and_choices_saturate(void **state) {
  (void)state;
  for (int i = 0; i < EXTREMES; i++)
    for (int j = 0; j < EXTREMES; j++)
      for (int bits = 2; bits <= 32; bits++) {
        int64_t a = extreme[i], b = extreme[j];
        same(apply(OP_IADD, a, b, 0, bits), clamped((wide)a + b, bits), OP_IADD, a, b, 0, bits);
        same(apply(OP_ISUB, a, b, 0, bits), clamped((wide)a - b, bits), OP_ISUB, a, b, 0, bits);
        same(apply(OP_IMIN, a, b, 0, bits), clamped(a < b ? a : b, bits), OP_IMIN, a, b, 0, bits);
        same(apply(OP_IMAX, a, b, 0, bits), clamped(a > b ? a : b, bits), OP_IMAX, a, b, 0, bits);
        same(apply(OP_IDIV, a, b, 0, bits), clamped(floor_div(a, b > 1 ? b : 1), bits), OP_IDIV, a, b, 0,
             bits);
        same(apply(OP_ILT, a, b, 0, bits), a < b, OP_ILT, a, b, 0, bits);
        same(apply(OP_ILE, a, b, 0, bits), a <= b, OP_ILE, a, b, 0, bits);
        same(apply(OP_IEQ, a, b, 0, bits), a == b, OP_IEQ, a, b, 0, bits);
      }
  assert_int_equal(apply(OP_SELECT, 1, INT32_MIN, INT32_MAX, 0), INT32_MIN);
  assert_int_equal(apply(OP_SELECT, 0, INT32_MIN, INT32_MAX, 0), INT32_MAX);
}

/* floor(a * b * 2^-e + 1/2) as a quotient of integers: (2 a b + 2^e) / 2^(e+1). */
static int64_t shifted(int64_t a, int64_t b, int64_t e, int bits) {
  e = e < -62 ? -62 : e > 62 ? 62 : e;
  wide product = (wide)a * b;
  if (e <= 0) /* 2^31 saturates every width; so does anything beyond it */
    return clamped(product > (1LL << 32)    ? (1LL << 32)
                   : product < -(1LL << 32) ? -(1LL << 32)
                                            : product * ((wide)1 << -e),
                   bits);
  return clamped(floor_div(2 * product + ((wide)1 << e), (wide)1 << (e + 1)), bits);
}

static void products_round_half_up(void **state) {
  (void)state;
  for (int i = 0; i < EXTREMES; i++)
    for (int j = 0; j < EXTREMES; j++)
      for (int64_t e = -64; e <= 64; e++)
        for (int bits = 2; bits <= 32; bits += bits == 2 || bits == 30 ? 1 : bits == 31 ? 1 : 9) {
          int64_t a = extreme[i], b = extreme[j];
          same(apply(OP_MULSHIFT, a, b, e, bits), shifted(a, b, e, bits), OP_MULSHIFT, a, b, e, bits);
        }
  assert_int_equal(apply(OP_MULSHIFT, 3, 1, 1, 32), 2);   /* 1.5 up */
  assert_int_equal(apply(OP_MULSHIFT, -3, 1, 1, 32), -1); /* -1.5 up */
  assert_int_equal(apply(OP_MULSHIFT, INT32_MIN, INT32_MIN, 31, 32), INT32_MAX);
  assert_int_equal(apply(OP_MULSHIFT, INT32_MIN, INT32_MIN, 32, 32), 1 << 30);
  assert_int_equal(apply(OP_MULSHIFT, INT32_MIN, INT32_MIN, INT32_MAX, 32), 1);
  assert_int_equal(apply(OP_MULSHIFT, 1, -1, INT32_MIN, 9), -256);
  assert_int_equal(apply(OP_MULSHIFT, 0, -1, INT32_MIN, 9), 0);
}

static void roots_and_logarithms(void **state) {
  (void)state;
  for (int64_t a = 0; a < 70000; a++) {
    int64_t r = apply(OP_ISQRT, a, 0, 0, 32), l = apply(OP_ILOG2, a, 0, 0, 32);
    assert_true(r * r <= a && (r + 1) * (r + 1) > a);
    assert_true(a < 1 ? l == 0 : (1LL << l) <= a && (2LL << l) > a);
    assert_int_equal(apply(OP_ILOG2, -a, 0, 0, 32), l);
    assert_int_equal(apply(OP_ISQRT, -a, 0, 0, 32), 0);
  }
  assert_int_equal(apply(OP_ISQRT, INT32_MAX, 0, 0, 32), 46340);
  assert_int_equal(apply(OP_ISQRT, INT32_MAX, 0, 0, 8), 127);
  assert_int_equal(apply(OP_ISQRT, INT32_MIN, 0, 0, 32), 0);
  assert_int_equal(apply(OP_ILOG2, INT32_MIN, 0, 0, 32), 31);
  assert_int_equal(apply(OP_ILOG2, INT32_MAX, 0, 0, 32), 30);
  assert_int_equal(apply(OP_ILOG2, INT32_MIN, 0, 0, 4), 7);
}

static void sums_wrap(void **state) {
  (void)state;
  assert_int_equal(integer_wrap((int64_t)INT32_MAX + 1), INT32_MIN);
  assert_int_equal(integer_wrap((int64_t)INT32_MIN - 1), INT32_MAX);
  assert_int_equal(integer_wrap(-1), -1);
  assert_int_equal(integer_wrap((int64_t)1 << 32), 0);
}

/* ---- curves ------------------------------------------------------------------------------------------ */

static const double lows[CURVE_COUNT] = {-16, 0, 0, 0};
static const int widths[CURVE_COUNT] = {5, 0, 0, 4};

static double exact(enum curve c, double x) {
  return c == CURVE_SIGMOID ? 1 / (1 + exp(-x))
         : c == CURVE_EXP2  ? exp2(x)
         : c == CURVE_LOG2  ? log2(1 + x)
                            : log1p(exp(-x));
}

static void tables_are_rounded_right(void **state) {
  (void)state;
  int64_t *y = xmalloc(sizeof *y * ((1 << CURVE_MOST_SEGMENTS) + 1));
  static const int segments[] = {0, 1, 5, 8, 12, CURVE_MOST_SEGMENTS}, fracs[] = {0, 3, 12, 30};
  for (int c = 0; c < CURVE_COUNT; c++)
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++)
      for (size_t k = 0; k < sizeof fracs / sizeof *fracs; k++)
        for (int out_frac = 0; out_frac <= 30; out_frac += 6) {
          struct attrs attr = {.curve = (enum curve)c,
                               .frac = fracs[k],
                               .out_frac = out_frac,
                               .segments = segments[i],
                               .bits = 32};
          if (curve_check(&attr))
            continue;
          int s = segments[i] < widths[c] + fracs[k] ? segments[i] : widths[c] + fracs[k];
          assert_int_equal(curve_table(&attr, y), (1 << s) + 1);
          for (int at = 0; at <= 1 << s; at++) {
            double want = exact((enum curve)c, lows[c] + ldexp(at, widths[c] - s)) * ldexp(1, out_frac);
            if (fabs((double)y[at] - want) > 0.5000001)
              fail_msg("%s, 2^%d pieces, out_frac %d, point %d: %lld where %.9f is right",
                       curve_name((enum curve)c), s, out_frac, at, (long long)y[at], want);
          }
        }
  free(y);
}

/* The formula of curve.h on a whole table. */
static int64_t looked_up(const struct attrs *attr, const int64_t *y, int64_t x) {
  int w = widths[attr->curve], s = attr->segments < w + attr->frac ? attr->segments : w + attr->frac;
  int h = w + attr->frac - s;
  wide u = (wide)x - (wide)lows[attr->curve] * ((wide)1 << attr->frac),
       last = ((wide)1 << (w + attr->frac)) - 1;
  u = u < 0 ? 0 : u > last ? last : u;
  int64_t k = (int64_t)(u / ((wide)1 << h)), t = (int64_t)(u % ((wide)1 << h));
  wide rise = (wide)(y[k + 1] - y[k]) * t + (h ? (wide)1 << (h - 1) : 0);
  return clamped(y[k] + floor_div(rise, (wide)1 << h), attr->bits);
}

static void curves_interpolate(void **state) {
  (void)state;
  int64_t y[257];
  for (int c = 0; c < CURVE_COUNT; c++)
    for (int frac = 0; frac <= 30; frac += 5)
      for (int segments = 0; segments <= 8; segments += 4)
        for (int bits = 6; bits <= 32; bits += 13) {
          struct attrs attr = {
              .curve = (enum curve)c, .frac = frac, .out_frac = 20, .segments = segments, .bits = bits};
          if (curve_check(&attr))
            continue;
          curve_table(&attr, y);
          int64_t step = frac > 8 ? 0x3fffffff >> 8 : 1;
          for (int64_t i = -600; i <= 600; i++) {
            int64_t x = i * step;
            x = x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x;
            same(curve_eval(&attr, x), looked_up(&attr, y, x), OP_CURVE, x, c, segments, bits);
          }
          for (int i = 0; i < EXTREMES; i++)
            same(curve_eval(&attr, extreme[i]), looked_up(&attr, y, extreme[i]), OP_CURVE, extreme[i], c,
                 segments, bits);
        }
}

static void curves_are_close(void **state) {
  (void)state;
  struct attrs attr = {.curve = CURVE_SIGMOID, .frac = 12, .out_frac = 16, .segments = 9, .bits = 32};
  double worst = 0;
  for (int64_t x = -(20 << 12); x <= 20 << 12; x += 7)
    worst = fmax(worst, fabs((double)curve_eval(&attr, x) / 65536 - exact(CURVE_SIGMOID, (double)x / 4096)));
  assert_true(worst < 1e-4); /* h^2 / 8 * max|f''| = 2^-8 / 8 * 0.0963 = 4.7e-5, and a rounding */
  attr.curve = CURVE_EXP2;
  assert_int_equal(curve_eval(&attr, 0), 65536);
  assert_int_equal(curve_eval(&attr, -5), 65536); /* below the domain: its first point */
  assert_int_equal(curve_eval(&attr, 2048), 92682);
}

/* ---- generated code's own functions ------------------------------------------------------------------ */

static int64_t generated(enum opcode code, int32_t a, int32_t b, int32_t c, int bits) {
  switch (code) {
  case OP_MULSHIFT: return tern_mulshift(a, b, c, bits);
  case OP_IDIV: return tern_idiv(a, b, bits);
  case OP_ISQRT: return tern_isqrt(a, bits);
  default: return tern_ilog2(a, bits);
  }
}

/* runtime/kernels/integer.h, which computes in 64 bits what is defined in 128. */
static void kernels_compute_the_same(void **state) {
  (void)state;
  static const enum opcode codes[] = {OP_MULSHIFT, OP_IDIV, OP_ISQRT, OP_ILOG2};
  for (int i = 0; i < EXTREMES; i++)
    for (int j = 0; j < EXTREMES; j++)
      for (int32_t e = -70; e <= 70; e++)
        for (int bits = 2; bits <= 32; bits += 5)
          for (int k = 0; k < (e == 0 ? 4 : 1); k++) {
            int32_t a = (int32_t)extreme[i], b = (int32_t)extreme[j];
            same(generated(codes[k], a, b, e, bits), apply(codes[k], a, b, e, bits), codes[k], a, b, e, bits);
          }
  for (int32_t r = 1; r < 46341; r++) { /* around every square */
    assert_int_equal(tern_isqrt(r * r, 32), r);
    assert_int_equal(tern_isqrt(r * r - 1, 32), r - 1);
  }
  assert_int_equal(tern_magnitude(INT32_MIN), INT32_MAX);
  assert_int_equal(tern_magnitude(-7), 7);
  assert_int_equal(tern_wrap_add(INT32_MAX, 1), INT32_MIN);
  assert_int_equal(tern_wide_code(NAN, 31), 0);
  assert_int_equal(tern_wide_code(1e30f, 31), (1 << 30) - 1);
  assert_int_equal(tern_wide_code(-1e30f, 31), -(1 << 30));
  assert_int_equal(tern_wide_code(-12345, 31), -12345);
}

static void curves_compute_the_same(void **state) {
  (void)state;
  int64_t y[257];
  uint32_t table[257];
  for (int variant = 0; variant < 64; variant++) {
    struct attrs attr = {.curve = (enum curve)(variant % CURVE_COUNT),
                         .frac = variant / 4 * 2,
                         .out_frac = 30 - variant / 8,
                         .segments = variant % 9,
                         .bits = 9 + variant % 24};
    if (curve_check(&attr))
      continue;
    struct curve_shape c = curve_shape(&attr);
    for (int i = curve_table(&attr, y); i-- > 0;)
      table[i] = (uint32_t)y[i];
    for (int i = 0; i < EXTREMES + 400; i++) {
      int32_t x = i < EXTREMES ? (int32_t)extreme[i] : (int32_t)((uint32_t)i * 2654435761u) >> i % 30;
      same(tern_curve(table, c.first, c.w + attr.frac, c.h, x, attr.bits), curve_eval(&attr, x), OP_CURVE, x,
           variant, 0, attr.bits);
    }
  }
}

/* ---- modules ----------------------------------------------------------------------------------------- */

static bool no_floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  (void)self, (void)name;
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(first + i) * 0.75f - 1;
  return true;
}

static bool no_ternary(void *self, const char *name, const struct weight *w, int8_t *codes, float *scales) {
  (void)self, (void)name, (void)scales;
  for (int64_t i = 0; i < type_count(w->type, NULL); i++)
    codes[i] = (int8_t)(i % 3 - 1);
  scales[0] = 1;
  return true;
}

static void modules_of_integers_run(void **state) {
  (void)state;
  for (int float64 = 0; float64 < 2; float64++) {
    struct arena arena = {0};
    struct diag diag = {.out = stderr};
    struct module *m = ir_parse(&arena, &diag, ir_file_source(&diag, "integers"));
    assert_non_null(m);
    assert_int_equal(weight_find(m, "q")->frac, 30);
    assert_int_equal(state_find(m, "s")->frac, 8);
    struct interp *in = interp_new(m, &(struct weight_source){NULL, no_floats, no_ternary}, float64);
    assert_non_null(in);
    const struct tensor *q = interp_weight(in, weight_find(m, "q"), 0), *out;
    /* -1, -0.25, 0.5, 1.25 by 2^30, in 31 bits */
    static const int32_t codes[] = {-(1 << 30), -(1 << 28), 1 << 29, (1 << 30) - 1};
    assert_memory_equal(q->i32, codes, sizeof codes);
    uint32_t token = 0;
    assert_true(interp_run(in, "step", &token, 1, 1, &out));
    /* a = q - 5; the two below n = 3 stay, the others become 2^24 + 1 */
    int64_t w[] = {-(1 << 30) - 5, -(1 << 28) - 5, (1 << 24) + 1, (1 << 24) + 1};
    assert_int_equal(out->i32[0], w[0] + w[1] + w[2] + w[3]);
    assert_int_equal(out->i32[1], (1 << 24) + 1);
    assert_int_equal(out->i32[2], (1 << 30) + 5);
    assert_int_equal(out->i32[3], 3);
    assert_true(interp_run(in, "step", &token, 1, 1, &out));
    assert_int_equal(out->i32[0],
                     integer_wrap(INT32_MIN + 2 * w[1] + 5 + 2 * w[2])); /* the first saturates */
    assert_int_equal(out->i32[3], 103);
    assert_true(interp_run(in, "step", &token, 1, 1, &out));
    assert_int_equal(out->i32[2], INT32_MAX); /* a saturates at -2^31 */
    assert_int_equal(out->i32[3], 127);
    interp_reset(in);
    assert_int_equal(interp_state(in, state_find(m, "s"), 0)->i32[3], -5);
    assert_int_equal(interp_state(in, state_find(m, "n"), 0)->i8[0], 3);
    interp_free(in);
    diag_free(&diag);
    arena_free(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_integer_operator_has_a_meaning),
      cmocka_unit_test(sums_and_choices_saturate),
      cmocka_unit_test(products_round_half_up),
      cmocka_unit_test(roots_and_logarithms),
      cmocka_unit_test(sums_wrap),
      cmocka_unit_test(tables_are_rounded_right),
      cmocka_unit_test(curves_interpolate),
      cmocka_unit_test(curves_are_close),
      cmocka_unit_test(kernels_compute_the_same),
      cmocka_unit_test(curves_compute_the_same),
      cmocka_unit_test(modules_of_integers_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
