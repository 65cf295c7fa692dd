/* text_parts.c: a buffer that is filled from a file; what a user leaves of it moves to its beginning. */
#include "frontend/tokenizer/text_parts.h"

#include "runtime/core/input.h"
#include "runtime/core/interrupt.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ROOM = 4 << 20, MOST_ROOM = 1 << 30 };

struct filling {
  struct diag *d;
  const char *path;
  int fd;
  char *at;
  size_t n, room;
  bool end; /* of the file */
};

static bool fill(struct filling *f) {
  while (f->n < f->room && !f->end) {
    if (interrupted())
      return false;
    ssize_t got = read(f->fd, f->at + f->n, f->room - f->n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      diag_error(f->d, "%s: cannot read: %s", input_name(f->path), strerror(errno));
      return false;
    }
    f->end = got == 0;
    f->n += (size_t)got;
  }
  return true;
}

/* More of a text of which nothing could be used yet. */
static bool widen(struct filling *f) {
  if (f->room >= MOST_ROOM) {
    diag_error(
        f->d,
        "%s: there is a word of a GiB in it, or the whole is larger and has to be in memory; give it in "
        "smaller files",
        input_name(f->path));
    return false;
  }
  f->room *= 2;
  f->at = xrealloc(f->at, f->room);
  return true;
}

static bool use_up(struct filling *f, enum tokenizer_special special, bool whole, part_user *use,
                   void *context) {
  for (size_t used = 0;; used = 0) {
    if (!fill(f))
      return false;
    struct tokenizer_part part = {.text = f->at, .n = f->n, .last = f->end, .special = special};
    if ((f->end || !whole) && !use(context, &part, &used))
      return false;
    if (f->end)
      return true;
    if (used == 0 && !widen(f))
      return false;
    f->n -= used;
    memmove(f->at, f->at + used, f->n);
  }
}

bool text_parts(struct diag *d, const char *path, enum tokenizer_special special, bool whole, part_user *use,
                void *context) {
  struct failure why = {0};
  struct filling f = {.d = d, .path = path, .fd = input_open(path, &why), .room = FIRST_ROOM};
  if (f.fd < 0) {
    diag_error(d, "%s", why.text);
    return false;
  }
  f.at = xmalloc(f.room);
  bool ok = use_up(&f, special, whole, use, context);
  free(f.at);
  close(f.fd);
  return ok;
}
