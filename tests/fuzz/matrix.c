/* matrix.c: a ternary matrix as text. */
#include "driver/matrix.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct fuzz f = fuzz_begin();
  int rows, columns;
  const int8_t *m = matrix_read(&f.diag, &f.arena, fuzz_file(data, n), MOST, &rows, &columns);
  fuzz_check(m || f.diag.errors);
  for (int i = 0; m && i < rows * columns; i++)
    fuzz_check(m[i] >= -1 && m[i] <= 1);
  fuzz_end(&f);
  return 0;
}
