/* pairs.h: two terms that stand together in several sums become a helper.
 *
 * A pair is terms a and b with equal signs or opposite ones. In n targets it can be replaced by one term: the
 * gain is n - 1 adders, or n when a helper of that value exists. Pairs with a gain lie in buckets by gain;
 * gains only fall while others are extracted, so a pair is looked at again when it comes out on top. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_PAIRS_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_PAIRS_H

#include "backends/hardware/adder_graph/sharing.h"

enum { PAIR_GAINS = 1024 }; /* greater gains share the last bucket */

struct pair {
  uint32_t a, b;
  bool minus;
};

struct pairs {
  struct pair_bucket {
    struct pair *at;
    uint32_t n, cap;
  } bucket[PAIR_GAINS];
  uint32_t top;    /* no higher bucket has a pair */
  uint32_t sample; /* so many of the best are compared: the one whose terms have the fewest uses is taken */
  uint32_t stamp;  /* of sum.mark */
  struct id_list touched; /* scratch */
  struct id_list where;   /* targets of the pair looked at, and the sign of a there */
};

void pairs_start(struct pairs *p);
void pairs_free(struct pairs *p);

/* Notes all pairs with a gain: those of every input, or those that the added terms of the change make. */
void pairs_note_all(struct pairs *p, struct sharing *s);
void pairs_note_added(struct pairs *p, struct sharing *s);
/* Extracts the pair with the greatest gain until none is left, noting new ones. */
void pairs_extract(struct pairs *p, struct sharing *s);
/* Drops what is noted. */
void pairs_forget(struct pairs *p);

#endif
