/* test_loops.c: lowering to loops. The loops of small models (tests/c/cases.h) are executed statement by
 * statement here, by a few lines that know nothing of the lowering, and must leave the interpreter's bits:
 * with iterations of a VECTOR loop in an order that hides no dependence, and threads one after another, the
 * last one first. */
#include "backends/image/write_image.h"
#include "backends/lower/index.h"
#include "ir/integer_ops.h"
#include "ir/interp/interp.h"
#include "ir/real.h"
#include "passes/pass.h"
#include "runtime/core/image.h"
#include "runtime/kernels/math.h"
#include "runtime/kernels/ternary.h"
#include "runtime/model.h"
#include "tests/c/cases.h"
#include "tests/random/apart.h"
#include "tests/random/call.h"
#include "tests/random/entry_calls.h"
#include "tests/random/random_model.h"
#include "tests/unit/loops_common.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- execution of loops ---------------------------------------------------------------------- */

struct number {
  float f;
  int64_t i; /* elements that are no floats */
};

struct machine {
  const struct tern_args *args;
  const struct kernel *k;
  int64_t i, j;
  uint32_t thread, threads;
  int64_t *vars;
  struct number *exprs;
  struct number (*accs)[LANES];
};

static int64_t at(const struct machine *m, const struct index *x) {
  switch (x->kind) {
  case INDEX_CONST: return x->constant;
  case INDEX_VAR: return m->vars[x->loop->id];
  case INDEX_I: return m->i;
  case INDEX_J: return m->j;
  case INDEX_DIM: return m->args->sizes[-1 - x->constant];
  case INDEX_VALUE: return m->exprs[x->value->id].i;
  default: break;
  }
  int64_t a = at(m, x->a), b = at(m, x->b);
  switch (x->kind) {
  case INDEX_ADD: return a + b;
  case INDEX_SUB: return a - b;
  case INDEX_MUL: return a * b;
  case INDEX_DIV: return a / b;
  case INDEX_MOD: return a % b;
  case INDEX_MIN: return a < b ? a : b;
  default: return a > b ? a : b;
  }
}

static uint8_t *address(const struct machine *m, const struct buffer *b, int64_t element) {
  static const int widths[] = {[FORMAT_F32] = 4, [FORMAT_F16] = 2, [FORMAT_BF16] = 2, [FORMAT_I8] = 1,
                               [FORMAT_I16] = 2, [FORMAT_I32] = 4, [FORMAT_U32] = 4,  [FORMAT_BOOL] = 1};
  const struct tern_args *a = m->args;
  const struct entry *e = m->k->entry;
  const void *bases[] = {
      [BASE_SCRATCH] = a->scratch,     [BASE_OWN] = a->scratch,
      [BASE_WEIGHTS] = a->weights,     [BASE_STATE] = a->state,
      [BASE_POSITIONS] = a->positions, [BASE_PORT] = b->base == BASE_PORT ? a->ports[b->port] : NULL};
  assert_true(element >= 0 &&
              (b->sequence ? element % (b->sequence / widths[b->format]) : element) < b->elements);
  int64_t own = b->base == BASE_OWN ? e->scratch + m->thread * e->own : 0;
  return (uint8_t *)bases[b->base] + own + b->offset + m->i * b->stride_i + m->j * b->stride_j +
         element * widths[b->format];
}

static struct number load(const uint8_t *p, enum memory_format f) {
  struct number x = {0};
  uint16_t half;
  int16_t i16;
  int32_t i32;
  uint32_t u32;
  switch (f) {
  case FORMAT_F32: memcpy(&x.f, p, 4); break;
  case FORMAT_F16: memcpy(&half, p, 2), x.f = tern_f16(half); break;
  case FORMAT_BF16: memcpy(&half, p, 2), x.f = tern_bf16(half); break;
  case FORMAT_I8: x.i = (int8_t)*p; break;
  case FORMAT_BOOL: x.i = *p; break;
  case FORMAT_I16: memcpy(&i16, p, 2), x.i = i16; break;
  case FORMAT_I32: memcpy(&i32, p, 4), x.i = i32; break;
  case FORMAT_U32: memcpy(&u32, p, 4), x.i = u32; break;
  }
  return x;
}

