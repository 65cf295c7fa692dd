/* interp_symbols.c: operators that name a weight or a state. */
#include "ir/interp/interp_impl.h"
#include "runtime/kernels/math.h"

#include <string.h>

/* The instance that an operator's index operands (from operand `first`) choose for a token; -1 after a
 * diagnostic. */
static int64_t instance_at(struct interp *in, const struct op *op, int first, int n_counts,
                           const int64_t *counts, int64_t token) {
  int64_t instance = 0;
  for (int i = 0; i < n_counts; i++) {
    const struct tensor *t = operand(in, op->in[first + i]);
    uint32_t index = t->u32[t->type.rank ? token : 0];
    if (index >= counts[i]) {
      diag_at(in->d, SEVERITY_ERROR, op->at, "index %u of '%s' is beyond its %lld instances", index,
              op->attr.symbol, (long long)counts[i]);
      return -1;
    }
    instance = instance * counts[i] + index;
  }
  return instance;
}

int64_t instance_of(struct interp *in, const struct op *op, int first, int n_counts, const int64_t *counts) {
  return instance_at(in, op, first, n_counts, counts, 0);
}

struct symbol_slot *state_slot(struct interp *in, const struct state *s) {
  struct symbol_slot *slot;
  const void *key = s;
  HASH_FIND_PTR(in->states, &key, slot);
  return slot;
}

const struct tensor *interp_state_of(struct interp *in, int64_t sequence, const struct state *s,
                                     int64_t instance) {
  const struct symbol_slot *slot = state_slot(in, s);
  return &slot->tensors[sequence * (slot->n / in->sequences) + instance];
}

const struct tensor *interp_state(struct interp *in, const struct state *s, int64_t instance) {
  return interp_state_of(in, 0, s, instance);
}

/* The scales of a quantised state, one a vector. */
static void move_scales(struct interp *in, struct type t, struct tensor *state, struct tensor *value,
                        bool write) {
  t = interp_type(in, t);
  int64_t n = type_count(t, NULL) / t.dim[t.rank - 1];
  struct tensor *to = write ? state : value, *from = write ? value : state;
  if (!write)
    need_scales(in, to, n);
  memcpy(to->scales, from->scales, (size_t)n * element_bytes(in, ELEM_F32));
}

/* float64 judges what is computed, not how it is kept. */
static void round_stored(const struct interp *in, struct tensor *t, int64_t first, int64_t n) {
  for (int64_t i = first; i < first + n && !in->float64; i++)
    t->f32[i] = tern_bf16(tern_to_bf16(t->f32[i]));
}

/* The first element of the part, or row, that the last index names. */
static int64_t part_begin(struct interp *in, const struct op *op, struct type t, bool row) {
  int64_t most = row ? 1 : dim_of(in->m, t.dim[0])->most;
  return operand(in, op->in[op->n_in - 1])->u32[0] * most * type_count(t, NULL);
}

/* Copies between the states that the operator names, of one sequence or of each of the batch, and `values`,
 * which has them one after another. */
static bool move_state(struct interp *in, const struct op *op, int first, struct tensor *values, bool write) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  struct type t = (write ? op->in[0] : op->out[0])->type;
  int64_t instance = instance_of(in, op, first, s->n_counts, s->counts);
  int64_t rows = t.rank > s->type.rank ? values->type.dim[0] : 1;
  bool part = type_is_part(in->m, t, s->type);
  int64_t n = type_count(part ? t : s->type, in->sizes); /* of one as long as a call: what this one has */
  int64_t begin = part ? part_begin(in, op, t, type_is_row(in->m, t, s->type)) : 0;
  const struct symbol_slot *slot = state_slot(in, s);
  for (int64_t i = 0; instance >= 0 && i < rows; i++) {
    int64_t sequence = in->rows ? in->rows[i] : 0;
    struct tensor *state = &slot->tensors[sequence * (slot->n / in->sequences) + instance];
    if (write)
      copy_elements(in, state, begin, values, i * n, n);
    else
      copy_elements(in, values, i * n, state, begin, n);
    if (write && s->stored == STORE_BF16)
      round_stored(in, state, begin, n);
    if (state->scales)
      move_scales(in, s->type, state, values, write);
  }
  return instance >= 0;
}

/* Of each token that chooses one: its numbers, one after another. */
static bool each_chosen(struct interp *in, const struct op *op, const struct weight *w, bool scales) {
  struct tensor *y = result(in, op->out[0]);
  int64_t tokens = y->type.dim[0];
  size_t bytes = tensor_bytes(in, y->type) / (size_t)(tokens ? tokens : 1);
  for (int64_t k = 0; k < tokens; k++) {
    int64_t instance = instance_at(in, op, 0, w->n_counts, w->counts, k);
    const struct tensor *t = instance < 0 ? NULL : interp_weight(in, w, instance);
    if (!t)
      return false;
    memcpy((char *)y->data + (size_t)k * bytes, scales ? t->scales : t->data, bytes);
  }
  return true;
}

static bool is_chosen_by_each(const struct op *op) {
  return op->out[0]->type.rank && op->out[0]->type.dim[0] < 0;
}

bool run_weight(struct interp *in, const struct op *op) {
  const struct weight *w = weight_find(in->m, op->attr.symbol);
  if (is_chosen_by_each(op))
    return each_chosen(in, op, w, false);
  int64_t instance = instance_of(in, op, 0, w->n_counts, w->counts);
  const struct tensor *t = instance < 0 ? NULL : interp_weight(in, w, instance);
  if (t)
    copy_tensor(in, op->out[0], t);
  return t != NULL;
}

