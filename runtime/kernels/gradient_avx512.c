/* gradient_avx512.c: the products of a backward pass for AVX-512 F. */
#if defined __AVX512F__
#include "runtime/kernels/gradient_zmm.h"

INLINE vec mac(vec a, vec b, vec s) {
  return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)s);
}

#include "runtime/kernels/gradient_tiles.h"

#ifdef TERN_BF16
TERN_GRADIENT(bf16_avx512)
#else
TERN_GRADIENT(avx512)
#endif
#else
typedef int tern_no_gradient_avx512; /* nothing to compile for this processor */
#endif
