/* cpu.c: features from CPUID or from the kernel's words. It is compiled for the plainest processor. */
#include "runtime/core/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what there is ------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { EAX, EBX, ECX, EDX };
/* Bits of XCR0: what the system saves when it switches tasks. */
enum { STATE_NONE = 0, STATE_YMM = 0x6, STATE_ZMM = 0xe6, STATE_TILES = 0x60000 };

static const struct feature {
  const char *name;
  unsigned leaf, subleaf, where, bit, state;
} rows[] = {
#define CPU_X86(...) {__VA_ARGS__},
#define CPU_ARM64(...)
#define CPU_RISCV64(...)
#include "runtime/core/cpu.def"
};

static unsigned saved_state(void) {
  unsigned r[4] = {0}, low = 0, high;
  bool has = __get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) && (r[ECX] >> 27 & 1);
  if (has)
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/* Tiles are large, so the system saves those of processes that have asked for them: Linux' arch_prctl(2). The
 * process's threads, also those that it has already, and its children may use them from then on. */
static bool may_use(unsigned state) {
#if defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return state != STATE_TILES || syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return state != STATE_TILES;
#endif
}

static bool is_there(const struct feature *row) {
  unsigned r[4] = {0};
  return __get_cpuid_count(row->leaf, row->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) &&
         (r[row->where] >> row->bit & 1) && (saved_state() & row->state) == row->state && may_use(row->state);
}

#elif (defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)) && defined(__linux__)

#include <sys/auxv.h>

static const struct feature {
  const char *name;
  unsigned long word, bit;
} rows[] = {
#define CPU_X86(...)
#if defined(__aarch64__)
#define CPU_ARM64(name, word, bit) {name, word == 1 ? AT_HWCAP : AT_HWCAP2, bit},
#define CPU_RISCV64(...)
#else
#define CPU_ARM64(...)
#define CPU_RISCV64(name) {name, AT_HWCAP, name[0] - 'a'},
#endif
#include "runtime/core/cpu.def"
};

static bool is_there(const struct feature *row) {
  return getauxval(row->word) >> row->bit & 1;
}

#else /* not to be found out: taken for there */

static const struct feature {
  const char *name;
} rows[] = {{""}};

static bool is_there(const struct feature *row) {
  (void)row;
  return true;
}

#endif

/* ---- what is asked for ------------------------------------------------------------------------------- */

static bool has(const char *name, size_t n) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0)
      return is_there(&rows[i]);
  return true;
}

bool cpu_has(const char *features, char *missing, size_t size) {
  static const char more[] = " and 99 more";
  size_t used = 0;
  int left_out = 0;
  if (size)
    *missing = 0;
  for (const char *at = features ? features : ""; *at; at += *at == ',') {
    size_t n = strcspn(at, ",");
    if (!has(at, n) && used + n + sizeof more + 2 < size && !left_out)
      used += (size_t)snprintf(missing + used, size - used, "%s%.*s", used ? ", " : "", (int)n, at);
    else if (!has(at, n))
      left_out++;
    at += n;
  }
  if (left_out && used)
    snprintf(missing + used, size - used, " and %d more", left_out);
  return !used && !left_out;
}

const char *cpu_name(const struct tern_model *m) {
  const char *blank = strrchr(m->target, ' ');
  return blank ? blank + 1 : m->target;
}

enum { SHORT = 80 }; /* of a list in a message, whose reader may have 256 bytes for all of it */

/* ---- levels ------------------------------------------------------------------------------------------ */

static const struct tern_model *named(const struct tern_model *m, const char *level, struct failure *f) {
  char names[256] = "", missing[SHORT];
  size_t used = 0;
  for (const struct tern_model *at = m; at; at = at->better) {
    if (strcmp(cpu_name(at), level) == 0) {
      if (cpu_has(at->features, missing, sizeof missing))
        return at;
      fail_with(f, "level %s does not run here: this processor has no %s", level, missing);
      return NULL;
    }
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", cpu_name(at));
  }
  fail_with(f, "model %s was not compiled for a processor '%.60s'; it was for %s", m->name, level, names);
  return NULL;
}

const struct tern_model *cpu_choose(const struct tern_model *least, const char *level, struct failure *f) {
  const struct tern_model *best = NULL;
  char missing[SHORT];
  level = level ? level : getenv("TERN_CPU_LEVEL");
  if (level && *level)
    return named(least, level, f);
  for (const struct tern_model *m = least; m; m = m->better)
    best = cpu_has(m->features, missing, sizeof missing) ? m : best;
  if (best)
    return best;
  cpu_has(least->features, missing, sizeof missing);
  fail_with(f,
            "model %s was compiled for %s, but this processor has no %s; build it with --cpu=NAME of a "
            "plainer one, of several, or on this machine with --cpu=native (ternc build --list-targets)",
            least->name, cpu_name(least), missing);
  return NULL;
}
