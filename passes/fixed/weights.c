/* weights.c: integer weights, states and scales; contracts in fixed.h.
 *
 * A float weight w becomes @"NAME.fixed" = codes(w, 2^frac), which `fold` computes when the checkpoint is
 * read; so does a folded weight where it is defined. The scales of ternary weights and the constants around
 * them become one number, @"NAME.scale". */
#include "passes/fixed/fixed.h"

#include "passes/rewrite.h"
#include <math.h>
#include <string.h>

/* ---- places in `fold` -------------------------------------------------------------------------------- */

static struct func *fold_function(struct fixing *x) {
  struct func *fold = func_find(x->m, "fold");
  if (!fold) {
    fold = func_add(x->m, "fold");
    struct builder b = builder_end(x->m, fold->body);
    build(&b, OP_RETURN, 0, NULL, NULL, NULL);
  }
  return fold;
}

/* Inside repeats over a symbol's instances, at the end of `fold`; their indices, outermost first. */
static struct builder inside_repeats(struct fixing *x, int n, const int64_t *counts, struct value **index) {
  struct builder b = builder_before(x->m, fold_function(x)->body->last);
  b.at = x->b.at;
  for (int i = 0; i < n; i++) {
    struct op *repeat = build(&b, OP_REPEAT, 0, NULL, &(struct attrs){.count = counts[i]}, NULL);
    index[i] = block_arg(x->m, repeat->body, type_scalar(ELEM_U32), "l");
    struct builder inside = builder_end(x->m, repeat->body);
    inside.at = b.at;
    struct op *yield = build(&inside, OP_YIELD, 0, NULL, NULL, NULL);
    b = builder_before(x->m, yield);
    b.at = x->b.at;
  }
  return b;
}

/* The operator that defines a folded weight, or NULL. */
struct define_search {
  const char *symbol;
  struct op *found;
};

static void find_define(struct op *op, void *data) {
  struct define_search *s = data;
  if (op->code == OP_DEFINE && strcmp(op->attr.symbol, s->symbol) == 0)
    s->found = op;
}

/* ---- float weights ----------------------------------------------------------------------------------- */

static struct weight *new_weight(struct fixing *x, const char *name, struct type t, const struct weight *like,
                                 struct format f) {
  t.elem = f.bits <= 8 ? ELEM_I8 : f.bits <= 16 ? ELEM_I16 : ELEM_I32;
  struct weight *w = weight_add(x->m, name, t);
  w->origin = WEIGHT_FOLDED;
  w->at = like->at;
  w->n_counts = like->n_counts;
  memcpy(w->counts, like->counts, sizeof w->counts);
  w->frac = f.frac;
  return w;
}

/* What a folded value is computed from, as far as `steps` show. */
struct sources {
  bool tensors, exponentials;
  int steps;
};

static void find_sources(const struct value *v, struct sources *s) {
  if (!v->def || s->steps-- <= 0)
    return;
  s->tensors |= v->def->code == OP_WEIGHT || v->def->code == OP_WSCALE || s->steps == 0;
  s->exponentials |= v->def->code == OP_EXP;
  for (int i = 0; i < v->def->n_in; i++)
    find_sources(v->def->in[i], s);
}

/* What defines a folded weight, or NULL. */
static struct op *define_of(struct fixing *x, const struct weight *w) {
  struct define_search s = {w->name, NULL};
  if (w->origin == WEIGHT_FOLDED)
    walk(fold_function(x)->body, find_define, &s);
  return s.found;
}

/* Decays and rates: the smallest one counts as much as the largest, and its digits as often as there are
 * tokens. */
static int bits_of_decays(const struct weight *w) {
  enum { LEAST_BITS = 20 };
  bool one_sign = w->known && (w->lo > 0 || w->hi < 0);
  double ratio = one_sign ? fmax(fabs(w->lo), fabs(w->hi)) / fmin(fabs(w->lo), fabs(w->hi)) : 1;
  int bits = LEAST_BITS + bits_for(fmin(ratio, 0x1p20));
  return !one_sign ? WEIGHT_BITS : bits < TABLE_BITS ? bits : TABLE_BITS;
}

