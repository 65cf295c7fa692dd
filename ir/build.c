/* build.c: making modules, symbols, blocks and operators.
 *
 * Everything is allocated in the module's arena and linked where the builder stands. Result types come from
 * the operator's rule (infer.c); the result of one whose operands do not fit is poisoned. */
#include "ir/policy.h"
#include "ir/raw.h"
#include "support/holes.h"

#include <stdio.h>
#include <string.h>

/* Tables of symbols by name live in the arena of the module `m`. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(m->arena, (bytes))
#define uthash_free(memory, size) ((void)(memory))

struct module *module_new(struct arena *a, struct diag *d, const char *name) {
  struct module *m = arena_new(a, struct module);
  m->arena = a;
  m->diag = d;
  m->name = arena_strdup(a, name);
  m->weights_bytes = m->state_bytes = -1;
  m->policy = &policy_team;
  vec_push(a, m->dims, (struct dim){.name = "T"});
  vec_push(a, m->dims, (struct dim){.name = "K", .within = DIM_T});
  vec_push(a, m->dims, (struct dim){.name = "B", .sequences = true});
  return m;
}

/* ---- dimensions that are known only at each call ------------------------------------------------------- */

struct dim *dim_of(const struct module *m, int64_t dim) {
  return &m->dims.at[-1 - dim];
}

int64_t dim_find(const struct module *m, const char *name) {
  for (int i = 0; i < m->dims.n; i++)
    if (strcmp(m->dims.at[i].name, name) == 0)
      return -1 - i;
  return 0;
}

int64_t dim_add(struct module *m, const char *name) {
  if (dim_find(m, name) || m->dims.n == MOST_DIMS)
    return 0;
  vec_push(m->arena, m->dims, (struct dim){.name = arena_strdup(m->arena, name)});
  return -m->dims.n;
}

int64_t dim_parts(struct module *m, int64_t of, int64_t most) {
  for (int i = 0; i < m->dims.n; i++)
    if (m->dims.at[i].parts == of && m->dims.at[i].most == most)
      return -1 - i;
  int64_t dim = dim_add(m, most == 1 ? "P1" : "P");
  if (!dim)
    return 0;
  dim_of(m, dim)->parts = of;
  dim_of(m, dim)->most = most;
  return dim;
}

bool is_part_index(const struct module *m, const struct value *v, int64_t of, int64_t most) {
  const struct op *repeat = v->block->parent;
  if (v->def || v->index || !repeat || repeat->code != OP_REPEAT || !repeat->attr.group)
    return false;
  const struct dim *d = dim_of(m, repeat->attr.group);
  return d->parts == of && d->most == most;
}

bool type_is_row(const struct module *m, struct type t, struct type whole) {
  return whole.rank && whole.dim[0] < 0 && !type_is_past(m, whole) && type_equal(t, type_rest(whole));
}

bool type_is_part(const struct module *m, struct type t, struct type whole) {
  if (type_is_row(m, t, whole))
    return true;
  if (!t.rank || !whole.rank || t.dim[0] >= 0 || dim_of(m, t.dim[0])->parts != whole.dim[0] ||
      whole.dim[0] >= 0)
    return false;
  t.dim[0] = whole.dim[0];
  return type_equal(t, whole);
}

static int64_t dim_most(const struct module *m, int64_t dim) {
  const struct dim *d = dim_of(m, dim);
  int64_t most = d->within ? dim_of(m, d->within)->most : d->most;
  return most > 0 ? most : 1;
}

int64_t most_count(const struct module *m, struct type t) {
  int64_t n = 1;
  for (int i = 0; i < t.rank; i++)
    n *= t.dim[i] < 0 ? dim_most(m, t.dim[i]) : t.dim[i];
  return n;
}

bool dim_is_past(const struct module *m, int64_t dim) {
  return dim < 0 && dim_of(m, dim)->past != PAST_NONE;
}

bool type_is_past(const struct module *m, struct type t) {
  return t.rank && dim_is_past(m, t.dim[0]);
}

int64_t past_ring(const struct module *m, int64_t dim) {
  const struct dim *d = dim_of(m, dim);
  return d->past == PAST_WINDOW ? d->most + dim_most(m, DIM_T) : 0;
}

int64_t past_rows(const struct module *m, int64_t dim) {
  int64_t ring = past_ring(m, dim);
  return ring ? 2 * ring : dim_most(m, dim);
}

static const char *dim_text(struct arena *a, const struct module *m, int64_t d) {
  return d < 0 ? dim_of(m, d)->name : arena_printf(a, "%lld", (long long)d);
}

