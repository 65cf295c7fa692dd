/* ternary_avxvnni.c: int8 ternary sums for AVX-VNNI, the dot products of 256 bits that processors without
 * AVX-512 have. A register is half a tile. */
#if defined __AVX2__ && defined __AVXVNNI__
#include "runtime/kernels/ternary_ymm.h"

enum { SUM_BITS = 32 };
#define WIDE_DIGITS

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)_mm256_dpbusd_avx_epi32((__m256i)sums, (__m256i)digits, (__m256i)columns);
}

INLINE reg widen(reg total, reg sums) {
  return (reg)_mm256_add_epi32((__m256i)total, (__m256i)sums);
}

#include "runtime/kernels/ternary_rows.h"

TERN_SUMS(avxvnni)
#else
typedef int tern_no_avxvnni; /* nothing to compile for this processor */
#endif
