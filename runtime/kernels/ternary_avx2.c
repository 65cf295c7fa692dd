/* ternary_avx2.c: int8 ternary sums for AVX2. A register is half a tile. vpmaddubsw multiplies digits by
 * columns and adds pairs, in 16 bits, which are widened before they overflow; there is one of them a clock
 * (Zen 3), so many rows of x go by tables. */
#if defined __AVX2__
#include "runtime/kernels/ternary_ymm.h"

enum { SUM_BITS = 16 };

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)_mm256_add_epi16((__m256i)sums, _mm256_maddubs_epi16((__m256i)digits, (__m256i)columns));
}

INLINE reg widen(reg total, reg sums) {
  return (reg)_mm256_add_epi32((__m256i)total, _mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(1)));
}

#include "runtime/kernels/ternary_tables.h"

TERN_SUMS_MANY(avx2, sum_bundles)
TERN_WIDE_SUMS(avx2, TERN_NONE)
#else
typedef int tern_no_avx2; /* nothing to compile for this processor */
#endif
