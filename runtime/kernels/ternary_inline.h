/* ternary_inline.h: what a processor's file needs before ternary_rows.h: functions that are always inlined,
 * loops of constant length that are always unrolled. */
#ifndef TERN_TERNARY_INLINE_H
#define TERN_TERNARY_INLINE_H

#include "runtime/kernels/ternary.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
