/* norm_scale.c: an RMSNorm before a quantiser leaves the codes and stays in the scale.
 *
 * requires   ternarize: codes and scales are operators of their own.
 * maintains  types; every value but the codes, bit for bit; the codes up to the rounding of what they were
 *            rounded from.
 * breaks     nothing.
 *
 * The pattern, with n used by nothing else (but in `train`), and w any tensor that broadcasts against
 * rmsnorm(x), or none:
 *
 *   n = rmsnorm(x){eps} * w,   s = Q / max(absmax(n), 1e-5),   c = codes(n, s)
 *
 * rmsnorm multiplies each vector by one number, r = 1 / sqrt(sum(x * x) / N + eps). With u = x * w:
 *
 *   n = u * r,   absmax(n) = absmax(u) * r          (r > 0)
 *   n * s = u * r * Q / (absmax(u) * r) = u * (Q / absmax(u))       where absmax(n) > 1e-5
 *         = u * (r * (Q / 1e-5))                                    elsewhere
 *
 * so r cancels out of the codes. It is computed after all, for s, by which the sums are divided later; but
 * an error in r no longer moves a code. The codes are a function of u alone (an element-wise product and a
 * maximum, neither of which depends on an order), and not of the order in which a sum of squares was added
 * up, which is what a wide vector unit, a narrow one and an adder tree in hardware do differently. It also
 * saves a pass over the vector: the two reductions, sum(x * x) and absmax(u), need nothing of each other.
 *
 * Static scales (no absmax) do not match and stay. */
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <string.h>

/* What was found. */
struct pattern {
  struct op *codes, *absmax, *div; /* div: s */
  struct op *norm;                 /* rmsnorm */
  struct value *n, *w;             /* w: NULL when the norm has no weight */
  double q, least;                 /* Q and 1e-5 */
};

/* The operand of a two-operand operator that is not the constant, which goes to *value. */
static struct value *beside_const(const struct op *op, double *value) {
  for (int i = 0; i < 2; i++)
    if (value_const(op->in[i], value))
      return op->in[1 - i];
  return NULL;
}

/* s = Q / max(absmax(n), least) */
static bool match_scale(struct pattern *p, struct value *s) {
  p->div = s->def;
  if (!op_is(p->div, OP_DIV) || !value_const(p->div->in[0], &p->q) || !op_is(p->div->in[1]->def, OP_MAX))
    return false;
  struct value *largest = beside_const(p->div->in[1]->def, &p->least);
  if (!largest || !(p->least > 0) || !op_is(largest->def, OP_ABSMAX) || largest->def->in[0] != p->n)
    return false;
  p->absmax = largest->def;
  return p->absmax->attr.axis == type_last(p->n->type);
}

/* n = rmsnorm(x) or rmsnorm(x) * w */
static bool match_norm(struct pattern *p) {
  struct op *def = p->n->def;
  if (op_is(def, OP_MUL)) {
    int side = op_is(def->in[0]->def, OP_RMSNORM) ? 0 : 1;
    p->w = def->in[1 - side];
    def = def->in[side]->def;
  }
  p->norm = def;
  if (!op_is(def, OP_RMSNORM))
    return false;
  /* the vectors that share an r must be the vectors that share an absmax */
  struct type x = def->in[0]->type, n = p->n->type;
  return x.dim[type_last(x)] == n.dim[type_last(n)];
}

/* n is used twice, by its absmax and its codes; else it has to be computed anyway, and nothing is gained. In
 * a training step it does not matter who else uses n: what is computed again must get the bits that it had.
 */
static bool match(struct op *codes, struct pattern *p, bool always) {
  *p = (struct pattern){.codes = codes, .n = codes->in[0]};
  return match_scale(p, codes->in[1]) && match_norm(p) && (always || p->n->id == 2);
}

