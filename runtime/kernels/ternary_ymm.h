/* ternary_ymm.h: registers of 256 bits, half a tile, for the levels that differ in how they multiply. */
#ifndef TERN_TERNARY_YMM_H
#define TERN_TERNARY_YMM_H

#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef uint8_t reg __attribute__((vector_size(32)));
enum { ROWS = 4, AT_ONCE = 2 };

INLINE reg min_bytes(reg a, reg b) {
  return (reg)_mm256_min_epu8((__m256i)a, (__m256i)b);
}

INLINE reg look_up(const uint8_t table[16], reg at) {
  __m128i t = _mm_loadu_si128((const __m128i *)table);
  return (reg)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), (__m256i)at);
}

#endif
