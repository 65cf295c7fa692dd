/* replay.c: `replay_NAME [-v] FILE|FOLDER ...`: a fuzz target over files and the files of folders. Each must
 * end in a result or a message; one that ends the process is the last that was named. With -v the messages
 * are shown. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static int replayed;

/* In memory of its very size, so that reading past it is seen. */
static bool replay(const char *path) {
  FILE *f = fopen(path, "r");
  struct stat s;
  if (!f || fstat(fileno(f), &s) != 0) {
    perror(path);
    return false;
  }
  size_t n = (size_t)s.st_size;
  uint8_t *data = malloc(n ? n : 1);
  bool ok = data && fread(data, 1, n, f) == n;
  fclose(f);
  if (ok) {
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, n);
  }
  free(data);
  replayed++;
  return ok;
}

static bool replay_folder(const char *path) {
  struct dirent **entries;
  int n = scandir(path, &entries, NULL, alphasort);
  bool ok = n >= 0;
  for (int i = 0; i < n; i++) {
    char *file = NULL;
    ok &= asprintf(&file, "%s/%s", path, entries[i]->d_name) > 0;
    ok &= entries[i]->d_type != DT_REG || replay(file);
    free(file);
    free(entries[i]);
  }
  if (n >= 0)
    free(entries);
  return ok;
}

int main(int argc, char **argv) {
  bool ok = true;
  fuzz_all_ways = true;
  fuzz_loud = argc > 1 && strcmp(argv[1], "-v") == 0;
  for (int i = 1 + fuzz_loud; i < argc; i++) {
    struct stat s;
    ok &= stat(argv[i], &s) == 0 && (S_ISDIR(s.st_mode) ? replay_folder : replay)(argv[i]);
  }
  printf("%d files replayed\n", replayed);
  return ok && replayed ? 0 : 1;
}
