/* compare.c: hooks into the interpreter around every kernel and sum. */
#include "driver/compare.h"

#include "backends/loops/facts.h"
#include "ir/interp.h"
#include "runtime/session.h"
#include <stdlib.h>
#include <string.h>

struct run {
  struct comparison *c;
  struct tern_args args;
  int64_t sequences; /* in `state` */
  uint8_t *state, *scratch;
  float *logits;
  uint64_t state_bytes, scratch_bytes, logits_bytes;
  const struct tern_kernel_info *kernel; /* the one that just ran */
};

static void *aligned(uint64_t bytes) {
  void *p = aligned_alloc(TERN_ALIGN, (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  if (!p)
    abort();
  return p;
}

static const struct kernel *kernel_of(const struct comparison *c, const struct op *op) {
  for (const struct kernel *k = c->loops->kernels; k; k = k->next)
    if (k->op == op)
      return k;
  return NULL;
}

static const struct tern_kernel_info *engine_kernel(const struct comparison *c, const char *name) {
  for (uint32_t i = 0; i < c->model->n_kernels; i++)
    if (strcmp(c->model->kernels[i].name, name) == 0)
      return &c->model->kernels[i];
  return NULL;
}

static size_t bytes_of(const struct run *r, struct type t) {
  return (size_t)elem_bytes(t.elem) * (size_t)type_count(t, r->args.n, r->args.keep);
}

/* Where thread `thread` finds the value: it may have a copy of its own. */
static uint8_t *place_of(const struct run *r, const struct value *v, uint32_t thread) {
  const struct kernel *k = v->def ? kernel_of(r->c, v->def) : NULL;
  bool own = k && k->team == TEAM_EACH;
  return r->scratch + v->at + (own ? step_scratch(r->c->model, thread) : 0);
}

static uint32_t most_threads(const struct comparison *c) {
  return c->threads > 1 ? c->threads : 1;
}

static void put_input(struct run *r, struct interp *in, const struct value *v) {
  for (uint32_t t = 0; v->at >= 0 && t < most_threads(r->c); t++)
    memcpy(place_of(r, v, t), interp_value(in, v)->data, bytes_of(r, v->type));
}

static int64_t instances(const struct state *s) {
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  return n;
}

static uint8_t *state_at(const struct run *r, int64_t sequence, const struct state *s, int64_t i) {
  return r->state + sequence * (int64_t)r->c->model->state_bytes + s->offset + i * s->stride;
}

/* Everything that the kernel may read; what it must not read is filled with a pattern. */
static void put_inputs(struct run *r, struct interp *in, const struct op *op) {
  memset(r->scratch, 0xa5, r->scratch_bytes);
  memset(r->logits, 0xa5, r->logits_bytes);
  for (int64_t n = 0; n < r->sequences; n++)
    for (const struct state *s = r->c->module->states; s; s = s->next)
      for (int64_t i = 0; i < instances(s); i++)
        memcpy(state_at(r, n, s, i), interp_state_of(in, n, s, i)->data, bytes_of(r, s->type));
  if (op->code == OP_KERNEL) {
    struct arena a = {0};
    struct value **captured;
    int n = captured_values(&a, op, &captured);
    for (int i = 0; i < n; i++)
      put_input(r, in, captured[i]);
    arena_free(&a);
  }
  for (int i = 0; i < op->n_in; i++)
    put_input(r, in, op->in[i]);
}

static bool differs(enum elem e, const void *want, const void *got, int64_t i, char *text, size_t size) {
  if (e == ELEM_F32) {
    float a = ((const float *)want)[i], b = ((const float *)got)[i];
    snprintf(text, size, "%.9g, the interpreter %.9g", (double)b, (double)a);
    return memcmp(&a, &b, sizeof a) != 0 && (a == a || b == b);
  }
  int width = elem_bytes(e);
  int64_t a = 0, b = 0;
  memcpy(&a, (const char *)want + i * width, (size_t)width);
  memcpy(&b, (const char *)got + i * width, (size_t)width);
  int shift = 64 - 8 * width; /* sign extension */
  a = (int64_t)((uint64_t)a << shift) >> shift;
  b = (int64_t)((uint64_t)b << shift) >> shift;
  snprintf(text, size, "%lld, the interpreter %lld", (long long)b, (long long)a);
  return a != b;
}

static bool check(struct run *r, const struct op *op, const uint32_t *indices, const char *what, enum elem e,
                  int64_t n, const void *want, const void *got) {
  char values[80];
  for (int64_t i = 0; i < n; i++)
    if (differs(e, want, got, i, values, sizeof values)) {
      diag_at(
          r->c->module->diag, SEVERITY_ERROR, op->at,
          "%s differs from the interpreter first in kernel '%s' (repeat %u, %u): element %lld of %s is %s",
          r->c->engine, r->kernel->name, indices[0], indices[1], (long long)i, what, values);
      return false;
    }
  return true;
}

static bool check_results(struct run *r, struct interp *in, const struct op *op, const uint32_t *indices) {
  char what[32];
  for (int i = 0; i < op->n_out; i++) {
    const struct value *v = op->out[i];
    const void *got = v->at == AT_OUTPUT ? (void *)r->logits : place_of(r, v, 0);
    snprintf(what, sizeof what, "result %d", i);
    if (v->at != AT_NONE &&
        !check(r, op, indices, what, v->type.elem, type_count(v->type, r->args.n, r->args.keep),
               interp_value(in, v)->data, got))
      return false;
  }
  for (int64_t n = 0; n < r->sequences; n++)
    for (const struct state *s = r->c->module->states; s; s = s->next)
      for (int64_t i = 0; i < instances(s); i++)
        if (!check(r, op, indices, s->name, s->type.elem, type_count(s->type, 1, 1),
                   interp_state_of(in, n, s, i)->data, state_at(r, n, s, i)))
          return false;
  return true;
}

static bool before(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct run *r = self;
  const struct kernel *k = kernel_of(r->c, op);
  r->kernel = NULL;
  if (!k)
    return true;
  r->kernel = engine_kernel(r->c, kernel_title(k));
  if (!r->kernel) {
    diag_at(r->c->module->diag, SEVERITY_ERROR, op->at, "%s has no kernel '%s'", r->c->engine, k->name);
    return false;
  }
  put_inputs(r, in, op);
  r->kernel->run(&r->args, indices[0], indices[1], 0, 1);
  r->c->kernels_run++;
  if (r->c->threads < 2)
    return true;
  /* the same by several threads, one after another: the results must be the same bytes */
  uint8_t *state = xmalloc(r->state_bytes), *scratch = xmalloc(r->scratch_bytes);
  float *logits = xmalloc(r->logits_bytes);
  memcpy(state, r->state, r->state_bytes);
  memcpy(scratch, r->scratch, r->scratch_bytes);
  memcpy(logits, r->logits, r->logits_bytes);
  put_inputs(r, in, op);
  for (uint32_t t = 0; t < r->c->threads; t++)
    r->kernel->run(&r->args, indices[0], indices[1], t, r->c->threads);
  bool ok = memcmp(state, r->state, r->state_bytes) == 0 && memcmp(logits, r->logits, r->logits_bytes) == 0;
  for (int i = 0; i < op->n_out; i++) {
    const struct value *v = op->out[i];
    const uint8_t *alone = v->at < 0 ? NULL : scratch + (place_of(r, v, 0) - r->scratch);
    for (uint32_t t = 0; alone && t < r->c->threads; t++)
      ok = ok && memcmp(alone, place_of(r, v, t), bytes_of(r, v->type)) == 0;
  }
  if (!ok)
    diag_at(r->c->module->diag, SEVERITY_ERROR, op->at, "%s kernel '%s' gives other results with %u threads",
            r->c->engine, k->name, r->c->threads);
  free(state);
  free(scratch);
  free(logits);
  return ok;
}

static bool after(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct run *r = self;
  bool ran = r->kernel && op->code != OP_REPEAT; /* after a repeat, r->kernel is the last one in it */
  return !ran || check_results(r, in, op, indices);
}

/* form NULL: the batch form. */
static bool compare_run(struct run *r, struct interp *in, const char *form) {
  r->state_bytes = (uint64_t)r->sequences * r->c->model->state_bytes;
  r->logits_bytes = sizeof(float) * (uint64_t)r->args.keep * r->c->model->vocab;
  r->args.weights = r->c->weights;
  r->args.state = r->state = aligned(r->state_bytes);
  r->args.scratch = r->scratch = aligned(r->scratch_bytes);
  r->args.logits = r->logits = aligned(r->logits_bytes);
  memset(r->state, 0, r->state_bytes);
  struct interp_hook hook = {r, before, after};
  interp_set_hook(in, &hook);
  bool ok = form ? interp_run(in, form, r->args.tokens, r->args.n, r->args.keep, NULL)
                 : interp_run_batch(in, r->args.rows, r->args.tokens, r->args.n, NULL);
  interp_set_hook(in, NULL);
  free(r->state);
  free(r->scratch);
  free(r->logits);
  return ok;
}

bool compare_form(struct comparison *c, struct interp *in, const char *form, const uint32_t *tokens,
                  int64_t n, int64_t keep) {
  bool step = strcmp(form, "step") == 0;
  struct run r = {.c = c,
                  .sequences = 1,
                  .args = {.tokens = tokens, .n = (uint32_t)n, .keep = (uint32_t)keep},
                  .scratch_bytes =
                      step ? step_scratch(c->model, most_threads(c)) : c->model->prefill_scratch};
  return compare_run(&r, in, form);
}

bool compare_batch(struct comparison *c, struct interp *in, int64_t sequences, const uint32_t *rows,
                   const uint32_t *tokens, int64_t n) {
  struct run r = {.c = c,
                  .sequences = sequences,
                  .args = {.tokens = tokens, .n = (uint32_t)n, .keep = (uint32_t)n, .rows = rows},
                  .scratch_bytes = c->model->batch_scratch};
  return compare_run(&r, in, NULL);
}
