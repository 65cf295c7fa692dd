/* target.c: resolves triple, CPU and features, and chooses the level of kernels. LLVM's C interface does not
 * say what a CPU can do, so the CPUs that users name are listed here with the level they have; this machine's
 * own features are asked from LLVM. */
#include "backends/native/target.h"
#include "backends/native/bitcode.h"
#include "backends/native/features.h"
#include "runtime/core/cpu.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <stdlib.h>
#include <string.h>

const struct native_options native_defaults = {.optimize = 3, .debug = true};

/* Best first within a family; the last of a family asks for nothing. */
static const struct level levels[] = {
    {"x86_64", "amx", "amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi", "_amx", true, true,
     true, false, BITCODE_X86_64_AMX},
    {"x86_64", "avx512vbmi", "avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi", "_vbmi", true, true, true,
     false, BITCODE_X86_64_VBMI},
    {"x86_64", "avx512vnni", "avx512f,avx512bw,avx512vl,avx512vnni", "_vnni", true, true, false, false,
     BITCODE_X86_64_VNNI},
    {"x86_64", "avxvnni", "avx2,f16c,avxvnni", "_avxvnni", true, true, false, false, BITCODE_X86_64_AVXVNNI},
    {"x86_64", "avx2", "avx2,f16c", "_avx2", true, true, false, true, BITCODE_X86_64_AVX2},
    {"x86_64", "portable", "", "", false, false, false, true, -1},
    {"aarch64", "dotprod", "dotprod", "_neon", true, true, false, true, BITCODE_AARCH64_NEON},
    {"aarch64", "portable", "", "", true, true, false, true, -1},
    {"riscv64", "portable", "", "", false, false, false, true, -1},
};
enum { LEVELS = sizeof levels / sizeof *levels };

/* Best first. That of pairs of bfloat16 gives other bits, and is chosen by nobody yet. */
static const struct product_level product_levels[] = {
    {PRODUCTS_FLOAT32, "x86_64", "avx512f", "_avx512", BITCODE_GRADIENT_AVX512},
    {PRODUCTS_FLOAT32, "x86_64", "avx2,fma", "_fma", BITCODE_GRADIENT_FMA},
    {PRODUCTS_FLOAT32, "aarch64", "", "_neon", BITCODE_GRADIENT_NEON},
    {PRODUCTS_BF16, "x86_64", "amx-tile,amx-bf16,avx512f,avx512bw,avx512bf16", "_amx", BITCODE_GRADIENT_AMX},
    {PRODUCTS_BF16, "x86_64", "avx512f", "_bf16_avx512", BITCODE_GRADIENT_BF16_AVX512},
    {PRODUCTS_BF16, "x86_64", "avx2,fma", "_bf16_fma", BITCODE_GRADIENT_BF16_FMA},
    {PRODUCTS_BF16, "aarch64", "", "_bf16_neon", BITCODE_GRADIENT_BF16_NEON},
};
enum { PRODUCT_LEVELS = sizeof product_levels / sizeof *product_levels };

static const struct cpus {
  const char *family, *level, *base, *names;
} cpus[] = {
#define CPUS(...) {__VA_ARGS__},
#include "backends/native/cpus.def"
};
enum { CPU_ROWS = sizeof cpus / sizeof *cpus };

/* ---- lists of names -------------------------------------------------------------------------- */

/* Whether `word` stands in a list whose words end at `separator`. */
static bool in_list(const char *list, const char *word, size_t length, char separator) {
  while (*list) {
    const char *end = strchr(list, separator);
    size_t n = end ? (size_t)(end - list) : strlen(list);
    if (n == length && memcmp(list, word, n) == 0)
      return true;
    list += n + (end != NULL);
  }
  return false;
}

/* Whether features ("+a,-b") switch one on; the last mention counts. */
static bool feature_on(const char *features, const char *word, size_t length) {
  bool on = false;
  for (const char *f = features; f && *f; f += *f == ',') {
    size_t n = strcspn(f, ",");
    if (n == length + 1 && memcmp(f + 1, word, length) == 0)
      on = *f == '+';
    f += n;
  }
  return on;
}

static bool features_cover(const char *features, const char *wanted) {
  while (*wanted) {
    size_t n = strcspn(wanted, ",");
    if (!feature_on(features, wanted, n))
      return false;
    wanted += n + (wanted[n] == ',');
  }
  return true;
}

/* ---- families and CPUs ----------------------------------------------------------------------- */

static const struct level *family_level(const char *triple, const char *name) {
  size_t n = strcspn(triple, "-");
  for (int i = 0; i < LEVELS; i++)
    if (strlen(levels[i].family) == n && memcmp(levels[i].family, triple, n) == 0 &&
        (!name || strcmp(levels[i].name, name) == 0))
      return &levels[i];
  return NULL;
}

