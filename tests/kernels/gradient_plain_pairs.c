/* gradient_plain_pairs.c: gradient_plain.c once more, with pairs of bfloat16. */
#define TERN_PAIRS
#include "tests/kernels/gradient_plain.c"
