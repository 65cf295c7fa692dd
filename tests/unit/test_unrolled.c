/* test_unrolled.c: the unrolled machine's netlist against the operators' meanings, and against the
 * interpreter on whole models; its schedule's rules. tests/hardware simulates the Verilog. */
#include "backends/hardware/unrolled/lower_step.h"
#include "backends/hardware/unrolled/stages.h"
#include "backends/hardware/unrolled/unrolled.h"
#include "ir/integer_ops.h"
#include "tests/random/random_model.h"
#include "tests/unit/ir_file.h"
#include "tests/unit/passes_common.h"

/* ---- single operators -------------------------------------------------------------------------------- */

struct tool {
  struct arena arena;
  struct netlist net;
};

static void tool_open(struct tool *t) {
  *t = (struct tool){0};
  net_init(&t->net, &t->arena);
}

/* A number lo .. hi that the token chooses. */
static ref number(struct tool *t, int64_t lo, int64_t hi) {
  return net_add(&t->net, net_token(&t->net, hi - lo + 1), net_const(&t->net, lo));
}

static int64_t value_of(struct tool *t, ref r, int64_t token) {
  int64_t *value = xmalloc(sizeof *value * (size_t)t->net.nodes.n);
  net_eval(&t->net, token, false, NULL, value);
  int64_t v = value[r];
  for (ref k = 0; k < t->net.nodes.n; k++) { /* every node keeps to its interval */
    const struct net_node *x = net_at(&t->net, k);
    if (value[k] < x->lo || value[k] > x->hi)
      fail_msg("%s node %d is %lld, outside %lld .. %lld", node_kind_name(x->kind), k, (long long)value[k],
               (long long)x->lo, (long long)x->hi);
  }
  free(value);
  return v;
}

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

static void quotients_roots_and_logarithms(void **state) {
  (void)state;
  for (int64_t b = -2; b < 9; b++) {
    struct tool t;
    tool_open(&t);
    ref a = number(&t, -70, 90), q = net_div(&t.net, a, net_const(&t.net, b));
    ref by = net_div(&t.net, net_const(&t.net, 1000), a), root = net_sqrt(&t.net, a),
        log = net_log2(&t.net, a);
    ref abs = net_abs(&t.net, a), both = net_div(&t.net, net_mul(&t.net, a, a), net_abs(&t.net, a));
    for (int64_t x = -70; x <= 90; x++) {
      struct attrs attr = {.bits = 32};
      assert_int_equal(value_of(&t, q, x + 70), floor_div(x, b < 1 ? 1 : b));
      assert_int_equal(value_of(&t, by, x + 70), 1000 / (x < 1 ? 1 : x));
      assert_int_equal(value_of(&t, root, x + 70), integer_ops[OP_ISQRT](x, 0, 0, &attr));
      assert_int_equal(value_of(&t, log, x + 70), integer_ops[OP_ILOG2](x, 0, 0, &attr));
      assert_int_equal(value_of(&t, abs, x + 70), x < 0 ? -x : x);
      assert_int_equal(value_of(&t, both, x + 70), x < 0 ? -x : x);
    }
    arena_free(&t.arena);
  }
}

static void products_by_constants_and_squares(void **state) {
  (void)state;
  struct tool t;
  tool_open(&t);
  ref a = number(&t, -20, 30), square = net_mul(&t.net, a, a), cube = net_mul(&t.net, square, a);
  ref by[200];
  for (int c = 0; c < 200; c++)
    by[c] = net_mul(&t.net, a, net_const(&t.net, c * 37 - 3000));
  for (int64_t x = -20; x <= 30; x++) {
    assert_int_equal(value_of(&t, square, x + 20), x * x);
    assert_int_equal(value_of(&t, cube, x + 20), x * x * x);
    for (int c = 0; c < 200; c++)
      assert_int_equal(value_of(&t, by[c], x + 20), x * (c * 37 - 3000));
  }
  assert_int_equal(net_at(&t.net, square)->hi, 900);
  arena_free(&t.arena);
}

static void shifts_round_half_up(void **state) {
  (void)state;
  struct tool t;
  struct attrs attr = {.bits = 12};
  tool_open(&t);
  ref e = number(&t, -40, 14), by_e[5], by_constant[5];
  static const int64_t values[5] = {-1000, -3, 0, 5, 777};
  for (int i = 0; i < 5; i++)
    by_e[i] = net_scale(&t.net, net_const(&t.net, values[i]), e, 12);
  for (int64_t x = -40; x <= 14; x++)
    for (int i = 0; i < 5; i++) {
      int64_t expected = integer_ops[OP_MULSHIFT](values[i], 1, x, &attr);
      by_constant[i] = net_scale(&t.net, number(&t, values[i], values[i] + 3), net_const(&t.net, x), 12);
      assert_int_equal(value_of(&t, by_e[i], x + 40), expected);
      assert_int_equal(value_of(&t, by_constant[i], 0), expected);
    }
  arena_free(&t.arena);
}

