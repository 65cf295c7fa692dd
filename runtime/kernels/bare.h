/* bare.h: what a model for a chip has in place of libm and of ternary.c. The C back end copies out of this
 * file, of math.h and of integer.h those paragraphs that a model needs (backends/c/bare.c): C11 that asks for
 * nothing but <stdint.h>, each function the same bits as the one that it stands for.
 *
 * Ternary sums by tables. The four columns (five in tile3) of a byte of codes have 81 (243) possible sums,
 * which are the same for every row of the matrix: they are computed once, and each byte then costs one
 * look-up and one addition. A chunk of a tile's columns has four such bytes a row, so four tables, and is
 * added to all rows before the next chunk: that takes 2 KiB of scratch whatever the matrix's size. */
#ifndef TERN_BARE_H
#define TERN_BARE_H

#include "runtime/kernels/math.h"
#include <stdint.h>

#ifdef __GNUC__
#define TERN_ALIAS __attribute__((__may_alias__))
#else
#define TERN_ALIAS
#endif

/* What buffers hold. One place serves numbers of several types, one after another. */
typedef TERN_ALIAS uint32_t tern_u32;
typedef TERN_ALIAS int32_t tern_i32;
typedef TERN_ALIAS int16_t tern_i16;
typedef TERN_ALIAS uint16_t tern_u16;
typedef TERN_ALIAS float tern_f32;

/* ---- floats
 * -------------------------------------------------------------------------------------------------- */

static inline float tern_fabs(float x) {
  return tern_from_bits(tern_bits(x) & 0x7fffffff);
}

static inline float tern_infinity(void) {
  return tern_from_bits(0x7f800000);
}

static inline float tern_nan(void) {
  return tern_from_bits(0x7fc00000);
}

/* The bits of the fraction go. */
static inline float tern_trunc(float x) {
  const int32_t bits = tern_bits(x), exponent = (bits >> 23 & 255) - 127;
  if (exponent >= 23) /* whole, infinite or NaN */
    return x;
  return tern_from_bits(exponent < 0 ? bits & INT32_MIN : bits & ~(0x007fffff >> exponent));
}

static inline float tern_floor(float x) {
  const float whole = tern_trunc(x);
  return x < whole ? whole - 1.0f : whole;
}

/* Half away from zero. */
static inline float tern_round(float x) {
  const float whole = tern_trunc(x);
  if (tern_fabs(x - whole) < 0.5f || whole != whole)
    return whole;
  return x < 0.0f ? whole - 1.0f : whole + 1.0f;
}

/* Half to even: from 2^23 on floats have no fraction. */
static inline float tern_rint(float x) {
  const float magnitude = tern_fabs(x);
  if (!(magnitude < 8388608.0f))
    return x;
  const float whole = (magnitude + 8388608.0f) - 8388608.0f;
  return tern_from_bits(tern_bits(whole) | (tern_bits(x) & INT32_MIN));
}

/* Bit by bit, then rounded to nearest: the 25th bit of a root is never followed by zeros only. */
static inline float tern_sqrt(float x) {
  int32_t bits = tern_bits(x);
  if (x != x || x == 0.0f || bits == 0x7f800000)
    return x;
  if (bits < 0)
    return tern_nan();
  int32_t exponent = bits >> 23;
  uint32_t rest = (uint32_t)bits & 0x007fffffu, root = 0, twice = 0;
  if (exponent == 0) /* subnormal */
    for (exponent = 1; rest < 0x00800000u; exponent--)
      rest <<= 1;
  rest |= 0x00800000u;
  exponent -= 127;
  rest <<= 1 + (exponent & 1);
  for (uint32_t bit = 0x01000000u; bit; bit >>= 1) {
    const uint32_t next = twice + bit;
    if (next <= rest) {
      twice = next + bit;
      rest -= next;
      root += bit;
    }
    rest <<= 1;
  }
  root += rest ? root & 1 : 0;
  return tern_from_bits((int32_t)(root >> 1) + 0x3f000000 + (exponent >> 1) * 0x00800000);
}

/* ---- the layout of codes (ternary.h)
 * ------------------------------------------------------------------------- */

enum { TERN_TILE = 64, TERN_PANEL = 16, TERN_TOP = 85 };

/* The tile of a panel and a chunk: panels stand in pairs, tile by tile. */
static inline const uint8_t *tern_tile(const uint8_t *w, int32_t m, int32_t chunks, int32_t panel,
                                       int32_t chunk) {
  const int32_t paired = (panel | 1) * TERN_PANEL < m;
  return w + ((panel & ~1) * chunks + (panel & 1) + chunk * (1 + paired)) * TERN_TILE;
}

/* ---- tables
 * -------------------------------------------------------------------------------------------------- */

/* Entries of the table of a byte; what is added to all of them, so that none is negative: five times 128. */
enum { TERN_BYTES = 256, TERN_BIAS = 640 };

