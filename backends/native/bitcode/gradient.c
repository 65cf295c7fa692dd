/* gradient.c: what a compiled training step calls on every processor beside portable.c. */
#include "runtime/kernels/gradient.c"
#include "runtime/kernels/pack.c"
#include "runtime/kernels/scatter.c"
#include "runtime/kernels/ternarize.c"
