/* interp_num.c: the numeric operators, at both precisions from one text (interp_num.inc). */
#include "ir/interp_impl.h"

#include "ir/real.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16 }; /* partial results of a sum along the last axis (docs/numerics.md) */

/* Element strides of operand x as it broadcasts to shape y. */
static void broadcast_strides(struct type y, struct type x, int64_t *step) {
  int missing = y.rank - x.rank;
  int64_t s = 1;
  for (int k = y.rank - 1; k >= 0; k--) {
    int64_t d = k < missing ? 1 : x.dim[k - missing];
    step[k] = d == 1 ? 0 : s;
    s *= d;
  }
}

/* Splits a shape around an axis: elements are at (outer * n + along) * inner + within. */
static void around_axis(struct type t, int axis, int64_t *outer, int64_t *n, int64_t *inner) {
  *outer = *inner = 1;
  for (int k = 0; k < axis; k++)
    *outer *= t.dim[k];
  for (int k = axis + 1; k < t.rank; k++)
    *inner *= t.dim[k];
  *n = t.dim[axis];
}

#define REAL            float
#define REAL_NAME(x)    x##_32
#define REAL_OF(tensor) (tensor)->f32
#define REAL_TABLE      real32
#include "ir/interp_num.inc"

#define REAL            double
#define REAL_NAME(x)    x##_64
#define REAL_OF(tensor) (tensor)->f64
#define REAL_TABLE      real64
#include "ir/interp_num.inc"

numeric_handler *numeric(const struct interp *in, enum opcode code) {
  return in->float64 ? numeric_64[code] : numeric_32[code];
}
