/* test_operators.c: every operator of ops.def is known wherever operators are known, and works in every back
 * end. What is missing is named: the operator, and the file that lacks it.
 *
 * First the tables. Then one model with all operators is compiled by every engine, and must give the
 * interpreter's bits; where it cannot be compiled, each operator is compiled by itself, so that the one to
 * blame is named. */
#include "backends/c/c.h"
#include "backends/lower/facts.h"
#include "driver/engine.h"
#include "driver/streaming_machine.h"
#include "ir/composites.h"
#include "ir/interp/interp.h"
#include "passes/fixed/ranges.h"
#include "passes/pass.h"
#include "runtime/core/session.h"
#include "support/file.h"
#include "support/scratch.h"
#include "tests/random/random_model.h"
#include "tests/unit/operators.h"

#include <ctype.h>
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

bool emit_map_covers(enum opcode code);          /* backends/native/emit.h wants LLVM's headers */
bool fixed_rule_known(enum opcode code);         /* passes/fixed/fixed.h has names that loops have too */
bool adjoint_known(enum opcode code);            /* passes/training/derivative.h, likewise */
int builtin_names(const char **names, int room); /* frontend/language/elaborate.h wants a grammar's */

static bool tables_are_whole; /* else back ends would call what is not there */

/* ---- the tables -------------------------------------------------------------------------------------- */

/* What back ends have in a kernel: an element-wise operator that is not made of others. */
static bool is_primitive_map(enum opcode code) {
  return (op_info[code].flags & (MAP | COMPOSITE)) == MAP;
}

static bool has_body(enum opcode code) {
  return composite_known(code) == ((op_info[code].flags & COMPOSITE) != 0);
}

static bool has_llvm(enum opcode code) {
  return !is_primitive_map(code) || emit_map_covers(code);
}

static bool has_c(enum opcode code) {
  return !is_primitive_map(code) || c_covers(code);
}

static const struct table {
  bool (*has)(enum opcode code);
  const char *lacks;
} tables[] = {
    {has_body, "ir/composites.c has no body for it, or it lacks the flag COMPOSITE"},
    {interp_covers,
     "it has no meaning at both precisions: ir/real.inc, ir/integer_ops.c, ir/interp/interp.c, "
     "ir/interp/interp_num.inc, or a body in ir/composites.c"},
    {interp_tangent_known, "ir/interp/interp_tangent.c has no rule for its tangents, and nothing says why"},
    {range_rule_known, "passes/fixed/range_rules.c says nothing about its results"},
    {fixed_rule_known, "it has no fixed-point rule, and nothing says why: passes/fixed/map.c, "
                       "passes/fixed/fixed_point.c"},
    {adjoint_known, "passes/training/adjoints.c has no rule for its derivative, and nothing says why"},
    {has_llvm, "backends/native/emit_map.c or emit_integer.c has no row"},
    {has_c, "backends/c/expr.c has no row"},
};

static void every_table_has_every_operator(void **state) {
  (void)state;
  int missing = 0;
  for (int code = 0; code < OP_COUNT; code++)
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
      if (!tables[i].has((enum opcode)code)) {
        print_error("'%s': %s\n", op_info[code].text, tables[i].lacks);
        missing++;
      }
  tables_are_whole = missing == 0;
  assert_int_equal(missing, 0);
}

/* ---- the documents ----------------------------------------------------------------------------------- */

static char *page_of(struct job *j, const char *name) {
  size_t n;
  char *page =
      file_read(&j->diag, &j->arena, arena_printf(&j->arena, TERN_SOURCE "/docs/%s", name), 1 << 20, &n);
  assert_non_null(page);
  return page;
}

/* The word stands on the page between backquotes, perhaps beside others. */
static bool has_word(const char *page, const char *word) {
  size_t n = strlen(word);
  for (const char *p = strstr(page, word); p; p = strstr(p + 1, word)) {
    bool begins = p > page && !isalnum((unsigned char)p[-1]) && p[-1] != '_';
    if (begins && !isalnum((unsigned char)p[n]) && p[n] != '_')
      return true;
  }
  return false;
}

static void every_operator_is_documented(void **state) {
  (void)state;
  struct job j;
  const char *names[128];
  int missing = 0, builtins = builtin_names(names, 128);
  job_start(&j);
  const char *ir = page_of(&j, "ir.md"), *language = page_of(&j, "language.md");
  for (int code = 0; code < OP_COUNT; code++)
    if (!strstr(ir, arena_printf(&j.arena, "\n| `%s` |", op_info[code].text))) {
      print_error("'%s': docs/ir.md lacks its row; scripts/op-index --update\n", op_info[code].text);
      missing++;
    }
  for (int i = 0; i < builtins; i++)
    if (!has_word(language, names[i])) {
      print_error("'%s': docs/language.md lacks the function\n", names[i]);
      missing++;
    }
  job_end(&j, 0);
  assert_int_equal(missing, 0);
}

