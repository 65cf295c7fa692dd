/* gradient_bf16_fma.c: gradient_fma.c once more, with the sum `bf16`. */
#define TERN_BF16
#include "runtime/kernels/gradient_fma.c"
