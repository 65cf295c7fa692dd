/* entry_calls.h: a model whose entries are no language model's, called with made-up inputs and held against
 * the interpreter bit for bit: what each call returns, what it updates, states, and that nothing else is
 * written.
 *
 * Whoever includes it says how its engine runs an entry. */
#ifndef TERN_TESTS_RANDOM_ENTRY_CALLS_H
#define TERN_TESTS_RANDOM_ENTRY_CALLS_H

#include "backends/lower/loops.h"
#include "ir/interp/interp.h"
#include "runtime/model.h"
#include "tests/unit/ir_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Passes after which entries.tir can be lowered. */
static const char *const entries_passes[] = {
    "ternarize,norm-scale,fuse,plan-memory",
    "ternarize,norm-scale,simplify,cse,dce,fuse,spread,dce,plan-memory"};
enum { ENTRIES_PASSES = sizeof entries_passes / sizeof *entries_passes };

/* An engine that has lowered the module. */
struct entries_check {
  const struct loops *loops;
  const struct weight_source *source;
  const uint8_t *weights; /* the image's */
  uint32_t threads;
  void *self;
  void (*run)(void *self, const struct entry *e, struct tern_args *args, uint32_t threads);
  /* In place of interp_call, or NULL. */
  bool (*call)(void *self, struct interp *in, const struct entry *e, const struct interp_arguments *given);
};

enum { ENTRY_SEQUENCES = 7, ENTRY_MOST_PORTS = 8, ENTRY_GUARD = 64 };

/* One call: what the engine gets of each port, and what was there before. */
struct entry_memory {
  const struct entry *e;
  int64_t sizes[MOST_DIMS];
  uint8_t *ports[ENTRY_MOST_PORTS], *before[ENTRY_MOST_PORTS];
  size_t bytes[ENTRY_MOST_PORTS]; /* and as many as ENTRY_GUARD behind them */
};

