/* sums.h: the products by constant ternary matrices. */
#ifndef TERN_BACKENDS_VERILOG_UNROLLED_SUMS_H
#define TERN_BACKENDS_VERILOG_UNROLLED_SUMS_H

#include "backends/verilog/unrolled/netlist.h"

/* sum[r] = the sum of w[r * columns + i] * x[i] over i, w of -1, 0, 1: additions and subtractions only,
 * partial sums shared between the rows, zeros left out. */
void net_ternary_sums(struct netlist *n, const int8_t *w, int64_t rows, int64_t columns, const ref *x,
                      ref *sum);

#endif
