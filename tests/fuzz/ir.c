/* ir.c: IR text: each pass alone, both pipelines, and straight to loops. */
#include "tests/fuzz/fuzz.h"

#include "passes/pass.h"

enum { LONGEST = 20000 };

/* passes NULL: none. */
static void go_through(const uint8_t *data, size_t n, const char *passes_list) {
  struct fuzz f = fuzz_begin();
  char *text = arena_strndup(&f.arena, (const char *)data, n);
  struct module *m = ir_parse(&f.arena, &f.diag, diag_add_source(&f.diag, "in.tir", text, strlen(text)));
  if (m) {
    fuzz_print_parse(m);
    fuzz_interpret(m);
  }
  if (m && fuzz_small(m) &&
      (!passes_list || passes_run(m, passes_list, &(struct pass_options){.verify = true}))) {
    fuzz_print_parse(m);
    fuzz_interpret(m);
    fuzz_lower(&f, m);
  }
  fuzz_end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *const lists[] = {NULL, "default", "fixed", "ternarize,fuse,plan-memory"};
  unsigned n_lists = sizeof lists / sizeof *lists, ways = n_lists + (unsigned)pass_count;
  if (n > LONGEST)
    return 0;
  for (unsigned way = 0; way < ways; way++)
    if (fuzz_way(data, n, way, ways))
      go_through(data, n, way < n_lists ? lists[way] : passes[way - n_lists].name);
  return 0;
}
