/* expr.c: names, indices and expressions as C text. */
#include "backends/c/c.h"
#include "backends/c/print_c.h"

#include "ir/curve.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

/* Words of the generated file that a kernel's own names must not hide; for chips the second. */
static const char *const parameters[] = {"args", "layer", "part", "thread", "threads", "lane", NULL};
static const char *const parameters_chip[] = {"layer",   "part",  "lane", "state",
                                              "scratch", "token", "out",  NULL};

static bool is_among(const char *const *words, const char *name) {
  while (*words && strcmp(*words, name) != 0)
    words++;
  return *words;
}

static bool is_reserved(const char *name) {
  return is_among(parameters, name);
}

static bool is_reserved_chip(const char *name) {
  return is_among(parameters_chip, name);
}

const char *fresh_name(struct c_printer *p, const char *hint) {
  bool own = isupper((unsigned char)hint[0]) || hint[0] == '_' || strncmp(hint, "tern_", 5) == 0;
  const char *base = own ? arena_printf(p->arena, "n_%s", hint) : c_name(p->arena, hint);
  return names_fresh(&p->taken, base, "", p->weights ? is_reserved_chip : is_reserved);
}

/* ---- indices --------------------------------------------------------------------------------- */

static const char *binary_index(struct c_printer *p, const struct index *i) {
  static const char *const signs[] = {
      [INDEX_ADD] = "+", [INDEX_SUB] = "-", [INDEX_MUL] = "*", [INDEX_DIV] = "/", [INDEX_MOD] = "%"};
  const char *x = index_text(p, i->a), *y = index_text(p, i->b);
  bool sum = i->kind == INDEX_ADD || i->kind == INDEX_SUB;
  if (!sum && (i->a->kind == INDEX_ADD || i->a->kind == INDEX_SUB))
    x = arena_printf(p->arena, "(%s)", x);
  else if (!sum && i->kind != INDEX_MUL && (i->a->kind == INDEX_MUL || i->a->kind == INDEX_VALUE))
    x = arena_printf(p->arena, "(%s)", x);
  if (sum && (i->b->kind == INDEX_ADD || i->b->kind == INDEX_SUB))
    y = arena_printf(p->arena, "(%s)", y);
  return arena_printf(p->arena, "%s %s %s", x, signs[i->kind], y);
}

const char *index_type(const struct c_printer *p) {
  return p->weights ? "int32_t" : "int64_t";
}

/* Begins as no name of a kernel's own does. The number keeps apart what two names have become in C. */
const char *size_name(struct c_printer *p, int64_t dim) {
  const char *name = c_name(p->arena, dim_of(p->all->module, dim)->name);
  return arena_printf(p->arena, "N%d_%s", (int)(-1 - dim), name);
}

const char *index_text(struct c_printer *p, const struct index *i) {
  switch (i->kind) {
  case INDEX_CONST: return arena_printf(p->arena, "%lld", (long long)i->constant);
  case INDEX_VAR: return p->loops[i->loop->id];
  case INDEX_I: return p->weights ? "layer" : "(int64_t)layer";
  case INDEX_J: return p->weights ? "part" : "(int64_t)part";
  case INDEX_DIM: return size_name(p, i->constant);
  case INDEX_MIN:
  case INDEX_MAX: {
    const char *x = index_text(p, i->a), *y = index_text(p, i->b);
    return arena_printf(p->arena, "(%s %c %s ? %s : %s)", x, i->kind == INDEX_MIN ? '<' : '>', y, x, y);
  }
  case INDEX_VALUE: return arena_printf(p->arena, "(%s)%s", index_type(p), p->exprs[i->value->id]);
  default: return binary_index(p, i);
  }
}

const char *place_text(struct c_printer *p, const struct buffer *b, const struct index *i) {
  int k = 0;
  while (p->kernel->buffers.at[k] != b)
    k++;
  return arena_printf(p->arena, "%s[%s]", p->buffers.at[k], index_text(p, i));
}

/* ---- operators ------------------------------------------------------------------------------- */

/* $0, $1, $2: the operands; $t: the result's type; $r: the rounding function; $l, $m: the least and the most
 * code; $b: bits; $c: the curve; $n: how many there are. Loose rows need brackets when they become an operand
 * themselves. */
