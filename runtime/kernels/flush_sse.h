/* flush_sse.h: denormal numbers as zeros, for gradient_tiles.h. */
#ifndef TERN_FLUSH_SSE_H
#define TERN_FLUSH_SSE_H

#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>

/* DAZ and FTZ of MXCSR. */
INLINE uint64_t flush_denormals(void) {
  uint32_t mode = _mm_getcsr();
  _mm_setcsr(mode | 0x8040);
  return mode;
}

INLINE void restore(uint64_t mode) {
  _mm_setcsr((uint32_t)mode);
}

#endif
