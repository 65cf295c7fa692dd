/* interp.c: the interpreter's machine: values, states, regions. Every value has a
 * tensor of its own; every operator copies. Nothing is clever here, so that it can be believed. */
#include "ir/interp/interp_impl.h"

#include "ir/integer_ops.h"
#include "ir/real.h"

#include <stdlib.h>
#include <string.h>

/* ---- tensors ----------------------------------------------------------------------------------------- */

/* Of a past, what the token at hand sees. */
static int64_t dim_size(const struct interp *in, int64_t dim) {
  const struct dim *d = dim_of(in->m, dim);
  if (d->past == PAST_NONE)
    return in->sizes ? in->sizes[-1 - dim] : 1;
  int64_t seen = (int64_t)interp_position(in, in->token) + 1;
  return d->past == PAST_WINDOW && seen > d->most ? d->most : seen;
}

struct type interp_type(const struct interp *in, struct type t) {
  for (int i = 0; i < t.rank; i++)
    t.dim[i] = t.dim[i] >= 0 ? t.dim[i] : dim_size(in, t.dim[i]);
  return t;
}

uint32_t interp_taken(const struct interp *in, int64_t sequence) {
  return in->taken[sequence];
}

uint32_t interp_position(const struct interp *in, int64_t token) {
  if (in->positions)
    return in->positions[token];
  return in->rows ? in->taken[in->rows[token]] : in->taken[0] + (uint32_t)token;
}

size_t element_bytes(const struct interp *in, enum elem e) {
  if (elem_codes(e))
    return 1;
  switch (e) {
  case ELEM_F32: return in->float64 ? sizeof(double) : sizeof(float);
  case ELEM_Q8: return 1;
  case ELEM_Q16: return 2;
  default: return (size_t)elem_bytes(e);
  }
}

size_t tensor_bytes(const struct interp *in, struct type t) {
  return element_bytes(in, t.elem) * (size_t)type_count(interp_type(in, t), NULL);
}

void need_tangents(const struct interp *in, struct tensor *t, int64_t n) {
  if (in->forward && elem_real(t->type.elem))
    t->tangents = xrealloc(t->tangents, sizeof *t->tangents * (size_t)n);
}

void clear_tangents(struct tensor *t, int64_t n) {
  if (t->tangents)
    memset(t->tangents, 0, sizeof *t->tangents * (size_t)n);
}

static struct slot *slot(struct interp *in, const struct value *v) {
  struct slot *s;
  HASH_FIND_PTR(in->slots, &v, s);
  if (!s) {
    s = xmalloc(sizeof *s);
    *s = (struct slot){.value = v};
    HASH_ADD_PTR(in->slots, value, s);
  }
  return s;
}

struct tensor *operand(struct interp *in, const struct value *v) {
  return &slot(in, v)->tensor;
}

struct tensor *result(struct interp *in, const struct value *v) {
  struct slot *s = slot(in, v);
  s->tensor.type = interp_type(in, v->type);
  size_t bytes = tensor_bytes(in, v->type);
  if (!s->tensor.data || bytes > s->room) {
    s->room = bytes ? bytes : 1;
    s->tensor.data = xrealloc(s->tensor.data, s->room);
  }
  need_tangents(in, &s->tensor, type_count(s->tensor.type, NULL));
  return &s->tensor;
}

void need_scales(struct interp *in, struct tensor *t, int64_t n) {
  t->scales = xrealloc(t->scales, (size_t)n * element_bytes(in, ELEM_F32));
}

double get_real(const struct interp *in, const void *reals, int64_t i) {
  return in->float64 ? ((const double *)reals)[i] : (double)((const float *)reals)[i];
}

void set_real(const struct interp *in, void *reals, int64_t i, double x) {
  if (in->float64)
    ((double *)reals)[i] = x;
  else
    ((float *)reals)[i] = (float)x;
}

/* Copies elements, and the scales of a quantised tensor or of codes. */
void copy_tensor(struct interp *in, const struct value *to, const struct tensor *from) {
  struct tensor *t = result(in, to);
  copy_elements(in, t, 0, from, 0, type_count(t->type, NULL));
  if (from->scales) {
    int64_t n = 1;
    if (elem_codes(t->type.elem))
      n = scale_count(weight_find(in->m, to->def->attr.symbol));
    else
      for (int i = 0; i + 1 < t->type.rank; i++)
        n *= t->type.dim[i];
    need_scales(in, t, n);
    memcpy(t->scales, from->scales, (size_t)n * element_bytes(in, ELEM_F32));
  }
}

