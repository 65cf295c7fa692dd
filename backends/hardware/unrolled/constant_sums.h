/* constant_sums.h: the products by constant ternary matrices. */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_CONSTANT_SUMS_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_CONSTANT_SUMS_H

#include "backends/hardware/unrolled/netlist.h"
#include "support/diag.h"

/* sum[r] = the sum of w[r * columns + i] * x[i] over i, w of -1, 0, 1: additions and subtractions only,
 * partial sums shared between the rows (backends/hardware/adder_graph/adder_graph.h), zeros left out. False
 * after a diagnostic. */
bool net_ternary_sums(struct netlist *n, struct diag *d, const int8_t *w, int64_t rows, int64_t columns,
                      const ref *x, ref *sum);

#endif
