/* operators.h: a model in which an operator works on operands that fit it, or one with all operators that a
 * model can name. Each operator's result is a part of the logits, so that a number that differs tells whose
 * it is. An operator whose type rule is known here needs no line of its own. */
#ifndef TERN_TESTS_OPERATORS_H
#define TERN_TESTS_OPERATORS_H

#include "ir/ir.h"

#include <stdbool.h>
#include <string.h>

enum { WIDTH = 24, VOCABULARY = 2048, ALL = OP_COUNT };

struct making {
  struct module *m;
  struct builder b;
  struct value *token;
  struct value *x, *y; /* f32[WIDTH]: rows of tables, so that nothing is known before there is a token */
  int names;
};

/* The numbers of the logits that an operator's result became. */
struct part {
  enum opcode code;
  int64_t begin, end;
};

static inline struct type floats_of(int rank, int64_t a, int64_t b) {
  return type_make(ELEM_F32, rank, (int64_t[]){a, b});
}

static inline struct value *one_of(struct making *g, enum opcode code, int n, struct value *const *in,
                                   const struct attrs *attr, const struct type *t) {
  return build(&g->b, code, n, in, attr, t)->out[0];
}

static inline struct value *weight_of(struct making *g, struct type t) {
  struct weight *w = weight_add(g->m, arena_printf(g->m->arena, "w%d", g->names++), t);
  return one_of(g, OP_WEIGHT, 0, NULL, &(struct attrs){.symbol = w->name}, &t);
}

static inline struct value *row_of(struct making *g) {
  return build2(&g->b, OP_INDEX, weight_of(g, floats_of(2, VOCABULARY, WIDTH)), g->token);
}

/* x as integers of so many bits. */
static inline struct value *integers_of(struct making *g, struct value *x, int bits) {
  struct value *scale = build_const(&g->b, bits > 8 ? 900 : 90, type_scalar(ELEM_F32));
  return one_of(g, OP_CODES, 2, (struct value *[]){x, scale}, &(struct attrs){.bits = bits}, NULL);
}

static inline struct value *truth_of(struct making *g) {
  return build2(&g->b, OP_LT, g->x, g->y);
}

static inline struct value *matrix_of(struct making *g) {
  return build_reshape(&g->b, g->x, floats_of(2, WIDTH / 3, 3));
}

static inline struct value *quantised_of(struct making *g) {
  struct attrs attr = {.bits = 8, .frac = FRAC_DYNAMIC};
  return one_of(g, OP_QUANTIZE, 1, &g->x, &attr, NULL);
}

/* ---- by name ----------------------------------------------------------------------------------------- */

static inline struct value *a_scale(struct making *g) {
  struct value *w = weight_of(g, type_make(ELEM_TERNARY, 2, (int64_t[]){5, WIDTH}));
  return one_of(g, OP_WSCALE, 0, NULL, &(struct attrs){.symbol = w->def->attr.symbol}, NULL);
}

/* A state that is read and written: `first` says whose result is looked at, the old or the new content. */
static inline struct value *a_state(struct making *g, bool old) {
  struct state *s = state_add(g->m, arena_printf(g->m->arena, "s%d", g->names++), g->x->type);
  struct attrs attr = {.symbol = s->name};
  struct value *before = one_of(g, OP_READ, 0, NULL, &attr, NULL);
  struct value *after = build1(&g->b, OP_ABS, build2(&g->b, OP_SUB, before, g->x));
  build(&g->b, OP_WRITE, 1, &after, &attr, NULL);
  return old ? before : after;
}

/* What a token sees of a history of 64 rows of x, its own the last of them. */
static inline struct value *a_past(struct making *g) {
  const char *name = arena_printf(g->m->arena, "H%d", g->names++);
  int64_t dim = dim_add(g->m, name);
  dim_of(g->m, dim)->most = 64;
  dim_of(g->m, dim)->past = PAST_HISTORY;
  struct state *s = state_add(g->m, arena_printf(g->m->arena, "s%d", g->names++), type_lead(g->x->type, dim));
  struct attrs attr = {.symbol = s->name};
  build(&g->b, OP_APPEND, 1, &g->x, &attr, NULL);
  return one_of(g, OP_SEEN, 0, NULL, &attr, NULL);
}

