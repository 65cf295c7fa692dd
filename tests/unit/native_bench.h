/* native_bench.h: loops made by hand and compiled in this process, for the tests of native code. One fixture
 * `fx` holds what is under way; memory of a run is static. */
#ifndef TERN_TESTS_NATIVE_BENCH_H
#define TERN_TESTS_NATIVE_BENCH_H

#include "backends/native/native.h"
#include "runtime/kernels/math.h"
#include "tests/random/call.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- making loops ---------------------------------------------------------------------------- */

static struct fixture {
  struct arena arena;
  struct diag diag;
  char *said; /* what diagnostics printed */
  size_t said_bytes;
  struct loops *loops;
  struct entry *step;
  struct kernel *kernel, **last;
} fx;

/* An entry with a language model's ports, whose tokens are along one dimension and logits along another; 0:
 * one. */
static inline struct entry *entry(const char *name, int64_t tokens, int64_t logits) {
  struct module *m = (struct module *)fx.loops->module;
  struct entry *e = arena_new(&fx.arena, struct entry);
  struct func *f = func_add(m, name);
  struct type one = type_scalar(ELEM_U32), row = type_make(ELEM_F32, 1, (int64_t[]){8});
  struct value *in = block_arg(m, f->body, tokens ? type_lead(one, tokens) : one, "tokens");
  struct builder b = builder_end(m, f->body);
  struct value *out = build_const(&b, 0, logits ? type_lead(row, logits) : row);
  build(&b, OP_RETURN, 1, &out, NULL, NULL);
  *e = (struct entry){.name = name, .symbol = name, .func = f, .number = (uint32_t)fx.loops->entries.n};
  vec_push(&fx.arena, e->ports, (struct entry_port){"tokens", PORT_IN, in->type, FRAC_NONE});
  vec_push(&fx.arena, e->ports, (struct entry_port){"logits", PORT_OUT, out->type, FRAC_NONE});
  vec_push(&fx.arena, fx.loops->entries, e);
  return e;
}

static inline int setup(void **state) {
  (void)state;
  memset(&fx, 0, sizeof fx);
  fx.diag.out = open_memstream(&fx.said, &fx.said_bytes);
  fx.loops = arena_new(&fx.arena, struct loops);
  struct module *m = module_new(&fx.arena, &fx.diag, "test");
  m->spec = "test.tern";
  fx.loops->module = m;
  fx.loops->policy = &policy_team;
  fx.step = entry("step", 0, 0);
  fx.last = &fx.loops->kernels;
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  fclose(fx.diag.out);
  free(fx.said);
  diag_free(&fx.diag);
  arena_free(&fx.arena);
  return 0;
}

static inline struct kernel *kernel(const char *name) {
  struct kernel *k = arena_new(&fx.arena, struct kernel);
  k->name = name;
  k->entry = fx.step;
  k->number = (uint32_t)fx.loops->n_kernels;
  *fx.last = fx.kernel = k;
  fx.last = &k->next;
  fx.loops->n_kernels++;
  return k;
}

static inline struct call *call(struct kernel *k, int64_t count, struct call *body) {
  struct call *c = arena_new(&fx.arena, struct call);
  *c = (struct call){.kernel = k, .count = count, .body = body};
  return c;
}

static inline struct buffer *buffer(enum buffer_base base, enum memory_format format, int64_t offset) {
  struct buffer *b = arena_new(&fx.arena, struct buffer);
  *b = (struct buffer){.base = base, .format = format, .offset = offset, .elements = 1 << 20};
  vec_push(&fx.arena, fx.kernel->buffers, b);
  return b;
}

/* Of what the caller gives: CALL_TOKENS, ... */
static inline struct buffer *port_buffer(int port, enum memory_format format) {
  struct buffer *b = buffer(BASE_PORT, format, 0);
  b->port = port;
  return b;
}

static inline struct index *index_new(enum index_kind kind, int64_t constant, struct index *a,
                                      struct index *b) {
  struct index *x = arena_new(&fx.arena, struct index);
  *x = (struct index){.kind = kind, .constant = constant, .a = a, .b = b};
  return x;
}

static inline struct index *number(int64_t c) {
  return index_new(INDEX_CONST, c, NULL, NULL);
}

static inline struct index *var(struct loop *l) {
  struct index *x = index_new(INDEX_VAR, 0, NULL, NULL);
  x->loop = l;
  return x;
}

static inline struct expr *expr_new(enum expr_kind kind, enum elem elem) {
  struct expr *x = arena_new(&fx.arena, struct expr);
  x->kind = kind;
  x->elem = elem;
  x->id = fx.kernel->n_exprs++;
  x->at = (struct loc){.line = 7};
  return x;
}

static inline struct expr *load(struct buffer *b, enum elem elem, struct index *x) {
  struct expr *e = expr_new(EXPR_LOAD, elem);
  e->buffer = b;
  e->index = x;
  return e;
}

