/* portable.c: what generated code calls on every processor: ternary sums, exp, log and their like. The
 * 16-lane functions go through memory, so that no calling convention for vectors matters; inlined, nothing of
 * that is left. */
#define TERN_VECTORS
#include "runtime/kernels/math.h"
#include "runtime/kernels/ternary.c"

#define ELEMENTARY(name)                                                                                     \
  void tern_native_##name(const float *x, float *y);                                                         \
  __attribute__((always_inline)) void tern_native_##name(const float *x, float *y) {                         \
    *y = tern_##name(*x);                                                                                    \
  }                                                                                                          \
  void tern_native_##name##_v16(const tern_f32x16 *x, tern_f32x16 *y);                                       \
  __attribute__((always_inline)) void tern_native_##name##_v16(const tern_f32x16 *x, tern_f32x16 *y) {       \
    *y = tern_##name##_v16(*x);                                                                              \
  }
ELEMENTARY(exp)
ELEMENTARY(log)
ELEMENTARY(sin)
ELEMENTARY(cos)

void tern_native_pow(const float *x, const float *y, float *z);
__attribute__((always_inline)) void tern_native_pow(const float *x, const float *y, float *z) {
  *z = tern_pow(*x, *y);
}

void tern_native_pow_v16(const tern_f32x16 *x, const tern_f32x16 *y, tern_f32x16 *z);
__attribute__((always_inline)) void tern_native_pow_v16(const tern_f32x16 *x, const tern_f32x16 *y,
                                                        tern_f32x16 *z) {
  *z = tern_pow_v16(*x, *y);
}