static const struct cpus *cpu_row(const char *family, const char *cpu) {
  for (int i = 0; i < CPU_ROWS; i++)
    if (strcmp(cpus[i].family, family) == 0 && (!cpu || in_list(cpus[i].names, cpu, strlen(cpu), ' ')))
      return &cpus[i];
  return NULL;
}

static const char *nearest_cpu(struct arena *a, const char *family, const char *cpu) {
  VEC(const char *) names = {0};
  for (int i = 0; i < CPU_ROWS; i++)
    for (const char *p = cpus[i].names; strcmp(cpus[i].family, family) == 0 && *p; p += *p == ' ') {
      size_t n = strcspn(p, " ");
      vec_push(a, names, arena_strndup(a, p, n));
      p += n;
    }
  return diag_nearest(cpu, names.at, names.n);
}

static bool unknown_cpu(struct diag *d, const char *family, const char *cpu) {
  struct arena a = {0};
  const char *near = nearest_cpu(&a, family, cpu), *all = "";
  for (int i = 0; i < CPU_ROWS; i++)
    if (strcmp(cpus[i].family, family) == 0)
      all = arena_printf(&a, "%s%s%s", all, *all ? " " : "", cpus[i].names);
  if (near)
    diag_error(d, "no %s processor is called '%s'; did you mean '%s'?", family, cpu, near);
  else
    diag_error(d, "no %s processor is called '%s'", family, cpu);
  diag_note(d, "known: native %s", all);
  arena_free(&a);
  return false;
}

static bool unknown_family(struct diag *d, const char *triple) {
  diag_error(d, "no code for target '%s'", triple);
  diag_note(d,
            "known: x86_64, aarch64 and riscv64, each with a system, for example aarch64-unknown-linux-gnu");
  return false;
}

static bool product_level_suits(const struct product_level *l, enum products products, const char *family,
                                const char *features) {
  return l->products == products && strcmp(l->family, family) == 0 && features_cover(features, l->requires);
}

static void products_by_features(struct target *t, const char *family, const char *features) {
  for (enum products p = 0; p < PRODUCTS_COUNT; p++)
    for (int i = PRODUCT_LEVELS - 1; i >= 0; i--)
      if (product_level_suits(&product_levels[i], p, family, features))
        t->products[p] = &product_levels[i];
}

/* The best level whose features are all on. */
static const struct level *level_by_features(const char *triple, const char *features) {
  const struct level *level = family_level(triple, NULL);
  while (!features_cover(features, level->requires))
    level++;
  return level;
}

/* ---- the target machine ---------------------------------------------------------------------- */

static char *join_features(const char *a, const char *b) {
  size_t n = strlen(a) + strlen(b) + 2;
  char *joined = xmalloc(n);
  snprintf(joined, n, "%s%s%s", a, *a && *b ? "," : "", b);
  return joined;
}

static char *take(char *llvm_string) {
  char *copy = xstrdup(llvm_string);
  LLVMDisposeMessage(llvm_string);
  return copy;
}

static bool same_family(const char *a, const char *b) {
  size_t n = strcspn(a, "-");
  return strcspn(b, "-") == n && memcmp(a, b, n) == 0;
}

/* Processors have tiles that systems often keep from their guests, or from a process. Code for a processor's
 * name uses them only where --features asks, code for this machine where Linux, which cpu_has asks, lets this
 * process. */
#define NO_TILES "-amx-tile,-amx-bf16,-amx-int8"

/* This machine's CPU and features. */
static void host_cpu(struct target *t, const char *more) {
  char *features = LLVMGetHostCPUFeatures();
  char *own = join_features(features, cpu_has("amx-tile", NULL, 0) ? "" : NO_TILES);
  t->cpu = take(LLVMGetHostCPUName());
  t->features = join_features(own, more);
  free(own);
  t->level = level_by_features(t->triple, t->features);
  products_by_features(t, t->level->family, t->features);
  t->needs = features_needed(t->level->family, NULL, t->features);
  LLVMDisposeMessage(features);
}

/* A CPU by its name; features that the user adds can lift the level, those he takes away lower it. */
static bool named_cpu(struct target *t, struct diag *d, const char *cpu, const char *more) {
  const char *family = family_level(t->triple, NULL)->family;
  const struct cpus *row = cpu_row(family, cpu);
  if (cpu && strchr(cpu, ',')) {
    diag_error(d,
               "--cpu %s: several processors are for programs, libraries and objects (ternc build --emit "
               "exe, lib or "
               "obj); name one",
               cpu);
    return false;
  }
  if (!row)
    return unknown_cpu(d, family, cpu);
  const struct level *own = family_level(t->triple, row->level);
  char *has = xstrdup("");
  for (const char *f = own->requires; *f; f += *f == ',') {
    size_t n = strcspn(f, ",");
    char feature[64];
    snprintf(feature, sizeof feature, "+%.*s", (int)n, f);
    char *joined = join_features(has, feature);
    free(has);
    has = joined;
    f += n;
  }
  char *all = join_features(has, more);
  t->level = level_by_features(t->triple, all);
  products_by_features(t, family, all);
  t->cpu = cpu ? xstrdup(cpu) : xmalloc(strcspn(row->names, " ") + 1);
  if (!cpu)
    snprintf(t->cpu, strcspn(row->names, " ") + 1, "%s", row->names);
  t->features = join_features(row->base, more);
  char *asked = join_features(NO_TILES, t->features);
  t->needs = features_needed(family, t->cpu, asked);
  free(asked);
  free(has);
  free(all);
  return true;
}

