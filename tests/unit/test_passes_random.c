/* test_passes_random.c: the passes on random models. A model is a random list of operators over values of
 * random shapes, with states, repeats in repeats, ternary and float products, so that the passes meet shapes
 * and dependences that nobody thought of. The interpreter's bits must not change, in either form, and no
 * buffer of the planned module may be overwritten while it is needed. A failure prints its seed:
 * `test_passes_random SEED` runs that one alone. */
#include "tests/unit/passes_common.h"

enum { VOCAB = 11, MODELS = 80, MOST_VALUES = 400, LEAST_OPS = 5, MORE_OPS = 20 };

struct gen {
  struct arena arena;
  struct diag diag;
  struct module *m;
  uint64_t seed;
  int n_values, n_symbols, depth;
  struct value *values[MOST_VALUES]; /* those that can be used */
  struct value *index[MAX_REPEATS];  /* of the repeats around */
  int64_t counts[MAX_REPEATS];
};

static int pick(struct gen *g, int n) {
  return (int)(mix(g->seed++ * 0x9e3779b97f4a7c15u) % (uint64_t)n);
}

static void add(struct gen *g, struct value *v) {
  assert_non_null(v);
  if (g->n_values < MOST_VALUES)
    g->values[g->n_values++] = v;
}

static struct value *any(struct gen *g) {
  return g->values[g->n_values - 1 - pick(g, g->n_values < 12 || pick(g, 4) == 0 ? g->n_values : 12)];
}

/* A value with at least one axis; of any other one axis is made. */
static struct value *any_vector(struct gen *g, struct builder *b) {
  struct value *v = any(g);
  return v->type.rank ? v : build_reshape(b, v, type_make(ELEM_F32, 1, (int64_t[]){1}));
}

static struct type any_type(struct gen *g) {
  static const int64_t dims[] = {1, 3, 4, 6, 17, 40};
  struct type t = {.elem = ELEM_F32, .rank = pick(g, 8) == 0 ? 0 : 1 + (pick(g, 3) == 0)};
  for (int i = 0; i < t.rank; i++)
    t.dim[i] = dims[pick(g, i + 2 < t.rank + (t.rank > 1) ? 4 : 6)];
  return t;
}

/* ---- symbols ----------------------------------------------------------------------------------------- */

/* "wN", with a hole for each repeat around that its instances are told apart by. */
static const char *symbol_name(struct gen *g, const char *kind) {
  const char *name = arena_printf(&g->arena, "%s%d", kind, g->n_symbols++);
  for (int i = 0; i < g->depth; i++)
    name = arena_printf(&g->arena, "%s.{}", name);
  return name;
}

static struct value *new_weight(struct gen *g, struct builder *b, struct type t) {
  struct weight *w = weight_add(g->m, symbol_name(g, "w"), t);
  w->n_counts = g->depth;
  memcpy(w->counts, g->counts, sizeof w->counts);
  if (t.elem == ELEM_TERNARY) {
    w->scale = (enum weight_scale)pick(g, 3);
    w->group = w->scale == WSCALE_GROUP ? 1 + pick(g, (int)t.dim[1]) : 0;
  }
  return build(b, OP_WEIGHT, g->depth, g->index, &(struct attrs){.symbol = w->name}, NULL)->out[0];
}

/* The state's value before the token; its value after is some later value of the shape, see write_state. */
static const char *read_state(struct gen *g, struct builder *b, struct type t) {
  struct state *s = state_add(g->m, symbol_name(g, "s"), t);
  s->n_counts = g->depth;
  s->init = 0.5;
  memcpy(s->counts, g->counts, sizeof s->counts);
  add(g, build(b, OP_READ, g->depth, g->index, &(struct attrs){.symbol = s->name}, NULL)->out[0]);
  return s->name;
}

/* ---- operators --------------------------------------------------------------------------------------- */

