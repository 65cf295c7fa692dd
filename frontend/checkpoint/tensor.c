/* tensor.c: one tensor: its size and shape, its bytes, its values as float. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t tensor_count(const struct stored_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->info.rank; i++)
    n *= t->info.shape[i];
  return n;
}

bool dtype_is_float(enum dtype t) {
  return t == DTYPE_F32 || t == DTYPE_F16 || t == DTYPE_BF16 || t == DTYPE_F64;
}

int64_t dtype_bytes(enum dtype t) {
  static const int64_t bytes[] = {
      [DTYPE_F32] = 4, [DTYPE_F16] = 2, [DTYPE_BF16] = 2, [DTYPE_F64] = 8, [DTYPE_U8] = 1, [DTYPE_I8] = 1};
  return bytes[t];
}

const char *shape_text(struct arena *a, int rank, const int64_t *shape) {
  const char *s = "";
  for (int i = 0; i < rank; i++)
    s = arena_printf(a, "%s%s%lld", s, i ? ", " : "", (long long)shape[i]);
  return arena_printf(a, "[%s]", s);
}

void tensor_shape(const struct stored_tensor *t, int64_t shape[MAX_RANK]) {
  memcpy(shape, t->info.shape, sizeof t->info.shape);
  if (t->scale)
    shape[1] = t->columns ? t->columns : t->info.shape[1] * TRITS_PER_BYTE;
  else if (tensor_is_codes(t) && t->info.dtype == DTYPE_U8)
    shape[0] *= ROWS_PER_BYTE;
}

bool tensor_is_codes(const struct stored_tensor *t) {
  return !t->scale && t->info.rank == 2 && (t->info.dtype == DTYPE_U8 || t->info.dtype == DTYPE_I8);
}

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

bool tensor_is_ternary(const struct stored_tensor *t) {
  return t->info.rank == 2 && dtype_is_float(t->info.dtype) &&
         (ends_with(t->info.name, "_proj.weight") || ends_with(t->info.name, "lm_head.weight"));
}

int tensor_pread(const struct checkpoint *c, const struct stored_tensor *t, int64_t at, void *to,
                 int64_t bytes) {
  const struct shard *s = &c->shards.at[t->shard];
  char *p = to;
  for (int64_t done = 0; done < bytes;) {
    ssize_t got = pread(s->fd, p + done, (size_t)(bytes - done), s->data_at + t->begin + at + done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? errno : READ_ENDED;
    done += got;
  }
  return 0;
}

void report_read(struct checkpoint *c, const struct stored_tensor *t, int error) {
  diag_error(c->diag, "%s: cannot read tensor '%s': %s", t->info.file, t->info.name,
             error == READ_ENDED ? "the file has become shorter since it was opened" : strerror(error));
}

static bool check_floats(struct checkpoint *c, const char *name, const struct stored_tensor *t, int64_t first,
                         int64_t count) {
  if (!t) {
    diag_error(c->diag, "%s: has no tensor '%s'", c->path, name);
    return false;
  }
  if (t->fault) {
    diag_error(c->diag, "%s", t->fault);
    return false;
  }
  if (!dtype_is_float(t->info.dtype) && !tensor_is_codes(t)) {
    diag_error(
        c->diag,
        "%s: tensor '%s' is %s, which cannot be read as floats; use a checkpoint with F32, F16, BF16 or F64",
        t->info.file, name, t->scale ? "packed to ternary codes" : t->info.dtype_name);
    return false;
  }
  int64_t n = tensor_count(t) * (tensor_is_codes(t) && t->info.dtype == DTYPE_U8 ? ROWS_PER_BYTE : 1);
  if (first < 0 || count < 0 || first > n || count > n - first) {
    diag_error(c->diag, "%s: tensor '%s' has %lld values; %lld from number %lld on were asked for",
               t->info.file, name, (long long)n, (long long)count, (long long)first);
    return false;
  }
  return true;
}

static bool read_floats(struct checkpoint *c, const struct stored_tensor *t, int64_t first, int64_t count,
                        float *out) {
  if (tensor_is_codes(t))
    return codes_floats(c, t, first, count, out);
  int64_t size = dtype_bytes(t->info.dtype);
  void *raw = xmalloc((size_t)(READ_ELEMENTS * size));
  int error = 0;
  for (int64_t i = 0, n; i < count && !error; i += n) {
    n = count - i < READ_ELEMENTS ? count - i : READ_ELEMENTS;
    error = tensor_pread(c, t, (first + i) * size, raw, n * size);
    if (!error)
      convert_widen(t->info.dtype, raw, n, out + i);
  }
  free(raw);
  if (error)
    report_read(c, t, error);
  return !error;
}

/* Infinities may be meant, as in a mask. */
static void tell_nan(struct checkpoint *c, struct stored_tensor *t, int64_t first, int64_t count,
                     const float *x) {
  int64_t i = 0;
  while (i < count && x[i] == x[i])
    i++;
  if (i == count || t->told_nan || t->is_scale)
    return;
  t->told_nan = true;
  diag_at(c->diag, SEVERITY_WARNING, (struct loc){0},
          "%s: value %lld of tensor '%s' is not a number (NaN); the checkpoint is damaged or its training "
          "diverged",
          t->info.file, (long long)(first + i), t->info.name);
}

bool checkpoint_read_f32(struct checkpoint *c, const char *name, int64_t first, int64_t count, float *out) {
  const struct stored_tensor *t = tensor_find(c, name);
  if (!check_floats(c, name, t, first, count) || !read_floats(c, t, first, count, out))
    return false;
  tell_nan(c, &c->tensors.at[t - c->tensors.at], first, count, out);
  return true;
}

bool checkpoint_read_i8(struct checkpoint *c, const char *name, int64_t count, int8_t *out) {
  const struct stored_tensor *t = tensor_find(c, name);
  if (!t || t->fault || t->info.dtype != DTYPE_I8 || tensor_count(t) != count) {
    diag_error(c->diag, "%s: has no tensor '%s' of %lld I8 numbers", c->path, name, (long long)count);
    return false;
  }
  int error = tensor_pread(c, t, 0, out, count);
  if (error)
    report_read(c, t, error);
  return !error;
}
