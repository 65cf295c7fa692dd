/* integers.c: integers beside the floats of a random model: codes of floats, every integer operator on every
 * mix of widths, states and weights of integers, sums, and the way back to floats. Bits are drawn so that
 * much saturates and much does not. */
#include "tests/random/gen.h"

#include <string.h>

static struct type scalar(enum elem e) {
  return type_scalar(e);
}

/* ---- in and out ---------------------------------------------------------------------------------------- */

struct value *any_integer(struct gen *g) {
  return g->integers.at.at[below(g, g->integers.at.n)];
}

static struct value *codes_of(struct gen *g, struct value *x, int bits) {
  static const double scales[] = {3, 64, 1000, 65536, 1e9};
  struct attrs attr = {.bits = bits, .round = (enum rounding)below(g, ROUND_COUNT)};
  struct value *in[2] = {x, build_const(&g->b, scales[below(g, 5)], scalar(ELEM_F32))};
  return build(&g->b, OP_CODES, 2, in, &attr, NULL)->out[0];
}

static void enter(struct gen *g) {
  keep(g, codes_of(g, any(g), 2 + below(g, 30)));
}

/* i32 -> float in about [-2, 2] */
static void leave(struct gen *g) {
  struct value *x = any_integer(g);
  struct type t = x->type;
  t.elem = ELEM_F32;
  struct value *f = build(&g->b, OP_CONVERT, 1, &x, NULL, &t)->out[0];
  double unit = x->type.elem == ELEM_I8 ? 0x1p-6 : x->type.elem == ELEM_I16 ? 0x1p-14 : 0x1p-30;
  keep(g, build2(&g->b, OP_MUL, f, build_const(&g->b, unit, scalar(ELEM_F32))));
}

/* Of f32 weights, so that fold-weights makes integer weights of it. */
static struct value *integer_weight(struct gen *g, struct type t) {
  t.elem = ELEM_F32;
  return codes_of(g, weight(g, t), 2 + below(g, 30));
}

static struct value *integer_const(struct gen *g) {
  static const double values[] = {0, 1, -1, 5, 100, -128, 127, 32767, -70000, INT32_MAX, INT32_MIN};
  double v = values[below(g, (int)(sizeof values / sizeof *values))];
  enum elem e = v >= INT8_MIN && v <= INT8_MAX     ? ELEM_I8
                : v >= INT16_MIN && v <= INT16_MAX ? ELEM_I16
                                                   : ELEM_I32;
  return build_const(&g->b, v, scalar(e));
}

/* ---- element-wise -------------------------------------------------------------------------------------- */

static struct value *partner(struct gen *g, struct value *x) {
  if (x->type.rank && below(g, 4) == 0)
    return integer_weight(g, type_make(ELEM_F32, 1, &x->type.dim[x->type.rank - 1]));
  for (int i = 0; i < 4; i++) {
    struct value *y = any_integer(g);
    struct type t;
    if (type_broadcast(x->type, y->type, &t) && type_count(t, NULL) <= 4096)
      return y;
  }
  return integer_const(g);
}

static int some_bits(struct gen *g) {
  static const int bits[] = {2, 7, 8, 9, 16, 17, 24, 31, 32, 32};
  return bits[below(g, 10)];
}

static struct value *apply(struct gen *g, enum opcode code, int n, struct value *const *in) {
  struct attrs attr = {0};
  if (op_info[code].attrs & A_BITS)
    attr.bits = some_bits(g);
  return build(&g->b, code, n, in, &attr, NULL)->out[0];
}

static void unary(struct gen *g) {
  struct value *x = any_integer(g);
  keep(g, apply(g, below(g, 2) ? OP_ISQRT : OP_ILOG2, 1, &x));
}

static void binary(struct gen *g) {
  static const enum opcode codes[] = {OP_IADD, OP_ISUB, OP_IMIN, OP_IMAX, OP_IDIV};
  struct value *x = any_integer(g), *in[2] = {x, partner(g, x)};
  struct value *y = apply(g, codes[below(g, 5)], 2, in);
  y->frac = below(g, 20) - 2; /* formats do not change what is computed */
  keep(g, y);
}

static void shift(struct gen *g) {
  struct value *x = any_integer(g), *in[3] = {x, partner(g, x), NULL};
  in[2] = below(g, 3) ? build_const(&g->b, below(g, 70) - 8, scalar(ELEM_I8)) : integer_const(g);
  keep(g, apply(g, OP_MULSHIFT, 3, in));
}

static void choose(struct gen *g) {
  static const enum opcode codes[] = {OP_ILT, OP_ILE, OP_IEQ};
  struct value *x = any_integer(g), *in[2] = {x, partner(g, x)};
  struct value *c = apply(g, codes[below(g, 3)], 2, in);
  int bits = some_bits(g);
  struct attrs attr = {.bits = bits};
  struct value *zero = build_const(&g->b, 0, scalar(ELEM_I8));
  struct value *a = build(&g->b, OP_IADD, 2, (struct value *[]){in[1], zero}, &attr, NULL)->out[0];
  struct value *b = build(&g->b, OP_ISUB, 2, in, &attr, NULL)->out[0]; /* alike now */
  keep(g, build3(&g->b, OP_SELECT, c, a, b));
}