/* v stretched, or summed and stretched, to type t. */
static struct value *fit(struct builder *b, struct value *v, struct type t) {
  struct type both;
  if (type_equal(v->type, t))
    return v;
  if (!type_broadcast(v->type, t, &both) || !type_same_shape(both, t)) {
    for (int i = 0; i < v->type.rank; i++)
      v = build_axis(b, OP_SUM, v, i);
    v = build1(b, OP_TANH, build_reshape(b, v, type_scalar(ELEM_F32)));
  }
  return build(b, OP_BROADCAST, 1, &v, NULL, &t)->out[0];
}

static void gen_unary(struct gen *g, struct builder *b) {
  static const enum opcode codes[] = {OP_NEG,  OP_ABS,      OP_SIGMOID, OP_SILU,
                                      OP_TANH, OP_SOFTPLUS, OP_RELU,    OP_FLOOR};
  add(g, build1(b, codes[pick(g, 8)], any(g)));
}

static void gen_binary(struct gen *g, struct builder *b) {
  static const enum opcode codes[] = {OP_ADD, OP_SUB, OP_MUL, OP_MIN, OP_MAX};
  struct value *x = any(g), *y = any(g);
  struct type t;
  if (!type_broadcast(x->type, y->type, &t))
    y = fit(b, y, x->type);
  add(g, build2(b, codes[pick(g, 5)], x, y));
}

static void gen_select(struct gen *g, struct builder *b) {
  struct value *x = any(g), *y = fit(b, any(g), x->type);
  add(g, build3(b, OP_SELECT, build2(b, OP_LT, x, y), y, x));
}

static void gen_reduce(struct gen *g, struct builder *b) {
  static const enum opcode codes[] = {OP_SUM, OP_AMAX, OP_ABSMAX, OP_SOFTMAX, OP_CUMSUM};
  struct value *x = any_vector(g, b);
  add(g, build1(b, OP_TANH, build_axis(b, codes[pick(g, 5)], x, pick(g, x->type.rank))));
}

static void gen_norm(struct gen *g, struct builder *b) {
  struct value *x = any_vector(g, b);
  add(g, build(b, OP_RMSNORM, 1, &x, &(struct attrs){.eps = 1e-5}, NULL)->out[0]);
}

static void gen_move(struct gen *g, struct builder *b) {
  struct value *x = any_vector(g, b);
  struct type t = x->type;
  switch (pick(g, 4)) {
  case 0: {
    int axis = pick(g, t.rank), begin = pick(g, (int)t.dim[axis]);
    add(g, build_slice(b, x, axis, begin, begin + 1 + pick(g, (int)t.dim[axis] - begin)));
    break;
  }
  case 1: {
    struct attrs attr = {.perm = {1, 0}};
    if (t.rank == 2)
      add(g, build(b, OP_TRANSPOSE, 1, &x, &attr, NULL)->out[0]);
    break;
  }
  case 2: {
    struct value *in[] = {x, x, fit(b, any(g), t)};
    add(g, build(b, OP_CONCAT, 3, in, &(struct attrs){.axis = pick(g, t.rank)}, NULL)->out[0]);
    break;
  }
  default: add(g, build_reshape(b, x, type_make(ELEM_F32, 1, (int64_t[]){type_count(t, NULL)}))); break;
  }
}

static void gen_product(struct gen *g, struct builder *b) {
  struct value *x = any_vector(g, b);
  int64_t n = x->type.dim[x->type.rank - 1], m = 1 + pick(g, 20);
  bool ternary = pick(g, 3) > 0;
  struct type t = type_make(ternary ? ELEM_TERNARY : ELEM_F32, 2, (int64_t[]){m, n});
  struct attrs attr = {.bits = pick(g, 4) ? 8 : 13, .frac = pick(g, 4) ? FRAC_DYNAMIC : 5};
  if (pick(g, 2))
    x = build(b, OP_RMSNORM, 1, &x, &(struct attrs){.eps = 1e-6}, NULL)->out[0];
  if (pick(g, 4))
    x = build(b, OP_QUANTIZE, 1, &x, &attr, NULL)->out[0];
  add(g, build1(b, OP_TANH, build2(b, OP_MATMUL, new_weight(g, b, t), x)));
}

