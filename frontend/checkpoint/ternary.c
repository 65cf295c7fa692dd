/* ternary.c: codes and scales of a matrix (docs/numerics.md), from floats in two passes or from its compact
 * form.
 *
 * A matrix is seen as `height` rows of `width` elements, each row cut into segments of `span`: with a scale a
 * row, the rows themselves; with groups, the groups; with one scale for the tensor, one row of everything in
 * segments of READ_ELEMENTS, whose sums are added in order. A segment is summed by one thread in a fixed
 * order, so means are the same for any number of threads. Units of about READ_ELEMENTS elements are what
 * threads take. The bytes that the first pass read are kept for the second unless there are too many. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/parallel.h"
#include "frontend/checkpoint/private.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_ELEMENTS = 4096, MOST_KEPT_BYTES = 256 << 20 };
_Static_assert(BUFFER_ELEMENTS % TERN_SUM_LANES == 0, "a buffer must not shift the lanes of a segment");

struct scan {
  const struct checkpoint *c;
  const struct stored_tensor *t;
  int64_t width, span, per_row, segments, per_unit;
  bool one_scale, largest;
  int most;      /* the largest code */
  double *sums;  /* of each segment */
  uint8_t *kept; /* all bytes of the tensor, or NULL */
  bool kept_filled;
  float *means;
  int8_t *codes;
  _Atomic int error; /* errno of a failed read */
};

/* A thread's window on the tensor: elements [from, to) are at raw. */
struct scratch {
  int64_t from, to;
  const uint8_t *raw;
  float values[BUFFER_ELEMENTS];
  double own[READ_ELEMENTS]; /* raw bytes of the widest type */
};

static int64_t divide_up(int64_t n, int64_t by) {
  return n / by + (n % by != 0);
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t segment_begin(const struct scan *s, int64_t i) {
  return i / s->per_row * s->width + i % s->per_row * s->span;
}

static int64_t segment_end(const struct scan *s, int64_t i) {
  return i / s->per_row * s->width + least((i % s->per_row + 1) * s->span, s->width);
}

static int64_t unit_last(const struct scan *s, int64_t unit) {
  return least((unit + 1) * s->per_unit, s->segments);
}

/* ---- elements ---------------------------------------------------------------------------------------- */

/* Moves the window to begin at element `from`, and to end by `limit`. */
static bool move_window(struct scan *s, struct scratch *w, int64_t from, int64_t limit) {
  int64_t size = dtype_bytes(s->t->info.dtype), n = least(READ_ELEMENTS, limit - from);
  uint8_t *to = s->kept ? s->kept + from * size : (uint8_t *)w->own;
  int error = s->kept && s->kept_filled ? 0 : tensor_pread(s->c, s->t, from * size, to, n * size);
  if (error)
    atomic_store(&s->error, error);
  w->from = from;
  w->to = error ? from : from + n;
  w->raw = to;
  return !error;
}

/* The next elements from `from` on, as floats in w->values: how many, at most one buffer and not past `end`;
 * 0 when they cannot be read. A read may run ahead to `limit`. */
static int64_t next_values(struct scan *s, struct scratch *w, int64_t from, int64_t end, int64_t limit) {
  if ((from < w->from || from >= w->to) && !move_window(s, w, from, limit))
    return 0;
  int64_t n = least(least(end, w->to) - from, BUFFER_ELEMENTS);
  convert_widen(s->t->info.dtype, w->raw + (from - w->from) * dtype_bytes(s->t->info.dtype), n, w->values);
  return n;
}

/* ---- pass 1: sums ------------------------------------------------------------------------------------ */

static void sum_segment(struct scan *s, struct scratch *w, int64_t i, int64_t limit) {
  double lanes[TERN_SUM_LANES] = {0};
  float largest = 0;
  int64_t end = segment_end(s, i);
  for (int64_t at = segment_begin(s, i), n; at < end; at += n) {
    n = next_values(s, w, at, end, limit);
    if (!n)
      return;
    if (s->largest)
      largest = convert_largest(w->values, n, largest);
    else
      convert_add_magnitudes(w->values, n, lanes);
  }
  s->sums[i] = s->largest ? (double)largest : convert_fold(lanes);
}

static void sum_unit(void *context, int64_t unit, void *scratch) {
  struct scan *s = context;
  struct scratch *w = scratch;
  int64_t last = unit_last(s, unit), limit = segment_end(s, last - 1);
  w->from = w->to = 0;
  for (int64_t i = unit * s->per_unit; i < last && !atomic_load(&s->error); i++)
    sum_segment(s, w, i, limit);
}

static void make_largest(struct scan *s) {
  if (s->one_scale)
    *s->means = 0;
  for (int64_t i = 0; i < s->segments; i++) {
    float *c = &s->means[s->one_scale ? 0 : i];
    *c = s->one_scale ? fmaxf(*c, (float)s->sums[i]) : (float)s->sums[i];
  }
}

static void make_means(struct scan *s) {
  double total = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < s->segments; i++) {
    int64_t length = segment_end(s, i) - segment_begin(s, i);
    total += s->sums[i];
    n += length;
    if (!s->one_scale)
      s->means[i] = (float)(s->sums[i] / (double)length);
  }
  if (s->one_scale)
    *s->means = n ? (float)(total / (double)n) : 0;
}

