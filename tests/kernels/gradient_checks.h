/* gradient_checks.h: the checks of runtime/kernels/gradient.h, without a test library:
 * tests/unit/test_gradient.c runs them here, tests/kernels/gradient_main.c where there is none. */
#ifndef TERN_TESTS_KERNELS_GRADIENT_CHECKS_H
#define TERN_TESTS_KERNELS_GRADIENT_CHECKS_H

#include <stdbool.h>

enum { GRADIENT_CHECKS = 5 };
extern const char *const gradient_checks[GRADIENT_CHECKS]; /* their names */

/* Prints the names of the levels that this processor runs. */
void gradient_levels(void);

/* Whether it holds; prints what differs. */
bool gradient_check(int number);

#endif
