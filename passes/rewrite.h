/* rewrite.h: small questions and rewritings that several passes share. */
#ifndef TERN_PASSES_REWRITE_H
#define TERN_PASSES_REWRITE_H

#include "ir/ir.h"

/* True when op is not NULL and has this code. */
bool op_is(const struct op *op, enum opcode code);
/* v is a `const` (of any shape); *value: its number. */
bool value_const(const struct value *v, double *value);
int type_last(struct type t); /* the last axis */

/* `op` goes away, and everywhere in `root` (a function's body) `v` stands for its one result. Walks all of
 * root: for passes that replace little. */
void replace_op(struct block *root, struct op *op, struct value *v);
/* The same for a pass that walks operators in order and may replace each: `op` goes away at once, and a later
 * operator uses `v` from when the pass calls use_forwarded on it, before it looks at its operands; all that
 * are left do with settle_forwarded. */
void forward_op(struct op *op, struct value *v);
void use_forwarded(struct op *op);
void settle_forwarded(struct block *root);

/* W[m, n] x[..., n] as mul, sum and reshape, for matrices that are computed: the same numbers as `matmul`
 * on float32 (docs/numerics.md). w may have a leading axis that x has too. Poisoned when x has no axis to
 * spare. */
struct value *expand_product(struct builder *b, struct value *w, struct value *x);

/* Whether op, or an operator in its body, has v as an operand. */
bool op_uses(const struct op *op, const struct value *v);
/* Whether two reads or writes must keep their order: one of them writes, and they may mean the same instance.
 */
bool states_conflict(const struct op *a, const struct op *b);

/* Neither makes an element of other elements than those at its place, moved ones counted as there. */
bool op_elementwise(const struct op *op);
bool kernel_elementwise(const struct op *kernel); /* all operators in it */

/* A kernel at the builder that does nothing but copy v; its result. */
struct value *copy_kernel(struct builder *b, struct value *v, const char *name);
/* "FUNC.kN", N the number of kernels that FUNC has, or more where that name is taken. */
const char *kernel_name(struct module *m, const struct func *f);
/* Names them all FUNC.k0, FUNC.k1, ... in the order in which they run. */
void name_kernels(struct module *m, struct func *f);

#endif
