/* test_c.c: generated C. The models of tests/c/cases.h are written as C, compiled as strict C11 with all
 * warnings as errors, loaded, and must give the interpreter's bits in both forms, with one thread and with
 * several one after another. And the folder: complete, the same twice, gone after a failure. */
#include "backends/c/c.h"
#include "backends/image/write_image.h"
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "runtime/core/entries.h"
#include "runtime/core/image.h"
#include "runtime/core/state.h"
#include "tests/c/cases.h"
#include "tests/random/call.h"
#include "tests/random/entry_calls.h"
#include "tests/random/random_model.h"

#include <dlfcn.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct c_options runtime = {.runtime = TERN_SOURCE "/runtime", .threads = 2};

/* ---- one compilation ------------------------------------------------------------------------- */

struct bench {
  struct arena arena;
  struct diag diag;
  char *said;
  size_t said_bytes;
  struct module *m;
  struct loops *loops;
  char dir[64];
};

static void bench_open_packed(struct bench *b, const struct kernel_case *c, enum storage packing) {
  *b = (struct bench){.dir = "/tmp/tern-test-c-XXXXXX"};
  b->diag.out = open_memstream(&b->said, &b->said_bytes);
  b->m = ir_parse(&b->arena, &b->diag, ir_file_source(&b->diag, c->name));
  struct pass_options options = {.context.packing = packing, .verify = true};
  bool ok = b->m && (!*c->passes || passes_run(b->m, c->passes, &options));
  b->loops = ok ? loops_lower(&b->arena, b->m, &policy_team) : NULL;
  fflush(b->diag.out);
  if (!b->loops)
    fail_msg("%s: %s", c->name, b->said);
  assert_non_null(mkdtemp(b->dir));
}

