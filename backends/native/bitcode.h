/* bitcode.h: the kernels of runtime/kernels as LLVM bitcode, made when ternc is built and carried in it. */
#ifndef TERN_NATIVE_BITCODE_H
#define TERN_NATIVE_BITCODE_H

#include <stddef.h>

enum bitcode {
  BITCODE_X86_64, /* portable kernels and elementary functions, one module a family */
  BITCODE_AARCH64,
  BITCODE_RISCV64,
  BITCODE_X86_64_AVX2, /* the variants alone */
  BITCODE_X86_64_AVXVNNI,
  BITCODE_X86_64_VNNI,
  BITCODE_X86_64_VBMI,
  BITCODE_X86_64_AMX,
  BITCODE_AARCH64_NEON,
  BITCODE_GRADIENT_X86_64, /* gradient.h and ternarize.h: portable kernels, one module a family */
  BITCODE_GRADIENT_AARCH64,
  BITCODE_GRADIENT_RISCV64,
  BITCODE_GRADIENT_FMA, /* and the levels of gradient.h alone: AVX2 with FMA, AVX-512 F, AMX, AVX-512 BF16,
                           aarch64 */
  BITCODE_GRADIENT_AVX512,
  BITCODE_GRADIENT_BF16_FMA, /* bf16 */
  BITCODE_GRADIENT_BF16_AVX512,
  BITCODE_GRADIENT_BF16_NEON,
  BITCODE_GRADIENT_AMX,
  BITCODE_GRADIENT_PAIRS,
  BITCODE_GRADIENT_NEON,
  BITCODE_COUNT
};

struct bitcode_module {
  const char *family;
  const unsigned char *start, *end;
};
extern const struct bitcode_module bitcode_modules[BITCODE_COUNT];

#endif
