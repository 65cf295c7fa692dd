/* columns.h: columns as differences to other columns. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_COLUMNS_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_COLUMNS_H

#include "support/arena.h"
#include <stdbool.h>
#include <stdint.h>

/* column j = matrix[.][j], or +-column parent[j] + matrix[.][j]. */
struct columns {
  int8_t *matrix;  /* [inputs][outputs], ternary again */
  int *parent;     /* -1: none */
  bool *negative;  /* of the parent */
  int *order;      /* [outputs], parents first */
  int *limit;      /* depth that matrix[.][j] must keep */
  int differences; /* columns with a parent */
};

/* The columns as they are. */
struct columns columns_plain(struct arena *a, const int8_t *matrix, int outputs, int depth);

/* A minimum spanning tree over the columns and zero: a column hangs on another, or on its negative, when that
 * leaves clearly fewer coefficients and none of +-2 (Prim; da4ml's first stage). The tree is as high as
 * `depth` allows. differences == 0: there is nothing to win, or the matrix is too large to look. */
struct columns columns_differences(struct arena *a, const int8_t *matrix, int inputs, int outputs,
                                   const int *arrival, int depth);

#endif