/* ---- the language ------------------------------------------------------------------------------------ */

/* Why the language needs no function of that name. */
static const char *const unspoken[OP_COUNT] = {
    [OP_NEG] = "-x", [OP_ADD] = "a + b", [OP_SUB] = "a - b", [OP_MUL] = "a * b", [OP_DIV] = "a / b",
};

/* Floats to floats of the operator, element by element or along an axis: of use to whoever writes specs. */
static bool is_for_specs(enum opcode code) {
  return has_rule(code, "map") || has_rule(code, "same") || has_rule(code, "axis") ||
         has_rule(code, "reduce") || has_rule(code, "sum");
}

static void the_language_has_every_operator(void **state) {
  (void)state;
  const char *names[128];
  int missing = 0, builtins = builtin_names(names, 128);
  for (int code = 0; code < OP_COUNT; code++) {
    bool found = unspoken[code] || !is_for_specs((enum opcode)code);
    for (int i = 0; i < builtins && !found; i++)
      found = strcmp(names[i], op_info[code].text) == 0;
    if (!found) {
      print_error("'%s': frontend/language/builtins.c has no function of that name\n", op_info[code].text);
      missing++;
    }
  }
  assert_int_equal(missing, 0);
}

/* ---- random models ----------------------------------------------------------------------------------- */

static void count_op(struct op *op, void *data) {
  ((int *)data)[op->code]++;
}

static void count_all(const struct module *m, int *counts) {
  for (const struct func *f = m->funcs; f; f = f->next)
    walk(f->body, count_op, counts);
}

static bool gives_floats(const struct module *m) {
  struct type logits = func_find(m, "step")->body->last->in[0]->type;
  return logits.elem == ELEM_F32 && logits.rank == 1;
}

/* Those of a step that trains the model; tests/unit/test_training.c compiles such. */
static void count_trained(struct module *m, int *counts) {
  struct pass_options groups = {
      .context = {.recompute.group = 2, .moments = STORE_I8, .masters = STORE_BF16}};
  if (passes_run(m, "cse,dce,training-form,differentiate,optimise", &groups)) {
    count_all(m, counts);
    if (passes_run(m, "ternarize", NULL))
      count_all(m, counts);
  }
}

/* Those that a model names, and those that passes make of them. */
static void random_models_have_every_operator(void **state) {
  (void)state;
  enum { SEEDS = 250, LOWERED = 12 };
  int counts[OP_COUNT] = {0}, missing = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct job j;
    job_start(&j);
    j.module = random_model(&j.arena, &j.diag, seed);
    count_all(j.module, counts);
    if (seed <= LOWERED && passes_run(j.module, "default", NULL))
      count_all(j.module, counts);
    else if ((seed <= 3 * LOWERED || seed % 4 == 0) && gives_floats(j.module))
      count_trained(j.module, counts);
    job_end(&j, 0);
  }
  for (int code = 0; code < OP_COUNT; code++)
    if (!counts[code]) {
      print_error("'%s': tests/random/model.c makes no model with it\n", op_info[code].text);
      missing++;
    }
  assert_int_equal(missing, 0);
}

/* ---- every back end ---------------------------------------------------------------------------------- */

enum { TOKENS = 5 };
static const uint32_t tokens[TOKENS] = {3, 17, 0, 23, 3}; /* below WIDTH: no model has fewer logits */

struct trial {
  struct job j;
  FILE *out;
  char *said; /* what diagnostics printed */
  size_t said_bytes;
  struct part parts[OP_COUNT];
  int n;
};

static void trial_open(struct trial *t, int only) {
  *t = (struct trial){0};
  job_start(&t->j);
  t->out = t->j.diag.out = open_memstream(&t->said, &t->said_bytes);
  t->j.options.verify = true;
  t->j.module = module_new(&t->j.arena, &t->j.diag, "operators");
  t->j.source = random_source();
  t->n = model_of_operators(t->j.module, only, t->parts);
}

static void trial_close(struct trial *t) {
  job_end(&t->j, 0);
  fclose(t->out);
  free(t->said);
}

static const char *said(struct trial *t) {
  fflush(t->out);
  return t->said ? t->said : "";
}

