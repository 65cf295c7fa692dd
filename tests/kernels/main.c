/* main.c: the checks of checks.h and gradient_checks.h as a program that needs nothing but libc: status 1
 * when one fails. With the word `quick` only the sums, without the largest. */
#include "tests/kernels/checks.h"
#include "tests/kernels/gradient_checks.h"

#include <stdio.h>
#include <string.h>

/* What takes a simulated processor longest of the sums. */
static bool takes_long(const char *check) {
  return strcmp(check, "wide and tall") == 0 || strcmp(check, "extremes") == 0;
}

static bool holds(const char *name, bool same) {
  printf("%s: %s\n", name, same ? "same" : "DIFFERENT");
  fflush(stdout);
  return same;
}

int main(int argc, char **argv) {
  bool all = true, quick = argc > 1 && strcmp(argv[1], "quick") == 0;
  kernel_variants();
  for (int k = 0; k < KERNEL_CHECKS; k++)
    if (!quick || !takes_long(kernel_checks[k]))
      all = holds(kernel_checks[k], kernel_check(k)) && all;
  if (quick)
    return all ? 0 : 1;
  gradient_levels();
  for (int k = 0; k < GRADIENT_CHECKS; k++)
    all = holds(gradient_checks[k], gradient_check(k)) && all;
  return all ? 0 : 1;
}
