/* sums.c: rows of a matrix as trees in the same order, so that equal partial sums are the same node. */
#include "backends/verilog/unrolled/sums.h"

#include <stdlib.h>

bool net_ternary_sums(struct netlist *n, struct diag *d, const int8_t *w, int64_t rows, int64_t columns,
                      const ref *x, ref *sum) {
  (void)d;
  struct net_term *term = xmalloc(sizeof *term * (size_t)(columns + 1));
  for (int64_t r = 0; r < rows; r++) {
    int count = 0;
    for (int64_t i = 0; i < columns; i++)
      if (w[r * columns + i])
        term[count++] = (struct net_term){x[i], w[r * columns + i] < 0, 0};
    sum[r] = net_sum(n, term, count);
  }
  free(term);
  return true;
}
