/* test_tangents.c: gradients, which go backwards through the training step that passes make, against
 * tangents, which the interpreter carries forwards through the spec's own `step`, token by token (ir/interp).
 * Their rules have nothing in common but docs/numerics.md. In float64 the gradient's product with a direction
 * is the loss's tangent along it, to the last digits: no differences are taken, so quantisers, ternary
 * weights and kinks take part. */
#include "tests/unit/operators.h"
#include "tests/unit/trained.h"

#include <stdlib.h>
#include <string.h>

/* What is held against what: the model with its training step, and the same as it was. */
struct both {
  struct trial back, forth;
  double product; /* of gradient and direction */
  double tangent; /* of the loss */
  double terms;   /* the sum of the magnitudes that the product adds up */
};

static int to_the_last_digits; /* those that agree within 1e-12 of the tangent itself */

/* ---- the two ways ------------------------------------------------------------------------------------ */

/* Weights as they are, or with many zeros and equal numbers: what is at a kink has to go one way on both. */
static void set_numbers(struct trial *t, bool ties) {
  for (const struct weight *w = t->j.module->weights; w; w = w->next)
    for (int64_t k = 0; w->type.elem == ELEM_F32 && ties && k < weight_instances(w); k++)
      for (int64_t i = 0; i < type_count(w->type, NULL); i++) {
        double *number = &interp_weight(t->in, w, k)->f64[i];
        *number = rint(3 * *number);
      }
}

static void set_direction(struct trial *t) {
  for (const struct weight *w = t->j.module->weights; w; w = w->next)
    for (int64_t k = 0; elem_real(w->type.elem) && k < weight_instances(w); k++)
      for (int64_t i = 0; i < type_count(w->type, NULL); i++)
        interp_weight(t->in, w, k)->tangents[i] = along(w, k, i);
}

/* Of log(sum(exp(logits))) - logits[target]. */
static double tangent_of_token(const struct tensor *logits, uint32_t target) {
  int64_t n = logits->type.dim[0];
  double most = -INFINITY, sum = 0, tangents = 0;
  for (int64_t i = 0; i < n; i++)
    most = fmax(most, logits->f64[i]);
  for (int64_t i = 0; i < n; i++) {
    double e = exp(logits->f64[i] - most);
    sum += e;
    tangents += e * (logits->tangents[i] - logits->tangents[target]);
  }
  return tangents / sum;
}

static void tangent_of_loss(struct both *b) {
  struct trial *t = &b->forth;
  for (int i = 0; i < TOKENS; i++) {
    const struct tensor *logits;
    assert_true(interp_run(t->in, "step", &t->tokens[i], 1, 1, &logits));
    b->tangent += t->share[i] * tangent_of_token(logits, t->targets[i]);
  }
}

static void product_of_gradient(struct both *b) {
  struct trial *t = &b->back;
  loss(t);
  for (const struct weight *w = t->j.module->weights; w; w = w->next) {
    const struct state *s = state_find(t->j.module, arena_printf(&t->j.arena, "grad.%s", w->name));
    for (int64_t k = 0; s && k < weight_instances(w); k++)
      for (int64_t i = 0; i < type_count(w->type, NULL); i++) {
        double term = interp_state(t->in, s, k)->f64[i] * along(w, k, i);
        b->product += term;
        b->terms += fabs(term);
      }
  }
}

/* False: they are not finite, or the weights do not matter. */
static bool go_both_ways(struct both *b, bool ties) {
  struct trial *t[] = {&b->back, &b->forth};
  b->back.in = interp_new(b->back.j.module, &b->back.j.source, true);
  b->forth.in = interp_new_forward(b->forth.j.module, &b->forth.j.source);
  for (int i = 0; i < 2; i++) {
    assert_non_null(t[i]->in);
    choose_tokens(t[i]);
    set_numbers(t[i], ties);
  }
  set_direction(&b->forth);
  product_of_gradient(b);
  tangent_of_loss(b);
  return isfinite(b->product) && isfinite(b->tangent) && (b->product != 0 || b->tangent != 0);
}

/* Relative to the terms of the product; or absolutely where terms cancel before they are a gradient: the
 * derivative of a norm of one element, r - x x r^3 = eps r^3, has lost as many digits as 1 / eps has. */
static bool agree(const struct both *b, const char *name) {
  double difference = fabs(b->product - b->tangent);
  if (difference <= 1e-12 * fabs(b->tangent))
    to_the_last_digits++;
  if (difference <= 1e-12 * b->terms + 1e-15)
    return true;
  print_error("%s: by the gradient %.15g, by tangents %.15g, terms of %.3g\n", name, b->product, b->tangent,
              b->terms);
  return false;
}

/* ---- random models ----------------------------------------------------------------------------------- */