/* Whose number it is. */
static const char *whose(const struct trial *t, int64_t i) {
  for (int k = 0; k < t->n; k++)
    if (i < t->parts[k].end)
      return op_info[t->parts[k].code].text;
  return "the end of the logits";
}

static bool same_bits(float a, float b) {
  return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static bool same_logits(const struct trial *t, const char *engine, const float *got, const float *right) {
  int64_t n = t->parts[t->n - 1].end;
  for (int64_t i = 0; i < n; i++)
    if (!same_bits(got[i], right[i])) {
      print_error("'%s': %s has %.9g where the interpreter has %.9g\n", whose(t, i), engine, (double)got[i],
                  (double)right[i]);
      return false;
    }
  return true;
}

/* A compiled model: gives the logits of the next token. */
typedef bool step_function(void *self, uint32_t token, const float **logits);

static bool agrees(struct trial *t, const char *engine, step_function *step, void *self) {
  struct interp *in = interp_new(t->j.module, &t->j.source, false);
  const struct tensor *right;
  const float *got;
  bool ok = in != NULL;
  for (int i = 0; ok && i < TOKENS; i++)
    ok = interp_run(in, "step", &tokens[i], 1, 1, &right) && step(self, tokens[i], &got) &&
         same_logits(t, engine, got, right->f32);
  interp_free(in);
  return ok;
}

/* norm-scale left out: it moves codes by a rounding. */
static struct loops *lowered(struct trial *t, const struct policy *policy) {
  static const char *const off[] = {"norm-scale", NULL};
  const struct pass_options o = {.context.policy = policy, .verify = true, .disable = off};
  bool ok = passes_run(t->j.module, policy == &policy_chip ? "chip" : "default", &o);
  return ok ? loops_lower(&t->j.arena, t->j.module, policy) : NULL;
}

static bool one_token(void *self, uint32_t token, const float **logits) {
  struct session *s = self;
  struct failure f = {0};
  bool ok = session_step(s, token, &f);
  *logits = s->logits; /* made for the first token */
  if (!ok)
    print_error("the session: %s\n", f.text);
  return ok;
}

/* kind: "native", or "c": a project that cc compiles and links. */
static bool engine_works(struct trial *t, const char *kind) {
  struct engine e;
  struct image im = {0};
  struct session s;
  struct failure f = {0};
  struct loops *loops = lowered(t, &policy_team);
  if (!loops || !image_in_memory(&t->j, &im) || !engine_open(&e, &t->j, loops, engine_find(kind)))
    return false;
  bool ok = session_open(&s, e.model, &im, 1, 4, &f);
  if (ok) {
    ok = agrees(t, kind, one_token, &s);
    session_close(&s);
  }
  engine_close(&e);
  image_close(&im);
  return ok;
}

static bool native_works(struct trial *t) {
  return engine_works(t, "native");
}

static bool c_works(struct trial *t) {
  return engine_works(t, "c");
}

/* ---- C for chips ------------------------------------------------------------------------------------- */

struct chip {
  void (*step)(void *state, void *scratch, uint32_t token, void *logits);
  void *state, *scratch;
  float *logits;
};

static bool chip_step(void *self, uint32_t token, const float **logits) {
  struct chip *c = self;
  c->step(c->state, c->scratch, token, c->logits);
  *logits = c->logits;
  return true;
}

static uint8_t *weights_of(struct trial *t) {
  struct image im = {0};
  size_t n = (size_t)t->j.module->weights_bytes;
  uint8_t *weights = arena_array(&t->j.arena, uint8_t, n + 4);
  if (!image_in_memory(&t->j, &im))
    return NULL;
  memcpy(weights, im.weights, n);
  image_close(&im);
  return weights;
}

/* The library that cc makes of the two files; NULL after a message. */
static void *chip_library(struct trial *t, const struct loops *loops, const char *dir) {
  struct bare_options o = {.runtime = TERN_SOURCE "/runtime", .weights = weights_of(t)};
  const char *library = arena_printf(&t->j.arena, "%s/operators.so", dir);
  const char *argv[] = {"cc",
                        "-std=c11",
                        "-O1",
                        "-w",
                        "-fPIC",
                        "-shared",
                        "-Wl,--no-undefined",
                        "-nostdlib",
                        "-o",
                        library,
                        arena_printf(&t->j.arena, "%s/operators.c", dir),
                        "-lgcc",
                        NULL};
  if (!o.weights || !bare_emit(&t->j.diag, loops, dir, &o) || !run_program(&t->j.diag, argv))
    return NULL;
  return dlopen(library, RTLD_NOW | RTLD_LOCAL);
}

static bool bare_works(struct trial *t) {
  struct loops *loops = lowered(t, &policy_chip);
  char *dir = loops ? scratch_make(&t->j.diag, &t->j.arena) : NULL;
  void *library = dir ? chip_library(t, loops, dir) : NULL;
  bool ok = library != NULL;
  if (ok) {
    struct bare_sizes sizes = bare_sizes(loops);
    struct arena *a = &t->j.arena;
    struct chip c = {.state = arena_array(a, uint64_t, sizes.state / 8 + 1),
                     .scratch = arena_array(a, uint64_t, sizes.scratch / 8 + 1),
                     .logits = arena_array(a, float, sizes.logits / 4 + 1)};
    void (*init)(void *) = (void (*)(void *))dlsym(library, "operators_init");
    c.step = (void (*)(void *, void *, uint32_t, void *))dlsym(library, "operators_step");
    init(c.state);
    ok = agrees(t, "C for chips", chip_step, &c);
    dlclose(library);
  }
  scratch_remove(dir);
  return ok;
}

/* ---- all operators, else each ------------------------------------------------------------------------ */

static bool works(bool (*back_end)(struct trial *t), int only, const char *name) {
  struct trial t;
  trial_open(&t, only);
  bool ok = t.n == 0 || back_end(&t);
  if (!ok)
    print_error("%s: %s\n", name, said(&t));
  trial_close(&t);
  return ok;
}

static void check_back_end(bool (*back_end)(struct trial *t), const char *name) {
  if (!tables_are_whole)
    skip();
  if (works(back_end, ALL, name))
    return;
  for (int code = 0; code < OP_COUNT; code++)
    if (!works(back_end, code, name))
      print_error("'%s' does not work in %s\n", op_info[code].text, name);
  fail();
}

static void every_operator_in_native_code(void **state) {
  (void)state;
  check_back_end(native_works, "native code (backends/native, backends/lower)");
}

static void every_operator_in_a_c_project(void **state) {
  (void)state;
  check_back_end(c_works, "a C project (backends/c/expr.c, ops.c)");
}

static void every_operator_in_c_for_chips(void **state) {
  (void)state;
  check_back_end(bare_works, "C for chips (backends/c/expr.c, ops.c, runtime/kernels/bare.h)");
}

/* ---- what the model has ------------------------------------------------------------------------------ */

/* Itself, or after passes. */
static void the_model_has_every_operator(void **state) {
  (void)state;
  int counts[OP_COUNT] = {0}, missing = 0;
  struct trial t;
  if (!tables_are_whole)
    skip(); /* a model that cannot be trained lacks operators of a backward pass: they are not to blame */
  trial_open(&t, ALL);
  assert_true(ir_verify(t.j.module, NULL));
  count_all(t.j.module, counts);
  if (!passes_run(t.j.module, "default", NULL))
    fail_msg("%s", said(&t));
  count_all(t.j.module, counts);
  trial_close(&t);
  trial_open(&t, ALL);
  count_trained(t.j.module, counts);
  for (int code = 0; code < OP_COUNT; code++)
    if (!counts[code]) {
      print_error("'%s': tests/unit/operators.h does not say how it is applied\n", op_info[code].text);
      missing++;
    }
  trial_close(&t);
  assert_int_equal(missing, 0);
}

/* The spec's own operators in float64: near what they are in float32, so that both are of one meaning. */
static void both_precisions_agree(void **state) {
  (void)state;
  struct trial t;
  if (!tables_are_whole)
    skip();
  trial_open(&t, ALL);
  struct interp *one = interp_new(t.j.module, &t.j.source, false);
  struct interp *two = interp_new(t.j.module, &t.j.source, true);
  const struct tensor *a, *b;
  int64_t n = t.parts[t.n - 1].end;
  assert_true(interp_run(one, "step", tokens, 1, 1, &a) && interp_run(two, "step", tokens, 1, 1, &b));
  for (int64_t i = 0; i < n; i++) {
    double x = interp_float(one, a, i), y = interp_float(two, b, i);
    if (!(isnan(x) && isnan(y)) && x != y && fabs(x - y) > 1e-4 * (1 + fabs(y)))
      fail_msg("'%s': %.9g in float32, %.15g in float64", whose(&t, i), x, y);
  }
  interp_free(one);
  interp_free(two);
  trial_close(&t);
}

/* ---- fixed point ------------------------------------------------------------------------------------- */

/* The logits of all tokens, integers as the numbers that they stand for. */
static void numbers_of(struct trial *t, double *out) {
  struct interp *in = interp_new(t->j.module, &t->j.source, false);
  const struct tensor *logits;
  int64_t n = t->parts[0].end;
  assert_non_null(in);
  for (int k = 0; k < TOKENS; k++) {
    assert_true(interp_run(in, "step", &tokens[k], 1, 1, &logits));
    int frac = func_find(t->j.module, "step")->body->last->in[0]->frac;
    for (int64_t i = 0; i < n; i++)
      out[k * n + i] = interp_float(in, logits, i) * (logits->type.elem == ELEM_F32 ? 1 : ldexp(1, -frac));
  }
  interp_free(in);
}

/* To two digits: a number without a bound has half the word before the point. Codes may be one off: where
 * floats round half to even, integers round half up. */
static bool near_in_fixed_point(struct trial *t, int *compared) {
  int64_t n = TOKENS * t->parts[0].end;
  double *floats = arena_array(&t->j.arena, double, n), *integers = arena_array(&t->j.arena, double, n);
  double off = t->parts[0].code == OP_CODES ? 1 : 1e-2;
  numbers_of(t, floats);
  t->j.options.weights = "random";
  if (!streaming_loops(&t->j))
    return true; /* that it says why is the test's below */
  numbers_of(t, integers);
  ++*compared;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(floats[i]) && fabs(integers[i] - floats[i]) > off * (1 + fabs(floats[i]))) {
      print_error("'%s': %.9g in fixed point, %.9g in float32; its rule is in passes/fixed/map.c or "
                  "fixed_point.c, else that of its body\n",
                  whose(t, 0), integers[i], floats[i]);
      return false;
    }
  return true;
}