static void store(uint8_t *p, enum memory_format f, struct number x) {
  int32_t i32 = (int32_t)x.i;
  int16_t i16 = (int16_t)x.i;
  switch (f) {
  case FORMAT_F32: memcpy(p, &x.f, 4); break;
  case FORMAT_I8:
  case FORMAT_BOOL: *p = (uint8_t)x.i; break;
  case FORMAT_I16: memcpy(p, &i16, 2); break;
  default: memcpy(p, &i32, 4); break;
  }
}

static struct number operate(const struct machine *m, const struct expr *e) {
  struct number in[3] = {{0}}, out = {0};
  for (int k = 0; k < e->n_in; k++)
    in[k] = m->exprs[e->in[k]->id];
  if (e->code == OP_SELECT)
    return in[0].i ? in[1] : in[2];
  if (e->code == OP_CONVERT) {
    out = (struct number){.f = (float)in[0].i, .i = in[0].i};
    return out;
  }
  if (op_info[e->code].flags & INTEGER)
    return (struct number){.i = integer_ops[e->code](in[0].i, in[1].i, in[2].i, &e->attr)};
  float r = real32[e->code](in[0].f, in[1].f, in[2].f, &e->attr);
  return e->elem == ELEM_F32 ? (struct number){.f = r} : (struct number){.i = (int64_t)r};
}

static struct number evaluate(const struct machine *m, const struct expr *e) {
  switch (e->kind) {
  case EXPR_CONST: return (struct number){.f = (float)e->value, .i = (int64_t)e->value};
  case EXPR_LOAD: return load(address(m, e->buffer, at(m, e->index)), e->buffer->format);
  case EXPR_OP: return operate(m, e);
  case EXPR_INDEX: return (struct number){.i = at(m, e->index)};
  case EXPR_ACC: return m->accs[e->acc->id][0];
  default: return (struct number){.i = at(m, e->index) < at(m, e->bound)};
  }
}

static struct number combine(enum accumulate how, struct number acc, struct number x) {
  if (how == ACC_SUM)
    return (struct number){acc.f + x.f, integer_wrap(acc.i + x.i)};
  if (how == ACC_ABSMAX)
    x = (struct number){fabsf(x.f), x.i == INT32_MIN ? INT32_MAX : x.i < 0 ? -x.i : x.i};
  return (struct number){acc.f < x.f ? x.f : acc.f, acc.i < x.i ? x.i : acc.i};
}

static void accumulate(struct machine *m, const struct stmt *s) {
  bool lanes = s->acc->loop->kind == LOOP_VECTOR;
  struct number *acc = &m->accs[s->acc->id][lanes ? m->vars[s->acc->loop->id] % LANES : 0];
  assert_true(s->acc->elem == ELEM_F32 ? s->expr->elem == ELEM_F32 : s->acc->elem == ELEM_I32);
  *acc = combine(s->acc->how, *acc, m->exprs[s->expr->id]);
}

static void each_accumulator(struct machine *m, const struct loop *l, const struct stmt *list, bool end) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      each_accumulator(m, l, s->loop->body, end);
    if (s->kind != STMT_ACCUMULATE || s->acc->loop != l)
      continue;
    struct number *lane = m->accs[s->acc->id];
    for (int k = 0; !end && k < LANES; k++)
      lane[k] = s->acc->how == ACC_MAX ? (struct number){-INFINITY, INT32_MIN} : (struct number){0, 0};
    for (int w = LANES / 2; end && w && l->kind == LOOP_VECTOR; w /= 2)
      for (int k = 0; k < w; k++)
        lane[k] = combine(s->acc->how == ACC_SUM ? ACC_SUM : ACC_MAX, lane[k], lane[k + w]);
  }
}

static void execute(struct machine *m, const struct stmt *list);

