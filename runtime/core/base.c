/* base.c: failures as one line of text, aligned memory, the clock. */
#include "runtime/core/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "runtime/model.h"

enum { HUGE_PAGE = 2 << 20 };

bool fail_with(struct failure *f, const char *format, ...) {
  enum { KEPT_END = 240, KEPT_BEGIN = sizeof f->text - KEPT_END - 4 };
  va_list rest;
  char *whole;
  va_start(rest, format);
  int n = vsnprintf(f->text, sizeof f->text, format, rest);
  va_end(rest);
  if (n < (int)sizeof f->text)
    return false;
  va_start(rest, format);
  n = vasprintf(&whole, format, rest);
  va_end(rest);
  if (n < 0)
    return false;
  memcpy(f->text + KEPT_BEGIN, "...", 3);
  memcpy(f->text + KEPT_BEGIN + 3, whole + n - KEPT_END, KEPT_END + 1);
  free(whole);
  return false;
}

static bool stdout_told;

bool stdout_is_told(void) {
  return stdout_told;
}

bool fail_write(struct failure *f, const char *path) {
  int number = errno ? errno : EIO;
  bool standard = strcmp(path, "-") == 0;
  stdout_told |= standard;
  f->quiet = standard && number == EPIPE;
  return fail_with(f, "%s: cannot write: %s%s", standard ? "standard output" : path, strerror(number),
                   number == ENOSPC ? "; make room, or write elsewhere" : "");
}

bool fail_memory(struct failure *f, uint64_t bytes, const char *what) {
  return fail_with(f, "not enough memory: %s needs %llu bytes", what, (unsigned long long)bytes);
}

void *aligned_room(uint64_t bytes) {
  void *p = NULL;
  if (bytes > SIZE_MAX - TERN_ALIGN)
    return NULL;
  /* Whole lines: a vector read of the last element stays inside. */
  size_t whole = ((size_t)bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN;
  if (posix_memalign(&p, whole >= HUGE_PAGE ? HUGE_PAGE : TERN_ALIGN, whole) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (whole >= HUGE_PAGE) /* rows of a prompt's sums are pages apart */
    madvise(p, whole / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return p;
}

void *aligned_zeros(uint64_t bytes) {
  void *p = aligned_room(bytes);
  return p ? memset(p, 0, (size_t)bytes) : NULL;
}

uint64_t proc_bytes(const char *path, const char *name) {
  char line[128];
  size_t length = strlen(name);
  uint64_t bytes = 0;
  FILE *f = fopen(path, "r");
  while (f && bytes == 0 && fgets(line, sizeof line, f))
    if (strncmp(line, name, length) == 0 && line[length] == ':')
      bytes = strtoull(line + length + 1, NULL, 10) * 1024;
  if (f)
    fclose(f);
  return bytes;
}

double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
