/* gradient_zmm.h: registers of 512 bits, for the levels that differ in how they multiply. */
#ifndef TERN_GRADIENT_ZMM_H
#define TERN_GRADIENT_ZMM_H

#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef float vec __attribute__((vector_size(64)));
/* Twelve rows of two registers leave room for what they are multiplied by; six of two chains. */
#ifdef TERN_BF16
#include "runtime/kernels/flush_sse.h"
enum { LANES = 16, ROWS = 6, REGS = 2, SOME = 4, FEW = 2 };
#else
enum { LANES = 16, ROWS = 12, REGS = 2, SOME = 8, FEW = 4 };
#endif

INLINE vec spread(float x) {
  return (vec)_mm512_set1_ps(x);
}

INLINE vec widen_i8(const int8_t *p) {
  return (vec)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

INLINE vec widen_i16(const int16_t *p) {
  return (vec)_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)p)));
}

/* The permutation heeds two bits of a lane. */
INLINE vec codes_of(uint32_t word, int v) {
  (void)v; /* one register has all 16 */
  __m512i shifts = _mm512_setr_epi32(0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30);
  __m512i digits = _mm512_srlv_epi32(_mm512_set1_epi32((int)word), shifts);
  __m512 codes = _mm512_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0);
  return (vec)_mm512_permutevar_ps(codes, digits);
}

#endif