static int64_t share(int64_t extent, int64_t grain, uint32_t thread, uint32_t threads) {
  int64_t begin = (extent + grain - 1) / grain * thread / threads * grain;
  return begin < extent ? begin : extent;
}

/* Iterations of a VECTOR loop run backwards within each 16. */
static void execute_loop(struct machine *m, const struct loop *l) {
  int64_t extent = at(m, l->extent), begin = 0, end = extent,
          grain = l->kind == LOOP_VECTOR ? policy_team.grain : 1;
  if (l->parallel) {
    begin = share(extent, grain, m->thread, m->threads);
    end = share(extent, grain, m->thread + 1, m->threads);
  }
  each_accumulator(m, l, l->body, false);
  int64_t size = l->kind == LOOP_VECTOR ? LANES : 1; /* no lane is twice in a block */
  for (int64_t block = begin; block < end; block += size)
    for (int64_t x = block + size - 1; x >= block; x--)
      if (x < end) {
        m->vars[l->id] = x;
        execute(m, l->body);
      }
  each_accumulator(m, l, l->body, true);
}

static void execute(struct machine *m, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    switch (s->kind) {
    case STMT_LET: m->exprs[s->expr->id] = evaluate(m, s->expr); break;
    case STMT_STORE:
      store(address(m, s->buffer, at(m, s->index)), s->buffer->format, m->exprs[s->expr->id]);
      break;
    case STMT_ACCUMULATE: accumulate(m, s); break;
    case STMT_LOOP: execute_loop(m, s->loop); break;
    }
}

static void execute_sum(struct machine *m) {
  const struct kernel *k = m->k;
  const void *x = address(m, k->in, 0);
  bool three = k->stored == STORE_TILE3;
  int64_t rows = at(m, k->rows), each = k->m / k->parts;
  uint32_t t = m->thread, n = m->threads;
  for (int64_t part = 0; part < k->parts; part++) {
    const void *w = address(m, k->weight, part * k->weight->elements / k->parts);
    void *y = address(m, k->out, part * each);
    if (k->in->format == FORMAT_I8)
      (three ? tern_ternary_sum3_i8 : tern_ternary_sum_i8)(w, x, y, each, k->n, k->group, rows, t, n);
    else if (k->in->format == FORMAT_I16)
      (three ? tern_ternary_sum3_i16 : tern_ternary_sum_i16)(w, x, y, each, k->n, k->group, rows, t, n);
    else
      (three ? tern_ternary_sum3_f32 : tern_ternary_sum_f32)(w, x, y, each, k->n, k->group, rows, t, n);
  }
}

enum { THREADS = 3 };

struct running {
  const struct tern_args *args;
  uint32_t threads;
};

static void execute_kernel(const struct running *r, const struct kernel *k, int64_t i, int64_t j,
                           uint32_t thread) {
  if (thread && k->team == TEAM_FIRST)
    return;
  struct machine m = {.args = r->args, .k = k, .i = i, .j = j, .thread = thread, .threads = r->threads};
  m.vars = xmalloc(sizeof *m.vars * (size_t)(k->n_loops + 1));
  m.exprs = xmalloc(sizeof *m.exprs * (size_t)(k->n_exprs + 1));
  m.accs = xmalloc(sizeof *m.accs * (size_t)(k->n_accs + 1));
  if (k->kind == KERNEL_TERNARY_SUM)
    execute_sum(&m);
  else
    execute(&m, k->body);
  free(m.vars);
  free(m.exprs);
  free(m.accs);
}

static void run_kernel(void *self, const struct kernel *k, uint32_t i, uint32_t j, uint32_t thread) {
  execute_kernel(self, k, i, j, thread);
}

/* ---- a model's memory ------------------------------------------------------------------------ */

struct memory {
  struct tern_args args;
  uint8_t *image;
};

