/* test_ranges.c: the ranges that `--fixed` takes its formats from. Every operator has a rule; each rule holds
 * what the interpreter computes from operands all over random intervals, and is not much wider than that. So
 * do the relations between operands. */
#include "tests/unit/passes_common.h"

#include "passes/fixed/ranges.h"

/* ---- one operator ------------------------------------------------------------------------------------ */

enum { ROWS = 3, COLUMNS = 4, INTERVALS = 40, DRAWS = 60 };

struct bench {
  struct arena arena;
  struct diag diag;
  struct module *m;
  struct builder b;
  uint64_t seed;
  bool ends; /* all elements at one end of their interval */
};

static double uniform(struct bench *t) {
  return (double)(mix(t->seed++ * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

/* Elements of weight w: ends and what lies between, or one end throughout. */
static bool sample(void *self, const char *name, int64_t first, int64_t count, float *out) {
  struct bench *t = self;
  (void)first;
  const struct weight *w = weight_find(t->m, name);
  double all = uniform(t);
  for (int64_t i = 0; i < count; i++) {
    double at = t->ends ? all : uniform(t);
    out[i] = (float)(at < 0.4 ? w->lo : at > 0.6 ? w->hi : w->lo + (w->hi - w->lo) * uniform(t));
  }
  return true;
}

static void begin(struct bench *t, uint64_t seed) {
  *t = (struct bench){.seed = seed};
  t->m = module_new(&t->arena, &t->diag, "ranges");
  struct func *f = func_add(t->m, "step");
  block_arg(t->m, f->body, type_scalar(ELEM_U32), "token");
  t->b = builder_end(t->m, f->body);
}

static void end(struct bench *t) {
  arena_free(&t->arena);
  diag_free(&t->diag);
}

/* A weight whose elements lie in lo .. hi, as floats. */
static struct value *between(struct bench *t, struct type type, double lo, double hi) {
  const char *name = "w";
  for (int i = 0; weight_find(t->m, name); i++)
    name = arena_printf(&t->arena, "w%d", i);
  struct weight *w = weight_add(t->m, name, type);
  w->known = true;
  w->lo = (double)(float)lo;
  w->hi = (double)(float)hi;
  return build(&t->b, OP_WEIGHT, 0, NULL, &(struct attrs){.symbol = name}, NULL)->out[0];
}

static struct type matrix(void) {
  return type_make(ELEM_F32, 2, (int64_t[]){ROWS, COLUMNS});
}

struct outcome_range {
  double lo, hi;
};

/* Codes of a ternary weight, random or all alike, and a scale in lo .. hi. */
static bool sample_ternary(void *self, const char *name, const struct weight *w, int8_t *codes,
                           float *scales) {
  struct bench *t = self;
  (void)name;
  int8_t all = uniform(t) < 0.5 ? -1 : 1;
  for (int64_t i = 0; i < w->type.dim[0] * w->type.dim[1]; i++)
    codes[i] = t->ends ? all : (int8_t)(uniform(t) * 3) - 1;
  scales[0] = (float)(uniform(t) < 0.5 ? w->lo : w->hi);
  return true;
}

static bool nothing_before(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  (void)self, (void)in, (void)op, (void)indices;
  return true;
}

struct watch {
  const struct value *v;
  struct outcome_range got;
};

static bool note(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct watch *w = self;
  (void)indices;
  if (op->n_out != 1 || op->out[0] != w->v)
    return true;
  const struct tensor *x = interp_value(in, w->v);
  for (int64_t i = 0; i < type_count(x->type, NULL); i++) {
    double v = interp_float(in, x, i);
    if (!isnan(v)) {
      w->got.lo = fmin(w->got.lo, v);
      w->got.hi = fmax(w->got.hi, v);
    }
  }
  return true;
}

static struct outcome_range interpreted(struct bench *t, const struct value *v, int draws) {
  struct watch w = {v, {INFINITY, -INFINITY}};
  const struct weight_source source = {.self = t, .floats = sample, .codes = sample_ternary};
  const struct interp_hook hook = {&w, nothing_before, note};
  for (int i = 0; i < draws; i++) {
    const struct tensor *out;
    uint32_t token = (uint32_t)i;
    t->ends = i % 2;
    struct interp *in = interp_new(t->m, &source, false);
    interp_set_hook(in, &hook);
    assert_true(interp_run(in, "step", &token, 1, 1, &out));
    interp_free(in);
  }
  return w.got;
}

static struct range found(struct bench *t, const struct value *v) {
  struct ranges *r = ranges_of(t->m, func_find(t->m, "step"));
  assert_non_null(r);
  return r->at[v->id];
}

/* `loose`: how much wider than what is computed the range may be. */
static void check(struct bench *t, const char *name, struct value *v, double loose) {
  build(&t->b, OP_RETURN, 1, &v, NULL, NULL);
  struct outcome_range got = interpreted(t, v, DRAWS);
  struct range r = found(t, v);
  double slack = 1e-5 * fmax(1e-30, fmax(fabs(got.lo), fabs(got.hi)));
  if (got.lo < r.lo - slack || got.hi > r.hi + slack)
    fail_msg("%s: %g .. %g is not within %g .. %g, which passes/fixed/range_rules.c says", name, got.lo,
             got.hi, r.lo, r.hi);
  double width = fmax(got.hi - got.lo, 1e-3 * fmax(fabs(got.lo), fabs(got.hi)));
  if (isfinite(got.lo) && isfinite(got.hi) && r.hi - r.lo > loose * width + slack)
    fail_msg("%s: %g .. %g is far wider than what is computed, %g .. %g", name, r.lo, r.hi, got.lo, got.hi);
}

/* ---- each operator on random intervals --------------------------------------------------------------- */

/* An interval of some size about some middle: positive, negative and both. */
static void interval(struct bench *t, enum opcode code, double *lo, double *hi) {
  double a = 6 * uniform(t) - 3, b = 6 * uniform(t) - 3;
  bool positive = code == OP_LOG || code == OP_SQRT || code == OP_RSQRT;
  *lo = fmin(a, b) + (positive ? 3.1 : 0);
  *hi = fmax(a, b) + (positive ? 3.2 : 0);
}

static struct value *operand(struct bench *t, enum opcode code, struct type type) {
  double lo, hi;
  interval(t, code, &lo, &hi);
  return between(t, type, lo, hi);
}

static struct value *truth(struct bench *t) {
  return build2(&t->b, OP_LT, between(t, matrix(), -1, 1), build_const(&t->b, 0, type_scalar(ELEM_F32)));
}

static struct value *made(struct op *op) {
  assert_non_null(op);
  return op->out[0];
}

static struct value *as_float(struct bench *t, struct value *v) {
  struct type f = v->type;
  f.elem = ELEM_F32;
  return made(build(&t->b, OP_CONVERT, 1, &v, NULL, &f));
}

static const char *ternary_symbol(struct bench *t) {
  struct weight *w = weight_add(t->m, "t", type_make(ELEM_TERNARY, 2, (int64_t[]){5, COLUMNS}));
  w->known = true;
  w->lo = 2 + uniform(t);
  w->hi = w->lo + 3 * uniform(t);
  return w->name;
}

static struct value *ternary_sum(struct bench *t, struct value *x) {
  struct attrs symbol = {.symbol = ternary_symbol(t)};
  struct value *in[] = {made(build(&t->b, OP_WEIGHT, 0, NULL, &symbol, NULL)), x};
  return made(build(&t->b, OP_TERNARY_SUM, 2, in, &(struct attrs){0}, NULL));
}

static struct value *requantised(struct bench *t, struct value *x) {
  struct attrs attr = {.bits = 8, .frac = FRAC_DYNAMIC};
  struct value *q = made(build(&t->b, OP_QUANTIZE, 1, &x, &attr, NULL));
  return build1(&t->b, OP_DEQUANTIZE, q);
}

static struct value *broadcast(struct bench *t, struct value *x) {
  struct type more = type_make(ELEM_F32, 3, (int64_t[]){2, ROWS, COLUMNS});
  return made(build(&t->b, OP_BROADCAST, 1, &x, NULL, &more));
}

/* Gelu, and element-wise operators that are new: how near the least range their rule comes is not known here.
 */
static struct value *mapped(struct bench *t, enum opcode code, struct value **in, const struct attrs *attr) {
  bool fits = strcmp(op_info[code].rule, "map") == 0 && range_rule_known(code) && interp_covers(code);
  return fits ? made(build(&t->b, code, op_info[code].ins, in, attr, NULL)) : NULL;
}

/* The operator on operands that fit it; NULL: it is no operator of a float step. */
static struct value *applied(struct bench *t, enum opcode code, double *loose) {
  struct builder *b = &t->b;
  struct value *x = operand(t, code, matrix()), *in[3] = {x, operand(t, code, matrix())};
  struct attrs attr = {.axis = 1, .bits = 8, .eps = 1e-6, .round = (enum rounding)(t->seed % ROUND_COUNT)};
  struct type row = type_make(ELEM_F32, 1, (int64_t[]){COLUMNS});
  *loose = 1.05;
  switch (code) {
  case OP_CONST: *loose = 1; return build_const(b, uniform(t), row);
  case OP_WEIGHT: return x;
  case OP_NEG:
  case OP_ABS:
  case OP_EXP:
  case OP_LOG:
  case OP_SQRT:
  case OP_RSQRT:
  case OP_SIGMOID:
  case OP_TANH:
  case OP_SOFTPLUS:
  case OP_RELU:
  case OP_FLOOR: return build1(b, code, x);
  case OP_SILU: *loose = 1.3; return build1(b, code, x); /* its least value lies inside */
  case OP_ROUND: return made(build(b, code, 1, in, &(struct attrs){.round = attr.round}, NULL));
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_MIN:
  case OP_MAX: return build2(b, code, in[0], in[1]);
  case OP_DIV: return build2(b, code, x, between(t, matrix(), 0.5, 1 + uniform(t)));
  case OP_LT:
  case OP_LE:
  case OP_EQ: *loose = INFINITY; return as_float(t, build2(b, code, in[0], in[1]));
  case OP_SELECT: return build3(b, code, truth(t), in[0], in[1]);
  case OP_CONVERT: *loose = INFINITY; return as_float(t, truth(t));
  case OP_CODES:
    *loose = INFINITY;
    in[1] = build_const(b, 100, type_scalar(ELEM_F32));
    return as_float(t, made(build(b, code, 2, in, &(struct attrs){.bits = 8, .round = attr.round}, NULL)));
  case OP_TERNARY_SUM: return ternary_sum(t, x);
  case OP_WSCALE: return made(build(b, code, 0, NULL, &(struct attrs){.symbol = ternary_symbol(t)}, NULL));
  case OP_QUANTIZE:
  case OP_DEQUANTIZE: *loose = INFINITY; return requantised(t, x);
  case OP_SUM:
  case OP_AMAX:
  case OP_CUMSUM: return build_axis(b, code, x, 1);
  case OP_ABSMAX: *loose = 6; return build_axis(b, code, x, 1); /* all small is rare */
  case OP_SOFTMAX: *loose = INFINITY; return build_axis(b, code, x, 1);
  case OP_LAYERNORM:
  case OP_L2NORM:
  case OP_RMSNORM:
    *loose = INFINITY;
    return made(build(b, code, 1, in, &(struct attrs){.eps = attr.eps}, NULL));
  case OP_MATMUL: return build2(b, code, in[0], operand(t, code, row));
  case OP_RESHAPE: return build_reshape(b, x, type_make(ELEM_F32, 1, (int64_t[]){ROWS * COLUMNS}));
  case OP_BROADCAST: return broadcast(t, x);
  case OP_TRANSPOSE: return made(build(b, code, 1, in, &(struct attrs){.perm = {1, 0}}, NULL));
  case OP_SLICE: return build_slice(b, x, 1, 1, 3);
  case OP_CONCAT: return made(build(b, code, 2, in, &(struct attrs){.axis = 0}, NULL));
  default: *loose = INFINITY; return mapped(t, code, in, &attr);
  }
}

static void test_rule_for_every_operator(void **state) {
  (void)state;
  for (int code = 0; code < OP_COUNT; code++)
    if (!range_rule_known((enum opcode)code))
      fail_msg("%s: passes/fixed/range_rules.c says nothing about its results", op_info[code].text);
}

static void test_each_rule_holds_its_results(void **state) {
  (void)state;
  for (int code = 0; code < OP_COUNT; code++)
    for (uint64_t i = 0; i < INTERVALS; i++) {
      struct bench t;
      double loose;
      begin(&t, (uint64_t)code * 1000 + i * 7);
      struct value *v = applied(&t, (enum opcode)code, &loose);
      if (v)
        check(&t, op_info[code].text, v, loose);
      end(&t);
      if (!v)
        break;
    }
}

/* ---- relations --------------------------------------------------------------------------------------- */

static struct value *number(struct bench *t, double c) {
  return build_const(&t->b, c, type_scalar(ELEM_F32));
}

static struct value *column(struct bench *t,
                            struct value *v) { /* as the language writes sums: without the axis */
  struct value *flat = build_reshape(&t->b, v, type_make(ELEM_F32, 1, (int64_t[]){ROWS}));
  return build_reshape(&t->b, flat, type_make(ELEM_F32, 2, (int64_t[]){ROWS, 1}));
}

static struct value *share(struct bench *t) { /* f / (f + i) */
  struct value *f = between(t, matrix(), 0, 1), *i = between(t, matrix(), 0, 1);
  return build2(&t->b, OP_DIV, f, build2(&t->b, OP_ADD, f, i));
}

static struct value *softmax_by_hand(struct bench *t) {
  struct value *e = build1(&t->b, OP_EXP, between(t, matrix(), -40, 40));
  return build2(&t->b, OP_DIV, e, column(t, build_axis(&t->b, OP_SUM, e, 1)));
}

static struct value *attention_by_hand(struct bench *t) { /* sum(e v) / sum(e), |v| <= 1 */
  struct value *e = build1(&t->b, OP_EXP, between(t, matrix(), -40, 40));
  struct value *ev = build2(&t->b, OP_MUL, e, between(t, matrix(), -1, 1));
  return build2(&t->b, OP_DIV, build_axis(&t->b, OP_SUM, ev, 1), build_axis(&t->b, OP_SUM, e, 1));
}

static struct value *softsign(struct bench *t) {
  struct value *x = between(t, matrix(), -1e6, 1e6);
  return build2(&t->b, OP_DIV, x, build2(&t->b, OP_ADD, number(t, 1), build1(&t->b, OP_ABS, x)));
}

static struct value *squares_of(struct bench *t, struct value *x) {
  return build_axis(&t->b, OP_SUM, build2(&t->b, OP_MUL, x, x), 1);
}

static struct value *l2_norm(struct bench *t) {
  struct value *x = between(t, matrix(), -1e3, 1e3);
  struct value *d = build2(&t->b, OP_ADD, squares_of(t, x), number(t, 1e-6));
  return build2(&t->b, OP_MUL, x, column(t, build1(&t->b, OP_RSQRT, d)));
}

static struct value *l2_norm_by_division(struct bench *t) {
  struct value *x = between(t, matrix(), -1e3, 1e3);
  struct value *d = build2(&t->b, OP_ADD, build1(&t->b, OP_SQRT, squares_of(t, x)), number(t, 1e-6));
  return build2(&t->b, OP_DIV, x, d);
}

static struct value *layer_norm(struct bench *t) { /* within sqrt(4) = 2 */
  struct value *x = between(t, matrix(), -1e3, 1e3);
  struct value *mean = build2(&t->b, OP_MUL, build_axis(&t->b, OP_SUM, x, 1), number(t, 1.0 / COLUMNS));
  struct value *d = build2(&t->b, OP_SUB, x, mean);
  struct value *v = build2(&t->b, OP_MUL, squares_of(t, d), number(t, 1.0 / COLUMNS));
  return build2(&t->b, OP_MUL, d, build1(&t->b, OP_RSQRT, build2(&t->b, OP_ADD, v, number(t, 1e-5))));
}

static struct value *gates_of_two(struct bench *t) { /* f / (f + i) a + i / (f + i) b, a and b within 1 */
  struct value *f = between(t, matrix(), 0, 1), *i = between(t, matrix(), 0, 1);
  struct value *d = build2(&t->b, OP_ADD, f, i);
  struct value *a = build2(&t->b, OP_MUL, build2(&t->b, OP_DIV, f, d), between(t, matrix(), -1, 1));
  struct value *b = build2(&t->b, OP_MUL, build2(&t->b, OP_DIV, i, d), between(t, matrix(), -1, 1));
  return build2(&t->b, OP_ADD, a, b);
}

static struct value *step_towards(struct bench *t) { /* h + f (x - h) */
  struct value *h = between(t, matrix(), -1, 1), *x = between(t, matrix(), -1, 1);
  struct value *f = between(t, matrix(), 0, 1);
  return build2(&t->b, OP_ADD, h, build2(&t->b, OP_MUL, f, build2(&t->b, OP_SUB, x, h)));
}

static struct value *stabilised(struct bench *t) { /* exp(a - max(a, b)) */
  struct value *a = between(t, matrix(), -50, 50), *b = between(t, matrix(), -50, 50);
  return build1(&t->b, OP_EXP, build2(&t->b, OP_SUB, a, build2(&t->b, OP_MAX, b, a)));
}

static struct value *below_largest(struct bench *t) {
  struct value *a = between(t, matrix(), -50, 50);
  return build1(&t->b, OP_EXP, build2(&t->b, OP_SUB, a, column(t, build_axis(&t->b, OP_AMAX, a, 1))));
}

static void test_relations(void **state) {
  static const struct {
    const char *name;
    struct value *(*make)(struct bench *t);
    double lo, hi;
  } rows[] = {
      {"f / (f + i)", share, 0, 1},
      {"exp(x) / sum(exp(x))", softmax_by_hand, 0, 1},
      {"sum(e v) / sum(e)", attention_by_hand, -1, 1},
      {"x / (1 + |x|)", softsign, -1, 1},
      {"x rsqrt(sum(x x) + eps)", l2_norm, -1, 1},
      {"x / (sqrt(sum(x x)) + eps)", l2_norm_by_division, -1, 1},
      {"layer norm", layer_norm, -2, 2},
      {"f / (f + i) a + i / (f + i) b", gates_of_two, -1, 1},
      {"h + f (x - h)", step_towards, -1, 1},
      {"exp(a - max(b, a))", stabilised, 0, 1},
      {"exp(a - amax(a))", below_largest, 0, 1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct bench t;
    begin(&t, i);
    struct value *v = rows[i].make(&t);
    check(&t, rows[i].name, v, INFINITY);
    struct range r = found(&t, v);
    if (r.lo < rows[i].lo - 1e-9 || r.hi > rows[i].hi + 1e-9)
      fail_msg("%s: %g .. %g, not within %g .. %g", rows[i].name, r.lo, r.hi, rows[i].lo, rows[i].hi);
    end(&t);
  }
}

/* What looks like a relation and is none: the places of the operands differ. */
static void test_no_relation_between_other_places(void **state) {
  (void)state;
  struct bench t;
  begin(&t, 1);
  struct value *p = between(&t, type_make(ELEM_F32, 1, (int64_t[]){4}), 0.01, 1);
  struct value *row = build_reshape(&t.b, p, type_make(ELEM_F32, 2, (int64_t[]){1, 4}));
  struct value *col = build_reshape(&t.b, p, type_make(ELEM_F32, 2, (int64_t[]){4, 1}));
  struct value *v = build2(&t.b, OP_DIV, col, row);
  check(&t, "p[i] / p[j]", v, INFINITY);
  assert_true(found(&t, v).hi > 50);
  end(&t);
}

/* ---- states ------------------------------------------------------------------------------------------ */

/* h = decay h + x, |x| <= 1, from `init`; what h may be. */
static struct range decayed(double decay, double init) {
  struct bench t;
  begin(&t, 1);
  struct state *s = state_add(t.m, "h", matrix());
  s->init = init;
  struct value *h = build(&t.b, OP_READ, 0, NULL, &(struct attrs){.symbol = "h"}, NULL)->out[0];
  struct value *kept = build2(&t.b, OP_MUL, number(&t, decay), h);
  struct value *next = build2(&t.b, OP_ADD, kept, between(&t, matrix(), -1, 1));
  build(&t.b, OP_WRITE, 1, &next, &(struct attrs){.symbol = "h"}, NULL);
  build(&t.b, OP_RETURN, 1, &next, NULL, NULL);
  struct range r = found(&t, next);
  end(&t);
  return r;
}

static void test_states(void **state) {
  (void)state;
  struct range r = decayed(0.96875, 0); /* at most 1 / (1 - decay) = 32 */
  assert_true(r.hi >= 32 && r.hi <= 256 && r.lo <= -32 && r.lo >= -256);
  assert_true(isinf(decayed(1, 0).hi));
  assert_true(decayed(0.5, 1e30).mask);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rule_for_every_operator),
      cmocka_unit_test(test_each_rule_holds_its_results),
      cmocka_unit_test(test_relations),
      cmocka_unit_test(test_no_relation_between_other_places),
      cmocka_unit_test(test_states),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