const char *type_text(struct arena *a, const struct module *m, struct type t) {
  const char *s = elem_name(t.elem);
  for (int i = 0; i < t.rank; i++)
    s = arena_printf(a, "%s%s%s", s, i ? ", " : "[", dim_text(a, m, t.dim[i]));
  return t.rank ? arena_printf(a, "%s]", s) : s;
}

/* ---- functions --------------------------------------------------------------------------------------- */

int64_t scan_lead(const struct op *scan) {
  const struct value *v = scan->n_in ? scan->in[0] : scan->n_out ? scan->out[0] : NULL;
  return v && v->type.rank && v->type.dim[0] < 0 ? v->type.dim[0] : DIM_T;
}

int op_changes(enum opcode code) {
  switch (code) {
  case OP_WRITE:
  case OP_APPEND:
  case OP_SEEN_BACK:
  case OP_DEFINE: return 1;
  case OP_OUTER:
  case OP_SCATTER: return 2;
  default: return 0;
  }
}

/* A ternary weight's codes are made of the numbers of another weight, as they lie in memory. */
static bool defines_codes(const struct op *op) {
  return op->code == OP_DEFINE && op->n_in > 0 && op->in[0]->def && op->in[0]->def->code == OP_WEIGHT;
}

bool op_is_product(const struct op *op) {
  return defines_codes(op) || op->code == OP_TERNARY_SUM || op->code == OP_TERNARY_BACK ||
         op->code == OP_MATMUL_BACK || op->code == OP_OUTER || op->code == OP_SCATTER;
}

bool op_takes_matrix(const struct op *op) {
  return defines_codes(op) || op->code == OP_TERNARY_SUM || op->code == OP_TERNARY_BACK ||
         op->code == OP_MATMUL || op->code == OP_MATMUL_BACK;
}

bool func_is_fold(const struct func *f) {
  return strcmp(f->name, "fold") == 0;
}

struct result func_result(const struct func *f, int i) {
  return i < f->results.n ? f->results.at[i] : (struct result){.name = "logits", .updates = -1};
}

static int n_results(const struct func *f) {
  const struct op *end = f->body->last;
  return end && end->code == OP_RETURN ? end->n_in : 0;
}

/* The types of arguments, then of results; false: there are no more. */
static bool signature(const struct func *f, int i, struct type *t) {
  const struct block *b = f->body;
  if (i >= b->n_args + n_results(f))
    return false;
  *t = i < b->n_args ? b->args[i]->type : b->last->in[i - b->n_args]->type;
  return true;
}

bool func_has_dim(const struct func *f, int64_t dim) {
  struct type t;
  for (int i = 0; signature(f, i, &t); i++)
    for (int k = 0; k < t.rank; k++)
      if (t.dim[k] == dim)
        return true;
  return false;
}

int64_t func_sequences(const struct module *m, const struct func *f) {
  for (int64_t i = 1; i <= m->dims.n; i++)
    if (dim_of(m, -i)->sequences && func_has_dim(f, -i))
      return -i;
  return 0;
}

bool func_dynamic(const struct func *f) {
  struct type t;
  for (int i = 0; signature(f, i, &t); i++)
    if (type_dynamic(t))
      return true;
  return false;
}

/* ---- symbols ------------------------------------------------------------------------------------------- */

struct func *func_find(const struct module *m, const char *name) {
  struct func *f = m->funcs;
  while (f && strcmp(f->name, name) != 0)
    f = f->next;
  return f;
}

struct func *func_add(struct module *m, const char *name) {
  struct func **end = &m->funcs;
  while (*end)
    end = &(*end)->next;
  struct func *f = *end = arena_new(m->arena, struct func);
  f->name = arena_strdup(m->arena, name);
  f->body = block_new(m, NULL);
  f->scratch = -1;
  return f;
}

struct weight *weight_find(const struct module *m, const char *name) {
  struct weight *w = NULL;
  HASH_FIND_STR(m->weight_names, name, w);
  return w;
}

bool weights_keep(struct module *m, bool (*keep)(const struct weight *w, void *data), void *data) {
  struct weight **at = &m->weights;
  bool dropped = false;
  m->last_weight = NULL;
  while (*at) {
    struct weight *w = *at;
    if (keep(w, data)) {
      m->last_weight = w;
      at = &w->next;
      continue;
    }
    *at = w->next;
    HASH_DEL(m->weight_names, w);
    dropped = true;
  }
  return dropped;
}

struct weight *weight_add(struct module *m, const char *name, struct type t) {
  if (weight_find(m, name))
    return NULL;
  struct weight *w = arena_new(m->arena, struct weight);
  w->name = arena_strdup(m->arena, name);
  w->type = t;
  w->offset = w->scales = -1;
  w->frac = FRAC_NONE;
  *(m->last_weight ? &m->last_weight->next : &m->weights) = w;
  m->last_weight = w;
  HASH_ADD_KEYPTR(hh, m->weight_names, w->name, strlen(w->name), w);
  return w;
}

