/* lower.h: what the files that lower one kernel share.
 *
 *   expand.c   the kernel's body in simple operators: MAP, MOVE, reductions, cumsum, scan, reads and writes
 *   roots.c    which values get loops and buffers of their own (roots); the rest is computed where it is used
 *   pull.c     a value's element at an index: pulls the operands' elements, back to loads and roots
 *   emit.c     blocks of statements under construction, the innermost loop level that an expression needs
 *   nest.c     which roots share loops, and the loops
 *   clean.c    drops what nothing uses
 *   rows.c     arrays of its own of which a thread needs one row
 *   share.c    what the threads of a team do in the kernel
 *   buffers.c  where values, weights and states lie
 *   barriers.c where threads meet between kernels
 *   lower.c    schedules, sums
 *   entry.c    entries and their ports */
#ifndef TERN_BACKENDS_LOWER_H
#define TERN_BACKENDS_LOWER_H

#include "backends/lower/index.h"
#include "ir/policy.h"
#include "support/names.h"

/* An element of a value that is at hand in a block. */
struct known_element {
  int n; /* axes that count: a constant is the same everywhere */
  struct index *const *at;
  struct expr *expr;
  struct known_element *next;
};

/* All of a value's, the oldest first. */
struct known_value {
  const struct value *value;
  struct known_element *first, **end;
  UT_hash_handle hh;
};

/* A block of statements under construction: of the kernel, or of a loop that is still open. Stores wait until
 * its end: they stand after all loads of old contents. */
struct scope {
  struct scope *outer;
  int level; /* 0: the kernel's */
  struct loop *loop;
  bool rows; /* a loop over rows, or the kernel: loops may follow one another in it */
  struct stmt *first, **end;
  struct stmt *stores, **stores_end;
  struct known_value *known; /* by value */
};

enum root_kind { ROOT_MAP, ROOT_REDUCE, ROOT_CUMSUM, ROOT_FOLD };

/* A row of a history or window. */
struct append {
  struct buffer *buffer; /* all rows */
  int64_t dim;           /* of the past */
  struct index *extra;   /* as of buffer_of_symbol */
  int64_t row;           /* elements */
};

/* A value with loops of its own. It is stored to `targets`; who needs it in another loop loads it from
 * targets[0]. Axes of length 1 have no loop; the last loop of a ROOT_REDUCE is the reduced axis (the last), a
 * ROOT_CUMSUM's running axis is not among its axes. A ROOT_FOLD reduces a past, and its target holds the
 * results so far: its loop over the past is the second, or that after the tokens' where the result has one
 * axis (fold). A root of a scan's body has the tokens as its axis 0. */
struct root {
  struct value *value;
  enum root_kind kind;
  bool copy; /* stores a leaf's elements elsewhere: nobody looks here for the leaf */
  struct op *scan;
  struct loc at;
  int n_axes;
  int axis[MAX_RANK + 1];       /* of the value; -1: the scan's tokens, or the past of a ROOT_FOLD */
  int rows;                     /* ROOT_FOLD: of the past, that an iteration adds; 1 but in nest.c */
  int fold;                     /* ROOT_FOLD: the number of its loop over the past */
  int64_t extent[MAX_RANK + 1]; /* a dimension, as types have it */
  VEC(struct buffer *) targets;
  VEC(struct append) appends; /* rows of pasts that it is stored to as well, */
  VEC(struct append) sums;    /* and that it is added to, as what a token sees of them */
  struct buffer *state;       /* that of `targets` which a state lies in, or NULL */
  int written_at;             /* state: number of values defined before the write */
  /* nest.c: */
  struct index *at_index[MAX_RANK + 1]; /* its loops' variables */
  int group[MAX_RANK + 2];              /* on each level, which group of loops it is in */
  int depth;                            /* levels of groups */
};

/* Root `from` needs `to` to be done first: to use what it computes, or to overwrite what it reads. aligned:
 * on how many leading axes the two meet at the very same indices. */
struct access {
  struct root *from, *to;
  int aligned;
  const struct value *read; /* what it reads is a state's old content; else NULL */
};

struct value_plan { /* of the value with this id */
  struct root *root;
  int cost;    /* of an element, in additions */
  int uses;    /* how often each element would be computed: 0, 1, or more */
  bool stored; /* in a result or a state */
  bool copied; /* a read in kernel_lowering.saved */
};

