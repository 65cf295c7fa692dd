/* ranges.c: interval arithmetic over a float step; the contract and the rules are in ranges.h. */
#include "passes/ranges.h"

#include "passes/rewrite.h"
#include <math.h>
#include <string.h>

enum { MOST_TOKENS = 12 }; /* after which a state that still grows counts as unbounded */

struct analysis {
  struct module *m;
  struct ranges *r;
  bool changed; /* a state grew */
};

static const struct range everything = {-INFINITY, INFINITY};

double range_most(struct range r) {
  return fmax(fabs(r.lo), fabs(r.hi));
}

struct range weight_range(const struct weight *w) {
  if (w->known)
    return (struct range){w->lo, w->hi};
  if (w->type.elem == ELEM_TERNARY)
    return (struct range){SMALLEST_WSCALE, LARGEST_WSCALE};
  return (struct range){-LARGEST_WEIGHT, LARGEST_WEIGHT};
}

static struct range hull(struct range a, struct range b) {
  return (struct range){fmin(a.lo, b.lo), fmax(a.hi, b.hi)};
}

static struct range get(const struct analysis *x, const struct value *v) {
  return x->r->at[v->id];
}

/* ---- arithmetic; 0 times what is unbounded is 0 -----------------------------------------------------------
 */

static double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

static struct range product(struct range a, struct range b) {
  double p[] = {times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi)};
  struct range r = {p[0], p[0]};
  for (int i = 1; i < 4; i++)
    r = hull(r, (struct range){p[i], p[i]});
  return r;
}

static struct range reciprocal(struct range a) {
  if (a.lo > 0 || a.hi < 0)
    return (struct range){1 / a.hi, 1 / a.lo};
  return a.lo == 0 && a.hi > 0 ? (struct range){1 / a.hi, INFINITY} : everything;
}

static struct range plus(struct range a, struct range b) {
  return (struct range){a.lo + b.lo, a.hi + b.hi};
}

static struct range minus(struct range a) {
  return (struct range){-a.hi, -a.lo};
}

static struct range magnitude(struct range a) {
  double most = range_most(a);
  return (struct range){a.lo > 0 ? a.lo : a.hi < 0 ? -a.hi : 0, most};
}

static struct range rising(struct range a, double (*f)(double)) {
  return (struct range){f(a.lo), f(a.hi)};
}

static double logistic(double x) {
  return 1 / (1 + exp(-x));
}