/* 1: they agree; -1: they do not; 0: nothing can be said. */
static int judge_model(uint64_t seed, bool ties) {
  struct both b = {0};
  int verdict = 0;
  open_trial(&b.back, seed);
  open_trial(&b.forth, seed);
  if (gives_floats(b.back.j.module) && trains(&b.back) && go_both_ways(&b, ties))
    verdict = agree(&b, arena_printf(&b.back.j.arena, "random model %llu%s", (unsigned long long)seed,
                                     ties ? " with ties" : ""))
                  ? 1
                  : -1;
  close_trial(&b.back);
  close_trial(&b.forth);
  return verdict;
}

static void check_models(int wanted, bool ties) {
  int judged = 0, wrong = 0;
  to_the_last_digits = 0;
  uint64_t seed = 1;
  for (; judged < wanted && seed < 10 * (uint64_t)wanted; seed++) {
    int verdict = judge_model(seed, ties);
    judged += verdict != 0;
    wrong += verdict < 0;
  }
  print_message("%d judged of %d, %d of them within 1e-12 of the tangent\n", judged, (int)seed - 1,
                to_the_last_digits);
  assert_int_equal(wrong, 0);
  assert_int_equal(judged, wanted);
}

static void gradients_of_random_models_are_their_tangents(void **state) {
  (void)state;
  check_models(300, false);
}

static void they_go_one_way_where_there_are_two(void **state) {
  (void)state;
  check_models(100, true);
}

/* ---- operators --------------------------------------------------------------------------------------- */

static void open_operator(struct trial *t, int code, int *n) {
  struct part parts[OP_COUNT];
  open_job(t);
  t->j.module = module_new(&t->j.arena, &t->j.diag, "operators");
  *n = model_of_operators(t->j.module, code, parts);
}

static int judge_operator(int code, bool ties) {
  struct both b = {0};
  int verdict = 0, n;
  open_operator(&b.back, code, &n);
  open_operator(&b.forth, code, &n);
  if (n && trains(&b.back) && go_both_ways(&b, ties))
    verdict = agree(&b, arena_printf(&b.back.j.arena,
                                     "'%s'%s (passes/training/adjoints.c, ir/interp/interp_tangent.c)",
                                     op_info[code].text, ties ? " with ties" : ""))
                  ? 1
                  : -1;
  close_trial(&b.back);
  close_trial(&b.forth);
  return verdict;
}

static void each_operator_by_itself(void **state) {
  (void)state;
  int judged = 0, wrong = 0;
  for (int ties = 0; ties < 2; ties++)
    for (int code = 0; code < OP_COUNT; code++) {
      int verdict = judge_operator(code, ties);
      judged += verdict != 0;
      wrong += verdict < 0;
    }
  print_message("%d judged\n", judged);
  assert_int_equal(wrong, 0);
  assert_true(judged > OP_COUNT);
}

/* ---- straight through, by its definition ------------------------------------------------------------- */

/* logits = matrix @ quantize(table[token]) with a ternary matrix; or, with floats, without a quantiser.
 * CLAMPED: what is quantised is held within the codes' range first, which changes no code. */
enum { ROWS = 16, COLUMNS = 12, OUTPUTS = 9, GROUP = 5 };
enum kind { FLOATS, CODES, CLAMPED };

static struct value *within_range(struct making *g, struct value *x, int frac) {
  struct value *low = build_const(&g->b, ldexp(-128, -frac), type_scalar(ELEM_F32));
  struct value *high = build_const(&g->b, ldexp(127, -frac), type_scalar(ELEM_F32));
  return build2(&g->b, OP_MIN, build2(&g->b, OP_MAX, x, low), high);
}

static void open_product(struct trial *t, enum kind kind, enum weight_scale scale, int frac) {
  bool codes = kind != FLOATS;
  open_job(t);
  struct module *m = t->j.module = module_new(&t->j.arena, &t->j.diag, "product");
  struct func *f = func_add(m, "step");
  struct making g = {.m = m, .b = builder_end(m, f->body)};
  g.token = block_arg(m, f->body, type_scalar(ELEM_U32), "token");
  struct value *x = build2(&g.b, OP_INDEX, weight_of(&g, floats_of(2, ROWS, COLUMNS)), g.token);
  if (kind == CLAMPED)
    x = within_range(&g, x, frac);
  if (codes)
    x = one_of(&g, OP_QUANTIZE, 1, &x, &(struct attrs){.bits = 8, .frac = frac}, NULL);
  struct value *w =
      weight_of(&g, type_make(codes ? ELEM_TERNARY : ELEM_F32, 2, (int64_t[]){OUTPUTS, COLUMNS}));
  m->last_weight->scale = codes ? scale : WSCALE_TENSOR;
  m->last_weight->group = codes && scale == WSCALE_GROUP ? GROUP : 0;
  struct value *logits = build2(&g.b, OP_MATMUL, w, x);
  build(&g.b, OP_RETURN, 1, &logits, NULL, NULL);
  assert_true(trains(t));
  t->in = interp_new(m, &t->j.source, true);
  choose_tokens(t);
}