/* As many digits as the bits hold: a table of angles or decays is as fine as the word, whatever floats a
 * checkpoint has are not. Infinite numbers reach half a word, which leaves the others digits. */
static struct format weight_format(struct fixing *x, const struct weight *w) {
  double most = range_most(weight_range(w));
  struct sources from = {.steps = 10000};
  const struct op *define = define_of(x, w);
  if (define)
    find_sources(define->in[0], &from);
  int bits = define && !from.tensors ? TABLE_BITS : from.exponentials ? bits_of_decays(w) : WEIGHT_BITS;
  if (isinf(most))
    bits = TABLE_BITS;
  bits = bits < x->word ? bits : x->word;
  if (isinf(most))
    return (struct format){bits - 1 - x->word / 2, bits};
  int whole = most > 0 ? bits_for(most * (1 + ldexp(1, -bits))) : 1 - bits;
  return (struct format){bits - 1 - whole, bits};
}

/* A checkpoint's numbers beyond half the word: what is lost of them and beside them. */
static void warn_of_size(struct fixing *x, const struct weight *w, struct format f) {
  struct range r = weight_range(w);
  if (!w->known || is_narrow(x, r))
    return;
  const char *name = weight_tensor(x->m->arena, w, w->widest);
  if (isinf(range_most(r)))
    diag_at(x->m->diag, SEVERITY_WARNING, w->at,
            "fixed-point: '%s' has infinite numbers, which integers do not have; they count as %g here", name,
            ldexp(1, f.bits - 1 - f.frac));
  else
    diag_at(
        x->m->diag, SEVERITY_WARNING, w->at,
        "fixed-point: '%s' has numbers as large as %g; in %d bits that reach so far, numbers below %.2g are "
        "0, and what is computed from large ones saturates where it has no useful bound",
        name, range_most(r), f.bits, ldexp(0.5, -f.frac));
}

static void define_codes(struct builder *b, struct value *v, double scale, int bits, const char *symbol,
                         int n, struct value *const *index) {
  struct value *in[MAX_REPEATS + 1] = {v, build_const(b, scale, type_scalar(ELEM_F32))};
  struct op *codes = build(b, OP_CODES, 2, in, &(struct attrs){.bits = bits}, NULL);
  in[0] = codes->out[0];
  for (int i = 0; i < n; i++)
    in[i + 1] = index[i];
  build(b, OP_DEFINE, n + 1, in, &(struct attrs){.symbol = symbol}, NULL);
}

static struct weight *fixed_weight(struct fixing *x, const struct weight *w) {
  const char *name = arena_printf(x->m->arena, "%s.fixed", w->name);
  struct weight *y = weight_find(x->m, name);
  if (y)
    return y;
  struct format f = weight_format(x, w);
  y = new_weight(x, name, w->type, w, f);
  warn_of_size(x, w, f);
  double scale = ldexp(1, f.frac);
  struct op *define = define_of(x, w);
  if (define) {
    struct builder b = builder_after(x->m, define);
    define_codes(&b, define->in[0], scale, f.bits, name, w->n_counts, define->in + 1);
    return y;
  }
  struct value *index[MAX_REPEATS];
  struct builder b = inside_repeats(x, w->n_counts, w->counts, index);
  struct value *v =
      build(&b, OP_WEIGHT, w->n_counts, index, &(struct attrs){.symbol = w->name}, NULL)->out[0];
  define_codes(&b, v, scale, f.bits, name, w->n_counts, index);
  return y;
}

static struct value *leaf(struct fixing *x, const struct weight *w, const struct op *old) {
  return build(&x->b, OP_WEIGHT, w->n_counts, old->in, &(struct attrs){.symbol = w->name}, NULL)->out[0];
}

