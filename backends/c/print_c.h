/* print_c.h: what the files that print C share. */
#ifndef TERN_BACKENDS_C_PRINT_C_H
#define TERN_BACKENDS_C_PRINT_C_H

#include "backends/lower/describe.h"
#include "backends/lower/facts.h"
#include "support/escape.h"
#include "support/names.h"

struct c_printer {
  FILE *out;
  struct arena *arena;
  int indent;
  const struct loops *all;
  /* of the kernel being printed: */
  const struct kernel *kernel;
  struct names taken;         /* names of its scope */
  const char **exprs;         /* by id: the name or text that stands for the expression */
  bool *loose;                /* by id: it needs brackets as an operand */
  const char **loops, **accs; /* by id: names */
  VEC(const char *) buffers;  /* in the order of kernel->buffers */
  int *uses;                  /* by id */
  const char *lane;           /* inside a VECTOR loop with accumulators: the lane's index */
  /* C for chips: the expression that is the weights' address; no threads, int32_t indices, and no conversion
   * that loses bits without a cast. NULL: C for runtime/model.h. */
  const char *weights;
};

/* One line, indented. */
void print_line(struct c_printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- expr.c ---- */
/* A float constant that reads back as the same float. */
const char *float_text(struct arena *a, double value);
/* A name that is free in the kernel, like `hint`. */
const char *fresh_name(struct c_printer *p, const char *hint);
const char *index_text(struct c_printer *p, const struct index *i);
const char *place_text(struct c_printer *p, const struct buffer *b, const struct index *i); /* x[i] */
const char *expr_text(struct c_printer *p,
                      const struct expr *e); /* the expression itself, from its operands' texts */
bool is_loose(const struct expr *e);         /* its text needs brackets as an operand */
const char *c_type(enum elem elem);
const char *c_format(enum memory_format f);

/* Whether the accumulator has lanes: sums of integers for chips do without, they come to the same in any
 * order. */
bool has_lanes(const struct c_printer *p, const struct accumulator *acc);
/* What indices are computed in. */
const char *index_type(const struct c_printer *p);
/* Of the size of a dimension of the call: "N0_T". */
const char *size_name(struct c_printer *p, int64_t dim);

/* ---- kernel.c ---- */
/* In C for chips: the parameters of the kernel's function that it needs, or what is given for them. */
const char *kernel_parameters(struct c_printer *p, const struct kernel *k);
const char *kernel_arguments(struct c_printer *p, const struct kernel *k, int depth);
/* `weights`: as in struct c_printer. */
void print_kernel(FILE *out, const struct loops *l, const struct kernel *k, const char *weights);

/* ---- c.c ---- */
/* The tables of the model's curves. */
void print_curves(FILE *out, const struct loops *l);

/* ---- model.c ---- */
/* The entries and the constant struct tern_model. */
void print_model(FILE *out, const struct loops *l, uint32_t threads);

/* ---- ops.c ---- */
/* The text of ops.h: what stands before the operators (of libm, for one), and the operators themselves, a
 * paragraph each. */
extern const char ops_head[], ops_operators[], ops_tail[];

/* Whether a sum of a model for a chip goes by tables of partial sums (runtime/kernels/bare.h). */
bool sum_takes_tables(const struct kernel *k);

#endif