/* The first weight that is not finite, or -1: the segment that holds it has a sum that is not finite, and no
 * other can have one, as 2^63 floats cannot overflow a double. */
static int64_t find_bad_weight(struct scan *s, struct scratch *w) {
  int64_t i = 0;
  while (i < s->segments && isfinite(s->sums[i]))
    i++;
  if (i == s->segments)
    return -1;
  int64_t end = segment_end(s, i);
  w->from = w->to = 0;
  for (int64_t at = segment_begin(s, i), n; at < end; at += n) {
    n = next_values(s, w, at, end, end);
    if (!n)
      break;
    for (int64_t k = 0; k < n; k++)
      if (!isfinite(w->values[k]))
        return at + k;
  }
  return segment_begin(s, i);
}

/* ---- pass 2: codes ----------------------------------------------------------------------------------- */

static void code_unit(void *context, int64_t unit, void *scratch) {
  struct scan *s = context;
  struct scratch *w = scratch;
  int64_t last = unit_last(s, unit), limit = segment_end(s, last - 1);
  w->from = w->to = 0;
  for (int64_t i = unit * s->per_unit; i < last; i++) {
    float scale = scale_of(s->means[s->one_scale ? 0 : i], s->largest, s->most);
    int64_t end = segment_end(s, i);
    for (int64_t at = segment_begin(s, i), n; at < end; at += n) {
      n = next_values(s, w, at, end, limit);
      if (!n)
        return;
      if (s->most == 1)
        convert_ternary(w->values, n, scale, s->codes + at);
      else
        convert_codes(w->values, n, scale, s->most, s->codes + at);
    }
  }
}

static bool scan_floats(struct checkpoint *c, struct scan *s, int threads, int64_t *bad_weight) {
  int64_t units = divide_up(s->segments, s->per_unit);
  parallel_run(units, threads, sizeof(struct scratch), sum_unit, s);
  if (!s->error) {
    struct scratch *w = xmalloc(sizeof *w);
    s->kept_filled = true;
    *bad_weight = find_bad_weight(s, w);
    free(w);
    if (*bad_weight >= 0)
      return !s->error;
    (s->largest ? make_largest : make_means)(s);
    parallel_run(units, threads, sizeof(struct scratch), code_unit, s);
  }
  if (s->error)
    report_read(c, s->t, s->error);
  return !s->error;
}

/* ---- compact matrices -------------------------------------------------------------------------------- */

struct unpack {
  const struct checkpoint *c;
  const struct stored_tensor *t;
  int64_t rows, cols, packed_cols, rows_per_unit;
  int8_t *codes;
  _Atomic int error;
  _Atomic int64_t bad_row; /* the first row with an impossible byte; `rows`: none */
};

static void note_bad_row(struct unpack *u, int64_t row) {
  int64_t known = atomic_load(&u->bad_row);
  while (row < known && !atomic_compare_exchange_weak(&u->bad_row, &known, row))
    ;
}

/* Codes of row `row` from column `first` on, of which `packed` has `bytes` bytes. */
static void unpack_piece(struct unpack *u, int64_t row, int64_t first, const uint8_t *packed, int64_t bytes) {
  int64_t n = least(bytes * TRITS_PER_BYTE, u->cols - first);
  if (convert_unpack_base3(packed, n, u->codes + row * u->cols + first) >= 0)
    note_bad_row(u, row);
}

static bool unpack_read(struct unpack *u, int64_t at, uint8_t *to, int64_t bytes) {
  int error = tensor_pread(u->c, u->t, at, to, bytes);
  if (error)
    atomic_store(&u->error, error);
  return !error;
}

