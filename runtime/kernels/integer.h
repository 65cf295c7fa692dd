/* integer.h: the integer operators of generated code: exact results in 64 bits, clamped to `bits` bits (2 ..
 * 32). The same integers as ir/integer_ops.c and ir/curve.c, which define them. Shifts of negative numbers to
 * the right are arithmetic, as all compilers make them. */
#ifndef TERN_KERNELS_INTEGER_H
#define TERN_KERNELS_INTEGER_H

#include <stdint.h>

/* Whether the compiler knows it. */
#ifdef __GNUC__
#define TERN_KNOWN(x) __builtin_constant_p(x)
#else
#define TERN_KNOWN(x) 0
#endif

/* An int32 in one register of 32 bits: gcc, which sees where it came from, would go on in 64. */
#if defined __GNUC__ && (defined __arm__ || defined __riscv)
#define TERN_NARROW(x) __asm__("" : "+r"(x))
#else
#define TERN_NARROW(x) (void)0
#endif

/* v within [-2^(bits-1), 2^(bits-1) - 1] */
static inline int32_t tern_sat(int64_t v, int bits) {
  const int32_t most = INT32_MAX >> (32 - bits), low = (int32_t)v;
  int32_t word = low == v ? low : v < 0 ? INT32_MIN : INT32_MAX;
  TERN_NARROW(word);
  return word > most ? most : word < -most - 1 ? -most - 1 : word;
}

static inline int32_t tern_least(int32_t a, int32_t b) {
  return b < a ? b : a;
}

static inline int32_t tern_most(int32_t a, int32_t b) {
  return a < b ? b : a;
}

/* |a|, 2^31 - 1 for -2^31 */
static inline int32_t tern_magnitude(int32_t a) {
  return a >= 0 ? a : a < -INT32_MAX ? INT32_MAX : -a;
}

/* a + b modulo 2^32 */
static inline int32_t tern_wrap_add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* floor(a * b * 2^-e + 1/2), e clamped to -62 .. 62. A product is at most 2^62, and half of 2^62 more still
 * fits; where e is not known, nothing is made of it but a shift, and the last place goes after 1 is added. To
 * the left, 2^31 is enough to saturate, and so are 31 places of anything but 0. */
static inline int32_t tern_mulshift(int32_t a, int32_t b, int32_t e, int bits) {
  const int64_t product = (int64_t)a * b, most = (int64_t)1 << 31;
  if (e > 0) {
    int right = e > 62 ? 62 : e;
    if (TERN_KNOWN(e))
      return tern_sat((product + ((int64_t)1 << (right - 1))) >> right, bits);
    return tern_sat(((product >> (right - 1)) + 1) >> 1, bits);
  }
  int left = e < -31 ? 31 : -e;
  int64_t clamped = product > most ? most : product < -most ? -most : product;
  return tern_sat(clamped * ((int64_t)1 << left), bits);
}

/* floor(a / max(b, 1)) */
static inline int32_t tern_idiv(int32_t a, int32_t b, int bits) {
  int32_t divisor = b < 1 ? 1 : b;
  return tern_sat((int64_t)(a / divisor) - (a % divisor < 0), bits);
}

/* floor(sqrt(max(a, 0))), bit by bit from the highest: `rest` is what a exceeds root^2 by. */
static inline int32_t tern_isqrt(int32_t a, int bits) {
  uint32_t rest = a < 0 ? 0 : (uint32_t)a, root = 0;
  for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
    const uint32_t next = root + bit;
    root >>= 1;
    if (rest >= next) {
      rest -= next;
      root += bit;
    }
  }
  return tern_sat((int32_t)root, bits);
}

/* floor(log2(max(|a|, 1))) */
static inline int32_t tern_ilog2(int32_t a, int bits) {
  uint32_t x = a < 0 ? 0u - (uint32_t)a : (uint32_t)a;
  int32_t log = 0;
  for (int step = 16; step; step /= 2)
    if (x >> step) {
      x >>= step;
      log += step;
    }
  return tern_sat(log, bits);
}

/* From y[0] to y[1] in a straight line of 2^h steps, after t of them. */
static inline int32_t tern_between(const uint32_t *y, int64_t t, int h, int bits) {
  const int64_t half = h ? (int64_t)1 << (h - 1) : 0;
  return tern_sat((int64_t)y[0] + ((((int64_t)y[1] - (int64_t)y[0]) * t + half) >> h), bits);
}

/* The table y[0 .. 2^s] of a curve at x: `first` is where its domain begins, 2^length how long it is, 2^h how
 * long one piece is. Where an int32 can be anywhere in the domain, 32 bits are enough for the place in it. */
static inline int32_t tern_curve(const uint32_t *y, int64_t first, int length, int h, int32_t x, int bits) {
  const int64_t last = ((int64_t)1 << length) - 1;
  if (first >= INT32_MIN && first + last <= INT32_MAX) {
    const int32_t inside = tern_most(tern_least(x, (int32_t)(first + last)), (int32_t)first);
    const uint32_t u = (uint32_t)inside - (uint32_t)(int32_t)first;
    return tern_between(y + (u >> h), u & (((uint32_t)1 << h) - 1), h, bits);
  }
  int64_t u = x - first;
  u = u < 0 ? 0 : u > last ? last : u;
  return tern_between(y + (u >> h), u & (((int64_t)1 << h) - 1), h, bits);
}

/* A code of more than 24 bits from a rounded float; 0 for NaN. A float between the most code and `end`, one
 * more, there is none. */
static inline int32_t tern_wide_code(float x, int bits) {
  const float end = (float)((int64_t)1 << (bits - 1));
  const int32_t least = (int32_t)-((int64_t)1 << (bits - 1));
  return x != x ? 0 : x >= end ? -(least + 1) : x < -end ? least : (int32_t)x;
}

#endif
