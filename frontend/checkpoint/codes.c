/* codes.c: matrices that are published as codes: I8, U8 with four rows a byte, or floats that are -1, 0 and
 * 1, or wider codes; with a scale tensor beside them or without one, when the codes are the values.
 * checkpoint.h has the layouts. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- scales ------------------------------------------------------------------------------------------ */

static int64_t divide_up(int64_t n, int64_t by) {
  return n / by + (n % by != 0);
}

/* How many scales a row has, and whether rows have scales of their own. False: it is no shape of scales. */
static bool scale_shape(const struct stored_tensor *scale, int64_t rows, int64_t *each, bool *by_row) {
  const int64_t *n = scale->info.shape;
  *each = 1;
  *by_row = tensor_count(scale) != 1;
  if (!*by_row)
    return true;
  *each = scale->info.rank == 2 ? n[1] : 1;
  return scale->info.rank >= 1 && scale->info.rank <= 2 && n[0] == rows && *each > 0;
}

static const char *form_text(struct arena *a, int64_t each, bool by_row, int64_t cols) {
  return !by_row     ? "per tensor"
         : each == 1 ? "per row"
                     : arena_printf(a, "per group %lld", (long long)divide_up(cols, each));
}

const char *codes_misfit(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                         const struct scaling *scaling) {
  struct arena *a = c->arena;
  int64_t each, has = scaling->kind == SCALE_GROUP ? divide_up(cols, scaling->group) : 1;
  bool by_row, wants_rows = scaling->kind != SCALE_TENSOR;
  if (scaling->by == BY_MEAN)
    return arena_printf(a, "'%s' holds codes, which have no mean magnitude; 'scale stored' takes their scale",
                        t->info.name);
  if (!t->beside && (scaling->by == BY_STORED || scaling->by == BY_INVERSE))
    return arena_printf(a, "'%s' has no scale stored beside it: there is no tensor '%s_scale' of floats",
                        t->info.name, t->info.name);
  if (!t->beside || t->beside->fault)
    return t->beside ? t->beside->fault : NULL;
  if (!scale_shape(t->beside, rows, &each, &by_row))
    return arena_printf(
        a, "'%s' is %s, which are no scales of [%lld, %lld]; [], [1], [%lld] or [%lld, groups] was expected",
        t->beside->info.name, shape_text(a, t->beside->info.rank, t->beside->info.shape), (long long)rows,
        (long long)cols, (long long)rows, (long long)rows);
  if ((by_row && !wants_rows) || (each > 1 && each != has))
    return arena_printf(a, "'%s' is %s in the checkpoint; the spec's scales are another way: write '%s'",
                        t->beside->info.name, shape_text(a, t->beside->info.rank, t->beside->info.shape),
                        form_text(a, each, by_row, cols));
  return NULL;
}

const char *wide_misfit(struct checkpoint *c, const struct stored_tensor *t, const struct scaling *scaling) {
  bool quarters = tensor_is_codes(t) && t->info.dtype == DTYPE_U8;
  if (!scaling->bits || !(t->scale || quarters))
    return NULL;
  return arena_printf(
      c->arena, "'%s' is %s; codes of %d bits are made of F32, F16, BF16 or F64, or stored as I8",
      t->info.name,
      t->scale ? "packed to ternary codes" : "stored as U8, which is read as ternary codes, four rows a byte",
      scaling->bits);
}

static bool divides(const struct checkpoint *c, const struct scaling *scaling) {
  return scaling->by == BY_INVERSE || c->convention == SCALE_DIVIDES;
}

/* All stored scales as floats, each checked; free them. NULL after a diagnostic. */
static float *read_scales(struct checkpoint *c, const struct stored_tensor *scale, int64_t *n) {
  *n = tensor_count(scale);
  float *values = xmalloc((size_t)*n * sizeof *values);
  bool ok = checkpoint_read_f32(c, scale->info.name, 0, *n, values);
  for (int64_t i = 0; ok && i < *n; i++)
    if (!(values[i] > 0 && isfinite(values[i]) && isfinite(1 / values[i]))) {
      diag_error(c->diag,
                 "%s: scale %lld of '%s' is %g; a positive number was expected: the checkpoint is damaged",
                 scale->info.file, (long long)i, scale->info.name, (double)values[i]);
      ok = false;
    }
  if (ok)
    return values;
  free(values);
  return NULL;
}

