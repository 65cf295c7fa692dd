/* test_native_memory.c: where native code reads and writes: strides, formats, instances of repeats, the
 * tokens of a call and the sequences of a batch. */
#include "tests/unit/native_bench.h"

/* out[3 i + 1] = table[token i % 5 * 4 + i / 10] in half, bf16 and float; padding by EXPR_INDEX_LT. */
static void strides_and_formats(void **state) {
  (void)state;
  enum { COUNT = 45, REAL = 40 };
  uint16_t *half = (uint16_t *)weights, *bf16 = (uint16_t *)(weights + 4096);
  for (int p = 0; p < PROCESSORS; p++) {
    teardown(NULL), setup(NULL);
    struct kernel *k = kernel("gather");
    struct buffer *h = buffer(BASE_WEIGHTS, FORMAT_F16, 0), *g = buffer(BASE_WEIGHTS, FORMAT_BF16, 4096);
    struct buffer *t = port_buffer(CALL_TOKENS, FORMAT_U32), *y = buffer(BASE_SCRATCH, FORMAT_F32, 0);
    struct buffer *ids = buffer(BASE_SCRATCH, FORMAT_U32, 4096);
    struct loop *l = loop(&k->body, LOOP_VECTOR, number(COUNT));
    struct index *token = index_new(INDEX_VALUE, 0, NULL, NULL);
    token->value = let(&l->body, load(t, ELEM_U32, index_new(INDEX_MOD, 0, var(l), number(5))));
    struct index *place = index_new(INDEX_ADD, 0, index_new(INDEX_MUL, 0, token, number(4)),
                                    index_new(INDEX_DIV, 0, var(l), number(10)));
    struct expr *a = let(&l->body, load(h, ELEM_F32, place)), *b = let(&l->body, load(g, ELEM_F32, var(l)));
    struct expr *sum = let(&l->body, apply(OP_ADD, ELEM_F32, a, b));
    struct expr *inside = expr_new(EXPR_INDEX_LT, ELEM_BOOL);
    inside->index = var(l);
    inside->bound = number(REAL);
    struct expr *value = apply(OP_SELECT, ELEM_F32, let(&l->body, inside), sum);
    value->in[2] = constant(-1);
    value->n_in = 3;
    struct index *to = index_new(INDEX_ADD, 0, index_new(INDEX_MUL, 0, var(l), number(3)), number(1));
    store(&l->body, y, to, let(&l->body, value));
    struct expr *id = expr_new(EXPR_INDEX, ELEM_U32);
    id->index = place;
    store(&l->body, ids, var(l), let(&l->body, id));
    fx.step->schedule = call(k, 0, NULL);
    for (int i = 0; i < 1024; i++) {
      half[i] = (uint16_t)(i * 577 + 3); /* subnormals, infinities and NaN among them */
      bf16[i] = (uint16_t)(i * 1201);
    }
    for (uint32_t i = 0; i < 5; i++)
      tokens[i] = 200 - i * 31;
    struct native_jit *j = compile(p);
    run_step(j, 1);
    for (int i = 0; i < COUNT; i++) {
      uint32_t at = tokens[i % 5] * 4 + (uint32_t)i / 10;
      float expected = i < REAL ? tern_f16(half[at]) + tern_bf16(bf16[i]) : -1;
      same_float(((float *)scratch)[3 * i + 1], expected, "gather", (float)i);
      assert_int_equal(((uint32_t *)(scratch + 4096))[i], at);
    }
    native_jit_free(j);
  }
}

/* Every repeat adds its own weights to the state of its own instance: 3 x 2 calls, strides, barriers. */
static void repeats(void **state) {
  (void)state;
  enum { OUTER = 3, INNER = 2, LENGTH = 33 };
  struct kernel *k = kernel("layer");
  struct buffer *w = buffer(BASE_WEIGHTS, FORMAT_F32, 64), *s = buffer(BASE_STATE, FORMAT_F32, 0);
  w->stride_i = 1024, w->stride_j = 256;
  s->stride_i = 512, s->stride_j = 192;
  struct loop *l = loop(&k->body, LOOP_VECTOR, number(LENGTH));
  l->parallel = true;
  k->team = TEAM_SHARE;
  struct expr *a = let(&l->body, load(w, ELEM_F32, var(l))), *b = let(&l->body, load(s, ELEM_F32, var(l)));
  store(&l->body, s, var(l), let(&l->body, apply(OP_ADD, ELEM_F32, a, b)));
  struct call *inside = call(k, 0, NULL);
  inside->barrier = true;
  fx.step->schedule = call(NULL, OUTER, call(NULL, INNER, inside));
  fill_random((float *)weights, 1024, 3);
  struct native_jit *j = compile(0);
  for (uint32_t threads = 1; threads <= 4; threads++) {
    memset(state_room, 0, sizeof state_room);
    run_step(j, threads);
    for (int i = 0; i < OUTER; i++)
      for (int n = 0; n < INNER; n++)
        assert_memory_equal(state_room + 512 * i + 192 * n, weights + 64 + 1024 * i + 256 * n, 4 * LENGTH);
  }
  struct tern_args args = arguments(1);
  args.barrier = count_barrier;
  args.trace = note_trace;
  args.tracer = &n_traced;
  barriers = n_traced = 0;
  native_jit_model(j)->entries[0].run(&args, 2, 3);
  assert_int_equal(barriers, OUTER * INNER);
  assert_int_equal(n_traced, 2 * OUTER * INNER);
  for (int i = 0; i < n_traced; i++) {
    assert_int_equal(traced[i].thread, 2);
    assert_int_equal(traced[i].kernel, i % 2 ? UINT32_MAX : k->number);
    assert_int_equal(traced[i].barriers, i / 2 + 1);
  }
  native_jit_free(j);
}

