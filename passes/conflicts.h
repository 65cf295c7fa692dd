/* conflicts.h: which operators of a block must keep their order because they access one state. */
#ifndef TERN_PASSES_CONFLICTS_H
#define TERN_PASSES_CONFLICTS_H

#include "ir/ir.h"

/* Calls pair(data, i, j), i < j, for every read or write in ops[i] and every one in ops[j] (the operators or
 * what stands in their bodies) of which states_conflict says that they must keep their order. ops[n] are in
 * program order. Takes time for each pair of accesses to one state, not for each pair of operators. */
void each_conflict(struct arena *a, int n, struct op *const *ops, void (*pair)(void *data, int i, int j),
                   void *data);

#endif