static void comparisons_clamps_and_choices(void **state) {
  (void)state;
  struct tool t;
  tool_open(&t);
  ref a = number(&t, -9, 9), c = net_const(&t.net, 2), list[5];
  for (int i = 0; i < 5; i++)
    list[i] = net_mul(&t.net, a, net_const(&t.net, (i * 3) % 5 - 2));
  ref index = net_clamp(&t.net, net_add(&t.net, a, c), 0, 4), chosen = net_choose(&t.net, index, list, 5);
  ref clamped = net_clamp(&t.net, a, -3, 5), less = net_lt(&t.net, a, c), equal = net_eq(&t.net, a, c);
  ref most = net_max(&t.net, a, net_mul(&t.net, a, a)), least = net_min(&t.net, c, a);
  struct net_best best = net_argmax(&t.net, list, 5);
  for (int64_t x = -9; x <= 9; x++) {
    int64_t at = x + 2 < 0 ? 0 : x + 2 > 4 ? 4 : x + 2, top = 0;
    for (int i = 0; i < 5; i++)
      top = x * ((i * 3) % 5 - 2) > x * ((top * 3) % 5 - 2) ? i : top;
    assert_int_equal(value_of(&t, chosen, x + 9), x * ((at * 3) % 5 - 2));
    assert_int_equal(value_of(&t, clamped, x + 9), x < -3 ? -3 : x > 5 ? 5 : x);
    assert_int_equal(value_of(&t, less, x + 9), x < 2);
    assert_int_equal(value_of(&t, equal, x + 9), x == 2);
    assert_int_equal(value_of(&t, most, x + 9), x * x > x ? x * x : x);
    assert_int_equal(value_of(&t, least, x + 9), x < 2 ? x : 2);
    assert_int_equal(value_of(&t, best.index, x + 9), top);
    assert_int_equal(value_of(&t, best.value, x + 9), x * ((top * 3) % 5 - 2));
  }
  arena_free(&t.arena);
}

static void equal_expressions_are_one_node(void **state) {
  (void)state;
  struct tool t;
  tool_open(&t);
  struct netlist *n = &t.net;
  ref a = number(&t, -8, 7), b = net_mul(n, a, a);
  assert_int_equal(net_add(n, a, b), net_add(n, b, a));
  assert_int_equal(net_sub(n, b, b), net_const(n, 0));
  assert_int_equal(net_add(n, a, net_const(n, 0)), a);
  assert_int_equal(net_not(n, net_not(n, a)), a);
  assert_int_equal(net_shr(n, net_shl(n, a, 3), 3), a);
  assert_int_equal(net_mul(n, b, net_const(n, 8)), net_shl(n, b, 3));
  assert_int_equal(net_clamp(n, a, -8, 7), a); /* a saturation that cannot happen */
  assert_int_equal(net_select(n, net_lt(n, a, net_const(n, 0)), b, b), b);
  assert_int_equal(net_lt(n, a, net_const(n, 9)), net_const(n, 1));
  assert_int_equal(net_width(n, a), 4);
  assert_int_equal(net_width(n, b), 7); /* 0 .. 64 */
  arena_free(&t.arena);
}

/* ---- whole models ------------------------------------------------------------------------------------ */

/* Files of tests/unit/ir. */
static const char recurrent[] = "unrolled_recurrent", operators[] = "unrolled_operators";

struct bench {
  struct arena arena;
  struct diag diag;
  struct module *m;
};

static void bench_open(struct bench *b, const char *file) {
  *b = (struct bench){0};
  b->m = ir_parse(&b->arena, &b->diag, ir_file_source(&b->diag, file));
  assert_non_null(b->m);
}

static void bench_close(struct bench *b) {
  diag_free(&b->diag);
  arena_free(&b->arena);
}

enum { VOCABULARY = 8 }; /* of the models above */

static int64_t integer_at(const struct tensor *t, int64_t i) {
  return t->type.elem == ELEM_I8 ? t->i8[i] : t->type.elem == ELEM_I16 ? t->i16[i] : t->i32[i];
}

/* The netlist's results and intervals against the interpreter's numbers, token by token. False: the machine
 * refuses the model, with a message. */
