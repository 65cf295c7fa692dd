/* sharing.h: an adder graph while it is searched for: a system of sums with shared terms.
 *
 * A sum is a set of signed terms; a term is an input or a helper, which is a sum itself. The targets are the
 * outputs and the helpers. Ids: inputs, then outputs, then helpers. Every sum is *exact*: the inputs that its
 * terms stand for are disjoint, so that every coefficient is -1, 0 or 1 and a term's inputs are a proper
 * subset of its user's. Nothing else orders the terms of a sum: how they are added is decided at the end
 * (tree.h), and a sum of n terms costs n - 1 adders however that is.
 *
 * Depth. A value of depth d in a binary tree of depth D weighs 2^d; a tree exists when the weights of its
 * leaves are at most 2^D (Kraft). So each sum carries its load, the sum of the weights of its terms; a
 * helper's depth is the logarithm of its load, rounded up; an output's load must not exceed its limit.
 *
 * The dual. Exchanging inputs with outputs and terms with uses turns a system for M into one for the
 * transpose of M with the same helpers; n - 1 adders summed over the targets changes by inputs - outputs
 * only. A search may therefore work on either, and for tall matrices the dual is the better place (search.c).
 * In a dual system depth still runs in the direction of the original: from the users to their terms. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_SHARING_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_SHARING_H

#include "support/arena.h"
#include <stdbool.h>
#include <stdint.h>

/* A signed reference: id and sign. */
typedef uint32_t term;
static inline term term_of(uint32_t id, bool negative) {
  return id << 1 | negative;
}
static inline uint32_t term_id(term t) {
  return t >> 1;
}
static inline bool term_negative(term t) {
  return t & 1;
}

/* Growable and on the heap: lists shrink and grow all the time. */
struct id_list {
  uint32_t *at, n, cap;
};
void list_grow(struct id_list *l);
static inline void list_push(struct id_list *l, uint32_t x) {
  if (l->n == l->cap)
    list_grow(l);
  l->at[l->n++] = x;
}

struct sum {
  struct id_list terms, uses;  /* uses: target and sign, in no order */
  struct id_list inputs;       /* what it is a sum of; in no order */
  uint64_t hash;               /* linear in the coefficients */
  int64_t load;                /* of a target; of a dual system's inputs */
  uint32_t place, chain;       /* in sharing.helpers; next with the same slot of the table */
  uint32_t saved;              /* the change that has saved it */
  uint32_t mark, count, found; /* scratch of pairs.c */
  uint8_t depth;
  bool alive;
};

/* What a change must be able to put back. */
struct saved_sum {
  uint32_t id, n, at; /* terms in sharing.old_terms */
  int64_t load;
  uint8_t depth;
};

struct sharing {
  uint32_t inputs, outputs, first; /* first: of the helpers */
  uint32_t words;                  /* of a mask over the inputs */
  bool dual;
  struct sum *sum;
  uint32_t ids, cap;
  uint64_t *mask;                 /* [cap][2][words]: inputs with coefficient 1, with coefficient -1 */
  const int *arrival, *limit;     /* [inputs], [outputs] of the original: depth levels */
  struct id_list helpers, unused; /* ids alive; ids free to be given again */
  uint32_t *table, table_bits;    /* helpers by value */
  int64_t adders;                 /* sum over targets of terms - 1 */
  uint64_t random;                /* state of the generator */
  uint64_t work;                  /* steps of inner loops so far: the measure of time */

  /* the change at work */
  uint32_t change;
  bool too_deep; /* some limit is exceeded: roll back */
  struct saved_sum *old;
  uint32_t n_old, cap_old;
  struct id_list old_terms;
  struct id_list made, killed;
  struct id_list added; /* pairs (target, id) of terms that came into a target */
};

/* The matrix [inputs][outputs] as sums of inputs. arrival and limit are borrowed. */
void sharing_start(struct sharing *s, const int8_t *matrix, int inputs, int outputs, const int *arrival,
                   const int *limit);
void sharing_free(struct sharing *s);

/* Between begin and commit or roll_back the functions below change the system. */
void sharing_begin(struct sharing *s);
void sharing_commit(struct sharing *s);
void sharing_roll_back(struct sharing *s);

void sharing_add(struct sharing *s, uint32_t target, term t);
void sharing_remove(struct sharing *s, uint32_t target, uint32_t id);
/* A new helper a +- b, used by nobody yet. */
uint32_t sharing_make(struct sharing *s, uint32_t a, uint32_t b, bool minus);
/* The helper whose value is +-(a +- b); 0 (never a helper): none. */
uint32_t sharing_find(const struct sharing *s, uint32_t a, uint32_t b, bool minus);
/* Puts a helper's terms in its place wherever it is used; it is no more. */
void sharing_dissolve(struct sharing *s, uint32_t helper);

/* Index of the term in the target, or -1. */
int sharing_index(const struct sharing *s, uint32_t target, uint32_t id);

/* 1: u's coefficients are among those of t; -1: those of -u; 0: neither. */
int sharing_fits(const struct sharing *s, uint32_t t, uint32_t u);
bool sharing_overlap(const struct sharing *s, uint32_t a, uint32_t b);
bool sharing_inside(const struct sharing *s, uint32_t part, uint32_t whole);

/* Turns the system into its dual and back. */
void sharing_transpose(struct sharing *s);

/* A number below n > 0; the sequence is the same everywhere. */
uint32_t sharing_random(struct sharing *s, uint32_t n);

/* ceil(log2(load)): depth of a tree that carries it. */
static inline int depth_of_load(int64_t load) {
  return load <= 1 ? 0 : 64 - __builtin_clzll((uint64_t)load - 1);
}

static inline struct sum *sum_at(const struct sharing *s, uint32_t id) {
  return &s->sum[id];
}
static inline bool is_helper(const struct sharing *s, uint32_t id) {
  return id >= s->first;
}

#endif