/* ---- elements of several operands -------------------------------------------------------------------- */

/* Strides of the operand as it broadcasts to the shape. */
void places_add(struct places *p, struct type operand) {
  int missing = p->shape.rank - operand.rank;
  int64_t s = 1, *step = p->step[p->n++];
  for (int k = p->shape.rank - 1; k >= 0; k--) {
    int64_t d = k < missing ? 1 : operand.dim[k - missing];
    step[k] = d == 1 ? 0 : s;
    s *= d;
  }
}

void places_next(struct places *p) {
  for (int d = p->shape.rank - 1; d >= 0; d--) {
    bool more = ++p->coordinate[d] < p->shape.dim[d];
    for (int k = 0; k < p->n; k++)
      p->at[k] += more ? p->step[k][d] : -(p->coordinate[d] - 1) * p->step[k][d];
    if (more)
      return;
    p->coordinate[d] = 0;
  }
}

void around_axis(struct type t, int axis, int64_t *outer, int64_t *n, int64_t *inner) {
  *outer = *inner = 1;
  for (int k = 0; k < axis; k++)
    *outer *= t.dim[k];
  for (int k = axis + 1; k < t.rank; k++)
    *inner *= t.dim[k];
  *n = t.dim[axis];
}

/* ---- regions ----------------------------------------------------------------------------------------- */

static bool run_block(struct interp *in, const struct block *b, bool outermost);

/* The region's results from its body's yield. */
static void take_yields(struct interp *in, const struct op *op, struct value *const *to) {
  for (int i = 0; i < op->n_out; i++)
    copy_tensor(in, to[i], operand(in, op->body->last->in[i]));
}

/* Whether iteration k is one, and the sizes that it has. sizes: MOST_DIMS of them, the iteration's own. */
static bool begin_part(struct interp *in, const struct op *op, const int64_t *outside, int64_t k,
                       int64_t *sizes) {
  const struct dim *d = op->attr.group ? dim_of(in->m, op->attr.group) : NULL;
  if (!d || !outside)
    return k < op->attr.count;
  int64_t left = outside[-1 - d->parts] - k * d->most;
  memcpy(sizes, outside, sizeof *sizes * (size_t)in->m->dims.n);
  sizes[-1 - op->attr.group] = left < d->most ? left : d->most;
  in->sizes = sizes;
  return left > 0;
}

static bool run_repeat(struct interp *in, const struct op *op) {
  const struct block *b = op->body;
  const int64_t *outside = in->sizes;
  int64_t sizes[MOST_DIMS];
  for (int i = 0; i < op->n_in; i++)
    copy_tensor(in, b->args[1 + i], operand(in, op->in[i]));
  in->depth++;
  bool ok = true;
  for (int64_t k = 0; ok && begin_part(in, op, outside, k, sizes); k++) {
    int64_t index = op->attr.reverse ? op->attr.count - 1 - k : k;
    result(in, b->args[0])->u32[0] = in->indices[in->depth - 1] = (uint32_t)index;
    ok = run_block(in, b, true);
    if (ok)
      take_yields(in, op, op->out); /* through the results: a yield may name another carried argument */
    for (int i = 0; ok && i < op->n_in; i++)
      copy_tensor(in, b->args[1 + i], operand(in, op->out[i]));
  }
  in->depth--;
  in->sizes = outside;
  if (ok && op->attr.count == 0)
    for (int i = 0; i < op->n_out; i++)
      copy_tensor(in, op->out[i], operand(in, op->in[i]));
  return ok;
}

static bool run_scan(struct interp *in, const struct op *op) {
  const struct block *b = op->body;
  for (int i = 0; i < op->n_out; i++)
    result(in, op->out[i]);
  struct type along = type_lead(type_scalar(ELEM_U32), scan_lead(op));
  int64_t tokens = interp_type(in, along).dim[0];
  for (int64_t n = 0; n < tokens; n++) {
    int64_t t = op->attr.reverse ? tokens - 1 - n : n;
    in->token = t;
    for (int i = 0; i < op->n_in; i++) {
      int64_t row = type_count(b->args[i]->type, in->sizes);
      copy_elements(in, result(in, b->args[i]), 0, operand(in, op->in[i]), t * row, row);
    }
    if (!run_block(in, b, false))
      return false;
    for (int i = 0; i < op->n_out; i++) {
      int64_t row = type_count(b->last->in[i]->type, in->sizes);
      copy_elements(in, operand(in, op->out[i]), t * row, operand(in, b->last->in[i]), 0, row);
    }
  }
  in->token = 0;
  return true;
}