bool codes_scales(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                  const struct scaling *scaling, float *scales) {
  int64_t has = scaling->kind == SCALE_GROUP ? divide_up(cols, scaling->group) : 1, each = 1, n;
  bool by_row = false;
  float one = 1, *values = &one;
  if (t->beside && !scale_shape(t->beside, rows, &each, &by_row))
    return false;
  if (t->beside && !(values = read_scales(c, t->beside, &n)))
    return false;
  for (int64_t r = 0; r < (scaling->kind == SCALE_TENSOR ? 1 : rows); r++)
    for (int64_t g = 0; g < has; g++) {
      float v = values[by_row ? r * each + (each > 1 ? g : 0) : 0];
      scales[r * has + g] = divides(c, scaling) ? v : 1 / v;
    }
  if (values != &one)
    free(values);
  return true;
}

bool codes_one_scale(struct checkpoint *c, const struct stored_tensor *t, float *scale, bool *dividing) {
  *scale = 1;
  *dividing = c->convention == SCALE_DIVIDES;
  return !t->beside ||
         (tensor_count(t->beside) == 1 && checkpoint_read_f32(c, t->beside->info.name, 0, 1, scale));
}

bool checkpoint_has_codes(const struct checkpoint *c, const char *name) {
  const struct stored_tensor *t = tensor_find(c, name);
  return t && (t->beside || tensor_is_codes(t));
}

bool checkpoint_scale_unsaid(const struct checkpoint *c, const char *name) {
  const struct stored_tensor *t = tensor_find(c, name);
  return t && t->beside && c->convention == SCALE_UNSAID;
}

/* ---- codes ------------------------------------------------------------------------------------------- */

enum { PIECE = READ_ELEMENTS };

/* n codes of row `row` from column `first`, of U8 with four rows a byte. The position of the first 3, or n.
 */
static int64_t unpack(const uint8_t *bytes, int64_t n, int shift, int8_t *codes) {
  int64_t bad = n;
  for (int64_t i = n; i-- > 0;) {
    int code = bytes[i] >> shift & 3;
    codes[i] = (int8_t)(code - 1);
    bad = code == 3 ? i : bad;
  }
  return bad;
}

/* The codes that there are, both ends included. */
struct code_range {
  int least, most;
};

static struct code_range range_of(int bits) {
  int half = bits ? 1 << (bits - 1) : 1;
  return (struct code_range){-half, bits ? half - 1 : 1};
}

static int64_t from_bytes(const int8_t *bytes, int64_t n, struct code_range r, int8_t *codes) {
  int64_t bad = n;
  for (int64_t i = n; i-- > 0;) {
    codes[i] = bytes[i];
    bad = bytes[i] < r.least || bytes[i] > r.most ? i : bad;
  }
  return bad;
}

static int64_t from_floats(const float *values, int64_t n, struct code_range r, int8_t *codes) {
  int64_t bad = n;
  for (int64_t i = n; i-- > 0;) {
    bool is_code = values[i] >= (float)r.least && values[i] <= (float)r.most && values[i] == rintf(values[i]);
    codes[i] = is_code ? (int8_t)values[i] : 0;
    bad = is_code ? bad : i;
  }
  return bad;
}

struct codes_reader {
  struct checkpoint *c;
  const struct stored_tensor *t;
  int64_t cols;
  struct code_range range;
  uint8_t *raw;  /* PIECE elements of the stored type */
  float *values; /* PIECE of them */
};

static bool no_code(struct codes_reader *r, int64_t row, int64_t column, const char *what) {
  const char *codes = r->range.most == 1 && r->range.least == -1
                          ? "-1, 0 or 1"
                          : arena_printf(r->c->arena, "of %d to %d", r->range.least, r->range.most);
  diag_error(r->c->diag, "%s: row %lld, column %lld of '%s' is %s; a code %s was expected", r->t->info.file,
             (long long)row, (long long)column, r->t->info.name, what, codes);
  return false;
}

