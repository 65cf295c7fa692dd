/* bench.c: programs in a hardware project's folder. */
#include "driver/bench.h"

#include "support/file.h"
#include "support/process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool bench_run(struct job *j, const char *dir, const char *argv[], const char *log) {
  char *whole = strchr(argv[0], '/') ? realpath(dir, NULL) : NULL;
  if (whole)
    argv[0] = arena_printf(&j->arena, "%s/%s", whole, argv[0]);
  free(whole);
  return process_run(argv, dir, arena_printf(&j->arena, "%s/%s", dir, log), 0).end == PROCESS_DONE;
}

char *bench_log(struct job *j, const char *dir, const char *log, size_t *length) {
  enum { LARGEST_LOG = 1 << 28 };
  return file_read(&j->diag, &j->arena, arena_printf(&j->arena, "%s/%s", dir, log), LARGEST_LOG, length);
}

bool bench_make(struct job *j, const char *dir, const char *target, const char *simulator) {
  enum { SHOWN = 4000 };
  const char *argv[] = {"make", "-s", target, NULL};
  size_t length = 0;
  if (bench_run(j, dir, argv, "build.log"))
    return true;
  const char *text = process_exists("make") ? bench_log(j, dir, "build.log", &length) : "";
  diag_error(&j->diag, "the test bench cannot be built with %s (Debian: apt-get install %s make g++):\n%s",
             simulator, strcmp(simulator, "icarus") == 0 ? "iverilog" : "verilator",
             !text            ? ""
             : length > SHOWN ? text + length - SHOWN
                              : text);
  return false;
}

/* The path with links resolved, as far as it is there. */
static const char *resolved(struct arena *a, const char *path) {
  char *whole = realpath(path, NULL), *slash = strrchr(path, '/');
  const char *copy = arena_strdup(a, whole ? whole : path);
  free(whole);
  if (whole || slash == path || strcmp(path, ".") == 0)
    return copy;
  const char *folder = resolved(a, slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".");
  return arena_printf(a, "%s/%s", folder, slash ? slash + 1 : path);
}

bool bench_beside(struct job *j, const char *dir, const char *option, const char *path) {
  static const char *const own[] = {"Makefile", "manifest.json", "weights.bin", "build.log",
                                    "run.log",  "log",           "results.hex", "rtl",
                                    "sim",      "vectors",       "obj",         "build"};
  if (!dir || !path)
    return true;
  const char *in = resolved(&j->arena, dir), *file = resolved(&j->arena, path);
  size_t n = strlen(in);
  if (strncmp(in, file, n) != 0 || file[n] != '/')
    return true;
  const char *first = file + n + 1;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strncmp(first, own[i], strlen(own[i])) == 0 && strchr("/", first[strlen(own[i])])) {
      diag_error(&j->diag, "%s %s: in the project's folder, '%s' is the project's own; give another name",
                 option, path, own[i]);
      return false;
    }
  return true;
}

bool bench_take(struct job *j, const char *dir, const char *name, const char *path) {
  const char *from = arena_printf(&j->arena, "%s/%s", dir, name);
  if (strcmp(resolved(&j->arena, from), resolved(&j->arena, path)) == 0)
    return true;
  bool ok = output_copy(&j->diag, from, path);
  remove(from);
  return ok;
}
