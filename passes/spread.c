/* spread.c: parts what the threads of a team share from what each of them repeats.
 *
 * requires   kernel form (fuse); not planned memory.
 * maintains  kernel form and the meaning of every value, bit for bit.
 * breaks     that no two adjacent kernels could be one (fuse). Parted kernels still hold what they gave away:
 *            run dce.
 *
 * A token's kernels have one row. Where such a kernel has a reduction (norms, quantisers), no thread can
 * begin with what comes after it before it knows all elements: threads would have to meet twice, or wait for
 * one of them. Instead every thread computes all of it for itself (TEAM_EACH, backends/lower), which takes no
 * longer than one thread alone, and goes on to the next sum with codes of its own. For that, this pass takes
 * out of `step`'s kernels, into a kernel in front, what is element-wise on vectors: the end of a residual,
 * the gates, the recurrence with its state. That is shared, an element falling to the thread that has just
 * summed its row, so that between sums and gates nobody waits either. Threads meet once a sum: when a vector
 * is complete. */
#include "passes/pass.h"

#include "passes/rewrite.h"
#include <string.h>

/* What an operator of the kernel becomes; value.id of its results. FREE costs nothing to have in both:
 * leaves, their movement and that of captured values, scalars of them. */
enum half { LATE, FREE, EARLY };

struct parting {
  struct module *m;
  struct func *f;
  int64_t least; /* elements of a vector that is worth sharing */
  struct op *kernel;
  VEC(struct value *) cross; /* EARLY values that LATE operators or other kernels use */
};

static bool is_vector(struct type t) {
  return t.rank == 1 && t.dim[0] > 1;
}

static enum half part_of_value(const struct parting *p, const struct value *v) {
  return v->block == p->kernel->body ? (enum half)v->id : FREE;
}

static bool has_operand(const struct parting *p, const struct op *op, enum half part) {
  for (int i = 0; i < op->n_in; i++)
    if (part_of_value(p, op->in[i]) == part)
      return true;
  return false;
}

/* As much as can be is EARLY. */
static enum half first_part(const struct parting *p, const struct op *op) {
  if (has_operand(p, op, LATE))
    return LATE;
  bool early = has_operand(p, op, EARLY), vector = op->n_out == 1 && is_vector(op->out[0]->type);
  switch (op->code) {
  case OP_CONST:
  case OP_WEIGHT:
  case OP_WSCALE: return FREE;
  case OP_READ: return vector ? EARLY : LATE;
  case OP_SLICE: return !early ? FREE : vector ? EARLY : LATE;
  default:
    if (op_info[op->code].flags & MAP)
      return vector ? EARLY : !early && type_count(op->out[0]->type, NULL) == 1 ? FREE : LATE;
    return (op_info[op->code].flags & MOVE) && !early ? FREE : LATE;
  }
}

/* What has no result is LATE, but a write of a vector that is not. */
static enum half part_of(const struct parting *p, const struct op *op) {
  if (op->code == OP_WRITE)
    return part_of_value(p, op->in[0]) != LATE && is_vector(op->in[0]->type) ? EARLY : LATE;
  return op->n_out ? (enum half)op->out[0]->id : LATE;
}

static void find_parts(const struct parting *p) {
  for (struct op *op = p->kernel->body->first; op; op = op->next)
    for (int i = 0; i < op->n_out; i++)
      op->out[i]->id = (int)first_part(p, op);
}

/* An addition's worth: every thread computes it as fast as it loads the result. */
static bool cheap(const struct op *op) {
  switch (op->code) {
  case OP_NEG:
  case OP_ABS:
  case OP_CONVERT:
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_MIN:
  case OP_MAX:
  case OP_IADD:
  case OP_ISUB: return true;
  default: return false;
  }
}

static bool crosses(const struct parting *p, const struct value *v) {
  if (part_of_value(p, v) != EARLY)
    return false;
  for (const struct op *op = v->def->next; op; op = op->next)
    if (part_of(p, op) == LATE && op_uses(op, v))
      return true;
  return false;
}

static bool only_late_uses(const struct parting *p, const struct value *v) {
  for (const struct op *op = v->def->next; op; op = op->next)
    if (op_uses(op, v) && (part_of(p, op) != LATE || (op_info[op->code].flags & END)))
      return false;
  return true;
}

/* Cheap operators that only LATE ones use become LATE where no more vectors cross for it: squares of what
 * crosses anyway, products with weights. */