struct state *state_find(const struct module *m, const char *name) {
  struct state *s = NULL;
  HASH_FIND_STR(m->state_names, name, s);
  return s;
}

bool states_keep(struct module *m, bool (*keep)(const struct state *s, void *data), void *data) {
  struct state **at = &m->states;
  bool dropped = false;
  m->last_state = NULL;
  while (*at) {
    struct state *s = *at;
    if (keep(s, data)) {
      m->last_state = s;
      at = &s->next;
      continue;
    }
    *at = s->next;
    HASH_DEL(m->state_names, s);
    dropped = true;
  }
  return dropped;
}

struct state *state_add(struct module *m, const char *name, struct type t) {
  if (state_find(m, name))
    return NULL;
  struct state *s = arena_new(m->arena, struct state);
  s->name = arena_strdup(m->arena, name);
  s->type = t;
  s->offset = -1;
  s->frac = FRAC_NONE;
  *(m->last_state ? &m->last_state->next : &m->states) = s;
  m->last_state = s;
  HASH_ADD_KEYPTR(hh, m->state_names, s->name, strlen(s->name), s);
  return s;
}

int state_element_bytes(const struct state *s) {
  return s->stored == STORE_BF16 ? 2 : elem_bytes(s->type.elem);
}

int64_t state_size(const struct module *m, const struct state *s) {
  if (!type_is_past(m, s->type))
    return state_element_bytes(s) * most_count(m, s->type);
  return state_element_bytes(s) * past_rows(m, s->type.dim[0]) * type_count(type_rest(s->type), NULL);
}

int64_t weight_instances(const struct weight *w) {
  int64_t n = 1;
  for (int i = 0; i < w->n_counts; i++)
    n *= w->counts[i];
  return n;
}

const char *symbol_instance(struct arena *a, const char *name, int n_counts, const int64_t *counts,
                            int64_t instance) {
  int64_t index[MAX_REPEATS];
  for (int i = n_counts; i-- > 0; instance /= counts[i])
    index[i] = instance % counts[i];
  return holes_filled(a, name, n_counts, index);
}

const char *weight_tensor(struct arena *a, const struct weight *w, int64_t instance) {
  return symbol_instance(a, w->tensor ? w->tensor : w->name, w->n_counts, w->counts, instance);
}

struct block *block_new(struct module *m, struct op *parent) {
  struct block *b = arena_new(m->arena, struct block);
  b->parent = parent;
  return b;
}

static struct value *value_new(struct module *m, struct block *b, struct op *def, struct type t, int index) {
  struct value *v = arena_new(m->arena, struct value);
  *v = (struct value){.type = t, .def = def, .block = b, .index = index, .frac = FRAC_NONE, .at = AT_NONE};
  return v;
}

struct value *block_arg(struct module *m, struct block *b, struct type t, const char *name) {
  struct value *v = value_new(m, b, NULL, t, b->n_args);
  struct value **args = arena_array(m->arena, struct value *, b->n_args + 1);
  for (int i = 0; i < b->n_args; i++)
    args[i] = b->args[i];
  args[b->n_args++] = v;
  b->args = args;
  v->name = name;
  return v;
}

struct builder builder_end(struct module *m, struct block *b) {
  return (struct builder){.m = m, .block = b};
}

struct builder builder_before(struct module *m, struct op *op) {
  return (struct builder){.m = m, .block = op->block, .before = op, .at = op->at};
}

struct builder builder_after(struct module *m, struct op *op) {
  return (struct builder){.m = m, .block = op->block, .before = op->next, .at = op->at};
}

void op_set_results(struct module *m, struct op *op, int n, const struct type *types) {
  op->n_out = n;
  op->out = arena_array(m->arena, struct value *, n);
  const struct op *end = op->body ? op->body->last : NULL;
  for (int i = 0; i < n; i++) {
    op->out[i] = value_new(m, op->block, op, types[i], i);
    if (end && end->code == OP_YIELD && end->n_in == n)
      op->out[i]->frac = end->in[i]->frac;
  }
}