static bool check_module(struct bench *b, const struct weight_source *source, enum net_multiplier multiplier,
                         int tokens) {
  struct netlist n;
  struct scalars out;
  struct interp *in = interp_new(b->m, source, false);
  if (!unrolled_lower(b->m, in, &b->arena, multiplier, &n, &out)) {
    assert_true(b->diag.errors > 0);
    interp_free(in);
    return false;
  }
  for (int64_t i = 0; i < out.n; i++)
    net_output(&n, "logit", out.at[i]);
  net_tabulate(&n);
  int64_t *state = xmalloc(sizeof *state * (size_t)(n.states.n + 1));
  int64_t *value = xmalloc(sizeof *value * (size_t)n.nodes.n);
  memset(state, 0x55, sizeof *state * (size_t)(n.states.n + 1)); /* the first token must not see it */
  for (int i = 0; i < n.states.n; i++)
    state[i] = net_at(&n, n.states.at[i].node)->lo;
  for (int t = 0; t < tokens; t++) {
    uint32_t token = token_at(t, out.n < VOCABULARY ? (uint32_t)out.n : VOCABULARY);
    const struct tensor *logits;
    assert_true(interp_run(in, "step", &token, 1, 1, &logits));
    net_eval(&n, token, t == 0, state, value);
    for (int64_t i = 0; i < out.n; i++)
      assert_int_equal(value[out.at[i]], integer_at(logits, i));
    for (ref r = 0; r < n.nodes.n; r++)
      assert_true(!net_at(&n, r)->live || (value[r] >= net_at(&n, r)->lo && value[r] <= net_at(&n, r)->hi));
  }
  free(state);
  free(value);
  interp_free(in);
  return true;
}

static void check_model(const char *file, enum net_multiplier multiplier) {
  struct bench b;
  bench_open(&b, file);
  assert_true(check_module(&b, &weights_by_name, multiplier, 200));
  bench_close(&b);
}

static void models_are_the_interpreters(void **state) {
  (void)state;
  check_model(recurrent, MULTIPLIER_LOGIC);
  check_model(recurrent, MULTIPLIER_BLOCK);
  check_model(operators, MULTIPLIER_LOGIC);
  check_model(operators, MULTIPLIER_BLOCK);
}

static void note_integers(struct op *op, void *data) {
  for (int i = 0; i < op->n_out; i++)
    *(bool *)data |= elem_integer(op->out[i]->type.elem);
}

/* Random models of floats, made integers by the passes. */
static void random_models_are_the_interpreters(void **state) {
  (void)state;
  static const char passes_list[] =
      "simplify,cse,dce,fold-weights,ternarize,norm-scale,simplify,cse,dce,fixed-point,"
      "merge-sums,simplify,cse,dce";
  int checked = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 90; seed++) {
    struct bench b = {0};
    bool integers = false;
    b.diag.out = fopen("/dev/null", "w");
    b.m = random_model(&b.arena, &b.diag, seed);
    struct weight_source source = random_source();
    for (const struct func *f = b.m->funcs; f; f = f->next)
      walk(f->body, note_integers, &integers);
    if (!integers && passes_run(b.m, passes_list, NULL)) { /* some operators have no fixed-point rule */
      bool taken = check_module(&b, &source, seed % 2 ? MULTIPLIER_LOGIC : MULTIPLIER_BLOCK, 12);
      checked += taken;
      refused += !taken;
    }
    fclose(b.diag.out);
    bench_close(&b);
  }
  assert_true(checked >= 20);
  assert_true(refused * 10 <= checked); /* numbers of more than 62 bits are rare */
}

/* ---- the schedule ------------------------------------------------------------------------------------ */

/* Levels add up in every stage, operands are there in time, successors of states arrive by the interleave. */
static void check_schedule(const char *file, int depth) {
  struct bench b;
  bench_open(&b, file);
  struct unrolled_options o = {.depth = depth};
  struct unrolled *u = unrolled_plan(&b.arena, b.m, &weights_by_name, &o);
  assert_non_null(u);
  const struct netlist *n = &u->net;
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    if (!x->live || x->kind <= NET_STATE || x->kind == NET_VIEW)
      continue;
    int delay = net_delay(n, r) < depth ? net_delay(n, r) : depth;
    assert_in_range(x->level, delay, depth);
    for (int i = 0; i < 3 && x->in[i] != NO_NODE; i++) {
      const struct net_node *y = net_at(n, net_root(n, x->in[i]));
      assert_true(y->kind == NET_CONST || y->stage <= x->stage);
      assert_true(y->kind == NET_CONST || y->stage < x->stage || y->level + delay <= x->level);
    }
  }
  for (int i = 0; i < n->states.n; i++)
    assert_true(net_at(n, net_root(n, n->states.at[i].next))->stage <
                net_schedule_arrival(n, &u->schedule, i));
  bench_close(&b);
}