static void bench_open(struct bench *b, const struct kernel_case *c) {
  bench_open_packed(b, c, STORE_NONE);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static void bench_close(struct bench *b) {
  nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  fclose(b->diag.out);
  free(b->said);
  diag_free(&b->diag);
  arena_free(&b->arena);
}

static const char *in_dir(struct bench *b, const char *name) {
  return arena_printf(&b->arena, "%s/%s", b->dir, name);
}

static const char *project(struct bench *b) {
  const char *dir = in_dir(b, "project");
  if (!c_emit(&b->diag, b->loops, dir, &runtime)) {
    fflush(b->diag.out);
    fail_msg("%s", b->said);
  }
  return dir;
}

/* ---- running what was compiled --------------------------------------------------------------- */

static const char strict[] = "-Wall -Wextra -Werror -pedantic -O1";
static const char this_machine[] = "-Wall -Wextra -Werror -O2 -march=native"; /* files for others are empty */

/* The kernels of products are the same in every project: the first one's are compiled, for each set of flags.
 */
static char kernels[] = "/tmp/tern-test-c-kernels-XXXXXX";

static const char *kernel_objects(struct bench *b, const char *dir, const char *flags) {
  bool portable = flags == strict;
  const char *objects = arena_printf(&b->arena, "%s/%s", kernels, portable ? "portable" : "fast");
  if (mkdir(objects, 0777) == 0)
    assert_int_equal(system(arena_printf(&b->arena,
                                         "cd %s && cc -std=c11 -ffp-contract=off %s -fPIC -I%s -c "
                                         "%s/runtime/kernels/ternary%s.c",
                                         objects, flags, dir, dir, portable ? "" : "*")),
                     0);
  return objects;
}

static int make_kernels(void **state) {
  (void)state;
  return mkdtemp(kernels) ? 0 : -1;
}

static int remove_kernels(void **state) {
  (void)state;
  return nftw(kernels, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void *compile(struct bench *b, const char *dir, const char *flags, const struct tern_model **model) {
  const char *library = in_dir(b, "model.so");
  const char *command = arena_printf(
      &b->arena, "cc -std=c11 -ffp-contract=off %s -fPIC -shared -I%s -o %s %s/%s.c %s/ternary*.o -lm", flags,
      dir, library, dir, b->m->name, kernel_objects(b, dir, flags));
  assert_int_equal(system(command), 0);
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  *model = handle ? dlsym(handle, arena_printf(&b->arena, "%s_model", b->m->name)) : NULL;
  if (!*model)
    fail_msg("%s", dlerror());
  return handle;
}

static void *aligned(uint64_t bytes) {
  void *p = aligned_alloc(TERN_ALIGN, (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(p);
  memset(p, 0xa5, bytes);
  return p;
}

struct memory {
  const struct tern_model *model;
  struct tern_args args;
  uint8_t *image;
};

static void memory_open(struct memory *mem, const struct bench *b, const struct weight_source *source) {
  FILE *f = tmpfile();
  uint64_t bytes;
  struct image_header h;
  assert_true(image_write(b->m, source, f, 0, &bytes, &(struct image_options){.threads = 1}));
  mem->image = aligned(bytes);
  rewind(f);
  assert_int_equal(fread(mem->image, 1, bytes, f), bytes);
  fclose(f);
  memcpy(&h, mem->image, sizeof h);
  assert_int_equal(h.layout, mem->model->layout);
  mem->args.weights = mem->image + h.weights_at;
  mem->args.state = aligned(mem->model->state_bytes);
  for (uint32_t i = 0; i < mem->model->n_fills; i++)
    state_fill(mem->args.state, &mem->model->fills[i]);
}

static void memory_close(struct memory *mem) {
  free(mem->args.state);
  free(mem->image);
}

/* Every kernel by each of `threads` in turn, as if they met at barriers. */
static void call_kernels(const struct memory *mem, const struct call *c, uint32_t i, uint32_t j, int depth,
                         const struct loops *l, uint32_t threads) {
  for (; c; c = c->next) {
    uint32_t number = 0;
    for (const struct kernel *k = l->kernels; c->kernel && k != c->kernel; k = k->next)
      number++;
    for (uint32_t t = threads; c->kernel && t-- > 0;)
      mem->model->kernels[number].run(&mem->args, i, j, t, threads);
    for (uint32_t x = 0; !c->kernel && x < c->count; x++)
      call_kernels(mem, c->body, depth ? i : x, depth ? x : 0, depth + 1, l, threads);
  }
}

struct c_engine {
  struct memory *mem;
  const struct loops *loops;
};

static void run_entry(void *self, const struct entry *e, struct tern_args *args, uint32_t threads) {
  struct c_engine *c = self;
  struct memory mem = {.model = c->mem->model, .args = *args};
  if (threads == 1)
    mem.model->entries[e->number].run(args, 0, 1);
  else
    call_kernels(&mem, e->schedule, 0, 0, 0, c->loops, threads);
}

/* What the interpreter has run, on threads of which each has its turn. */
static void run_calls(struct memory *mem, const struct loops *l, const char *form, const uint32_t *tokens,
                      const uint32_t *rows, uint32_t n, uint32_t keep, uint32_t threads,
                      const struct tensor *want) {
  const struct entry *e = loops_entry(l, form);
  uint64_t elements = (uint64_t)keep * model_vocab(mem->model);
  struct form_call call;
  void *logits = aligned(elements * 4);
  mem->args.scratch = aligned(entry_scratch(entry_find(mem->model, form), threads));
  form_call(&call, &mem->args, tokens, logits, rows, n, keep);
  run_entry(&(struct c_engine){mem, l}, e, &mem->args, threads);
  if (model_integers(mem->model))
    assert_memory_equal(logits, want->i32, elements * 4);
  for (uint32_t i = 0; !model_integers(mem->model) && i < elements; i++) {
    float got = ((float *)logits)[i], right = want->f32[i];
    if (memcmp(&got, &right, sizeof got) != 0 && (got == got || right == right))
      fail_msg("%s with %u threads: logit %u is %.9g, not %.9g", form, threads, i, (double)got,
               (double)right);
  }
  free(mem->args.scratch);
  free(logits);
}

static void run_form(struct memory *mem, const struct bench *b, struct interp *in, const char *form,
                     const uint32_t *tokens, uint32_t n, uint32_t keep, uint32_t threads) {
  const struct tensor *want;
  assert_true(interp_run(in, form, tokens, n, keep, &want));
  run_calls(mem, b->loops, form, tokens, NULL, n, keep, threads, want);
}

/* Two calls on three sequences. */
static void run_batch(struct memory *mem, const struct bench *b, struct interp *in, uint32_t threads) {
  enum { SEQUENCES = 3 };
  static const uint32_t tokens[] = {3, 16, 0}, rows[][3] = {{2, 0, 1}, {1, 2}};
  const struct tern_model *m = mem->model;
  const struct tensor *want;
  uint8_t *one = mem->args.state, *states = mem->args.state = aligned(SEQUENCES * m->state_bytes);
  interp_sequences(in, SEQUENCES);
  for (uint32_t i = 0; i < SEQUENCES; i++)
    for (uint32_t k = 0; k < m->n_fills; k++)
      state_fill(states + i * m->state_bytes, &m->fills[k]);
  for (int k = 0; k < 2; k++) {
    uint32_t n = k ? 2 : 3;
    assert_true(interp_run_batch(in, rows[k], tokens, n, &want));
    run_calls(mem, b->loops, "batch", tokens, rows[k], n, n, threads, want);
  }
  mem->args.state = one;
  free(states);
}

static void run_model(const struct bench *b, const struct tern_model *model, uint32_t threads) {
  static const uint32_t tokens[] = {3, 16, 0, 7, 7, 2};
  struct weight_source source = random_source();
  struct interp *in = interp_new(b->m, &source, false);
  struct memory mem = {.model = model};
  memory_open(&mem, b, &source);
  for (int i = 0; i < 3; i++)
    run_form(&mem, b, in, "step", tokens + i, 1, 1, threads);
  if (model_prefill(model)) {
    run_form(&mem, b, in, "prefill", tokens, 4, 3, threads);
    run_form(&mem, b, in, "prefill", tokens + 3, 3, 0, threads);
    run_form(&mem, b, in, "prefill", tokens + 1, 1, 1, threads);
  }
  if (model_batch(model))
    run_batch(&mem, b, in, threads);
  interp_free(in);
  memory_close(&mem);
}

static const struct kernel_case *find_case(const char *name) {
  for (size_t i = 0; i < sizeof kernel_cases / sizeof *kernel_cases; i++)
    if (strcmp(kernel_cases[i].name, name) == 0)
      return &kernel_cases[i];
  fail_msg("no case '%s'", name);
  return NULL;
}

static void cases_equal_the_interpreter(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kernel_cases / sizeof *kernel_cases; i++) {
    struct bench b;
    struct failure f;
    const struct tern_model *model;
    print_message("%s\n", kernel_cases[i].name);
    bench_open(&b, &kernel_cases[i]);
    void *library = compile(&b, project(&b), strict, &model);
    assert_int_equal(model->abi, TERN_ABI);
    assert_int_equal(model->threads, 2);
    assert_true(language_fits(model, &f));
    assert_int_equal(model_sequences(model), model_batch(model) ? 4 : 0);
    assert_int_equal(model_chunk(model), model_prefill(model) ? 4 : 0);
    assert_true(model_batch(model) || !model_prefill(model));
    assert_int_equal(model_step(model)->barriers, loops_entry(b.loops, "step")->barriers);
    assert_int_equal(model->n_entries, b.loops->entries.n);
    assert_int_equal(model->n_kernels, b.loops->n_kernels);
    run_model(&b, model, 1);
    run_model(&b, model, 3);
    dlclose(library);
    bench_close(&b);
  }
}

/* With wide vectors, fused multiply-add at hand, and other kernels for the sums; both packings. */
static void so_do_they_with_this_machines_instructions(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    struct bench b;
    const struct tern_model *model;
    bench_open_packed(&b, find_case("kernel_products"), i ? STORE_TILE3 : STORE_TILE2);
    void *library = compile(&b, project(&b), this_machine, &model);
    run_model(&b, model, 1);
    run_model(&b, model, 3);
    dlclose(library);
    bench_close(&b);
  }
}

static void expect_port(const struct tern_port *p, const char *name, const char *type,
                        enum tern_access access, enum tern_elem elem, int32_t dim, uint64_t elements) {
  assert_string_equal(p->name, name);
  assert_string_equal(p->type, type);
  assert_int_equal(p->access, access);
  assert_int_equal(p->elem, elem);
  assert_int_equal(p->dim, dim);
  assert_int_equal(p->elements, elements);
}

/* What the table says of entries.tir. */
static void check_table(const struct tern_model *m) {
  const struct tern_entry *train = entry_find(m, "train"), *look = entry_find(m, "look"),
                          *many = entry_find(m, "many"), *note = entry_find(m, "note"),
                          *constant = entry_find(m, "constant");
  struct failure f = {0};
  enum { S = 3, R };
  assert_int_equal(m->n_dims, 5);
  assert_string_equal(m->dims[S].name, "S.x");
  assert_int_equal(m->dims[S].most, 6);
  assert_string_equal(m->dims[R].name, "R");
  assert_int_equal(m->dims[R].most, 5);
  assert_int_equal(m->dims[TERN_T].most, 0);
  assert_int_equal(train->n_ports, 4);
  expect_port(&train->ports[0], "x", "f32[S.x, 67]", TERN_IN, TERN_F32, S, 67);
  expect_port(&train->ports[1], "w", "f32[67]", TERN_UPDATED, TERN_F32, -1, 67);
  expect_port(&train->ports[2], "loss", "f32[1]", TERN_OUT, TERN_F32, -1, 1);
  expect_port(&train->ports[3], "f32", "f32[S.x, 67]", TERN_OUT, TERN_F32, S, 67);
  expect_port(&look->ports[0], "ids", "u32[S.x]", TERN_IN, TERN_U32, S, 1);
  expect_port(&look->ports[1], "k", "i32[3]", TERN_UPDATED, TERN_I32, -1, 3);
  expect_port(&look->ports[2], "ids2", "f32[S.x, 67]", TERN_OUT, TERN_F32, S, 67); /* a name of its own */
  expect_port(&many->ports[3], "rows", "u32[R]", TERN_ROWS, TERN_U32, R, 1);
  assert_int_equal(note->n_ports, 2);
  assert_int_equal(constant->n_ports, 1);
  expect_port(&constant->ports[0], "logits", "f32[67]", TERN_OUT, TERN_F32, -1, 67);
  for (uint32_t i = 0; i < m->n_kernels; i++)
    assert_in_range(m->kernels[i].entry, 0, m->n_entries - 1);
  assert_false(language_fits(m, &f));
  assert_non_null(strstr(f.text, "model m is no language model: it has no entry 'step'"));
}

static void so_do_entries_of_any_signature(void **state) {
  (void)state;
  struct weight_source source = random_source();
  for (int i = 0; i < ENTRIES_PASSES; i++) {
    struct bench b;
    struct memory mem = {0};
    bench_open(&b, &(struct kernel_case){"entries", entries_passes[i]});
    void *library = compile(&b, project(&b), strict, &mem.model);
    check_table(mem.model);
    memory_open(&mem, &b, &source);
    for (uint32_t threads = 1; threads <= 3; threads += 2)
      check_entries(&(struct entries_check){.loops = b.loops,
                                            .source = &source,
                                            .weights = mem.args.weights,
                                            .threads = threads,
                                            .self = &(struct c_engine){&mem, b.loops},
                                            .run = run_entry});
    memory_close(&mem);
    dlclose(library);
    bench_close(&b);
  }
}

/* ---- the folder ------------------------------------------------------------------------------ */

static char *text_of(const struct loops *l) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *f = open_memstream(&text, &bytes);
  c_print(f, l, &runtime);
  fclose(f);
  char *copy = xstrdup(text);
  free(text);
  return copy;
}

static void the_same_loops_give_the_same_text(void **state) {
  (void)state;
  struct bench a, b;
  bench_open(&a, find_case("kernel_nested_recurrences"));
  bench_open(&b, find_case("kernel_nested_recurrences"));
  char *first = text_of(a.loops), *second = text_of(b.loops);
  assert_string_equal(first, second);
  assert_null(strstr(first, TERN_SOURCE));
  free(first);
  free(second);
  bench_close(&a);
  bench_close(&b);
}

/* `make` builds the library and the program with the plain compiler. */
static void the_makefile_builds(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b, find_case("kernel_unary_operators"));
  const char *dir = project(&b);
  assert_int_equal(system(arena_printf(&b.arena, "make -s -C %s CFLAGS='-O0 -Wall -Wextra -Werror'", dir)),
                   0);
  assert_int_equal(access(arena_printf(&b.arena, "%s/libm.a", dir), R_OK), 0);
  assert_int_equal(system(arena_printf(&b.arena, "%s/m --help > /dev/null", dir)), 0);
  bench_close(&b);
}

/* A runtime folder that lacks a file: a message, and nothing is left. */
static void a_failure_leaves_nothing(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b, find_case("kernel_unary_operators"));
  const char *sources = in_dir(&b, "sources"), *dir = in_dir(&b, "project");
  static const char *const folders[] = {"sources", "sources/core", "sources/text", "sources/command"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    assert_int_equal(mkdir(in_dir(&b, folders[i]), 0777), 0);
  FILE *f = fopen(in_dir(&b, "sources/model.h"), "w");
  assert_non_null(f);
  fclose(f);
  assert_false(c_emit(&b.diag, b.loops, dir, &(struct c_options){.runtime = sources}));
  assert_int_equal(access(dir, F_OK), -1);
  assert_false(c_emit(&b.diag, b.loops, dir, &(struct c_options){.runtime = in_dir(&b, "none")}));
  assert_false(c_emit(&b.diag, b.loops, in_dir(&b, "sources/model.h"), &runtime));
  fflush(b.diag.out);
  assert_non_null(strstr(b.said, "kernels/math.h"));
  assert_non_null(strstr(b.said, "cannot make the folder"));
  bench_close(&b);
}

static void every_map_operator_has_c(void **state) {
  (void)state;
  for (int code = 0; code < OP_COUNT; code++)
    if ((op_info[code].flags & (MAP | COMPOSITE)) == MAP && !c_covers((enum opcode)code))
      fail_msg("there is no C for '%s'", op_info[code].text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_map_operator_has_c),
      cmocka_unit_test(cases_equal_the_interpreter),
      cmocka_unit_test(so_do_entries_of_any_signature),
      cmocka_unit_test(so_do_they_with_this_machines_instructions),
      cmocka_unit_test(the_same_loops_give_the_same_text),
      cmocka_unit_test(the_makefile_builds),
      cmocka_unit_test(a_failure_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, make_kernels, remove_kernels);
}
