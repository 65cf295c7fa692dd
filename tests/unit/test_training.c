/* test_training.c: what the pass `differentiate` makes of random models, against central differences of the
 * same loss in float64, along a random direction of all float weights.
 *
 * A random model has kinks (relu, max, |x|) and steps (floor, round). Where differences of two widths
 * disagree there is one nearby, and the model says nothing about its derivative. Quantisers are steps
 * everywhere, with a derivative that is a convention: they are left out here. */
#include "driver/compare.h"
#include "driver/engine.h"
#include "runtime/core/entries.h"
#include "tests/unit/ir_file.h"
#include "tests/unit/operators.h"
#include "tests/unit/trained.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Quantisers go away, and what undoes them. */
static void leave_out(struct op *op, void *body) {
  if (op->code != OP_QUANTIZE && op->code != OP_DEQUANTIZE)
    return;
  replace_uses(body, op->out[0], op->in[0]);
  op_unlink(op);
}

static bool plain_floats(const struct module *m) {
  const struct func *step = func_find(m, "step");
  walk(step->body, leave_out, step->body);
  return gives_floats(m);
}

static double shift(const struct weight *w, int64_t k, int64_t n, double *numbers, const double *gradient,
                    double by) {
  (void)gradient;
  for (int64_t i = 0; i < n; i++)
    numbers[i] += by * along(w, k, i);
  return 0;
}

/* (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12 h, whose error falls with the fourth power of h. */
static double difference(struct trial *t, double h) {
  static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    each_weight(t, shift, at[i] * h);
    sum += weight[i] * loss(t);
    each_weight(t, shift, -at[i] * h);
  }
  return sum / (12 * h);
}

/* -1: the derivative is wrong; 0: nothing can be said; 1: it is right. `name`: the model, for messages. */
static int judge(struct trial *t, const char *name) {
  choose_tokens(t);
  t->in = interp_new(t->j.module, &t->j.source, true);
  assert_non_null(t->in);
  each_weight(t, shift,
              0.01); /* away from numbers such as 0, at which single points have slopes of their own */
  if (!isfinite(loss(t)))
    return 0;
  double derivative = each_weight(t, dot, 0);
  double wide = difference(t, 1e-4), fine = difference(t, 2.5e-5);
  if (!near(wide, fine, 1e-8) || !isfinite(wide))
    return 0;
  if (!near(derivative, fine, 1e-6)) {
    print_error("%s: the derivative is %.12g, the difference %.12g\n", name, derivative, fine);
    return -1;
  }
  return 1;
}

static void derivatives_are_those_of_differences(void **state) {
  (void)state;
  enum { SEEDS = 2000, WANTED = 300 };
  int judged = 0, wrong = 0, kinks = 0, refused = 0, integers = 0;
  for (uint64_t seed = 1; seed <= SEEDS && judged < WANTED; seed++) {
    struct trial t;
    open_trial(&t, seed);
    if (!plain_floats(t.j.module))
      integers++;
    else if (!trains(&t))
      refused++;
    else {
      int verdict = judge(&t, arena_printf(&t.j.arena, "random model %llu", (unsigned long long)seed));
      judged += verdict != 0;
      wrong += verdict < 0;
      kinks += verdict == 0;
    }
    close_trial(&t);
  }
  print_message("%d judged, %d near kinks, %d refused, %d of integers\n", judged, kinks, refused, integers);
  assert_int_equal(wrong, 0);
  assert_int_equal(judged, WANTED);
}

/* Each by itself, so that the one to blame is named. Of operands that have no logarithm, say, nothing is
 * said. */
static void each_operator_has_its_derivative(void **state) {
  (void)state;
  int judged = 0, wrong = 0;
  for (int code = 0; code < OP_COUNT; code++) {
    struct trial t;
    struct part parts[OP_COUNT];
    open_job(&t);
    t.j.module = module_new(&t.j.arena, &t.j.diag, "operators");
    if (model_of_operators(t.j.module, code, parts) && plain_floats(t.j.module) && trains(&t)) {
      int verdict = judge(
          &t, arena_printf(&t.j.arena, "'%s' (passes/training/adjoints.c, or its body)", op_info[code].text));
      judged += verdict != 0;
      wrong += verdict < 0;
    }
    close_trial(&t);
  }
  print_message("%d operators judged\n", judged);
  assert_int_equal(wrong, 0);
  assert_true(judged > OP_COUNT / 3);
}

