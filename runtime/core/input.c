/* input.c: kinds of files, and reading one whole. */
#include "runtime/core/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/core/claim.h"
#include "runtime/core/interrupt.h"

/* The decimal number that is all of the text, or -1. */
static int number(const char *text) {
  int n = *text ? 0 : -1;
  for (; *text >= '0' && *text <= '9' && n < 100000; text++)
    n = n * 10 + (*text - '0');
  return *text ? -1 : n;
}

int descriptor_named(const char *path, int standard) {
  static const struct {
    const char *path;
    int fd; /* -1: the number follows */
  } names[] = {
      {"/dev/stdin", 0}, {"/dev/stdout", 1}, {"/dev/stderr", 2}, {"/dev/fd/", -1}, {"/proc/self/fd/", -1}};
  if (strcmp(path, "-") == 0)
    return standard;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t n = strlen(names[i].path);
    if (names[i].fd >= 0 ? strcmp(path, names[i].path) == 0 : strncmp(path, names[i].path, n) == 0)
      return names[i].fd >= 0 ? names[i].fd : number(path + n);
  }
  return -1;
}

const char *input_name(const char *path) {
  return strcmp(path, "-") == 0 ? "standard input" : path;
}

static bool fail_read(struct failure *f, const char *path) {
  char to[512];
  int error = errno;
  ssize_t n = error == ENOENT ? readlink(path, to, sizeof to) : -1;
  if (n > 0)
    return fail_with(f, "%s: cannot read: is a link to '%.*s', which is not there", path, (int)n, to);
  return fail_with(f, "%s: cannot read: %s", input_name(path), strerror(error));
}

/* /dev/null has the same number on every Linux. */
static bool is_null(const struct stat *st) {
  return S_ISCHR(st->st_mode) && major(st->st_rdev) == 1 && minor(st->st_rdev) == 3;
}

/* Whether a named file can be read to its end without waiting for anybody. */
static bool check_kind(const struct stat *st, const char *path, struct failure *f) {
  if (S_ISREG(st->st_mode) || is_null(st))
    return true;
  if (S_ISDIR(st->st_mode))
    return fail_with(f, "%s: cannot read: is a directory; a file was expected", path);
  return fail_with(f, "%s: cannot read: is a %s; a file was expected, or '-' for standard input", path,
                   S_ISFIFO(st->st_mode)   ? "named pipe"
                   : S_ISSOCK(st->st_mode) ? "socket"
                                           : "device");
}

static int open_named(const char *path, struct failure *f) {
  struct stat st;
  if (stat(path, &st) != 0)
    return fail_read(f, path), -1;
  if (!check_kind(&st, path, f))
    return -1;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* it may have become a pipe since */
  if (fd < 0 || fstat(fd, &st) != 0)
    fail_read(f, path);
  else if (check_kind(&st, path, f))
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

static int open_descriptor(int from, const char *path, struct failure *f) {
  struct stat st;
  int fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
  if (fd < 0 || fstat(fd, &st) != 0)
    fail_read(f, path);
  else if (S_ISDIR(st.st_mode))
    fail_with(f, "%s: cannot read: is a directory; a file was expected", input_name(path));
  else
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

int input_descriptor(const char *path, struct failure *f) {
  int fd = descriptor_named(path, STDIN_FILENO);
  return fd >= 0 ? open_descriptor(fd, path, f) : open_named(path, f);
}

int input_open(const char *path, struct failure *f) {
  int fd = input_descriptor(path, f);
  if (fd < 0 || claim_input(path, fd, f))
    return fd;
  close(fd);
  return -1;
}

/* ---- whole ------------------------------------------------------------------------------------------- */

static bool fail_large(struct failure *f, const char *path, uint64_t most) {
  return fail_with(f, "%s: larger than the %llu bytes that such a file may have", input_name(path),
                   (unsigned long long)most);
}

/* Room for `n` bytes and the zero behind them. */
static bool make_room(char **bytes, uint64_t n, const char *path, struct failure *f) {
  char *grown = n < SIZE_MAX ? realloc(*bytes, (size_t)n + 1) : NULL;
  if (!grown)
    return fail_memory(f, n, path);
  *bytes = grown;
  return true;
}

/* Reads on from an expected size; a file may grow meanwhile, or not tell its size. */
static bool read_all(int fd, const char *path, uint64_t room, uint64_t most, char **bytes, size_t *n,
                     struct failure *f) {
  if (!make_room(bytes, room, path, f))
    return false;
  for (;;) {
    if (*n > most)
      return fail_large(f, path, most);
    if (*n == room && !make_room(bytes, room *= 2, path, f))
      return false;
    ssize_t got = read(fd, *bytes + *n, (size_t)room - *n);
    if (got < 0 && errno == EINTR && interrupted())
      return false; /* nothing is wrong: the user ends it */
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_read(f, path);
    if (got == 0)
      return (*bytes)[*n] = 0, true;
    *n += (size_t)got;
  }
}

bool input_read(const char *path, uint64_t most, char **bytes, size_t *n, struct failure *f) {
  enum { UNKNOWN = 1 << 16 };
  struct stat st;
  int fd = input_open(path, f);
  *bytes = NULL;
  *n = 0;
  if (fd < 0)
    return false;
  uint64_t size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
  bool ok = size > most ? fail_large(f, path, most)
                        : read_all(fd, path, size ? size + 1 : UNKNOWN, most, bytes, n, f);
  close(fd);
  if (!ok) {
    free(*bytes);
    *bytes = NULL;
  }
  return ok;
}
