/* ternary_avxvnni.c: int8 ternary sums for AVX-VNNI, the dot products of 256 bits that processors without
 * AVX-512 have. A register is half a tile. */
#if defined __AVX2__ && defined __AVXVNNI__
#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef uint8_t reg __attribute__((vector_size(32)));
enum { ROWS = 4, AT_ONCE = 2, SUM_BITS = 32 };

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)_mm256_dpbusd_avx_epi32((__m256i)sums, (__m256i)digits, (__m256i)columns);
}

INLINE reg widen(reg total, reg sums) {
  return (reg)_mm256_add_epi32((__m256i)total, (__m256i)sums);
}

INLINE reg min_bytes(reg a, reg b) {
  return (reg)_mm256_min_epu8((__m256i)a, (__m256i)b);
}

INLINE reg look_up(const uint8_t table[16], reg at) {
  __m128i t = _mm_loadu_si128((const __m128i *)table);
  return (reg)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), (__m256i)at);
}

#include "runtime/kernels/ternary_rows.h"

TERN_SUMS(avxvnni)
#else
typedef int tern_no_avxvnni; /* nothing to compile for this processor */
#endif
