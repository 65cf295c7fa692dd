/* emit.h: what the files that print C share. */
#ifndef TERN_BACKENDS_C_EMIT_H
#define TERN_BACKENDS_C_EMIT_H

#include "backends/loops/facts.h"
#include "support/escape.h"

struct printer {
  FILE *out;
  struct arena *arena;
  int indent;
  const struct loops *all;
  /* of the kernel being printed: */
  const struct kernel *kernel;
  VEC(const char *) taken;    /* names of its scope */
  const char **exprs;         /* by id: the name or text that stands for the expression */
  bool *loose;                /* by id: it needs brackets as an operand */
  const char **loops, **accs; /* by id: names */
  VEC(const char *) buffers;  /* in the order of kernel->buffers */
  int *uses;                  /* by id */
  const char *lane;           /* inside a VECTOR loop with accumulators: the lane's index */
};

/* One line, indented. */
void print_line(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- expr.c ---- */
/* A float constant that reads back as the same float. */
const char *float_text(struct arena *a, double value);
/* A name that is free in the kernel, like `hint`. */
const char *fresh_name(struct printer *p, const char *hint);
const char *index_text(struct printer *p, const struct index *i);
const char *place_text(struct printer *p, const struct buffer *b, const struct index *i); /* x[i] */
const char *expr_text(struct printer *p,
                      const struct expr *e); /* the expression itself, from its operands' texts */
bool is_loose(const struct expr *e);         /* its text needs brackets as an operand */
const char *c_type(enum elem elem);
const char *c_format(enum format f);

/* ---- kernel.c ---- */
void print_kernel(FILE *out, const struct loops *l, const struct kernel *k);

/* ---- model.c ---- */
/* The forms and the constant struct tern_model. */
void print_model(FILE *out, const struct loops *l, uint32_t threads);

/* ---- ops.c ---- */
extern const char ops_header[]; /* the text of ops.h */

#endif
