/* language.c: the front end from file to module: read, evaluate the params, elaborate the model, warn,
 * verify. */
#include "frontend/language/language.h"

#include "frontend/language/elaborate.h"
#include <stdlib.h>
#include <string.h>

static const char *last_component(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The one model; NULL after a report. */
static struct block_node *the_model(struct spec_program *p) {
  struct block_node *model = NULL;
  for (int i = 0; i < p->files.n; i++)
    for (int k = 0; k < p->files.at[i]->blocks.n; k++) {
      struct block_node *b = p->files.at[i]->blocks.at[k];
      if (b->is_model && model) {
        program_error(p, b->name.at, "there is a second model, '%s'", b->name.text);
        program_note(p, model->name.at, "the first is '%s'", model->name.text);
        return NULL;
      }
      model = b->is_model ? b : model;
    }
  if (!model)
    diag_error(p->diag,
               "%s: there is no model: a spec has one 'model NAME(token: u32) -> f32[vocab] { ... }'",
               p->files.at[0]->path);
  return model;
}

/* One token in, one vector of logits out. */
static bool check_signature(struct elaborator *e, struct block_node *model) {
  bool token = model->params.n == 1 && model->params.at[0]->type->elem == ELEM_U32 &&
               model->params.at[0]->type->dims.n == 0;
  bool logits =
      model->results.n == 1 && model->results.at[0]->elem == ELEM_F32 && model->results.at[0]->dims.n == 1;
  if (token && logits)
    return true;
  fail(e, model->at,
       token ? "a model returns one vector of logits: -> f32[vocab]"
             : "a model takes one token: model %s(token: u32)",
       model->name.text);
  return false;
}

static bool elaborate_model(struct elaborator *e, struct block_node *model) {
  struct instance in = {.block = model, .prefix.text = ""};
  if (!check_signature(e, model))
    return false;
  struct func *step = func_add(e->m, "step");
  struct parameter *token = model->params.at[0];
  e->b = builder_end(e->m, step->body);
  e->instance = &in;
  e->file = model->file;
  model->used = true;
  bind(e, BIND_VARIABLE, token->name.text, token->name.at, &token->name.used)->item =
      item_value(block_arg(e->m, step->body, type_scalar(ELEM_U32), token->name.text));
  elaborate_body(e, &model->body);
  bool ok = match_results(e, model);
  finish_states(e);
  e->b.at = in.result_at;
  if (ok)
    build(&e->b, OP_RETURN, 1, &in.result.value, NULL, NULL);
  return ok;
}

struct module *spec_compile(struct arena *a, struct diag *d, const char *path,
                            const struct spec_options *options) {
  static const struct spec_options none;
  struct spec_program program = {.arena = a, .diag = d, .library = options ? options->library : NULL};
  int errors = d->errors;
  if (!program_read(&program, path))
    return NULL;
  struct block_node *model = the_model(&program);
  if (!model)
    return NULL;
  struct elaborator e = {.program = &program, .options = options ? options : &none, .arena = a, .diag = d};
  e.m = module_new(a, d, model->name.text);
  e.m->spec = arena_strdup(a, last_component(path));
  if (!elaborate_params(&e) || !elaborate_model(&e, model) || d->errors > errors)
    return NULL;
  warn_unused(&e);
  return ir_verify(e.m, NULL) ? e.m : NULL;
}

void spec_kinds_of(struct arena *a, const char *path, const char *library, spec_kinds *kinds) {
  char *said = NULL;
  size_t length;
  struct diag d = {.out = open_memstream(&said, &length)};
  struct spec_program program = {.arena = a, .diag = &d, .library = library};
  if (d.out && program_read(&program, path))
    for (int i = 0; i < program.files.at[0]->kinds.n; i++)
      vec_push(a, *kinds, program.files.at[0]->kinds.at[i].text);
  if (d.out)
    fclose(d.out);
  free(said);
  diag_free(&d);
}

bool spec_print_ast(struct arena *a, struct diag *d, const char *path, const char *library, FILE *out) {
  struct spec_program program = {.arena = a, .diag = d, .library = library};
  if (!program_read(&program, path))
    return false;
  for (int i = 0; i < program.order.n; i++)
    ast_print(program.order.at[i], out);
  return true;
}
