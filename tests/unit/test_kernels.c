/* test_kernels.c: the checks of tests/kernels on this machine's processor. */
#include "tests/kernels/checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check(void **state) {
  assert_true(kernel_check(*(const int *)*state));
}

int main(void) {
  struct CMUnitTest tests[KERNEL_CHECKS];
  int numbers[KERNEL_CHECKS];
  for (int k = 0; k < KERNEL_CHECKS; k++) {
    numbers[k] = k;
    tests[k] = (struct CMUnitTest){kernel_checks[k], check, NULL, NULL, &numbers[k]};
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
