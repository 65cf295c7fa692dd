/* math.h: the elementary functions of a Tern program, the same bits on every engine, target and vector width.
 *
 * Only +, -, *, / and comparisons of float32 are used, each rounded once (compile with -ffp-contract=off),
 * and the bit pattern of floats; so a result does not depend on a libm, on fused multiply-add or on the
 * number of lanes. The text of each function is written once, as a macro over a float type F and an integer
 * type I: `float` here, and 16 lanes of GNU vectors where TERN_VECTORS is defined. Plain C11 otherwise.
 *
 * exp, log: range reduction and polynomials as in Cephes (Moshier, single precision): exp within 1 ulp of the
 * true value for -87 < x < 88.7, log within 1 ulp for normal x; docs/numerics.md has the measured errors. */
#ifndef TERN_MATH_H
#define TERN_MATH_H

#include <stdint.h>

union tern_both {
  float x;
  int32_t i;
};

static inline int32_t tern_bits(float x) {
  return (union tern_both){.x = x}.i;
}

static inline float tern_from_bits(int32_t i) {
  return (union tern_both){.i = i}.x;
}

/* bf16 and IEEE half to float; exact. */
static inline float tern_bf16(uint16_t h) {
  return tern_from_bits((int32_t)((uint32_t)h << 16));
}

/* Rounded half to even; NaN stays one. */
static inline uint16_t tern_to_bf16(float x) {
  uint32_t bits = (uint32_t)tern_bits(x);
  uint32_t rounded = x != x ? bits | 0x400000u : bits + ((bits >> 16) & 1u) + 0x7fffu;
  return (uint16_t)(rounded >> 16);
}

static inline float tern_f16(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = (uint32_t)(h & 0x7fffu) << 13;
  if ((h & 0x7c00u) == 0x7c00u) /* infinity, NaN: all exponent bits set */
    return tern_from_bits((int32_t)(sign | magnitude | 0x7f800000u));
  /* 2^112 moves the exponent from bias 15 to bias 127; subnormals come out normal. */
  return tern_from_bits((int32_t)sign |
                        tern_bits(tern_from_bits((int32_t)magnitude) * 5.192296858534828e33f));
}

/* e^x = 2^k e^r, k = round(x log2 e), |r| <= ln 2 / 2; ln 2 in two parts so that k * HIGH is exact. 2^k is
 * applied in two factors, so that subnormal results round once and large ones become infinite. NaN stays NaN.
 */
#define TERN_EXP_BODY(F, I, BITS, FROM_BITS, SELECT, POWER)                                                  \
  x = SELECT(x < -104.0f, (F){0} - 104.0f, x);                                                               \
  x = SELECT(x > 89.0f, (F){0} + 89.0f, x);                                                                  \
  F shifted = x * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: the fraction is rounded off */          \
  I k = BITS(shifted) - 0x4b400000;                                                                          \
  F whole = shifted - 12582912.0f;                                                                           \
  F r = x - whole * 0.693359375f;                                                                            \
  r = r - whole * -2.12194440e-4f;                                                                           \
  F p = r * 1.9875691500e-4f + 1.3981999507e-3f;                                                             \
  p = p * r + 8.3334519073e-3f;                                                                              \
  p = p * r + 4.1665795894e-2f;                                                                              \
  p = p * r + 1.6666665459e-1f;                                                                              \
  p = p * r + 5.0000001201e-1f;                                                                              \
  p = p * (r * r) + r + 1.0f;                                                                                \
  I low = ((k + 1024) >> 1) - 512; /* floor(k / 2) */                                                        \
  I high = k - low;                                                                                          \
  p = p * FROM_BITS(POWER(low + 127));                                                                       \
  return p * FROM_BITS(POWER(high + 127));