static bool run_kernel(struct interp *in, const struct op *op) {
  if (!run_block(in, op->body, false))
    return false;
  take_yields(in, op, op->out);
  return true;
}

/* ---- composites: their bodies ------------------------------------------------------------------------ */

/* The body of op, made when it first runs. */
static struct body_slot *body_of(struct interp *in, const struct op *op) {
  struct body_slot *s;
  HASH_FIND_PTR(in->bodies, &op, s);
  if (s)
    return s;
  struct module own = *in->m; /* operators go to our arena, the module does not change */
  own.arena = &in->arena;
  s = xmalloc(sizeof *s);
  *s = (struct body_slot){.op = op, .block = block_new(&own, NULL)};
  struct builder b = builder_end(&own, s->block);
  b.at = op->at;
  s->made = (in->forward ? composite_step : composite_build)(&b, op, op->in); /* sigmoid has a rule */
  build(&b, OP_YIELD, 1, &s->made.value, NULL, NULL);
  HASH_ADD_PTR(in->bodies, op, s);
  return s;
}

/* A quantised value's scales: one a vector, whether the body has one for all of them or for each. */
static void keep_scales(struct interp *in, struct tensor *y, const struct tensor *scale) {
  int64_t n = y->type.dim[y->type.rank - 1], vectors = type_count(y->type, NULL) / n;
  bool alike = type_count(scale->type, NULL) == 1;
  need_scales(in, y, vectors);
  for (int64_t i = 0; i < vectors; i++)
    set_real(in, y->scales, i, get_real(in, scale->data, alike ? 0 : i));
}

static bool run_composite(struct interp *in, const struct op *op) {
  const struct body_slot *s = body_of(in, op);
  if (!run_block(in, s->block, false))
    return false;
  struct tensor *y = result(in, op->out[0]);
  copy_elements(in, y, 0, operand(in, s->made.value), 0, type_count(y->type, NULL));
  if (s->made.scale)
    keep_scales(in, y, operand(in, s->made.scale));
  return true;
}

static handler *const handlers[OP_COUNT] = {
    [OP_WEIGHT] = run_weight,
    [OP_WSCALE] = run_wscale,
    [OP_READ] = run_read,
    [OP_WRITE] = run_write,
    [OP_APPEND] = run_append,
    [OP_SEEN] = run_seen,
    [OP_SEEN_BACK] = run_seen_back,
    [OP_APPEND_BACK] = run_append_back,
    [OP_POSITION] = run_position,
    [OP_AGE] = run_age,
    [OP_DEFINE] = run_define,
    [OP_RESHAPE] = run_reshape,
    [OP_SLICE] = run_slice,
    [OP_BROADCAST] = run_broadcast,
    [OP_TRANSPOSE] = run_transpose,
    [OP_CONCAT] = run_concat,
    [OP_INDEX] = run_index,
    [OP_TAIL] = run_tail,
    [OP_REPEAT] = run_repeat,
    [OP_SCAN] = run_scan,
    [OP_KERNEL] = run_kernel,
    [OP_SCATTER] = run_scatter,
    [OP_NTH] = run_nth,
};

/* Whether there is a function of one element, for an operator that goes through its elements. */
static bool element_covers(enum opcode code) {
  if (op_info[code].flags & INTEGER)
    return integer_ops[code] != NULL;
  return code == OP_CONVERT || (real32[code] && real64[code]);
}

bool interp_covers(enum opcode code) {
  struct interp float32 = {0}, float64 = {.float64 = true};
  if ((op_info[code].flags & (MAP | COMPOSITE)) == MAP && !element_covers(code))
    return false;
  return handlers[code] || (op_info[code].flags & END) || composite_known(code) ||
         (numeric(&float32, code) && numeric(&float64, code));
}

