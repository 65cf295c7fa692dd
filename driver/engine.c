/* engine.c: the rows of engines.def, and the image that goes with their models. */
#include "driver/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct engine_row engine_rows[] = {
#define ENGINE(function, text, words, ...)                                                                   \
  {.name = text, .help = words, .open = open_##function, .close = close_##function, __VA_ARGS__},
#define CHOSEN(function, text, chosen, ...)                                                                  \
  {.name = text, .option = chosen, .open = open_##function, .close = close_##function, __VA_ARGS__},
#include "driver/engines.def"
};
const int engine_count = sizeof engine_rows / sizeof *engine_rows;

const char engine_words[] = ""
#define ENGINE(function, text, ...) "|" text
#include "driver/engines.def"
    ;

const struct engine_row *engine_find(const char *name) {
  for (int i = 0; i < engine_count; i++)
    if (!engine_rows[i].option && (!name || strcmp(engine_rows[i].name, name) == 0))
      return &engine_rows[i];
  return NULL;
}

const struct engine_row *engine_of_option(const char *option) {
  for (int i = 0; i < engine_count; i++)
    if (engine_rows[i].option && strcmp(engine_rows[i].option, option) == 0)
      return &engine_rows[i];
  return NULL;
}

bool engine_open(struct engine *e, struct job *j, const struct loops *loops, const struct engine_row *row) {
  *e = (struct engine){.name = row->name, .row = row};
  if (row->open(e, j, loops))
    return true;
  engine_close(e);
  return false;
}

void engine_close(struct engine *e) {
  if (e->own)
    e->row->close(e);
  *e = (struct engine){0};
}

bool image_in_memory(struct job *j, struct image *im) {
  int fd = memfd_create("tern-image", MFD_CLOEXEC);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w+b");
  uint64_t bytes;
  char error[256], path[64];
  if (!f) {
    diag_error(&j->diag, "cannot make the weights image in memory: %s", strerror(errno));
    return false;
  }
  bool ok = job_image(j, f, 0, &bytes);
  if (ok && (fflush(f) != 0 || ferror(f))) {
    diag_error(&j->diag, "cannot make the weights image in memory: %s", strerror(errno));
    ok = false;
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (ok && image_open(im, path, error, sizeof error) != 1) {
    diag_error(&j->diag, "the weights image cannot be mapped: %s", error);
    ok = false;
  }
  fclose(f);
  return ok;
}
