/* plan_memory.c: places weights, states and buffers, all before the program starts.
 *
 * requires   kernel form (fuse).
 * maintains  kernel form and the meaning of every value; it may add copy kernels.
 * breaks     nothing. Afterwards the module is in planned form (docs/ir.md): nothing may be added or moved.
 *
 * Planned form. Each value that crosses kernels has its place in the function's scratch, value.at, with T and
 * other dimensions of calls at their most. What the function returns is written to the caller's buffers (at
 * output), and its arguments stay in theirs. For a value that a repeat carries, the initial value, the
 * argument, the yielded value and the result share one buffer: where one of the first or third is still
 * needed as it was, a kernel copies it.
 *
 * Two buffers that are live at the same time do not overlap. A buffer is live from the kernel that makes it
 * to the last that reads it, both included, so that a kernel's results lie beside its operands. Kernels one
 * after another between which threads need not meet count as one time: those that need nothing of each other,
 * a scan and the sums before it, and in a function that is spread all that a thread can do with its own share
 * and its own copies. A value
 * from outside a repeat that is used in it is live until the repeat ends. One exception lets a residual
 * stream stay where it is: a yielded value takes the place of the argument even if its own kernel still reads
 * the argument, when it does so only once, as an operand of the same shape of the element-wise operator whose
 * result is yielded. */
#include "passes/pass.h"
#include "passes/place.h"
#include "passes/plan_image.h"
#include "passes/rewrite.h"

/* ---- copies ------------------------------------------------------------------------------------------ */

static bool made_by_kernel(const struct value *v, const struct block *b) {
  return v->block == b && v->def && (v->def->code == OP_KERNEL || op_is_product(v->def));
}

static bool used_from(const struct op *first, const struct value *v) {
  for (; first; first = first->next)
    if (op_uses(first, v))
      return true;
  return false;
}

static void copy_operand(struct module *m, struct func *f, struct op *user, int i) {
  struct builder b = builder_before(m, user);
  user->in[i] = copy_kernel(&b, user->in[i], kernel_name(m, f));
}

/* Whether operand i of a repeat can be overwritten by what the repeat carries: nobody else wants it later. */
static bool init_is_free(const struct op *repeat, int i) {
  const struct value *v = repeat->in[i];
  if (v->block != repeat->block || !v->def || count_uses(repeat->body, v) || used_from(repeat->next, v))
    return false;
  for (int k = 0; k < repeat->n_in; k++)
    if (k != i && repeat->in[k] == v)
      return false;
  return true;
}

/* The exception at the head of this file: kernel `k`, which makes `out`, may write it over `old`. */
static bool overwrites_in_place(const struct op *k, const struct value *out, const struct value *old) {
  const struct value *inside = k->body->last->in[out->index];
  const struct op *def = inside->def;
  if (!def || def->block != k->body || !(op_info[def->code].flags & MAP) || count_uses(k->body, old) != 1)
    return false;
  for (int i = 0; i < def->n_in; i++)
    if (def->in[i] == old)
      return type_equal(old->type, inside->type);
  return false;
}

/* Whether what the body yields for argument `arg` can be written over it. */
static bool yield_is_free(const struct block *body, const struct value *yielded, const struct value *arg) {
  if (!made_by_kernel(yielded, body) || used_from(yielded->def->next, arg))
    return false;
  return !op_uses(yielded->def, arg) ||
         (yielded->def->code == OP_KERNEL && overwrites_in_place(yielded->def, yielded, arg));
}

static bool yielded_before(const struct op *end, int i) {
  for (int k = 0; k < i; k++)
    if (end->in[k] == end->in[i])
      return true;
  return false;
}

/* Whether the kernel that makes result i can write it into the caller's buffer: nobody else reads it there,
 * nor, where it updates an argument, that argument's old elements. */
static bool returned_in_place(const struct func *f, int i) {
  const struct block *b = f->body;
  const struct value *v = b->last->in[i];
  int updates = func_result(f, i).updates;
  return made_by_kernel(v, b) && count_uses(b, v) == 1 &&
         (updates < 0 || yield_is_free(b, v, b->args[updates]));
}

