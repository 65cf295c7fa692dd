/* test_native.c: hand-made loops through LLVM in this process, compared bit for bit with plain C: every
 * element-wise operator over awkward floats, accumulators, strides, formats, repeats, threads, ternary sums;
 * on this machine's processor and on the family's plainest. And objects: the same bytes twice, other targets,
 * lines of the spec, errors that a user can cause. */
#include "ir/real.h"
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternary.h"
#include "tests/unit/native_bench.h"

bool emit_map_covers(enum opcode code); /* backends/native/emit.h, which wants LLVM's headers */

/* ---- element-wise operators ------------------------------------------------------------------ */

static void every_map_operator_has_a_row(void **state) {
  (void)state;
  for (int c = 0; c < OP_COUNT; c++)
    if ((op_info[c].flags & (MAP | COMPOSITE)) == MAP && !emit_map_covers((enum opcode)c))
      fail_msg("there is no LLVM code for '%s'", op_info[c].text);
}

/* Awkward floats, then random ones; 200 of them: 12 vectors and 8 that remain. */
enum { N = 200 };
static void awkward(float *x, unsigned seed) {
  static const float some[] = {0.0f,        -0.0f,         0.5f,    -0.5f,      1.5f,      2.5f,       -2.5f,
                               0.49999997f, 1e-40f,        -1e-40f, 1e30f,      -1e30f,    88.0f,      -88.0f,
                               -104.0f,     90.0f,         127.5f,  8388607.5f, 8388609,   4194304.5f, 1e-5f,
                               -8388607.5f, 2147483648.0f, 3.0f,    INFINITY,   -INFINITY, NAN,        0.1f,
                               -3.7f,       126.5f,        -128.5f, 1.0f};
  fill_random(x, N, seed);
  for (size_t i = 0; i < sizeof some / sizeof *some; i++)
    x[(i * (seed + 6)) % N] = some[i];
}

static enum elem result_elem(enum opcode code) {
  switch (code) {
  case OP_LT:
  case OP_LE:
  case OP_EQ: return ELEM_BOOL;
  case OP_CODES: return ELEM_I8;
  case OP_ORDINAL: return ELEM_U32;
  default: return ELEM_F32;
  }
}

/* y[i] = op(a[i], b[i]), a condition of `select` from c[i]. */
static struct buffer *map_kernel(enum opcode code, enum rounding round) {
  struct kernel *k = kernel("map");
  enum elem elem = result_elem(code);
  enum memory_format format = elem == ELEM_BOOL  ? FORMAT_BOOL
                              : elem == ELEM_I8  ? FORMAT_I8
                              : elem == ELEM_U32 ? FORMAT_U32
                                                 : FORMAT_F32;
  struct buffer *a = buffer(BASE_WEIGHTS, FORMAT_F32, 0), *b = buffer(BASE_WEIGHTS, FORMAT_F32, 4096);
  struct buffer *c = buffer(BASE_WEIGHTS, FORMAT_BOOL, 8192), *y = buffer(BASE_SCRATCH, format, 0);
  struct loop *l = loop(&k->body, LOOP_VECTOR, number(N));
  struct expr *in[3] = {let(&l->body, load(a, ELEM_F32, var(l))), let(&l->body, load(b, ELEM_F32, var(l))),
                        NULL};
  int n_in = op_info[code].ins;
  if (code == OP_SELECT) {
    in[2] = in[1], in[1] = in[0];
    in[0] = let(&l->body, load(c, ELEM_BOOL, var(l)));
  }
  struct expr *e = apply(code, elem, in[0], in[1]);
  e->in[2] = in[2];
  e->n_in = n_in;
  e->attr.bits = 8;
  e->attr.group = 8;
  e->attr.round = round;
  store(&l->body, y, var(l), let(&l->body, e));
  fx.step->schedule = call(k, 0, NULL);
  return y;
}

static float from_scratch(enum elem elem, int i) {
  switch (elem) {
  case ELEM_BOOL: return scratch[i];
  case ELEM_I8: return ((int8_t *)scratch)[i];
  case ELEM_U32: return (float)((uint32_t *)scratch)[i];
  default: return ((float *)scratch)[i];
  }
}