/* What a feature string may hold, so that LLVM is not asked for nonsense: "+name" or "-name", commas between.
 */
static bool features_well_formed(struct diag *d, const char *features) {
  for (const char *f = features; *f; f += *f == ',') {
    size_t n = strcspn(f, ",");
    if (n < 2 || (*f != '+' && *f != '-')) {
      diag_error(d, "features '%s': expected +name or -name, with commas between", features);
      return false;
    }
    f += n;
  }
  return true;
}

static void initialize_llvm(void) {
  LLVMInitializeAllTargetInfos();
  LLVMInitializeAllTargets();
  LLVMInitializeAllTargetMCs();
  LLVMInitializeAllAsmPrinters();
  LLVMInitializeAllAsmParsers();
}

static bool make_machine(struct target *t, struct diag *d, int optimize) {
  LLVMTargetRef target;
  char *message = NULL;
  if (LLVMGetTargetFromTriple(t->triple, &target, &message)) {
    LLVMDisposeMessage(message);
    return unknown_family(d, t->triple);
  }
  t->machine = LLVMCreateTargetMachine(target, t->triple, t->cpu, t->features, (LLVMCodeGenOptLevel)optimize,
                                       LLVMRelocPIC, LLVMCodeModelDefault);
  return t->machine || unknown_family(d, t->triple);
}

bool target_open(struct target *t, struct diag *d, const struct native_options *o) {
  const char *more = o->features ? o->features : "";
  memset(t, 0, sizeof *t);
  initialize_llvm();
  char *host = LLVMGetDefaultTargetTriple();
  char *normal = LLVMNormalizeTargetTriple(o->triple ? o->triple : host);
  t->triple = take(normal);
  bool native = same_family(t->triple, host) && (o->cpu ? strcmp(o->cpu, "native") == 0 : !o->triple);
  bool foreign = !native && o->cpu && strcmp(o->cpu, "native") == 0;
  LLVMDisposeMessage(host);
  bool ok = features_well_formed(d, more);
  if (ok && !family_level(t->triple, NULL))
    ok = unknown_family(d, t->triple);
  if (ok && native)
    host_cpu(t, more);
  else if (ok)
    ok = named_cpu(t, d, foreign ? NULL : o->cpu, more);
  ok = ok && make_machine(t, d, o->optimize);
  if (!ok)
    target_close(t);
  return ok;
}

void target_close(struct target *t) {
  if (t->machine)
    LLVMDisposeTargetMachine(t->machine);
  free(t->triple);
  free(t->cpu);
  free(t->features);
  free(t->needs);
  memset(t, 0, sizeof *t);
}

const char *native_target_text(struct arena *a, struct diag *d, const struct native_options *o) {
  struct target t;
  if (!target_open(&t, d, o))
    return NULL;
  const char *text = arena_printf(a, "%s %s (%s kernels)", t.triple, t.cpu, t.level->name);
  target_close(&t);
  return text;
}

bool native_fast_trits(struct diag *d, const struct native_options *o, bool *fast) {
  struct target t;
  if (!target_open(&t, d, o))
    return false;
  *fast = t.level->fast_trits;
  target_close(&t);
  return true;
}

static bool needs_all(const struct target *t, const char *wanted) {
  bool all = *t->needs; /* where nothing is checked, nothing is known */
  while (all && *wanted) {
    size_t n = strcspn(wanted, ",");
    all = in_list(t->needs, wanted, n, ',');
    wanted += n + (wanted[n] == ',');
  }
  return all;
}

bool native_implies(struct diag *d, const struct native_options *a, const struct native_options *b,
                    bool *implies) {
  struct target first, second;
  if (!target_open(&first, d, a))
    return false;
  bool ok = target_open(&second, d, b);
  *implies = ok && needs_all(&first, second.needs);
  if (ok)
    target_close(&second);
  target_close(&first);
  return ok;
}

void native_list_targets(FILE *out) {
  for (int i = 0; i < CPU_ROWS; i++)
    fprintf(out, "%s, %s kernels: %s\n", cpus[i].family, cpus[i].level, cpus[i].names);
}
