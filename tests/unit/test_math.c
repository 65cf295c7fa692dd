/* test_math.c: the functions of runtime/kernels/math.h: error bounds against float64 and long double, scalar
 * = 16 lanes bit for bit, edge cases; half and bf16 widening; stochastic rounding. Prints the largest errors
 * that docs/numerics.md quotes. */
#define TERN_VECTORS
#include "runtime/kernels/math.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { STRIDE = 1009 }; /* over the bit patterns; a prime, so that all exponents and low bits are met */

static double ulps(float got, double want) {
  float near = (float)want;
  return fabs(got - want) / ((double)nextafterf(near, INFINITY) - (double)near);
}

static int same(float a, float b) {
  return tern_bits(a) == tern_bits(b) || (isnan(a) && isnan(b));
}

static void errors_are_small(void **state) {
  (void)state;
  double worst_exp = 0, worst_log = 0;
  for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STRIDE) {
    float x = tern_from_bits((int32_t)(uint32_t)bits);
    if (x > -87 && x < 88.7f)
      worst_exp = fmax(worst_exp, ulps(tern_exp(x), exp((double)x)));
    if (x >= 1.17549435e-38f && x < INFINITY && x != 1)
      worst_log = fmax(worst_log, fabs(tern_log(x) - log((double)x)) /
                                      fabs((double)nextafterf((float)log((double)x), INFINITY) -
                                           (double)(float)log((double)x)));
  }
  printf("largest error: exp %.2f ulp, log %.2f ulp\n", worst_exp, worst_log);
  assert_true(worst_exp < 1.0);
  assert_true(worst_log < 1.0);
}

static uint64_t mixed(uint64_t *seed) { /* splitmix64 */
  uint64_t z = *seed += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static double ulps_long(float got, long double want) {
  float near = (float)want;
  long double step = (long double)nextafterf(fabsf(near), INFINITY) - (long double)fabsf(near);
  return (double)(fabsl((long double)got - want) / step);
}

/* Every STRIDE-th float, and as many random ones below 2^20 and next to multiples of pi / 2. */
static void sines_are_near(void **state) {
  (void)state;
  enum { POINTS = 2000000 };
  double worst_sin = 0, worst_cos = 0, worst_far = 0;
  uint64_t seed = 1;
  for (uint64_t bits = 0; bits < 0x7f800000u; bits += STRIDE) {
    float x = tern_from_bits((int32_t)(uint32_t)bits);
    double sine = ulps_long(tern_sin(x), sinl((long double)x)),
           cosine = ulps_long(tern_cos(x), cosl((long double)x));
    worst_far = fmax(worst_far, fmax(sine, cosine));
  }
  for (int i = 0; i < POINTS; i++) {
    double wide = ldexp((double)(mixed(&seed) >> 11), -33), near = (double)(mixed(&seed) % 667544) * acos(0);
    float x = (float)(i % 2 ? wide : near);
    worst_sin = fmax(worst_sin, ulps_long(tern_sin(x), sinl((long double)x)));
    worst_cos = fmax(worst_cos, ulps_long(tern_cos(x), cosl((long double)x)));
    assert_true(same(tern_sin(-x), -tern_sin(x)) && same(tern_cos(-x), tern_cos(x)));
  }
  printf("largest error: sin %.3f ulp, cos %.3f ulp up to 2^20; either %.3f ulp anywhere\n", worst_sin,
         worst_cos, worst_far);
  assert_true(worst_sin < 1 && worst_cos < 1 && worst_far < 1);
}

static void powers_are_near(void **state) {
  (void)state;
  enum { POINTS = 4000000 };
  double worst = 0;
  uint64_t seed = 2;
  for (int i = 0; i < POINTS; i++) {
    float x = tern_from_bits((int32_t)(uint32_t)(mixed(&seed) % 0x7f800000u)), y;
    if (i % 2) /* near 1, to a power that makes something of it */
      x = 1 + (float)ldexp((double)(mixed(&seed) >> 40), -24 - (int)(mixed(&seed) % 24)) -
          (i % 4 == 1 ? 0.5f : 0);
    double most = 88.7 / fabs(log((double)x));
    y = (float)(most * ldexp((double)(int64_t)(mixed(&seed) >> 10), -53) - most / 2) * 2;
    long double want = powl((long double)x, (long double)y);
    if (x > 0 && want >= 1.17549435e-38L && want < 3.4028234e38L)
      worst = fmax(worst, ulps_long(tern_pow(x, y), want));
  }
  printf("largest error: pow %.3f ulp\n", worst);
  assert_true(worst < 0.6);
}

static void lanes_equal_scalars(void **state) {
  (void)state;
  for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 16 * STRIDE) {
    tern_f32x16 x, e, l, sines, cosines, powers;
    for (int k = 0; k < 16; k++)
      x[k] = tern_from_bits((int32_t)(uint32_t)(bits + (uint64_t)k * STRIDE));
    e = tern_exp_v16(x);
    l = tern_log_v16(x);
    sines = tern_sin_v16(x);
    cosines = tern_cos_v16(x);
    powers = tern_pow_v16(x, sines);
    for (int k = 0; k < 16; k++) {
      assert_true(same(e[k], tern_exp(x[k])));
      assert_true(same(l[k], tern_log(x[k])));
      assert_true(same(sines[k], tern_sin(x[k])) && same(cosines[k], tern_cos(x[k])));
      assert_true(same(powers[k], tern_pow(x[k], sines[k])));
    }
  }
}

