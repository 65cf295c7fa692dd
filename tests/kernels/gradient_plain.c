/* gradient_plain.c: gradient_tiles.h with registers of 16 floats made of plain C, so that its walk with wide
 * registers is checked where no processor has them. gradient_plain_pairs.c is the same with pairs of
 * bfloat16. */
#include "runtime/kernels/ternary_inline.h"

#include <math.h>

typedef float vec __attribute__((vector_size(64)));
enum { LANES = 16, ROWS = 12, REGS = 2, SOME = 8, FEW = 4 };

INLINE vec spread(float x) {
  return (vec){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

#ifdef TERN_PAIRS
#include "tests/kernels/gradient_pairs.h"

INLINE vec mac(vec a, vec b, vec s) {
  for (int l = 0; l < LANES; l++)
    s[l] = add_pair(a[l], b[l], s[l]);
  return s;
}
#else
INLINE vec mac(vec a, vec b, vec s) {
  for (int l = 0; l < LANES; l++)
    s[l] = fmaf(a[l], b[l], s[l]);
  return s;
}
#endif

INLINE vec widen_i8(const int8_t *p) {
  vec v;
  for (int l = 0; l < LANES; l++)
    v[l] = p[l];
  return v;
}

INLINE vec widen_i16(const int16_t *p) {
  vec v;
  for (int l = 0; l < LANES; l++)
    v[l] = p[l];
  return v;
}

INLINE vec codes_of(uint32_t word, int v) {
  vec codes;
  (void)v;
  for (int l = 0; l < LANES; l++)
    codes[l] = (float)((int)(word >> (8 * (l % 4) + 2 * (l / 4)) & 3) - 1);
  return codes;
}

#include "runtime/kernels/gradient_tiles.h"

#ifdef TERN_PAIRS
TERN_GRADIENT_CODES(plain_pairs);
TERN_GRADIENT(plain_pairs)
#else
TERN_GRADIENT_LEVEL(plain);
TERN_GRADIENT(plain)
#endif