static void gen_leaf(struct gen *g, struct builder *b) {
  struct type t = any_type(g);
  add(g, pick(g, 2) ? new_weight(g, b, t) : build_const(b, 0.25 * pick(g, 9) - 1, t));
}

static void gen_block(struct gen *g, struct builder *b, int n_ops);

static void gen_repeat(struct gen *g, struct builder *b) {
  int n = 1 + pick(g, 3), before = g->n_values;
  if (g->depth == MAX_REPEATS)
    return;
  struct value *in[3];
  struct type types[3];
  for (int i = 0; i < n; i++) {
    in[i] = any(g);
    types[i] = in[i]->type;
  }
  int64_t count = 1 + pick(g, 3);
  struct op *op = build(b, OP_REPEAT, n, in, &(struct attrs){.count = count}, NULL);
  g->counts[g->depth] = count;
  g->index[g->depth] = block_arg(g->m, op->body, type_scalar(ELEM_U32), NULL);
  g->depth++;
  for (int i = 0; i < n; i++)
    add(g, block_arg(g->m, op->body, types[i], NULL));
  struct builder inner = builder_end(g->m, op->body);
  gen_block(g, &inner, LEAST_OPS + pick(g, MORE_OPS));
  for (int i = 0; i < n; i++) {
    in[i] = any(g);
    for (int tries = 0; tries < 8 && !type_equal(in[i]->type, types[i]); tries++)
      in[i] = any(g);
    in[i] = fit(&inner, in[i], types[i]);
  }
  build(&inner, OP_YIELD, n, in, NULL, NULL);
  op_set_results(g->m, op, n, types);
  g->depth--;
  g->n_values = before;
  for (int i = 0; i < n; i++)
    add(g, op->out[i]);
}

static void gen_op(struct gen *g, struct builder *b) {
  static void (*const table[])(struct gen *, struct builder *) = {
      gen_unary, gen_unary, gen_binary, gen_binary, gen_binary,  gen_binary,  gen_select, gen_reduce,
      gen_norm,  gen_move,  gen_move,   gen_leaf,   gen_product, gen_product, gen_repeat};
  table[pick(g, sizeof table / sizeof *table)](g, b);
}

static void write_state(struct gen *g, struct builder *b, const char *name, struct value *v) {
  struct value *in[1 + MAX_REPEATS] = {build1(b, OP_TANH, fit(b, v, state_find(g->m, name)->type))};
  memcpy(in + 1, g->index, sizeof g->index);
  build(b, OP_WRITE, 1 + g->depth, in, &(struct attrs){.symbol = name}, NULL);
}

/* A state is written at once, so that only its old content is used, or at the end. */
static void gen_block(struct gen *g, struct builder *b, int n_ops) {
  int n_states = pick(g, 3), n_late = 0;
  const char *late[2];
  for (int i = 0; i < n_states; i++) {
    struct value *v = any(g);
    const char *name = read_state(g, b, any_type(g));
    if (pick(g, 2))
      write_state(g, b, name, v);
    else
      late[n_late++] = name;
  }
  for (int i = 0; i < n_ops; i++)
    gen_op(g, b);
  for (int i = 0; i < n_late; i++) {
    write_state(g, b, late[i], any(g));
    for (int k = pick(g, 3); k > 0; k--)
      gen_op(g, b);
  }
}

static void generate(struct gen *g, uint64_t seed) {
  *g = (struct gen){.seed = seed << 32};
  g->m = module_new(&g->arena, &g->diag, "random");
  dim_of(g->m, DIM_B)->most = 3;
  struct func *f = func_add(g->m, "step");
  struct builder b = builder_end(g->m, f->body);
  struct value *token = block_arg(g->m, f->body, type_scalar(ELEM_U32), "token");
  struct value *table = new_weight(g, &b, type_make(ELEM_F32, 2, (int64_t[]){VOCAB, 1 + pick(g, 40)}));
  add(g, build2(&b, OP_INDEX, table, token));
  gen_block(g, &b, LEAST_OPS + pick(g, 2 * MORE_OPS));
  struct value *out = fit(&b, any(g), type_make(ELEM_F32, 1, (int64_t[]){VOCAB}));
  build(&b, OP_RETURN, 1, &out, NULL, NULL);
}

