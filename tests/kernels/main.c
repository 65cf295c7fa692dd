/* main.c: the checks of checks.h and gradient_checks.h as a program that needs nothing but libc: status 1
 * when one fails. */
#include "tests/kernels/checks.h"
#include "tests/kernels/gradient_checks.h"

#include <stdio.h>

static bool holds(const char *name, bool same) {
  printf("%s: %s\n", name, same ? "same" : "DIFFERENT");
  fflush(stdout);
  return same;
}

int main(void) {
  bool all = true;
  kernel_variants();
  for (int k = 0; k < KERNEL_CHECKS; k++)
    all = holds(kernel_checks[k], kernel_check(k)) && all;
  gradient_levels();
  for (int k = 0; k < GRADIENT_CHECKS; k++)
    all = holds(gradient_checks[k], gradient_check(k)) && all;
  return all ? 0 : 1;
}
