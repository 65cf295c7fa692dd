/* scalar.c: numbers with an exponent of their own; contracts in fixed.h.
 *
 * A scale such as 127 / max(absmax(u) r, 1e-5) has no range that one fixed point would serve. It is computed
 * as a mantissa of about 16 bits and an exponent, both integers, by the same operators as everything else.
 * Errors are about 2^-15 of the number, a hundredth of a step of the int8 codes. */
#include "passes/fixed/fixed.h"

#include <math.h>
#include <string.h>

bool is_scalar(const struct number *n) {
  return n->kind == NUMBER_SCALAR || n->kind == NUMBER_CONST;
}

struct number scalar_number(struct scalar *s) {
  return (struct number){.kind = NUMBER_SCALAR, .s = s};
}

struct scalar *scalar_new(struct fixing *x, double c) {
  struct scalar *s = arena_new(x->m->arena, struct scalar);
  s->c = c;
  return s;
}

struct scalar *scalar_atom(struct fixing *x, struct atom a) {
  struct scalar *s = scalar_new(x, 1);
  vec_push(x->m->arena, s->factors, (struct factor){.atom = a, .power = 1});
  return s;
}

struct scalar *scalar_product(struct fixing *x, const struct scalar *a, const struct scalar *b,
                              int power_of_b) {
  struct scalar *s = scalar_new(x, power_of_b > 0 ? a->c * b->c : a->c / b->c);
  for (int i = 0; i < a->factors.n; i++)
    vec_push(x->m->arena, s->factors, a->factors.at[i]);
  for (int i = 0; i < b->factors.n; i++) {
    struct factor f = b->factors.at[i];
    f.power *= power_of_b;
    vec_push(x->m->arena, s->factors, f);
  }
  return s;
}

/* ---- atoms ------------------------------------------------------------------------------------------- */

/* 0 is finer than any other number, so that it takes no digits from what it is added to. */
struct atom atom_const(struct fixing *x, double c) {
  enum { OF_ZERO = 1 << 14 };
  if (c == 0 || isnan(c))
    return (struct atom){int_const(x, 0), int_const(x, OF_ZERO), false};
  c = fmax(-0x1p1000, fmin(c, 0x1p1000));
  int shift = MANTISSA - 1 - floor_log2(c);
  return (struct atom){int_const(x, rint(ldexp(c, shift))), int_const(x, shift), false};
}

/* v * 2^-e, v >= 0: the mantissa in 2^(MANTISSA - 1) .. 2^MANTISSA. */
struct atom normalise(struct fixing *x, struct value *v, struct value *e) {
  struct value *top = int_op(x, OP_ILOG2, 1, &v, 8);
  struct value *drop = int_sub(x, top, int_const(x, MANTISSA - 1), 8);
  return (struct atom){int_mulshift(x, v, int_const(x, 1), drop, MANTISSA + 2), int_sub(x, e, drop, 16),
                       true};
}

/* Whether v can be used where the builder stands: it was made in that block or in one around it. */
static bool visible(const struct fixing *x, const struct value *v) {
  const struct block *b = x->b.block;
  while (b && b != v->block)
    b = b->parent ? b->parent->block : NULL;
  return b != NULL;
}

struct scalar *scalar_of(struct fixing *x, const struct value *old) {
  struct number *n = number_of(x, old);
  if (n->kind == NUMBER_SCALAR)
    return n->s;
  if (n->kind == NUMBER_CONST)
    return scalar_new(x, n->c);
  if (!n->s || !visible(x, n->s->factors.at[0].atom.m))
    n->s = scalar_atom(x, normalise(x, n->v, int_const(x, n->frac)));
  return n->s;
}

static struct atom atom_product(struct fixing *x, struct atom a, struct atom b) {
  struct value *drop = int_const(x, MANTISSA - 1);
  return (struct atom){int_mulshift(x, a.m, b.m, drop, WORD_MOST),
                       int_sub(x, int_add(x, a.e, b.e, 16), drop, 16), false};
}

/* c / a, c > 0, for a mantissa of 2^15 .. 2^18: the dividend has 31 bits. */
static struct atom atom_inverse(struct fixing *x, double c, struct atom a) {
  c = fmin(c, 0x1p1000);
  int shift = 30 - floor_log2(c);
  double dividend = rint(ldexp(c, shift));
  if (dividend == ldexp(1, 30)) { /* a power of two: one bit more */
    dividend = ldexp(1, 31) - 1;
    shift++;
  }
  struct value *in[] = {int_const(x, dividend), a.m};
  return (struct atom){int_op(x, OP_IDIV, 2, in, 18), int_sub(x, int_const(x, shift), a.e, 16), false};
}

/* The product of the factors with this power; m NULL: there are none. */
static struct atom atoms_product(struct fixing *x, const struct scalar *s, int power) {
  struct atom p = {0};
  for (int i = 0; i < s->factors.n; i++) {
    const struct factor *f = &s->factors.at[i];
    if (!f->wscale && f->power == power)
      p = p.m ? atom_product(x, p, f->atom) : f->atom;
  }
  return p;
}

