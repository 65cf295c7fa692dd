/* range_relations.c: what operands have to do with each other; contracts in range_impl.h.
 *
 * Operands meet place by place, stretched against each other from the last axis on; a *view* is a value and
 * the shape in which it takes part, which a reshape between it and the operator has changed. Two views of one
 * value hold the same numbers at the same places where their shapes agree but for leading axes of length 1.
 */
#include "passes/fixed/range_impl.h"

#include "passes/rewrite.h"
#include <string.h>

enum { DEPTH = 8 }; /* of operators that are looked through */

struct view {
  const struct value *v;
  struct type t;
};

static struct view view_of(const struct value *v) {
  return (struct view){v, v->type};
}

/* The same places, stretched from the last axis on. */
static bool aligned(struct type a, struct type b) {
  int i = 0, j = 0;
  while (i < a.rank && a.dim[i] == 1)
    i++;
  while (j < b.rank && b.dim[j] == 1)
    j++;
  return a.rank - i == b.rank - j && memcmp(a.dim + i, b.dim + j, sizeof *a.dim * (size_t)(a.rank - i)) == 0;
}

/* The operand of w's operator as it takes part where w does; false: its places are others. */
static bool part(struct view w, int i, struct view *out) {
  const struct value *v = w.v->def->in[i];
  bool all = type_same_shape(v->type, w.v->type);
  *out = (struct view){v, all ? w.t : v->type};
  return all || type_count(v->type, NULL) == 1 || aligned(w.v->type, w.t);
}

/* Without reshapes and stretches. */
static struct view bare(struct view w) {
  for (;; w.v = w.v->def->in[0]) {
    if (op_is(w.v->def, OP_BROADCAST) && aligned(w.v->type, w.t))
      w.t = w.v->def->in[0]->type;
    else if (!op_is(w.v->def, OP_RESHAPE))
      return w;
  }
}

static bool same(struct view a, struct view b) {
  a = bare(a);
  b = bare(b);
  double p, q;
  bool equal = value_const(a.v, &p) && value_const(b.v, &q) && p == q;
  return equal || (a.v == b.v && aligned(a.t, b.t));
}

static bool never_negative(const struct analysis *x, struct view w) {
  return range_of(x, w.v).lo >= 0;
}

/* w = operand * c or operand / c, c > 0: the factor, else 0. */
static double const_factor(struct view w, struct view *operand) {
  double c;
  const struct op *op = w.v->def;
  if (op_is(op, OP_DIV) && value_const(op->in[1], &c) && c > 0 && part(w, 0, operand))
    return 1 / c;
  for (int i = 0; op_is(op, OP_MUL) && i < 2; i++)
    if (value_const(op->in[1 - i], &c) && c > 0 && part(w, i, operand))
      return c;
  return 0;
}

/* w is a sum or a largest element along an axis, standing where the operator left it: its operand. */
static bool along_axis(struct view w, enum opcode code, struct view *operand) {
  if (!op_is(w.v->def, code) || !aligned(w.v->type, w.t))
    return false;
  *operand = view_of(w.v->def->in[0]);
  return true;
}

/* ---- |a| <= k d -------------------------------------------------------------------------------------- */

/* `power` 1: |a| <= k d; 2: a^2 <= k d. d >= 0. */
static double covers(const struct analysis *x, struct view d, struct view a, int power, int depth);

static double power_of(double k, int power) {
  return power == 2 ? k * k : k;
}

/* Of two factors, 0 for what is not known, the one that says more. */
static double tighter(double a, double b) {
  return a == 0 ? b : b == 0 ? a : fmin(a, b);
}