/* ---- in parts ---------------------------------------------------------------------------------------- */

/* States of the sequence itself to their initial values, or gradients and what goes back to 0. */
static void clear_states(struct trial *t, bool own) {
  int n = 0;
  for (const struct state *s = t->j.module->states; s; s = s->next, n++) {
    int64_t instances = (s->n_counts > 0 ? s->counts[0] : 1) * (s->n_counts > 1 ? s->counts[1] : 1);
    bool rows =
        type_is_past(t->j.module, s->type); /* those of a sequence stay: a token sees none behind it */
    for (int64_t k = 0; (n < t->own_states) == own && !(rows && own) && k < instances; k++)
      for (int64_t i = 0; s->type.elem == ELEM_F32 && i < type_count(interp_state(t->in, s, k)->type, NULL);
           i++)
        interp_state(t->in, s, k)->f64[i] = own ? s->init : 0;
  }
}

/* The first half goes forward alone; then the second is gone back through, and then the first with what came
 * of it. */
static double in_parts(struct trial *t) {
  enum { HALF = TOKENS / 2 };
  interp_reset(t->in);
  run(t, 0, HALF);
  clear_states(t, false);
  run(t, HALF, TOKENS - HALF);
  clear_states(t, true);
  run(t, 0, HALF);
  return each_weight(t, dot, 0);
}

static bool float_states(const struct module *m) {
  for (const struct state *s = m->states; s; s = s->next)
    if (s->type.elem != ELEM_F32)
      return false;
  return true;
}

static void a_sequence_in_parts_has_the_same_derivative(void **state) {
  (void)state;
  enum { SEEDS = 400, WANTED = 60 };
  int judged = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= SEEDS && judged < WANTED; seed++) {
    struct trial t;
    open_trial(&t, seed);
    bool fits = plain_floats(t.j.module) && float_states(t.j.module) && t.own_states > 0;
    if (fits && trains(&t)) {
      choose_tokens(&t);
      t.in = interp_new(t.j.module, &t.j.source, true);
      loss(&t);
      double whole = each_weight(&t, dot, 0), parts = in_parts(&t);
      bool same = near(whole, parts, 1e-10) || !isfinite(whole);
      if (!same)
        print_error("random model %llu: the derivative is %.12g, in parts %.12g\n", (unsigned long long)seed,
                    whole, parts);
      wrong += !same;
      judged++;
    }
    close_trial(&t);
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(judged, WANTED);
}

/* ---- compiled ---------------------------------------------------------------------------------------- */

