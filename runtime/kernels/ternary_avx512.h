/* ternary_avx512.h: what the sums of tile2 and tile3 for AVX-512 VNNI have in common: columns in every lane,
 * the sum of a row of x, and where the sums of a pair of panels go. */
#ifndef TERN_TERNARY_AVX512_H
#define TERN_TERNARY_AVX512_H

#include "runtime/kernels/ternary.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = 12, FEW = 4, ROWS_BLOCK = 8 * ROWS, PREFETCH = 4096 };

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A panel or a pair of them: where the tiles are, and which rows of y they give. */
struct strip {
  const uint8_t *tiles;
  int64_t first, m, n; /* m: rows of the matrix, distance of rows in y */
  __mmask16 mask[2];   /* rows of each panel that are in the matrix */
};

INLINE __m512i four_columns(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, sizeof word);
  return _mm512_set1_epi32(word);
}

INLINE int32_t sum_i8(const int8_t *x, int64_t n) {
  __m512i sum = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
  int64_t k = 0;
  for (; k + 64 <= n; k += 64)
    sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(x + k));
  __mmask64 rest = ((__mmask64)1 << (n - k)) - 1;
  sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(rest, x + k));
  return _mm512_reduce_add_epi32(sum);
}

INLINE void store(const struct strip *s, int panel, int32_t *y, __m512i digits, int32_t ones) {
  __m512i sums = _mm512_sub_epi32(digits, _mm512_set1_epi32(ones));
  _mm512_mask_storeu_epi32(y + s->first + panel * TERN_PANEL, s->mask[panel], sums);
}

INLINE __mmask16 rows_in(int64_t left) {
  return left >= TERN_PANEL ? 0xffff : left > 0 ? (__mmask16)((1u << left) - 1) : 0;
}

#endif
