/* tokenize_tool.c: `tokenize_tool DIR FILE [special]` prints the ids of every line of FILE by the tokenizer
 * in DIR, one line of ids for a line of text ("\n" is no part of it), special tokens among them or not; what
 * tests/tokenizer/compare.sh compares. */
#include "frontend/checkpoint/checkpoint.h"
#include "runtime/text/tokenizer.h"
#include "support/file.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 1 << 30 };

static enum tokenizer_special special = TOKENIZER_SPECIAL_NEVER;

static bool print_line(const struct tokenizer *t, const char *line, size_t n) {
  uint32_t *ids;
  size_t count = tokenizer_encode(t, line, n, special, &ids);
  if (!ids)
    return false;
  for (size_t i = 0; i < count; i++)
    printf("%s%u", i ? " " : "", ids[i]);
  putchar('\n');
  free(ids);
  return true;
}

static bool print_file(const struct tokenizer *t, const char *text, size_t n) {
  for (const char *line = text, *end = text + n, *next; line < end; line = next + 1) {
    next = memchr(line, '\n', (size_t)(end - line));
    if (!next)
      next = end;
    if (!print_line(t, line, (size_t)(next - line)))
      return false;
  }
  return true;
}

static bool run(struct diag *d, struct arena *a, const char *dir, const char *file) {
  uint8_t *block;
  size_t bytes, n;
  char error[256];
  char *text = file_read(d, a, file, LONGEST_TEXT, &n);
  if (!text)
    return false;
  checkpoint_tokenizer(d, a, dir, &block, &bytes);
  struct tokenizer *t = block ? tokenizer_open(block, bytes, error, sizeof error) : NULL;
  if (!t)
    diag_error(d, "%s: %s", dir, block ? error : "there is no tokenizer.model and no tokenizer.json");
  bool ok = t && print_file(t, text, n);
  if (t)
    tokenizer_close(t);
  return ok;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[3], "special") == 0)
    special = TOKENIZER_SPECIAL_ALWAYS;
  else if (argc != 3) {
    fprintf(stderr, "usage: %s DIR FILE [special]\n", argv[0]);
    return 2;
  }
  struct diag d = {0};
  struct arena a = {0};
  bool ok = run(&d, &a, argv[1], argv[2]);
  arena_free(&a);
  diag_free(&d);
  return ok ? 0 : 1;
}