struct operator_text {
  const char *text;
  bool loose;
};

static const struct operator_text rows[OP_COUNT] = {
    [OP_NEG] = {"tern_neg($0)", false},
    [OP_ABS] = {"tern_fabs($0)", false},
    [OP_EXP] = {"tern_exp($0)", false},
    [OP_LOG] = {"tern_log($0)", false},
    [OP_ORDINAL] = {"tern_ordinal($0, $n)", false},
    [OP_SIN] = {"tern_sin($0)", false},
    [OP_COS] = {"tern_cos($0)", false},
    [OP_POW] = {"tern_pow($0, $1)", false},
    [OP_SQRT] = {"tern_sqrt($0)", false},
    [OP_RSQRT] = {"tern_rsqrt($0)", false},
    [OP_RELU] = {"tern_relu($0)", false},
    [OP_FLOOR] = {"tern_floor($0)", false},
    [OP_ROUND] = {"$r($0)", false},
    [OP_CONVERT] = {"($t)$0", true},
    [OP_ADD] = {"$0 + $1", true},
    [OP_SUB] = {"$0 - $1", true},
    [OP_MUL] = {"$0 * $1", true},
    [OP_DIV] = {"$0 / $1", true},
    [OP_MIN] = {"tern_min($0, $1)", false},
    [OP_MAX] = {"tern_max($0, $1)", false},
    [OP_LT] = {"$0 < $1", true},
    [OP_LE] = {"$0 <= $1", true},
    [OP_EQ] = {"$0 == $1", true},
    [OP_SELECT] = {"$0 ? $1 : $2", true},
    [OP_CODES] = {"($t)tern_clamp($r($0 * $1), $l, $m)", true},
    [OP_IADD] = {"tern_sat((int64_t)$0 + $1, $b)", false},
    [OP_ISUB] = {"tern_sat((int64_t)$0 - $1, $b)", false},
    [OP_IMIN] = {"tern_sat(tern_least($0, $1), $b)", false},
    [OP_IMAX] = {"tern_sat(tern_most($0, $1), $b)", false},
    [OP_MULSHIFT] = {"tern_mulshift($0, $1, $2, $b)", false},
    [OP_IDIV] = {"tern_idiv($0, $1, $b)", false},
    [OP_ISQRT] = {"tern_isqrt($0, $b)", false},
    [OP_ILOG2] = {"tern_ilog2($0, $b)", false},
    [OP_ILT] = {"$0 < $1", true},
    [OP_ILE] = {"$0 <= $1", true},
    [OP_IEQ] = {"$0 == $1", true},
    [OP_CURVE] = {"tern_curve($c, $0, $b)", false},
    [OP_DITHER] = {"tern_dither($0, $1, $2, $b)", false},
};

/* Codes that a float cannot tell apart at their ends. */
static const struct operator_text wide_codes = {"tern_wide_code($r($0 * $1), $b)", false};
enum { FLOAT_BITS = 25 };

static const struct operator_text *row_of(const struct expr *e) {
  return e->code == OP_CODES && e->attr.bits > FLOAT_BITS ? &wide_codes : &rows[e->code];
}

static const char *const rounders[ROUND_COUNT] = {[ROUND_HALF_EVEN] = "tern_rint",
                                                  [ROUND_HALF_AWAY] = "tern_round",
                                                  [ROUND_TRUNCATE] = "tern_trunc",
                                                  [ROUND_FLOOR] = "tern_floor"};

const char *c_type(enum elem elem) {
  static const char *const types[ELEM_COUNT] = {
      [ELEM_BOOL] = "int",    [ELEM_U32] = "uint32_t", [ELEM_I8] = "int8_t",
      [ELEM_I16] = "int16_t", [ELEM_I32] = "int32_t",  [ELEM_F32] = "float"};
  return types[elem];
}

const char *c_format(enum memory_format f) {
  static const char *const types[] = {
      [FORMAT_F32] = "float",    [FORMAT_F16] = "uint16_t", [FORMAT_BF16] = "uint16_t",
      [FORMAT_I8] = "int8_t",    [FORMAT_I16] = "int16_t",  [FORMAT_I32] = "int32_t",
      [FORMAT_U32] = "uint32_t", [FORMAT_BOOL] = "uint8_t"};
  return types[f];
}

