/* index.c: integer expressions in canonical form, their bounds, and how they depend on a loop.
 *
 * An expression is taken apart into a constant and terms (factor, atom), where an atom is a variable, a leaf,
 * a loaded value, or a quotient, remainder, minimum or maximum that could not be resolved; terms with equal
 * atoms are added up, and the sum is put together again in the order of the atoms. */
#include "backends/lower/index.h"

struct term {
  int64_t factor;
  const struct index *atom;
};

struct linear {
  struct arena *arena;
  int64_t constant;
  VEC(struct term) terms;
};

static struct index *node(struct arena *a, enum index_kind kind, struct index *x, struct index *y) {
  struct index *i = arena_new(a, struct index);
  i->kind = kind;
  i->a = x;
  i->b = y;
  return i;
}

struct index *index_const(struct arena *a, int64_t c) {
  struct index *i = node(a, INDEX_CONST, NULL, NULL);
  i->constant = c;
  return i;
}

struct index *index_var(struct arena *a, struct loop *loop) {
  if (index_is_const(loop->extent, 1))
    return index_const(a, 0);
  struct index *i = node(a, INDEX_VAR, NULL, NULL);
  i->loop = loop;
  return i;
}

struct index *index_leaf(struct arena *a, enum index_kind kind) {
  return node(a, kind, NULL, NULL);
}

struct index *index_dim(struct arena *a, int64_t dim) {
  struct index *i = index_const(a, dim);
  i->kind = dim < 0 ? INDEX_DIM : INDEX_CONST;
  return i;
}

struct index *index_value(struct arena *a, struct expr *value) {
  struct index *i = node(a, INDEX_VALUE, NULL, NULL);
  i->value = value;
  return i;
}

/* ---- order of atoms -------------------------------------------------------------------------- */

static int compare_numbers(int64_t x, int64_t y) {
  return x < y ? -1 : x > y;
}

/* A total order by structure; 0: the same. */
static int compare(const struct index *x, const struct index *y) {
  if (x == y)
    return 0;
  if (!x || !y)
    return x ? 1 : -1;
  int c = compare_numbers(x->kind, y->kind);
  if (!c)
    c = compare_numbers(x->constant, y->constant);
  if (!c && x->loop != y->loop)
    c = compare_numbers(x->loop ? x->loop->id : -1, y->loop ? y->loop->id : -1);
  if (!c && x->loop != y->loop)
    c = x->loop < y->loop ? -1 : 1;
  if (!c && x->value != y->value)
    c = compare_numbers(x->value ? x->value->id : -1, y->value ? y->value->id : -1);
  if (!c)
    c = compare(x->a, y->a);
  return c ? c : compare(x->b, y->b);
}

bool index_equal(const struct index *x, const struct index *y) {
  return compare(x, y) == 0;
}

bool index_is_const(const struct index *x, int64_t c) {
  return x->kind == INDEX_CONST && x->constant == c;
}

/* ---- taking apart and putting together ------------------------------------------------------- */

static void add_term(struct linear *l, int64_t factor, const struct index *atom) {
  int k = 0;
  while (k < l->terms.n && compare(l->terms.at[k].atom, atom) < 0)
    k++;
  if (k < l->terms.n && compare(l->terms.at[k].atom, atom) == 0) {
    l->terms.at[k].factor += factor;
    return;
  }
  vec_push(l->arena, l->terms, (struct term){0});
  for (int i = l->terms.n - 1; i > k; i--)
    l->terms.at[i] = l->terms.at[i - 1];
  l->terms.at[k] = (struct term){factor, atom};
}

static void add_index(struct linear *l, int64_t factor, const struct index *x) {
  switch (x->kind) {
  case INDEX_CONST: l->constant += factor * x->constant; break;
  case INDEX_ADD:
    add_index(l, factor, x->a);
    add_index(l, factor, x->b);
    break;
  case INDEX_SUB:
    add_index(l, factor, x->a);
    add_index(l, -factor, x->b);
    break;
  case INDEX_MUL: add_index(l, factor * x->b->constant, x->a); break;
  default: add_term(l, factor, x); break;
  }
}

