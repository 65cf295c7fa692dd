/* fuzz.c: what the fuzz targets share; contracts in fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <unistd.h>

bool fuzz_all_ways, fuzz_loud;

FILE *fuzz_nowhere(void) {
  static FILE *nowhere;
  if (!nowhere)
    nowhere = fopen("/dev/null", "w");
  fuzz_check(nowhere);
  return nowhere;
}

struct fuzz fuzz_begin(void) {
  return (struct fuzz){.diag = {.out = fuzz_loud ? stderr : fuzz_nowhere()}};
}

void fuzz_end(struct fuzz *f) {
  arena_free(&f->arena);
  diag_free(&f->diag);
}

bool fuzz_way(const uint8_t *data, size_t n, unsigned way, unsigned ways) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ data[i]) * 16777619u;
  return fuzz_all_ways || (hash >> 8) % ways == way;
}

static char folder[] = "/dev/shm/tern-fuzz-XXXXXX";
static VEC(const char *) files;
static struct arena names;

static void remove_folder(void) {
  for (int i = 0; i < files.n; i++)
    unlink(files.at[i]);
  rmdir(folder);
  arena_free(&names);
}

const char *fuzz_folder(void) {
  static bool made;
  if (!made) {
    made = true;
    fuzz_check(mkdtemp(folder));
    atexit(remove_folder);
  }
  return folder;
}

const char *fuzz_file_in_folder(const char *name, const void *data, size_t n) {
  const char *path = NULL;
  for (int i = 0; i < files.n && !path; i++) /* a target has few */
    path = strcmp(strrchr(files.at[i], '/') + 1, name) == 0 ? files.at[i] : NULL;
  if (!path) {
    path = arena_printf(&names, "%s/%s", fuzz_folder(), name);
    vec_push(&names, files, path);
  }
  FILE *f = fopen(path, "w");
  fuzz_check(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
  return path;
}

const char *fuzz_file(const uint8_t *data, size_t n) {
  return fuzz_file_in_folder("input", data, n);
}

_Noreturn void fuzz_wrong(const char *what, const char *file, int line) {
  fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
  abort();
}

void fuzz_touch(const void *bytes, size_t n) {
  const volatile uint8_t *p = bytes;
  uint8_t all = 0;
  for (size_t i = 0; i < n; i++)
    all ^= p[i];
  (void)all;
}
