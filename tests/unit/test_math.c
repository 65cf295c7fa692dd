/* test_math.c: exp and log of runtime/kernels/math.h: error bounds against float64, scalar = 16 lanes bit for
 * bit, edge cases; half and bf16 widening. Prints the largest errors that docs/numerics.md quotes. */
#define TERN_VECTORS
#include "runtime/kernels/math.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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

static void lanes_equal_scalars(void **state) {
  (void)state;
  for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 16 * STRIDE) {
    tern_f32x16 x, e, l;
    for (int k = 0; k < 16; k++)
      x[k] = tern_from_bits((int32_t)(uint32_t)(bits + (uint64_t)k * STRIDE));
    e = tern_exp_v16(x);
    l = tern_log_v16(x);
    for (int k = 0; k < 16; k++) {
      assert_true(same(e[k], tern_exp(x[k])));
      assert_true(same(l[k], tern_log(x[k])));
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

static void halves(void **state) {
  (void)state;
  assert_true(tern_f16(0x3c00) == 1 && tern_f16(0xc000) == -2 && tern_f16(0x7bff) == 65504);
  assert_true(tern_f16(0x0001) == 0x1p-24f && tern_f16(0x83ff) == -0x3ffp-24f &&
              tern_f16(0x0400) == 0x1p-14f);
  assert_true(tern_f16(0x7c00) == INFINITY && tern_f16(0xfc00) == -INFINITY && isnan(tern_f16(0x7e00)));
  assert_true(signbit(tern_f16(0x8000)) && tern_bf16(0x3f80) == 1 && tern_bf16(0xc040) == -3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_small),
                                     cmocka_unit_test(lanes_equal_scalars), cmocka_unit_test(edges),
                                     cmocka_unit_test(halves)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