static void check_map(enum opcode code, enum rounding round, int processor) {
  float *a = (float *)weights, *b = (float *)(weights + 4096);
  teardown(NULL), setup(NULL);
  map_kernel(code, round);
  struct native_jit *j = compile(processor);
  for (unsigned seed = 1; seed <= 3; seed++) {
    struct attrs attr = {.bits = 8, .group = 8, .round = round};
    awkward(a, seed);
    awkward(b, seed + 1);
    for (int i = 0; i < N; i++)
      weights[8192 + i] = (uint8_t)(i % 3 == 0);
    run_step(j, 1);
    for (int i = 0; i < N; i++) {
      float c = weights[8192 + i];
      float expected =
          code == OP_SELECT ? real32[code](c, a[i], b[i], &attr) : real32[code](a[i], b[i], 0, &attr);
      if (code == OP_CODES)
        expected = (float)(int)expected; /* a code has no -0 */
      same_float(from_scratch(result_elem(code), i), expected, op_info[code].text, a[i]);
    }
  }
  native_jit_free(j);
}

static void map_operators(void **state) {
  (void)state;
  for (int p = 0; p < PROCESSORS; p++)
    for (int c = 0; c < OP_COUNT; c++) {
      int modes = op_info[c].attrs & A_ROUND ? ROUND_COUNT : 1;
      for (int round = 0; real32[c] && round < modes; round++)
        check_map((enum opcode)c, (enum rounding)round, p);
    }
}

/* ---- accumulators ---------------------------------------------------------------------------- */

static float lanes_sum(const float *x, int n) {
  float lane[LANES] = {0};
  for (int i = 0; i < n; i++)
    lane[i % LANES] = lane[i % LANES] + x[i] * x[i];
  for (int w = LANES / 2; w; w /= 2)
    for (int i = 0; i < w; i++)
      lane[i] = lane[i] + lane[i + w];
  return lane[0];
}

/* y = x / sqrt(sum(x * x) / n + eps); the sum of the squares, absmax and max at y[n ..]. */
static void norm_kernel(int n) {
  struct kernel *k = kernel("norm");
  struct buffer *x = buffer(BASE_WEIGHTS, FORMAT_F32, 0), *y = buffer(BASE_SCRATCH, FORMAT_F32, 0);
  struct loop *l = loop(&k->body, LOOP_VECTOR, number(n));
  struct accumulator *sum = accumulator(ACC_SUM, l), *top = accumulator(ACC_ABSMAX, l);
  struct accumulator *max = accumulator(ACC_MAX, l);
  struct expr *v = let(&l->body, load(x, ELEM_F32, var(l)));
  add_to(&l->body, sum, let(&l->body, apply(OP_MUL, ELEM_F32, v, v)));
  add_to(&l->body, top, v);
  add_to(&l->body, max, v);
  struct expr *all = let(&k->body, total(sum));
  struct expr *mean = let(&k->body, apply(OP_DIV, ELEM_F32, all, constant(n)));
  struct expr *r =
      let(&k->body, apply(OP_RSQRT, ELEM_F32, apply(OP_ADD, ELEM_F32, mean, constant(1e-6)), NULL));
  struct loop *l2 = loop(&k->body, LOOP_VECTOR, number(n));
  struct expr *again = let(&l2->body, load(x, ELEM_F32, var(l2)));
  store(&l2->body, y, var(l2), let(&l2->body, apply(OP_MUL, ELEM_F32, again, r)));
  store(&k->body, y, number(n), all);
  store(&k->body, y, number(n + 1), total(top));
  store(&k->body, y, number(n + 2), total(max));
  fx.step->schedule = call(k, 0, NULL);
}

static void norms(void **state) {
  (void)state;
  static const int lengths[] = {1, 5, 16, 17, 48, 100};
  for (int p = 0; p < PROCESSORS; p++)
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
      int n = lengths[i];
      float *x = (float *)weights, *y = (float *)scratch, top = 0, max = -INFINITY;
      teardown(NULL), setup(NULL);
      norm_kernel(n);
      fill_random(x, n, (unsigned)n);
      struct native_jit *j = compile(p);
      run_step(j, 1);
      float sum = lanes_sum(x, n), r = 1 / sqrtf(sum / (float)n + 1e-6f);
      for (int e = 0; e < n; e++) {
        top = top < fabsf(x[e]) ? fabsf(x[e]) : top;
        max = max < x[e] ? x[e] : max;
        same_float(y[e], x[e] * r, "norm", x[e]);
      }
      same_float(y[n], sum, "sum", 0);
      same_float(y[n + 1], top, "absmax", 0);
      same_float(y[n + 2], max, "max", 0);
      native_jit_free(j);
    }
}

