/* roles.c: finds what a model does with its weights. */
#include "passes/training/roles.h"

#include "passes/rewrite.h"

/* Whether v counts the iterations of a repeat. */
static bool is_index(const struct value *v) {
  return !v->def && v->block->parent && v->block->parent->code == OP_REPEAT && v->index == 0;
}

/* Operands whose elements the operator moves and does not change: all of them, or of `index` the first, where
 * a repeat counts and no token looks it up. */
static int moved(const struct op *op) {
  if (!(op_info[op->code].flags & MOVE))
    return 0;
  return op->code != OP_INDEX ? op->n_in : is_index(op->in[1]);
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

/* The operand's weights, which may have been moved about, cut and joined on their way to it. Roles stand in
 * the order of their strength. */
static void note_use(struct module *m, const struct value *v, const struct op *user, int operand) {
  const struct op *op = v->def;
  struct weight *w = op && op->code == OP_WEIGHT ? weight_find(m, op->attr.symbol) : NULL;
  enum weight_role role = w ? role_in(user, operand, w) : ROLE_NONE;
  if (w && (w->role == ROLE_NONE || role < w->role))
    w->role = role;
  for (int i = 0; op && i < moved(op); i++)
    note_use(m, op->in[i], user, operand);
}

static void note_uses(struct op *op, void *module) {
  for (int i = 0; i < op->n_in && !moved(op); i++)
    note_use(module, op->in[i], op, i);
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