struct made_kernel { /* the kernel that an operator became */
  const struct op *op;
  const struct kernel *kernel;
  UT_hash_handle hh;
};

struct kernel_lowering { /* one kernel under way */
  struct arena *a;
  const struct module *m;
  const struct policy *policy;
  struct diag *d;
  struct kernel *kernel;
  const struct op *op; /* the kernel operator */
  struct block *body;  /* expanded; its arguments are the captured values */
  struct value **captured;
  struct names names;    /* of its buffers */
  struct placed *placed; /* buffers.c: its buffers by place */
  VEC(int) saved;        /* ids of reads whose content is kept before it is overwritten */
  int n_values;
  struct value_plan *nodes;
  VEC(struct root *) roots;
  VEC(struct access) accesses;
  struct scope *scope;
  VEC(int) levels;        /* by expr id: the level of the scope that it stands in */
  struct index *row;      /* the token whose computed index chooses a weight */
  struct index *token;    /* the iteration of the scan whose body is being pulled */
  struct value positions; /* u32 of each token: stands for those that are at hand */
  struct value sequences; /* u32[B], of the port PORT_ROWS: stands for its elements that are at hand */
  bool tokens_shared;     /* threads share the tokens of a scan */
  struct root *probing;   /* set: nothing is kept, accesses are noted */
  const struct value *repeat[MAX_REPEATS]; /* index values of the repeats around */
  const struct made_kernel *made;          /* the kernels lowered so far, by operator */
  int64_t scratch; /* bytes that are planned; arrays of the kernel's own lie behind them */
  int64_t local;   /* bytes of those */
  int64_t own;     /* of a thread's own memory, bytes to the end of what the kernel has there */
  bool failed;
};

/* ---- expand.c ---- */
/* A copy of a kernel's body. Its arguments stand for captured[]. NULL after a diagnostic. */
struct block *expand_kernel(struct arena *a, const struct module *m, const struct op *kernel,
                            struct value ***captured);

/* ---- entry.c ---- */
/* With its ports; nothing is lowered yet. The function must end in `return`. */
struct entry *entry_new(struct arena *a, const struct module *m, const struct func *f, int number);
/* u32 of each token of a call: of T, of B, or one. */
struct type positions_type(const struct entry *e);
/* The port of the numbers of the sequences. */
int port_of_rows(const struct entry *e);

/* ---- buffers.c ---- */
struct buffer *buffer_add(struct kernel_lowering *u, enum buffer_base base, enum elem elem, int64_t offset,
                          int64_t elements, const char *name);
/* By the value's planned place. */
struct buffer *buffer_of_value(struct kernel_lowering *u, const struct value *v);
/* The numbers of the sequences of a call, u32[B]. */
struct buffer *buffer_of_rows(struct kernel_lowering *u, struct type t);
/* A weight's numbers, its scales, or a state: of the symbol operator op, whose index operands begin at
 * `first`. *extra: element index that depends on indices known only at run time, or NULL. */
struct buffer *buffer_of_symbol(struct kernel_lowering *u, const struct op *op, int first,
                                struct index **extra);
/* An array of the kernel's own. */
struct buffer *buffer_local(struct kernel_lowering *u, enum elem elem, int64_t elements, const char *name);
bool buffer_is_local(const struct kernel_lowering *u, const struct buffer *b);
/* What a weight's path says, in short. */
const char *weight_name(struct arena *a, const struct weight *w);
/* Letters, digits and underscores of a text: a name in C. */
const char *identifier(struct arena *a, const char *text);

/* ---- roots.c ---- */
/* Numbers values, decides on roots, gives them their buffers. */
void find_roots(struct kernel_lowering *u);
bool is_leaf(const struct value *v);
bool last_axis_reduction(const struct op *op);

/* ---- emit.c ---- */
struct scope *scope_open(struct kernel_lowering *u, struct loop *loop, bool rows);
struct stmt *
scope_close(struct kernel_lowering *u); /* the statements; the scope outside it is current again */
struct loop *loop_new(struct kernel_lowering *u, enum loop_kind kind, int64_t extent, const char *name);
/* Closes the loop's scope and appends the loop outside it. */
void loop_close(struct kernel_lowering *u, struct loop *loop, struct loc at);
/* The outermost level where all that the index is made of is there. */
int index_level(const struct kernel_lowering *u, const struct index *i);
/* The innermost level that is a loop over rows. */
int rows_level(const struct kernel_lowering *u);
struct expr *expr_new(struct kernel_lowering *u, enum expr_kind kind, enum elem elem, struct loc at);
struct expr *put(struct kernel_lowering *u, struct expr *e,
                 int level); /* LET at the end of that level's block */