static void fixed_point_is_near(void **state) {
  (void)state;
  int failed = 0, compared = 0;
  if (!tables_are_whole)
    skip();
  for (int code = 0; code < OP_COUNT; code++) {
    struct trial t;
    trial_open(&t, code);
    failed += t.n && !near_in_fixed_point(&t, &compared);
    trial_close(&t);
  }
  assert_int_equal(failed, 0);
  assert_true(compared > OP_COUNT / 2);
}

/* ---- hardware ---------------------------------------------------------------------------------------- */

/* A project, or a message that names the operator. */
static bool hardware_takes(struct trial *t, bool *taken) {
  struct hw_options o = {.packing = STORE_TILE2, .lanes = 16, .vector = 2};
  t->j.options.weights = "random";
  struct loops *loops = streaming_loops(&t->j);
  struct hw_design *h = loops ? hw_plan(&t->j.arena, &t->j.diag, loops, &o) : NULL;
  *taken = h != NULL;
  if (!h)
    return strstr(said(t), op_info[t->parts[0].code].text) != NULL;
  struct hw_vectors v = {.tokens = tokens, .n = TOKENS, .units = true};
  char *dir = scratch_make(&t->j.diag, &t->j.arena);
  bool ok = dir && hw_write(&t->j.diag, h, dir, TERN_VERILOG, &t->j.source, &v);
  scratch_remove(dir);
  return ok;
}

