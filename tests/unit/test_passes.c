/* test_passes.c: ternarize, norm-scale, batch-time, fuse and plan-memory on models of every kind: the
 * interpreter runs each before and after, step by step and in chunks, and all bits agree. Shapes of the
 * results (how many kernels, what is in a scan) are counted. The planner by its property, on random
 * lifetimes. */
#include "tests/unit/ir_file.h"
#include "tests/unit/passes_common.h"

/* A step of each kind of layer: files of tests/unit/ir. */
static const char *const models[] = {"layer_mlgru",     "layer_matrices", "layer_shifts",
                                     "layer_stateless", "layer_carried",  "layer_tables"};
enum { VOCAB = 16, MODELS = sizeof models / sizeof *models };

/* ---- a module and what becomes of it ----------------------------------------------------------------- */

struct fixture {
  struct arena arena;
  struct diag diag;
  struct module *m;
};

static void start(struct fixture *f, const char *model, const char *list) {
  *f = (struct fixture){0};
  f->m = ir_parse(&f->arena, &f->diag, ir_file_source(&f->diag, model));
  assert_non_null(f->m);
  assert_true(passes_run(f->m, list, &(struct pass_options){.verify = true}));
}

static void end(struct fixture *f) {
  diag_free(&f->diag);
  arena_free(&f->arena);
}

/* How far the outcome of `list` on the model is from that of `reference`. */
static double distance(const char *model, const char *reference, const char *list, int n, int keep) {
  struct fixture f, g;
  start(&f, model, reference);
  start(&g, model, list);
  struct outcome a = run_model(f.m, g.m, VOCAB, 1, 1), b = run_model(g.m, f.m, VOCAB, n, keep);
  double d = difference(&a, &b);
  if (d != 0)
    print_message("%s after %s, %d tokens: differs by %g\n", model, list, n, d);
  free_outcome(&a);
  free_outcome(&b);
  end(&f);
  end(&g);
  return d;
}

/* ---- equality ---------------------------------------------------------------------------------------- */

static void test_ternarize_keeps_bits(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(models[i], "", "ternarize", 1, 1) == 0);
}

/* A code that falls on the other side of a boundary changes what follows, but not by much. */
static void test_norm_scale_is_close(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(models[i], "", "ternarize,norm-scale", 1, 1) < 0.2);
}

static void test_forms_keep_bits(void **state) {
  (void)state;
  static const char *const lists[] = {
      "ternarize,norm-scale,batch-time", "ternarize,norm-scale,batch-time,fuse",
      "ternarize,norm-scale,batch-time,fuse,plan-memory",
      "ternarize,norm-scale,batch-time,fuse,spread,plan-memory",
      "ternarize,norm-scale,cse,dce,batch-time,cse,dce,fuse,spread,dce,plan-memory"};
  static const int chunks[][2] = {{1, 1}, {2, 2}, {5, 5}, {12, 12}, {7, 1}, {5, 2}, {4, 0}};
  for (int i = 0; i < MODELS; i++)
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
      for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
        assert_true(distance(models[i], "ternarize,norm-scale", lists[k], chunks[c][0], chunks[c][1]) == 0);
}

static void test_batch_of_spec(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(models[i], "", "batch-time", 5, 3) == 0);
}

static void test_pipeline_is_close(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    assert_true(distance(models[i], "", "default", 1, 1) < 0.2);
    assert_true(distance(models[i], "default", "default", 5, 5) == 0);
  }
}

static void test_buffers_live(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    struct fixture f;
    start(&f, models[i], "ternarize,norm-scale,batch-time,fuse,plan-memory");
    for (const struct func *g = f.m->funcs; g; g = g->next)
      check_memory(f.m, g);
    end(&f);
  }
}

/* ---- shapes of the results --------------------------------------------------------------------------- */

