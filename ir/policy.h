/* policy.h: how a model is laid out in memory, and how its work is shared, on the kind of machine that code
 * is made for. The passes `spread` and `plan-memory`, the verifier and the lowering to loops follow a policy,
 * and have no such numbers of their own. policies.def has the policies that there are. */
#ifndef TERN_IR_POLICY_H
#define TERN_IR_POLICY_H

#include "ir/ir.h"

struct policy {
  const char *name, *help;
  /* ---- memory ---- */
  int align;            /* bytes that weights, states and buffers begin at a multiple of */
  enum storage packing; /* of all ternary weights, where nobody asks; STORE_NONE: by plan-memory's rule */
  bool in_turn; /* kernels run one after another, so that buffers of one may lie where the next ones' lie */
  /* ---- the team ---- */
  bool team;           /* threads run an entry together; if not, one does, and what follows means nothing */
  int grain;           /* iterations of a vector loop, and rows of a sum, are shared in multiples of this */
  int64_t least_work;  /* innermost iterations: below it, handing work to others takes longer than doing it */
  int64_t scan_tokens; /* so many tokens a scan is taken to go over */
  int64_t least_vector; /* elements: a shorter vector between two sums is not worth sharing */
  int64_t
      most_parts; /* of a sum: shares of each part are rounded, so that many parts would burden one thread */
};

#define POLICY(identifier, ...) extern const struct policy policy_##identifier;
#include "ir/policies.def"

#endif
