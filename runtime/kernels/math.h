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

/* Stochastic rounding, of any float to `bits` significant bits: the bits behind these get one of all numbers
 * that fit into them, each as likely, and what they carry stays. NaN stays one; what is above the largest
 * number of so many bits may become infinite. The number is the upper part of a hash of seed and place
 * (lowbias32, Wellons 2018), so that an element's depends on nothing else. */
static inline float tern_dither(float x, uint32_t seed, uint32_t place, int bits) {
  uint32_t h = place * 0x9e3779b1u ^ seed;
  h = (h ^ h >> 16) * 0x7feb352du;
  h = (h ^ h >> 15) * 0x846ca68bu;
  h ^= h >> 16;
  uint32_t up = (uint32_t)tern_bits(x) + (h >> (8 + bits));
  return x != x ? x : tern_from_bits((int32_t)(up >> (24 - bits) << (24 - bits)));
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

/* ---- sines, cosines and powers: integers of 64 bits where floats would lose digits ------------------- */

/* a b / 2^64, rounded down, or 1 or 2 less. */
static inline uint64_t tern_high(uint64_t a, uint64_t b) {
  const uint64_t a1 = a >> 32, a0 = a & 0xffffffffu, b1 = b >> 32, b0 = b & 0xffffffffu;
  return a1 * b1 + (a1 * b0 >> 32) + (a0 * b1 >> 32);
}

/* The magnitude with these bits, finite and from 1/2 on, is q pi/2 + r + rest, |r| <= pi/4. Gives q mod 4.
 * Payne and Hanek: of 2/pi only those 96 bits are multiplied that decide q mod 4 and 62 bits behind the
 * point; entry j of the table has those up to 2^-8j. */
static inline uint32_t tern_quarter_turns(uint32_t bits, float *r, float *rest) {
  static const uint32_t two_over_pi[] = {0x00000000, 0x000000a2, 0x0000a2f9, 0x00a2f983, 0xa2f9836e,
                                         0xf9836e4e, 0x836e4e44, 0x6e4e4415, 0x4e441529, 0x441529fc,
                                         0x1529fc27, 0x29fc2757, 0xfc2757d1, 0x2757d1f5, 0x57d1f534,
                                         0xd1f534dd, 0xf534ddc0, 0x34ddc0db, 0xddc0db62, 0xc0db6295,
                                         0xdb629599, 0x6295993c, 0x95993c43, 0x993c4390, 0x3c439041};
  const uint32_t *word = &two_over_pi[(bits >> 26) - 15];
  const uint32_t m = ((bits & 0x007fffffu) | 0x00800000u) << (bits >> 23 & 7);
  const uint64_t turns =
      ((uint64_t)(m * word[0]) << 32) + (uint64_t)m * word[4] + ((uint64_t)m * word[8] >> 32);
  const uint64_t q = (turns + ((uint64_t)1 << 61)) >> 62, over = turns - (q << 62);
  const float sign = over >> 63 ? -1.0f : 1.0f;
  const uint64_t angle = tern_high(over >> 63 ? 0 - over : over, 0xc90fdaa22168c235u); /* pi/2: 2^-61 is 1 */
  const float head = sign * (float)(int32_t)(angle >> 37) * 5.9604644775390625e-8f;    /* 2^-24 */
  const float tail = sign * (float)(int32_t)(angle >> 6 & 0x7fffffff) * 2.7755575615628914e-17f; /* 2^-55 */
  *r = head + tail;
  *rest = tail - (*r - head);
  return (uint32_t)q;
}

/* Taylor's series, its coefficients moved a little (fdlibm's). */
static inline float tern_sine_of(float r, float rest) {
  const float z = r * r;
  float p = z * 2.7183114939898219e-6f - 1.9839334836096632e-4f;
  p = p * z + 8.3333293858894632e-3f;
  p = p * z - 1.6666666641626524e-1f;
  return r + (rest + r * z * p);
}

static inline float tern_cosine_of(float r, float rest) {
  const float z = r * r, half = 0.5f * z, one = 1.0f - half;
  float p = z * 2.443315711809948e-5f - 1.388731625493765e-3f;
  p = p * z + 4.166664568298827e-2f;
  return one + (((1.0f - one) - half) + (z * z * p - r * rest));
}

/* sin(|x| + ahead pi/2) */
static inline float tern_sine_ahead(float x, uint32_t ahead) {
  const uint32_t bits = (uint32_t)tern_bits(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) /* infinite, or no number */
    return tern_from_bits(0x7fc00000);
  float r = tern_from_bits((int32_t)bits), rest = 0.0f;
  if (bits > 0x3f490fdau) /* pi/4 */
    ahead += tern_quarter_turns(bits, &r, &rest);
  const float y = ahead & 1 ? tern_cosine_of(r, rest) : tern_sine_of(r, rest);
  return ahead & 2 ? -y : y;
}

static inline float tern_sin(float x) {
  const float y = tern_sine_ahead(x, 0);
  return tern_bits(x) < 0 ? -y : y;
}

static inline float tern_cos(float x) {
  return tern_sine_ahead(x, 1);
}

/* |log2 x| * 2^*frac of a positive finite x; *below: x < 1. x = 2^e m with m in [sqrt 1/2, sqrt 2), and log2
 * m = 2 / ln 2 (s + s^3 / 3 + s^5 / 5 + ...), s = (m - 1) / (m + 1). Where e is 0 the point stands further
 * left, for the sake of numbers near 1. */
static inline uint64_t tern_log2_wide(float x, int32_t *frac, int32_t *below) {
  const float scale = x < 1.17549435e-38f ? 33554432.0f : 1.0f; /* 2^25 lifts subnormals */
  const uint32_t bits = (uint32_t)tern_bits(x * scale), m = (bits & 0x007fffffu) | 0x00800000u;
  const uint32_t up = m > 0x00b504f3u, one = up ? 0x01000000u : 0x00800000u, sum = m + one;
  const int32_t e = (int32_t)(bits >> 23) - 127 - (scale > 1.0f ? 25 : 0) + (int32_t)up;
  const uint64_t top = (uint64_t)(m < one ? one - m : m - one) << 40;
  const uint64_t s = (top / sum << 24) + (top % sum << 24) / sum, z = tern_high(s, s); /* 2^-64 */
  uint64_t p = ((uint64_t)1 << 63) / 19;
  for (int32_t k = 17; k > 0; k -= 2)
    p = ((uint64_t)1 << 63) / (uint32_t)k + tern_high(p, z);
  const uint64_t log = tern_high(tern_high(s, p), 0xb8aa3b295c17f0bcu); /* 2 / ln 2; 2^-61 is 1 */
  const int64_t all = e * ((int64_t)1 << 55) + (m < one ? -(int64_t)(log >> 6) : (int64_t)(log >> 6));
  *frac = e ? 55 : 61;
  *below = e ? e < 0 : m < one;
  return e ? (uint64_t)(all < 0 ? -all : all) : log;
}

/* 2^(y 2^-54) of y within 2^62, rounded once, half up. */
static inline float tern_exp2_wide(int64_t y) {
  const int32_t n = (int32_t)(y >> 54);
  const uint64_t t = tern_high((uint64_t)y << 10, 0xb17217f7d1cf79acu); /* the fraction by ln 2; 2^-64 */
  static const uint64_t factorials[] = {1,    1,     2,      6,       24,       120,      720,
                                        5040, 40320, 362880, 3628800, 39916800, 479001600};
  uint64_t p = ((uint64_t)1 << 62) / 6227020800u;
  for (int32_t k = 12; k >= 0; k--)
    p = ((uint64_t)1 << 62) / factorials[k] + tern_high(p, t);
  const int32_t drop = n < -126 ? 39 - 126 - n : 39; /* a subnormal result has fewer digits */
  if (drop > 63)
    return 0.0f;
  const uint32_t m = (uint32_t)((p + ((uint64_t)1 << (drop - 1))) >> drop);
  const uint32_t bits = (n < -126 ? 0 : (uint32_t)(n + 126) << 23) + m;
  return tern_from_bits((int32_t)(n > 127 || bits > 0x7f800000u ? 0x7f800000u : bits));
}

/* x^y of a positive finite x: 2^(y log2 x), of which 2^8 decides. */
static inline float tern_power_of(float x, float y) {
  int32_t frac, below;
  const uint64_t log = tern_log2_wide(x, &frac, &below);
  const uint32_t bits = (uint32_t)tern_bits(y) & 0x7fffffffu, e = bits >> 23;
  const uint32_t m = (bits & 0x007fffffu) | (e ? 0x00800000u : 0);
  const uint64_t product = tern_high(log, (uint64_t)m << 40);
  const int32_t left = 24 + (int32_t)(e ? e : 1) - 150 - frac + 54;
  const uint64_t most = (uint64_t)1 << 62;
  uint64_t size = left < -63 ? 0 : left < 0 ? product >> -left : most;
  if (left >= 0 && (product == 0 || (left < 62 && product < most >> left)))
    size = left < 62 ? product << left : 0;
  return tern_exp2_wide((tern_bits(y) < 0) != below ? -(int64_t)size : (int64_t)size);
}

/* Whether y is odd, or an integer at all; from 2^24 on all are even. */
static inline int tern_is_odd(float y) {
  return y > -16777216.0f && y < 16777216.0f && (float)(int32_t)y == y && ((int32_t)y & 1);
}

static inline int tern_is_whole(float y) {
  return !(y > -16777216.0f && y < 16777216.0f) || (float)(int32_t)y == y;
}

static inline float tern_pow(float x, float y) {
  const float infinity = tern_from_bits(0x7f800000), size = tern_from_bits(tern_bits(x) & 0x7fffffff);
  if (x == 1.0f || y == 0.0f)
    return 1.0f;
  if (x != x || y != y || (x < 0.0f && size < infinity && !tern_is_whole(y)))
    return tern_from_bits(0x7fc00000);
  float result;
  if (size == 0.0f || size == infinity)
    result = (y > 0.0f) == (size > 0.0f) ? infinity : 0.0f;
  else if (y == infinity || y == -infinity)
    result = size == 1.0f ? 1.0f : (y > 0.0f) == (size > 1.0f) ? infinity : 0.0f;
  else
    result = tern_power_of(size, y);
  return tern_bits(x) < 0 && tern_is_odd(y) ? -result : result;
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

/* Lane by lane. */
static inline tern_f32x16 tern_sin_v16(tern_f32x16 x) {
  for (int k = 0; k < 16; k++)
    x[k] = tern_sin(x[k]);
  return x;
}

static inline tern_f32x16 tern_cos_v16(tern_f32x16 x) {
  for (int k = 0; k < 16; k++)
    x[k] = tern_cos(x[k]);
  return x;
}

static inline tern_f32x16 tern_pow_v16(tern_f32x16 x, tern_f32x16 y) {
  for (int k = 0; k < 16; k++)
    x[k] = tern_pow(x[k], y[k]);
  return x;
}
#endif

#endif