static void hardware_takes_or_refuses_every_operator(void **state) {
  (void)state;
  int failed = 0, accepted = 0;
  if (!tables_are_whole)
    skip();
  for (int code = 0; code < OP_COUNT; code++) {
    struct trial t;
    bool taken = false;
    trial_open(&t, code);
    if (t.n && !hardware_takes(&t, &taken)) {
      print_error("'%s': hardware has neither a project for it nor a reason: %s\n", op_info[code].text,
                  said(&t));
      failed++;
    }
    if (t.n && !taken)
      print_message("'%s' is refused: %.*s\n", op_info[code].text, (int)strcspn(said(&t), "\n"), said(&t));
    accepted += taken;
    trial_close(&t);
  }
  assert_int_equal(failed, 0);
  assert_true(accepted > OP_COUNT / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_table_has_every_operator),
      cmocka_unit_test(every_operator_is_documented),
      cmocka_unit_test(the_language_has_every_operator),
      cmocka_unit_test(random_models_have_every_operator),
      cmocka_unit_test(the_model_has_every_operator),
      cmocka_unit_test(both_precisions_agree),
      cmocka_unit_test(every_operator_in_native_code),
      cmocka_unit_test(every_operator_in_a_c_project),
      cmocka_unit_test(every_operator_in_c_for_chips),
      cmocka_unit_test(fixed_point_is_near),
      cmocka_unit_test(hardware_takes_or_refuses_every_operator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