static void curve(struct gen *g) {
  struct value *x = any_integer(g);
  struct attrs attr = {.curve = (enum curve)below(g, CURVE_COUNT),
                       .frac = below(g, 17),
                       .out_frac = below(g, 31),
                       .segments = below(g, 10),
                       .bits = some_bits(g)};
  keep(g, build(&g->b, OP_CURVE, 1, &x, &attr, NULL)->out[0]);
}

/* ---- all else ------------------------------------------------------------------------------------------ */

static void along_axis(struct gen *g) {
  static const enum opcode codes[] = {OP_SUM, OP_AMAX, OP_ABSMAX};
  struct value *x = any_integer(g);
  if (x->type.rank)
    keep(g, build_axis(&g->b, codes[below(g, 3)], x, below(g, x->type.rank)));
}

static void move(struct gen *g) {
  struct value *x = any_integer(g);
  if (x->type.rank && type_count(x->type, NULL) > 1 && (x = moved(g, x)))
    keep(g, x);
}

static struct value *narrow_vector(struct gen *g) {
  struct value *x = any_integer(g);
  x = build_reshape(&g->b, x, type_make(x->type.elem, 1, (int64_t[]){type_count(x->type, NULL)}));
  if (x->type.elem != ELEM_I32)
    return x;
  struct attrs attr = {.bits = below(g, 2) ? 8 : 16};
  return build(&g->b, OP_IADD, 2, (struct value *[]){x, build_const(&g->b, 0, scalar(ELEM_I8))}, &attr, NULL)
      ->out[0];
}

static struct value *ternary_sum(struct gen *g, struct value *x, int64_t m) {
  struct value *w = weight(g, type_make(ELEM_TERNARY, 2, (int64_t[]){m, x->type.dim[0]}));
  return build2(&g->b, OP_TERNARY_SUM, w, x);
}

static void sums(struct gen *g) {
  struct value *x = narrow_vector(g);
  for (int i = 1 + below(g, 2); i > 0; i--)
    keep(g, ternary_sum(g, x, odd_size(g)));
}

/* s' = sat(s * x * 2^-e + x), in the state's width. */
static void recurrence(struct gen *g) {
  struct value *x = any_integer(g);
  struct type t = x->type;
  t.elem = (enum elem)(ELEM_I8 + below(g, 3));
  struct attrs attr = {.bits = 8 * elem_bytes(t.elem) - below(g, 2)};
  struct state *s = new_state(g, "n", t);
  s->init = below(g, 200) - 100;
  s->frac = below(g, 2) ? below(g, 9) : FRAC_NONE;
  struct value *old = read_state(g, s), *e = build_const(&g->b, below(g, 20), scalar(ELEM_I8));
  struct value *in[3] = {old, partner(g, old), e};
  struct type both;
  if (!type_broadcast(in[1]->type, t, &both) || !type_same_shape(both, t))
    in[1] = e;
  struct value *product = build(&g->b, OP_MULSHIFT, 3, in, &attr, NULL)->out[0];
  struct value *new = build(&g->b, OP_IADD, 2, (struct value *[]){product, x}, &attr, NULL)->out[0];
  write_state(g, s, new);
  keep(g, new);
  if (below(g, 2))
    keep(g, apply(g, OP_ISUB, 2, (struct value *[]){old, new}));
}

void grow_integers(struct gen *g) {
  static void (*const kinds[])(struct gen *) = {unary, binary,     binary, shift, shift, choose,
                                                curve, along_axis, move,   sums,  leave, recurrence};
  if (g->integers.at.n == 0)
    enter(g);
  for (int i = 3 + below(g, 4); i > 0; i--)
    kinds[below(g, (int)(sizeof kinds / sizeof *kinds))](g);
  if (below(g, 4) == 0)
    enter(g);
}

struct value *mixed_integers(struct gen *g) {
  struct value *all = NULL;
  struct attrs attr = {.bits = 32};
  for (int i = g->integers.at.n - 1, n = 0; i >= 0 && n < 24; i--, n++) {
    struct value *v = g->integers.at.at[i];
    v = build_reshape(&g->b, v, type_make(v->type.elem, 1, (int64_t[]){type_count(v->type, NULL)}));
    v = build_axis(&g->b, OP_SUM, v, 0);
    all = all ? build(&g->b, OP_ISUB, 2, (struct value *[]){v, all}, &attr, NULL)->out[0] : v;
  }
  return all;
}

struct value *integer_logits(struct gen *g, int64_t vocab) {
  struct value *y = ternary_sum(g, narrow_vector(g), vocab);
  struct attrs attr = {.bits = 17 + below(g, 16)};
  struct value *last =
      build(&g->b, OP_ISUB, 2, (struct value *[]){y, mixed_integers(g)}, &attr, NULL)->out[0];
  last->frac = below(g, 25) - 2;
  return last;
}