/* The image's weights, where they can be written. */
static uint8_t *weights_of(struct trial *t, const struct image *im) {
  size_t n = (size_t)t->j.module->weights_bytes;
  uint8_t *weights = aligned_alloc(TERN_ALIGN, (n + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(weights);
  memcpy(weights, im->weights, n);
  return weights;
}

/* A step: gradients of two calls, their norm, new weights, codes. */
static bool compare_step(struct trial *t, struct comparison *c, const struct interp_arguments *given) {
  static const float rates[] = {1e-3f, 0.1f, 0.05f, 1e-8f, 0.1f, 10, 20, 0.5f};
  const struct tern_entry *update = entry_find(c->model, "update");
  uint32_t *seeds = calloc(update->n_ports > 1 ? update->ports[1].elements : 1, sizeof *seeds);
  for (uint64_t i = 0; update->n_ports > 1 && i < update->ports[1].elements; i++)
    seeds[i] = (uint32_t)i * 0x9e3779b9u + 17;
  struct interp_arguments of_update = {(const void *const[]){rates, seeds}, given->sizes, NULL, NULL};
  struct interp_arguments none = {NULL, given->sizes, NULL, NULL};
  const void *inputs[] = {given->inputs[0], given->inputs[1], given->inputs[2], rates, seeds};
  struct interp_arguments of_train = *given; /* of which it takes what it needs */
  of_train.inputs = inputs;
  bool ok = compare_entry(c, t->in, loops_entry(c->loops, "train"), &of_train) &&
            compare_entry(c, t->in, loops_entry(c->loops, "train"), &of_train) &&
            compare_entry(c, t->in, loops_entry(c->loops, "norm"), &none) &&
            compare_entry(c, t->in, loops_entry(c->loops, "update"), &of_update) &&
            compare_entry(c, t->in, loops_entry(c->loops, "ternarize"), &none);
  free(seeds);
  return ok;
}

/* Kernel by kernel against the interpreter, by one thread and by three. */
static bool agrees(struct trial *t, struct loops *loops, const char *kind) {
  struct engine e;
  struct image im = {0};
  float share[TOKENS];
  choose_tokens(t);
  for (int i = 0; i < TOKENS; i++)
    share[i] = (float)t->share[i];
  if (!image_in_memory(&t->j, &im) || !engine_open(&e, &t->j, loops, engine_find(kind)))
    return false;
  t->in = interp_new(t->j.module, &t->j.source, false);
  struct comparison c = {.module = t->j.module,
                         .loops = loops,
                         .source = &t->j.source,
                         .model = e.model,
                         .engine = kind,
                         .weights = weights_of(t, &im),
                         .sequences = 1,
                         .threads = 3};
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = TOKENS, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct interp_arguments given = {(const void *const[]){t->tokens, t->targets, share}, sizes, NULL, NULL};
  bool ok = t->in != NULL && compare_step(t, &c, &given) && compare_step(t, &c, &given);
  free((void *)c.weights);
  engine_close(&e);
  image_close(&im);
  return ok;
}

static const char *said(struct trial *t) {
  fflush(t->out);
  return t->said ? t->said : "";
}

/* Half of the models keep moments and masters in as few bits as they can. */
static void compare_steps(uint64_t seed, enum products products, int *compared, int *wrong) {
  struct trial t;
  struct pass_options o = {.verify = true,
                           .context = {.chunk = TOKENS,
                                       .logits = 4,
                                       .moments = *compared % 2 ? STORE_I8 : STORE_BF16,
                                       .masters = *compared % 2 ? STORE_BF16 : STORE_NONE,
                                       .products = products}};
  open_trial(&t, seed);
  if (gives_floats(t.j.module) && passes_run(t.j.module, "cse,dce,training-form", &o)) {
    bool made = passes_run(
        t.j.module, "differentiate,optimise,simplify,cse,dce,ternarize,simplify,cse,dce,fuse,dce,plan-memory",
        &o);
    struct loops *loops = made ? loops_lower(&t.j.arena, t.j.module, &policy_team) : NULL;
    bool ok = loops && agrees(&t, loops, *compared / 2 % 2 ? "c" : "native");
    if (!ok)
      print_error("random model %llu, %s: %s\n", (unsigned long long)seed, products_name(products), said(&t));
    *wrong += !ok;
    ++*compared;
  }
  close_trial(&t);
}

/* Matrices that are updated on the way back, layer by layer. */
static void so_do_steps_that_consume(void **state) {
  (void)state;
  static const char *const kinds[] = {"native", "c"};
  for (int k = 0; k < 2; k++) {
    struct trial t;
    struct pass_options o = {.verify = true,
                             .context = {.chunk = TOKENS,
                                         .logits = 4,
                                         .moments = k ? STORE_I8 : STORE_NONE,
                                         .masters = k ? STORE_BF16 : STORE_NONE,
                                         .recompute = {.codes = k},
                                         .consume = true}};
    open_job(&t);
    t.j.module = ir_parse(&t.j.arena, &t.j.diag, ir_file_source(&t.j.diag, "mmfree4"));
    assert_true(passes_run(t.j.module,
                           "cse,dce,training-form,differentiate,optimise,simplify,cse,dce,ternarize,simplify,"
                           "cse,dce,fuse,dce,plan-memory",
                           &o));
    struct loops *loops = loops_lower(&t.j.arena, t.j.module, &policy_team);
    bool ok = loops && agrees(&t, loops, kinds[k]);
    if (!ok)
      print_error("%s: %s\n", kinds[k], said(&t));
    assert_true(ok);
    close_trial(&t);
  }
}

static void compiled_steps_give_the_same_bits(void **state) {
  (void)state;
  enum { SEEDS = 10 };
  int compared = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++)
    compare_steps(seed, (enum products)(seed / 2 % PRODUCTS_COUNT), &compared, &wrong);
  print_message("%d compared\n", compared);
  assert_int_equal(wrong, 0);
  assert_true(compared >= SEEDS / 3);
}

/* ---- moments of 8 bits -------------------------------------------------------------------------------- */

/* What the first update leaves, from gradients that are the same however moments are kept. */
static void first_update(struct trial *t, enum storage kept) {
  static const float rates[] = {1e-3f, 0.1f, 0.05f, 1e-8f, 0.1f, 10, 20, 0.5f};
  struct pass_options o = {.verify = true, .context = {.chunk = TOKENS, .moments = kept}};
  open_job(t);
  t->j.module = ir_parse(&t->j.arena, &t->j.diag, ir_file_source(&t->j.diag, "mmfree_wide"));
  assert_true(passes_run(t->j.module, "cse,dce,training-form,differentiate,optimise", &o));
  t->in = interp_new(t->j.module, &t->j.source, false);
  float share[TOKENS];
  uint32_t tokens[TOKENS], targets[TOKENS], *seeds = calloc(4096, sizeof *seeds);
  for (int i = 0; i < TOKENS; i++) {
    share[i] = 1.0f / TOKENS;
    tokens[i] = (uint32_t)(5 * i + 3) % 16;
    targets[i] = (uint32_t)(7 * i + 1) % 16;
  }
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = TOKENS, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct interp_arguments given = {(const void *const[]){tokens, targets, share}, sizes, NULL, NULL};
  struct interp_arguments of_update = {(const void *const[]){rates, seeds}, sizes, NULL, NULL};
  assert_true(interp_call(t->in, func_find(t->j.module, "train"), &given) &&
              interp_call(t->in, func_find(t->j.module, "update"), &of_update));
  free(seeds);
}

static const struct tensor *state_of(struct trial *t, const char *kind, const char *name) {
  const struct state *s = state_find(t->j.module, arena_printf(&t->j.arena, "%s.%s", kind, name));
  assert_non_null(s);
  return interp_state(t->in, s, 0);
}

/* The number that a code stands for, and how far it may be from what it was made of (docs/numerics.md). */
static double mean_of(int code, double scale) {
  double x = code / 127.0;
  return scale * x * fabs(x);
}

static double root_of(int code, double scale) {
  double x = (code + 128) / 255.0;
  return scale * x * x;
}

static double bound(double value, double scale, double codes) {
  return scale * (2 * sqrt(fabs(value) / scale) / codes + 1 / (codes * codes)) + 1e-6 * scale;
}

static void compare_moments(struct trial *floats, struct trial *codes, const char *name, int64_t n) {
  const struct tensor *m = state_of(floats, "mean", name), *v = state_of(floats, "square", name);
  const struct tensor *q = state_of(codes, "mean", name), *p = state_of(codes, "square", name);
  const struct tensor *qs = state_of(codes, "mean_scale", name), *ps = state_of(codes, "square_scale", name);
  int64_t block = n / type_count(qs->type, NULL);
  assert_true(block >= 32 && block <= 256);
  for (int64_t i = 0; i < n; i++) {
    double mean = (double)m->f32[i], root = sqrt((double)v->f32[i]);
    double s = (double)qs->f32[i / block], r = (double)ps->f32[i / block];
    assert_true(s == 0 ? mean == 0 : fabs(mean_of(q->i8[i], s) - mean) <= bound(mean, s, 127));
    assert_true(r == 0 ? root == 0 : fabs(root_of(p->i8[i], r) - root) <= bound(root, r, 255));
    assert_true(p->i8[i] + 128 >= 1);
  }
}

static void moments_of_8_bits_are_near(void **state) {
  (void)state;
  struct trial floats, codes;
  int compared = 0;
  first_update(&floats, STORE_NONE);
  first_update(&codes, STORE_I8);
  for (const struct weight *w = floats.j.module->weights; w; w = w->next)
    if (w->trained && state_find(codes.j.module, arena_printf(&codes.j.arena, "mean_scale.%s", w->name))) {
      compare_moments(&floats, &codes, w->name, type_count(w->type, NULL));
      compared++;
    }
  assert_true(compared > 5);
  close_trial(&floats);
  close_trial(&codes);
}

/* ---- learning ---------------------------------------------------------------------------------------- */

/* A compiled model that is trained: its memory, and its entries. */
struct learner {
  struct trial t;
  struct engine e;
  struct image im;
  struct loops *loops;
  uint8_t *weights, *state, *scratch;
};

enum { LENGTH = 48 };

static uint8_t *zeros(uint64_t bytes) {
  uint8_t *p = aligned_alloc(TERN_ALIGN, (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(p);
  memset(p, 0, bytes);
  return p;
}

static void call(struct learner *l, const char *name, void **ports) {
  const struct tern_entry *entry = entry_find(l->e.model, name);
  uint32_t sizes[MOST_DIMS] = {[-1 - DIM_T] = LENGTH, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct tern_args args = {
      .weights = l->weights, .state = l->state, .scratch = l->scratch, .ports = ports, .sizes = sizes};
  assert_non_null(entry);
  entry->run(&args, 0, 1);
}

static void open_learner(struct learner *l, const char *file, enum products products) {
  *l = (struct learner){0};
  struct job *j = &l->t.j;
  const struct pass_options o = {.verify = true, .context.chunk = LENGTH, .context.products = products};
  job_start(j);
  l->t.out = j->diag.out = open_memstream(&l->t.said, &l->t.said_bytes);
  j->source = random_source();
  j->module = ir_parse(&j->arena, &j->diag, ir_file_source(&j->diag, file));
  assert_non_null(j->module);
  assert_true(passes_run(j->module, "training", &o));
  l->loops = loops_lower(&j->arena, j->module, &policy_team);
  assert_non_null(l->loops);
  assert_true(image_in_memory(j, &l->im) && engine_open(&l->e, j, l->loops, engine_find("native")));
  l->weights = weights_of(&l->t, &l->im);
  l->state = zeros(l->e.model->state_bytes);
  uint64_t most = 0;
  for (uint32_t i = 0; i < l->e.model->n_entries; i++) {
    uint64_t bytes = entry_scratch(&l->e.model->entries[i], 1);
    most = bytes > most ? bytes : most;
  }
  l->scratch = zeros(most);
}

static void close_learner(struct learner *l) {
  free(l->weights);
  free(l->state);
  free(l->scratch);
  engine_close(&l->e);
  image_close(&l->im);
  close_trial(&l->t);
}

/* The sequence begins anew, and nothing comes after it. */
static void begin(struct learner *l) {
  for (const struct state *s = l->t.j.module->states; s; s = s->next) {
    bool kept = strncmp(s->name, "grad.", 5) == 0 || strncmp(s->name, "mean.", 5) == 0 ||
                strncmp(s->name, "square.", 7) == 0;
    int64_t instances = (s->n_counts > 0 ? s->counts[0] : 1) * (s->n_counts > 1 ? s->counts[1] : 1);
    for (int64_t k = 0; !kept && k < instances; k++)
      memset(l->state + s->offset + k * s->stride, 0,
             sizeof(float) * (size_t)most_count(l->t.j.module, s->type));
  }
}

/* One step on a text that says the same thing over and over; its loss. */
static float learn(struct learner *l, int step) {
  uint32_t tokens[LENGTH], targets[LENGTH];
  float share[LENGTH], mean_loss[1], squares[1];
  double t = step + 1;
  float rates[] = {
      3e-3f, 0.1f, 0.05f, 1e-8f, 0.01f, (float)(1 / (1 - pow(0.9, t))), (float)(1 / (1 - pow(0.95, t))), 1};
  for (int i = 0; i < LENGTH; i++) {
    tokens[i] = (uint32_t)((i + step) % 12 * 37 % 64);
    targets[i] = (uint32_t)((i + step + 1) % 12 * 37 % 64);
    share[i] = 1.0f / LENGTH;
  }
  begin(l);
  call(l, "ternarize", NULL);
  call(l, "train", (void *[]){tokens, targets, share, mean_loss});
  call(l, "norm", (void *[]){squares});
  rates[7] = squares[0] > 1 ? 1 / sqrtf(squares[0]) : 1;
  call(l, "update", (void *[]){rates});
  return mean_loss[0];
}

static void learns(enum products products) {
  enum { STEPS = 60 };
  struct learner l;
  open_learner(&l, "mmfree", products);
  float first = learn(&l, 0), last = first;
  for (int step = 1; step < STEPS; step++)
    last = learn(&l, step);
  print_message("%s: loss %.3f, after %d steps %.3f\n", products_name(products), (double)first, STEPS,
                (double)last);
  assert_true(first > 2 && last < first / 4);
  close_learner(&l);
}

static void a_model_learns(void **state) {
  (void)state;
  for (enum products p = 0; p < PRODUCTS_COUNT; p++)
    learns(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_are_those_of_differences),
      cmocka_unit_test(each_operator_has_its_derivative),
      cmocka_unit_test(a_sequence_in_parts_has_the_same_derivative),
      cmocka_unit_test(compiled_steps_give_the_same_bits),
      cmocka_unit_test(so_do_steps_that_consume),
      cmocka_unit_test(moments_of_8_bits_are_near),
      cmocka_unit_test(a_model_learns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
