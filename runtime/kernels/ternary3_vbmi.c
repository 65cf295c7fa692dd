/* ternary3_vbmi.c: ternary3_vnni.c once more, compiled for processors that look bytes up in tables of 128. */
#include "runtime/kernels/ternary3_vnni.c"
