/* interp_num.c: the numeric operators, at both precisions from one text (interp_num.inc). */
#include "ir/interp/interp_impl.h"

#include "ir/integer_ops.h"
#include "ir/real.h"
#include "runtime/kernels/gradient.h"
#include "runtime/kernels/math.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A denormal number is a zero of its sign. */
static float float_flushed(float x) {
  return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

/* As bfloat16, half to even. */
static float bf16_rounded(float x) {
  uint32_t bits;
  if (isnan(x))
    return x;
  x = float_flushed(x);
  memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
  memcpy(&x, &bits, sizeof x);
  return x;
}

#define REAL            float
#define REAL_NAME(x)    x##_32
#define REAL_OF(tensor) (tensor)->f32
#define REAL_TABLE      real32
#define REAL_FMA        fmaf
#include "ir/interp/interp_num.inc"

#define REAL            double
#define REAL_NAME(x)    x##_64
#define REAL_OF(tensor) (tensor)->f64
#define REAL_TABLE      real64
#define REAL_FMA        fma
#include "ir/interp/interp_num.inc"

numeric_handler *numeric(const struct interp *in, enum opcode code) {
  if (op_info[code].flags & INTEGER)
    return integer_map;
  if (op_info[code].flags & MAP)
    return in->float64 ? map_64 : map_32;
  return in->float64 ? numeric_64[code] : numeric_32[code];
}