static uint8_t *aligned(int64_t bytes) {
  uint8_t *p = aligned_alloc(TERN_ALIGN, ((size_t)bytes + 2 * TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(p);
  memset(p, 0xa5, (size_t)bytes);
  return p;
}

static void load_weights(struct memory *mem, const struct bench *b, const struct weight_source *source) {
  FILE *f = tmpfile();
  uint64_t bytes;
  struct image_header h;
  assert_true(image_write(b->m, source, f, 0, &bytes, &(struct image_options){.threads = 1}));
  mem->image = aligned((int64_t)bytes);
  rewind(f);
  assert_int_equal(fread(mem->image, 1, bytes, f), bytes);
  fclose(f);
  memcpy(&h, mem->image, sizeof h);
  mem->args.weights = mem->image + h.weights_at;
}

static enum memory_format format_of(enum elem e) {
  return e == ELEM_F32 ? FORMAT_F32 : e == ELEM_I8 ? FORMAT_I8 : e == ELEM_I16 ? FORMAT_I16 : FORMAT_I32;
}

static void start_states(uint8_t *state, const struct module *m) {
  for (const struct state *s = m->states; s; s = s->next) {
    int64_t instances = 1, n = type_count(s->type, NULL);
    for (int i = 0; i < s->n_counts; i++)
      instances *= s->counts[i];
    for (int64_t i = 0; i < instances; i++)
      for (int64_t e = 0; e < n; e++)
        store(state + s->offset + i * s->stride + e * elem_bytes(s->type.elem), format_of(s->type.elem),
              (struct number){(float)s->init, (int64_t)s->init});
  }
}

static void check_elements(const char *what, const void *got, const void *want, enum elem elem, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    int width = elem_bytes(elem);
    struct number a = load((const uint8_t *)got + i * width, format_of(elem)),
                  b = load((const uint8_t *)want + i * width, format_of(elem));
    if (a.i != b.i || (memcmp(&a.f, &b.f, sizeof a.f) != 0 && (a.f == a.f || b.f == b.f)))
      fail_msg("%s: element %lld is %.9g, not %.9g", what, (long long)i,
               elem == ELEM_F32 ? (double)a.f : (double)a.i, elem == ELEM_F32 ? (double)b.f : (double)b.i);
  }
}

static void check_states(const uint8_t *state, struct interp *in, int64_t sequence, const struct module *m) {
  for (const struct state *s = m->states; s; s = s->next) {
    int64_t instances = 1;
    for (int i = 0; i < s->n_counts; i++)
      instances *= s->counts[i];
    for (int64_t i = 0; i < instances; i++)
      check_elements(s->name, state + s->offset + i * s->stride, interp_state_of(in, sequence, s, i)->data,
                     s->type.elem, type_count(s->type, NULL));
  }
}

static void execute_entry(void *self, const struct entry *e, struct tern_args *args, uint32_t threads) {
  static bool forward;
  (void)self;
  struct running running = {args, threads};
  struct apart apart = {
      .threads = threads, .forward = forward = !forward, .self = &running, .run = run_kernel};
  run_apart(&apart, e);
}

/* The form that the interpreter has run: its logits against `want`. */
static void execute_form(struct memory *mem, const struct entry *e, const uint32_t *tokens,
                         const uint32_t *rows, uint32_t n, uint32_t keep, const struct tensor *want) {
  struct form_call call;
  int64_t elements = type_count(want->type, NULL); /* with sizes of the run */
  mem->args.scratch = aligned(e->scratch + THREADS * e->own);
  uint8_t *logits = aligned(elements * 4);
  form_call(&call, &mem->args, tokens, logits, rows, n, keep);
  execute_entry(NULL, e, &mem->args, THREADS);
  check_elements(e->name, logits, want->data, want->type.elem, elements);
  free(mem->args.scratch);
  free(logits);
}

static void run_form(struct bench *b, struct memory *mem, struct interp *in, const char *form,
                     const uint32_t *tokens, uint32_t n, uint32_t keep) {
  const struct tensor *want;
  assert_true(interp_run(in, form, tokens, n, keep, &want));
  execute_form(mem, loops_entry(b->loops, form), tokens, NULL, n, keep, want);
  check_states(mem->args.state, in, 0, b->m);
}

/* Three calls on five sequences. */
static void run_batch(struct bench *b, struct memory *mem, struct interp *in) {
  enum { SEQUENCES = 5 };
  static const uint32_t tokens[] = {3, 16, 0, 7, 7, 2, 5, 1};
  static const struct {
    uint32_t n, rows[4];
  } calls[] = {{4, {3, 0, 4, 1}}, {1, {4}}, {3, {1, 4, 3}}};
  const struct tensor *want;
  int64_t bytes = b->m->state_bytes;
  interp_sequences(in, SEQUENCES);
  uint8_t *one = mem->args.state, *states = mem->args.state = aligned(SEQUENCES * bytes);
  for (int i = 0; i < SEQUENCES; i++)
    start_states(states + i * bytes, b->m);
  for (int k = 0; k < 3; k++) {
    assert_true(interp_run_batch(in, calls[k].rows, tokens + k, calls[k].n, &want));
    execute_form(mem, loops_entry(b->loops, "batch"), tokens + k, calls[k].rows, calls[k].n, calls[k].n,
                 want);
    for (int i = 0; i < SEQUENCES; i++)
      check_states(states + i * bytes, in, i, b->m);
  }
  mem->args.state = one;
  free(states);
}

static void run_model(struct bench *b) {
  static const uint32_t tokens[] = {3, 16, 0, 7, 7, 2};
  struct weight_source source = random_source();
  struct interp *in = interp_new(b->m, &source, false);
  struct memory mem = {0};
  load_weights(&mem, b, &source);
  mem.args.state = aligned(b->m->state_bytes < 0 ? 0 : b->m->state_bytes);
  start_states(mem.args.state, b->m);
  for (int i = 0; i < 3; i++)
    run_form(b, &mem, in, "step", tokens + i, 1, 1);
  bool prefill = loops_entry(b->loops, "prefill"), batch = loops_entry(b->loops, "batch");
  if (prefill) {
    run_form(b, &mem, in, "prefill", tokens, 4, 2);
    run_form(b, &mem, in, "prefill", tokens + 2, 1, 1);
    run_form(b, &mem, in, "prefill", tokens + 3, 3, 0);
  }
  assert_true(batch || !prefill);
  if (batch)
    run_batch(b, &mem, in);
  interp_free(in);
  free(mem.args.state);
  free(mem.image);
}

static void check_case(const struct kernel_case *c, enum storage packing) {
  struct bench b;
  bench_open_packed(&b, ir_file(c->name), c->passes, packing);
  if (!b.loops)
    fail_msg("%s: %s", c->name, b.said);
  print_message("%s, %s\n", c->name, storage_name(packing));
  run_model(&b);
  bench_close(&b);
}

static void cases_equal_the_interpreter(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kernel_cases / sizeof *kernel_cases; i++) {
    bool packed = strstr(ir_file(kernel_cases[i].name), "ternary[");
    check_case(&kernel_cases[i], packed ? STORE_TILE2 : STORE_NONE);
    if (packed)
      check_case(&kernel_cases[i], STORE_TILE3);
  }
}

