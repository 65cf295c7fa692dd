/* peak.h: what a processor multiplies and adds at most in float32: fused multiply-adds between registers. */
#ifndef TERN_BENCH_PEAK_H
#define TERN_BENCH_PEAK_H

/* Twelve accumulators, enough for two multiply-adds a cycle. Written out: compilers would move them to
 * memory. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#if defined __x86_64__
/* Of zeros: what registers held before may be so small that every addition takes the processor's slow way. */
#define FMA_LOOP(vector)                                                                                     \
  __asm__ volatile("vzeroall\n1:\n\t" EACH(OPERATION) "dec %0\n\tjnz 1b\n\tvzeroupper"                       \
                   : "+r"(rounds)                                                                            \
                   :                                                                                         \
                   : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",   \
                     "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
static inline void peak_fma(long rounds) {
#define OPERATION(i) "vfmadd231ps %%ymm13, %%ymm12, %%ymm" #i "\n\t"
  FMA_LOOP("ymm");
#undef OPERATION
}
static inline void peak_avx512(long rounds) {
#define OPERATION(i) "vfmadd231ps %%zmm13, %%zmm12, %%zmm" #i "\n\t"
  FMA_LOOP("zmm");
#undef OPERATION
}
/* The widest that runs, and floating-point operations in a round of it. */
static inline double peak_best(long rounds) {
  if (__builtin_cpu_supports("avx512f")) {
    peak_avx512(rounds);
    return 12 * 2 * 16;
  }
  peak_fma(rounds);
  return 12 * 2 * 8;
}
#elif defined __aarch64__
static inline void peak_neon(long rounds) {
#define OPERATION(i) "fmla v" #i ".4s, v16.4s, v17.4s\n\t"
  __asm__ volatile("1:\n\t" EACH(OPERATION) "subs %0, %0, #1\n\tb.ne 1b"
                   : "+r"(rounds)
                   :
                   : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16",
                     "v17");
#undef OPERATION
}
static inline double peak_best(long rounds) {
  peak_neon(rounds);
  return 12 * 2 * 4;
}
#endif

#endif
