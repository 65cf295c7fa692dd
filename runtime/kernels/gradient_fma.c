/* gradient_fma.c: the products of a backward pass for AVX2 and FMA. Six rows of two registers are twelve sums
 * of sixteen registers, and enough for two multiply-adds a cycle of four or five cycles each. */
#if defined __AVX2__ && defined __FMA__
#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef float vec __attribute__((vector_size(32)));
#ifdef TERN_BF16 /* two chains of each */
#include "runtime/kernels/flush_sse.h"
enum { LANES = 8, ROWS = 3, REGS = 2, SOME = 2, FEW = 1 };
#else
enum { LANES = 8, ROWS = 6, REGS = 2, SOME = 4, FEW = 2 };
#endif

INLINE vec spread(float x) {
  return (vec)_mm256_set1_ps(x);
}

INLINE vec mac(vec a, vec b, vec s) {
  return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)s);
}

INLINE vec widen_i8(const int8_t *p) {
  return (vec)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(p)));
}

INLINE vec widen_i16(const int16_t *p) {
  return (vec)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* The permutation heeds two bits of a lane. */
INLINE vec codes_of(uint32_t word, int v) {
  __m256i shifts = _mm256_add_epi32(_mm256_setr_epi32(0, 8, 16, 24, 2, 10, 18, 26), _mm256_set1_epi32(4 * v));
  __m256i digits = _mm256_srlv_epi32(_mm256_set1_epi32((int)word), shifts);
  return (vec)_mm256_permutevar_ps(_mm256_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0), digits);
}

#include "runtime/kernels/gradient_tiles.h"

#ifdef TERN_BF16
TERN_GRADIENT(bf16_fma)
#else
TERN_GRADIENT(fma)
#endif
#else
typedef int tern_no_gradient_fma; /* nothing to compile for this processor */
#endif
