/* ternary_vbmi.c: ternary_vnni.c once more, compiled for processors that look bytes up in tables of 128. */
#define TERN_VBMI
#include "runtime/kernels/ternary_vnni.c"
