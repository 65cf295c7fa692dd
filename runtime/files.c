/* files.c: reads and writes files whole. A new file is written beside its place and renamed, so that neither
 * an error nor an interruption leaves half of one. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"

static bool read_all(int fd, const char *path, char **bytes, size_t *n, struct failure *f) {
  size_t room = 1 << 16;
  *n = 0;
  *bytes = malloc(room);
  while (*bytes) {
    ssize_t got = read(fd, *bytes + *n, room - *n - 1);
    if (got < 0 && errno == EINTR && interrupted())
      return false; /* nothing is wrong: the user ends it */
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_with(f, "%s: cannot read: %s", path, strerror(errno));
    if (got == 0)
      return (*bytes)[*n] = 0, true;
    *n += (size_t)got;
    if (*n + 1 == room) {
      char *grown = realloc(*bytes, room *= 2);
      if (!grown)
        free(*bytes);
      *bytes = grown;
    }
  }
  return fail_memory(f, room, path);
}

bool read_whole(const char *path, char **bytes, size_t *n, struct failure *f) {
  bool standard = strcmp(path, "-") == 0;
  int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  *bytes = NULL;
  if (fd < 0)
    return fail_with(f, "%s: cannot read: %s", path, strerror(errno));
  bool ok = read_all(fd, standard ? "standard input" : path, bytes, n, f);
  if (!standard)
    close(fd);
  if (!ok) {
    free(*bytes);
    *bytes = NULL;
  }
  return ok;
}

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Ids at `text` up to `end`; with ids NULL they are only counted. The index of the one at fault is *n. */
static bool parse_ids(const char *text, const char *end, uint32_t bound, uint32_t *ids, size_t *n) {
  for (*n = 0;; ++*n) {
    while (text < end && is_blank(*text))
      text++;
    if (text == end)
      return true;
    uint64_t value = 0;
    for (; text < end && *text >= '0' && *text <= '9' && value < bound; text++)
      value = value * 10 + (uint64_t)(*text - '0');
    if (value >= bound || (text < end && !is_blank(*text)))
      return false;
    if (ids)
      ids[*n] = (uint32_t)value;
  }
}

bool read_ids(const char *path, uint32_t bound, uint32_t **ids, size_t *n, struct failure *f) {
  char *text;
  size_t bytes;
  *ids = NULL;
  if (!read_whole(path, &text, &bytes, f))
    return false;
  bool ok = parse_ids(text, text + bytes, bound, NULL, n);
  if (!ok) {
    fail_with(
        f, "%s: token %zu (counted from 0) is no id of this model: decimal numbers from 0 to %u are expected",
        path, *n, bound - 1);
  } else if (*n == 0) {
    ok = fail_with(f, "%s: no token ids in it; write them as decimal numbers separated by blanks", path);
  } else if (!(*ids = malloc(*n * sizeof **ids))) {
    ok = fail_memory(f, *n * sizeof **ids, path);
  } else {
    parse_ids(text, text + bytes, bound, *ids, n);
  }
  free(text);
  return ok;
}

/* A symbolic link stays one: its target is what gets replaced. */
static char *real_target(const char *path) {
  char *real = realpath(path, NULL);
  return real ? real : strdup(path);
}

static bool open_temporary(struct written *w, struct failure *f) {
  w->target = real_target(w->path);
  size_t n = w->target ? strlen(w->target) + 16 : 0;
  w->temporary = n ? malloc(n) : NULL;
  if (!w->temporary) {
    free(w->target);
    return fail_memory(f, n, w->path);
  }
  snprintf(w->temporary, n, "%s.tmp-XXXXXX", w->target);
  int fd = mkstemp(w->temporary);
  w->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
  if (w->file)
    return true;
  fail_write(f, w->path);
  if (fd >= 0) {
    close(fd);
    unlink(w->temporary);
  }
  free(w->temporary);
  free(w->target);
  return false;
}

bool written_open(struct written *w, const char *path, struct failure *f) {
  struct stat st;
  *w = (struct written){.path = path};
  if (strcmp(path, "-") == 0) {
    w->file = stdout;
    return true;
  }
  if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
    return open_temporary(w, f);
  w->file = fopen(path, "wb");
  return w->file || fail_write(f, path);
}

static bool set_mode(const struct written *w) {
  struct stat st;
  mode_t mask = umask(0);
  umask(mask);
  mode_t mode = stat(w->target, &st) == 0 ? st.st_mode & 07777 : 0666 & ~mask;
  return fchmod(fileno(w->file), mode) == 0;
}

bool written_close(struct written *w, bool ok, struct failure *f) {
  errno = 0;
  bool whole = fflush(w->file) == 0 && !ferror(w->file) && (!w->temporary || set_mode(w));
  if (!whole && ok)
    fail_write(f, w->path);
  ok = ok && whole;
  if (w->file != stdout && fclose(w->file) != 0 && ok)
    ok = fail_write(f, w->path);
  if (w->temporary && ok && rename(w->temporary, w->target) != 0)
    ok = fail_write(f, w->path);
  if (w->temporary && !ok)
    unlink(w->temporary);
  free(w->temporary);
  free(w->target);
  *w = (struct written){0};
  return ok;
}

bool stdout_finish(struct failure *f) {
  errno = 0;
  return (fflush(stdout) == 0 && !ferror(stdout)) || fail_write(f, "-");
}
