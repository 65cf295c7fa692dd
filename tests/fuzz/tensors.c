/* tensors.c: what the targets that get to a checkpoint do with it; contracts in tensors.h. */
#include "tests/fuzz/tensors.h"

#include "tests/fuzz/fuzz.h"

enum { SMALL = 50000 };

static int64_t elements(const struct tensor_info *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++)
    n = t->shape[i] < 0 || t->shape[i] > SMALL || n > SMALL ? SMALL + 1 : n * t->shape[i];
  return n;
}

static void read_floats(struct checkpoint *c, const struct tensor_info *t, int64_t n) {
  float *out = malloc(sizeof(float) * (size_t)(n + 1));
  fuzz_check(out);
  if (checkpoint_read_f32(c, t->name, 0, n, out))
    fuzz_touch(out, sizeof(float) * (size_t)n);
  checkpoint_read_f32(c, t->name, n / 2, n - n / 2, out);
  free(out);
}

/* Each kind of scale from each place; a compact matrix has more columns than its bytes. */
static void read_ternary(struct checkpoint *c, const struct tensor_info *t, int64_t columns) {
  int64_t rows = t->shape[0], n = rows * columns;
  int8_t *codes = malloc((size_t)n + 1);
  float *scales = malloc(sizeof(float) * ((size_t)n + 1));
  bool by_row;
  fuzz_check(codes && scales);
  for (int i = 0; i < 15; i++) {
    struct scaling scaling = {(enum scale_kind)(i % 3), 1 + columns / 2, (enum scale_by)(i / 3), 0};
    if (checkpoint_read_codes(c, t->name, rows, columns, &scaling, codes, scales, 1 + i % 2))
      for (int64_t k = 0; k < n; k++)
        fuzz_check(codes[k] >= -1 && codes[k] <= 1);
    if (columns == t->shape[1])
      checkpoint_already_ternary(c, t->name, &scaling, &by_row);
  }
  free(codes);
  free(scales);
}

void fuzz_checkpoint(const char *path) {
  struct fuzz f = fuzz_begin();
  struct config_value value;
  struct checkpoint *c = checkpoint_open(&f.diag, &f.arena, path);
  fuzz_check(c || f.diag.errors);
  for (int i = 0; c && i < checkpoint_count(c); i++) {
    const struct tensor_info *t = checkpoint_tensor(c, i);
    int64_t n = elements(t);
    if (n <= 0 || n > SMALL)
      continue;
    read_floats(c, t, n);
    if (t->rank == 2) {
      read_ternary(c, t, t->shape[1]);
      read_ternary(c, t, t->shape[1] * 5);
    }
  }
  if (c) {
    checkpoint_config(c, "hidden_size", &value);
    checkpoint_print(c, fuzz_nowhere(), false);
    checkpoint_print(c, fuzz_nowhere(), true);
    checkpoint_close(c);
  }
  fuzz_end(&f);
}
