/* bitcode.c: carries the bitcode files of the build folder in the program. */
#include "backends/native/bitcode.h"

/* The assembler finds the files through its include path (CMakeLists.txt). */
#define EMBED(name, file)                                                                                    \
  __asm__(".pushsection .rodata\n.balign 16\n.global tern_bitcode_" #name "\ntern_bitcode_" #name ":\n"      \
          ".incbin \"" file "\"\n.global tern_bitcode_end_" #name "\ntern_bitcode_end_" #name ":\n.byte 0\n" \
          ".popsection\n");                                                                                  \
  extern const unsigned char tern_bitcode_##name[], tern_bitcode_end_##name[];

EMBED(x86_64, "x86_64.bc")
EMBED(aarch64, "aarch64.bc")
EMBED(riscv64, "riscv64.bc")
EMBED(avx2, "avx2.bc")
EMBED(avxvnni, "avxvnni.bc")
EMBED(vnni, "vnni.bc")
EMBED(vbmi, "vbmi.bc")
EMBED(amx, "amx.bc")
EMBED(neon, "neon.bc")
EMBED(gradient_x86_64, "gradient_x86_64.bc")
EMBED(gradient_aarch64, "gradient_aarch64.bc")
EMBED(gradient_riscv64, "gradient_riscv64.bc")
EMBED(gradient_fma, "gradient_fma.bc")
EMBED(gradient_avx512, "gradient_avx512.bc")
EMBED(gradient_bf16_fma, "gradient_bf16_fma.bc")
EMBED(gradient_bf16_avx512, "gradient_bf16_avx512.bc")
EMBED(gradient_bf16_neon, "gradient_bf16_neon.bc")
EMBED(gradient_amx, "gradient_amx.bc")
EMBED(gradient_pairs, "gradient_pairs.bc")
EMBED(gradient_neon, "gradient_neon.bc")

const struct bitcode_module bitcode_modules[BITCODE_COUNT] = {
    [BITCODE_X86_64] = {"x86_64", tern_bitcode_x86_64, tern_bitcode_end_x86_64},
    [BITCODE_AARCH64] = {"aarch64", tern_bitcode_aarch64, tern_bitcode_end_aarch64},
    [BITCODE_RISCV64] = {"riscv64", tern_bitcode_riscv64, tern_bitcode_end_riscv64},
    [BITCODE_X86_64_AVX2] = {"x86_64", tern_bitcode_avx2, tern_bitcode_end_avx2},
    [BITCODE_X86_64_AVXVNNI] = {"x86_64", tern_bitcode_avxvnni, tern_bitcode_end_avxvnni},
    [BITCODE_X86_64_VNNI] = {"x86_64", tern_bitcode_vnni, tern_bitcode_end_vnni},
    [BITCODE_X86_64_VBMI] = {"x86_64", tern_bitcode_vbmi, tern_bitcode_end_vbmi},
    [BITCODE_X86_64_AMX] = {"x86_64", tern_bitcode_amx, tern_bitcode_end_amx},
    [BITCODE_AARCH64_NEON] = {"aarch64", tern_bitcode_neon, tern_bitcode_end_neon},
    [BITCODE_GRADIENT_X86_64] = {"x86_64", tern_bitcode_gradient_x86_64, tern_bitcode_end_gradient_x86_64},
    [BITCODE_GRADIENT_AARCH64] = {"aarch64", tern_bitcode_gradient_aarch64,
                                  tern_bitcode_end_gradient_aarch64},
    [BITCODE_GRADIENT_RISCV64] = {"riscv64", tern_bitcode_gradient_riscv64,
                                  tern_bitcode_end_gradient_riscv64},
    [BITCODE_GRADIENT_FMA] = {"x86_64", tern_bitcode_gradient_fma, tern_bitcode_end_gradient_fma},
    [BITCODE_GRADIENT_AVX512] = {"x86_64", tern_bitcode_gradient_avx512, tern_bitcode_end_gradient_avx512},
    [BITCODE_GRADIENT_BF16_FMA] = {"x86_64", tern_bitcode_gradient_bf16_fma,
                                   tern_bitcode_end_gradient_bf16_fma},
    [BITCODE_GRADIENT_BF16_AVX512] = {"x86_64", tern_bitcode_gradient_bf16_avx512,
                                      tern_bitcode_end_gradient_bf16_avx512},
    [BITCODE_GRADIENT_BF16_NEON] = {"aarch64", tern_bitcode_gradient_bf16_neon,
                                    tern_bitcode_end_gradient_bf16_neon},
    [BITCODE_GRADIENT_AMX] = {"x86_64", tern_bitcode_gradient_amx, tern_bitcode_end_gradient_amx},
    [BITCODE_GRADIENT_PAIRS] = {"x86_64", tern_bitcode_gradient_pairs, tern_bitcode_end_gradient_pairs},
    [BITCODE_GRADIENT_NEON] = {"aarch64", tern_bitcode_gradient_neon, tern_bitcode_end_gradient_neon},
};
