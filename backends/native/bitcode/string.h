/* string.h: what the kernels need of it when they are compiled to bitcode for a target whose C library is not
 * at hand. */
#ifndef TERN_BITCODE_STRING_H
#define TERN_BITCODE_STRING_H
#include <stddef.h>
#define memcpy __builtin_memcpy
#define memset __builtin_memset
#endif