/* c and the weights' scales: a number that is known when the checkpoint is read; m NULL: it is 1. */
static struct atom known_part(struct fixing *x, const struct scalar *s) {
  VEC(struct factor) scales = {0};
  for (int i = 0; i < s->factors.n; i++)
    if (s->factors.at[i].wscale)
      vec_push(x->m->arena, scales, s->factors.at[i]);
  if (scales.n) {
    struct number k = scales_weight(x, s->c, scales.at, scales.n);
    struct atom direct = {k.v, int_const(x, k.frac), false}; /* of rows or groups: one exponent for all */
    return type_count(k.v->type, NULL) > 1 ? direct : normalise(x, k.v, direct.e);
  }
  int e;
  bool shifts = s->factors.n && s->c > 0 && power_of_two(s->c, &e); /* only the exponent */
  return shifts ? (struct atom){0} : atom_const(x, s->c);
}

/* Once more where products have left it wider. */
static struct atom normal(struct fixing *x, struct atom a) {
  return a.normal ? a : normalise(x, a.m, a.e);
}

static bool has_scales(const struct scalar *s) {
  for (int i = 0; i < s->factors.n; i++)
    if (s->factors.at[i].wscale)
      return true;
  return false;
}

struct atom materialise(struct fixing *x, struct scalar *s) {
  if (s->made.m && visible(x, s->made.m) && visible(x, s->made.e))
    return s->made;
  struct atom p = atoms_product(x, s, 1), q = atoms_product(x, s, -1);
  bool divided = q.m && s->c > 0 && !has_scales(s); /* c is in the dividend */
  if (q.m) {
    q = atom_inverse(x, divided ? s->c : 1, q);
    p = p.m ? atom_product(x, p, q) : q;
  }
  if (divided)
    return s->made = p;
  struct atom k = known_part(x, s);
  if (k.m)
    return s->made = p.m ? atom_product(x, p, k) : k;
  int e = 0;
  power_of_two(s->c, &e);
  if (e)
    p.e = int_sub(x, p.e, int_const(x, e), 16);
  return s->made = p;
}

/* ---- arithmetic -------------------------------------------------------------------------------------- */

/* Both on the exponent of the larger one, then added. */
struct scalar *scalar_add(struct fixing *x, struct scalar *a, struct scalar *b) {
  if (!b->factors.n && b->c == 0) /* an epsilon of 0 */
    return a;
  struct atom p = materialise(x, a), q = materialise(x, b);
  struct value *e = int_op(x, OP_IMIN, 2, (struct value *[]){p.e, q.e}, 16), *one = int_const(x, 1);
  struct value *pm = int_mulshift(x, p.m, one, int_sub(x, p.e, e, 16), 31);
  struct value *qm = int_mulshift(x, q.m, one, int_sub(x, q.e, e, 16), 31);
  return scalar_atom(x, normalise(x, int_add(x, pm, qm, WORD_MOST), e));
}

/* e mod 2 and floor(e / 2) */
static struct value *halve(struct fixing *x, struct value *e, struct value **odd) {
  struct value *one = int_const(x, 1);
  struct value *half = int_mulshift(x, int_sub(x, e, one, 16), one, one, 16); /* floor(e / 2) */
  *odd = int_sub(x, e, int_mulshift(x, half, int_const(x, 2), int_const(x, 0), 16), 8);
  return half;
}

/* sqrt(m 2^-e): m shifted to 30 or 31 bits, so that the exponent left is even; its integer root has 15 or 16.
 */
struct scalar *scalar_root(struct fixing *x, struct scalar *s, bool inverse) {
  enum { LIFT = 30 - MANTISSA, ONE = 30 };
  struct atom a = normal(x, materialise(x, s)), root = {0};
  struct value *odd, *half = halve(x, a.e, &odd);
  struct value *lift = int_sub(x, int_const(x, -LIFT), odd, 8);
  struct value *raised = int_mulshift(x, a.m, int_const(x, 1), lift, WORD_MOST);
  struct value *exponent = int_add(x, int_add(x, half, odd, 16), int_const(x, LIFT / 2), 16);
  root.m = int_op(x, OP_ISQRT, 1, &raised, 18);
  root.e = exponent;
  if (!inverse)
    return scalar_atom(x, root);
  struct value *in[] = {int_const(x, ldexp(1, ONE)), root.m};
  return scalar_atom(
      x, (struct atom){int_op(x, OP_IDIV, 2, in, 18), int_sub(x, int_const(x, ONE), exponent, 16), false});
}

struct scalar *scalar_select(struct fixing *x, struct value *c, struct scalar *a, struct scalar *b) {
  struct atom p = materialise(x, a), q = materialise(x, b);
  return scalar_atom(x, (struct atom){int_select(x, c, p.m, q.m), int_select(x, c, p.e, q.e), false});
}

struct value *scalar_fixed(struct fixing *x, struct scalar *s, struct format f) {
  if (!s->factors.n)
    return int_const(x, saturated(rint(ldexp(s->c, f.frac)), f.bits));
  struct atom a = materialise(x, s);
  return int_mulshift(x, a.m, int_const(x, 1), int_sub(x, a.e, int_const(x, f.frac), 16), f.bits);
}

struct number scale_by(struct fixing *x, struct number a, struct scalar *s, struct format f) {
  struct atom by = materialise(x, s);
  struct value *shift = int_add(x, by.e, int_const(x, a.frac - f.frac), 16);
  return fixed(int_mulshift(x, a.v, by.m, shift, f.bits), f.frac, f.bits);
}
