/* real.h: what the element-wise operators do to one element. The interpreter and constant folding use it; the
 * back ends compute the same bits in float32 (docs/numerics.md). float64 uses the C library's functions. */
#ifndef TERN_IR_REAL_H
#define TERN_IR_REAL_H

#include "ir/ir.h"

/* Operands that an operator does not have are ignored. Comparisons give 0 or 1; select takes its condition as
 * 0 or not 0; codes gives the code as a float. NULL for operators that are not element-wise, and for convert.
 */
typedef float real32_function(float a, float b, float c, const struct attrs *attr);
typedef double real64_function(double a, double b, double c, const struct attrs *attr);
extern real32_function *const real32[OP_COUNT];
extern real64_function *const real64[OP_COUNT];

#endif
