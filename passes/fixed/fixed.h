/* fixed.h: what the files of the pass `fixed-point` share.
 *
 *   fixed_point.c    the walk: leaves, what moves, regions, states; the pass
 *   map.c      element-wise operators and quantisers on fixed-point values
 *   reduce.c   sums, norms, products by matrices
 *   scalar.c   numbers with an exponent of their own: scales, norm factors
 *   format.c   formats of values, and what is said of those that have no useful bound
 *   weights.c  integer weights, states and scales, computed when the checkpoint is read
 *
 * Each f32 value of the spec becomes one of
 *
 *   FIXED    integers v; real value v * 2^-frac, frac chosen once from the value's range (ranges.h)
 *   SCALAR   a product of powers: c * atoms / atoms * weight scales; an atom is a pair of integers, m and e,
 *            whose real value is m * 2^-e, with m of about MANTISSA bits. One number a vector: norm factors,
 *            largest elements, scales. Kept as a product so that x / (Q / a) costs no division.
 *   CONST    a number of the spec
 *   PLAIN    what is no f32: codes, sums, tokens, bools */
#ifndef TERN_PASSES_FIXED_H
#define TERN_PASSES_FIXED_H

#include "passes/fixed/ranges.h"
#include "passes/pass.h"

enum {
  MANTISSA = 16,     /* bits of an atom's mantissa */
  MOST_FRAC = 20,    /* finer than that no value needs to be, unless it is small: */
  LEAST_DIGITS = 16, /* bits that the largest value has at least, where the word has room */
  LOGIT_BITS = 25,   /* with the sign */
  WEIGHT_BITS = 16,  /* of a float weight */
  TABLE_BITS = 30    /* of one that is computed from numbers of the spec alone */
};

struct atom {
  struct value *m, *e; /* integers of one shape: m * 2^-e */
  bool normal;         /* 2^(MANTISSA - 1) <= m <= 2^MANTISSA, or m = 0 */
};

struct factor {
  struct atom atom;
  const struct op *wscale; /* instead of an atom: the scales of a ternary weight */
  int power;               /* 1 or -1 */
};

struct scalar {
  double c;
  VEC(struct factor) factors;
  struct atom made; /* m NULL: not yet */
};

enum number_kind { NUMBER_NONE, NUMBER_FIXED, NUMBER_SCALAR, NUMBER_CONST, NUMBER_PLAIN };

struct number {
  enum number_kind kind;
  struct value *v; /* FIXED, PLAIN */
  int frac, bits;  /* FIXED: |v| < 2^(bits - 1) */
  double c;        /* CONST */
  struct scalar *s;
};

/* A number's format: `bits` in all, `frac` of them behind the point. */
struct format {
  int frac, bits;
};

/* A weight of scales that stands for c * product of powers. */
struct known_scales {
  const char *key;
  struct weight *w;
};

struct guess {
  const struct op *op;
  const struct value *v; /* the integers that it became */
};

struct fixing {
  struct module *m;
  struct ranges *ranges;
  struct number *at; /* by id of the old value */
  struct builder b;  /* before the operator at work */
  int word;          /* bits of a value */
  int segments;      /* log2, of a curve */
  VEC(struct known_scales) scales;
  VEC(struct guess) guessed; /* results whose format is a guess */
  VEC(struct loc) poles;     /* lines with a root that is divided by and may be 0 */
  bool ok;
};

/* ---- fixed_point.c ---- */
struct number *number_of(struct fixing *x, const struct value *old);
struct range range_at(const struct fixing *x, const struct value *old);
/* Whether the pass has a rule for the operator by its name: a composite without one becomes its body first.
 */
