/* engine_c.c: the engine `c`: generated C, compiled to a shared library by cc. */
#include "driver/engine.h"

#include "backends/c/c.h"
#include "support/escape.h"
#include "support/scratch.h"
#include <dlfcn.h>

struct compiled {
  void *library; /* dlopen's handle */
  char *dir;     /* of intermediate files */
};

bool open_c(struct engine *e, struct job *j, const struct loops *loops) {
  struct arena *a = &j->arena;
  struct c_options o = {.runtime = tern_file(j, "share/tern/runtime")};
  const char *name = c_prefix(a, j->module->name);
  struct compiled *made = e->own = arena_new(a, struct compiled);
  const char *dir = made->dir = o.runtime ? scratch_make(&j->diag, a) : NULL;
  if (!dir || !c_emit(&j->diag, loops, dir, &o))
    return false;
  char *library = arena_printf(a, "%s/engine.so", dir);
  VEC(const char *) argv = {0};
  const char *const flags[] = {"cc", "-std=c11", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-w"};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    vec_push(a, argv, flags[i]);
  vec_push(a, argv, arena_printf(a, "-I%s", dir));
  vec_push(a, argv, arena_printf(a, "%s/%s.c", dir, name));
  vec_push(a, argv, arena_printf(a, "%s/runtime/kernels/ternary.c", dir));
  for (int i = 0; loops_call(loops) && i < C_TRAINING_SOURCES; i++)
    vec_push(a, argv, arena_printf(a, "%s/runtime/kernels/%s.c", dir, c_training_sources[i]));
  vec_push(a, argv, "-lm");
  vec_push(a, argv, "-o");
  vec_push(a, argv, library);
  vec_push(a, argv, NULL);
  if (!run_program(&j->diag, argv.at))
    return false;
  made->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  e->model = made->library ? dlsym(made->library, arena_printf(a, "%s_model", name)) : NULL;
  if (!e->model)
    diag_error(&j->diag, "the C engine cannot be loaded: %s", dlerror());
  return e->model != NULL;
}

void close_c(struct engine *e) {
  struct compiled *made = e->own;
  if (made->library)
    dlclose(made->library);
  scratch_remove(made->dir);
}
