/* file.c: whole-file reads and atomic writes. Temporaries of unfinished outputs are also removed when the
 * program is ended by a signal or by exit. */
#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) {
    diag_error(d, "%s: cannot read: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return NULL;
  }
  if (S_ISDIR(st.st_mode)) {
    diag_error(d, "%s: is a directory; a file was expected", path);
    close(fd);
    return NULL;
  }
  size_t room = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 1 << 16, n = 0;
  char *text = xmalloc(room + 1);
  for (ssize_t got;;) {
    if (n > limit) {
      diag_error(d, "%s: larger than the %zu bytes that such a file may have", path, limit);
      break;
    }
    if (n == room)
      text = xrealloc(text, (room *= 2) + 1);
    got = read(fd, text + n, room - n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      diag_error(d, "%s: cannot read: %s", path, strerror(errno));
      break;
    }
    if (got == 0) {
      char *kept = arena_strndup(a, text, n);
      *length = n;
      free(text);
      close(fd);
      return kept;
    }
    n += (size_t)got;
  }
  free(text);
  close(fd);
  return NULL;
}

enum { MOST_OPEN = 8 };
static char *volatile pending[MOST_OPEN]; /* temporaries to remove when the program is stopped */

static void remove_pending(void) {
  for (int i = 0; i < MOST_OPEN; i++)
    if (pending[i])
      unlink(pending[i]);
}

static void on_signal(int number) {
  remove_pending();
  signal(number, SIG_DFL);
  raise(number);
}

static void remember(char *old, char *new) {
  static bool ready;
  if (!ready) {
    ready = true;
    atexit(remove_pending);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit then fails, and is reported */
    for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE, 0}; *s; s++)
      if (signal(*s, on_signal) == SIG_IGN)
        signal(*s, SIG_IGN);
  }
  for (int i = 0; i < MOST_OPEN; i++)
    if (pending[i] == old) {
      pending[i] = new;
      return;
    }
}

static void release(struct output *o) {
  if (o->temporary)
    remember(o->temporary, NULL);
  free(o->path);
  free(o->temporary);
  *o = (struct output){0};
}

bool output_open(struct output *o, struct diag *d, const char *path) {
  *o = (struct output){.diag = d, .path = xstrdup(path)};
  struct stat st;
  if (strcmp(path, "-") == 0) {
    o->file = stdout;
    return true;
  }
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a device, a pipe: written in place */
    o->file = S_ISDIR(st.st_mode) ? NULL : fopen(path, "wb");
    if (!o->file)
      diag_error(d, "%s: cannot write: %s", path, S_ISDIR(st.st_mode) ? "is a directory" : strerror(errno));
  } else {
    size_t n = strlen(path) + 16;
    o->temporary = xmalloc(n);
    snprintf(o->temporary, n, "%s.tmp-XXXXXX", path);
    int fd = mkstemp(o->temporary);
    o->file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (o->file) {
      remember(NULL, o->temporary);
    } else {
      diag_error(d, "%s: cannot write: %s", path, strerror(errno));
      free(o->temporary);
      o->temporary = NULL;
    }
  }
  if (!o->file)
    release(o);
  return o->file != NULL;
}

bool output_close(struct output *o, bool executable) {
  bool ok = fflush(o->file) == 0 && !ferror(o->file);
  int error = errno;
  if (o->temporary && ok) {
    mode_t mask = umask(0);
    umask(mask);
    ok = fchmod(fileno(o->file), (executable ? 0777 : 0666) & ~mask) == 0;
    error = errno;
  }
  if (o->file != stdout) {
    if (fclose(o->file) != 0 && ok) {
      ok = false;
      error = errno;
    }
    if (o->temporary && ok && rename(o->temporary, o->path) != 0) {
      ok = false;
      error = errno;
    }
  }
  if (!ok) {
    diag_error(o->diag, "%s: cannot write: %s", o->path, strerror(error ? error : EIO));
    if (o->temporary)
      unlink(o->temporary);
  }
  release(o);
  return ok;
}

void output_abort(struct output *o) {
  if (!o->file)
    return;
  if (o->file != stdout)
    fclose(o->file);
  if (o->temporary)
    unlink(o->temporary);
  release(o);
}
