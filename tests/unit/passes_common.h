/* passes_common.h: what the tests of passes share: weights made from their names, running a model with the
 * interpreter in both forms, and a memory checker for planned modules. */
#ifndef TERN_TESTS_PASSES_COMMON_H
#define TERN_TESTS_PASSES_COMMON_H

#include "ir/interp/interp.h"
#include "passes/pass.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- random numbers ---------------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t x) {
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
  return x ^ x >> 32;
}

static inline uint64_t hash_text(const char *s) {
  uint64_t h = 1469598103934665603u;
  for (; *s; s++)
    h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h;
}

static bool source_floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  (void)self;
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(mix(hash_text(name) + (uint64_t)(first + i)) >> 40) * 0x1p-23f - 1;
  return true;
}

static bool source_ternary(void *self, const char *name, const struct weight *w, int8_t *codes,
                           float *means) {
  (void)self;
  int64_t rows = w->type.dim[0], cols = w->type.dim[1];
  int64_t scales = w->scale == WSCALE_ROW     ? rows
                   : w->scale == WSCALE_GROUP ? rows * ((cols + w->group - 1) / w->group)
                                              : 1;
  for (int64_t i = 0; i < rows * cols; i++)
    codes[i] = (int8_t)(mix(hash_text(name) ^ (uint64_t)i) % 3) - 1;
  for (int64_t i = 0; i < scales; i++)
    means[i] = 0.5f + (float)(mix(hash_text(name) + (uint64_t)i) % 64) / 64;
  return true;
}

static const struct weight_source weights_by_name = {.floats = source_floats, .codes = source_ternary};

/* ---- running both forms ------------------------------------------------------------------------------ */

