/* compare.c: hooks into the interpreter around every kernel and sum. */
#include "driver/compare.h"

#include "backends/lower/facts.h"
#include "ir/interp/interp.h"
#include "ir/layout.h"
#include "runtime/core/session.h"
#include "runtime/kernels/math.h"
#include "runtime/kernels/pack.h"
#include <stdlib.h>
#include <string.h>

struct entry_run {
  struct comparison *c;
  const struct entry *entry;
  const struct interp_arguments *given;
  const int64_t *sizes_now; /* of the module's dimensions, where the interpreter is */
  struct tern_args args;
  int64_t sequences; /* in `state` */
  uint8_t *state, *scratch;
  void **ports; /* a buffer for each */
  uint32_t sizes[MOST_DIMS];
  uint32_t *positions; /* of the call's tokens */
  uint64_t state_bytes, scratch_bytes;
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

static size_t bytes_of(const struct entry_run *r, struct type t) {
  return (size_t)elem_bytes(t.elem) * (size_t)type_count(t, r->sizes_now);
}

/* Where thread `thread` finds the value: with the caller, in scratch, or there in a copy of its own. NULL: it
 * has no place. */
static uint8_t *place_of(const struct entry_run *r, const struct value *v, uint32_t thread) {
  int port = port_of_value(r->entry, v);
  if (port >= 0)
    return r->ports[port];
  const struct kernel *k = v->def ? kernel_of(r->c, v->def) : NULL;
  int64_t own = k && k->team == TEAM_EACH ? r->entry->scratch + thread * r->entry->own : 0;
  return v->at < 0 ? NULL : r->scratch + v->at + own;
}

static uint32_t most_threads(const struct comparison *c) {
  return c->threads > 1 ? c->threads : 1;
}

static void put_input(struct entry_run *r, struct interp *in, const struct value *v) {
  for (uint32_t t = 0; place_of(r, v, t) && t < most_threads(r->c); t++)
    memcpy(place_of(r, v, t), interp_value(in, v)->data, bytes_of(r, v->type));
}

static int64_t instances(const struct state *s) {
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  return n;
}

static uint8_t *state_at(const struct entry_run *r, int64_t sequence, const struct state *s, int64_t i) {
  if (s->within)
    return r->scratch + s->offset;
  return r->state + sequence * (int64_t)r->c->model->state_bytes + s->offset + i * s->stride;
}

/* n numbers that memory has as bfloat16 there. */
static void put_halves(const struct tensor *from, int64_t n, uint8_t *to) {
  for (int64_t i = 0; i < n; i++)
    ((uint16_t *)(void *)to)[i] = tern_to_bf16(from->f32[i]);
}

struct search {
  const char *symbol;
  bool found;
};

static void find_symbol(struct op *op, void *data) {
  struct search *s = data;
  s->found |= (op->code == OP_READ || op->code == OP_WRITE) && strcmp(op->attr.symbol, s->symbol) == 0;
}

/* Whether the state is there for the operator: a place in scratch is of something else before and after. */
static bool is_at_hand(const struct state *s, const struct op *op) {
  struct search search = {.symbol = s->name, .found = !s->within};
  if (s->within && op->body)
    walk(op->body, find_symbol, &search);
  return search.found;
}

static void put_past(const struct entry_run *r, const struct state *s, const struct tensor *rows,
                     uint8_t *past);

static void put_state(const struct entry_run *r, const struct state *s, const struct tensor *from,
                      uint8_t *to) {
  if (type_is_past(r->c->module, s->type))
    put_past(r, s, from, to);
  else if (s->stored == STORE_BF16)
    put_halves(from, type_count(s->type, r->sizes_now), to);
  else
    memcpy(to, from->data, bytes_of(r, s->type));
}

/* ---- rows of pasts --------------------------------------------------------------------------------------
 */

/* Row `row` of a past in memory; again: of a window the one a ring later. */
static uint8_t *past_row(const struct entry_run *r, const struct state *s, uint8_t *past, int64_t row,
                         bool again) {
  int64_t ring = past_ring(r->c->module, s->type.dim[0]), place = ring ? row % ring + again * ring : row;
  return past + place * state_element_bytes(s) * type_count(type_rest(s->type), NULL);
}

/* Of n rows so far those that a token of this call or the next one sees are there. */
static int64_t first_row(const struct entry_run *r, const struct state *s, int64_t n) {
  int64_t ring = past_ring(r->c->module, s->type.dim[0]);
  return ring && n > ring ? n - ring : 0;
}

static void put_row(const struct state *s, const struct tensor *rows, int64_t row, int64_t n, uint8_t *to) {
  int width = state_element_bytes(s);
  if (s->stored != STORE_BF16)
    memcpy(to, (const char *)rows->data + row * n * width, (size_t)(n * width));
  else
    for (int64_t i = 0; i < n; i++)
      ((uint16_t *)(void *)to)[i] = tern_to_bf16(rows->f32[row * n + i]);
}

static void put_past(const struct entry_run *r, const struct state *s, const struct tensor *rows,
                     uint8_t *past) {
  int64_t n = rows->type.dim[0], size = type_count(type_rest(s->type), NULL);
  bool window = past_ring(r->c->module, s->type.dim[0]) > 0;
  for (int64_t row = first_row(r, s, n); row < n; row++)
    for (int again = 0; again <= window; again++)
      put_row(s, rows, row, size, past_row(r, s, past, row, again));
}

typedef bool trained_visit(struct entry_run *r, const struct op *op, const uint32_t *indices,
                           const struct weight *w, const struct tensor *numbers, uint8_t *place);

/* Calls f for every instance of a trained weight; false as soon as it says so. */
static bool each_trained(struct entry_run *r, struct interp *in, const struct op *op, const uint32_t *indices,
                         trained_visit *f) {
  uint8_t *weights = (uint8_t *)r->args.weights; /* compare.h: it may be written then */
  for (const struct weight *w = r->c->module->weights; w; w = w->next)
    for (int64_t i = 0; w->trained && w->stored != STORE_NONE && i < weight_instances(w); i++) {
      const struct tensor *numbers = interp_weight(in, w, i);
      if (!numbers || !f(r, op, indices, w, numbers, weights + w->offset + i * w->stride))
        return false;
    }
  return true;
}

/* Codes are not put: they are made of a master alone. */
static bool put_trained(struct entry_run *r, const struct op *op, const uint32_t *indices,
                        const struct weight *w, const struct tensor *numbers, uint8_t *place) {
  (void)r, (void)op, (void)indices;
  int64_t n = type_count(w->type, NULL);
  if (w->stored == STORE_BF16)
    put_halves(numbers, n, place);
  else if (w->type.elem == ELEM_F32)
    memcpy(place, numbers->data, sizeof(float) * (size_t)n);
  return true;
}

/* Everything that the kernel may read; what it must not read is filled with a pattern. */
static void put_inputs(struct entry_run *r, struct interp *in, const struct op *op) {
  memset(r->scratch, 0xa5, r->scratch_bytes);
  for (int i = 0; i < r->entry->ports.n; i++)
    if (r->entry->ports.at[i].access != PORT_ROWS)
      memset(r->ports[i], 0xa5, bytes_of(r, r->entry->ports.at[i].type));
  for (int64_t n = 0; n < r->sequences; n++)
    for (const struct state *s = r->c->module->states; s; s = s->next)
      for (int64_t i = 0; i < instances(s) && is_at_hand(s, op); i++)
        put_state(r, s, interp_state_of(in, n, s, i), state_at(r, n, s, i));
  each_trained(r, in, op, NULL, put_trained);
  if (op->code == OP_KERNEL) {
    struct arena a = {0};
    struct value **captured;
    int n = captured_values(&a, op, &captured);
    for (int i = 0; i < n; i++)
      put_input(r, in, captured[i]);
    arena_free(&a);
  }
  for (int i = 0; i < op->n_in; i++) {
    const struct op *matrix = op->in[i]->def;
    for (int k = 0; matrix && matrix->code == OP_WEIGHT && k < matrix->n_in; k++)
      put_input(r, in, matrix->in[k]); /* computed indices */
    put_input(r, in, op->in[i]);
  }
}

/* Says in `text` how element i differs; the same bits, which is what nearly all elements have, cost no words.
 */
static bool differs(enum elem e, const void *want, const void *got, int64_t i, char *text, size_t size) {
  if (e == ELEM_F32) {
    float a = ((const float *)want)[i], b = ((const float *)got)[i];
    if (memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b))
      return false;
    snprintf(text, size, "%.9g, the interpreter %.9g", (double)b, (double)a);
    return true;
  }
  int width = elem_bytes(e);
  int64_t a = 0, b = 0;
  memcpy(&a, (const char *)want + i * width, (size_t)width);
  memcpy(&b, (const char *)got + i * width, (size_t)width);
  int shift = 64 - 8 * width; /* sign extension */
  a = (int64_t)((uint64_t)a << shift) >> shift;
  b = (int64_t)((uint64_t)b << shift) >> shift;
  if (a == b)
    return false;
  snprintf(text, size, "%lld, the interpreter %lld", (long long)b, (long long)a);
  return true;
}

