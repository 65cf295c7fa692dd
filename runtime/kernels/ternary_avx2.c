/* ternary_avx2.c: int8 ternary sums for AVX2. A register is half a tile. vpmaddubsw multiplies digits by
 * columns and adds pairs, in 16 bits, which are widened before they overflow; there is one of them a clock
 * (Zen 3), so many rows of x go by tables. */
#if defined __AVX2__
#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef uint8_t reg __attribute__((vector_size(32)));
enum { ROWS = 4, AT_ONCE = 2, SUM_BITS = 16 };

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)_mm256_add_epi16((__m256i)sums, _mm256_maddubs_epi16((__m256i)digits, (__m256i)columns));
}

INLINE reg widen(reg total, reg sums) {
  return (reg)_mm256_add_epi32((__m256i)total, _mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(1)));
}

INLINE reg min_bytes(reg a, reg b) {
  return (reg)_mm256_min_epu8((__m256i)a, (__m256i)b);
}

INLINE reg look_up(const uint8_t table[16], reg at) {
  __m128i t = _mm_loadu_si128((const __m128i *)table);
  return (reg)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), (__m256i)at);
}

#include "runtime/kernels/ternary_tables.h"

TERN_SUMS_MANY(avx2, sum_bundles)
#else
typedef int tern_no_avx2; /* nothing to compile for this processor */
#endif