static bool run_values(struct interp *in, const struct op *op) {
  if (handlers[op->code])
    return handlers[op->code](in, op);
  if (op_info[op->code].flags & COMPOSITE)
    return run_composite(in, op);
  numeric_handler *of_integers = op->n_out ? integer_handler(op) : NULL;
  (of_integers ? of_integers : numeric(in, op->code))(in, op);
  return true;
}

static bool run_op(struct interp *in, const struct op *op) {
  return run_values(in, op) && (!in->forward || run_tangents(in, op));
}

/* outermost: directly in a function or a repeat, where the hook looks on. */
static bool run_block(struct interp *in, const struct block *b, bool outermost) {
  const struct interp_hook *h = &in->hook;
  for (const struct op *op = b->first; op && op != b->last; op = op->next) {
    if (outermost && h->before && !h->before(h->self, in, op, in->indices))
      return false;
    if (!run_op(in, op))
      return false;
    if (outermost && h->after && !h->after(h->self, in, op, in->indices))
      return false;
  }
  return true;
}

/* ---- the interface ----------------------------------------------------------------------------------- */

/* Bytes of an instance: of one as long as a call, for the longest. */
static size_t state_bytes(const struct interp *in, const struct state *s) {
  if (type_is_past(in->m, s->type))
    return 1; /* grows with what is appended */
  return element_bytes(in, s->type.elem) * (size_t)most_count(in->m, s->type);
}

static void add_state(struct interp *in, const struct state *s) {
  struct symbol_slot *slot = xmalloc(sizeof *slot);
  *slot = (struct symbol_slot){.symbol = s, .n = in->sequences};
  for (int i = 0; i < s->n_counts; i++)
    slot->n *= s->counts[i];
  slot->tensors = xmalloc(sizeof *slot->tensors * (size_t)slot->n);
  for (int64_t i = 0; i < slot->n; i++) {
    slot->tensors[i] = (struct tensor){.type = s->type, .data = xmalloc(state_bytes(in, s))};
    if (!type_is_past(in->m, s->type))
      need_tangents(in, &slot->tensors[i], most_count(in->m, s->type));
    if (s->type.elem == ELEM_Q8 || s->type.elem == ELEM_Q16)
      need_scales(in, &slot->tensors[i], most_count(in->m, s->type) / s->type.dim[s->type.rank - 1]);
  }
  HASH_ADD_PTR(in->states, symbol, slot);
}

void interp_reset(struct interp *in) {
  memset(in->taken, 0, sizeof *in->taken * (size_t)in->sequences);
  for (const struct state *s = in->m->states; s; s = s->next) {
    struct symbol_slot *slot = state_slot(in, s);
    bool past = type_is_past(in->m, s->type);
    for (int64_t i = 0; past && i < slot->n; i++)
      slot->tensors[i].type.dim[0] = 0;
    if (past)
      continue;
    int64_t n = most_count(in->m, s->type);
    for (int64_t i = 0; i < slot->n; i++) {
      clear_tangents(&slot->tensors[i], n);
      for (int64_t e = 0; e < n; e++)
        if (s->type.elem == ELEM_F32)
          set_real(in, slot->tensors[i].data, e, s->init);
        else if (elem_integer(s->type.elem))
          store_integer(&slot->tensors[i], e, (int64_t)s->init);
        else
          memset((char *)slot->tensors[i].data + (size_t)e * element_bytes(in, s->type.elem), 0,
                 element_bytes(in, s->type.elem));
    }
  }
}

void interp_sequences(struct interp *in, int64_t n) {
  free_symbols(&in->states);
  in->sequences = n;
  in->taken = xrealloc(in->taken, sizeof *in->taken * (size_t)n);
  for (const struct state *s = in->m->states; s; s = s->next)
    add_state(in, s);
  interp_reset(in);
}

static struct interp *open_interp(const struct module *m, const struct weight_source *source, bool float64,
                                  bool forward) {
  struct interp *in = xmalloc(sizeof *in);
  *in = (struct interp){.m = m, .d = m->diag, .source = *source, .float64 = float64, .forward = forward};
  interp_sequences(in, 1);
  const struct func *fold = func_find(m, "fold");
  if (fold && !run_block(in, fold->body, false)) {
    interp_free(in);
    return NULL;
  }
  return in;
}

struct interp *interp_new(const struct module *m, const struct weight_source *source, bool float64) {
  return open_interp(m, source, float64, false);
}

