/* rewrite.c: what several passes share; contracts in rewrite.h. */
#include "passes/rewrite.h"

#include <string.h>

bool op_is(const struct op *op, enum opcode code) {
  return op && op->code == code;
}

bool value_const(const struct value *v, double *value) {
  if (!op_is(v->def, OP_CONST))
    return false;
  *value = v->def->attr.value;
  return true;
}

int type_last(struct type t) {
  return t.rank - 1;
}

/* v is called what the result was called, if it has no name of its own. */
static void take_over(struct value *v, const struct op *op) {
  if (!v->name)
    v->name = op->out[0]->name;
  if (v->frac == FRAC_NONE)
    v->frac = op->out[0]->frac;
}

void replace_op(struct block *root, struct op *op, struct value *v) {
  take_over(v, op);
  replace_uses(root, op->out[0], v);
  op_unlink(op);
}

void forward_op(struct op *op, struct value *v) {
  take_over(v, op);
  op->out[0]->instead = v;
  op_unlink(op);
}

void use_forwarded(struct op *op) {
  for (int i = 0; i < op->n_in; i++)
    while (op->in[i]->instead)
      op->in[i] = op->in[i]->instead;
}

static void settle(struct op *op, void *data) {
  (void)data;
  use_forwarded(op);
}

void settle_forwarded(struct block *root) {
  walk(root, settle, NULL);
}

/* x[..., n] -> [..., 1, n], so that it meets every row of a matrix. */
static struct value *as_row(struct builder *b, struct value *x) {
  struct type t = x->type;
  t.dim[t.rank] = t.dim[t.rank - 1];
  t.dim[t.rank - 1] = 1;
  t.rank++;
  return build_reshape(b, x, t);
}

struct value *expand_product(struct builder *b, struct value *w, struct value *x) {
  if (x->type.rank == MAX_RANK) {
    diag_at(b->m->diag, SEVERITY_ERROR, b->at,
            "matmul: a computed matrix against %s would need more than %d axes",
            type_text(b->m->arena, b->m, x->type), MAX_RANK);
    return build_poison(b, x->type);
  }
  struct value *terms = build2(b, OP_MUL, w, as_row(b, x));
  struct value *sums = build_axis(b, OP_SUM, terms, type_last(terms->type));
  struct type t = sums->type;
  t.rank--;
  return build_reshape(b, sums, t);
}

bool op_uses(const struct op *op, const struct value *v) {
  for (int i = 0; i < op->n_in; i++)
    if (op->in[i] == v)
      return true;
  return op->body && count_uses(op->body, v);
}

bool states_conflict(const struct op *a, const struct op *b) {
  int skip_a = op_changes(a->code), skip_b = op_changes(b->code); /* what is written or added */
  if ((!skip_a && !skip_b) || strcmp(a->attr.symbol, b->attr.symbol) != 0)
    return false;
  for (int i = 0; i < a->n_in - skip_a && i < b->n_in - skip_b; i++) { /* one may name all parts */
    double x, y;
    if (value_const(a->in[skip_a + i], &x) && value_const(b->in[skip_b + i], &y) && x != y)
      return false;
  }
  return true;
}

bool op_elementwise(const struct op *op) {
  switch (op->code) {
  case OP_CONST:
  case OP_WEIGHT:
  case OP_WSCALE:
  case OP_READ:
  case OP_APPEND:
  case OP_SEEN:
  case OP_SEEN_BACK:
  case OP_APPEND_BACK:
  case OP_WRITE: return true;
  default: return op_info[op->code].flags & (MAP | MOVE | END);
  }
}

bool kernel_elementwise(const struct op *kernel) {
  for (const struct op *op = kernel->body->first; op; op = op->next)
    if (!op_elementwise(op))
      return false;
  return true;
}

struct value *copy_kernel(struct builder *b, struct value *v, const char *name) {
  struct op *kernel = build(b, OP_KERNEL, 0, NULL, &(struct attrs){.name = name}, NULL);
  struct builder inner = builder_end(b->m, kernel->body);
  inner.at = kernel->at = v->def ? v->def->at : b->at;
  struct value *copy = build_reshape(&inner, v, v->type);
  build(&inner, OP_YIELD, 1, &copy, NULL, NULL);
  op_set_results(b->m, kernel, 1, &v->type);
  copy->name = kernel->out[0]->name = v->name;
  return kernel->out[0];
}

struct taken {
  const char *name;
  int kernels;
  bool found;
};

static void find_name(struct op *op, void *data) {
  struct taken *t = data;
  t->kernels += op->code == OP_KERNEL;
  t->found |= op->code == OP_KERNEL && t->name && strcmp(op->attr.name, t->name) == 0;
}

const char *kernel_name(struct module *m, const struct func *f) {
  struct taken t = {0};
  walk(f->body, find_name, &t);
  for (int n = t.kernels;; n++) {
    t = (struct taken){.name = arena_printf(m->arena, "%s.k%d", f->name, n)};
    walk(f->body, find_name, &t);
    if (!t.found)
      return t.name;
  }
}

struct naming {
  struct module *m;
  const struct func *f;
  int n;
};

static void name_kernel(struct op *op, void *data) {
  struct naming *names = data;
  if (op->code == OP_KERNEL)
    op->attr.name = arena_printf(names->m->arena, "%s.k%d", names->f->name, names->n++);
}

void name_kernels(struct module *m, struct func *f) {
  walk(f->body, name_kernel, &(struct naming){m, f, 0});
}