/* A unit is as many whole rows as a thread's buffer holds; or one row that is longer, in pieces. */
static void unpack_unit(void *context, int64_t unit, void *scratch) {
  struct unpack *u = context;
  int64_t width = u->packed_cols, row = unit * u->rows_per_unit,
          last = least(row + u->rows_per_unit, u->rows);
  if (width <= READ_ELEMENTS) {
    if (unpack_read(u, row * width, scratch, (last - row) * width))
      for (const uint8_t *packed = scratch; row < last; row++, packed += width)
        unpack_piece(u, row, 0, packed, width);
    return;
  }
  for (int64_t at = 0, n; at < width; at += n) {
    n = least(READ_ELEMENTS, width - at);
    if (!unpack_read(u, row * width + at, scratch, n))
      return;
    unpack_piece(u, row, at * TRITS_PER_BYTE, scratch, n);
  }
}

static bool read_compact(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                         int8_t *codes, float *mean, int threads) {
  struct unpack u = {.c = c, .t = t, .rows = rows, .cols = cols, .codes = codes, .bad_row = rows};
  u.packed_cols = t->info.shape[1];
  u.rows_per_unit = u.packed_cols && u.packed_cols <= READ_ELEMENTS ? READ_ELEMENTS / u.packed_cols : 1;
  int error = tensor_pread(c, t->scale, 0, mean, sizeof *mean);
  parallel_run(divide_up(rows, u.rows_per_unit), threads, READ_ELEMENTS, unpack_unit, &u);
  if (error || u.error) {
    report_read(c, error ? t->scale : t, error ? error : u.error);
    return false;
  }
  if (!(*mean >= 0 && isfinite(*mean))) {
    diag_error(c->diag, "%s: '%s' is %g, which is no mean of magnitudes; pack the checkpoint again",
               t->info.file, t->scale->info.name, (double)*mean);
    return false;
  }
  if (u.bad_row < rows)
    diag_error(c->diag,
               "%s: row %lld of the packed matrix '%s' has a byte that stands for no five codes; the file is "
               "damaged: pack the checkpoint again",
               t->info.file, (long long)u.bad_row, t->info.name);
  return u.bad_row == rows;
}

/* The s of -s, 0, s that the original held, as the header keeps it. */
static bool compact_largest(struct checkpoint *c, const struct stored_tensor *t, float *largest) {
  const char *key = arena_printf(c->arena, "tern.largest.%s", t->stored);
  const char *text = json_string_value(json_object_get(c->shards.at[t->shard].metadata, key));
  char *end = NULL;
  *largest = text ? strtof(text, &end) : -1;
  if (text && *text && !*end && *largest >= 0 && isfinite(*largest))
    return true;
  diag_error(
      c->diag,
      "%s: '%s' is packed by the mean of its magnitudes; for 'scale largest' use the checkpoint that it was "
      "packed from",
      t->info.file, t->info.name);
  return false;
}

/* ---- the interface ----------------------------------------------------------------------------------- */

bool ternary_scan(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                  enum scale_kind kind, int64_t group, bool largest, int most, int8_t *codes, float *means,
                  int threads, int64_t *bad_weight) {
  *bad_weight = -1;
  if (t->scale)
    return read_compact(c, t, rows, cols, codes, means, threads) &&
           (!largest || compact_largest(c, t, means));
  struct scan s = {.c = c, .t = t, .means = means, .codes = codes, .one_scale = kind == SCALE_TENSOR};
  s.largest = largest;
  s.most = most;
  int64_t height = s.one_scale ? 1 : rows;
  s.width = s.one_scale ? rows * cols : cols;
  s.span = s.one_scale ? READ_ELEMENTS : kind == SCALE_ROW ? cols : least(group, cols);
  s.per_row = s.width ? divide_up(s.width, s.span) : 0;
  s.segments = height * s.per_row;
  s.per_unit = s.segments ? divide_up(READ_ELEMENTS, s.span) : 1;
  if (!s.segments && kind != SCALE_GROUP) /* an empty matrix */
    memset(means, 0, sizeof *means * (size_t)(s.one_scale ? 1 : rows));
  s.sums = xmalloc((size_t)s.segments * sizeof *s.sums);
  s.kept = t->bytes <= MOST_KEPT_BYTES ? xmalloc((size_t)t->bytes) : NULL;
  bool ok = scan_floats(c, &s, threads, bad_weight);
  free(s.sums);
  free(s.kept);
  return ok;
}