/* d = p + q, max(p, q), c p, |p|, sqrt(p), sum(p), ... */
static double covers_by_divisor(const struct analysis *x, struct view d, struct view a, int power,
                                int depth) {
  struct view p, q;
  double c = const_factor(d, &p), k = 0;
  if (c > 0)
    return covers(x, p, a, power, depth) / c;
  if (op_is(d.v->def, OP_ADD) || op_is(d.v->def, OP_MAX)) {
    bool sum = d.v->def->code == OP_ADD;
    for (int i = 0; i < 2; i++)
      if (part(d, i, &p) && part(d, 1 - i, &q) && (!sum || never_negative(x, q)))
        k = tighter(k, covers(x, p, a, power, depth));
    return k;
  }
  if (along_axis(d, OP_SUM, &p))
    return never_negative(x, p) ? covers(x, p, a, power, depth) : 0;
  if (along_axis(d, OP_AMAX, &p))
    return never_negative(x, view_of(d.v)) ? covers(x, p, a, power, depth) : 0;
  if (power == 1 && along_axis(d, OP_ABSMAX, &p))
    return same(p, a);
  if (power == 1 && op_is(d.v->def, OP_SQRT) && part(d, 0, &p))
    return sqrt(covers(x, p, a, 2, depth));
  return 0;
}

/* a = p w, p + q, p - q, -p, |p|, relu(p), sum(p w) */
static double covers_by_dividend(const struct analysis *x, struct view d, struct view a, int power,
                                 int depth) {
  struct view p, q;
  double k = 0;
  if (!a.v->def)
    return 0;
  switch (a.v->def->code) {
  case OP_NEG:
  case OP_ABS:
  case OP_RELU: return part(a, 0, &p) ? covers(x, d, p, power, depth) : 0;
  case OP_MUL:
    for (int i = 0; i < 2; i++)
      if (part(a, i, &p)) {
        double w = range_most(range_of(x, a.v->def->in[1 - i]));
        k = tighter(k, isinf(w) ? 0 : power_of(w, power) * covers(x, d, p, power, depth));
      }
    return k;
  case OP_ADD:
  case OP_SUB: {
    if (power != 1 || !part(a, 0, &p) || !part(a, 1, &q))
      return 0;
    double one = covers(x, d, p, 1, depth), other = one > 0 ? covers(x, d, q, 1, depth) : 0;
    return other > 0 ? one + other : 0;
  }
  case OP_SUM: /* both along one axis */
    if (power == 1 && along_axis(a, OP_SUM, &p) && along_axis(bare(d), OP_SUM, &q) &&
        a.v->def->attr.axis == bare(d).v->def->attr.axis && type_same_shape(p.t, q.t) && never_negative(x, q))
      return covers(x, q, p, 1, depth);
    return 0;
  case OP_ABSMAX:
  case OP_AMAX: { /* d is one number for the whole vector */
    struct type t = a.v->type;
    if (along_axis(a, a.v->def->code, &p) && (aligned(t, d.t) || type_count(d.t, NULL) == 1))
      return covers(x, d, p, power, depth);
    return 0;
  }
  default: return 0;
  }
}

static double covers(const struct analysis *x, struct view d, struct view a, int power, int depth) {
  if (depth == 0)
    return 0;
  d = bare(d);
  a = bare(a);
  if (power == 1 && same(d, a) && never_negative(x, a))
    return 1;
  const struct op *op = d.v->def;
  struct view p;
  if (power == 1 && op_is(op, OP_ABS) && part(d, 0, &p) && same(p, a))
    return 1;
  if (power == 2 && op_is(op, OP_MUL) && op->in[0] == op->in[1] && part(d, 0, &p) && same(p, a))
    return 1;
  double k = covers_by_dividend(x, d, a, power, depth - 1);
  return tighter(k, covers_by_divisor(x, d, a, power, depth - 1));
}

double range_quotient(const struct analysis *x, const struct value *a, const struct value *d) {
  return covers(x, view_of(d), view_of(a), 1, DEPTH);
}