/* The entries of field f follow those of the fields below it: code -1, then x more, then 2 x more. Of `known`
 * entries, some between are of no byte that there is. */
static inline void tern_extend(uint16_t *table, int32_t known, int32_t step, int32_t x) {
  for (int32_t i = 0; i < known; i++) {
    table[step + i] = (uint16_t)(table[i] + x);
    table[2 * step + i] = (uint16_t)(table[i] + 2 * x);
  }
}

/* tile2: bytes are t0 + 4 t1 + 16 t2 + 64 t3. */
static inline void tern_table2(uint16_t *table, const int32_t x[4]) {
  table[0] = (uint16_t)(TERN_BIAS - x[0] - x[1] - x[2] - x[3]);
  tern_extend(table, 1, 1, x[0]);
  tern_extend(table, 3, 4, x[1]);
  tern_extend(table, 11, 16, x[2]);
  tern_extend(table, 43, 64, x[3]);
}

/* tile3: bytes are t0 + 3 t1 + 9 t2 + 27 t3 + 85 t4. */
static inline void tern_table3(uint16_t *table, const int32_t x[5]) {
  table[0] = (uint16_t)(TERN_BIAS - x[0] - x[1] - x[2] - x[3] - x[4]);
  tern_extend(table, 1, 1, x[0]);
  tern_extend(table, 3, 3, x[1]);
  tern_extend(table, 9, 9, x[2]);
  tern_extend(table, 27, 27, x[3]);
  tern_extend(table, 81, TERN_TOP, x[4]);
}

/* Compilers that see how the tables lie would compute a row's four places from one, an addition each. */
#ifdef __GNUC__
#define TERN_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define TERN_OPAQUE(pointer) (void)(pointer)
#endif

#define TERN_ADD_ROW(k)                                                                                      \
  do {                                                                                                       \
    const uint32_t codes = tile[k];                                                                          \
    y[(k) * stride] +=                                                                                       \
        (uint32_t)t0[codes & 255] + t1[codes >> 8 & 255] + t2[codes >> 16 & 255] + t3[codes >> 24];          \
  } while (0)

/* Adds to `count` rows, `stride` numbers apart, what a tile's tables say of their codes. */
static inline void tern_add_tile(const tern_u32 *tile, const uint16_t *tables, tern_u32 *y, int32_t count,
                                 int32_t stride) {
  const uint16_t *t0 = tables, *t1 = tables + TERN_BYTES, *t2 = tables + 2 * TERN_BYTES,
                 *t3 = tables + 3 * TERN_BYTES;
  TERN_OPAQUE(t0);
  TERN_OPAQUE(t1);
  TERN_OPAQUE(t2);
  TERN_OPAQUE(t3);
  for (; count >= 4; count -= 4, tile += 4, y += 4 * stride) {
    TERN_ADD_ROW(0);
    TERN_ADD_ROW(1);
    TERN_ADD_ROW(2);
    TERN_ADD_ROW(3);
  }
  for (; count > 0; count--, tile++, y += stride)
    TERN_ADD_ROW(0);
}

/* Whose numbers a sum is of: int8 codes; or the upper or the lower byte of int16, x = 256 * upper + lower
 * with -128 <= lower < 128, so that a sum of int16 is two of bytes. */
enum tern_bytes { TERN_I8, TERN_UPPER, TERN_LOWER };

static inline int32_t tern_column(enum tern_bytes which, const void *x, int32_t k) {
  if (which == TERN_I8)
    return ((const int8_t *)x)[k];
  const int32_t number = ((const tern_i16 *)x)[k], upper = (number + 128) >> 8;
  return which == TERN_UPPER ? upper : number - 256 * upper;
}

/* The table of the columns at, at + 4, ... of a chunk; those outside [begin, end) count as 0. */
static inline void tern_fill(int32_t fields, uint16_t *table, enum tern_bytes which, const void *x,
                             int32_t at, int32_t begin, int32_t end) {
  int32_t columns[5];
  for (int32_t f = 0; f < fields; f++, at += 4)
    columns[f] = at >= begin && at < end ? tern_column(which, x, at) : 0;
  if (fields == 4)
    tern_table2(table, columns);
  else
    tern_table3(table, columns);
}

/* A packed matrix, and the tables that sums of it need: 4 * TERN_BYTES entries. */
struct tern_matrix {
  const uint8_t *w;
  int32_t m, n;
  uint16_t *tables;
};