/* ---- the property ------------------------------------------------------------------------------------ */

static bool passes_on(struct gen *g, const char *list) {
  return passes_run(g->m, list, &(struct pass_options){.verify = true});
}

/* Whether the model gives the same bits before and after `list`, in both forms; `first` goes before. */
static void keeps_bits(uint64_t seed, const char *first, const char *list) {
  struct gen a, b;
  generate(&a, seed);
  generate(&b, seed);
  bool ok = passes_on(&a, first) && passes_on(&b, first) && passes_on(&b, list);
  if (!ok || !ir_verify(a.m, "the generator"))
    fail_msg("seed %llu: %s, then %s", (unsigned long long)seed, first, list);
  struct outcome x = run_model(a.m, b.m, VOCAB, 1, 1), y = run_model(b.m, b.m, VOCAB, 1, 1);
  double step = difference(&x, &y), prefill = 0;
  free_outcome(&y);
  if (func_find(b.m, "prefill")) {
    y = run_model(b.m, b.m, VOCAB, 5, 4);
    prefill = difference(&x, &y);
    free_outcome(&y);
  }
  free_outcome(&x);
  if (func_find(b.m, "batch") && !together_as_alone(b.m, VOCAB))
    fail_msg("seed %llu: %s, then %s: the batch form differs", (unsigned long long)seed, first, list);
  if (step != 0 || prefill != 0)
    fail_msg("seed %llu: %s, then %s: step differs by %g, prefill by %g", (unsigned long long)seed, first,
             list, step, prefill);
  for (const struct func *f = b.m->funcs; f; f = f->next)
    if (strcmp(f->name, "fold") != 0 && f->scratch >= 0)
      check_memory(b.m, f);
  arena_free(&a.arena);
  arena_free(&b.arena);
  diag_free(&a.diag);
  diag_free(&b.diag);
}

static uint64_t only; /* a seed to run alone; 0: all */

static void each_seed(const char *first, const char *list) {
  for (uint64_t seed = 1; seed <= MODELS; seed++)
    if (!only || seed == only)
      keeps_bits(seed, first, list);
}

static void test_ternarize(void **state) {
  (void)state;
  each_seed("", "ternarize");
}

static void test_batch_time(void **state) {
  (void)state;
  each_seed("", "batch-time");
}

static void test_fuse_and_plan(void **state) {
  (void)state;
  each_seed("ternarize,norm-scale", "batch-time,fuse,plan-memory");
}

static void test_all(void **state) {
  (void)state;
  each_seed("ternarize,norm-scale",
            "simplify,cse,dce,fold-weights,cse,dce,merge-sums,batch-time,simplify,cse,dce,fuse,"
            "spread,dce,plan-memory");
}

/* The models are worth the name: most have a prefill form, all a batch form, and many kernels. */
static void test_generator(void **state) {
  (void)state;
  int prefills = 0, kernels = 0, scans = 0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct gen g;
    generate(&g, seed);
    assert_true(passes_on(&g, "default"));
    kernels += count_ops(g.m, "step", OP_KERNEL);
    assert_non_null(func_find(g.m, "batch"));
    if (func_find(g.m, "prefill")) {
      prefills++;
      scans += count_ops(g.m, "prefill", OP_SCAN);
    }
    arena_free(&g.arena);
    diag_free(&g.diag);
  }
  print_message("40 models: %d kernels, %d with prefill, %d scans\n", kernels, prefills, scans);
  assert_true(prefills > 15 && kernels > 200 && scans > 10);
}

int main(int argc, char **argv) {
  only = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ternarize),     cmocka_unit_test(test_batch_time),
      cmocka_unit_test(test_fuse_and_plan), cmocka_unit_test(test_all),
      cmocka_unit_test(test_generator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
