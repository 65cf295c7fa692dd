/* derivative.h: what the files of the pass `differentiate` share.
 *
 *   differentiate.c  the pass: the loss, and going back through a block's operators
 *   head.c           the loss, and back through what makes the logits
 *   adjoints.c       one rule an operator: what its operands' cotangents gain
 *   scans.c          going back through scans
 *   repeats.c        going back through repeats
 *   keep.c           what of a repeat's body is kept for the way back, and what is computed again
 *   keep_graph.c     what it costs to compute it again
 *
 * Reverse mode (Griewank and Walther, Evaluating Derivatives, 2008, chapter 3): the cotangent of a value is
 * the derivative of the loss by it, and has its shape. A block is gone back through from its last operator to
 * its first; each operator adds to the cotangents of its operands. */
#ifndef TERN_PASSES_DERIVATIVE_H
#define TERN_PASSES_DERIVATIVE_H

#include "passes/recompute.h"

/* A value and its cotangent so far. */
struct cotangent {
  const struct value *of;
  struct value *value;
  UT_hash_handle hh;
};

/* A scan that yields what its states were before each token, behind `results` that it had. */
struct yielded {
  const struct op *scan;
  int results;
  UT_hash_handle hh;
};

struct derivative {
  struct module *m;
  struct arena scratch;
  struct recompute recompute;
  struct yielded *yielded;
  int64_t logits;         /* tokens that have logits at a time; 0: LOGITS_DEFAULT (passes/pass.h) */
  int tapes, sums, parts; /* that there are, for their names */
  bool back;              /* the loss is gone back through */
  bool ok;
};

/* One block that is gone back through. */
struct frame {
  struct derivative *d;
  struct builder b; /* where operators go: the end of the block */
  struct cotangent *cotangents;
};

/* The cotangent of v, or NULL while nothing has added to it. */
struct value *cotangent_of(struct frame *f, const struct value *v);
/* Adds to it. `by` may be stretched against v's shape, as the result of an element-wise operator is: it is
 * summed along what was stretched. Nothing is kept for values that are no floats. */
void cotangent_add(struct frame *f, struct value *v, struct value *by);
/* The cotangent, or zeros of v's shape. */
struct value *cotangent_or_zeros(struct frame *f, const struct value *v);
/* The floats 0, 1, ..., n - 1, exact below 2^24, along the first of `rank` axes; the others have length 1. */
struct value *count_up(struct builder *b, int64_t n, int rank);
/* f32 of the value's shape; a quantised value's and a ternary weight's are the same. */
struct type cotangent_type(struct type t);

/* Goes back from `last` to the first operator of its block. */
void go_back(struct frame *f, struct op *last);

/* adjoints.c: what op's operands gain where d is the cotangent of its one result. False: it has no rule. */
bool adjoint(struct frame *f, struct op *op, struct value *d);
/* Back through `append`. */
void go_back_append(struct frame *f, struct op *op);
/* Whether the operator has a rule, or needs none and says why; a test asks for all. */
bool adjoint_known(enum opcode code);

/* The state that sums the derivative by what the operator `weight` names; reads and additions take its
 * indices. */
const char *gradient_of(struct frame *f, const struct op *weight);

/* head.c: the loss in the place of the logits that `fn` returned; `back`: and back through the head, up to
 * `before`. */
struct head {
  struct op *before;  /* the last operator that is still to be gone back through */
  struct value *loss; /* f32[1] */
};
struct head head_loss(struct frame *f, struct func *fn, struct value *logits, bool back);

/* scans.c */
void go_back_scan(struct frame *f, struct op *scan);
/* The scan also yields what each state that it writes was before the token, if it does not yet; the number of
 * results before these. */
int scan_yield_before(struct frame *f, struct op *scan);
/* Before a scan of the block that runs on the sequence's own states, or of a repeat in it: copies these to
 * @start.NAME. */
void scans_keep_start(struct frame *f, struct block *b);
/* Such scans run on @again.NAME instead, begun with @start.NAME. */
void scans_use_again(struct frame *f, struct block *b);
/* Whether the state is one that scans run again on. */
bool state_runs_again(const char *name);

/* repeats.c */
void go_back_repeat(struct frame *f, struct op *repeat);
/* Ends a repeat that carries nothing of its own: it carries the cotangents of values from outside it that its
 * body gained, and adds them to theirs. */
void close_repeat(struct frame *f, struct frame *inner, struct op *repeat);
/* The same as two: one of count / group iterations, in each of which another has `group`. */
void group_repeats(struct derivative *d, struct block *b);
/* A new state for a tape: of values of type t, one for each iteration of the repeat. Its name: @replay.N
 * where that is the inner one of two, else @tape.N. */
const char *tape_new(struct derivative *d, struct type t, const struct op *repeat);

/* An operator of a repeat's body, and the one that computes the same again on the way back. */
struct twin {
  struct op *forward, *again;
};
typedef VEC(struct twin) twin_list;

/* keep.c: keeps values of the body of `repeat`, as the module's choice (recompute.h) has it, in tapes, for
 * its twin in `back`, where they are read. The values are of the smallest exact form that they have: codes
 * and scales of what is quantised. */
void keep_values(struct frame *f, struct op *repeat, struct op *back, const twin_list *twins);

/* The state of that name and of the counts of a repeat nest; added if there is none. */
struct state *state_like(struct module *m, const char *name, struct type t, int n_counts,
                         const int64_t *counts, struct loc at);

#endif