bool c_covers(enum opcode code) {
  return rows[code].text != NULL;
}

/* A curve's table and its domain. */
static const char *curve_text(struct c_printer *p, const struct attrs *attr) {
  struct curve_shape c = curve_shape(attr);
  return arena_printf(p->arena, "tern_%s, %lld, %d, %d", curve_table_name(p->arena, attr), (long long)c.first,
                      c.w + attr->frac, c.h);
}

/* alone: the operand is a whole argument. */
static const char *operand_of(struct c_printer *p, const struct expr *e, char which, bool alone) {
  double most = (double)(((int64_t)1 << (e->attr.bits ? e->attr.bits - 1 : 0)) - 1);
  switch (which) {
  case 'r': return rounders[e->attr.round];
  case 't': return c_type(e->elem);
  case 'l': return arena_printf(p->arena, "%.1ff", -most - 1);
  case 'm': return arena_printf(p->arena, "%.1ff", most);
  case 'b': return arena_printf(p->arena, "%d", e->attr.bits);
  case 'n': return arena_printf(p->arena, "%lld", (long long)e->attr.group);
  case 'c': return curve_text(p, &e->attr);
  default: break;
  }
  int id = e->in[which - '0']->id;
  return p->loose[id] && !alone ? arena_printf(p->arena, "(%s)", p->exprs[id]) : p->exprs[id];
}

static const char *operator_text(struct c_printer *p, const struct expr *e) {
  const char *text = "";
  for (const char *s = row_of(e)->text; *s;) {
    size_t n = strcspn(s, "$");
    bool opens = n && (s[n - 1] == '(' || (n > 1 && s[n - 2] == ','));
    bool alone = s[n] && opens && (s[n + 2] == ')' || s[n + 2] == ',');
    text = arena_printf(p->arena, "%s%.*s%s", text, (int)n, s, s[n] ? operand_of(p, e, s[n + 1], alone) : "");
    s += s[n] ? n + 2 : n;
  }
  return text;
}

const char *float_text(struct arena *a, double value) {
  float x = (float)value;
  if (isnan(x))
    return "tern_nan()";
  if (isinf(x))
    return x > 0 ? "tern_infinity()" : "-tern_infinity()";
  const char *s = "";
  for (int digits = 1; digits <= 9; digits++) { /* the fewest that do */
    s = arena_printf(a, "%.*g", digits, (double)x);
    if (strtof(s, NULL) == x)
      break;
  }
  return arena_printf(a, "%s%sf", s, strpbrk(s, ".e") ? "" : ".0");
}

static const char *constant_text(struct c_printer *p, const struct expr *e) {
  if (e->elem != ELEM_F32)
    return arena_printf(p->arena, "%lld", (long long)e->value);
  return float_text(p->arena, e->value);
}

static const char *load_text(struct c_printer *p, const struct expr *e) {
  const char *place = place_text(p, e->buffer, e->index);
  enum memory_format f = e->buffer->format;
  if (f == FORMAT_BOOL)
    return arena_printf(p->arena, "%s != 0", place);
  return f == FORMAT_F16    ? arena_printf(p->arena, "tern_f16(%s)", place)
         : f == FORMAT_BF16 ? arena_printf(p->arena, "tern_bf16(%s)", place)
                            : place;
}

const char *expr_text(struct c_printer *p, const struct expr *e) {
  switch (e->kind) {
  case EXPR_CONST: return constant_text(p, e);
  case EXPR_LOAD: return load_text(p, e);
  case EXPR_OP: return operator_text(p, e);
  case EXPR_INDEX: return arena_printf(p->arena, "(uint32_t)(%s)", index_text(p, e->index));
  case EXPR_INDEX_LT:
    return arena_printf(p->arena, "%s < %s", index_text(p, e->index), index_text(p, e->bound));
  default: break;
  }
  const char *acc = p->accs[e->acc->id];
  return has_lanes(p, e->acc) ? arena_printf(p->arena, "%s[0]", acc) : acc;
}

bool is_loose(const struct expr *e) {
  if (e->kind == EXPR_CONST)
    return e->value < 0;
  if (e->kind == EXPR_LOAD)
    return e->buffer->format == FORMAT_BOOL;
  return e->kind == EXPR_OP ? row_of(e)->loose : e->kind != EXPR_ACC;
}