bool fixed_rule_named(enum opcode code);
/* Whether the operator has a rule, its own or those of its body, or needs none; a test asks for all. */
bool fixed_rule_known(enum opcode code);
void fix_error(struct fixing *x, const struct op *op, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- format.c ---- */
/* Leaves half the word behind the point. */
bool is_narrow(const struct fixing *x, struct range r);
/* A useful bound: it is narrow, or a calibration saw that the value goes so far. */
bool has_bound(const struct fixing *x, struct range r);
/* As many bits behind the point as a useful bound leaves, else the middle of the word. */
struct format format_for(const struct fixing *x, struct range r);
struct format format_of(const struct fixing *x, const struct value *old);
/* Of what is one of several values, op's operands from `first` on: constants that would take the digits of
 * the others saturate instead. */
struct format format_of_any(const struct fixing *x, const struct op *op, int first);
struct format state_format(const struct fixing *x, const struct state *s);
double saturated(double v, int bits); /* to the integers of so many bits; 0 for NaN */
int bits_for(double most);            /* least b with most <= 2^b, finite for whatever most > 0 */
int floor_log2(double c);             /* of |c|, finite for whatever c */
bool power_of_two(double c, int *e);  /* c = 2^e or -2^e */
void note_guess(struct fixing *x, const struct op *op, const struct number *n);
void warn_of_guesses(struct fixing *x);
/* op divides by the root of v, or of its mean square, or by v, which is a root. */
void warn_of_pole(struct fixing *x, const struct op *op, const struct value *v);

/* ---- map.c: making integers ---- */
struct value *int_const(struct fixing *x, double value);
bool int_known(const struct value *v, int64_t *value);
struct value *int_op(struct fixing *x, enum opcode code, int n, struct value *const *in, int bits);
struct value *int_select(struct fixing *x, struct value *c, struct value *a, struct value *b);
struct value *int_add(struct fixing *x, struct value *a, struct value *b, int bits);
struct value *int_sub(struct fixing *x, struct value *a, struct value *b, int bits);
/* sat(round(a * b * 2^-e)) */
struct value *int_mulshift(struct fixing *x, struct value *a, struct value *b, struct value *e, int bits);
/* The same number in another format; v itself where nothing changes. */
struct value *reformat(struct fixing *x, struct value *v, int frac, int bits, struct format to);
struct value *to_format(struct fixing *x, const struct value *old, struct format to);
/* The same, with the shape of old where what it is made of only stretches to that. */
struct value *to_shaped(struct fixing *x, const struct value *old, struct format to);
struct value *shaped(struct fixing *x, struct value *v, struct type t);
struct number as_fixed(struct fixing *x, const struct value *old);
struct number fixed(struct value *v, int frac, int bits);
/* A number whose real value is v * 2^-(e + add), e a value, rounded to the format. */
struct number from_shift(struct fixing *x, struct value *v, struct value *e, int add, struct format to);
/* 2^t in a format; t has `frac` digits. */
struct number power_of_two_of(struct fixing *x, struct value *t, int frac, struct format f);
/* The rule of an operator: what it becomes on numbers. */
typedef struct number number_function(struct fixing *x, const struct op *op);
extern number_function *const fixed_map[OP_COUNT]; /* of element-wise operators; NULL for others */
struct number codes_op(struct fixing *x, const struct op *op);

/* ---- reduce.c ---- */
struct number reduce_op(struct fixing *x, const struct op *op);
struct number rmsnorm_op(struct fixing *x, const struct op *op);
struct number softmax_op(struct fixing *x, const struct op *op);
struct number cumsum_op(struct fixing *x, const struct op *op);
struct number matmul_op(struct fixing *x, const struct op *op);
struct number float_sum_op(struct fixing *x, const struct op *op); /* a ternary sum of floats */

/* ---- scalar.c ---- */
bool is_scalar(const struct number *n);
struct scalar *scalar_of(struct fixing *x, const struct value *old); /* any kind but PLAIN */
struct scalar *scalar_new(struct fixing *x, double c);
struct scalar *scalar_atom(struct fixing *x, struct atom a);
struct scalar *scalar_product(struct fixing *x, const struct scalar *a, const struct scalar *b,
                              int power_of_b);
struct number scalar_number(struct scalar *s);
struct atom materialise(struct fixing *x, struct scalar *s);
struct atom normalise(struct fixing *x, struct value *v, struct value *e); /* v >= 0 */
struct atom atom_const(struct fixing *x, double c);
struct scalar *scalar_add(struct fixing *x, struct scalar *a, struct scalar *b);
struct scalar *scalar_root(struct fixing *x, struct scalar *s, bool inverse);
struct scalar *scalar_select(struct fixing *x, struct value *c, struct scalar *a, struct scalar *b);
/* Integers of scalar s in a format. */
struct value *scalar_fixed(struct fixing *x, struct scalar *s, struct format f);
/* a * s in a format. */
struct number scale_by(struct fixing *x, struct number a, struct scalar *s, struct format f);

/* ---- weights.c ---- */
struct number weight_op(struct fixing *x, const struct op *op);
/* c * product of the scales to their powers, as integers * 2^-frac; false: nothing is to be done. */
struct number scales_weight(struct fixing *x, double c, const struct factor *f, int n);
void fix_states(struct fixing *x);

#endif