static inline struct expr *constant(double value) {
  struct expr *e = expr_new(EXPR_CONST, ELEM_F32);
  e->value = value;
  return e;
}

static inline struct expr *apply(enum opcode code, enum elem elem, struct expr *a, struct expr *b) {
  struct expr *e = expr_new(EXPR_OP, elem);
  e->code = code;
  e->in[0] = a;
  e->in[1] = b;
  e->n_in = b ? 2 : 1;
  return e;
}

static inline struct expr *total(struct accumulator *acc) {
  struct expr *e = expr_new(EXPR_ACC, acc->elem);
  e->acc = acc;
  return e;
}

static inline struct accumulator *accumulator(enum accumulate how, struct loop *l) {
  struct accumulator *acc = arena_new(&fx.arena, struct accumulator);
  *acc = (struct accumulator){.how = how, .elem = ELEM_F32, .loop = l, .id = fx.kernel->n_accs++};
  return acc;
}

/* Appends a statement to a list. */
static inline struct stmt *stmt(struct stmt **list, enum stmt_kind kind) {
  struct stmt *s = arena_new(&fx.arena, struct stmt);
  s->kind = kind;
  s->at = (struct loc){.line = 7};
  while (*list)
    list = &(*list)->next;
  return *list = s;
}

static inline struct expr *let(struct stmt **list, struct expr *e) {
  stmt(list, STMT_LET)->expr = e;
  return e;
}

static inline void store(struct stmt **list, struct buffer *b, struct index *x, struct expr *e) {
  struct stmt *s = stmt(list, STMT_STORE);
  s->buffer = b;
  s->index = x;
  s->expr = e;
}

static inline void add_to(struct stmt **list, struct accumulator *acc, struct expr *e) {
  struct stmt *s = stmt(list, STMT_ACCUMULATE);
  s->acc = acc;
  s->expr = e;
}

static inline struct loop *loop(struct stmt **list, enum loop_kind kind, struct index *extent) {
  struct loop *l = arena_new(&fx.arena, struct loop);
  *l = (struct loop){.kind = kind, .extent = extent, .name = "i", .id = fx.kernel->n_loops++};
  stmt(list, STMT_LOOP)->loop = l;
  return l;
}

/* ---- running them ---------------------------------------------------------------------------- */

enum { ROOM = 1 << 16 };
static _Alignas(64) uint8_t weights[ROOM], state_room[ROOM], scratch[ROOM];
static _Alignas(64) float logits[ROOM / 4];
static uint32_t tokens[64], sequence_rows[64];

/* Processors to try: this machine's, and the plainest when this machine is an x86. */
static const char *const processors[] = {
    NULL,
#ifdef __x86_64__
    "x86-64",
#endif
};
enum { PROCESSORS = sizeof processors / sizeof *processors };

static int barriers;
static inline void count_barrier(void *team) {
  (void)team;
  barriers++;
}

/* What args.trace was told of: kernel numbers, and at which barrier. */
static struct traced {
  uint32_t thread, kernel;
  int barriers;
} traced[32];
static int n_traced;
static inline void note_trace(void *tracer, uint32_t thread, uint32_t kernel) {
  assert_ptr_equal(tracer, &n_traced);
  traced[n_traced++ % 32] = (struct traced){thread, kernel, barriers};
}

static inline struct native_jit *compile(int processor) {
  struct native_options o = native_defaults;
  o.cpu = processors[processor];
  struct native_jit *j = native_jit(&fx.diag, fx.loops, &o);
  fflush(fx.diag.out);
  if (!j)
    fail_msg("no code: %s", fx.said);
  return j;
}

static inline struct tern_args arguments(uint32_t n) {
  static struct form_call call;
  struct tern_args args = {.weights = weights, .state = state_room, .scratch = scratch};
  form_call(&call, &args, tokens, logits, sequence_rows, n, 1);
  return args;
}

static inline void run_step(const struct native_jit *j, uint32_t threads) {
  struct tern_args args = arguments(1);
  for (uint32_t t = 0; t < threads; t++)
    native_jit_model(j)->entries[0].run(&args, t, threads);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static inline void fill_random(float *x, int n, unsigned seed) {
  uint64_t s = seed * 2654435761u + 88172645463325252u;
  for (int i = 0; i < n; i++) {
    s ^= s << 13, s ^= s >> 7, s ^= s << 17;
    x[i] = (float)((int32_t)(s >> 32)) * 1e-9f;
  }
}

/* Equal bits, or NaN both. */
static inline void same_float(float got, float expected, const char *what, float x) {
  if (isnan(got) && isnan(expected))
    return;
  if (tern_bits(got) != tern_bits(expected))
    fail_msg("%s(%.9g): %.9g (%08x) where %.9g (%08x) is right", what, (double)x, (double)got,
             (unsigned)tern_bits(got), (double)expected, (unsigned)tern_bits(expected));
}

#endif
