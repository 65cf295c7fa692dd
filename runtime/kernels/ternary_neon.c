/* ternary_neon.c: int8 ternary sums for Arm's dot products (FEAT_DotProd, optional from Armv8.2 on). A
 * register is a quarter of a tile. */
#if defined __aarch64__ && defined __ARM_FEATURE_DOTPROD
#include "runtime/kernels/ternary_inline.h"

#include <arm_neon.h>

typedef uint8_t reg __attribute__((vector_size(16)));
enum { ROWS = 6, AT_ONCE = 4, SUM_BITS = 32 };

INLINE reg multiply(reg sums, reg digits, reg columns) {
  return (reg)vdotq_s32((int32x4_t)sums, (int8x16_t)digits, (int8x16_t)columns);
}

INLINE reg widen(reg total, reg sums) {
  return (reg)vaddq_s32((int32x4_t)total, (int32x4_t)sums);
}

INLINE reg min_bytes(reg a, reg b) {
  return (reg)vminq_u8((uint8x16_t)a, (uint8x16_t)b);
}

INLINE reg look_up(const uint8_t table[16], reg at) {
  return (reg)vqtbl1q_u8(vld1q_u8(table), (uint8x16_t)at);
}

/* v / 32, rounded to nearest: tbl gives 0 for what is not below 16. */
#define digit_of_27 digit_of_27
INLINE reg digit_of_27(reg v) {
  return (reg)vrshrq_n_u8((uint8x16_t)v, 5);
}

#include "runtime/kernels/ternary_rows.h"

TERN_SUMS(neon)
#else
typedef int tern_no_neon; /* nothing to compile for this processor */
#endif