/* A loop over the tokens of a call, shared by threads, and a kernel that thread 0 runs alone. */
static void tokens_of_a_call(void **state) {
  (void)state;
  struct kernel *k = kernel("double");
  struct buffer *t = port_buffer(CALL_TOKENS, FORMAT_U32), *y = buffer(BASE_SCRATCH, FORMAT_F32, 0);
  struct loop *l = loop(&k->body, LOOP_SERIAL, index_new(INDEX_DIM, DIM_T, NULL, NULL));
  l->parallel = true;
  k->team = TEAM_SHARE;
  struct expr *v = apply(OP_CONVERT, ELEM_F32, let(&l->body, load(t, ELEM_U32, var(l))), NULL);
  store(&l->body, y, var(l), let(&l->body, v));
  struct kernel *once = kernel("once");
  struct buffer *n = buffer(BASE_SCRATCH, FORMAT_F32, 1024);
  struct expr *more = apply(OP_ADD, ELEM_F32, let(&once->body, load(n, ELEM_F32, number(0))), constant(1));
  store(&once->body, n, number(0), let(&once->body, more));
  fx.step->schedule = call(k, 0, NULL);
  fx.step->schedule->next = call(once, 0, NULL);
  struct native_jit *j = compile(0);
  memset(scratch, 0, sizeof scratch);
  struct tern_args args = arguments(23);
  for (uint32_t i = 0; i < 23; i++)
    tokens[i] = i * 7 + 0x80000000u * (i == 4);
  for (uint32_t thread = 0; thread < 3; thread++)
    native_jit_model(j)->entries[0].run(&args, thread, 3);
  for (int i = 0; i < 23; i++)
    same_float(((float *)scratch)[i], (float)tokens[i], "token", 0);
  same_float(((float *)scratch)[256], 1, "once", 0);
  native_jit_free(j);
}

/* The state of sequence rows[b] grows by token b: one by one, and 16 at once. */
static void sequences_of_a_batch(void **state) {
  (void)state;
  enum { SEQUENCES = 40, TOKENS = 23, STRIDE = 16 };
  for (int vector = 0; vector < 2; vector++) {
    teardown(NULL), setup(NULL);
    struct kernel *idle = kernel("idle"), *k = kernel("grow");
    struct entry *batch = k->entry = entry("batch", DIM_B, DIM_B);
    batch->sequences = DIM_B;
    vec_push(&fx.arena, batch->ports,
             (struct entry_port){"rows", PORT_ROWS, batch->ports.at[CALL_TOKENS].type, FRAC_NONE});
    struct buffer *t = port_buffer(CALL_TOKENS, FORMAT_U32), *r = port_buffer(CALL_ROWS, FORMAT_U32),
                  *s = buffer(BASE_STATE, FORMAT_F32, 8);
    struct loop *l =
        loop(&k->body, vector ? LOOP_VECTOR : LOOP_SERIAL, index_new(INDEX_DIM, DIM_B, NULL, NULL));
    l->parallel = true;
    k->team = TEAM_SHARE;
    struct index *row = index_new(INDEX_VALUE, 0, NULL, NULL);
    row->value = let(&l->body, load(r, ELEM_U32, var(l)));
    struct index *at = index_new(INDEX_MUL, 0, row, number(STRIDE));
    struct expr *v =
        let(&l->body, apply(OP_CONVERT, ELEM_F32, let(&l->body, load(t, ELEM_U32, var(l))), NULL));
    struct expr *old = let(&l->body, load(s, ELEM_F32, at));
    store(&l->body, s, at, let(&l->body, apply(OP_ADD, ELEM_F32, old, v)));
    fx.step->schedule = call(idle, 0, NULL);
    batch->schedule = call(k, 0, NULL);
    batch->scratch = 128;
    dim_of(fx.loops->module, DIM_B)->most = TOKENS;
    struct native_jit *j = compile(0);
    const struct tern_model *model = native_jit_model(j);
    assert_int_equal(model->dims[TERN_B].most, TOKENS);
    assert_int_equal(model->n_entries, 2);
    assert_int_equal(model->entries[1].scratch, 128);
    assert_string_equal(model->entries[1].name, "batch");
    assert_int_equal(model->entries[1].n_ports, CALL_PORTS);
    assert_int_equal(model->entries[1].ports[CALL_ROWS].access, TERN_ROWS);
    assert_int_equal(model->kernels[1].entry, 1);
    memset(state_room, 0, sizeof state_room);
    struct tern_args args = arguments(TOKENS);
    float want[SEQUENCES] = {0};
    for (uint32_t i = 0; i < TOKENS; i++) {
      sequence_rows[i] = i * 7 % SEQUENCES;
      tokens[i] = 3 * i + 1;
      want[sequence_rows[i]] = (float)tokens[i];
    }
    for (uint32_t thread = 0; thread < 3; thread++)
      model->entries[1].run(&args, thread, 3);
    for (int i = 0; i < SEQUENCES; i++)
      same_float(((float *)(state_room + 8))[i * STRIDE], want[i], "sequence", (float)i);
    native_jit_free(j);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(strides_and_formats),
      TEST(repeats),
      TEST(tokens_of_a_call),
      TEST(sequences_of_a_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