bool run_wscale(struct interp *in, const struct op *op) {
  const struct weight *w = weight_find(in->m, op->attr.symbol);
  if (is_chosen_by_each(op))
    return each_chosen(in, op, w, true);
  int64_t instance = instance_of(in, op, 0, w->n_counts, w->counts);
  const struct tensor *t = instance < 0 ? NULL : interp_weight(in, w, instance);
  if (t)
    memcpy(result(in, op->out[0])->data, t->scales, tensor_bytes(in, op->out[0]->type));
  return t != NULL;
}

bool run_read(struct interp *in, const struct op *op) {
  return move_state(in, op, 0, result(in, op->out[0]), false);
}

bool run_write(struct interp *in, const struct op *op) {
  return move_state(in, op, 1, operand(in, op->in[0]), true);
}

bool run_define(struct interp *in, const struct op *op) {
  const struct weight *w = weight_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, 1, w->n_counts, w->counts);
  return instance >= 0 && define_weight(in, op, instance);
}

/* ---- what tokens see ----------------------------------------------------------------------------------- */

/* The history or window of a token's sequence, with room for so many rows: all since the reset, its first
 * axis says how many there are. */
static struct tensor *past_of(struct interp *in, const struct state *s, int64_t instance, int64_t token,
                              int64_t rows) {
  const struct symbol_slot *slot = state_slot(in, s);
  int64_t sequence = in->rows ? in->rows[token] : 0;
  struct tensor *past = &slot->tensors[sequence * (slot->n / in->sequences) + instance];
  int64_t n = rows * type_count(type_rest(s->type), NULL);
  if (rows <= past->type.dim[0])
    return past;
  size_t width = element_bytes(in, s->type.elem) * (size_t)type_count(type_rest(s->type), NULL);
  size_t before = width * (size_t)past->type.dim[0];
  past->data = xrealloc(past->data, width * (size_t)rows);
  memset((char *)past->data + before, 0, width * (size_t)rows - before);
  need_tangents(in, past, n);
  past->type.dim[0] = rows;
  return past;
}

bool run_append(struct interp *in, const struct op *op) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, 1, s->n_counts, s->counts);
  struct type t = interp_type(in, op->in[0]->type);
  int64_t tokens = t.rank == s->type.rank ? t.dim[0] : 1, n = type_count(type_rest(s->type), NULL);
  for (int64_t i = 0; instance >= 0 && i < tokens; i++) {
    int64_t row = interp_position(in, i);
    if (dim_of(in->m, s->type.dim[0])->past == PAST_HISTORY && row >= dim_of(in->m, s->type.dim[0])->most) {
      diag_at(in->d, SEVERITY_ERROR, op->at, "token %lld does not fit the history '%s' of %lld",
              (long long)row, op->attr.symbol, (long long)dim_of(in->m, s->type.dim[0])->most);
      return false;
    }
    struct tensor *past = past_of(in, s, instance, i, row + 1);
    copy_elements(in, past, row * n, operand(in, op->in[0]), i * n, n);
    if (s->stored == STORE_BF16)
      round_stored(in, past, row * n, n);
  }
  return instance >= 0;
}

bool run_seen(struct interp *in, const struct op *op) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, 0, s->n_counts, s->counts);
  struct tensor *y = result(in, op->out[0]);
  int64_t rows = interp_position(in, in->token) + (int64_t)1, n = type_count(type_rest(s->type), NULL);
  if (instance >= 0)
    copy_elements(in, y, 0, past_of(in, s, instance, in->token, rows), (rows - y->type.dim[0]) * n,
                  y->type.dim[0] * n);
  return instance >= 0;
}

bool run_seen_back(struct interp *in, const struct op *op) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, 1, s->n_counts, s->counts);
  const struct tensor *d = operand(in, op->in[0]);
  int64_t rows = interp_position(in, in->token) + (int64_t)1, n = type_count(type_rest(s->type), NULL);
  struct tensor *past = instance < 0 ? NULL : past_of(in, s, instance, in->token, rows);
  int64_t first = (rows - d->type.dim[0]) * n;
  for (int64_t i = 0; past && i < d->type.dim[0] * n; i++) {
    double sum = get_real(in, past->data, first + i) + get_real(in, d->data, i);
    set_real(in, past->data, first + i, sum);
  }
  return past != NULL;
}

bool run_append_back(struct interp *in, const struct op *op) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, 0, s->n_counts, s->counts);
  struct tensor *y = result(in, op->out[0]);
  int64_t n = type_count(type_rest(s->type), NULL);
  for (int64_t i = 0; instance >= 0 && i < y->type.dim[0]; i++) {
    int64_t row = interp_position(in, i);
    copy_elements(in, y, i * n, past_of(in, s, instance, i, row + 1), row * n, n);
  }
  return instance >= 0;
}

bool run_position(struct interp *in, const struct op *op) {
  struct tensor *y = result(in, op->out[0]);
  for (int64_t i = 0, n = type_count(y->type, NULL); i < n; i++)
    y->u32[i] = interp_position(in, i);
  return true;
}

bool run_age(struct interp *in, const struct op *op) {
  struct tensor *y = result(in, op->out[0]);
  for (int64_t i = 0, n = y->type.dim[0]; i < n; i++)
    set_real(in, y->data, i, (double)(n - 1 - i));
  return true;
}
