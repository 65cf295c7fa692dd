/* fuse.h: what the two halves of fuse share: deciding which operators run together (fuse_plan.c), and making
 * kernels of them (fuse.c). The rules are at the head of fuse.c. */
#ifndef TERN_PASSES_FUSE_H
#define TERN_PASSES_FUSE_H

#include "ir/ir.h"

/* FUSED units gather in kernels. The others are barriers: they begin when all kernels before them are done. A
 * SCAN is a kernel with what it absorbs; a MATMUL is one alone; a SUM and a REPEAT stand by themselves. */
enum unit_kind { UNIT_FUSED, UNIT_SUM, UNIT_MATMUL, UNIT_SCAN, UNIT_REPEAT };

/* An operator of the block that is no leaf. */
struct unit {
  struct op *op;
  enum unit_kind kind;
  int rows;        /* that its kernel's loop goes over: 0: one; d: as many as dimension -d of a call has */
  int level;       /* a unit of level L can only need barriers of a lower level */
  int cluster;     /* the scan that it runs in, by number, or -1 */
  bool at_end;     /* yielded or returned */
  VEC(int) from;   /* units whose result it uses */
  VEC(int) to;     /* units that use its result */
  VEC(int) after;  /* units that access a state before it */
  VEC(int) before; /* units that access a state after it */
};

typedef VEC(int) unit_list; /* numbers of units */

struct schedule {
  struct arena *arena;
  struct block *block;
  struct op *end; /* the block's last operator */
  int n, levels;
  int row_kinds;      /* more than any unit.rows */
  struct unit *units; /* in program order */
  int *members;       /* of the kernel of a level and kind of rows: level * row_kinds + rows */
};

/* A leaf costs nothing to make again: it is cloned into each kernel that uses it. */
bool fuse_leaf(const struct value *v);
/* Finds units, dependences and levels. In the arena. */
struct schedule *fuse_plan(struct arena *a, struct block *b);
/* The units of each kernel that is no scan's, in program order, at level * row_kinds + rows. In the arena.
 */
unit_list *fuse_kernels(const struct schedule *s);
/* Whether two units run in the same kernel. */
bool fuse_together(const struct unit *u, const struct unit *v);

#endif