static void test_ternarize_leaves_no_product(void **state) {
  (void)state;
  struct fixture f;
  start(&f, "layer_mlgru", "ternarize,dce");
  assert_int_equal(count_ops(f.m, "step", OP_MATMUL), 0);
  assert_int_equal(count_ops(f.m, "step", OP_QUANTIZE), 0);
  assert_int_equal(count_ops(f.m, "step", OP_TERNARY_SUM), 7);
  assert_int_equal(count_ops(f.m, "step", OP_CODES), 7);
  end(&f);
  start(&f, "layer_mlgru", "ternarize,norm-scale");
  assert_int_equal(count_ops(f.m, "step", OP_RMSNORM), 4); /* those that no quantiser follows */
  assert_int_equal(count_ops(f.m, "step", OP_SELECT), 7);
  end(&f);
}

/* A layer of the published model: norms; three sums; gates to quantiser; sum; residual to quantiser; sum;
 * GLU; sum; residual. */
static void test_fuse_counts_kernels(void **state) {
  (void)state;
  struct fixture f;
  start(&f, "layer_mlgru", "ternarize,norm-scale,cse,dce,fuse,plan-memory");
  assert_int_equal(count_ops(f.m, "step", OP_KERNEL), 1 + 5 + 2);
  assert_int_equal(count_ops(f.m, "step", OP_TERNARY_SUM), 7);
  const struct op *repeat = func_find(f.m, "step")->body->first;
  while (repeat->code != OP_REPEAT)
    repeat = repeat->next;
  int crossing = 0, kernels = 0;
  for (const struct op *op = repeat->body->first; op; op = op->next)
    if (op->code == OP_KERNEL) {
      crossing += op->n_out;
      kernels++;
    }
  assert_int_equal(kernels, 5);
  assert_int_equal(crossing, 6 + 2 + 3 + 2 + 1); /* codes and scales, and the residual stream twice */
  end(&f);
}

static const struct op *find_in(const struct block *b, enum opcode code) {
  for (const struct op *op = b->first; op; op = op->next) {
    const struct op *inside = op->code == code ? op : op->body ? find_in(op->body, code) : NULL;
    if (inside)
      return inside;
  }
  return NULL;
}

/* One multiply-add in the scan; gates in the scan's kernel; the head on K tokens. */
static void test_batch_time_of_mlgru(void **state) {
  (void)state;
  struct fixture f;
  start(&f, "layer_mlgru", "ternarize,norm-scale,cse,dce,batch-time,cse,dce");
  assert_int_equal(dim_of(f.m, DIM_T)->most, 96);
  assert_int_equal(count_ops(f.m, "prefill", OP_SCAN), 1);
  assert_int_equal(count_ops(f.m, "prefill", OP_TAIL), 1);
  const struct op *scan = find_in(func_find(f.m, "prefill")->body, OP_SCAN);
  int n = 0;
  for (const struct op *op = scan->body->first; op; op = op->next)
    n++;
  assert_int_equal(n, 5); /* read, mul, add, write, yield */
  assert_int_equal(scan->n_in, 2);
  assert_true(passes_run(f.m, "fuse,plan-memory", &(struct pass_options){.verify = true}));
  assert_int_equal(count_ops(f.m, "prefill", OP_KERNEL), 1 + 6 + 2);
  end(&f);
}

/* The outer product goes into the scan and the read-out with it: no value of T matrices. */
static void test_batch_time_of_matrices(void **state) {
  (void)state;
  struct fixture f;
  start(&f, "layer_matrices", "ternarize,norm-scale,cse,dce,batch-time,cse,dce");
  const struct block *body = find_in(func_find(f.m, "prefill")->body, OP_REPEAT)->body;
  for (const struct op *op = body->first; op; op = op->next)
    for (int i = 0; i < op->n_out; i++) {
      struct type t = op->out[i]->type;
      assert_false(t.rank > 2 && t.dim[0] == DIM_T && t.dim[t.rank - 2] == 4 && t.dim[t.rank - 1] == 4);
    }
  assert_int_equal(count_ops(f.m, "prefill", OP_SCAN), 2);
  end(&f);
}

static const struct op *find_through_tokens(const struct module *m, const struct block *b) {
  for (const struct op *op = b->first; op; op = op->next) {
    int64_t dim = op->code == OP_REPEAT ? op->attr.group : 0;
    if (dim && dim_of(m, dim)->parts == DIM_T && dim_of(m, dim)->most == 1)
      return op;
    const struct op *inside = op->body ? find_through_tokens(m, op->body) : NULL;
    if (inside)
      return inside;
  }
  return NULL;
}