static void add_copies(struct module *m, struct func *f, struct block *b) {
  for (struct op *op = b->first; op; op = op->next) {
    if (op->code != OP_REPEAT)
      continue;
    add_copies(m, f, op->body);
    struct op *end = op->body->last;
    for (int i = 0; i < op->n_in; i++) {
      if (!init_is_free(op, i))
        copy_operand(m, f, op, i);
      if (yielded_before(end, i) || !yield_is_free(op->body, end->in[i], op->body->args[1 + i]))
        copy_operand(m, f, end, i);
    }
  }
  for (int i = 0; b->last->code == OP_RETURN && i < b->last->n_in;
       i++) /* before results are written over them */
    if (!b->last->in[i]->def && b->last->in[i]->block == b)
      copy_operand(m, f, b->last, i);
  for (int i = 0; b->last->code == OP_RETURN && i < b->last->n_in; i++)
    if (!returned_in_place(f, i))
      copy_operand(m, f, b->last, i);
}

/* ---- lifetimes --------------------------------------------------------------------------------------- */

/* One buffer: a value, or all the values that a repeat carries in one place. */
struct plan {
  struct module *m;
  struct func *f;
  struct arena scratch;
  int clock;
  VEC(struct lifetime) buffers; /* of values, and of states in scratch: state->id is the buffer's number */
  VEC(struct value *) values;   /* those in a buffer; value->id is the buffer's number */
};

static void live_at(struct plan *p, int buffer, int time) {
  struct lifetime *b = &p->buffers.at[buffer];
  b->first = time < b->first ? time : b->first;
  b->last = time > b->last ? time : b->last;
}

static void live(struct plan *p, const struct value *v, int time) {
  live_at(p, v->id, time);
}

/* Not the index of a repeat, not what the caller has buffers for, and no weight. */
static bool in_buffer(const struct value *v) {
  bool outside =
      v->def ? v->def->code == OP_WEIGHT || v->def->code == OP_NTH : v->index == 0 || !v->block->parent;
  return !outside && !elem_codes(v->type.elem) && v->at > AT_OUTPUT;
}

static void new_buffer(struct plan *p, struct value *v) {
  int64_t bytes = place_align(elem_bytes(v->type.elem) * most_count(p->m, v->type), plan_align(p->m));
  v->id = p->buffers.n;
  vec_push(&p->scratch, p->buffers, (struct lifetime){bytes, p->clock, p->clock, 0});
  vec_push(&p->scratch, p->values, v);
}

static void join_buffer(struct plan *p, struct value *v, const struct value *with) {
  v->id = with->id;
  vec_push(&p->scratch, p->values, v);
}

/* The states in scratch that an operator of a kernel or of a repeat through tokens has to do with. */
static void live_state(struct op *op, void *data) {
  struct plan *p = data;
  struct state *s = op->code == OP_READ || op->code == OP_WRITE ? state_find(p->m, op->attr.symbol) : NULL;
  if (!s || !s->within)
    return;
  if (s->id < 0) {
    int64_t bytes = place_align(state_size(p->m, s), plan_align(p->m));
    s->id = p->buffers.n;
    vec_push(&p->scratch, p->buffers, (struct lifetime){bytes, p->clock, p->clock, 0});
  }
  live_at(p, s->id, p->clock);
}

/* Values that the operator, at p->clock, reads from outside its body. */
static void read_operands(struct plan *p, const struct op *op) {
  struct value **captured;
  for (int i = 0; i < op->n_in; i++) {
    const struct op *matrix = op_is(op->in[i]->def, OP_WEIGHT) ? op->in[i]->def : NULL;
    for (int k = 0; matrix && k < matrix->n_in; k++) /* computed indices */
      if (in_buffer(matrix->in[k]))
        live(p, matrix->in[k], p->clock);
    if (in_buffer(op->in[i]))
      live(p, op->in[i], p->clock);
  }
  int n = op->body ? captured_values(&p->scratch, op, &captured) : 0;
  for (int i = 0; i < n; i++)
    if (in_buffer(captured[i]))
      live(p, captured[i], p->clock);
  if (op->code == OP_KERNEL || (op->code == OP_REPEAT && op->attr.group))
    walk(op->body, live_state, p);
}

static void plan_block(struct plan *p, struct block *b);

/* The yielded values join the arguments' buffers as soon as they are made: see make_results. */
static void plan_repeat(struct plan *p, struct op *op) {
  read_operands(p, op);
  for (int i = 0; i < op->n_in; i++)
    join_buffer(p, op->body->args[1 + i], op->in[i]);
  plan_block(p, op->body);
  p->clock++;
  read_operands(p, op); /* what the body captures lives until the last iteration has ended */
  for (int i = 0; i < op->n_in; i++) {
    join_buffer(p, op->out[i], op->in[i]);
    live(p, op->out[i], p->clock);
  }
}