/* y[r * stride] = scale * y[r * stride] + sum over columns [begin, end) of code[r, column] * x[column]. */
static inline void tern_sum_group(int32_t fields, const struct tern_matrix *a, enum tern_bytes which,
                                  const void *x, tern_u32 *y, int32_t begin, int32_t end, int32_t stride,
                                  uint32_t scale) {
  const int32_t width = 4 * fields, chunks = (a->n + width - 1) / width;
  const int32_t first = begin / width, last = (end + width - 1) / width;
  for (int32_t r = 0; r < a->m; r++)
    y[r * stride] = (scale ? scale * y[r * stride] : 0) - (uint32_t)(last - first) * (4 * TERN_BIAS);
  for (int32_t c = first; c < last; c++) {
    for (int32_t j = 0; j < 4; j++)
      tern_fill(fields, a->tables + j * TERN_BYTES, which, x, c * width + j, begin, end);
    for (int32_t r = 0; r < a->m; r += TERN_PANEL)
      tern_add_tile((const tern_u32 *)(const void *)tern_tile(a->w, a->m, chunks, r / TERN_PANEL, c),
                    a->tables, y + r * stride, a->m - r < TERN_PANEL ? a->m - r : TERN_PANEL, stride);
  }
}

/* y[row, r, g] for `rows` rows of x, and groups of `group` columns (0: one of all). */
#define TERN_SUMS(name, x_type, fields, sum_group)                                                           \
  static void name(const uint8_t *w, const x_type *x, tern_i32 *y, int32_t m, int32_t n, int32_t group,      \
                   int32_t rows, uint16_t *tables) {                                                         \
    const struct tern_matrix a = {w, m, n, tables};                                                          \
    const int32_t span = group ? group : n, groups = group ? (n + group - 1) / group : 1;                    \
    for (int32_t row = 0; row < rows; row++)                                                                 \
      for (int32_t g = 0; g < groups; g++) {                                                                 \
        tern_u32 *to = (tern_u32 *)y + row * m * groups + g;                                                 \
        sum_group(fields, &a, x + row * n, to, g * span, n - g * span < span ? n : g * span + span, groups); \
      }                                                                                                      \
  }

static inline void tern_group_i8(int32_t fields, const struct tern_matrix *a, const int8_t *x, tern_u32 *y,
                                 int32_t begin, int32_t end, int32_t stride) {
  tern_sum_group(fields, a, TERN_I8, x, y, begin, end, stride, 0);
}

static inline void tern_group_i16(int32_t fields, const struct tern_matrix *a, const tern_i16 *x, tern_u32 *y,
                                  int32_t begin, int32_t end, int32_t stride) {
  tern_sum_group(fields, a, TERN_UPPER, x, y, begin, end, stride, 0);
  tern_sum_group(fields, a, TERN_LOWER, x, y, begin, end, stride, 256);
}

TERN_SUMS(tern_sum_i8, int8_t, 4, tern_group_i8)

TERN_SUMS(tern_sum3_i8, int8_t, 5, tern_group_i8)

TERN_SUMS(tern_sum_i16, tern_i16, 4, tern_group_i16)

TERN_SUMS(tern_sum3_i16, tern_i16, 5, tern_group_i16)

/* The digit of column k, 0 to 2, in the row of a tile that begins at `row`. */
static inline int32_t tern_digit(int32_t fields, const uint8_t *row, int32_t k) {
  static const uint8_t power[] = {1, 3, 9, 27};
  const int32_t f = k / 4, byte = row[k & 3];
  if (fields == 4)
    return byte >> (2 * f) & 3;
  return f == 4 ? byte / TERN_TOP : byte % TERN_TOP / power[f] % 3;
}

/* Floats are added in the order of ternary.h: by 16 lanes, which fold as a tree. */
static inline float tern_row_f32(int32_t fields, const uint8_t *w, const tern_f32 *x, int32_t m, int32_t n,
                                 int32_t r, int32_t begin, int32_t end) {
  const int32_t width = 4 * fields, chunks = (n + width - 1) / width;
  float lanes[16] = {0};
  for (int32_t k = begin; k < end; k++) {
    const uint8_t *tile = tern_tile(w, m, chunks, r / TERN_PANEL, k / width);
    const int32_t t = tern_digit(fields, tile + 4 * (r % TERN_PANEL), k % width);
    lanes[(k - begin) % 16] += t == 2 ? x[k] : t == 0 ? -x[k] : 0.0f;
  }
  for (int32_t half = 8; half; half /= 2)
    for (int32_t l = 0; l < half; l++)
      lanes[l] = lanes[l] + lanes[l + half];
  return lanes[0];
}

static inline void tern_rows_f32(int32_t fields, const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m,
                                 int32_t n, int32_t group, int32_t rows) {
  const int32_t span = group ? group : n, groups = group ? (n + group - 1) / group : 1;
  for (int32_t row = 0; row < rows; row++)
    for (int32_t r = 0; r < m; r++)
      for (int32_t g = 0; g < groups; g++)
        y[(row * m + r) * groups + g] = tern_row_f32(fields, w, x + row * n, m, n, r, g * span,
                                                     n - g * span < span ? n : g * span + span);
}

static void tern_sum_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                         int32_t group, int32_t rows) {
  tern_rows_f32(4, w, x, y, m, n, group, rows);
}

static void tern_sum3_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                          int32_t group, int32_t rows) {
  tern_rows_f32(5, w, x, y, m, n, group, rows);
}

#endif
