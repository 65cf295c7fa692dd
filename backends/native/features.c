/* features.c: the tables that scripts/cpu-features made of clang's answers when ternc was built. */
#include "backends/native/features.h"

#include "support/arena.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct cpu_row {
  const char *family, *cpu, *features;
} cpu_rows[] = {
#define FEATURES(family, cpu, features) {family, cpu, features},
#define IMPLIES(family, feature, others)
#include "cpu_features.inc"
#undef FEATURES
#undef IMPLIES
};

static const struct implied_row {
  const char *family, *feature, *others;
} implied_rows[] = {
#define FEATURES(family, cpu, features)
#define IMPLIES(family, feature, others) {family, feature, others},
#include "cpu_features.inc"
};

static const struct checked {
  const char *family, *name;
} checked[] = {
#define CPU_X86(name, ...)   {"x86_64", name},
#define CPU_ARM64(name, ...) {"aarch64", name},
#define CPU_RISCV64(name)    {"riscv64", name},
#include "runtime/core/cpu.def"
};

enum {
  CPUS = sizeof cpu_rows / sizeof *cpu_rows,
  IMPLIED = sizeof implied_rows / sizeof *implied_rows,
  CHECKED = sizeof checked / sizeof *checked
};

static bool list_has(const char *list, const char *word, size_t n) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == n && memcmp(at, word, n) == 0)
      return true;
  return false;
}

const char *features_of_cpu(const char *family, const char *cpu) {
  for (int i = 0; i < CPUS; i++)
    if (strcmp(cpu_rows[i].family, family) == 0 && strcmp(cpu_rows[i].cpu, cpu) == 0)
      return cpu_rows[i].features;
  return NULL;
}

/* Whether the feature brings the word along. */
static bool implies(const char *family, const char *feature, const char *word, size_t n) {
  for (int i = 0; i < IMPLIED; i++)
    if (strcmp(implied_rows[i].family, family) == 0 && strcmp(implied_rows[i].feature, feature) == 0)
      return list_has(implied_rows[i].others, word, n);
  return false;
}

/* One change: what goes takes along what needs it, what comes is checked by its own name. */
static void change(const char *family, bool on[CHECKED], char sign, const char *word, size_t n) {
  for (int i = 0; i < CHECKED; i++) {
    if (strcmp(checked[i].family, family) != 0)
      continue;
    if (strlen(checked[i].name) == n && memcmp(checked[i].name, word, n) == 0)
      on[i] = sign == '+';
    else if (sign == '-' && implies(family, checked[i].name, word, n))
      on[i] = false;
  }
}

static char *join(const char *family, const bool on[CHECKED]) {
  size_t room = 1, used = 0;
  for (int i = 0; i < CHECKED; i++)
    room += strlen(checked[i].name) + 1;
  char *text = xmalloc(room);
  *text = 0;
  for (int i = 0; i < CHECKED; i++)
    if (on[i] && strcmp(checked[i].family, family) == 0)
      used += (size_t)snprintf(text + used, room - used, "%s%s", used ? "," : "", checked[i].name);
  return text;
}

char *features_needed(const char *family, const char *cpu, const char *changes) {
  bool on[CHECKED];
  const char *own = cpu ? features_of_cpu(family, cpu) : NULL;
  for (int i = 0; i < CHECKED; i++)
    on[i] = own && strcmp(checked[i].family, family) == 0 &&
            list_has(own, checked[i].name, strlen(checked[i].name));
  for (const char *at = changes; *at; at += *at == ',') {
    size_t n = strcspn(at, ",");
    if (n > 1)
      change(family, on, *at, at + 1, n - 1);
    at += n;
  }
  return join(family, on);
}
