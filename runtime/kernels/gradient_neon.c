/* gradient_neon.c: the products of a backward pass for aarch64: six rows of four registers. */
#if defined __aarch64__
#include "runtime/kernels/ternary_inline.h"

#include <arm_neon.h>

typedef float vec __attribute__((vector_size(16)));
#ifdef TERN_BF16 /* two chains of each */
enum { LANES = 4, ROWS = 3, REGS = 4, SOME = 2, FEW = 1 };

/* FZ of FPCR. */
INLINE uint64_t flush_denormals(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode)::"memory");
  __asm__ volatile("msr fpcr, %0" ::"r"(mode | 1u << 24) : "memory");
  return mode;
}

INLINE void restore(uint64_t mode) {
  __asm__ volatile("msr fpcr, %0" ::"r"(mode) : "memory");
}
#else
enum { LANES = 4, ROWS = 6, REGS = 4, SOME = 4, FEW = 2 };
#endif

INLINE vec spread(float x) {
  return (vec)vdupq_n_f32(x);
}

INLINE vec mac(vec a, vec b, vec s) {
  return (vec)vfmaq_f32((float32x4_t)s, (float32x4_t)a, (float32x4_t)b);
}

INLINE vec widen_i8(const int8_t *p) {
  int8_t eight[8] = {p[0], p[1], p[2], p[3]};
  return (vec)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(eight)))));
}

INLINE vec widen_i16(const int16_t *p) {
  return (vec)vcvtq_f32_s32(vmovl_s16(vld1_s16(p)));
}

INLINE vec codes_of(uint32_t word, int v) {
  const int32_t right[4] = {-2 * v, -8 - 2 * v, -16 - 2 * v, -24 - 2 * v};
  uint32x4_t digits = vandq_u32(vshlq_u32(vdupq_n_u32(word), vld1q_s32(right)), vdupq_n_u32(3));
  return (vec)vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(digits), vdupq_n_s32(1)));
}

#include "runtime/kernels/gradient_tiles.h"

#ifdef TERN_BF16
TERN_GRADIENT(bf16_neon)
#else
TERN_GRADIENT(neon)
#endif
#else
typedef int tern_no_gradient_neon; /* nothing to compile for this processor */
#endif