double range_product(const struct analysis *x, const struct value *a, const struct value *b) {
  double k = 0;
  for (int side = 0; side < 2; side++) {
    struct view u = view_of(side ? b : a), r = bare(view_of(side ? a : b)), d;
    double c;
    if (op_is(r.v->def, OP_RSQRT) && part(r, 0, &d))
      k = tighter(k, sqrt(covers(x, d, u, 2, DEPTH)));
    else if (op_is(r.v->def, OP_DIV) && value_const(r.v->def->in[0], &c) && part(r, 1, &d))
      k = tighter(k, fabs(c) * covers(x, d, u, 1, DEPTH));
  }
  return k;
}

/* ---- b >= a ------------------------------------------------------------------------------------------ */

static bool at_least(const struct analysis *x, struct view b, struct view a, int depth);

/* a or b is a sum or difference with something whose sign is known. */
static bool at_least_moved(const struct analysis *x, struct view b, struct view a, int depth) {
  struct view p, q;
  for (int i = 0; i < 2; i++) {
    if (op_is(b.v->def, OP_ADD) && part(b, i, &p) && part(b, 1 - i, &q) && never_negative(x, q) &&
        at_least(x, p, a, depth))
      return true;
    if (op_is(a.v->def, OP_ADD) && part(a, i, &p) && part(a, 1 - i, &q) && range_of(x, q.v).hi <= 0 &&
        at_least(x, b, p, depth))
      return true;
  }
  return op_is(a.v->def, OP_SUB) && part(a, 0, &p) && part(a, 1, &q) && never_negative(x, q) &&
         at_least(x, b, p, depth);
}

static bool at_least(const struct analysis *x, struct view b, struct view a, int depth) {
  struct view p;
  b = bare(b);
  a = bare(a);
  if (same(b, a))
    return true;
  if (depth-- == 0)
    return false;
  for (int i = 0; i < 2; i++) {
    if (op_is(b.v->def, OP_MAX) && part(b, i, &p) && at_least(x, p, a, depth))
      return true;
    if (op_is(a.v->def, OP_MIN) && part(a, i, &p) && at_least(x, b, p, depth))
      return true;
  }
  if (along_axis(b, OP_AMAX, &p) || along_axis(b, OP_ABSMAX, &p))
    return at_least(x, p, a, depth);
  if (op_is(b.v->def, OP_ABS) || op_is(b.v->def, OP_RELU) || op_is(b.v->def, OP_SOFTPLUS))
    return part(b, 0, &p) && at_least(x, p, a, depth);
  return at_least_moved(x, b, a, depth);
}

bool range_at_least(const struct analysis *x, const struct value *b, const struct value *a) {
  return at_least(x, view_of(b), view_of(a), DEPTH);
}

/* ---- f a + g b with f + g <= 1 ----------------------------------------------------------------------- */

/* The value that `fold` defines a folded weight by, or NULL. */
static const struct value *folded_value(const struct module *m, const struct value *v) {
  const struct func *fold = func_find(m, "fold");
  if (!fold || !op_is(v->def, OP_WEIGHT))
    return NULL;
  const struct block *b = fold->body;
  for (const struct op *op = b->first; op;) {
    if (op->code == OP_DEFINE && strcmp(op->attr.symbol, v->def->attr.symbol) == 0)
      return op->in[0];
    const struct op *next = op->body ? op->body->first : op->next;
    while (!next && op->block->parent) {
      op = op->block->parent;
      next = op->next;
    }
    op = next;
  }
  return NULL;
}

/* What is reshaped; the same elements in the same order. */
static const struct value *unshaped(const struct value *v) {
  while (op_is(v->def, OP_RESHAPE))
    v = v->def->in[0];
  return v;
}

/* g = 1 - f */
static bool complement_of(const struct value *g, const struct value *f) {
  double one;
  return op_is(g->def, OP_SUB) && unshaped(g->def->in[1]) == unshaped(f) &&
         value_const(g->def->in[0], &one) && one == 1;
}