struct expr *put_load(struct kernel_lowering *u, struct buffer *b, struct index *at, enum elem elem,
                      struct loc loc);
void put_store(struct kernel_lowering *u, struct buffer *b, struct index *at, struct expr *e, struct loc loc);
struct accumulator *put_accumulate(struct kernel_lowering *u, struct loop *loop, enum opcode how,
                                   struct expr *e, struct loc at);
struct expr *put_accumulated(struct kernel_lowering *u, struct accumulator *acc, int level, struct loc at);
/* The row-major number of an element. */
struct index *linear_index(struct arena *a, struct type t, struct index *const *at);
/* Where the element is in the buffer: there, or in the state of the sequence that at[0] is of. */
struct index *place_index(struct kernel_lowering *u, const struct buffer *b, struct type t,
                          struct index *const *at);

/* ---- pull.c ---- */
/* The element of v at `at`, an index for each of its axes, computed in the current scope or outside of it. */
struct expr *pull(struct kernel_lowering *u, struct value *v, struct index *const *at);
/* The number of the sequence that token `at` of the batch is of. */
struct index *sequence_number(struct kernel_lowering *u, struct index *at);
/* The number of token `at` (NULL: the only one) in its sequence. */
struct index *token_position(struct kernel_lowering *u, struct index *at);
/* How many rows of a past the token at hand sees, and which of the buffer is the first. */
struct index *past_count(struct kernel_lowering *u, int64_t dim);
struct index *past_first(struct kernel_lowering *u, int64_t dim);
/* What a root computes: its value, by its operator. */
struct expr *pull_root(struct kernel_lowering *u, struct root *r, struct index *const *at);
/* From here to the end of that level's block the element is at hand. */
void remember(struct kernel_lowering *u, const struct value *v, struct index *const *at, struct expr *e,
              int level);

/* ---- nest.c ---- */
/* All loops of the kernel; false: kernel_lowering.saved has grown, and all is to be done again. */
bool make_loops(struct kernel_lowering *u);

/* ---- clean.c ---- */
void clean_kernel(struct kernel_lowering *u);

/* ---- rows.c ---- */
/* Gives threads rows of their own, at own_at and behind it, where that is enough; places what is left. */
void own_rows(struct kernel_lowering *u, int64_t own_at);

/* ---- share.c ---- */
/* What repeats carry on and the function returns: each thread's copy of it would not do. */
struct value_map kept_values(struct arena *a, const struct func *f);
/* What threads do in the kernel: marks the loops that they share, moves what each computes for itself to
 * BASE_OWN. `f`: the function that it stands in; `kept`: its kept_values. */
void share_kernel(struct kernel_lowering *u, const struct func *f, const struct value_map *kept);
/* When all kernels of the form are there: how its sums are shared, so that as many kernels as can be find
 * their elements with the thread that summed them. */
void share_sums(const struct loops *l, const struct entry *e);
/* Whether both have the same elements at the same places, in every iteration. */
bool same_buffer(const struct buffer *x, const struct buffer *y);
/* Bytes of weights that one call loads. */
uint64_t loaded_weights(const struct kernel *k);

/* ---- barriers.c ---- */
/* Sets and counts the form's barriers. `kernels`: how many there are in all. */
void place_barriers(struct entry *e, int kernels);

/* ---- products.c: calls of runtime/kernels ------------------------------------------------------- */

/* Fills in u->kernel, a KERNEL_CALL, for an operator that is a product of a backward pass. */
void lower_product(struct kernel_lowering *u, const struct op *op);
/* The two steps by which a ternary weight is defined anew, one kernel each. */
void lower_define_sums(struct kernel_lowering *u, const struct op *define);
void lower_define_codes(struct kernel_lowering *u, const struct op *define);
/* Number of vectors in x[..., n]. */
struct index *rows_before_last(struct arena *a, struct type x);

#endif
