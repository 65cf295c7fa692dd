/* gradient.c: the products of a backward pass in portable C11. Up to 16 columns go together, with a chain
 * each; loops over them have a constant length, so that compilers vectorise them. */
#include "runtime/kernels/gradient.h"

#include <stdbool.h>
#include <string.h>

enum { WIDE = TERN_PANEL };

/* a * b + c, rounded once. Without an instruction for it: the product is exact in float64, and the sum is
 * rounded to odd there, so that rounding it once more gives what rounding once would. */
#if defined __FMA__ || defined __aarch64__ || defined __riscv_flen
static inline float fused(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
#else
static inline float fused(float a, float b, float c) {
  double product = (double)a * b, sum = product + c, back = sum - product;
  double error = (product - (sum - back)) + (c - back);
  int64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  int64_t up = (error > 0) == (sum > 0) ? 1 : -1; /* of the magnitude */
  bits += (error > 0 || error < 0) && !(bits & 1) ? up : 0;
  memcpy(&sum, &bits, sizeof sum);
  return (float)sum;
}
#endif

static inline int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* A chain a column over `count` steps: a[k * a_step] by columns 0 .. 15 of b, which the next step has b_step
 * numbers further. */
static inline void chains(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t count,
                          float sums[WIDE]) {
  memset(sums, 0, sizeof(float) * WIDE);
  for (int64_t k = 0; k < count; k++)
    for (int l = 0; l < WIDE; l++)
      sums[l] = fused(a[k * a_step], b[k * b_step + l], sums[l]);
}

/* ---- in bfloat16 ------------------------------------------------------------------------------ */

static inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* A denormal number is a zero of its sign. */
static inline float flushed(float x) {
  uint32_t bits = bits_of(x);
  return of_bits(bits & 0x7f800000u ? bits : bits & 0x80000000u);
}

/* Half to even; NaN stays NaN. */
static inline float round_bf16(float x) {
  uint32_t bits = bits_of(flushed(x)), rounded = bits + 0x7fffu + (bits >> 16 & 1), quiet = bits | 0x400000u;
  return of_bits(((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) & 0xffff0000u);
}

/* A step of a chain a column: of those beyond the last step a and b are 0. */
static inline void bf16_step(const float *a, const float *b, bool there, float sums[WIDE]) {
  float x = there ? round_bf16(*a) : 0;
  for (int l = 0; l < WIDE; l++)
    sums[l] = flushed(fused(x, there ? b[l] : 0, sums[l]));
}

/* Groups of steps are added to what is in sums. */
static inline void bf16_groups(const float *a, int64_t a_step, const float *b, int64_t count,
                               float sums[WIDE]) {
  for (int64_t k = 0; k < count; k += TERN_GRADIENT_TILE_STEPS) {
    float even[WIDE] = {0}, odd[WIDE] = {0};
    for (int64_t i = k; i < k + TERN_GRADIENT_TILE_STEPS; i += 2) {
      bf16_step(a + i * a_step, b + i * WIDE, i < count, even);
      bf16_step(a + (i + 1) * a_step, b + (i + 1) * WIDE, i + 1 < count, odd);
    }
    for (int l = 0; l < WIDE; l++)
      sums[l] = flushed(flushed(sums[l]) + flushed(even[l] + odd[l]));
  }
}

/* ---- blocks ----------------------------------------------------------------------------------- */

/* A block of steps, to y or, unless `add`, in its place: `width` columns. */
static inline void add_block(bool bf16, const float *a, int64_t a_step, const float *near, int64_t count,
                             float *y, int64_t width, bool add) {
  float sums[WIDE] = {0};
  if (bf16) {
    for (int64_t l = 0; add && l < width; l++)
      sums[l] = y[l];
    bf16_groups(a, a_step, near, count, sums);
    add = false;
  } else {
    chains(a, a_step, near, WIDE, count, sums);
  }
  for (int64_t l = 0; l < width; l++)
    y[l] = add ? y[l] + sums[l] : sums[l];
}

/* Columns that one number of a[t, i] serves, from `column` on: at most 16, not past `end`. */
static inline int64_t together(int64_t column, int64_t end, int64_t group) {
  int64_t most = least(WIDE, end - column);
  return group ? least(most, group - column % group) : most;
}

/* ---- outer ----------------------------------------------------------------------------------- */

/* Columns [column, column + width) of a block of b as floats, zeros beyond. */
#define OUTER(name, b_type, bf16)                                                                            \
  static inline void bring_##name(const b_type *b, int64_t n, int64_t column, int64_t width, int64_t count,  \
                                  float *to) {                                                               \
    memset(to, 0, sizeof(float) * WIDE * (size_t)count);                                                     \
    for (int64_t k = 0; k < count; k++)                                                                      \
      for (int64_t l = 0; l < width; l++)                                                                    \
        to[k * WIDE + l] = (float)b[k * n + column + l];                                                     \
  }                                                                                                          \
  TERN_OUTER(name, b_type) {                                                                                 \
    struct tern_part p = tern_gradient_share(m, n, WIDE, thread, threads);                                   \
    int64_t groups = group ? (n + group - 1) / group : 1;                                                    \
    for (int64_t t = 0; t < rows; t += TERN_GRADIENT_BLOCK)                                                  \
      for (int64_t j = p.column, width; j < p.column_end; j += width) {                                      \
        float near[TERN_GRADIENT_BLOCK * WIDE];                                                              \
        int64_t count = least(TERN_GRADIENT_BLOCK, rows - t), g = group ? j / group : 0;                     \
        width = together(j, p.column_end, group);                                                            \
        bring_##name(b + t * n, n, j, width, count, near);                                                   \
        for (int64_t i = p.row; i < p.row_end; i++) {                                                        \
          add_block(bf16, a + (t * m + i) * groups + g, m * groups, near, count, y + i * n + j, width,       \
                    true);                                                                                   \
        }                                                                                                    \
      }                                                                                                      \
  }

OUTER(tern_outer_i8, int8_t, false)
OUTER(tern_outer_i16, int16_t, false)
OUTER(tern_outer_f32, float, false)
OUTER(tern_outer_i8_bf16, int8_t, true)

/* ---- back ------------------------------------------------------------------------------------ */

/* The matrix of `back`: packed in tiles of 4 * fields columns, or floats where fields is 0. */
struct matrix {
  int fields;
  const void *w;
  int64_t m, n, groups;
};

static inline float code(const struct matrix *w, int64_t i, int64_t j) {
  static const int power[] = {1, 3, 9, 27};
  int64_t step, chunk = 4 * w->fields, c = j % chunk;
  const uint8_t *tiles = tern_panel(w->w, w->m, (w->n + chunk - 1) / chunk, i / TERN_PANEL, &step);
  int byte = tiles[j / chunk * step + 4 * (i % TERN_PANEL) + c % 4], f = (int)(c / 4);
  if (w->fields == 4)
    return (float)((byte >> 2 * f & 3) - 1);
  return (float)((f == 4 ? byte / TERN_TOP : byte % TERN_TOP / power[f] % 3) - 1);
}

/* Columns [column, column + width) of rows [first, first + count), zeros beyond. */
static inline void bring_matrix(const struct matrix *w, int64_t first, int64_t count, int64_t column,
                                int64_t width, float *to) {
  memset(to, 0, sizeof(float) * WIDE * (size_t)count);
  for (int64_t k = 0; k < count; k++)
    for (int64_t l = 0; l < width; l++)
      to[k * WIDE + l] =
          w->fields ? code(w, first + k, column + l) : ((const float *)w->w)[(first + k) * w->n + column + l];
}

static inline void back(bool bf16, const struct matrix w, const float *a, float *y, int64_t group,
                        struct tern_part p) {
  for (int64_t j = p.column, width; j < p.column_end; j += width) {
    width = together(j, p.column_end, group);
    for (int64_t i = 0; i < w.m; i += TERN_GRADIENT_BLOCK) {
      float near[TERN_GRADIENT_BLOCK * WIDE];
      int64_t count = least(TERN_GRADIENT_BLOCK, w.m - i), g = group ? j / group : 0;
      bring_matrix(&w, i, count, j, width, near);
      for (int64_t t = p.row; t < p.row_end; t++) {
        add_block(bf16, a + (t * w.m + i) * w.groups + g, w.groups, near, count, y + t * w.n + j, width,
                  i > 0);
      }
    }
  }
}

#define BACK(name, fields, bf16)                                                                             \
  TERN_TERNARY_BACK(name) {                                                                                  \
    struct matrix matrix = {fields, w, m, n, group ? (n + group - 1) / group : 1};                           \
    back(bf16, matrix, a, y, group, tern_back_share(rows, n, WIDE, thread, threads));                        \
  }
BACK(tern_ternary_back_f32, 4, false)
BACK(tern_ternary_back3_f32, 5, false)
BACK(tern_ternary_back_f32_bf16, 4, true)
BACK(tern_ternary_back3_f32_bf16, 5, true)

TERN_MATMUL_BACK(tern_matmul_back_f32) {
  struct matrix matrix = {0, w, m, n, 1};
  back(false, matrix, a, y, 0, tern_back_share(rows, n, WIDE, thread, threads));
}