static void check_entries_of(const char *file, const char *list) {
  struct weight_source source = random_source();
  struct bench b;
  struct memory mem = {0};
  bench_open(&b, ir_file(file), list);
  if (!b.loops)
    fail_msg("%s: %s", file, b.said);
  load_weights(&mem, &b, &source);
  for (uint32_t threads = 1; threads <= THREADS; threads += THREADS - 1)
    check_entries(&(struct entries_check){.loops = b.loops,
                                          .source = &source,
                                          .weights = mem.args.weights,
                                          .threads = threads,
                                          .run = execute_entry});
  free(mem.image);
  bench_close(&b);
}

static void so_do_entries_of_any_signature(void **state) {
  (void)state;
  for (int i = 0; i < ENTRIES_PASSES; i++)
    check_entries_of("entries", entries_passes[i]);
  check_entries_of("entries_returned", "plan-memory");
}

/* ---- indices --------------------------------------------------------------------------------- */

enum { INDEX_LOOPS = 3 };
static uint64_t seed = 7;

static int64_t below(int64_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (int64_t)(seed >> 33) % n;
}

/* A random expression >= 0 and what it is where the loops stand at vars[]. */
static struct index *random_index(struct arena *a, struct loop *loops, const int64_t *vars, int depth,
                                  int64_t *value) {
  int64_t other, c = 1 + below(9);
  if (depth == 0) {
    int k = (int)below(INDEX_LOOPS + 1);
    *value = k < INDEX_LOOPS ? vars[k] : c;
    return k < INDEX_LOOPS ? index_var(a, &loops[k]) : index_const(a, c);
  }
  struct index *x = random_index(a, loops, vars, depth - 1, value), *y;
  switch (below(5)) {
  case 0:
    y = random_index(a, loops, vars, depth - 1, &other);
    *value += c * other;
    return index_sum(a, x, c, y);
  case 1: *value *= c; return index_scale(a, x, c);
  case 2: *value /= c; return index_div(a, x, c);
  case 3: *value %= c; return index_mod(a, x, c);
  default: *value = *value > c ? c : *value; return index_clamp(a, x, 0, c);
  }
}