/* log x = e log 2 + log(1 + f), 1 + f in [sqrt 1/2, sqrt 2). */
#define TERN_LOG_BODY(F, I, BITS, FROM_BITS, SELECT, TO_FLOAT)                                               \
  F given = x;                                                                                               \
  F tiny = SELECT(x < 1.17549435e-38f, (F){0} + 33554432.0f, (F){0} + 1.0f); /* 2^25 lifts subnormals */     \
  x = x * tiny;                                                                                              \
  I bits = BITS(x);                                                                                          \
  F e = TO_FLOAT(((bits >> 23) & 255) - 126);                                                                \
  e = e - SELECT(tiny > 1.0f, (F){0} + 25.0f, (F){0});                                                       \
  F m = FROM_BITS((bits & 0x007fffff) | 0x3f000000);                                                         \
  e = e - SELECT(m < 0.707106781186547524f, (F){0} + 1.0f, (F){0});                                          \
  m = SELECT(m < 0.707106781186547524f, m + m, m) - 1.0f;                                                    \
  F z = m * m;                                                                                               \
  F y = m * 7.0376836292e-2f - 1.1514610310e-1f;                                                             \
  y = y * m + 1.1676998740e-1f;                                                                              \
  y = y * m - 1.2420140846e-1f;                                                                              \
  y = y * m + 1.4249322787e-1f;                                                                              \
  y = y * m - 1.6668057665e-1f;                                                                              \
  y = y * m + 2.0000714765e-1f;                                                                              \
  y = y * m - 2.4999993993e-1f;                                                                              \
  y = y * m + 3.3333331174e-1f;                                                                              \
  y = y * m * z;                                                                                             \
  y = y + e * -2.12194440e-4f;                                                                               \
  y = y - z * 0.5f;                                                                                          \
  F result = m + y;                                                                                          \
  result = result + e * 0.693359375f;                                                                        \
  result = SELECT(given == (F){0}, FROM_BITS((I){0} - 0x00800000), result); /* -infinity */                  \
  result = SELECT(given > 3.40282347e38f, given, result);                   /* infinity */                   \
  result = SELECT(given < (F){0}, FROM_BITS((I){0} + 0x7fc00000), result);  /* NaN */                        \
  return SELECT(given != given, given, result);

#define TERN_SCALAR_SELECT(c, a, b) ((c) ? (a) : (b))
#define TERN_SCALAR_TO_FLOAT(i)     ((float)(i))
/* 2^i in the exponent field; unsigned, so that nothing overflows whatever a NaN brings. */
#define TERN_SCALAR_POWER(i) ((int32_t)((uint32_t)(i) << 23))

static inline float tern_exp(float x) {
  TERN_EXP_BODY(float, int32_t, tern_bits, tern_from_bits, TERN_SCALAR_SELECT, TERN_SCALAR_POWER)
}

static inline float tern_log(float x) {
  TERN_LOG_BODY(float, int32_t, tern_bits, tern_from_bits, TERN_SCALAR_SELECT, TERN_SCALAR_TO_FLOAT)
}

#ifdef TERN_VECTORS
typedef float tern_f32x16 __attribute__((vector_size(64)));
typedef int32_t tern_i32x16 __attribute__((vector_size(64)));
#define TERN_VECTOR_BITS(x)      ((tern_i32x16)(x))
#define TERN_VECTOR_FROM_BITS(i) ((tern_f32x16)(i))
#define TERN_VECTOR_SELECT(c, a, b)                                                                          \
  ((tern_f32x16)((((tern_i32x16)(c)) & (tern_i32x16)(a)) | (~((tern_i32x16)(c)) & (tern_i32x16)(b))))
#define TERN_VECTOR_POWER(i)    ((i) << 23)
#define TERN_VECTOR_TO_FLOAT(i) __builtin_convertvector((i), tern_f32x16)

static inline tern_f32x16 tern_exp_v16(tern_f32x16 x) {
  TERN_EXP_BODY(tern_f32x16, tern_i32x16, TERN_VECTOR_BITS, TERN_VECTOR_FROM_BITS, TERN_VECTOR_SELECT,
                TERN_VECTOR_POWER)
}

static inline tern_f32x16 tern_log_v16(tern_f32x16 x) {
  TERN_LOG_BODY(tern_f32x16, tern_i32x16, TERN_VECTOR_BITS, TERN_VECTOR_FROM_BITS, TERN_VECTOR_SELECT,
                TERN_VECTOR_TO_FLOAT)
}
#endif

#endif