static void edges(void **state) {
  (void)state;
  assert_true(tern_exp(0) == 1 && tern_exp(-0.0f) == 1);
  assert_true(tern_exp(INFINITY) == INFINITY && tern_exp(200) == INFINITY);
  assert_true(tern_exp(-INFINITY) == 0 && tern_exp(-200) == 0);
  assert_true(tern_exp(-103) == 1.40129846e-45f); /* the smallest subnormal */
  assert_true(isnan(tern_exp(NAN)) && isnan(tern_log(NAN)) && isnan(tern_log(-1)));
  assert_true(tern_log(1) == 0 && tern_log(INFINITY) == INFINITY);
  assert_true(tern_log(0) == -INFINITY && tern_log(-0.0f) == -INFINITY);
  assert_true(fabs(tern_log(1e-45f) - log(1.40129846432e-45)) < 1e-5);
}

static void edges_of_sines(void **state) {
  (void)state;
  assert_true(tern_sin(0) == 0 && !signbit(tern_sin(0)) && signbit(tern_sin(-0.0f)));
  assert_true(tern_cos(0) == 1 && tern_cos(-0.0f) == 1);
  assert_true(tern_sin(1e-45f) == 1e-45f && tern_sin(1e-30f) == 1e-30f && tern_cos(1e-30f) == 1);
  assert_true(isnan(tern_sin(INFINITY)) && isnan(tern_cos(-INFINITY)) && isnan(tern_sin(NAN)));
  for (int k = 1; k < 1000; k++) { /* next to a zero */
    float x = (float)(k * 3.14159265358979323846);
    assert_true(ulps_long(tern_sin(x), sinl((long double)x)) < 1);
  }
}

/* All pairs of numbers where anything is special: as the C library's, whatever the digits. */
static void edges_of_powers(void **state) {
  (void)state;
  static const float at[] = {0,           1,        2,          3,          0.5f,  1.5f,  7,
                             1e-45f,      1e-38f,   1e38f,      3e9f,       1e-4f, 0.9f,  8388609.0f,
                             16777216.0f, INFINITY, 1.0000001f, 0.9999999f, 33,    150.5f};
  enum { N = sizeof at / sizeof *at };
  for (int i = 0; i < 2 * N + 1; i++)
    for (int k = 0; k < 2 * N + 1; k++) {
      float x = i == 2 * N ? NAN
                : i % 2    ? -at[i / 2]
                           : at[i / 2],
            y = k == 2 * N ? NAN
                : k % 2    ? -at[k / 2]
                           : at[k / 2];
      float got = tern_pow(x, y), want = powf(x, y);
      bool near = fabsf(got - want) <= 2e-7f * fabsf(want) || fabsf(got - want) <= 1e-45f;
      assert_true(same(got, want) || (isfinite(want) && near && signbit(got) == signbit(want)));
    }
  assert_true(tern_pow(3, 2) == 9 && tern_pow(2, -149) == 0x1p-149f && tern_pow(-2, 3) == -8);
  assert_true(tern_pow(10, 10) == 1e10f && tern_pow(0.25f, 0.5f) == 0.5f && tern_pow(5, 3) == 125);
}

static void halves(void **state) {
  (void)state;
  assert_true(tern_f16(0x3c00) == 1 && tern_f16(0xc000) == -2 && tern_f16(0x7bff) == 65504);
  assert_true(tern_f16(0x0001) == 0x1p-24f && tern_f16(0x83ff) == -0x3ffp-24f &&
              tern_f16(0x0400) == 0x1p-14f);
  assert_true(tern_f16(0x7c00) == INFINITY && tern_f16(0xfc00) == -INFINITY && isnan(tern_f16(0x7e00)));
  assert_true(signbit(tern_f16(0x8000)) && tern_bf16(0x3f80) == 1 && tern_bf16(0xc040) == -3);
}

/* To bfloat16's 8 significant bits: one of the two numbers around x, and x in the mean. */
static void dithered_to_neighbours(void **state) {
  (void)state;
  enum { TRIES = 1 << 16 };
  static const float given[] = {1.0009765625f, -3.14159274f, 1.99999988f, 1e-40f, 0.3f, -7e30f};
  for (int k = 0; k < 6; k++) {
    float x = given[k], unit = tern_bf16((uint16_t)((uint32_t)tern_bits(x) >> 16));
    float above = tern_from_bits((int32_t)(((uint32_t)tern_bits(x) & 0xffff0000u) + 0x10000u));
    double sum = 0;
    for (uint32_t place = 0; place < TRIES; place++) {
      float y = tern_dither(x, 12345, place, 8);
      assert_true(y == unit || y == above);
      sum += (double)y;
    }
    assert_true(fabs(sum / TRIES - (double)x) < 0.01 * fabs((double)above - (double)unit));
  }
}

static void dither_leaves(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 1000; seed++) {
    assert_true(tern_dither(1.5f, seed, 7, 8) == 1.5f && tern_dither(300, seed, 7, 9) == 300);
    assert_true(isnan(tern_dither(NAN, seed, 7, 8)) && tern_dither(-INFINITY, seed, 7, 8) == -INFINITY);
    assert_true(isnan(tern_dither(tern_from_bits(0x7fffffff), seed, 7, 8)));
    assert_true(same(tern_dither(-0.0f, seed, 7, 8), -0.0f));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_small),
                                     cmocka_unit_test(lanes_equal_scalars),
                                     cmocka_unit_test(edges),
                                     cmocka_unit_test(sines_are_near),
                                     cmocka_unit_test(powers_are_near),
                                     cmocka_unit_test(edges_of_sines),
                                     cmocka_unit_test(edges_of_powers),
                                     cmocka_unit_test(halves),
                                     cmocka_unit_test(dithered_to_neighbours),
                                     cmocka_unit_test(dither_leaves)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
