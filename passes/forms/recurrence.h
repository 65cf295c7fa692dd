/* recurrence.h: which operators of a block must go token by token. For batch-time. */
#ifndef TERN_PASSES_RECURRENCE_H
#define TERN_PASSES_RECURRENCE_H

#include "passes/forms/varying.h"

/* One operator that can take all tokens at once, or operators that form one scan. */
struct component {
  VEC(struct op *) ops; /* in program order; op->id is the place among all of the block */
  bool scan;            /* it goes token by token */
  VEC(int) needs;       /* parts whose results it uses directly, some more than once */
};

/* The operators of a block (its end not among them) in parts, in an order in which they can run. */
struct parts {
  int n;
  struct component *at;
};

/* Whether the operator takes or makes what is as long as a past. */
bool has_past(const struct module *m, const struct op *op);
/* `alone` says of an operator that it has no form for all tokens at once. Of sequences, no token of a call
 * needs another's state: no state makes a part. In b->scratch. */
struct parts *find_parts(struct batching *b, const struct block *from,
                         bool (*alone)(const struct op *, void *batching));

#endif
