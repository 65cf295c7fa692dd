/* engine_native.c: the engine `native`: code in this process, through the JIT. */
#include "driver/engine.h"

#include "backends/native/native.h"
#include "runtime/core/cpu.h"
#include "support/progress.h"

static struct native_options native_options(const struct job *j) {
  struct native_options o = native_defaults;
  o.cpu = j->options.cpu;
  o.features = j->options.features;
  return o;
}

bool this_machine(struct job *j) {
  struct native_options o = native_options(j);
  bool fast = false;
  if (!native_fast_trits(&j->diag, &o, &fast))
    return false;
  j->slow_trits = !fast;
  return true;
}

bool open_native(struct engine *e, struct job *j, const struct loops *loops) {
  struct native_options o = native_options(j);
  progress_stage("compiling the code");
  struct native_jit *jit = native_jit(&j->diag, loops, &o);
  e->own = jit;
  progress_clear();
  struct failure f = {0};
  const struct tern_model *m = jit ? native_jit_model(jit) : NULL;
  e->model = m ? cpu_choose(m, cpu_name(m), &f) : NULL; /* the environment's choice is for built programs */
  if (jit && !e->model)
    diag_error(&j->diag, "%s", f.text);
  return e->model != NULL;
}

void close_native(struct engine *e) {
  native_jit_free(e->own);
}