static void schedules_keep_their_rules(void **state) {
  (void)state;
  for (int depth = 1; depth <= 6; depth++) {
    check_schedule(recurrent, depth);
    check_schedule(operators, depth);
  }
}

static void a_loop_within_a_stage_takes_a_token_a_clock(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b, "unrolled_accumulator");
  struct unrolled *u = unrolled_plan(&b.arena, b.m, &weights_by_name, &(struct unrolled_options){.depth = 3});
  assert_non_null(u);
  assert_int_equal(u->schedule.interleave,
                   1); /* the sum, its saturation and the bubble's choice in one stage */
  u = unrolled_plan(&b.arena, b.m, &weights_by_name, &(struct unrolled_options){.depth = 1});
  assert_int_equal(u->schedule.interleave, 3);
  bench_close(&b);
}

/* ---- simulation -------------------------------------------------------------------------------------- */

static char *project_dir(void) {
  const char *base = getenv("TMPDIR");
  static char dir[512];
  snprintf(dir, sizeof dir, "%s/unrolled-XXXXXX", base && *base ? base : "/tmp");
  assert_non_null(mkdtemp(dir));
  return dir;
}

static int shell(const char *format, const char *dir, const char *more) {
  char command[2048];
  snprintf(command, sizeof command, format, dir, more);
  return system(command);
}

/* Icarus runs the project without and with stalls, and finds what was changed in the vectors. */
static void check_simulation(const char *file, const struct unrolled_options *o) {
  enum { TOKENS = 6 };
  struct bench b;
  uint32_t tokens[TOKENS];
  bench_open(&b, file);
  struct unrolled *u = unrolled_plan(&b.arena, b.m, &weights_by_name, o);
  assert_non_null(u);
  for (int t = 0; t < TOKENS; t++)
    tokens[t] = token_at(t, 8);
  char *dir = project_dir();
  assert_true(unrolled_write(u, dir, TERN_VERILOG, &(struct unrolled_vectors){tokens, TOKENS}));
  assert_int_equal(shell("make -s -C %s icarus >%s/log", dir, dir), 0);
  assert_int_equal(shell("make -s -C %s icarus STALL=35 SEED=5 >>%s/log", dir, dir), 0);
  assert_int_equal(shell("grep -c PASS %s/log | grep -qx 2", dir, NULL), 0);
  assert_int_equal(
      shell("cd %s && tac sim/results.hex >%s/x && cmp -s x sim/results.hex || mv x sim/results.hex", dir,
            dir),
      0);
  assert_int_not_equal(shell("make -s -C %s icarus >%s/log 2>&1", dir, dir), 0);
  assert_int_equal(shell("grep -q 'FAIL: .* of token 0 of sequence 0, cycle' %s/log", dir, NULL), 0);
  shell("rm -rf %s", dir, NULL);
  bench_close(&b);
}

static void icarus_computes_the_same(void **state) {
  (void)state;
  check_simulation(recurrent, &(struct unrolled_options){.depth = 3, .best = true});
  check_simulation(operators, &(struct unrolled_options){.depth = 1});
  check_simulation(operators, &(struct unrolled_options){.depth = 2, .multiplier = MULTIPLIER_BLOCK});
}

/* ---- refusals ---------------------------------------------------------------------------------------- */

static void check_refusal(const char *file, const char *says) {
  struct bench b;
  char *said;
  size_t bytes;
  bench_open(&b, file);
  b.diag.out = open_memstream(&said, &bytes);
  assert_null(unrolled_plan(&b.arena, b.m, &weights_by_name, &(struct unrolled_options){0}));
  fflush(b.diag.out);
  if (!strstr(said, says))
    fail_msg("'%s' is not in '%s'", says, said);
  fclose(b.diag.out);
  free(said);
  bench_close(&b);
}

static void what_it_cannot_do_is_refused(void **state) {
  (void)state;
  check_refusal("unrolled_float_weight", "the weight 'w' is read as floats here");
  check_refusal("unrolled_float_constant", "'const' computes with floats here");
  check_refusal("unrolled_float_state", "the state 's' holds floats");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quotients_roots_and_logarithms),
      cmocka_unit_test(products_by_constants_and_squares),
      cmocka_unit_test(shifts_round_half_up),
      cmocka_unit_test(comparisons_clamps_and_choices),
      cmocka_unit_test(equal_expressions_are_one_node),
      cmocka_unit_test(models_are_the_interpreters),
      cmocka_unit_test(random_models_are_the_interpreters),
      cmocka_unit_test(schedules_keep_their_rules),
      cmocka_unit_test(a_loop_within_a_stage_takes_a_token_a_clock),
      cmocka_unit_test(icarus_computes_the_same),
      cmocka_unit_test(what_it_cannot_do_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