static double softplus(double x) {
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double root(double x) {
  return sqrt(fmax(x, 0));
}

static struct range silu(struct range a) {
  const double least = -0.27846454276107384; /* at x = -1.2785 */
  double lo = a.lo < -1e3 ? 0 : a.lo * logistic(a.lo), hi = a.hi * logistic(a.hi);
  bool dips = a.lo < -1.2784645 && a.hi > -1.2784645;
  if (isinf(a.hi))
    hi = a.hi;
  return (struct range){dips ? least : fmin(lo, hi), fmax(lo, hi)};
}

/* ---- relations that intervals lose ------------------------------------------------------------------------
 */

/* The operand beside a constant, or NULL. */
static struct value *beside_const(const struct op *op) {
  double c;
  return value_const(op->in[1], &c) ? op->in[0] : value_const(op->in[0], &c) ? op->in[1] : NULL;
}

struct value *norm_factor_of(const struct value *r, int64_t *n) {
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
      return range_most(get(a, u->def->in[1 - i]));
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
 * at most |t| |n| <= sqrt(N) sqrt(N) max|w|; each code is off by half a step at most. */
static bool ternary_product(const struct analysis *a, const struct op *div, struct range *out) {
  const struct op *convert = div->in[0]->def, *scale = div->in[1]->def;
  if (!op_is(convert, OP_CONVERT) || !op_is(convert->in[0]->def, OP_TERNARY_SUM) || !op_is(scale, OP_MUL))
    return false;
  for (int i = 0; i < 2; i++) {
    int64_t n = 1;
    double q = 1, w = normed_scale(a, scale->in[i], &q, &n);
    if (w == 0 || !op_is(scale->in[1 - i]->def, OP_WSCALE))
      continue;
    double least = get(a, scale->in[1 - i]).lo, length = (double)n;
    double most = length * w * (1 + 0.5 * sqrt(length) / q) / least;
    *out = (struct range){-most, most};
    return true;
  }
  return false;
}

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
static const struct value *bare(const struct value *v) {
  while (op_is(v->def, OP_RESHAPE))
    v = v->def->in[0];
  return v;
}

/* g = 1 - f */
static bool complement_of(const struct value *g, const struct value *f) {
  double one;
  return op_is(g->def, OP_SUB) && bare(g->def->in[1]) == bare(f) && value_const(g->def->in[0], &one) &&
         one == 1;
}

static bool complements(const struct module *m, const struct value *f, const struct value *g) {
  if (!type_same_shape(f->type, g->type))
    return false;
  f = bare(f);
  g = bare(g);
  const struct value *a = folded_value(m, f), *b = folded_value(m, g);
  return complement_of(f, g) || complement_of(g, f) ||
         (a && b && (complement_of(a, b) || complement_of(b, a)));
}

static bool within_one(struct range r) {
  return r.lo >= 0 && r.hi <= 1;
}

/* f * a + g * b with f + g = 1; a NULL: f stands alone, as f * 1. */
static bool mixed(const struct analysis *x, const struct value *f, const struct value *a,
                  const struct value *g, const struct value *b, struct range *out) {
  if (!complements(x->m, f, g) || !within_one(hull(get(x, f), get(x, g))))
    return false;
  *out = hull(a ? get(x, a) : (struct range){1, 1}, get(x, b));
  return true;
}

static bool convex(const struct analysis *x, const struct op *add, struct range *out) {
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

/* ---- operators --------------------------------------------------------------------------------------------
 */

static struct range of_add(const struct analysis *x, const struct op *op) {
  struct range r;
  return convex(x, op, &r) ? r : plus(get(x, op->in[0]), get(x, op->in[1]));
}

static struct range of_mul(const struct analysis *x, const struct op *op) {
  int64_t n;
  double w = normed_product(x, op, &n);
  struct range a = get(x, op->in[0]), b = get(x, op->in[1]);
  if (op->in[0] == op->in[1]) {
    struct range m = magnitude(a);
    return product(m, m);
  }
  struct range r = product(a, b);
  if (w > 0) {
    double most = w * sqrt((double)n);
    r = (struct range){fmax(r.lo, -most), fmin(r.hi, most)};
  }
  return r;
}

static struct range of_div(const struct analysis *x, const struct op *op) {
  struct range r;
  return ternary_product(x, op, &r) ? r : product(get(x, op->in[0]), reciprocal(get(x, op->in[1])));
}

static struct range scaled(struct range r, double n) {
  return product(r, (struct range){n, n});
}

static struct range of_map(const struct analysis *x, const struct op *op) {
  struct range a = op->n_in > 0 ? get(x, op->in[0]) : everything, b = op->n_in > 1 ? get(x, op->in[1]) : a;
  switch (op->code) {
  case OP_NEG: return minus(a);
  case OP_ABS: return magnitude(a);
  case OP_EXP: return rising(a, exp);
  case OP_LOG: return (struct range){a.lo > 0 ? log(a.lo) : -INFINITY, a.hi > 0 ? log(a.hi) : -INFINITY};
  case OP_SQRT: return rising(a, root);
  case OP_RSQRT: return a.lo > 0 ? reciprocal(rising(a, root)) : (struct range){0, INFINITY};
  case OP_SIGMOID: return rising(a, logistic);
  case OP_SILU: return silu(a);
  case OP_TANH: return rising(a, tanh);
  case OP_SOFTPLUS: return rising(a, softplus);
  case OP_RELU: return (struct range){fmax(a.lo, 0), fmax(a.hi, 0)};
  case OP_FLOOR: return rising(a, floor);
  case OP_ROUND: return (struct range){floor(a.lo), ceil(a.hi)};
  case OP_ADD: return of_add(x, op);
  case OP_SUB: return plus(a, minus(b));
  case OP_MUL: return of_mul(x, op);
  case OP_DIV: return of_div(x, op);
  case OP_MIN: return (struct range){fmin(a.lo, b.lo), fmin(a.hi, b.hi)};
  case OP_MAX: return (struct range){fmax(a.lo, b.lo), fmax(a.hi, b.hi)};
  case OP_LT:
  case OP_LE:
  case OP_EQ: return (struct range){0, 1};
  case OP_SELECT: return hull(b, get(x, op->in[2]));
  case OP_CODES: return (struct range){-ldexp(1, op->attr.bits - 1), ldexp(1, op->attr.bits - 1) - 1};
  default: return a; /* convert */
  }
}

static struct range of_symbol(const struct analysis *x, const struct op *op) {
  const struct weight *w = weight_find(x->m, op->attr.symbol);
  if (op->code == OP_WEIGHT && w->type.elem == ELEM_TERNARY)
    return (struct range){-1, 1};
  return weight_range(w);
}

static struct range of_op(const struct analysis *x, const struct op *op) {
  struct range a = op->n_in > 0 ? get(x, op->in[0]) : everything;
  struct type t = op->n_in > 0 ? op->in[0]->type : type_scalar(ELEM_F32);
  switch (op->code) {
  case OP_CONST: return (struct range){op->attr.value, op->attr.value};
  case OP_WEIGHT:
  case OP_WSCALE: return of_symbol(x, op);
  case OP_READ: return x->r->states.at[state_find(x->m, op->attr.symbol)->id];
  case OP_SUM: {
    return scaled(a, (double)t.dim[op->attr.axis]);
  }
  case OP_ABSMAX: return magnitude(a);
  case OP_RMSNORM: {
    double most = sqrt((double)t.dim[t.rank - 1]);
    return (struct range){a.lo < 0 ? -most : 0, most};
  }
  case OP_SOFTMAX: return (struct range){0, 1};
  case OP_CUMSUM: return hull(a, scaled(a, (double)t.dim[op->attr.axis]));
  case OP_MATMUL: return scaled(product(a, get(x, op->in[1])), (double)t.dim[t.rank - 1]);
  case OP_TERNARY_SUM: {
    int64_t n = op->attr.group ? op->attr.group : t.dim[1];
    struct range m = magnitude(get(x, op->in[1]));
    return (struct range){-m.hi * (double)n, m.hi * (double)n};
  }
  case OP_CONCAT: {
    for (int i = 1; i < op->n_in; i++)
      a = hull(a, get(x, op->in[i]));
    return a;
  }
  default: return op_info[op->code].flags & MAP ? of_map(x, op) : a; /* what only moves, amax */
  }
}

/* ---- walking ----------------------------------------------------------------------------------------------
 */

static void put(struct analysis *x, const struct value *v, struct range r) {
  if (isnan(r.lo) || isnan(r.hi))
    r = everything;
  if (v->most > 0)
    r = (struct range){fmax(r.lo, -HEADROOM * v->most), fmin(r.hi, HEADROOM * v->most)};
  struct range *at = &x->r->at[v->id];
  *at = at->lo > at->hi ? r : hull(*at, r);
}

static void grow_state(struct analysis *x, const struct op *write) {
  struct range *s = &x->r->states.at[state_find(x->m, write->attr.symbol)->id],
               now = hull(*s, get(x, write->in[0]));
  double slack = 1e-9 * fmax(1, range_most(*s));
  if (now.lo < s->lo - slack || now.hi > s->hi + slack)
    x->changed = true;
  *s = now;
}

static void run_block(struct analysis *x, const struct block *b);

static void run_repeat(struct analysis *x, const struct op *op) {
  const struct block *body = op->body;
  put(x, body->args[0], (struct range){0, (double)op->attr.count - 1});
  for (int i = 0; i < op->n_in; i++)
    put(x, body->args[i + 1], get(x, op->in[i]));
  for (int64_t n = 0; n < op->attr.count; n++) {
    run_block(x, body);
    for (int i = 0; i < op->n_in && n + 1 < op->attr.count; i++)
      put(x, body->args[i + 1], get(x, body->last->in[i]));
  }
  for (int i = 0; i < op->n_out; i++)
    put(x, op->out[i], get(x, body->last->in[i]));
}

static void run_block(struct analysis *x, const struct block *b) {
  for (const struct op *op = b->first; op; op = op->next)
    if (op->code == OP_REPEAT)
      run_repeat(x, op);
    else if (op->code == OP_WRITE)
      grow_state(x, op);
    else if (op->n_out == 1)
      put(x, op->out[0], of_op(x, op));
}

static void number_block(struct block *b, int *n) {
  for (int i = 0; i < b->n_args; i++)
    b->args[i]->id = (*n)++;
  for (struct op *op = b->first; op; op = op->next) {
    if (op->body)
      number_block(op->body, n);
    for (int i = 0; i < op->n_out; i++)
      op->out[i]->id = (*n)++;
  }
}

static void start(struct analysis *x, const struct func *f) {
  for (int i = 0; i < x->r->n; i++)
    x->r->at[i] = (struct range){INFINITY, -INFINITY};
  for (int i = 0; i < f->body->n_args; i++)
    put(x, f->body->args[i], (struct range){0, INFINITY});
}

struct ranges *ranges_of(struct module *m, struct func *f) {
  struct ranges *r = arena_new(m->arena, struct ranges);
  number_block(f->body, &r->n);
  r->at = arena_array(m->arena, struct range, r->n);
  for (struct state *s = m->states; s; s = s->next) {
    s->id = r->states.n;
    vec_push(m->arena, r->states, (struct range){s->init, s->init});
  }
  struct analysis x = {.m = m, .r = r, .changed = true};
  for (int token = 0; x.changed; token++) {
    x.changed = false;
    start(&x, f);
    run_block(&x, f->body);
    for (int i = 0; token >= MOST_TOKENS && x.changed && i < r->states.n; i++)
      r->states.at[i] = everything;
  }
  return r;
}

struct range state_range(const struct module *m, const struct ranges *r, const struct state *s) {
  (void)m;
  return r->states.at[s->id];
}
