/* emit_bare.c: `--emit c --bare`: one .c and one .h for a chip. */
#include "driver/backend.h"

#include "backends/c/c.h"
#include "runtime/core/image.h"
#include "support/escape.h"
#include "support/file.h"
#include <errno.h>
#include <string.h>

static bool read_weights(FILE *f, uint8_t *weights, size_t n) {
  struct image_header head;
  return fflush(f) == 0 && fseeko(f, 0, SEEK_SET) == 0 && fread(&head, sizeof head, 1, f) == 1 &&
         fseeko(f, (off_t)head.weights_at, SEEK_SET) == 0 && fread(weights, 1, n, f) == n;
}

/* The weights without the image's head, and zeros to a whole word; in the arena. NULL after a diagnostic. */
static uint8_t *image_weights(struct job *j) {
  uint64_t bytes;
  int64_t n = j->module->weights_bytes;
  uint8_t *weights = arena_array(&j->arena, uint8_t, n + 4);
  FILE *f = file_temporary(&j->diag);
  bool ok = f && job_image(j, f, 0, &bytes);
  if (ok && !read_weights(f, weights, (size_t)n)) {
    diag_error(&j->diag, "an intermediate file of the weights cannot be written or read: %s",
               strerror(errno));
    ok = false;
  }
  if (f)
    fclose(f);
  return ok ? weights : NULL;
}

static bool write_weights(struct job *j, const char *dir, const uint8_t *weights, int64_t n) {
  struct output o;
  if (!output_open(&o, &j->diag,
                   arena_printf(&j->arena, "%s/%s.weights", dir, c_prefix(&j->arena, j->module->name))))
    return false;
  fwrite(weights, 1, (size_t)n, o.file);
  return output_close(&o, false);
}

bool emit_bare(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct bare_options o = {.runtime = tern_file(j, "share/tern/runtime")};
  if (!o.runtime || !bare_fits(&j->diag, j->loops))
    return false;
  struct bare_sizes s = bare_sizes(j->loops);
  uint8_t *weights = image_weights(j);
  if (!weights)
    return false;
  o.weights = b->weights_apart ? NULL : weights;
  b->use =
      arena_printf(&j->arena,
                   "the chip needs %lld bytes of flash for weights, besides code, and %lld bytes of RAM for "
                   "state (%lld), scratch (%lld) and logits (%lld), besides its stack; %s.h says how to "
                   "call it",
                   (long long)s.weights, (long long)(s.state + s.scratch + s.logits), (long long)s.state,
                   (long long)s.scratch, (long long)s.logits, c_prefix(&j->arena, j->module->name));
  outputs_begin();
  return outputs_end(&j->diag, bare_emit(&j->diag, j->loops, path, &o) &&
                                   (!b->weights_apart || write_weights(j, path, weights, s.weights)));
}