float scale_of(float c, bool largest, int most) {
  if (!largest)
    return 1.0f / fmaxf(c, (float)TERN_LEAST_MAGNITUDE);
  return c < (float)most * FLT_MIN ? 1.0f : (float)most / c;
}

int largest_code(int bits) {
  return bits ? (1 << (bits - 1)) - 1 : 1;
}

static bool packed_only_once(struct checkpoint *c, const char *name, const struct stored_tensor *t) {
  diag_error(c->diag,
             "%s: '%s' is packed with one scale for the matrix; for a scale a row or a group use the "
             "checkpoint that it was packed from",
             t->info.file, name);
  return false;
}

static bool has_shape(const struct stored_tensor *t, int64_t rows, int64_t cols) {
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  if (t->info.rank != 2)
    return false;
  if (tensor_is_codes(t) && t->info.dtype == DTYPE_U8)
    return divide_up(rows, ROWS_PER_BYTE) == t->info.shape[0] && shape[1] == cols;
  return shape[0] == rows && (shape[1] == cols || (t->scale && !t->columns &&
                                                   divide_up(cols, TRITS_PER_BYTE) == t->info.shape[1]));
}

static bool check_request(struct checkpoint *c, const char *name, const struct stored_tensor *t, int64_t rows,
                          int64_t cols, const struct scaling *scaling) {
  if (!t) {
    diag_error(c->diag, "%s: has no tensor '%s'", c->path, name);
    return false;
  }
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  if (!has_shape(t, rows, cols)) {
    diag_error(c->diag, "%s: tensor '%s' is %s; [%lld, %lld] was asked for", t->info.file, name,
               shape_text(c->arena, t->info.rank, shape), (long long)rows, (long long)cols);
    return false;
  }
  const char *why = wide_misfit(c, t, scaling);
  if (why) {
    diag_error(c->diag, "%s: %s", t->info.file, why);
    return false;
  }
  if (t->scale && scaling->kind != SCALE_TENSOR)
    return packed_only_once(c, name, t);
  if (!t->scale && !dtype_is_float(t->info.dtype) && !tensor_is_codes(t)) {
    diag_error(c->diag,
               "%s: tensor '%s' is no matrix of F32, F16, BF16 or F64 weights and not packed to codes either",
               t->info.file, name);
    return false;
  }
  if (scaling->kind == SCALE_GROUP && scaling->group < 1) {
    diag_error(c->diag, "%s: groups of %lld columns were asked for in '%s'", t->info.file,
               (long long)scaling->group, name);
    return false;
  }
  return true;
}

bool weight_not_finite(struct checkpoint *c, const struct stored_tensor *t, int64_t cols, int64_t bad) {
  diag_error(c->diag,
             "%s: weight %lld of tensor '%s' (row %lld, column %lld) is infinite or not a number; its "
             "scale would be "
             "too: the checkpoint is damaged or its training diverged",
             t->info.file, (long long)bad, t->info.name, (long long)(bad / cols), (long long)(bad % cols));
  return false;
}

bool checkpoint_read_codes(struct checkpoint *c, const char *name, int64_t rows, int64_t cols,
                           const struct scaling *scaling, int8_t *codes, float *scales, int threads) {
  const struct stored_tensor *t = tensor_find(c, name);
  int64_t bad;
  if (!check_request(c, name, t, rows, cols, scaling))
    return false;
  bool stored =
      scaling->by == BY_STORED || scaling->by == BY_INVERSE || (scaling->by == BY_AUTO && t->beside);
  if (stored || tensor_is_codes(t)) {
    const char *why = codes_misfit(c, t, rows, cols, scaling);
    if (why)
      diag_error(c->diag, "%s: %s", t->info.file, why);
    return !why && codes_read(c, t, rows, cols, scaling->bits, codes) &&
           codes_scales(c, t, rows, cols, scaling, scales);
  }
  bool largest = scaling->by == BY_LARGEST || (scaling->bits && scaling->by == BY_AUTO);
  int most = largest_code(scaling->bits);
  if (!ternary_scan(c, t, rows, cols, scaling->kind, scaling->group, largest, most, codes, scales, threads,
                    &bad))
    return false;
  if (bad >= 0)
    return weight_not_finite(c, t, cols, bad);
  int64_t n = scaling->kind == SCALE_TENSOR ? 1
              : scaling->kind == SCALE_ROW  ? rows
                                            : rows * divide_up(cols, scaling->group);
  for (int64_t i = 0; i < n; i++)
    scales[i] = scale_of(scales[i], largest, most);
  return true;
}
