/* ternary_vnni.c: int8 ternary sums for AVX-512 VNNI. A register is a tile, and 32 of them leave room for an
 * accumulator a field. With VBMI, 0 .. 80 becomes four fields in one table look-up; compiled as it is for
 * processors without, and by ternary_vbmi.c for those with it. */
#if defined __AVX512VNNI__ && defined __AVX512BW__ && defined __AVX512VL__
#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

typedef uint8_t reg __attribute__((vector_size(64)));
enum { ROWS = 12, AT_ONCE = 2, SUM_BITS = 32 };
#define WIDE_DIGITS
#define IN_PLACE

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)digits, (__m512i)columns);
}

INLINE reg widen(reg total, reg sums) {
  return (reg)_mm512_add_epi32((__m512i)total, (__m512i)sums);
}

INLINE reg min_bytes(reg a, reg b) {
  return (reg)_mm512_min_epu8((__m512i)a, (__m512i)b);
}

INLINE reg look_up(const uint8_t table[16], reg at) {
  __m128i t = _mm_loadu_si128((const __m128i *)table);
  return (reg)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), (__m512i)at);
}

#ifdef __AVX512VBMI__
#define FOUR(t3, t2, t1, t0) (t0) | (t1) << 2 | (t2) << 4 | (t3) << 6
#define NINE(t3, t2)                                                                                         \
  FOUR(t3, t2, 0, 0), FOUR(t3, t2, 0, 1), FOUR(t3, t2, 0, 2), FOUR(t3, t2, 1, 0), FOUR(t3, t2, 1, 1),        \
      FOUR(t3, t2, 1, 2), FOUR(t3, t2, 2, 0), FOUR(t3, t2, 2, 1), FOUR(t3, t2, 2, 2)
static const uint8_t fields_table[128] = {NINE(0, 0), NINE(0, 1), NINE(0, 2), NINE(1, 0), NINE(1, 1),
                                          NINE(1, 2), NINE(2, 0), NINE(2, 1), NINE(2, 2)};
/* 85 t4 by the six upper bits of 85 t4 + 0 .. 80; vpermb does not heed the two that come from a neighbour. */
#define SEVEN(x)  x, x, x, x, x, x, x
#define THRICE(x) SEVEN(x), SEVEN(x), SEVEN(x)
static const uint8_t top_table[64] = {THRICE(0), THRICE(TERN_TOP), THRICE(2 * TERN_TOP)};
INLINE reg top_of(reg b) {
  return (reg)_mm512_permutexvar_epi8(_mm512_srli_epi16((__m512i)b, 2), _mm512_loadu_si512(top_table));
}

#define fields_of_81 fields_of_81
INLINE reg fields_of_81(reg r) {
  return (reg)_mm512_permutex2var_epi8(_mm512_loadu_si512(fields_table), (__m512i)r,
                                       _mm512_loadu_si512(fields_table + 64));
}
#endif

#include "runtime/kernels/ternary_rows.h"

#ifdef TERN_AMX /* ternary_amx.c has more to say */
#elif defined TERN_VBMI
TERN_SUMS(vbmi)
#else
TERN_SUMS(vnni)
#endif
#else
typedef int tern_no_vnni; /* nothing to compile for this processor */
#endif
