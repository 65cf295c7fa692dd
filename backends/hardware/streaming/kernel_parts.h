/* kernel_parts.h: the words of a kernel's module (bits.h) while they are made: what kernel_parts.c and the
 * files that make values share. They follow the files that print the same module line by line. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_KERNEL_PARTS_H
#define TERN_BACKENDS_HARDWARE_STREAMING_KERNEL_PARTS_H

#include "backends/hardware/rtl/bits.h"
#include "backends/hardware/streaming/design.h"

struct kernel_filling {
  const struct hw_design *h;
  struct inv_unit *u;
  const struct hw_unit *k;
  const struct hw_phase *p;
  struct bits *b;
  bit running, on;      /* of the phase */
  bit *valid;           /* by clocks since issue */
  struct word *value;   /* of nodes, when they are made */
  struct word *counter; /* of the kernel's counters */
  struct word i, j, token, data, kept;
  VEC(struct word) shared[SHARED_COUNT][3]; /* of the users: when, and the operand */
  VEC(bit) starts[SHARED_COUNT];
  struct word result[SHARED_COUNT];
};

static const struct word no_word;

/* ---- kernel_parts.c ---- */
int fill_most(int a, int b);
struct word fill_single(struct kernel_filling *f, bit x); /* a word of this bit */

/* ---- value_parts.c: indices ---- */
/* The counter of a loop, or with `lane` the number of the element that it stands for in lane 0. */
struct word fill_counter(struct kernel_filling *f, const struct loop *loop, bool lane);
/* An index of a node or a store in `width` bits, as its phase's counters give it. */
struct word fill_index(struct kernel_filling *f, const struct index *x, int width, bool lane);
struct index *fill_in_phase(const struct kernel_filling *f, const struct index *x); /* index_in_phase */
/* Whether all counters of levels from `first` on are at their last step. */
bit fill_at_last(struct kernel_filling *f, int first);
/* The same some clocks later, through registers. */
struct word fill_later(struct kernel_filling *f, struct word w, int clocks);
bit fill_flag_later(struct kernel_filling *f, bit flag, int clocks);

/* ---- value_parts.c: values ---- */
void fill_node(struct kernel_filling *f, const struct hw_node *n); /* makes its value */
/* A value that is made, at some clock after the issue, extended to a width. */
struct word fill_wide(struct kernel_filling *f, const struct hw_node *n, int time, int width);
/* When what is ready at `time` is registered. */
bit fill_when(const struct kernel_filling *f, int time);
/* As tern_mulshift.v. */
struct word fill_mulshift(struct kernel_filling *f, int64_t times, struct word a, struct word b,
                          struct word e, int bits, int e_least, int e_most, bit enable);
int fill_negative(struct word w); /* 1: it can be, as far as its bits tell */

/* accumulator_parts.c: the accumulator's value; `across` lanes, through a tree. */
struct word fill_accumulator(struct kernel_filling *f, const struct hw_node *n);

#endif