struct number weight_op(struct fixing *x, const struct op *op) {
  const struct weight *w = weight_find(x->m, op->attr.symbol);
  if (elem_codes(w->type.elem))
    return (struct number){.kind = NUMBER_PLAIN, .v = op->out[0]};
  struct weight *y = fixed_weight(x, w);
  return fixed(leaf(x, y, op), y->frac, weight_format(x, w).bits);
}

/* ---- scales of ternary weights ----------------------------------------------------------------------- */

/* c * product of s^power over the weights' ranges of s. */
static struct range scales_range(const struct fixing *x, double c, const struct factor *f, int n) {
  struct range r = {.lo = c, .hi = c};
  for (int i = 0; i < n; i++) {
    struct range s = weight_range(weight_find(x->m, f[i].wscale->attr.symbol));
    bool up = f[i].power > 0;
    r.lo *= up ? s.lo : 1 / s.hi;
    r.hi *= up ? s.hi : 1 / s.lo;
  }
  return r;
}

/* What tells one product of scales from another. */
static const char *scales_key(struct fixing *x, double c, const struct factor *f, int n) {
  const char *key = arena_printf(x->m->arena, "%.17g", c);
  for (int i = 0; i < n; i++)
    key = arena_printf(x->m->arena, "%s%c%s", key, f[i].power < 0 ? '/' : '*', f[i].wscale->attr.symbol);
  return key;
}

/* "NAME.scale" of the first weight, or "NAME.scale2", ... */
static const char *scales_name(struct fixing *x, const struct weight *first) {
  const char *name = arena_printf(x->m->arena, "%s.scale", first->name);
  for (int i = 2; weight_find(x->m, name); i++)
    name = arena_printf(x->m->arena, "%s.scale%d", first->name, i);
  return name;
}

struct number scales_weight(struct fixing *x, double c, const struct factor *f, int n) {
  enum { DIGITS = 28, ROW_DIGITS = MANTISSA + 1 };
  const struct op *first = f[0].wscale;
  const struct weight *like = weight_find(x->m, first->attr.symbol);
  struct type t = first->out[0]->type;
  const char *key = scales_key(x, c, f, n);
  int digits = type_count(t, NULL) > 1 ? ROW_DIGITS : DIGITS;
  for (int i = 0; i < x->scales.n; i++)
    if (strcmp(x->scales.at[i].key, key) == 0)
      return fixed(leaf(x, x->scales.at[i].w, first), x->scales.at[i].w->frac, digits + 1);
  double most = range_most(scales_range(x, c, f, n)) * (1 + 1e-6);
  struct format format = {digits - (isinf(most) ? 0 : bits_for(most)), digits + 1}; /* infinite: saturates */
  const char *name = scales_name(x, like);
  struct weight *w = new_weight(x, name, t, like, format);
  vec_push(x->m->arena, x->scales, (struct known_scales){key, w});
  struct value *index[MAX_REPEATS];
  struct builder b = inside_repeats(x, like->n_counts, like->counts, index);
  struct value *v = build_const(&b, c, type_scalar(ELEM_F32));
  for (int i = 0; i < n; i++) {
    struct attrs symbol = {.symbol = f[i].wscale->attr.symbol};
    struct value *s = build(&b, OP_WSCALE, like->n_counts, index, &symbol, NULL)->out[0];
    v = build2(&b, f[i].power > 0 ? OP_MUL : OP_DIV, v, s);
  }
  define_codes(&b, v, ldexp(1, format.frac), format.bits, name, like->n_counts, index);
  return fixed(leaf(x, w, first), w->frac, format.bits);
}

/* ---- states ------------------------------------------------------------------------------------------ */

void fix_states(struct fixing *x) {
  for (struct state *s = x->m->states; s; s = s->next) {
    struct format f = state_format(x, s);
    s->frac = f.frac;
    s->type.elem = f.bits <= 8 ? ELEM_I8 : f.bits <= 16 ? ELEM_I16 : ELEM_I32;
    s->init = saturated(rint(ldexp(s->init, f.frac)), f.bits);
  }
}
