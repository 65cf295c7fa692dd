/* ternary_avx2.h: what the sums of tile2 and tile3 for AVX2 have in common: columns in every lane, 16-bit
 * sums and their widening, where sums go. A register is half a tile: 32-bit lane r is row r or 8 + r. */
#ifndef TERN_TERNARY_AVX2_H
#define TERN_TERNARY_AVX2_H

#include "runtime/kernels/ternary.h"

#include <immintrin.h>
#include <string.h>

enum { HALVES = 4, ROWS = 4, ROWS_BLOCK = 96 };

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE __m256i four_columns(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, sizeof word);
  return _mm256_set1_epi32(word);
}

INLINE int32_t sum_i8(const int8_t *x, int64_t n) {
  uint32_t sum = 0;
  for (int64_t k = 0; k < n; k++)
    sum += (uint32_t)(int32_t)x[k];
  return (int32_t)sum;
}

INLINE void widen(int halves, int rows, __m256i wide[ROWS][HALVES], __m256i narrow[ROWS][HALVES]) {
  const __m256i ones = _mm256_set1_epi16(1);
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int h = 0; h < halves; h++) {
    wide[t][h] = _mm256_add_epi32(wide[t][h], _mm256_madd_epi16(narrow[t][h], ones));
    narrow[t][h] = _mm256_setzero_si256();
  }
}

/* The first `count` rows of y: digit sums less the sum of x. */
INLINE void store(int halves, int32_t *y, int64_t count, const __m256i wide[HALVES], int32_t ones) {
  int32_t out[8 * HALVES];
  for (int h = 0; h < halves; h++)
    _mm256_storeu_si256((__m256i *)(out + 8 * h), _mm256_sub_epi32(wide[h], _mm256_set1_epi32(ones)));
  memcpy(y, out, sizeof *y * (size_t)count);
}

/* A panel or a pair of them: where its tiles are, and how many of its rows are in the matrix. */
struct strip {
  const uint8_t *tiles;
  int64_t step, count, m, n;
};

#endif