static struct index *product(struct arena *a, int64_t factor, const struct index *atom) {
  struct index *x = (struct index *)atom; /* shared: nobody changes an index once it is made */
  return factor == 1 ? x : node(a, INDEX_MUL, x, index_const(a, factor));
}

/* Positive terms, then the constant, then negative ones subtracted. */
static struct index *from_linear(const struct linear *l) {
  struct arena *a = l->arena;
  struct index *sum = NULL;
  for (int i = 0; i < l->terms.n; i++)
    if (l->terms.at[i].factor > 0) {
      struct index *p = product(a, l->terms.at[i].factor, l->terms.at[i].atom);
      sum = sum ? node(a, INDEX_ADD, sum, p) : p;
    }
  if (!sum)
    sum = index_const(a, l->constant);
  else if (l->constant)
    sum = node(a, l->constant > 0 ? INDEX_ADD : INDEX_SUB, sum,
               index_const(a, l->constant > 0 ? l->constant : -l->constant));
  for (int i = 0; i < l->terms.n; i++)
    if (l->terms.at[i].factor < 0)
      sum = node(a, INDEX_SUB, sum, product(a, -l->terms.at[i].factor, l->terms.at[i].atom));
  return sum;
}

static int find_term(const struct linear *l, enum index_kind kind, const struct index *like) {
  for (int i = 0; i < l->terms.n; i++) {
    const struct index *x = l->terms.at[i].atom;
    if (x->kind == kind && compare(x->a, like->a) == 0 && compare(x->b, like->b) == 0)
      return i;
  }
  return -1;
}

/* x / c * c + x % c = x */
static void join_parts(struct linear *l) {
  for (int i = 0; i < l->terms.n; i++) {
    const struct index *rest = l->terms.at[i].atom;
    int64_t factor = l->terms.at[i].factor;
    int k = rest->kind == INDEX_MOD && factor ? find_term(l, INDEX_DIV, rest) : -1;
    if (k < 0 || l->terms.at[k].factor != factor * rest->b->constant)
      continue;
    l->terms.at[i].factor = l->terms.at[k].factor = 0;
    add_index(l, factor, rest->a);
    i = -1; /* places have changed */
  }
}

struct index *index_sum(struct arena *a, const struct index *x, int64_t by, const struct index *y) {
  struct linear l = {.arena = a};
  add_index(&l, 1, x);
  add_index(&l, by, y);
  join_parts(&l);
  return from_linear(&l);
}