/* Equal bits; of NaNs only that both are. */
static inline bool same_bits(float a, float b) {
  return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

enum { RUN_TOKENS = 12 };

/* What a model gives for RUN_TOKENS tokens: logits [RUN_TOKENS, vocab] and the states after them. */
struct outcome {
  int64_t vocab, n_states;
  float *logits, *states;
  bool known[RUN_TOKENS]; /* which rows of logits were asked for */
};

static inline uint32_t token_at(int t, uint32_t vocab) {
  return (uint32_t)(mix((uint64_t)t) % vocab);
}

/* Of the states of the sequence that `like` has too: dce drops those that nothing names. */
static inline void take_states(struct interp *in, const struct module *m, const struct module *like,
                               struct outcome *o) {
  for (const struct state *s = m->states; s; s = s->next) {
    if (s->within || !state_find(like, s->name))
      continue;
    int64_t instances = 1, n = type_count(s->type, NULL);
    for (int i = 0; i < s->n_counts; i++)
      instances *= s->counts[i];
    for (int64_t i = 0; i < instances; i++, o->n_states += n) {
      o->states = xrealloc(o->states, sizeof(float) * (size_t)(o->n_states + n));
      memcpy(o->states + o->n_states, interp_state(in, s, i)->f32, sizeof(float) * (size_t)n);
    }
  }
}

/* Takes the tokens n at a time, keeping `keep` rows of each call; n = 1: the form step. The states that
 * `like` has are noted. */
static inline struct outcome run_model(const struct module *m, const struct module *like, uint32_t vocab,
                                       int n, int keep) {
  struct outcome o = {0};
  struct interp *in = interp_new(m, &weights_by_name, false);
  assert_non_null(in);
  for (int t = 0; t < RUN_TOKENS;) {
    int now = RUN_TOKENS - t < n ? RUN_TOKENS - t : n, kept = keep < now ? keep : now;
    uint32_t tokens[RUN_TOKENS];
    const struct tensor *out;
    for (int i = 0; i < now; i++)
      tokens[i] = token_at(t + i, vocab);
    assert_true(interp_run(in, n == 1 ? "step" : "prefill", tokens, now, kept, &out));
    o.vocab = n == 1 ? type_count(out->type, NULL) : out->type.dim[1];
    if (!o.logits)
      o.logits = xmalloc(sizeof(float) * RUN_TOKENS * (size_t)o.vocab);
    t += now;
    memcpy(o.logits + (t - kept) * o.vocab, out->f32, sizeof(float) * (size_t)(kept * o.vocab));
    for (int i = t - kept; i < t; i++)
      o.known[i] = true;
  }
  take_states(in, m, like, &o);
  interp_free(in);
  return o;
}

/* Whether sequences that step together, each sitting out now and then, give the bits and leave the states of
 * each by itself. */
static inline bool together_as_alone(const struct module *m, uint32_t vocab) {
  enum { SEQUENCES = 3, ROUNDS = 4 };
  struct interp *all = interp_new(m, &weights_by_name, false), *one[SEQUENCES];
  const struct tensor *got, *want;
  bool same = true;
  interp_sequences(all, SEQUENCES);
  for (int i = 0; i < SEQUENCES; i++)
    one[i] = interp_new(m, &weights_by_name, false);
  for (int round = 0; round < ROUNDS; round++) {
    uint32_t which[SEQUENCES], tokens[SEQUENCES], n = 0;
    for (uint32_t i = SEQUENCES; i-- > 0;)
      if ((i + (uint32_t)round) % 4) {
        tokens[n] = token_at((int)i * ROUNDS + round, vocab);
        which[n++] = i;
      }
    assert_true(interp_run_batch(all, which, tokens, n, &got));
    for (uint32_t i = 0; i < n; i++) {
      assert_true(interp_run(one[which[i]], "step", &tokens[i], 1, 1, &want));
      int64_t width = type_count(want->type, NULL);
      for (int64_t k = 0; k < width; k++)
        same &= same_bits(got->f32[i * width + k], want->f32[k]);
    }
  }
  for (const struct state *s = m->states; s; s = s->next)
    for (int i = 0; i < SEQUENCES; i++) {
      int64_t instances = 1;
      for (int k = 0; k < s->n_counts; k++)
        instances *= s->counts[k];
      for (int64_t e = 0; e < instances * type_count(s->type, NULL); e++) {
        int64_t size = type_count(s->type, NULL);
        same &= same_bits(interp_state_of(all, i, s, e / size)->f32[e % size],
                          interp_state(one[i], s, e / size)->f32[e % size]);
      }
    }
  for (int i = 0; i < SEQUENCES; i++)
    interp_free(one[i]);
  interp_free(all);
  return same;
}

static inline void free_outcome(struct outcome *o) {
  free(o->logits);
  free(o->states);
}

/* The largest difference of the rows that b has; of equal bits 0. */
static inline double difference(const struct outcome *a, const struct outcome *b) {
  double most = 0;
  assert_int_equal(a->vocab, b->vocab);
  assert_int_equal(a->n_states, b->n_states);
  for (int t = 0; t < RUN_TOKENS; t++)
    for (int64_t i = 0; i < a->vocab && b->known[t]; i++) {
      float x = a->logits[t * a->vocab + i], y = b->logits[t * a->vocab + i];
      if (!same_bits(x, y))
        most = fmax(most, isnan(x - y) ? INFINITY : fmax(fabs((double)x - (double)y), 1e-300));
    }
  for (int64_t i = 0; i < a->n_states; i++)
    if (!same_bits(a->states[i], b->states[i]))
      most = fmax(most, fmax(fabs((double)a->states[i] - (double)b->states[i]), 1e-300));
  return most;
}

/* ---- what a module holds ----------------------------------------------------------------------------- */

struct tally {
  enum opcode code;
  int n;
};

static inline void tally_op(struct op *op, void *data) {
  ((struct tally *)data)->n += op->code == ((struct tally *)data)->code;
}

/* How many operators of a kind a function has, bodies included. */
static inline int count_ops(const struct module *m, const char *func, enum opcode code) {
  struct tally t = {.code = code};
  walk(func_find(m, func)->body, tally_op, &t);
  return t.n;
}

/* ---- the memory checker ------------------------------------------------------------------------------ */

/* Runs a planned function with a memory that holds, for each 64 bytes, which making of which value was stored
 * there last. Knows nothing of lifetimes: it just looks whether each value is still there when it is read. */
struct checker {
  const struct module *m;
  struct arena arena;
  int64_t lines;
  int *memory;    /* stamp by line */
  VEC(int) stamp; /* by value id: of its last making */
  int next_stamp;
};

static inline void give_ids(struct checker *c, int n, struct value *const *values) {
  for (int i = 0; i < n; i++) {
    values[i]->id = c->stamp.n;
    vec_push(&c->arena, c->stamp, 0);
  }
}

static inline void give_op_ids(struct op *op, void *data) {
  give_ids(data, op->n_out, op->out);
  if (op->body)
    give_ids(data, op->body->n_args, op->body->args);
}

static inline bool is_planned(const struct value *v) {
  return v->at >= 0;
}

static inline int64_t first_line(const struct value *v) {
  assert_int_equal(v->at % 64, 0);
  return v->at / 64;
}

static inline int64_t end_line(const struct checker *c, const struct value *v) {
  int64_t end = v->at + elem_bytes(v->type.elem) * most_count(c->m, v->type);
  assert_true(end <= c->lines * 64);
  return (end + 63) / 64;
}

static inline void check_there(const struct checker *c, const struct value *v, int stamp) {
  for (int64_t k = first_line(v); k < end_line(c, v); k++)
    if (c->memory[k] != stamp)
      fail_msg("a value at %lld is overwritten before its last use", (long long)v->at);
}

static inline void store_value(struct checker *c, const struct value *v) {
  int stamp = c->stamp.at[v->id] = ++c->next_stamp;
  for (int64_t k = first_line(v); k < end_line(c, v); k++)
    c->memory[k] = stamp;
}

/* The exception of docs/ir.md: result `out` of a kernel over its operand `old`. */
static inline bool in_place(const struct op *kernel, const struct value *out, const struct value *old) {
  if (kernel->code != OP_KERNEL || out->at != old->at || !type_equal(out->type, old->type))
    return false;
  const struct op *def = kernel->body->last->in[out->index]->def;
  bool direct = false;
  for (int i = 0; i < def->n_in; i++)
    direct |= def->in[i] == old;
  return direct && (op_info[def->code].flags & MAP) && count_uses(kernel->body, old) == 1;
}

static inline void check_apart(const struct checker *c, const struct op *op, const struct value *in) {
  for (int i = 0; i < op->n_out; i++) {
    const struct value *out = op->out[i];
    if (!is_planned(out) || in_place(op, out, in))
      continue;
    assert_true(end_line(c, out) <= first_line(in) || end_line(c, in) <= first_line(out));
  }
}

static inline void check_reads(struct checker *c, const struct op *op) {
  struct value **captured = NULL;
  int n = op->body ? captured_values(&c->arena, op, &captured) : 0;
  for (int i = 0; i < n + op->n_in; i++) {
    const struct value *v = i < n ? captured[i] : op->in[i - n];
    if (!is_planned(v))
      continue;
    check_there(c, v, c->stamp.at[v->id]);
    if (op->code != OP_REPEAT)
      check_apart(c, op, v);
  }
}

static inline void check_block(struct checker *c, const struct block *b);

static inline void check_repeat(struct checker *c, const struct op *op) {
  const struct block *body = op->body;
  const struct value *const *from = (const struct value *const *)op->in;
  for (int64_t round = 0; round < op->attr.count && round < 3; round++) {
    int stamps[16];
    assert_true(op->n_in <= 16);
    for (int i = 0; i < op->n_in; i++)
      stamps[i] = c->stamp.at[from[i]->id];
    for (int i = 0; i < op->n_in; i++) {
      check_there(c, body->args[1 + i], stamps[i]);
      c->stamp.at[body->args[1 + i]->id] = stamps[i];
    }
    check_block(c, body);
    from = (const struct value *const *)body->last->in;
  }
  for (int i = 0; i < op->n_in; i++) {
    c->stamp.at[op->out[i]->id] = c->stamp.at[from[i]->id];
    check_there(c, op->out[i], c->stamp.at[from[i]->id]);
  }
}

static inline void check_block(struct checker *c, const struct block *b) {
  for (const struct op *op = b->first; op; op = op->next) {
    check_reads(c, op);
    if (op->code == OP_REPEAT) {
      check_repeat(c, op);
      continue;
    }
    for (int i = 0; i < op->n_out; i++)
      if (is_planned(op->out[i]))
        store_value(c, op->out[i]);
    for (int i = 0; i < op->n_out; i++)
      if (is_planned(op->out[i]))
        check_there(c, op->out[i], c->stamp.at[op->out[i]->id]);
  }
}

/* Fails when a buffer of the planned function is overwritten while it is needed. */
static inline void check_memory(const struct module *m, const struct func *f) {
  struct checker c = {.m = m, .lines = f->scratch / 64};
  assert_int_equal(f->scratch % 64, 0);
  c.memory = arena_array(&c.arena, int, c.lines);
  give_ids(&c, f->body->n_args, f->body->args);
  walk(f->body, give_op_ids, &c);
  check_block(&c, f->body);
  const struct op *end = f->body->last;
  assert_int_equal(end->in[0]->at, -2);
  assert_true(end->in[0]->def->code == OP_KERNEL || end->in[0]->def->code == OP_TERNARY_SUM);
  arena_free(&c.arena);
}

#endif
