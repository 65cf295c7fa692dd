/* search.h: fewer adders for the same sums. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_SEARCH_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_SEARCH_H

#include "backends/hardware/adder_graph/pairs.h"
#include "backends/hardware/adder_graph/tree.h"

/* Greedy: common pairs, best first, until none is left. */
void search_greedy(struct sharing *s);

/* Annealing from there, for about `budget` steps (sharing.work) in all. lo, hi: intervals of the original's
 * inputs. The system is no dual before and after. */
void search_anneal(struct sharing *s, uint64_t budget, const int64_t *lo, const int64_t *hi);

/* The steps that an effort allows, less those taken so far. */
uint64_t search_budget(const struct sharing *s, int effort);

/* The term as a leaf of a tree; `value` is its id. Not of a dual system. */
struct leaf search_leaf(const struct sharing *s, term t, const int64_t *lo, const int64_t *hi);

#endif
