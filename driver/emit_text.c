/* emit_text.c: `--emit ast` and `--emit ir`: the model as people read it. */
#include "driver/backend.h"

#include "support/file.h"

bool emit_ast(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct output out;
  if (!output_open(&out, &j->diag, path))
    return false;
  if (spec_print_ast(&j->arena, &j->diag, j->options.spec, tern_library(j), out.file))
    return output_close(&out, false);
  output_abort(&out);
  return false;
}

bool emit_ir(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct output out;
  if (!output_open(&out, &j->diag, path))
    return false;
  ir_print(j->module, out.file);
  return output_close(&out, false);
}