/* The format that an operator's one result takes over. */
static int result_frac(const struct module *m, const struct op *op) {
  const struct weight *w;
  const struct state *s;
  switch (op->code) {
  case OP_WEIGHT: return (w = weight_find(m, op->attr.symbol)) ? w->frac : FRAC_NONE;
  case OP_SEEN:
  case OP_READ: return (s = state_find(m, op->attr.symbol)) ? s->frac : FRAC_NONE;
  case OP_CURVE: return op->attr.out_frac;
  case OP_ISQRT:
  case OP_ILOG2: return FRAC_NONE;
  case OP_SELECT:
  case OP_IADD:
  case OP_ISUB:
  case OP_IMIN:
  case OP_IMAX: {
    int last = op->in[op->n_in - 1]->frac;
    return op->in[op->n_in - 2]->frac == last ? last : FRAC_NONE;
  }
  default: break;
  }
  return op->n_in && op_info[op->code].flags & (MOVE | REDUCE) ? op->in[0]->frac : FRAC_NONE;
}

struct op *op_raw(struct builder *b, enum opcode code, int n_in, struct value *const *in,
                  const struct attrs *attr) {
  struct op *op = arena_new(b->m->arena, struct op);
  *op = (struct op){.code = code, .at = b->at, .n_in = n_in};
  if (attr)
    op->attr = *attr;
  op->in = arena_array(b->m->arena, struct value *, n_in);
  for (int i = 0; i < n_in; i++)
    op->in[i] = in[i];
  if (op_info[code].flags & REGION)
    op->body = block_new(b->m, op);
  if (b->before)
    op_move_before(op, b->before);
  else
    op_move_end(op, b->block);
  return op;
}

/* The result type of an operator that is not a region; false after a report. `type` is what the caller wants
 * of it, for the rules that do not find it themselves. */
static bool result_type(const struct builder *b, struct op *op, const struct type *type, struct type *out) {
  const char *why;
  struct type t;
  struct value wanted = {.type = type ? *type : type_scalar(ELEM_F32)};
  op->n_out = op_info[op->code].outs;
  op->out = (struct value *[]){&wanted};
  bool ok = op_infer(b->m->arena, b->m, op, &t, &why);
  if (ok)
    *out = t;
  else
    diag_at(b->m->diag, SEVERITY_ERROR, b->at, "%s", why);
  op->n_out = 0;
  op->out = NULL;
  return ok;
}

struct value *sound(struct value *v) {
  return v->poisoned ? NULL : v;
}

static bool any_poisoned(const struct op *op) {
  for (int i = 0; i < op->n_in; i++)
    if (op->in[i]->poisoned)
      return true;
  return false;
}

struct op *build(struct builder *b, enum opcode code, int n_in, struct value *const *in,
                 const struct attrs *attr, const struct type *type) {
  struct op *op = op_raw(b, code, n_in, in, attr);
  if (op->body)
    return op;
  struct type t = type ? *type : n_in ? in[0]->type : type_scalar(ELEM_F32);
  bool poisoned = any_poisoned(op) || !result_type(b, op, type, &t);
  op_set_results(b->m, op, op_info[code].outs, &t);
  if (!op->n_out)
    return op;
  op->out[0]->poisoned = poisoned;
  if (!poisoned)
    op->out[0]->frac = result_frac(b->m, op);
  return op;
}

struct value *build_poison(struct builder *b, struct type t) {
  struct op *op = op_raw(b, OP_CONST, 0, NULL, NULL);
  op_set_results(b->m, op, 1, &t);
  op->out[0]->poisoned = true;
  return op->out[0];
}

static struct value *build_n(struct builder *b, enum opcode code, int n, struct value *const *in,
                             const struct attrs *attr, const struct type *type) {
  return build(b, code, n, in, attr, type)->out[0];
}

struct value *build1(struct builder *b, enum opcode code, struct value *x) {
  return build_n(b, code, 1, &x, NULL, NULL);
}

struct value *build2(struct builder *b, enum opcode code, struct value *x, struct value *y) {
  return build_n(b, code, 2, (struct value *[]){x, y}, NULL, NULL);
}

struct value *build3(struct builder *b, enum opcode code, struct value *x, struct value *y, struct value *z) {
  return build_n(b, code, 3, (struct value *[]){x, y, z}, NULL, NULL);
}

struct value *build_const(struct builder *b, double value, struct type t) {
  return build_n(b, OP_CONST, 0, NULL, &(struct attrs){.value = value}, &t);
}

struct value *build_axis(struct builder *b, enum opcode code, struct value *x, int axis) {
  return build_n(b, code, 1, &x, &(struct attrs){.axis = axis}, NULL);
}

struct value *build_reshape(struct builder *b, struct value *x, struct type t) {
  return build_n(b, OP_RESHAPE, 1, &x, NULL, &t);
}

struct value *build_slice(struct builder *b, struct value *x, int axis, int64_t begin, int64_t end) {
  return build_n(b, OP_SLICE, 1, &x, &(struct attrs){.axis = axis, .begin = begin, .end = end}, NULL);
}
