/* file.c: the runtime's opener and writer, with diagnostics. */
#include "support/file.h"

#include "runtime/core/claim.h"
#include "runtime/core/input.h"
#include "support/kind.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool tell(struct diag *d, const struct failure *f) {
  diag_error(d, "%s", f->text);
  return false;
}

bool file_exists(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

char *file_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length) {
  struct failure f = {0};
  char *bytes;
  if (!input_read(path, limit, &bytes, length, &f)) {
    tell(d, &f);
    return NULL;
  }
  char *kept = arena_alloc(a, *length + 1);
  memcpy(kept, bytes, *length);
  free(bytes);
  return kept;
}

char *text_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length) {
  char *text = file_read(d, a, path, limit, length);
  const char *other = text ? not_text(a, text, *length) : NULL;
  if (other)
    diag_error(d, "%s: %s", input_name(path), other);
  return other ? NULL : text;
}

int file_try(struct arena *a, const char *path, int64_t *size, const char **fault) {
  struct failure f = {0};
  struct stat st;
  int fd = input_open(path, &f);
  if (fd < 0) {
    *fault = arena_strdup(a, f.text);
    return -1;
  }
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    *size = st.st_size;
    return fd;
  }
  close(fd);
  *fault = arena_printf(a, "%s: is not a regular file, and parts of it have to be read in any order",
                        input_name(path));
  return -1;
}

int file_open(struct diag *d, const char *path, int64_t *size) {
  struct arena a = {0};
  const char *fault;
  int fd = file_try(&a, path, size, &fault);
  if (fd < 0)
    diag_error(d, "%s", fault);
  arena_free(&a);
  return fd;
}

bool file_claim(struct diag *d, const char *path) {
  struct failure f = {0};
  int fd = input_open(path, &f);
  if (fd < 0)
    return tell(d, &f);
  close(fd);
  return true;
}

static bool open_output(struct output *o, struct diag *d, const char *path, bool seeks) {
  struct failure f = {0};
  *o = (struct output){.diag = d};
  if (!written_open(&o->written, path, seeks, &f))
    return tell(d, &f);
  o->file = o->written.file;
  return true;
}

bool output_open(struct output *o, struct diag *d, const char *path) {
  return open_output(o, d, path, false);
}

bool output_open_seekable(struct output *o, struct diag *d, const char *path) {
  return open_output(o, d, path, true);
}

bool output_close(struct output *o, bool executable) {
  struct failure f = {0};
  o->file = NULL;
  o->written.executable = executable;
  return written_close(&o->written, true, &f) || tell(o->diag, &f);
}

void output_abort(struct output *o) {
  struct failure f = {0};
  if (o->file)
    written_close(&o->written, false, &f);
  o->file = NULL;
}

bool file_copy(struct diag *d, const char *from, FILE *to, uint64_t *bytes) {
  char buffer[1 << 16];
  int64_t size, at = 0;
  ssize_t n = 1;
  int fd = file_open(d, from, &size);
  if (fd < 0)
    return false;
  for (; at < size && (n = pread(fd, buffer, sizeof buffer, at)) > 0; at += n)
    fwrite(buffer, 1, (size_t)n, to);
  if (at < size)
    diag_error(d, "%s: cannot read: %s", from, n < 0 ? strerror(errno) : "it has become shorter");
  close(fd);
  *bytes = (uint64_t)at;
  return at == size;
}

bool output_copy(struct diag *d, const char *from, const char *path) {
  struct output o;
  uint64_t bytes;
  if (!output_open(&o, d, path))
    return false;
  if (file_copy(d, from, o.file, &bytes))
    return output_close(&o, false);
  output_abort(&o);
  return false;
}

bool output_folder(struct diag *d, const char *path) {
  struct failure f = {0};
  return written_folder(path, &f) || tell(d, &f);
}

void outputs_begin(void) {
  written_begin();
}

bool outputs_end(struct diag *d, bool ok) {
  struct failure f = {0};
  bool all = written_end(ok, &f);
  if (!all && f.text[0])
    tell(d, &f);
  return all;
}

bool output_announce(struct diag *d, const char *path) {
  struct failure f = {0};
  return written_announce(path, &f) || tell(d, &f);
}

FILE *file_temporary(struct diag *d) {
  struct failure f = {0};
  FILE *file = temporary_file(&f);
  if (!file)
    tell(d, &f);
  return file;
}