static bool complements(const struct module *m, const struct value *f, const struct value *g) {
  if (!type_same_shape(f->type, g->type))
    return false;
  f = unshaped(f);
  g = unshaped(g);
  const struct value *a = folded_value(m, f), *b = folded_value(m, g);
  return complement_of(f, g) || complement_of(g, f) ||
         (a && b && (complement_of(a, b) || complement_of(b, a)));
}

/* f = p / d, g = q / d, d a sum of p, q and what is not negative; *all: of nothing else. */
static bool shares(const struct analysis *x, const struct value *f, const struct value *g, bool *all) {
  if (!op_is(f->def, OP_DIV) || !op_is(g->def, OP_DIV) || !type_same_shape(f->type, g->type))
    return false;
  struct view p = view_of(f->def->in[0]), q = view_of(g->def->in[0]);
  struct view d = bare(view_of(f->def->in[1])), e = bare(view_of(g->def->in[1])), rest[2];
  if (!same(d, e))
    return false;
  *all = true;
  while (op_is(d.v->def, OP_ADD) && part(d, 0, &rest[0]) && part(d, 1, &rest[1])) {
    if ((same(rest[0], p) && same(rest[1], q)) || (same(rest[0], q) && same(rest[1], p)))
      return true;
    int sum = op_is(bare(rest[0]).v->def, OP_ADD) ? 0 : 1;
    if (!never_negative(x, rest[1 - sum]))
      return false;
    *all = false;
    d = bare(rest[sum]);
  }
  return false;
}

static bool within_one(struct range r) {
  return r.lo >= 0 && r.hi <= 1;
}

/* f * a + g * b with f + g <= 1; a NULL: f stands alone, as f * 1. */
static bool mixed(const struct analysis *x, const struct value *f, const struct value *a,
                  const struct value *g, const struct value *b, struct range *out) {
  bool all = true;
  if (!(complements(x->m, f, g) || shares(x, f, g, &all)) ||
      !within_one(range_hull(range_of(x, f), range_of(x, g))))
    return false;
  *out = range_hull(a ? range_of(x, a) : range_between(1, 1), range_of(x, b));
  if (!all)
    *out = range_hull(*out, range_between(0, 0));
  return true;
}

static bool weighted_mean(const struct analysis *x, const struct op *add, struct range *out) {
  for (int side = 0; side < 2; side++) {
    const struct value *p = add->in[side], *q = add->in[1 - side];
    if (!op_is(q->def, OP_MUL))
      continue;
    for (int j = 0; j < 2; j++) {
      const struct value *g = q->def->in[j], *b = q->def->in[1 - j];
      if (mixed(x, p, NULL, g, b, out))
        return true;
      for (int i = 0; op_is(p->def, OP_MUL) && i < 2; i++)
        if (mixed(x, p->def->in[i], p->def->in[1 - i], g, b, out))
          return true;
    }
  }
  return false;
}

/* from + f * (to - from), or from - f * (from - to), 0 <= f <= 1 */
static bool step_towards(const struct analysis *x, const struct value *from, const struct value *step,
                         bool back, struct range *out) {
  for (int i = 0; op_is(step->def, OP_MUL) && i < 2; i++) {
    const struct value *f = step->def->in[i], *way = step->def->in[1 - i];
    if (!op_is(way->def, OP_SUB) || !within_one(range_of(x, f)))
      continue;
    const struct value *to = way->def->in[back], *start = way->def->in[!back];
    if (!same(view_of(start), view_of(from)))
      continue;
    *out = range_hull(range_of(x, from), range_of(x, to));
    return true;
  }
  return false;
}

bool range_convex(const struct analysis *x, const struct op *op, struct range *out) {
  if (op->code == OP_SUB)
    return step_towards(x, op->in[0], op->in[1], true, out);
  return weighted_mean(x, op, out) || step_towards(x, op->in[0], op->in[1], false, out) ||
         step_towards(x, op->in[1], op->in[0], false, out);
}

/* ---- ternary sums of a normed vector ----------------------------------------------------------------- */

