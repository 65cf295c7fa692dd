/* main.c: the checks of checks.h as a program that needs nothing but libc: status 1 when one fails. */
#include "tests/kernels/checks.h"

#include <stdio.h>

int main(void) {
  bool all = true;
  kernel_variants();
  for (int k = 0; k < KERNEL_CHECKS; k++) {
    bool holds = kernel_check(k);
    printf("%s: %s\n", kernel_checks[k], holds ? "same" : "DIFFERENT");
    fflush(stdout);
    all = all && holds;
  }
  return all ? 0 : 1;
}
