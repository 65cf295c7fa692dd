/* integer_ops.h: what the integer operators do to one element. These functions are the operators' meaning:
 * the interpreter and constant folding use them, and every back end computes the same integers. */
#ifndef TERN_IR_INTEGER_OPS_H
#define TERN_IR_INTEGER_OPS_H

#include "ir/ir.h"

/* Operands are those of the operator, in order, each within int32; those that it does not have are ignored.
 * The result lies within the operator's `bits`; comparisons give 0 or 1; select takes its condition as 0 or
 * not 0. NULL for operators that are neither INTEGER nor select. */
typedef int64_t integer_function(int64_t a, int64_t b, int64_t c, const struct attrs *attr);
extern integer_function *const integer_ops[OP_COUNT];

/* sat: v clamped to [-2^(bits-1), 2^(bits-1) - 1]. */
int64_t integer_saturate(int64_t v, int bits);
/* The smallest of i8, i16, i32 that holds `bits` bits. */
enum elem integer_elem(int bits);
/* v modulo 2^32, as a sum of int32 leaves it. */
int32_t integer_wrap(int64_t v);

#endif
