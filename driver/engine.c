/* engine.c: native code in this process, or generated C compiled to a shared library by cc. */
#include "driver/engine.h"

#include "backends/c/c.h"
#include "backends/native/native.h"
#include "runtime/core/cpu.h"
#include "support/escape.h"
#include "support/file.h"
#include "support/progress.h"
#include "support/scratch.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct native_options native_options(const struct job *j) {
  struct native_options o = native_defaults;
  o.cpu = j->options.cpu;
  o.features = j->options.features;
  return o;
}

bool engine_target(struct job *j, const char *kind) {
  struct native_options o = native_options(j);
  bool fast = false;
  if (strcmp(kind, "native") == 0 && !native_fast_trits(&j->diag, &o, &fast))
    return false;
  j->slow_trits = !fast;
  return true;
}

static bool open_native(struct engine *e, struct job *j, const struct loops *loops) {
  struct native_options o = native_options(j);
  progress_stage("compiling the code");
  e->jit = native_jit(&j->diag, loops, &o);
  progress_clear();
  struct failure f = {0};
  const struct tern_model *m = e->jit ? native_jit_model(e->jit) : NULL;
  e->model = m ? cpu_choose(m, cpu_name(m), &f) : NULL; /* the environment's choice is for built programs */
  if (e->jit && !e->model)
    diag_error(&j->diag, "%s", f.text);
  return e->model != NULL;
}

static bool open_c(struct engine *e, struct job *j, const struct loops *loops) {
  struct arena *a = &j->arena;
  struct c_options o = {.runtime = tern_file(j, "share/tern/runtime")};
  const char *name = c_prefix(a, j->module->name);
  e->dir = o.runtime ? scratch_make(&j->diag, &j->arena) : NULL;
  if (!e->dir || !c_emit(&j->diag, loops, e->dir, &o))
    return false;
  char *library = arena_printf(a, "%s/engine.so", e->dir);
  const char *argv[] = {"cc",
                        "-std=c11",
                        "-O2",
                        "-ffp-contract=off",
                        "-fPIC",
                        "-shared",
                        "-w",
                        arena_printf(a, "-I%s", e->dir),
                        arena_printf(a, "-I%s/runtime", e->dir),
                        arena_printf(a, "%s/%s.c", e->dir, name),
                        arena_printf(a, "%s/runtime/kernels/ternary.c", e->dir),
                        "-lm",
                        "-o",
                        library,
                        NULL};
  if (!run_program(&j->diag, argv))
    return false;
  e->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  e->model = e->library ? dlsym(e->library, arena_printf(a, "%s_model", name)) : NULL;
  if (!e->model)
    diag_error(&j->diag, "the C engine cannot be loaded: %s", dlerror());
  return e->model != NULL;
}

bool engine_open(struct engine *e, struct job *j, const struct loops *loops, const char *kind) {
  *e = (struct engine){.name = kind};
  bool ok = strcmp(kind, "c") == 0 ? open_c(e, j, loops) : open_native(e, j, loops);
  if (!ok)
    engine_close(e);
  return ok;
}

void engine_close(struct engine *e) {
  if (e->jit)
    native_jit_free(e->jit);
  if (e->library)
    dlclose(e->library);
  scratch_remove(e->dir);
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