struct interp *interp_new_forward(const struct module *m, const struct weight_source *source) {
  return open_interp(m, source, true, true);
}

void interp_free(struct interp *in) {
  if (!in)
    return;
  struct slot *s, *next;
  HASH_ITER(hh, in->slots, s, next) {
    HASH_DEL(in->slots, s);
    free(s->tensor.data);
    free(s->tensor.scales);
    free(s->tensor.tangents);
    free(s);
  }
  struct body_slot *body, *after;
  HASH_ITER(hh, in->bodies, body, after) {
    HASH_DEL(in->bodies, body);
    free(body);
  }
  arena_free(&in->arena);
  free_symbols(&in->weights);
  free_symbols(&in->states);
  free(in->taken);
  free(in);
}

double interp_float(const struct interp *in, const struct tensor *t, int64_t i) {
  switch (t->type.elem) {
  case ELEM_I8: return t->i8[i];
  case ELEM_I16: return t->i16[i];
  case ELEM_I32: return t->i32[i];
  default: return get_real(in, t->data, i);
  }
}

void interp_set_hook(struct interp *in, const struct interp_hook *hook) {
  in->hook = hook ? *hook : (struct interp_hook){0};
}

const int64_t *interp_sizes(struct interp *in) {
  for (int i = 0; i < in->m->dims.n; i++)
    in->shown[i] = dim_size(in, -1 - i);
  return in->shown;
}

const struct tensor *interp_value(struct interp *in, const struct value *v) {
  return operand(in, v);
}

static void find_place(struct op *op, void *found) {
  *(bool *)found |=
      op->code == OP_POSITION || op->code == OP_APPEND || op->code == OP_SEEN || op->code == OP_AGE;
}

/* The tokens of a call of a function that asks for their numbers have been. */
static void count_tokens(struct interp *in, const struct func *f, const struct interp_arguments *a) {
  int64_t of = func_sequences(in->m, f), n = of ? a->sizes[-1 - of] : 1;
  bool found = false;
  walk(f->body, find_place, &found);
  if (!of && func_has_dim(f, DIM_T))
    n = a->sizes[-1 - DIM_T];
  for (int64_t i = 0; found && i < n; i++)
    in->taken[a->rows ? a->rows[i] : 0]++;
}

bool interp_call(struct interp *in, const struct func *f, const struct interp_arguments *a) {
  const struct block *b = f->body;
  in->sizes = a->sizes;
  in->rows = a->rows;
  in->positions = a->positions;
  in->token = 0;
  in->depth = 0;
  for (int i = 0; i < b->n_args; i++) {
    struct tensor *t = result(in, b->args[i]);
    memcpy(t->data, a->inputs[i], tensor_bytes(in, b->args[i]->type));
    clear_tangents(t, type_count(t->type, NULL));
  }
  bool ok = run_block(in, b, true);
  if (ok && !a->positions)
    count_tokens(in, f, a);
  in->sizes = NULL;
  return ok;
}

const struct tensor *interp_result(struct interp *in, const struct func *f, int i) {
  const struct op *end = f->body->last;
  return i < end->n_in ? operand(in, end->in[i]) : NULL;
}

/* ---- language models ----------------------------------------------------------------------------------- */

static bool run_tokens(struct interp *in, const char *name, const struct interp_arguments *a,
                       const struct tensor **out) {
  const struct func *f = func_find(in->m, name);
  if (!f)
    diag_error(in->d, "the model has no function '%s'", name);
  if (!f || !interp_call(in, f, a))
    return false;
  if (out)
    *out = interp_result(in, f, 0);
  return true;
}

bool interp_run(struct interp *in, const char *name, const uint32_t *tokens, int64_t n, int64_t keep,
                const struct tensor **out) {
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = n, [-1 - DIM_K] = keep, [-1 - DIM_B] = n};
  return run_tokens(in, name, &(struct interp_arguments){(const void *const[]){tokens}, sizes, NULL, NULL},
                    out);
}

bool interp_run_batch(struct interp *in, const uint32_t *rows, const uint32_t *tokens, int64_t n,
                      const struct tensor **out) {
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_B] = n};
  return run_tokens(in, "batch", &(struct interp_arguments){(const void *const[]){tokens}, sizes, rows, NULL},
                    out);
}