/* y[v] = sum over s, in order, of x[s, v], then a running sum: a SERIAL loop inside a VECTOR loop. */
static void serial_inside_vector(void **state) {
  (void)state;
  enum { ROWS = 7, COLUMNS = 37 };
  float *x = (float *)weights, *y = (float *)scratch;
  struct kernel *k = kernel("columns");
  struct buffer *in = buffer(BASE_WEIGHTS, FORMAT_F32, 0), *out = buffer(BASE_SCRATCH, FORMAT_F32, 0);
  struct buffer *running = buffer(BASE_SCRATCH, FORMAT_F32, 4096);
  struct loop *v = loop(&k->body, LOOP_VECTOR, number(COLUMNS));
  struct loop *s = loop(&v->body, LOOP_SERIAL, number(ROWS));
  struct accumulator *acc = accumulator(ACC_SUM, s);
  struct index *at = index_new(INDEX_ADD, 0, index_new(INDEX_MUL, 0, var(s), number(COLUMNS)), var(v));
  add_to(&s->body, acc, let(&s->body, load(in, ELEM_F32, at)));
  store(&s->body, running, at, let(&s->body, total(acc)));
  store(&v->body, out, var(v), let(&v->body, total(acc)));
  fx.step->schedule = call(k, 0, NULL);
  fill_random(x, ROWS * COLUMNS, 5);
  struct native_jit *j = compile(0);
  run_step(j, 1);
  for (int c = 0; c < COLUMNS; c++) {
    float sum = 0;
    for (int r = 0; r < ROWS; r++) {
      sum = sum + x[r * COLUMNS + c];
      same_float(((float *)(scratch + 4096))[r * COLUMNS + c], sum, "running sum", 0);
    }
    same_float(y[c], sum, "column sum", 0);
  }
  native_jit_free(j);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void sum_kernel(enum storage stored, int64_t m, int64_t n, int64_t group, int64_t rows,
                       enum memory_format format) {
  struct kernel *k = kernel("product");
  k->kind = KERNEL_TERNARY_SUM;
  k->team = TEAM_SHARE;
  k->parts = 1;
  k->stored = stored;
  k->weight = buffer(BASE_WEIGHTS, FORMAT_I8, 0);
  k->in = buffer(BASE_STATE, format, 0);
  k->out = buffer(BASE_SCRATCH, format == FORMAT_F32 ? FORMAT_F32 : FORMAT_I32, 0);
  k->m = m, k->n = n, k->group = group;
  k->rows = number(rows);
  fx.step->schedule = call(k, 0, NULL);
}

/* One sum compiled for a processor, against the portable sum of tile2: both layouts
 * give the same bits. */
static void check_sum(int processor, enum storage stored, int64_t group, int64_t rows, enum memory_format f) {
  enum { M = 83, COLUMNS = 150 };
  static int8_t codes[M * COLUMNS];
  static uint8_t other[M * COLUMNS];
  for (int i = 0; i < M * COLUMNS; i++)
    codes[i] = (int8_t)((i * 7 + i / 11) % 3 - 1);
  teardown(NULL), setup(NULL);
  sum_kernel(stored, M, COLUMNS, group, rows, f);
  (stored == STORE_TILE3 ? tern_pack_tile3 : tern_pack_tile2)(codes, M, COLUMNS, weights);
  tern_pack_tile2(codes, M, COLUMNS, other);
  fill_random((float *)state_room, ROOM / 4, 9);
  size_t outputs = (size_t)(rows * M * (group ? 4 : 1));
  int32_t *expected = malloc(4 * outputs);
  if (f == FORMAT_F32)
    tern_ternary_sum_f32(other, (float *)state_room, (float *)expected, M, COLUMNS, group, rows, 0, 1);
  else
    tern_ternary_sum_i8(other, (int8_t *)state_room, expected, M, COLUMNS, group, rows, 0, 1);
  struct native_jit *j = compile(processor);
  run_step(j, 3);
  assert_memory_equal(scratch, expected, 4 * outputs);
  native_jit_free(j);
  free(expected);
}

static void ternary_sums(void **state) {
  (void)state;
  static const enum storage packings[] = {STORE_TILE2, STORE_TILE3};
  static const enum memory_format formats[] = {FORMAT_F32, FORMAT_I8};
  for (int p = 0; p < PROCESSORS; p++)
    for (int64_t group = 0; group <= 48; group += 48)
      for (int64_t rows = 1; rows <= 19; rows += 9)
        for (int k = 0; k < 4; k++)
          check_sum(p, packings[k / 2], group, rows, formats[k % 2]);
}

/* ---- objects and targets --------------------------------------------------------------------- */

static char *emit(const char *triple, const char *cpu, enum native_kind kind, size_t *bytes) {
  struct native_options o = native_defaults;
  o.triple = triple;
  o.cpu = cpu;
  char *data = native_bytes(&fx.diag, fx.loops, &o, kind, bytes);
  fflush(fx.diag.out);
  return data;
}

static const char *const targets[][2] = {
    {"x86_64-unknown-linux-gnu", NULL},          {"x86_64-unknown-linux-gnu", "haswell"},
    {"x86_64-unknown-linux-gnu", "znver4"},      {"x86_64-apple-darwin", "x86-64-v3"},
    {"aarch64-unknown-linux-gnu", "cortex-a76"}, {"riscv64-unknown-linux-gnu", NULL}};

static void same_bytes_everywhere(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
    size_t n[2];
    char *object[2];
    for (int k = 0; k < 2; k++) {
      teardown(NULL), setup(NULL);
      norm_kernel(100);
      struct call *norm = fx.step->schedule;
      sum_kernel(STORE_TILE2, 40, 64, 0, 1, FORMAT_I8);
      fx.step->schedule->next = norm;
      diag_add_source(&fx.diag, k ? "/somewhere/else/test.tern" : "examples/test.tern", "", 0);
      fx.kernel->at = (struct loc){.file = 1, .line = 3};
      object[k] = emit(targets[t][0], targets[t][1], NATIVE_OBJECT, &n[k]);
      if (!object[k])
        fail_msg("%s", fx.said);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(object[0], object[1], n[0]);
    assert_null(memmem(object[0], n[0], "/somewhere", 10));
    free(object[0]);
    free(object[1]);
  }
}

static void lines_of_the_spec(void **state) {
  (void)state;
  size_t n;
  norm_kernel(100);
  diag_add_source(&fx.diag, "/a/b/test.tern", "", 0);
  diag_add_source(&fx.diag, "/a/b/parts/norm.tern", "", 0);
  fx.kernel->at = (struct loc){.file = 1, .line = 3};
  fx.kernel->body->loop->body->expr->at = (struct loc){.file = 2, .line = 41};
  char *assembly = emit("x86_64-unknown-linux-gnu", NULL, NATIVE_ASSEMBLY, &n);
  assert_non_null(assembly);
  assembly[n] = 0;
  assert_non_null(strstr(assembly, "\"test.tern\""));
  assert_non_null(strstr(assembly, "\"parts/norm.tern\""));
  assert_non_null(strstr(assembly, " 41 0"));
  assert_null(strstr(assembly, "/a/b"));
  free(assembly);
}

static void text_and_no_debug(void **state) {
  (void)state;
  size_t n;
  struct native_options o = {.triple = "aarch64-unknown-linux-gnu", .optimize = 1};
  norm_kernel(32);
  char *text = native_bytes(&fx.diag, fx.loops, &o, NATIVE_LLVM, &n);
  assert_non_null(text);
  text[n] = 0;
  assert_non_null(strstr(text, "@tern_program_model"));
  assert_null(strstr(text, "DILocation"));
  assert_null(strstr(text, " fast "));
  assert_null(strstr(text, "fmuladd"));
  free(text);
}

static void wrong_targets(void **state) {
  (void)state;
  size_t n;
  norm_kernel(8);
  assert_null(emit("sparc-sun-solaris", NULL, NATIVE_OBJECT, &n));
  assert_non_null(strstr(fx.said, "no code for target 'sparc-sun-solaris'"));
  assert_null(emit("x86_64-unknown-linux-gnu", "znver44", NATIVE_OBJECT, &n));
  assert_non_null(strstr(fx.said, "did you mean 'znver4'?"));
  assert_null(emit("riscv64-unknown-linux-gnu", "znver4", NATIVE_OBJECT, &n));
  struct native_options o = native_defaults;
  o.features = "avx2";
  assert_null(native_bytes(&fx.diag, fx.loops, &o, NATIVE_OBJECT, &n));
  o = (struct native_options){.triple = "aarch64-unknown-linux-gnu"};
  assert_null(native_jit(&fx.diag, fx.loops, &o));
  assert_int_equal(fx.diag.errors, 5);
}

static void expect_port(const struct tern_entry *e, uint32_t number, const struct tern_port *want) {
  const struct tern_port *p = &e->ports[number];
  assert_true(number < e->n_ports);
  assert_string_equal(p->name, want->name);
  assert_string_equal(p->type, want->type);
  assert_int_equal(p->access, want->access);
  assert_int_equal(p->elem, want->elem);
  assert_int_equal(p->frac, want->frac);
  assert_int_equal(p->dim, want->dim);
  assert_int_equal(p->elements, want->elements);
}

static void facts_of_the_model(void **state) {
  (void)state;
  struct module *m = (struct module *)fx.loops->module;
  struct state *s = state_add(m, "h.{}", type_make(ELEM_F32, 1, (int64_t[]){8}));
  s->n_counts = 1, s->counts[0] = 3, s->offset = 64, s->stride = 64, s->init = 0.5;
  norm_kernel(8);
  fx.kernel->weight_bytes = 99;
  fx.step->weight_bytes = 99;
  fx.step->scratch = 640;
  fx.step->own = 16;
  fx.step->barriers = 17;
  struct native_jit *j = compile(0);
  const struct tern_model *model = native_jit_model(j);
  assert_int_equal(model->abi, TERN_ABI);
  assert_string_equal(model->name, "test");
  assert_string_equal(model->spec, "test.tern");
  assert_int_equal(model->n_entries, 1); /* neither prefill nor batch */
  assert_string_equal(model->entries[0].name, "step");
  assert_int_equal(model->entries[0].scratch, 640);
  assert_int_equal(model->entries[0].own, 16);
  assert_int_equal(model->entries[0].weight_bytes, 99);
  assert_int_equal(model->entries[0].barriers, 17);
  expect_port(&model->entries[0], CALL_TOKENS,
              &(struct tern_port){"tokens", "u32", TERN_IN, TERN_U32, 0, -1, 1});
  expect_port(&model->entries[0], CALL_LOGITS,
              &(struct tern_port){"logits", "f32[8]", TERN_OUT, TERN_F32, 0, -1, 8});
  assert_int_equal(model->n_dims, 3);
  for (uint32_t i = 0; i < model->n_dims; i++) {
    assert_string_equal(model->dims[i].name, ((const char *[]){"T", "K", "B"})[i]);
    assert_int_equal(model->dims[i].most, 0); /* no entry has them */
  }
  assert_int_equal(model->n_fills, 3);
  assert_int_equal(model->fills[2].at, 192);
  assert_int_equal(model->fills[2].count, 8);
  assert_true(model->fills[2].bits == (uint32_t)tern_bits(0.5f));
  assert_int_equal(model->n_kernels, 1);
  assert_string_equal(model->kernels[0].name, "norm");
  assert_int_equal(model->kernels[0].weight_bytes, 99);
  assert_int_equal(model->kernels[0].entry, 0);
  native_jit_free(j);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_map_operator_has_a_row),
      TEST(map_operators),
      TEST(norms),
      TEST(serial_inside_vector),
      TEST(ternary_sums),
      TEST(same_bytes_everywhere),
      TEST(lines_of_the_spec),
      TEST(text_and_no_debug),
      TEST(wrong_targets),
      TEST(facts_of_the_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