/* r = 1 / sqrt(sum(x * x) / N + eps), as rmsnorm's definition has it */
static struct value *norm_factor(struct builder *b, const struct op *norm) {
  struct value *x = norm->in[0];
  struct type scalar = type_scalar(ELEM_F32);
  int last = type_last(x->type);
  struct value *squares = build_axis(b, OP_SUM, build2(b, OP_MUL, x, x), last);
  struct value *mean = build2(b, OP_DIV, squares, build_const(b, (double)x->type.dim[last], scalar));
  struct value *sum = build2(b, OP_ADD, mean, build_const(b, norm->attr.eps, scalar));
  return build1(b, OP_RSQRT, sum);
}

/* ---- uses: a value's id counts the operands that it is ------------------------------------------------ */

static void count_operands(struct op *op, int by) {
  for (int i = 0; i < op->n_in; i++)
    op->in[i]->id += by;
}

static void clear_uses(int n, struct value **values) {
  for (int i = 0; i < n; i++)
    values[i]->id = 0;
}

static void clear(struct op *op, void *data) {
  (void)data;
  clear_uses(op->n_out, op->out);
  if (op->body)
    clear_uses(op->body->n_args, op->body->args);
}

static void count(struct op *op, void *data) {
  (void)data;
  count_operands(op, 1);
}

/* Operators made before `end`, after `before` (NULL: from the block's first on). */
static void count_made(struct op *before, struct op *end) {
  for (struct op *op = before ? before->next : end->block->first; op != end; op = op->next)
    count_operands(op, 1);
}

/* ---- the rewriting ------------------------------------------------------------------------------------ */

/* The operator takes other operands. */
static void take(struct op *codes, struct value *u, struct value *scale) {
  count_operands(codes, -1);
  codes->in[0] = u;
  codes->in[1] = scale;
  count_operands(codes, 1);
}

static void rewrite(struct module *m, struct pattern *p) {
  struct builder b = builder_before(m, p->div);
  struct op *before = p->div->prev;
  struct type scalar = type_scalar(ELEM_F32);
  struct value *x = p->norm->in[0];
  struct value *u = p->w ? build2(&b, OP_MUL, x, p->w) : x;
  struct value *r = norm_factor(&b, p->norm);
  struct value *largest = build_axis(&b, OP_ABSMAX, u, type_last(u->type));
  struct value *normed = build2(&b, OP_MUL, largest, r); /* = absmax(n) */
  struct value *least = build_const(&b, p->least, scalar), *q = build_const(&b, p->q, scalar);
  struct value *s = build2(&b, OP_DIV, q, build2(&b, OP_MAX, normed, least));
  struct value *large = build2(&b, OP_LT, least, normed);
  struct value *cancelled = build2(&b, OP_DIV, q, largest);
  struct value *small = build2(&b, OP_MUL, r, build_const(&b, p->q / p->least, scalar));
  struct value *su = build3(&b, OP_SELECT, large, cancelled, small);
  count_made(before, p->div);
  take(p->codes, u, su);
  s->id += p->div->out[0]->id;
  count_operands(p->div, -1);
  forward_op(p->div, s);
}

/* Operators that only fed what was rewritten. */
static void drop_unused(struct op *op) {
  if (!op || !op->block || !(op_info[op->code].flags & PURE) || op->n_out != 1 || op->out[0]->id)
    return;
  count_operands(op, -1);
  op_unlink(op);
  for (int i = 0; i < op->n_in; i++)
    drop_unused(op->in[i]->def);
}

struct visit {
  struct module *m;
  bool always;
};

static void visit(struct op *op, void *data) {
  struct visit *v = data;
  struct pattern p;
  use_forwarded(op);
  if (op->code != OP_CODES || !match(op, &p, v->always))
    return;
  struct op *bounded = p.div->in[1]->def, *q = p.div->in[0]->def;
  rewrite(v->m, &p);
  drop_unused(bounded);
  drop_unused(q);
}

bool pass_norm_scale(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next) {
    clear_uses(f->body->n_args, f->body->args);
    walk(f->body, clear, NULL);
    walk(f->body, count, NULL);
    struct visit v = {m, strcmp(f->name, "train") == 0};
    walk(f->body, visit, &v);
    settle_forwarded(f->body);
  }
  return true;
}
