/* real.c: the element functions at both precisions, from one text (real.inc). */
#include "ir/real.h"

#include "runtime/kernels/math.h"
#include <math.h>

#define REAL          float
#define REAL_NAME(x)  x##_32
#define REAL_TABLE    real32
#define REAL_FUNCTION real32_function
#define REAL_EXP      tern_exp
#define REAL_LOG      tern_log
#define REAL_SIN      tern_sin
#define REAL_COS      tern_cos
#define REAL_POW      tern_pow
#include "ir/real.inc"

#define REAL          double
#define REAL_NAME(x)  x##_64
#define REAL_TABLE    real64
#define REAL_FUNCTION real64_function
#define REAL_EXP      exp
#define REAL_LOG      log
#define REAL_SIN      sin
#define REAL_COS      cos
#define REAL_POW      pow
#include "ir/real.inc"
