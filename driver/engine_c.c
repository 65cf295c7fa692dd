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
  const char *argv[] = {"cc",
                        "-std=c11",
                        "-O2",
                        "-ffp-contract=off",
                        "-fPIC",
                        "-shared",
                        "-w",
                        arena_printf(a, "-I%s", dir),
                        arena_printf(a, "-I%s/runtime", dir),
                        arena_printf(a, "%s/%s.c", dir, name),
                        arena_printf(a, "%s/runtime/kernels/ternary.c", dir),
                        "-lm",
                        "-o",
                        library,
                        NULL, /* of a training step */
                        NULL,
                        NULL,
                        NULL,
                        NULL};
  static const char *const of_training[] = {"gradient", "scatter", "pack", "ternarize"};
  for (int i = 0, n = (int)(sizeof argv / sizeof *argv) - 5; i < 4 && loops_call(loops); i++)
    argv[n + i] = arena_printf(a, "%s/runtime/kernels/%s.c", dir, of_training[i]);
  if (!run_program(&j->diag, argv))
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