struct index *index_scale(struct arena *a, const struct index *x, int64_t by) {
  struct linear l = {.arena = a};
  add_index(&l, by, x);
  return from_linear(&l);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static int64_t limit(int64_t x) {
  return x > INDEX_FAR ? INDEX_FAR : x < -INDEX_FAR ? -INDEX_FAR : x;
}

static int64_t times(int64_t x, int64_t by) {
  __int128 p = (__int128)x * by;
  return p > INDEX_FAR ? INDEX_FAR : p < -INDEX_FAR ? -INDEX_FAR : (int64_t)p;
}

static void sum_range(const struct index *x, int sign, int64_t *least, int64_t *most) {
  int64_t lo, hi, lo2, hi2;
  index_range(x->a, &lo, &hi);
  index_range(x->b, &lo2, &hi2);
  *least = limit(lo + (sign > 0 ? lo2 : -hi2));
  *most = limit(hi + (sign > 0 ? hi2 : -lo2));
}

void index_range(const struct index *x, int64_t *least, int64_t *most) {
  *least = 0;
  *most = INDEX_FAR;
  int64_t lo, hi, c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  switch (x->kind) {
  case INDEX_CONST: *least = *most = x->constant; return;
  case INDEX_VAR:
    if (x->loop->extent->kind == INDEX_CONST)
      *most = x->loop->extent->constant - 1;
    return;
  case INDEX_ADD: sum_range(x, 1, least, most); return;
  case INDEX_SUB: sum_range(x, -1, least, most); return;
  case INDEX_MOD: *most = c - 1; return;
  case INDEX_MUL:
  case INDEX_DIV:
  case INDEX_MIN:
  case INDEX_MAX: break;
  default: return; /* repeat indices, T, K, B, loaded numbers: not negative */
  }
  index_range(x->a, &lo, &hi);
  if (x->kind == INDEX_MUL) {
    *least = times(c < 0 ? hi : lo, c);
    *most = times(c < 0 ? lo : hi, c);
  } else if (x->kind == INDEX_DIV) {
    *least = lo / c;
    *most = hi >= INDEX_FAR ? hi : hi / c;
  } else {
    bool min = x->kind == INDEX_MIN;
    *least = (lo < c) == min ? lo : c;
    *most = (hi < c) == min ? hi : c;
  }
}

/* ---- quotients and remainders ---------------------------------------------------------------- */

/* x = by * whole + rest, where rest has no term and no constant that `by` divides away. */
static void split(struct arena *a, const struct index *x, int64_t by, struct index **whole,
                  struct index **rest) {
  struct linear l = {.arena = a}, q = l, r = l;
  add_index(&l, 1, x);
  q.constant = l.constant / by - (l.constant % by < 0);
  r.constant = l.constant - q.constant * by;
  for (int i = 0; i < l.terms.n; i++) {
    struct linear *to = l.terms.at[i].factor % by ? &r : &q;
    add_term(to, to == &q ? l.terms.at[i].factor / by : l.terms.at[i].factor, l.terms.at[i].atom);
  }
  *whole = from_linear(&q);
  *rest = from_linear(&r);
}

static struct index *divide(struct arena *a, enum index_kind kind, const struct index *x, int64_t by) {
  struct index *whole, *rest;
  int64_t least, most;
  split(a, x, by, &whole, &rest);
  index_range(rest, &least, &most);
  if (least >= 0 && most < by)
    return kind == INDEX_DIV ? whole : rest;
  if (least < 0) /* its sign is known only together with the rest of x */
    return node(a, kind, (struct index *)x, index_const(a, by));
  struct index *part = node(a, kind, rest, index_const(a, by));
  return kind == INDEX_DIV ? index_sum(a, whole, 1, part) : part;
}

struct index *index_div(struct arena *a, const struct index *x, int64_t by) {
  return divide(a, INDEX_DIV, x, by);
}

struct index *index_mod(struct arena *a, const struct index *x, int64_t by) {
  return divide(a, INDEX_MOD, x, by);
}

struct index *index_clamp(struct arena *a, const struct index *x, int64_t least, int64_t most) {
  int64_t lo, hi;
  struct index *y = (struct index *)x;
  index_range(x, &lo, &hi);
  if (hi <= least || most <= least)
    return index_const(a, least);
  if (lo >= most)
    return index_const(a, most);
  if (hi > most)
    y = node(a, INDEX_MIN, y, index_const(a, most));
  if (lo < least)
    y = node(a, INDEX_MAX, y, index_const(a, least));
  return y;
}

/* ---- dependence on a loop -------------------------------------------------------------------- */

static bool depends(const struct index *x, const struct loop *loop);

static bool expr_depends(const struct expr *e, const struct loop *loop) {
  if (e->index && depends(e->index, loop))
    return true;
  for (int i = 0; i < e->n_in; i++)
    if (expr_depends(e->in[i], loop))
      return true;
  return false;
}

static bool depends(const struct index *x, const struct loop *loop) {
  if (!x)
    return false;
  if (x->kind == INDEX_VAR)
    return x->loop == loop;
  if (x->kind == INDEX_VALUE)
    return expr_depends(x->value, loop);
  return depends(x->a, loop) || depends(x->b, loop);
}

bool index_coefficient(const struct index *x, const struct loop *loop, int64_t *coefficient) {
  int64_t left = 0, right = 0;
  *coefficient = 0;
  if (!depends(x, loop))
    return true;
  switch (x->kind) {
  case INDEX_VAR: *coefficient = 1; return true;
  case INDEX_ADD:
  case INDEX_SUB:
    if (!index_coefficient(x->a, loop, &left) || !index_coefficient(x->b, loop, &right))
      return false;
    *coefficient = x->kind == INDEX_ADD ? left + right : left - right;
    return true;
  case INDEX_MUL:
    if (!index_coefficient(x->a, loop, &left))
      return false;
    *coefficient = left * x->b->constant;
    return true;
  default: return false;
  }
}