static bool check(struct entry_run *r, const struct op *op, const uint32_t *indices, const char *what,
                  enum elem e, int64_t n, const void *want, const void *got) {
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

static bool check_halves(struct entry_run *r, const struct op *op, const uint32_t *indices, const char *what,
                         int64_t n, const void *want, const void *got) {
  float *wide = xmalloc(sizeof *wide * (size_t)n + 1);
  for (int64_t i = 0; i < n; i++)
    wide[i] = tern_bf16(((const uint16_t *)got)[i]);
  bool ok = check(r, op, indices, what, ELEM_F32, n, want, wide);
  free(wide);
  return ok;
}

static bool check_trained(struct entry_run *r, const struct op *op, const uint32_t *indices,
                          const struct weight *w, const struct tensor *numbers, uint8_t *place) {
  int64_t n = type_count(w->type, NULL), bytes = weight_bytes(w);
  if (w->stored == STORE_BF16)
    return check_halves(r, op, indices, w->name, n, numbers->data, place);
  if (w->type.elem == ELEM_F32)
    return check(r, op, indices, w->name, ELEM_F32, n, numbers->data, place);
  if (op->code != OP_DEFINE || strcmp(op->attr.symbol, w->name) != 0)
    return true;
  uint8_t *packed = xmalloc((size_t)bytes);
  (w->stored == STORE_TILE3 ? tern_pack_tile3 : tern_pack_tile2)(numbers->i8, w->type.dim[0], w->type.dim[1],
                                                                 packed);
  bool ok = check(r, op, indices, w->name, ELEM_I8, bytes, packed, place);
  free(packed);
  return ok;
}

static bool check_past(struct entry_run *r, const struct op *op, const uint32_t *indices,
                       const struct state *s, const struct tensor *rows, uint8_t *past) {
  int64_t n = rows->type.dim[0], size = type_count(type_rest(s->type), NULL);
  bool window = past_ring(r->c->module, s->type.dim[0]) > 0, ok = true;
  size_t bytes = (size_t)(size * state_element_bytes(s));
  uint8_t *want = xmalloc(bytes + 1);
  enum elem e = s->stored == STORE_BF16 ? ELEM_I16 : s->type.elem;
  for (int64_t row = first_row(r, s, n); ok && row < n; row++)
    for (int again = 0; ok && again <= window; again++) {
      put_row(s, rows, row, size, want);
      ok = check(r, op, indices, s->name, e, size, want, past_row(r, s, past, row, again));
    }
  free(want);
  return ok;
}

static bool check_state(struct entry_run *r, const struct op *op, const uint32_t *indices,
                        const struct state *s, const struct tensor *want, uint8_t *got) {
  if (type_is_past(r->c->module, s->type))
    return check_past(r, op, indices, s, want, got);
  int64_t n = type_count(s->type, r->sizes_now);
  return s->stored == STORE_BF16 ? check_halves(r, op, indices, s->name, n, want->data, got)
                                 : check(r, op, indices, s->name, s->type.elem, n, want->data, got);
}

static bool check_results(struct entry_run *r, struct interp *in, const struct op *op,
                          const uint32_t *indices) {
  char what[32];
  for (int i = 0; i < op->n_out; i++) {
    const struct value *v = op->out[i];
    const void *got = place_of(r, v, 0);
    snprintf(what, sizeof what, "result %d", i);
    if (got && !check(r, op, indices, what, v->type.elem, type_count(v->type, r->sizes_now),
                      interp_value(in, v)->data, got))
      return false;
  }
  for (int64_t n = 0; n < r->sequences; n++)
    for (const struct state *s = r->c->module->states; s; s = s->next)
      for (int64_t i = 0; i < instances(s) && is_at_hand(s, op); i++)
        if (!check_state(r, op, indices, s, interp_state_of(in, n, s, i), state_at(r, n, s, i)))
          return false;
  return each_trained(r, in, op, indices, check_trained);
}

/* What one thread made of the kernel's operator, one after another: states, then results. */
static uint8_t *made_bytes(const struct entry_run *r, const struct op *op, uint32_t thread, size_t *bytes) {
  *bytes = r->state_bytes;
  for (int i = 0; i < op->n_out; i++)
    *bytes += place_of(r, op->out[i], thread) ? bytes_of(r, op->out[i]->type) : 0;
  uint8_t *all = xmalloc(*bytes + 1), *to = all + r->state_bytes;
  memcpy(all, r->state, r->state_bytes);
  for (int i = 0; i < op->n_out; i++) {
    const uint8_t *from = place_of(r, op->out[i], thread);
    size_t n = from ? bytes_of(r, op->out[i]->type) : 0;
    if (n)
      memcpy(to, from, n);
    to += n;
  }
  return all;
}

/* All kernels that the operator became, one after another, each by its threads one after another. */
static void run_kernels(struct entry_run *r, const struct op *op, const uint32_t *indices, uint32_t threads) {
  for (const struct kernel *k = kernel_of(r->c, op); k && k->op == op; k = k->next) {
    const struct tern_kernel_info *engine = engine_kernel(r->c, kernel_title(k));
    for (uint32_t t = 0; engine && t < threads; t++)
      engine->run(&r->args, indices[0], indices[1], t, threads);
    r->c->kernels_run += threads == 1;
  }
}

/* The kernel again by several threads, one after another: each must find the bytes that one thread made. */
static bool same_by_threads(struct entry_run *r, struct interp *in, const struct op *op,
                            const uint32_t *indices) {
  size_t bytes;
  uint8_t *alone = made_bytes(r, op, 0, &bytes);
  bool ok = true;
  put_inputs(r, in, op);
  run_kernels(r, op, indices, r->c->threads);
  for (uint32_t t = 0; t < r->c->threads; t++) {
    uint8_t *together = made_bytes(r, op, t, &bytes);
    ok = ok && memcmp(alone, together, bytes) == 0;
    free(together);
  }
  free(alone);
  if (!ok)
    diag_at(r->c->module->diag, SEVERITY_ERROR, op->at, "%s kernel '%s' gives other results with %u threads",
            r->c->engine, kernel_title(kernel_of(r->c, op)), r->c->threads);
  return ok;
}

static bool before(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct entry_run *r = self;
  r->sizes_now = interp_sizes(in);
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
  run_kernels(r, op, indices, 1);
  return r->c->threads < 2 || same_by_threads(r, in, op, indices);
}

static bool after(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct entry_run *r = self;
  bool ran = r->kernel && op->code != OP_REPEAT; /* after a repeat, r->kernel is the last one in it */
  return !ran || check_results(r, in, op, indices);
}

/* ---- a call ------------------------------------------------------------------------------------------ */

static size_t tokens_of(const struct entry_run *r) {
  int64_t of = r->entry->sequences ? r->entry->sequences : DIM_T;
  return func_has_dim(r->entry->func, of) ? (size_t)r->given->sizes[-1 - of] : 1;
}

static void make_memory(struct entry_run *r, const struct interp *in) {
  r->ports = xmalloc(sizeof *r->ports * (size_t)r->entry->ports.n);
  for (int i = 0; i < r->entry->ports.n; i++) {
    const struct entry_port *p = &r->entry->ports.at[i];
    r->ports[i] = aligned(bytes_of(r, p->type));
    if (p->access == PORT_ROWS)
      memcpy(r->ports[i], r->given->rows, bytes_of(r, p->type));
  }
  for (int i = 0; i < r->c->module->dims.n; i++)
    r->sizes[i] = (uint32_t)r->given->sizes[i];
  r->positions = xmalloc(sizeof *r->positions * tokens_of(r));
  for (size_t i = 0; i < tokens_of(r); i++)
    r->positions[i] =
        r->given->rows ? interp_taken(in, r->given->rows[i]) : interp_taken(in, 0) + (uint32_t)i;
  r->state_bytes = (uint64_t)r->sequences * r->c->model->state_bytes;
  r->scratch_bytes = (uint64_t)(r->entry->scratch + most_threads(r->c) * r->entry->own);
  r->state = aligned(r->state_bytes);
  r->scratch = aligned(r->scratch_bytes);
  memset(r->state, 0, r->state_bytes);
  r->args = (struct tern_args){.weights = r->c->weights,
                               .state = r->state,
                               .scratch = r->scratch,
                               .ports = r->ports,
                               .positions = r->positions,
                               .sizes = r->sizes};
}

static void free_memory(struct entry_run *r) {
  for (int i = 0; i < r->entry->ports.n; i++)
    free(r->ports[i]);
  free(r->ports);
  free(r->positions);
  free(r->state);
  free(r->scratch);
}

bool compare_entry(struct comparison *c, struct interp *in, const struct entry *e,
                   const struct interp_arguments *given) {
  struct entry_run r = {
      .c = c, .entry = e, .given = given, .sizes_now = given->sizes, .sequences = c->sequences};
  make_memory(&r, in);
  struct interp_hook hook = {&r, before, after};
  interp_set_hook(in, &hook);
  bool ok = interp_call(in, e->func, given);
  interp_set_hook(in, NULL);
  free_memory(&r);
  return ok;
}