static void indices_keep_their_value(void **state) {
  (void)state;
  struct arena a = {0};
  struct loop loops[INDEX_LOOPS] = {{.id = 0}, {.id = 1}, {.id = 2}};
  int64_t vars[INDEX_LOOPS];
  for (int i = 0; i < 20000; i++) {
    for (int k = 0; k < INDEX_LOOPS; k++) {
      int64_t extent = 1 + below(12);
      loops[k].extent = index_const(&a, extent);
      vars[k] = below(extent);
    }
    uint64_t same = seed;
    int64_t value, again, least, most, step;
    struct index *x = random_index(&a, loops, vars, 1 + (int)below(4), &value);
    struct machine m = {.vars = vars};
    assert_int_equal(at(&m, x), value);
    index_range(x, &least, &most);
    assert_in_range(value, least, most);
    if (loops[0].extent->constant > vars[0] + 1 && index_coefficient(x, &loops[0], &step)) {
      uint64_t next = seed;
      seed = same;
      vars[0]++;
      random_index(&a, loops, vars, 1 + (int)below(4), &again);
      seed = next;
      assert_int_equal(at(&m, x), again);
      assert_int_equal(again - value, step);
    }
  }
  arena_free(&a);
}

static void indices_simplify(void **state) {
  (void)state;
  struct arena a = {0};
  struct loop i = {.id = 0, .extent = index_const(&a, 3)}, j = {.id = 1, .extent = index_const(&a, 8)};
  struct index *vi = index_var(&a, &i), *vj = index_var(&a, &j);
  struct index *place = index_sum(&a, vj, 8, vi); /* 8 i + j */
  assert_true(index_equal(index_div(&a, place, 8), vi));
  assert_true(index_equal(index_mod(&a, place, 8), vj));
  assert_true(index_equal(index_sum(&a, vi, 1, vj), index_sum(&a, vj, 1, vi)));
  assert_true(index_is_const(index_sum(&a, place, -1, place), 0));
  assert_true(index_equal(index_clamp(&a, vj, 0, 7), vj));
  assert_true(index_equal(index_sum(&a, index_mod(&a, place, 5), 5, index_div(&a, place, 5)), place));
  assert_false(index_equal(index_div(&a, place, 4), vi));
  int64_t step;
  assert_true(index_coefficient(place, &i, &step) && step == 8);
  assert_false(index_coefficient(index_div(&a, vj, 3), &j, &step));
  arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(indices_simplify),
      cmocka_unit_test(indices_keep_their_value),
      cmocka_unit_test(cases_equal_the_interpreter),
      cmocka_unit_test(so_do_entries_of_any_signature),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
