/* builtin_call.h: a call of a function of the language, as the handlers of builtins.c and functions.c get it.
 */
#ifndef TERN_FRONTEND_BUILTIN_CALL_H
#define TERN_FRONTEND_BUILTIN_CALL_H

#include "frontend/language/elaborate.h"
#include "support/whole.h"

enum argument_kind {
  NO_MORE,  /* no more arguments */
  VALUE,    /* an expression */
  NUMBER,   /* known now, with a default */
  REQUIRED, /* a number without a default */
  ROUNDING, /* half_even, ... */
  SHAPE,    /* [a, b] */
  PARTS     /* a number, or a list of them */
};

enum { MAX_ARGUMENTS = 4 };

/* In a shape, `_`: the first axis of the operand. */
enum { AXIS_AS_IT_IS = INT32_MIN };

struct formal {
  enum argument_kind kind;
  const char *name;
  double otherwise;
};

struct builtin_call;
struct builtin {
  const char *name;
  struct formal formals[MAX_ARGUMENTS];
  struct item (*run)(struct builtin_call *c);
  enum opcode code;           /* for the handlers that many rows share */
  double (*number)(double x); /* when the argument is a number; NULL: it becomes a constant */
};

struct builtin_call {
  struct elaborator *e;
  const struct builtin *f;
  const struct node *node;
  const struct node *nodes[MAX_ARGUMENTS]; /* NULL: left out */
  struct item items[MAX_ARGUMENTS];        /* VALUE */
  double numbers[MAX_ARGUMENTS];           /* NUMBER, REQUIRED */
  enum rounding round;
  struct type shape;
};

/* ---- helpers of the handlers ------------------------------------------------------------------------- */

static inline struct item make(struct builtin_call *c, enum opcode code, int n, const struct attrs *attr) {
  return apply(c->e, code, c->node->at, n, c->items, c->nodes, attr, NULL);
}

static inline struct item one(struct builtin_call *c, enum opcode code, struct item x,
                              const struct attrs *attr) {
  return x.kind == ITEM_POISON ? x : apply(c->e, code, c->node->at, 1, &x, NULL, attr, NULL);
}

static inline struct item two(struct builtin_call *c, enum opcode code, struct item x, struct item y) {
  if (x.kind == ITEM_POISON || y.kind == ITEM_POISON)
    return item_poison();
  return apply(c->e, code, c->node->at, 2, (struct item[]){x, y}, NULL, NULL, NULL);
}

static inline struct item shaped(struct builtin_call *c, enum opcode code, struct item x, struct type t) {
  return x.kind == ITEM_POISON ? x : apply(c->e, code, c->node->at, 1, &x, NULL, NULL, &t);
}

static inline struct loc argument_at(const struct builtin_call *c, int i) {
  return c->nodes[i] ? c->nodes[i]->at : c->node->at;
}

/* The operand as a plain value, made once. False for poison. */
static inline bool settle(struct builtin_call *c, int i, struct type *t) {
  struct value *v = plain(c->e, c->items[i], argument_at(c, i));
  c->items[i] = item_value(v);
  if (v)
    *t = v->type;
  return v != NULL;
}

/* Argument i as an axis of t, negative ones counted from the end. */
static inline bool axis_of(struct builtin_call *c, int i, struct type t, int *axis) {
  int64_t number;
  if (!whole_number(c->numbers[i], -t.rank, t.rank - 1, &number)) {
    fail(c->e, argument_at(c, i), "%s has no axis %.15g", type_of(c->e, t), c->numbers[i]);
    return false;
  }
  *axis = (int)number + (number < 0 ? t.rank : 0);
  return true;
}

static inline bool whole_in(struct builtin_call *c, int i, int least, int most, int *whole) {
  int64_t number;
  if (!whole_number(c->numbers[i], least, most, &number)) {
    fail(c->e, argument_at(c, i), "'%s' of %s is a whole number from %d to %d, not %.15g",
         c->f->formals[i].name, c->f->name, least, most, c->numbers[i]);
    return false;
  }
  *whole = (int)number;
  return true;
}

/* ---- functions that are made of operators: functions.c ----------------------------------------------- */

struct item run_iota(struct builtin_call *c);
struct item run_clamp(struct builtin_call *c);
struct item run_logsigmoid(struct builtin_call *c);
struct item run_gelu_erf(struct builtin_call *c);
struct item run_leaky_relu(struct builtin_call *c);
struct item run_elu(struct builtin_call *c);
struct item run_mish(struct builtin_call *c);
struct item run_hardswish(struct builtin_call *c);
struct item run_groupnorm(struct builtin_call *c);
struct item run_hadamard(struct builtin_call *c);
struct item run_argmax(struct builtin_call *c);
struct item run_top(struct builtin_call *c);

/* What the language calls a function that has this name elsewhere; NULL: nothing is known. */
const char *name_here(const char *elsewhere);

#endif
