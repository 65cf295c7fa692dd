/* gradient_pairs.h: one step of a sum of pairs of bfloat16 as gradient.h states it, in plain C. */
#ifndef TERN_TESTS_KERNELS_GRADIENT_PAIRS_H
#define TERN_TESTS_KERNELS_GRADIENT_PAIRS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A denormal number counts as zero of its sign. */
static inline float flushed(float x) {
  return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static inline float upper_half(uint32_t word) {
  float x;
  word &= 0xffff0000u;
  memcpy(&x, &word, sizeof x);
  return flushed(x);
}

/* Words of two: the odd step first. */
static inline float add_pair(float a, float b, float sum) {
  uint32_t x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  sum = flushed(fmaf(upper_half(x), upper_half(y), flushed(sum)));
  return flushed(fmaf(upper_half(x << 16), upper_half(y << 16), sum));
}

#endif
