/* emit_c.c: `--emit c`: a project for any compiler of C11. */
#include "driver/backend.h"
#include "driver/link.h"

#include "backends/c/c.h"
#include "support/escape.h"
#include "support/file.h"

/* What compiles C later is not known here, and taken for slow at unpacking. */
bool any_compiler(struct job *j) {
  j->slow_trits = true;
  return true;
}

bool emit_c(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct c_options o = {.runtime = tern_file(j, "share/tern/runtime"),
                        .threads = (uint32_t)j->options.threads};
  if (!o.runtime)
    return false;
  b->use = arena_printf(&j->arena, "build it: make -C %s", shell_word(&j->arena, path));
  const char *image = arena_printf(&j->arena, "%s/%s.weights", path, c_prefix(&j->arena, j->module->name));
  outputs_begin();
  return outputs_end(&j->diag,
                     c_emit(&j->diag, j->loops, path, &o) && (!j->checkpoint || write_image_file(j, image)));
}
