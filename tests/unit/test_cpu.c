/* test_cpu.c: what a processor must have for code, whether it has it, and which level of several is taken. */
#include "runtime/core/cpu.h"

#include "backends/native/features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
  const char *family, *names;
} cpus[] = {
#define CPUS(family, level, base, names) {family, names},
#include "backends/native/cpus.def"
};

static const struct {
  const char *family, *name;
} checked[] = {
#define CPU_X86(name, ...)   {"x86_64", name},
#define CPU_ARM64(name, ...) {"aarch64", name},
#define CPU_RISCV64(name)    {"riscv64", name},
#include "runtime/core/cpu.def"
};

/* Features that processors have and that no compiled model needs: instructions that only an intrinsic of
 * their own makes, names for the system, versions of an architecture that stand for features with names of
 * their own, and what all processors of the family have. */
static const char x86_unused[] =
    " adx avx512vp2intersect aes amx-fp16 cldemote clflushopt clwb clzero cmov "
    "cmpccxadd "
    "crc32 cx8 enqcmd evex512 fsgsbase fxsr hreset invpcid kl lwp mmx movdir64b movdiri mwaitx "
    "pclmul pconfig pku prefetchi prfchw ptwrite rdpid rdpru rdrnd rdseed sahf serialize sgx sha "
    "sha512 shstk sm3 sm4 sse sse2 tsxldtrk uintr vaes vpclmulqdq waitpkg wbnoinvd widekl x87 xsave "
    "xsavec xsaveopt xsaves ";
static const char arm64_unused[] =
    " jsconv fp16fml flagm pauth aes altnzcv am brbe bti ccdp ccidx crc dit ete hcx jsconv ls64 mec mte "
    "outline-atomics perfmon "
    "predres rand ras rme sb sha2 sha3 sm4 spe spe-eef specrestrict ssbs sve2-bitperm trbe v8.1a "
    "v8.2a v8.3a v8.4a v8.5a v8.6a v8.7a v8a v9.1a v9.2a v9a wfxt zcm zcz ";

static bool in_words(const char *words, const char *word, size_t n) {
  for (const char *at = words; (at = strstr(at, word)); at++)
    if (at > words && at[-1] == ' ' && at[n] == ' ')
      return true;
  return false;
}

static bool is_checked(const char *family, const char *name) {
  for (size_t i = 0; i < sizeof checked / sizeof *checked; i++)
    if (strcmp(checked[i].family, family) == 0 && strcmp(checked[i].name, name) == 0)
      return true;
  return false;
}

/* Each feature of one CPU is looked at at the start of a program, or known to be of no use to it. */
static void check_cpu(const char *family, const char *cpu) {
  const char *features = features_of_cpu(family, cpu);
  if (!features || !*features)
    fail_msg("%s: clang says nothing of it", cpu);
  const char *unused = strcmp(family, "x86_64") == 0 ? x86_unused : arm64_unused;
  char *copy = strdup(features);
  for (char *word = strtok(copy, ","); word && strcmp(family, "riscv64") != 0; word = strtok(NULL, ","))
    if (!is_checked(family, word) && !in_words(unused, word, strlen(word)))
      fail_msg("%s has %s: give it a row in runtime/core/cpu.def, or name it here", cpu, word);
  free(copy);
}

static void test_features_of_all_cpus(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
    char *names = strdup(cpus[i].names), *save;
    for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
      check_cpu(cpus[i].family, name);
    free(names);
  }
}

static void expect_needed(const char *family, const char *cpu, const char *changes, const char *expected) {
  char *needed = features_needed(family, cpu, changes);
  assert_string_equal(needed, expected);
  free(needed);
}

static void test_features_needed(void **state) {
  (void)state;
  expect_needed("x86_64", "x86-64", "", "");
  expect_needed("x86_64", "x86-64-v2", "", "sse3,ssse3,cx16,sse4.1,sse4.2,popcnt");
  expect_needed("x86_64", "x86-64", "+popcnt,+avx2", "popcnt,avx2");
  expect_needed("x86_64", "x86-64-v2", "-popcnt", "sse3,ssse3,cx16,sse4.1"); /* sse4.2 brings it along */
  expect_needed("x86_64", NULL, "+sse3,+avx512f,+avx512bw,-xop,-avx512f", "sse3");
  expect_needed("aarch64", "cortex-a76", "", "fp-armv8,neon,lse,fullfp16,rdm,rcpc,dotprod");
  expect_needed("riscv64", "generic-rv64", "+m,+a,+f,+d,+c", "m,a,f,d,c");
}

static void test_levels(void **state) {
  (void)state;
  struct tern_model best = {.name = "m", .target = "x best", .features = "no-such-thing"};
  struct tern_model least = {.name = "m", .target = "x least", .features = "", .better = &best};
  struct failure f = {0};
  char missing[64];
  assert_true(cpu_has(NULL, missing, sizeof missing));
  assert_true(cpu_has("", missing, sizeof missing));
  assert_string_equal(cpu_name(&best), "best");
  assert_ptr_equal(cpu_choose(&least, NULL, &f), &best); /* what cannot be found out is taken for there */
  assert_ptr_equal(cpu_choose(&least, "least", &f), &least);
  setenv("TERN_CPU_LEVEL", "least", 1);
  assert_ptr_equal(cpu_choose(&least, NULL, &f), &least);
  assert_ptr_equal(cpu_choose(&least, "best", &f), &best);
  unsetenv("TERN_CPU_LEVEL");
  assert_null(cpu_choose(&least, "worst", &f));
  assert_string_equal(f.text, "model m was not compiled for a processor 'worst'; it was for least, best");
}

#if defined(__x86_64__)
/* What this processor has not: one of these no processor has together (AMD's, and newer than it). */
static void test_missing(void **state) {
  (void)state;
  struct failure f = {0};
  char missing[24];
  struct tern_model best = {.name = "m", .target = "x best", .features = "fma4,avx512fp16,avxvnniint16"};
  struct tern_model least = {.name = "m", .target = "x least", .features = "", .better = &best};
  assert_false(cpu_has(best.features, missing, sizeof missing));
  assert_true(strlen(missing) > 0 && strlen(missing) < sizeof missing);
  assert_ptr_equal(cpu_choose(&least, NULL, &f), &least);
  assert_null(cpu_choose(&best, NULL, &f));
  assert_non_null(strstr(f.text, "was compiled for best, but this processor has no "));
  assert_null(cpu_choose(&least, "best", &f));
  assert_non_null(strstr(f.text, "level best does not run here"));
}
#else
static void test_missing(void **state) {
  (void)state;
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_features_of_all_cpus),
      cmocka_unit_test(test_features_needed),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