/* Weighted by how old they are. */
static inline struct value *an_age(struct making *g) {
  struct value *rows = a_past(g);
  struct type t = type_lead(type_scalar(ELEM_F32), rows->type.dim[0]), column = t;
  column.dim[column.rank++] = 1;
  struct value *ages = build_reshape(&g->b, one_of(g, OP_AGE, 0, NULL, NULL, &t), column);
  return build_reshape(&g->b, build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, ages, rows), 0), g->x->type);
}

static inline struct value *a_sum_of_past(struct making *g) {
  return build_reshape(&g->b, build_axis(&g->b, OP_SUM, a_past(g), 0), g->x->type);
}

static inline struct value *a_position(struct making *g) {
  struct type one = type_scalar(ELEM_U32), real = type_scalar(ELEM_F32);
  struct value *p = one_of(g, OP_POSITION, 0, NULL, NULL, &one);
  return build2(&g->b, OP_MUL, g->x, one_of(g, OP_CONVERT, 1, &p, NULL, &real));
}

static inline struct value *a_repeat(struct making *g) {
  struct op *op = build(&g->b, OP_REPEAT, 1, &g->x, &(struct attrs){.count = 3}, NULL);
  block_arg(g->m, op->body, type_scalar(ELEM_U32), "i");
  struct value *carried = block_arg(g->m, op->body, g->x->type, "carried");
  struct builder inside = builder_end(g->m, op->body);
  struct value *next = build2(&inside, OP_MUL, carried, g->y);
  build(&inside, OP_YIELD, 1, &next, NULL, NULL);
  op_set_results(g->m, op, 1, &g->x->type);
  return op->out[0];
}

static inline struct value *a_ternary_sum(struct making *g) {
  struct value *w = weight_of(g, type_make(ELEM_TERNARY, 2, (int64_t[]){5, WIDTH}));
  return build2(&g->b, OP_TERNARY_SUM, w, integers_of(g, g->x, 8));
}

static inline struct value *a_number(struct making *g) {
  struct value *i = build_const(&g->b, 3, type_scalar(ELEM_U32));
  return one_of(g, OP_NTH, 2, (struct value *[]){i, i}, &(struct attrs){.group = 5}, NULL);
}

static inline struct value *converted(struct making *g, struct value *v) {
  struct type t = v->type;
  t.elem = ELEM_F32;
  return one_of(g, OP_CONVERT, 1, &v, NULL, &t);
}

static inline struct value *moved_by(struct making *g, enum opcode code) {
  struct value *x = matrix_of(g), *in[] = {x, matrix_of(g)};
  struct type wide = type_make(ELEM_F32, 2, (int64_t[]){2, WIDTH}), tall = floats_of(2, 3, WIDTH / 3);
  switch (code) {
  case OP_RESHAPE: return build_reshape(&g->b, g->x, tall);
  case OP_BROADCAST: return one_of(g, code, 1, &g->x, NULL, &wide);
  case OP_TRANSPOSE: return one_of(g, code, 1, &x, &(struct attrs){.perm = {1, 0}}, NULL);
  case OP_SLICE: return build_slice(&g->b, x, 1, 1, 3);
  case OP_CONCAT: return one_of(g, code, 2, in, &(struct attrs){.axis = 1}, NULL);
  case OP_INDEX: return row_of(g);
  default: return NULL;
  }
}

