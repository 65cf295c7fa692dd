/* varying.h: what batch-time knows of the values of step: which depend on the token, who uses them and who
 * writes which state. */
#ifndef TERN_PASSES_VARYING_H
#define TERN_PASSES_VARYING_H

#include "ir/ir.h"

/* What a value of step became. */
struct batched {
  bool varies;         /* it depends on the token, so it has a leading axis */
  struct value *value; /* in the new form */
  struct value *tail;  /* its last K tokens, once somebody wanted them */
  VEC(const struct op *) users;
};

/* The operators of step that write a state. */
struct writes {
  const char *symbol;
  VEC(const struct op *) list;
  UT_hash_handle hh;
};

struct batching {
  struct module *m;
  struct arena scratch;
  VEC(struct batched) made; /* of the value with that id */
  struct writes *writes;    /* by symbol */
  const char *form;         /* the name of the function that is made */
  bool sequences;           /* `batch` is made, not `prefill` */
  bool whole;               /* of one sequence, and every token's result is wanted: no tail */
  bool changed, possible;
  const struct op *stuck; /* what has no place in the form, once it is known to be impossible; NULL: any */
};

struct batched *batch_made(const struct batching *b, const struct value *v);
bool batch_varies(const struct batching *b, const struct value *v);
/* Whether an operator of step writes what `read` reads of a state. */
bool batch_is_written(const struct batching *b, const struct op *read);
/* Whether iterations of the repeat hand a state to each other, which the next token's begin with: its tokens
 * go through all of it one after another. */
bool batch_is_serial(const struct batching *b, const struct op *repeat);
/* Fills `made` and `writes`, for all values and operators of step. */
void batch_find_varying(struct batching *b, struct func *step);

#endif