static inline uint8_t *entry_room(size_t bytes) {
  uint8_t *p = aligned_alloc(TERN_ALIGN, (bytes + ENTRY_GUARD + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(p);
  memset(p, 0xa5, bytes + ENTRY_GUARD);
  return p;
}

static inline uint32_t entry_random(void) {
  static uint32_t x = 1;
  x = x * 1664525u + 1013904223u;
  return x >> 8;
}

static inline void fill_input(const struct entry_port *p, void *data, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p->access == PORT_ROWS)
      ((uint32_t *)data)[i] = (uint32_t)(3 * i + n) % ENTRY_SEQUENCES;
    else if (p->type.elem == ELEM_F32)
      ((float *)data)[i] = (float)((int32_t)(entry_random() % 4001) - 2000) / 512;
    else
      ((uint32_t *)data)[i] = entry_random() % 9; /* rows of the table; or an integer */
}

static inline void entry_memory_open(struct entry_memory *m, const struct entry *e) {
  m->e = e;
  assert_in_range(e->ports.n, 0, ENTRY_MOST_PORTS);
  for (int i = 0; i < e->ports.n; i++) {
    const struct entry_port *p = &e->ports.at[i];
    size_t n = (size_t)type_count(p->type, m->sizes);
    assert_true(elem_bytes(p->type.elem) == 4);
    m->bytes[i] = 4 * n;
    m->ports[i] = entry_room(m->bytes[i]);
    m->before[i] = entry_room(m->bytes[i]);
    if (p->access != PORT_OUT)
      fill_input(p, m->ports[i], n);
    memcpy(m->before[i], m->ports[i], m->bytes[i]);
  }
}

static inline void entry_memory_close(struct entry_memory *m) {
  for (int i = 0; i < m->e->ports.n; i++) {
    free(m->ports[i]);
    free(m->before[i]);
  }
}

/* Elements of 4 bytes; NaN equals NaN. */
static inline void same_elements(const char *entry, const char *what, const uint8_t *got, const void *want,
                                 size_t n, bool floats) {
  for (size_t i = 0; i < n; i++) {
    uint32_t a, b;
    memcpy(&a, got + 4 * i, 4);
    memcpy(&b, (const uint8_t *)want + 4 * i, 4);
    bool nan = floats && (a & INT32_MAX) > 0x7f800000 && (b & INT32_MAX) > 0x7f800000;
    if (a != b && !nan)
      fail_msg("%s: element %zu of %s is %08x, not %08x", entry, i, what, a, b);
  }
}

/* Results lie in the ports of the arguments that they update, the others in PORT_OUT, in order. */
static inline void check_ports(const struct entry_memory *m, struct interp *in) {
  const struct func *f = m->e->func;
  int next = f->body->n_args;
  for (int i = 0; i < f->body->last->n_in; i++) {
    int updates = func_result(f, i).updates, port = updates < 0 ? next++ : updates;
    const struct tensor *want = interp_result(in, f, i);
    assert_int_equal(m->e->ports.at[port].access, updates < 0 ? PORT_OUT : PORT_UPDATED);
    assert_int_equal(type_count(want->type, NULL) * 4, m->bytes[port]);
    same_elements(m->e->name, m->e->ports.at[port].name, m->ports[port], want->data, m->bytes[port] / 4,
                  want->type.elem == ELEM_F32);
  }
  assert_null(interp_result(in, f, f->body->last->n_in));
  for (int i = 0; i < m->e->ports.n; i++) {
    enum port_access access = m->e->ports.at[i].access;
    if (access == PORT_IN || access == PORT_ROWS)
      assert_memory_equal(m->ports[i], m->before[i], m->bytes[i]);
    for (int k = 0; k < ENTRY_GUARD; k++)
      assert_int_equal(m->ports[i][m->bytes[i] + (size_t)k], 0xa5);
  }
}

/* Calls f(place in the memory of states, the interpreter's, bytes, name) for each. */
static inline void each_state(const struct module *m, struct interp *in, uint8_t *states,
                              void (*f)(uint8_t *at, const struct tensor *t, const char *name)) {
  for (int64_t k = 0; k < ENTRY_SEQUENCES; k++)
    for (const struct state *s = m->states; s; s = s->next)
      for (int64_t i = 0; i < (s->n_counts ? s->counts[0] : 1); i++)
        f(states + k * m->state_bytes + s->offset + i * s->stride, interp_state_of(in, k, s, i), s->name);
}

static inline void take_state(uint8_t *at, const struct tensor *t, const char *name) {
  (void)name;
  memcpy(at, t->data, 4 * (size_t)type_count(t->type, NULL));
}

static inline void check_state(uint8_t *at, const struct tensor *t, const char *name) {
  same_elements("state", name, at, t->data, (size_t)type_count(t->type, NULL), t->type.elem == ELEM_F32);
}

static inline void call_entry(const struct entries_check *c, struct interp *in, const struct entry *e,
                              uint8_t *states, int64_t size) {
  const struct module *module = c->loops->module;
  struct entry_memory m = {0};
  uint32_t sizes[TERN_MOST_DIMS];
  for (int i = 0; i < module->dims.n; i++) {
    int64_t most = module->dims.at[i].most;
    m.sizes[i] = most && size > most ? most : size;
    sizes[i] = (uint32_t)m.sizes[i];
  }
  entry_memory_open(&m, e);
  struct interp_arguments given = {(const void *const *)m.before, m.sizes,
                                   e->sequences ? (uint32_t *)(void *)m.before[e->ports.n - 1] : NULL, NULL};
  assert_true(c->call ? c->call(c->self, in, e, &given) : interp_call(in, e->func, &given));
  size_t scratch = (size_t)(e->scratch + c->threads * e->own);
  struct tern_args args = {.weights = c->weights,
                           .state = states,
                           .scratch = entry_room(scratch),
                           .ports = (void *const *)m.ports,
                           .sizes = sizes};
  c->run(c->self, e, &args, c->threads);
  check_ports(&m, in);
  each_state(module, in, states, check_state);
  for (int k = 0; k < ENTRY_GUARD; k++)
    assert_int_equal(args.scratch[scratch + (size_t)k], 0xa5);
  free(args.scratch);
  entry_memory_close(&m);
}

/* Every entry with few, many and the most of each dimension, one after another on the same states. */
static inline void check_entries(const struct entries_check *c) {
  static const int64_t sizes[] = {4, 1, 100};
  const struct module *m = c->loops->module;
  struct interp *in = interp_new(m, c->source, false);
  uint8_t *states = entry_room((size_t)(ENTRY_SEQUENCES * m->state_bytes));
  assert_non_null(in);
  interp_sequences(in, ENTRY_SEQUENCES);
  each_state(m, in, states, take_state);
  assert_true(c->loops->entries.n > 0);
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < c->loops->entries.n; i++)
      call_entry(c, in, c->loops->entries.at[i], states, sizes[k]);
  free(states);
  interp_free(in);
}

#endif