/* n codes of row `row` from column `first`, n <= PIECE. */
static bool read_piece(struct codes_reader *r, int64_t row, int64_t first, int64_t n, int8_t *codes) {
  const struct stored_tensor *t = r->t;
  bool quarter = t->info.dtype == DTYPE_U8;
  int64_t size = dtype_bytes(t->info.dtype), height = t->info.shape[0], bad;
  int64_t at = ((quarter ? row % height : row) * r->cols + first) * size;
  int error = tensor_pread(r->c, t, at, r->raw, n * size);
  if (error) {
    report_read(r->c, t, error);
    return false;
  }
  if (quarter)
    bad = unpack(r->raw, n, (int)(2 * (row / height)), codes);
  else if (t->info.dtype == DTYPE_I8)
    bad = from_bytes((const int8_t *)r->raw, n, r->range, codes);
  else {
    convert_widen(t->info.dtype, r->raw, n, r->values);
    bad = from_floats(r->values, n, r->range, codes);
  }
  if (bad == n)
    return true;
  struct arena *a = r->c->arena;
  return no_code(r, row, first + bad,
                 quarter                     ? "3, which stands for no code"
                 : t->info.dtype == DTYPE_I8 ? arena_printf(a, "%d", ((const int8_t *)r->raw)[bad])
                                             : arena_printf(a, "%g", (double)r->values[bad]));
}

static struct codes_reader reader_new(struct checkpoint *c, const struct stored_tensor *t, int bits) {
  struct codes_reader r = {.c = c, .t = t, .cols = t->info.shape[1], .range = range_of(bits)};
  r.raw = xmalloc(PIECE * sizeof(double));
  r.values = xmalloc(PIECE * sizeof *r.values);
  return r;
}

static void reader_free(struct codes_reader *r) {
  free(r->raw);
  free(r->values);
}

bool codes_read(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols, int bits,
                int8_t *codes) {
  struct codes_reader r = reader_new(c, t, bits);
  bool ok = true;
  for (int64_t row = 0; ok && row < rows; row++)
    for (int64_t at = 0, n; ok && at < cols; at += n) {
      n = cols - at < PIECE ? cols - at : PIECE;
      ok = read_piece(&r, row, at, n, codes + row * cols + at);
    }
  reader_free(&r);
  return ok;
}

/* ---- codes as floats --------------------------------------------------------------------------------- */

/* The rows that there are: as many as scales of rows where a byte may hold fewer than four. */
static int64_t known_rows(const struct stored_tensor *t) {
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  bool by_row = t->beside && tensor_count(t->beside) != 1 && t->beside->info.rank >= 1;
  return by_row && divide_up(t->beside->info.shape[0], ROWS_PER_BYTE) == t->info.shape[0]
             ? t->beside->info.shape[0]
             : shape[0];
}

bool codes_floats(struct checkpoint *c, const struct stored_tensor *t, int64_t first, int64_t count,
                  float *out) {
  int64_t rows = known_rows(t), cols = t->info.shape[1], each = 1, n;
  bool by_row = false;
  if (t->beside && (!scale_shape(t->beside, rows, &each, &by_row) || cols % each != 0)) {
    diag_error(c->diag, "%s: '%s' is %s, which are no scales of the rows of '%s'", t->info.file,
               t->beside->info.name, shape_text(c->arena, t->beside->info.rank, t->beside->info.shape),
               t->info.name);
    return false;
  }
  float one = 1, *scales = &one;
  if (t->beside && !(scales = read_scales(c, t->beside, &n)))
    return false;
  struct codes_reader r = reader_new(c, t, 0);
  int8_t *codes = xmalloc(PIECE);
  bool ok = true;
  for (int64_t i = first; ok && i < first + count; i += n) {
    int64_t row = i / cols, at = i % cols, left = first + count - i;
    n = cols - at < left ? cols - at : left;
    n = n < PIECE ? n : PIECE;
    ok = read_piece(&r, row, at, n, codes);
    for (int64_t k = 0; ok && k < n; k++) {
      float s = scales[by_row ? row * each + (at + k) / (cols / each) : 0];
      out[i - first + k] = c->convention == SCALE_DIVIDES ? (float)codes[k] / s : (float)codes[k] * s;
    }
  }
  free(codes);
  reader_free(&r);
  if (scales != &one)
    free(scales);
  return ok;
}
