/* raw.h: operators made without a check, for the parser (the verifier checks later) and for clones. */
#ifndef TERN_IR_RAW_H
#define TERN_IR_RAW_H

#include "ir/ir.h"

/* Linked where the builder stands; with an empty body where the operator has one, and no results yet. */
struct op *op_raw(struct builder *b, enum opcode code, int n_in, struct value *const *in,
                  const struct attrs *attr);

#endif
