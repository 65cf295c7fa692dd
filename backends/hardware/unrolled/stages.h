/* stages.h: which pipeline stage computes which node, and which registers lie between.
 *
 * A token enters at stage 0 and moves on by a stage a clock, so that the pipeline takes a token each clock. A
 * stage has at most `depth` logic levels (net_delay). A node that is used k stages later than it is computed
 * is delayed by k registers, once for all its users, each register as wide as the bits that are used from
 * there on.
 *
 * Recurrence: a state's element is read in stage a and its successor computed in stage b >= a. The next token
 * of the same sequence must be in stage a when the successor arrives there, so it enters C = b - a + 1 clocks
 * later or more; C is the largest over all states, and C sequences take turns: clock t belongs to sequence t
 * mod C. States with shorter loops are delayed by more registers. A bubble carries the old state on. */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_STAGES_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_STAGES_H

#include "backends/hardware/unrolled/netlist.h"

/* Which bits of a node: bit i of the mask is bit i of the node. */
typedef uint64_t net_mask;
int net_mask_low(net_mask m); /* m is not 0 */
int net_mask_high(net_mask m);
int net_mask_count(net_mask m);
bool net_mask_has_holes(net_mask m);

struct net_delays {    /* of one node */
  net_mask used;       /* bits that anything uses, now or later */
  VEC(net_mask) after; /* after.at[k - 1]: bits that are used after k registers or more */
};

struct schedule {
  int depth;
  int interleave;            /* C */
  int latency;               /* clocks from a token in stage 0 to its results in the output registers */
  struct net_delays *delays; /* by node */
  int64_t registers;         /* bits, all delays */
};

/* Marks what is live and gives every live node a stage. depth >= 1. */
void net_schedule_make(struct netlist *n, int depth, struct schedule *s);

/* An operand as bits of a register: its root, and by how many registers it is delayed for a user in `stage`.
 */
ref net_root(const struct netlist *n, ref r);
/* Bits of the root that a user needs of an operand, `width` the bits of the operand that it looks at. */
net_mask net_root_bits(const struct netlist *n, ref operand, int width);
/* How many bits of operand i a node looks at. */
int net_operand_width(const struct netlist *n, ref user, int i);
/* The stage in which a state's successor has to arrive: a + C. */
int net_schedule_arrival(const struct netlist *n, const struct schedule *s, int state);

#endif
