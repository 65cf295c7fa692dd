/* spec.c: a spec, with and without a config: through the language, its tree, both pipelines, to loops. */
#include "tests/fuzz/fuzz.h"

#include "frontend/language/language.h"
#include "passes/pass.h"

enum { LONGEST = 20000 };

/* Some keys are there and some are not. */
static int config_number(void *self, const char *key, double *value) {
  (void)self;
  *value = (double)strlen(key) * 3;
  return strlen(key) % 3 == 0;
}

static void compile(const char *path, const struct spec_options *o, const char *passes_list) {
  struct fuzz f = fuzz_begin();
  struct module *m = spec_compile(&f.arena, &f.diag, path, o);
  if (m) {
    m->chunk = 5;
    m->batch = 3;
    fuzz_print_parse(m);
    fuzz_interpret(m);
  }
  if (m && fuzz_small(m) && passes_run(m, passes_list, &(struct pass_options){.verify = true})) {
    fuzz_print_parse(m);
    fuzz_interpret(m);
    fuzz_lower(&f, m);
  }
  fuzz_end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct config_source config = {.number = config_number};
  static const struct spec_setting settings[] = {{"n", 6}, {"eps", 0.5}};
  const struct spec_options none = {0}, all = {&config, settings, 2}, configured = {.config = &config};
  if (n > LONGEST)
    return 0;
  const char *path = fuzz_file(data, n);
  if (fuzz_way(data, n, 0, 4)) {
    struct fuzz f = fuzz_begin();
    spec_print_ast(&f.arena, &f.diag, path, fuzz_nowhere());
    fuzz_end(&f);
    compile(path, &all, "batch-time");
  }
  if (fuzz_way(data, n, 1, 4))
    compile(path, &none, pipeline_default);
  if (fuzz_way(data, n, 2, 4))
    compile(path, &configured, pipeline_default);
  if (fuzz_way(data, n, 3, 4))
    compile(path, &none, pipeline_fixed);
  return 0;
}
