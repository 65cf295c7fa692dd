/* fuse.h: what the two halves of fuse share: deciding which operators run together (fuse_plan.c), and making
 * kernels of them (fuse.c). The rules are at the head of fuse.c. */
#ifndef TERN_PASSES_FUSE_H
#define TERN_PASSES_FUSE_H

#include "ir/ir.h"

/* Nodes TOGETHER gather in kernels. The others are barriers: they begin when all kernels before them are
 * done. A SCAN is a kernel with what it absorbs; a MATMUL is one alone; a SUM and a REPEAT stand by
 * themselves. */
enum fuse_node_kind { FUSE_TOGETHER, FUSE_SUM, FUSE_MATMUL, FUSE_SCAN, FUSE_REPEAT };

/* An operator of the block that is no leaf. */
struct fuse_node {
  struct op *op;
  enum fuse_node_kind kind;
  int rows;        /* that its kernel's loop goes over: 0: one; d: as many as dimension -d of a call has */
  int level;       /* a node of level L can only need barriers of a lower level */
  int cluster;     /* the scan that it runs in, by number, or -1 */
  bool at_end;     /* yielded or returned */
  VEC(int) from;   /* nodes whose result it uses */
  VEC(int) to;     /* nodes that use its result */
  VEC(int) after;  /* nodes that access a state before it */
  VEC(int) before; /* nodes that access a state after it */
};

typedef VEC(int) fuse_list; /* numbers of nodes */

struct fuse_plan {
  struct arena *arena;
  const struct module *m;
  struct block *block;
  struct op *end; /* the block's last operator */
  int n, levels;
  int row_kinds;           /* more than any node.rows */
  struct fuse_node *nodes; /* in program order */
  int *members;            /* of the kernel of a level and kind of rows: level * row_kinds + rows */
};

/* A leaf costs nothing to make again: it is cloned into each kernel that uses it. */
bool fuse_leaf(const struct value *v);
/* A copy of one computed index, which weights are chosen by: a kernel of its own, before those that use them.
 */
bool fuse_index(const struct op *op);
/* Finds nodes, dependences and levels. In the arena. */
struct fuse_plan *fuse_plan(struct arena *a, const struct module *m, struct block *b);
/* The nodes of each kernel that is no scan's, in program order, at level * row_kinds + rows. In the arena.
 */
fuse_list *fuse_kernels(const struct fuse_plan *s);
/* Whether two nodes run in the same kernel. */
bool fuse_together(const struct fuse_node *u, const struct fuse_node *v);

#endif
