/* checks.h: the checks of the ternary sums, without a test library: tests/unit/test_kernels.c runs them here,
 * tests/kernels/main.c where there is none, on a simulated processor. */
#ifndef TERN_TESTS_KERNELS_CHECKS_H
#define TERN_TESTS_KERNELS_CHECKS_H

#include <stdbool.h>

enum { KERNEL_CHECKS = 8 };
extern const char *const kernel_checks[KERNEL_CHECKS]; /* their names */

/* Prints the names of the variants that this processor runs. */
void kernel_variants(void);

/* Whether it holds; prints what differs. */
bool kernel_check(int number);

#endif
