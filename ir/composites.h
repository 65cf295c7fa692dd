/* composites.h: operators that are made of others.
 *
 * A composite is one operator in a module, so that passes can look for it by name, and has a body of other
 * operators (composites.c), which is its one definition: the interpreter runs the body, range analysis and
 * fixed-point go through it where they have nothing better, back ends get it in place of the operator. Every
 * float operator of a body is rounded once, in the order that docs/numerics.md states.
 *
 * A new one needs a row in ops.def with the flag COMPOSITE, a body in composites.c, and its documents. */
#ifndef TERN_IR_COMPOSITES_H
#define TERN_IR_COMPOSITES_H

#include "ir/ir.h"
#include "runtime/kernels/ternarize.h" /* TERN_LEAST_MAGNITUDE, which quantize and its ranges know */

/* What stands for a composite's result. Of a quantised one `value` has the codes (i8 or i16) and `scale` what
 * they are divided by (f32, broadcasts against the codes); scale is NULL elsewhere. */
struct composite {
  struct value *value, *scale;
};

/* Makes the body of op, a composite, at the builder, of primitive operators only. in[]: what stands for op's
 * operands, of the same types. */
struct composite composite_build(struct builder *b, const struct op *op, struct value *const *in);
/* The same by one step: composites that the body names stay operators, for those who know them by name. */
struct composite composite_step(struct builder *b, const struct op *op, struct value *const *in);
/* Whether composites.c has a body for the operator. */
bool composite_known(enum opcode code);

#endif
