/* scatter.c: see scatter.h. */
#include "runtime/kernels/scatter.h"

void tern_scatter_f32(const float *d, const uint32_t *i, float *y, int64_t n, int64_t width, int64_t rows,
                      uint32_t thread, uint32_t threads) {
  int64_t begin = width * thread / threads, end = width * (thread + 1) / threads;
  for (int64_t t = 0; t < rows; t++) {
    float *row = y + (int64_t)i[t] * width;
    for (int64_t j = begin; i[t] < n && j < end; j++)
      row[j] = row[j] + d[t * width + j];
  }
}