/* The trial's table and matrix, and their gradients. */
static const struct tensor *numbers_of(struct trial *t, const char *name) {
  return interp_weight(t->in, weight_find(t->j.module, name), 0);
}

static const double *gradient_at(struct trial *t, const char *name) {
  return interp_state(t->in, state_find(t->j.module, arena_printf(&t->j.arena, "grad.%s", name)), 0)->f64;
}

/* What the codes of a row stand for (docs/numerics.md). */
static void quantised_row(double *to, const double *x, int frac) {
  double largest = 1e-5;
  for (int i = 0; i < COLUMNS; i++)
    largest = fmax(largest, fabs(x[i]));
  double s = frac == FRAC_DYNAMIC ? 127 / largest : ldexp(1, frac);
  for (int i = 0; i < COLUMNS; i++)
    to[i] = fmin(fmax(rint(x[i] * s), -128), 127) / s;
}

static void put_quantised(struct trial *to, struct trial *from, enum weight_scale scale, int frac) {
  const struct tensor *codes = numbers_of(from, "w1");
  const double *scales = codes->scales;
  for (int row = 0; row < ROWS; row++)
    quantised_row(numbers_of(to, "w0")->f64 + row * COLUMNS, numbers_of(from, "w0")->f64 + row * COLUMNS,
                  frac);
  for (int i = 0; i < OUTPUTS; i++)
    for (int j = 0; j < COLUMNS; j++) {
      int groups = (COLUMNS + GROUP - 1) / GROUP;
      int at = scale == WSCALE_TENSOR ? 0 : scale == WSCALE_ROW ? i : i * groups + j / GROUP;
      numbers_of(to, "w1")->f64[i * COLUMNS + j] = codes->i8[i * COLUMNS + j] / scales[at];
    }
}

static void same_gradient(struct trial *a, struct trial *b, const char *name, int n) {
  for (int i = 0; i < n; i++)
    if (fabs(gradient_at(a, name)[i] - gradient_at(b, name)[i]) > 1e-13)
      fail_msg("element %d of %s: %.15g, and of floats %.15g", i, name, gradient_at(a, name)[i],
               gradient_at(b, name)[i]);
}

/* The derivative by what is quantised, and by a master, is that by what stands in its place, as if it were
 * floats. */
static void check_straight_through(enum weight_scale scale, int frac) {
  struct trial codes, floats;
  open_product(&codes, CODES, scale, frac);
  open_product(&floats, FLOATS, scale, frac);
  put_quantised(&floats, &codes, scale, frac);
  assert_true(fabs(loss(&codes) - loss(&floats)) < 1e-13);
  same_gradient(&codes, &floats, "w0", ROWS * COLUMNS);
  same_gradient(&codes, &floats, "w1", OUTPUTS * COLUMNS);
  assert_true(fabs(gradient_at(&codes, "w1")[0]) > 1e-6);
  close_trial(&codes);
  close_trial(&floats);
}

enum { BEYOND = 9 }; /* fraction bits: codes of numbers beyond 1/4 are -128 and 127 */

static void straight_through_by_its_definition(void **state) {
  (void)state;
  static const enum weight_scale scales[] = {WSCALE_TENSOR, WSCALE_ROW, WSCALE_GROUP};
  for (int i = 0; i < 3; i++) {
    check_straight_through(scales[i], FRAC_DYNAMIC);
    check_straight_through(scales[i], BEYOND);
  }
}

/* min and max around what is quantised are the clamped rule: beyond the range the derivative is 0. */
static void clamped_straight_through(void **state) {
  (void)state;
  struct trial plain, clamped;
  int beyond = 0;
  open_product(&plain, CODES, WSCALE_TENSOR, BEYOND);
  open_product(&clamped, CLAMPED, WSCALE_TENSOR, BEYOND);
  assert_true(loss(&plain) == loss(&clamped));
  same_gradient(&plain, &clamped, "w1", OUTPUTS * COLUMNS);
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    double code = ldexp(numbers_of(&plain, "w0")->f64[i], BEYOND);
    double right = code < -128 || code > 127 ? 0 : gradient_at(&plain, "w0")[i];
    assert_true(fabs(gradient_at(&clamped, "w0")[i] - right) <= 1e-13);
    beyond += right != gradient_at(&plain, "w0")[i];
  }
  assert_in_range(beyond, 1, ROWS * COLUMNS - 1);
  close_trial(&plain);
  close_trial(&clamped);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_of_random_models_are_their_tangents),
      cmocka_unit_test(they_go_one_way_where_there_are_two),
      cmocka_unit_test(each_operator_by_itself),
      cmocka_unit_test(straight_through_by_its_definition),
      cmocka_unit_test(clamped_straight_through),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
