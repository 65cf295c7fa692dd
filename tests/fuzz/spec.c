/* spec.c: a spec, with and without a config: through the language, its tree, both pipelines, to loops. */
#include "tests/fuzz/fuzz.h"

#include "frontend/language/language.h"
#include "passes/pass.h"

enum { LONGEST = 20000 };

/* Some keys are there, of every kind, and some are not. */
static int find(void *self, const char *key, struct config_value *value) {
  static const struct config_value items[] = {{.kind = CONFIG_NUMBER, .number = 2}, {.kind = CONFIG_NULL}};
  size_t n = strlen(key);
  (void)self;
  *value = (struct config_value){.kind = (enum config_kind)(n % (CONFIG_NULL + 1)),
                                 .number = (double)n * 3,
                                 .text = "swish",
                                 .items = items,
                                 .n = 2};
  return n % 3 != 1 && value->kind != CONFIG_NULL;
}

static void compile(const char *path, const struct spec_options *o, const char *passes_list) {
  struct fuzz f = fuzz_begin();
  struct module *m = spec_compile(&f.arena, &f.diag, path, o);
  if (m) {
    fuzz_print_parse(m);
    fuzz_interpret(m);
  }
  const struct pass_options asked = {.context = {.chunk = 5, .batch = 3}, .verify = true};
  if (m && fuzz_small(m) && passes_run(m, passes_list, &asked)) {
    fuzz_print_parse(m);
    fuzz_interpret(m);
    fuzz_lower(&f, m);
  }
  fuzz_end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct config_source config = {.folder = "checkpoint", .there = true, .find = find};
  static const struct spec_setting settings[] = {{.name = "n", .value = 6}, {.name = "eps", .value = 0.5}};
  const struct spec_options none = {0},
                            all = {.config = &config,
                                   .settings = settings,
                                   .n_settings = 2,
                                   .no_require = true},
                            configured = {.config = &config};
  if (n > LONGEST)
    return 0;
  const char *path = fuzz_file(data, n);
  if (fuzz_way(data, n, 0, 4)) {
    struct fuzz f = fuzz_begin();
    spec_print_ast(&f.arena, &f.diag, path, NULL, fuzz_nowhere());
    fuzz_end(&f);
    compile(path, &all, "batch-time");
  }
  if (fuzz_way(data, n, 1, 4))
    compile(path, &none, "default");
  if (fuzz_way(data, n, 2, 4))
    compile(path, &configured, "default");
  if (fuzz_way(data, n, 3, 4))
    compile(path, &none, "fixed");
  return 0;
}
