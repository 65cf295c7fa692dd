/* hw_options.h: what can be chosen of a machine, whichever of the two it becomes. */
#ifndef TERN_BACKENDS_HARDWARE_HW_OPTIONS_H
#define TERN_BACKENDS_HARDWARE_HW_OPTIONS_H

#include "ir/ir.h"

struct hw_options {
  enum storage packing; /* STORE_TILE2: 2 bits a weight; STORE_TILE3: 5 weights a byte; STORE_NONE: 2 bits */
  int lanes;            /* weights a word of the stream; 0: a default for the model's size */
  int vector;           /* elements a clock of the kernels: a power of two, 1 .. 64; 0: a default */
  int sequences;        /* in flight; 0: 1 */
  int topk;             /* best tokens that are put out, with scores; 0: 1 */
  int clock_mhz;        /* the target that reports are made for; 0: 200 */
  int depth;            /* unrolled: operator levels a pipeline stage; 0: 1 */
  bool logits;          /* unrolled: puts out all logits instead of the best token and its score */
  bool multiplier_blocks; /* unrolled: products for blocks of multipliers instead of adders */
};

#endif