/* The operand beside a constant, or NULL. */
static struct value *beside_const(const struct op *op) {
  double c;
  return value_const(op->in[1], &c) ? op->in[0] : value_const(op->in[0], &c) ? op->in[1] : NULL;
}

/* The x that r = 1 / sqrt(sum(x x) / n + eps) belongs to, or NULL; *n: its length. */
static struct value *norm_factor_of(const struct value *r, int64_t *n) {
  if (!op_is(r->def, OP_RSQRT) || !op_is(r->def->in[0]->def, OP_ADD))
    return NULL;
  struct value *mean = beside_const(r->def->in[0]->def);
  if (!mean || !(op_is(mean->def, OP_DIV) || op_is(mean->def, OP_MUL)))
    return NULL;
  struct value *squares = beside_const(mean->def);
  if (!squares || !op_is(squares->def, OP_SUM))
    return NULL;
  const struct op *sum = squares->def, *square = sum->in[0]->def;
  if (!op_is(square, OP_MUL) || square->in[0] != square->in[1])
    return NULL;
  *n = sum->in[0]->type.dim[sum->attr.axis];
  return square->in[0];
}

/* u = x or x * w, whose norm factor is r: the largest |w|; 0: it is not so. *n: the length. */
static double normed_by(const struct analysis *a, const struct value *u, const struct value *r, int64_t *n) {
  const struct value *x = norm_factor_of(r, n);
  if (!x)
    return 0;
  if (u == x)
    return 1;
  if (!op_is(u->def, OP_MUL))
    return 0;
  for (int i = 0; i < 2; i++)
    if (u->def->in[i] == x)
      return range_most(range_of(a, u->def->in[1 - i]));
  return 0;
}

/* v = u * r or absmax(u) * r of a vector u and its norm factor: the largest |w|, else 0. */
static double normed_product(const struct analysis *a, const struct op *mul, int64_t *n) {
  for (int i = 0; i < 2; i++) {
    const struct value *u = mul->in[i], *r = mul->in[1 - i];
    if (op_is(u->def, OP_ABSMAX))
      u = u->def->in[0];
    double w = normed_by(a, u, r, n);
    if (w > 0)
      return w;
  }
  return 0;
}

/* s = Q / max(absmax(u) r, least) of a normed u: the largest |w|, else 0. */
static double normed_scale(const struct analysis *a, const struct value *s, double *q, int64_t *n) {
  if (!op_is(s->def, OP_DIV) || !value_const(s->def->in[0], q) || !op_is(s->def->in[1]->def, OP_MAX))
    return 0;
  const struct value *largest = beside_const(s->def->in[1]->def);
  return largest && op_is(largest->def, OP_MUL) ? normed_product(a, largest->def, n) : 0;
}

/* y = convert(ternary_sum(W, codes)) / (s * wscale(W)), s of a normed vector n of length N: |sum of t n| is
 * at most |t| |n| <= max|t| sqrt(N) sqrt(N) max|w|; each code is off by half a step at most. */
bool range_ternary_product(const struct analysis *a, const struct op *div, struct range *out) {
  const struct op *convert = div->in[0]->def, *scale = div->in[1]->def;
  if (!op_is(convert, OP_CONVERT) || !op_is(convert->in[0]->def, OP_TERNARY_SUM) || !op_is(scale, OP_MUL))
    return false;
  for (int i = 0; i < 2; i++) {
    int64_t n = 1;
    double q = 1, w = normed_scale(a, scale->in[i], &q, &n);
    if (w == 0 || !op_is(scale->in[1 - i]->def, OP_WSCALE))
      continue;
    double least = range_of(a, scale->in[1 - i]).lo, length = (double)n;
    double code = most_code(convert->in[0]->def->in[0]->type.elem);
    double most = code * length * w * (1 + 0.5 * sqrt(length) / q) / least;
    *out = range_between(-most, most);
    return true;
  }
  return false;
}
