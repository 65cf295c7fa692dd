/* files.c: texts and token ids as a program is given them, and the end of standard output. */
#include "runtime/core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool read_whole(const char *path, char **bytes, size_t *n, struct failure *f) {
  return input_read(path, LARGEST_INPUT, bytes, n, f);
}

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Ids at `text` up to `end`; with ids NULL they are only counted. The index of the one at fault is *n, its
 * text begins at *at. */
static bool parse_ids(const char *text, const char *end, uint32_t bound, uint32_t *ids, size_t *n,
                      const char **at) {
  for (*n = 0;; ++*n) {
    while (text < end && is_blank(*text))
      text++;
    if (text == end)
      return true;
    uint64_t value = 0;
    *at = text;
    for (; text < end && *text >= '0' && *text <= '9' && value < bound; text++)
      value = value * 10 + (uint64_t)(*text - '0');
    if (value >= bound || (text < end && !is_blank(*text)))
      return false;
    if (ids)
      ids[*n] = (uint32_t)value;
  }
}

/* What is there up to a blank, its start where it is long; what is not ASCII as '?'. */
static void show_word(const char *at, const char *end, char found[static 16]) {
  int n = 0;
  for (; n < 12 && at + n < end && !is_blank(at[n]); n++)
    found[n] = at[n] > ' ' && at[n] <= '~' ? at[n] : '?';
  strcpy(found + n, at + n < end && !is_blank(at[n]) ? "..." : "");
}

bool read_ids(const char *path, uint32_t bound, uint32_t **ids, size_t *n, struct failure *f) {
  char *text;
  size_t bytes;
  *ids = NULL;
  if (!read_whole(path, &text, &bytes, f))
    return false;
  const char *at;
  bool ok = parse_ids(text, text + bytes, bound, NULL, n, &at);
  if (!ok) {
    char found[16];
    show_word(at, text + bytes, found);
    fail_with(f,
              "%s: token %zu (counted from 0) is no id of this model: decimal numbers from 0 to %u are "
              "expected, not '%s'",
              path, *n, bound - 1, found);
  } else if (*n == 0) {
    ok = fail_with(f, "%s: no token ids in it; write them as decimal numbers separated by blanks", path);
  } else if (!(*ids = malloc(*n * sizeof **ids))) {
    ok = fail_memory(f, *n * sizeof **ids, path);
  } else {
    parse_ids(text, text + bytes, bound, *ids, n, &at);
  }
  free(text);
  return ok;
}

void streams_fill(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0)
      open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* takes the lowest number, which is fd */
}

bool stdout_finish(struct failure *f) {
  errno = 0;
  return (fflush(stdout) == 0 && !ferror(stdout)) || fail_write(f, "-");
}
