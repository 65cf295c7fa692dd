/* recompute.h: what a backward pass keeps of the forward pass, and what it computes again.
 *
 * Going back through a repeat wants values of each iteration. Each is kept on a tape, as long as a call, or
 * computed again from what is kept, which costs operations; in float32 the bits are the same either way. With
 * products as the only operators that cost anything to speak of, the question is which of their results to
 * keep: a knapsack, whose items have bytes a token and operations. Chen et al. 2016, arXiv 1604.06174, group
 * layers; Jain et al. 2020, arXiv 1910.02653, choose by cost, as here. */
#ifndef TERN_PASSES_RECOMPUTE_H
#define TERN_PASSES_RECOMPUTE_H

#include "ir/ir.h"

/* All zero: the start of each iteration is kept, and nothing else. */
struct recompute {
  bool nothing; /* all that the way back reads is kept */
  bool codes; /* of each iteration, beside its start, the codes and scales of what is quantised: the inputs of
               * ternary products */
  /* Otherwise: the least share of a body's products, by operations, that are not computed again: 0 .. 1. Of
   * what can be kept for that the fewest bytes are; all else is computed again. */
  double products;
  /* Iterations of a repeat that keep one start together; the values kept beside it then last only while the
   * group is gone back through. 0, 1: each has its own. Where it does not divide the count each has its own
   * too, and nothing is kept beside it. */
  int64_t group;
};

/* The named choices:
 *
 *   none         nothing is computed again
 *   codes        all is but what is quantised: the inputs of ternary products, as int8 codes and scales
 *   elementwise  element-wise operators, norms and scans are, and at most half of the products' operations
 *   layer        all of a layer is, two at a time: every second layer's start is kept */
/* "none", "codes", "elementwise" or "layer". */
bool recompute_parse(const char *name, struct recompute *r);

#endif
