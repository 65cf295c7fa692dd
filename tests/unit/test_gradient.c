/* test_gradient.c: the checks of the products of a backward pass on this machine's processor. */
#include "tests/kernels/gradient_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check(void **state) {
  assert_true(gradient_check(*(const int *)*state));
}

int main(void) {
  struct CMUnitTest tests[GRADIENT_CHECKS];
  int numbers[GRADIENT_CHECKS];
  for (int k = 0; k < GRADIENT_CHECKS; k++) {
    numbers[k] = k;
    tests[k] = (struct CMUnitTest){gradient_checks[k], check, NULL, NULL, &numbers[k]};
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
