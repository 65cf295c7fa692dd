/* roles.c: finds what a model does with its weights. */
#include "passes/training/roles.h"

#include "passes/rewrite.h"

/* Whether v counts the iterations of a repeat. */
static bool is_index(const struct value *v) {
  return !v->def && v->block->parent && v->block->parent->code == OP_REPEAT && v->index == 0;
}

/* The operator moves elements of its first operand and changes none. What tokens look up is another use. */
static bool moves(const struct op *op) {
  return (op_info[op->code].flags & MOVE) && (op->code != OP_INDEX || is_index(op->in[1]));
}

/* The weight whose elements v has, moved about or cut out of it; NULL: it is computed. */
static struct weight *weight_of(const struct module *m, const struct value *v) {
  const struct op *op = v->def;
  while (op && moves(op))
    op = op->in[0]->def;
  return op && op->code == OP_WEIGHT ? weight_find(m, op->attr.symbol) : NULL;
}

static enum weight_role role_in(const struct op *op, int operand, const struct weight *w) {
  if (op->code == OP_MATMUL && operand == 0)
    return ROLE_MATRIX;
  if (op->code == OP_INDEX && operand == 0)
    return ROLE_TABLE;
  if (op->code == OP_MUL)
    return w->type.rank > 1 ? ROLE_FILTER : ROLE_GAIN;
  return ROLE_BIAS;
}

/* Roles stand in the order of their strength. */
static void note_uses(struct op *op, void *module) {
  for (int i = 0; i < op->n_in && !moves(op); i++) {
    struct weight *w = weight_of(module, op->in[i]);
    enum weight_role role = w ? role_in(op, i, w) : ROLE_NONE;
    if (w && (w->role == ROLE_NONE || role < w->role))
      w->role = role;
  }
}

static struct beginning beginning_of(enum weight_role role) {
  static const struct beginning of[ROLE_COUNT] = {[ROLE_MATRIX] = {true, 0, 0.02},
                                                  [ROLE_TABLE] = {true, 0, 0.02},
                                                  [ROLE_FILTER] = {true, 0, 0.5},
                                                  [ROLE_GAIN] = {true, 1, 0}};
  return of[role];
}

void find_roles(struct module *m) {
  walk(func_find(m, "step")->body, note_uses, m);
  for (struct weight *w = m->weights; w; w = w->next)
    if (!w->begins.given)
      w->begins = beginning_of(w->role);
}
