/* gradient_pairs.c: the products of a backward pass one of whose operands bfloat16 has exactly, for AVX-512
 * BF16. */
#if defined __AVX512BF16__ && defined __AVX512F__
#include "runtime/kernels/gradient_zmm.h"

INLINE vec mac(vec a, vec b, vec s) {
  return (vec)_mm512_dpbf16_ps((__m512)s, (__m512bh)a, (__m512bh)b);
}

#define TERN_PAIRS
#include "runtime/kernels/gradient_tiles.h"

TERN_GRADIENT(pairs)
#else
typedef int tern_no_gradient_pairs; /* nothing to compile for this processor */
#endif
