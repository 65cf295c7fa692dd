/* gradient_bf16_avx512.c: gradient_avx512.c once more, with the sum `bf16`. */
#define TERN_BF16
#include "runtime/kernels/gradient_avx512.c"
