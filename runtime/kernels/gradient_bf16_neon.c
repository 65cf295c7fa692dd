/* gradient_bf16_neon.c: gradient_neon.c once more, with the sum `bf16`. */
#define TERN_BF16
#include "runtime/kernels/gradient_neon.c"