static inline struct value *named(struct making *g, enum opcode code) {
  switch (code) {
  case OP_CONST: return build_const(&g->b, 0.75, g->x->type);
  case OP_CONVERT: return converted(g, truth_of(g));
  case OP_WEIGHT: return weight_of(g, floats_of(1, WIDTH, 0));
  case OP_DEFINE: return build1(&g->b, OP_EXP, weight_of(g, floats_of(1, WIDTH, 0))); /* by fold-weights */
  case OP_WSCALE: return a_scale(g);
  case OP_READ: return a_state(g, true);
  case OP_WRITE: return a_state(g, false);
  case OP_APPEND:
  case OP_SEEN: return a_sum_of_past(g);
  case OP_AGE: return an_age(g);
  case OP_POSITION: return a_position(g);
  case OP_MATMUL: return build2(&g->b, code, weight_of(g, floats_of(2, 7, WIDTH)), g->x);
  case OP_TERNARY_BACK: /* of a step that trains this */
    return build2(&g->b, OP_MATMUL, weight_of(g, type_make(ELEM_TERNARY, 2, (int64_t[]){7, WIDTH})), g->x);
  case OP_QUANTIZE:
  case OP_DEQUANTIZE: return build1(&g->b, OP_DEQUANTIZE, quantised_of(g));
  case OP_TERNARY_SUM: return a_ternary_sum(g);
  case OP_REPEAT: return a_repeat(g);
  case OP_NTH: return a_number(g);
  case OP_ORDINAL: return one_of(g, code, 1, &g->x, &(struct attrs){.group = 3}, NULL);
  case OP_HADAMARD: return one_of(g, code, 1, &g->x, &(struct attrs){.group = 8}, NULL);
  case OP_POW: return build2(&g->b, code, build1(&g->b, OP_ABS, g->x), g->y);
  default: return op_info[code].flags & MOVE ? moved_by(g, code) : NULL;
  }
}

/* ---- by type rule ------------------------------------------------------------------------------------ */

static inline bool has_rule(enum opcode code, const char *rule) {
  return strcmp(op_info[code].rule, rule) == 0;
}

static inline bool of_integers(enum opcode code) {
  return (op_info[code].flags & INTEGER) != 0;
}

/* The operator on operands that fit it; NULL where none are known. */
static inline struct value *applied(struct making *g, enum opcode code) {
  struct value *v = named(g, code);
  if (v)
    return v;
  struct value *in[3] = {g->x, g->y, g->x};
  struct attrs attr = {0};
  if (of_integers(code))
    for (int i = 0; i < 3; i++)
      in[i] = integers_of(g, i % 2 ? g->y : g->x, (int[]){20, 12, 5}[i]);
  if (has_rule(code, "integer") || has_rule(code, "codes"))
    attr.bits = of_integers(code) ? 18 : 7;
  else if (has_rule(code, "curve"))
    attr = (struct attrs){.curve = CURVE_SIGMOID, .frac = 10, .out_frac = 16, .segments = 6, .bits = 18};
  else if (has_rule(code, "same"))
    attr.eps = 1e-5;
  else if (has_rule(code, "select"))
    in[0] = truth_of(g);
  else if (!has_rule(code, "map") && !has_rule(code, "compare") && !has_rule(code, "icompare") &&
           !has_rule(code, "reduce") && !has_rule(code, "sum") && !has_rule(code, "axis"))
    return NULL; /* reduce, axis: along axis 0, the only one */
  return one_of(g, code, op_info[code].ins, in, &attr, NULL);
}

/* ---- the model --------------------------------------------------------------------------------------- */

static inline struct value *as_part(struct making *g, struct value *v) {
  if (v->type.elem != ELEM_F32)
    v = converted(g, v);
  return build_reshape(&g->b, v, floats_of(1, type_count(v->type, NULL), 0));
}

/* `step` with the operator `only`, or with ALL. parts[]: OP_COUNT of them; how many there are. */
static inline int model_of_operators(struct module *m, int only, struct part *parts) {
  struct func *f = func_add(m, "step");
  struct making g = {.m = m, .b = builder_end(m, f->body)};
  struct value *logits[OP_COUNT + 1];
  int n = 0;
  m->spec = "operators.tern";
  dim_of(m, DIM_T)->most = 8;
  dim_of(m, DIM_B)->most = 4;
  g.token = block_arg(m, f->body, type_scalar(ELEM_U32), "token");
  g.x = row_of(&g);
  g.y = row_of(&g);
  for (int code = 0, at = 0; code < OP_COUNT; code++) {
    struct value *v = only == ALL || only == code ? applied(&g, (enum opcode)code) : NULL;
    if (!v)
      continue;
    logits[n] = as_part(&g, v);
    parts[n] = (struct part){(enum opcode)code, at, at + logits[n]->type.dim[0]};
    at = (int)parts[n++].end;
  }
  if (!n)
    return 0;
  logits[n] = g.x; /* so that two tokens have logits that differ whatever the operators do */
  struct value *all = one_of(&g, OP_CONCAT, n + 1, logits, &(struct attrs){.axis = 0}, NULL);
  build(&g.b, OP_RETURN, 1, &all, NULL, NULL);
  return n;
}

#endif
