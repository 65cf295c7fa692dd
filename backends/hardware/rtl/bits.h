/* bits.h: a datapath bit by bit, to know what synthesis leaves of it. Words are made in the order of the
 * Verilog; equal registers and operators are one, constant ones none, and what nothing looks at is not there.
 * bits_put tells the rest as parts: registers in a row of which only the last is looked at as a delay, the
 * others as registers, operators with the bits that are left.
 *
 * A bit of a lane's pipeline stands for that of all lanes: it counts `times`. */
#ifndef TERN_BACKENDS_HARDWARE_RTL_BITS_H
#define TERN_BACKENDS_HARDWARE_RTL_BITS_H

#include "backends/hardware/inventory.h"

typedef int bit;
enum { BIT_0, BIT_1 };
struct word { /* the lowest bit first */
  int n;
  bit *at;
};

/* Which inputs a bit of an operator's result comes of: those of its own place, and of all below it, or all.
 */
enum needs { NEEDS_OWN, NEEDS_BELOW, NEEDS_ALL };

struct bits;
struct bits *bits_new(struct arena *a);

struct word word_const(struct bits *b, int64_t value, int n);
/* Bits that come from somewhere else: ports, memories, what is counted elsewhere. */
struct word word_wires(struct bits *b, int n, int64_t times);
struct word word_cut(struct word w, int low, int n);
struct word word_wide(struct bits *b, struct word w, int n,
                      bool truth); /* truth: zeros above, else the sign */
struct word word_left(struct bits *b, struct word w, int places, int n); /* zeros below, the sign above */
struct word word_right(struct bits *b, struct word w, int places);
bool word_is_const(struct word w);
int64_t word_times(const struct bits *b, struct word w);
/* Without bits on top that are equal to the one below them. */
struct word word_trim(struct word w);

/* Registered at each clock in which `enable` is 1. */
bit bit_reg(struct bits *b, bit d, bit enable, unsigned flags);
struct word word_reg(struct bits *b, struct word w, bit enable);

/* An operator that costs `part`, times `part.count`. Up to two operands of n bits each; `all` is needed for
 * every bit. */
struct word word_op(struct bits *b, struct inv_part part, enum needs needs, int n, struct word x,
                    struct word y, struct word all);
/* Operands of equal width. */
struct word word_add(struct bits *b, int64_t times, struct word x, struct word y, bool subtract);
bit word_less(struct bits *b, int64_t times, struct word x, struct word y);
bit word_equal(struct bits *b, int64_t times, struct word x, struct word y);
struct word word_mux(struct bits *b, int64_t times, bit choice, struct word x, struct word y);
bit bit_and(struct bits *b, bit x, bit y);
/* Saturates, as tern_sat does; as two comparisons with constants. */
struct word word_clamp(struct bits *b, int64_t times, struct word w, int n);
struct word word_fit(struct bits *b, int64_t times, struct word w, int n);
/* By a number of places that varies; to the right the sign comes in. */
struct word word_shift(struct bits *b, int64_t times, struct word w, struct word by, bool right,
                       unsigned flags);
struct word word_mul(struct bits *b, int64_t times, struct word x, struct word y);

/* Somebody looks at it. */
void bits_use(struct bits *b, struct word w);
/* What is looked at, into `u`. */
void bits_put(struct bits *b, struct inv_unit *u);

#endif
