/* recurrence.h: which operators of a block must go token by token. For batch-time. */
#ifndef TERN_PASSES_RECURRENCE_H
#define TERN_PASSES_RECURRENCE_H

#include "ir/ir.h"

/* The operators of a block (its end not among them) in parts, numbered in an order in which they can run. A
 * part is one operator that can take all tokens at once, or operators that form one scan. */
struct parts {
  int n_ops, n;
  struct op **ops; /* in program order */
  int *part;       /* of each operator */
  bool *scan;      /* of each part: it goes token by token */
  bool **needs;    /* needs[p][q]: part p uses a result of part q, directly */
};

/* `alone` says of an operator that it has no form for all tokens at once. In the arena. */
struct parts *find_parts(struct arena *a, const struct block *b, bool (*alone)(const struct op *, void *),
                         void *data);

#endif