static void delay(const struct parting *p) {
  for (struct op *op = p->kernel->body->last; op; op = op->prev) {
    if (part_of(p, op) != EARLY || !cheap(op) || !only_late_uses(p, op->out[0]))
      continue;
    int more = 0;
    for (int i = 0; i < op->n_in; i++)
      more += part_of_value(p, op->in[i]) == EARLY && (i == 0 || op->in[i] != op->in[0]) &&
              !crosses(p, op->in[i]);
    if (more <= 1)
      op->out[0]->id = LATE;
  }
}

static bool is_access(const struct op *op) {
  return op->code == OP_READ || op->code == OP_WRITE;
}

/* Whether a state would be read or written earlier than by something that stands before. */
static bool breaks_order(const struct parting *p) {
  for (const struct op *late = p->kernel->body->first; late; late = late->next)
    for (const struct op *op = late->next; op && is_access(late) && part_of(p, late) == LATE; op = op->next)
      if (is_access(op) && part_of(p, op) == EARLY && states_conflict(late, op))
        return true;
  return false;
}

static bool note_width(int64_t *width, struct type t) {
  bool fits = *width == 0 || *width == t.dim[0];
  *width = t.dim[0];
  return fits;
}

/* Whether there is something that cannot be shared, and something that can: loops over vectors of one width.
 */
static bool worth_parting(struct parting *p) {
  int64_t width = 0;
  bool alike = true, work = false; /* more than reading a state */
  if (kernel_elementwise(p->kernel))
    return false;
  find_parts(p);
  delay(p);
  for (struct op *op = p->kernel->body->first; op; op = op->next) {
    if (op->code == OP_WRITE && part_of(p, op) == EARLY)
      alike &= note_width(&width, op->in[0]->type);
    work |= part_of(p, op) == EARLY && op->code != OP_READ;
    for (int i = 0; i < op->n_out; i++)
      if (crosses(p, op->out[i])) {
        alike &= note_width(&width, op->out[i]->type);
        vec_push(p->m->arena, p->cross, op->out[i]);
      }
  }
  return work && alike && width >= p->least && !breaks_order(p);
}

/* The kernel in front; what it yields stands for `cross` in the old one and after it. */
static void part_kernel(struct parting *p) {
  struct op *old = p->kernel, *first = NULL, *rest = NULL;
  struct builder b = builder_before(p->m, old);
  struct op *front = build(&b, OP_KERNEL, 0, NULL, &old->attr, NULL);
  struct builder inner = builder_end(p->m, front->body);
  struct value_map map = {0};
  for (struct op *op = old->body->first, *next; op; op = next) {
    enum half part = part_of(p, op);
    next = op->next;
    if (part != LATE)
      op_clone(&inner, op, &map);
    first = !first && part == EARLY ? op : first;
    rest = !rest && part == LATE ? op : rest;
    if (part == EARLY && op->code == OP_WRITE)
      op_unlink(op);
  }
  front->at = inner.at = first->at;
  old->at = rest->at;
  struct value **yields = arena_array(p->m->arena, struct value *, p->cross.n);
  struct type *types = arena_array(p->m->arena, struct type, p->cross.n);
  for (int i = 0; i < p->cross.n; i++) {
    yields[i] = map_value(&map, p->cross.at[i]);
    types[i] = yields[i]->type;
  }
  build(&inner, OP_YIELD, p->cross.n, yields, NULL, NULL);
  op_set_results(p->m, front, p->cross.n, types);
  for (int i = 0; i < p->cross.n; i++) {
    front->out[i]->name = p->cross.at[i]->name;
    front->out[i]->frac = p->cross.at[i]->frac;
    for (int k = 0; k < old->n_out; k++)
      if (old->body->last->in[k] == p->cross.at[i])
        replace_uses(p->f->body, old->out[k], front->out[i]);
    replace_uses(old->body, p->cross.at[i], front->out[i]);
  }
}

static void spread_block(struct module *m, struct func *f, const struct policy *policy, struct block *b) {
  for (struct op *op = b->first; op; op = op->next) {
    if (op->code == OP_REPEAT)
      spread_block(m, f, policy, op->body);
    if (op->code != OP_KERNEL)
      continue;
    struct parting p = {.m = m, .f = f, .least = policy->least_vector, .kernel = op};
    if (worth_parting(&p))
      part_kernel(&p);
  }
}

bool pass_spread(struct module *m, const struct pass_context *c) {
  const struct policy *policy = c->policy ? c->policy : m->policy;
  for (struct func *f = m->funcs; f; f = f->next) {
    if (func_is_fold(f) || func_dynamic(f) || f->spread || !policy->team)
      continue;
    spread_block(m, f, policy, f->body);
    name_kernels(m, f);
    f->spread = true;
  }
  return true;
}
