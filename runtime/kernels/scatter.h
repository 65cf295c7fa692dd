/* scatter.h: rows added to rows of a table: the gradient of a look-up.
 *
 * C11, no library. */
#ifndef TERN_SCATTER_H
#define TERN_SCATTER_H

#include <stdint.h>

/* y[i[t], j] += d[t, j], in order of t, for d[rows, width] and y[n, width]; a number beyond n adds nothing.
 * Threads share the columns; each calls it with the same arguments but `thread`. */
void tern_scatter_f32(const float *d, const uint32_t *i, float *y, int64_t n, int64_t width, int64_t rows,
                      uint32_t thread, uint32_t threads);

#endif
