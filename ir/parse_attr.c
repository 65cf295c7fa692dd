/* parse_attr.c: the attributes in braces after an operator, by a table of keys. */
#include "ir/parse.h"

#include <string.h>

static bool int_in(struct parser *p, int64_t least, int64_t most, int *out) {
  int64_t n;
  if (!p_integer(p, least, most, &n))
    return false;
  *out = (int)n;
  return true;
}

static bool read_value(struct parser *p, struct attrs *a) {
  return p_number(p, &a->value);
}

static bool read_eps(struct parser *p, struct attrs *a) {
  return p_number(p, &a->eps);
}

static bool read_axis(struct parser *p, struct attrs *a) {
  return int_in(p, 0, MAX_RANK - 1, &a->axis);
}

static bool read_begin(struct parser *p, struct attrs *a) {
  return p_integer(p, 0, INT64_MAX, &a->begin);
}

static bool read_end(struct parser *p, struct attrs *a) {
  return p_integer(p, 0, INT64_MAX, &a->end);
}

static bool read_perm(struct parser *p, struct attrs *a) {
  int n = 0;
  if (!p_expect(p, "["))
    return false;
  if (p_accept(p, "]"))
    return true;
  do {
    if (n == MAX_RANK)
      return p_error(p, p->tok.at, "perm has at most %d axes", MAX_RANK);
    if (!int_in(p, 0, MAX_RANK - 1, &a->perm[n++]))
      return false;
  } while (p_accept(p, ","));
  return p_expect(p, "]");
}

static bool read_bits(struct parser *p, struct attrs *a) {
  return int_in(p, 2, 32, &a->bits);
}

static bool read_frac(struct parser *p, struct attrs *a) {
  a->frac = FRAC_DYNAMIC;
  return p_word(p, "dynamic") || int_in(p, -32, 32, &a->frac);
}

static bool read_round(struct parser *p, struct attrs *a) {
  if (p->tok.kind != TOKEN_WORD || !rounding_parse(p->tok.text, &a->round))
    return p_expected(p, "a rounding mode (half_even, half_away, truncate, floor)");
  p_next(p);
  return true;
}

static bool read_curve(struct parser *p, struct attrs *a) {
  if (p->tok.kind != TOKEN_WORD || !curve_parse(p->tok.text, &a->curve))
    return p_expected(p, "a curve (sigmoid, exp2, log2, softplus_tail)");
  p_next(p);
  return true;
}

static bool read_out_frac(struct parser *p, struct attrs *a) {
  return int_in(p, 0, 30, &a->out_frac);
}

static bool read_segments(struct parser *p, struct attrs *a) {
  return int_in(p, 0, 16, &a->segments);
}

static bool read_group(struct parser *p, struct attrs *a) {
  return p_integer(p, 0, INT64_MAX, &a->group);
}

static bool read_products(struct parser *p, struct attrs *a) {
  if (p->tok.kind != TOKEN_WORD || !products_parse(p->tok.text, &a->products))
    return p_expected(p, "a way to sum products (float32, bf16)");
  p_next(p);
  return true;
}

static const struct key {
  const char *name;
  unsigned flag;
  bool optional;
  bool (*read)(struct parser *p, struct attrs *a);
} keys[] = {
    {"value", A_VALUE, false, read_value},       {"eps", A_EPS, false, read_eps},
    {"axis", A_AXIS, false, read_axis},          {"begin", A_RANGE, false, read_begin},
    {"end", A_RANGE, false, read_end},           {"perm", A_PERM, false, read_perm},
    {"bits", A_BITS, false, read_bits},          {"frac", A_FRAC, false, read_frac},
    {"round", A_ROUND, false, read_round},       {"group", A_GROUP, true, read_group},
    {"curve", A_CURVE, false, read_curve},       {"out_frac", A_CURVE, false, read_out_frac},
    {"segments", A_CURVE, false, read_segments}, {"products", A_PRODUCTS, true, read_products},
};
enum { KEYS = sizeof keys / sizeof *keys };

/* One "key = value"; `seen` has a bit for each key that was given. */
static bool parse_attr(struct parser *p, enum opcode code, struct attrs *attr, unsigned *seen) {
  int k = 0;
  while (k < KEYS && !(p_is(p, TOKEN_WORD, keys[k].name) && op_info[code].attrs & keys[k].flag))
    k++;
  if (k == KEYS)
    return p_expected(p, arena_printf(p->arena, "an attribute of '%s'", op_info[code].text));
  if (*seen >> k & 1)
    return p_error(p, p->tok.at, "'%s' is given twice", keys[k].name);
  *seen |= 1u << k;
  p_next(p);
  return p_expect(p, "=") && keys[k].read(p, attr);
}

bool parse_attrs(struct parser *p, enum opcode code, struct attrs *attr) {
  unsigned seen = 0;
  if (p_accept(p, "{")) {
    do
      if (!parse_attr(p, code, attr, &seen))
        return false;
    while (p_accept(p, ","));
    if (!p_expect(p, "}"))
      return false;
  }
  for (int k = 0; k < KEYS; k++)
    if (op_info[code].attrs & keys[k].flag && !keys[k].optional && !(seen >> k & 1))
      return p_expected(
          p, arena_printf(p->arena, "the attribute '%s' of '%s'", keys[k].name, op_info[code].text));
  return true;
}