/* Products in a recurrence go token by token, in a repeat through the tokens of the call. */
static void test_products_token_by_token(void **state) {
  (void)state;
  static const char model[] = "layer_dense_recurrence";
  struct fixture f;
  start(&f, model, "default");
  assert_non_null(func_find(f.m, "prefill"));
  const struct op *loop = find_through_tokens(f.m, func_find(f.m, "prefill")->body);
  assert_non_null(loop);
  assert_int_equal(loop->attr.count, dim_of(f.m, DIM_T)->most);
  check_memory(f.m, func_find(f.m, "step"));
  check_memory(f.m, func_find(f.m, "prefill"));
  end(&f);
  for (int n = 1; n <= 5; n += 2)
    assert_true(distance(model, "", "default", n, 1) == 0 && distance(model, "", "batch-time", n, n) == 0);
}

static void test_weights_in_order(void **state) {
  (void)state;
  struct fixture f;
  start(&f, "layer_mlgru", "default");
  const struct weight *emb = weight_find(f.m, "emb"), *head = weight_find(f.m, "head");
  const struct weight *down = weight_find(f.m, "l.{}.down"), *norm = weight_find(f.m, "l.{}.norm");
  assert_true(emb->offset < norm->offset && norm->offset < down->offset);
  assert_true(down->offset + 2 * down->stride < head->offset);
  assert_int_equal(norm->stride, down->stride);
  assert_int_equal(down->stride % 64, 0);
  assert_int_equal(down->stored, STORE_TILE2);
  assert_int_equal(emb->stored, STORE_F32);
  assert_true(f.m->weights_bytes >= head->offset + 2 * 64);
  assert_int_equal(f.m->state_bytes, 3 * 128);
  end(&f);
}

/* ---- running passes ---------------------------------------------------------------------------------- */

static void test_unknown_pass(void **state) {
  (void)state;
  struct fixture f;
  char *text = NULL;
  size_t length;
  start(&f, "layer_stateless", "");
  f.diag.out = open_memstream(&text, &length);
  assert_false(passes_run(f.m, "ternarise", NULL));
  assert_false(passes_run(f.m, "plan-memory", NULL));
  fclose(f.diag.out);
  assert_non_null(strstr(text, "did you mean 'ternarize'"));
  assert_non_null(strstr(text, "run fuse first"));
  free(text);
  end(&f);
}

static void test_print_after(void **state) {
  (void)state;
  struct fixture f;
  char *text = NULL;
  size_t length;
  start(&f, "layer_stateless", "");
  FILE *out = open_memstream(&text, &length);
  const char *const off[] = {"norm-scale", NULL};
  struct pass_options o = {.verify = true, .print_after = "all", .disable = off, .out = out};
  assert_true(passes_run(f.m, "ternarize,norm-scale,ternarize", &o));
  fclose(out);
  assert_non_null(strstr(text, "// after ternarize ("));
  assert_non_null(strstr(text, "(unchanged)"));
  assert_non_null(strstr(text, "ternary_sum"));
  assert_null(strstr(text, "norm-scale"));
  free(text);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ternarize_keeps_bits),
      cmocka_unit_test(test_norm_scale_is_close),
      cmocka_unit_test(test_forms_keep_bits),
      cmocka_unit_test(test_batch_of_spec),
      cmocka_unit_test(test_pipeline_is_close),
      cmocka_unit_test(test_buffers_live),
      cmocka_unit_test(test_ternarize_leaves_no_product),
      cmocka_unit_test(test_fuse_counts_kernels),
      cmocka_unit_test(test_batch_time_of_mlgru),
      cmocka_unit_test(test_batch_time_of_matrices),
      cmocka_unit_test(test_products_token_by_token),
      cmocka_unit_test(test_weights_in_order),
      cmocka_unit_test(test_unknown_pass),
      cmocka_unit_test(test_print_after),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