/* The argument that the repeat around `b` carries on as v, or NULL. */
static struct value *carried_as(const struct block *b, const struct value *v) {
  for (int i = 0; op_is(b->parent, OP_REPEAT) && i < b->last->n_in; i++)
    if (b->last->in[i] == v)
      return b->args[1 + i];
  return NULL;
}

static void make_results(struct plan *p, struct op *op) {
  for (int i = 0; i < op->n_out; i++) {
    if (!in_buffer(op->out[i]))
      continue;
    const struct value *argument = carried_as(op->block, op->out[i]);
    if (argument)
      join_buffer(p, op->out[i], argument);
    else
      new_buffer(p, op->out[i]);
  }
}

static bool has_scan(const struct op *kernel) {
  for (const struct op *op = kernel->body->first; op; op = op->next)
    if (op->code == OP_SCAN)
      return true;
  return false;
}

/* Whether threads that share `op`, or (spread) have all of it to themselves, begin with it when they are done
 * with their own part of `before`, whose results it uses: as far as can be said before backends/lower
 * decides.
 */
static bool flows_on(const struct plan *p, const struct op *before, const struct op *op) {
  if (!p->f->spread)
    return before->code == OP_TERNARY_SUM && op->code == OP_KERNEL && has_scan(op);
  bool shared = before->code == OP_TERNARY_SUM || kernel_elementwise(before);
  return !shared || (op->code == OP_KERNEL && kernel_elementwise(op));
}

/* Whether `op` need not wait for those from `first` to it. One thread does one thing after another. */
static bool goes_beside(const struct plan *p, const struct op *first, const struct op *op) {
  if (p->m->policy->in_turn)
    return false;
  for (; first && first != op; first = first->next)
    for (int i = 0; i < first->n_out; i++)
      if (first->code != OP_WEIGHT && op_uses(op, first->out[i]) && !flows_on(p, first, op))
        return false;
  return first && !(op_info[op->code].flags & END);
}

static void plan_block(struct plan *p, struct block *b) {
  const struct op *first = NULL; /* of those that have the same time */
  for (struct op *op = b->first; op; op = op->next) {
    if (!goes_beside(p, first, op)) {
      p->clock++;
      first = op;
    }
    if (op->code == OP_REPEAT) {
      p->clock += first != op;
      plan_repeat(p, op);
      first = NULL;
    } else {
      read_operands(p, op);
      make_results(p, op);
    }
  }
}

static void plan_func(struct module *m, struct func *f) {
  add_copies(m, f, f->body);
  struct op *end = f->body->last;
  for (int i = 0; i < end->n_in; i++)
    end->in[i]->at = AT_OUTPUT - i;
  struct plan p = {.m = m, .f = f};
  for (struct state *s = m->states; s; s = s->next)
    s->id = -1;
  plan_block(&p, f->body);
  f->scratch = place(p.buffers.at, p.buffers.n, plan_align(m));
  for (struct state *s = m->states; s; s = s->next)
    s->offset = s->id < 0 ? s->offset : p.buffers.at[s->id].offset;
  for (int i = 0; i < p.values.n; i++)
    p.values.at[i]->at = p.buffers.at[p.values.at[i]->id].offset;
  arena_free(&p.scratch);
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

static void set_sizes(struct module *m, const struct func *f, const struct pass_context *c) {
  for (int i = 0; i < m->dims.n; i++) {
    struct dim *d = &m->dims.at[i];
    int64_t asked = d->sequences ? c->batch : c->chunk;
    if (d->most < 1 && !d->within && func_has_dim(f, -1 - i))
      d->most = asked > 0 ? asked : d->sequences ? BATCH_DEFAULT : CHUNK_DEFAULT;
  }
}

/* What the module is planned for, of which kernels and the weights image must know. */
static void note_request(struct module *m, const struct pass_context *c) {
  m->policy = c->policy ? c->policy : m->policy;
  if (c->packing != STORE_NONE)
    m->packing = c->packing;
  for (struct func *f = m->funcs; f; f = f->next)
    set_sizes(m, f, c);
}

bool pass_plan_memory(struct module *m, const struct pass_context *c) {
  note_request(m, c);
  for (struct func *f = m->funcs; f; f = f->next)
    if (!func_is_fold(f))
      plan_func(m, f);
  plan_states(m);
  plan_weights(m, c->slow_trits);
  return true;
}
