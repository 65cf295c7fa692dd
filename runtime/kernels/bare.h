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

/* ---- floats ------------------------------------------------------------------------------------------ */

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

/* ---- the layout of codes (ternary.h) ----------------------------------------------------------------- */

enum { TERN_TILE = 64, TERN_PANEL = 16, TERN_TOP = 85 };

/* The tile of a panel and a chunk: panels stand in pairs, tile by tile. */
static inline const uint8_t *tern_tile(const uint8_t *w, int32_t m, int32_t chunks, int32_t panel,
                                       int32_t chunk) {
  const int32_t paired = (panel | 1) * TERN_PANEL < m;
  return w + ((panel & ~1) * chunks + (panel & 1) + chunk * (1 + paired)) * TERN_TILE;
}

/* ---- tables ------------------------------------------------------------------------------------------ */

/* Entries of the table of a byte; what is added to all of them, so that none is negative: five times 128. */
enum { TERN_BYTES = 256, TERN_BIAS = 640 };

/* Loops that are worth their room without a branch. */
#if defined __clang__
#define TERN_UNROLL(n) _Pragma("unroll")
#elif defined __GNUC__
#define TERN_UNROLL(n) _Pragma(#n)
#else
#define TERN_UNROLL(n)
#endif

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

/* tile3: bytes are t0 + 3 t1 + 9 t2 + 27 t3 + 85 t4. The entries of t0, t1 and t2 are a block of 27, of which
 * there are nine: those with t3 + t4 even begin at an even entry. So they are written two entries at once
 * from the first of their kind, of t3 = 0 and of t3 = 1; a word plus 0x10001 * d is both of its halves plus
 * d, as none of them leaves 0 .. 2^16 - 1. */
static inline void tern_table3(uint16_t *table, const int32_t x[5]) {
  const int32_t x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4];
  uint16_t *to = table;
  int32_t v = TERN_BIAS - x[0] - x1 - x2 - x3 - x4;
  for (int32_t t0 = 0; t0 < 3; t0++, v += x[0])
    for (int32_t t1 = 0, u = v; t1 < 3; t1++, u += x1)
      to[t0 + 3 * t1] = (uint16_t)u;
  TERN_UNROLL(GCC unroll 9)
  for (int32_t i = 0; i < 9; i++, to++) {
    const int32_t u = to[0];
    to[9] = (uint16_t)(u + x2);
    to[18] = (uint16_t)(u + 2 * x2);
    to[27] = (uint16_t)(u + x3);
    to[36] = (uint16_t)(u + x3 + x2);
    to[45] = (uint16_t)(u + x3 + 2 * x2);
  }
  const uint32_t both = 0x10001, d3 = both * (uint32_t)x3, d4 = both * (uint32_t)x4;
  tern_u32 *words = (tern_u32 *)(void *)table;
  TERN_UNROLL(GCC unroll 13)
  for (int32_t i = 0; i < 13; i++, words++) {
    const uint32_t w = words[0];
    words[54 / 2] = w + 2 * d3;
    words[112 / 2] = w + d3 + d4;
    words[170 / 2] = w + 2 * d4;
    words[224 / 2] = w + 2 * d3 + 2 * d4;
  }
  TERN_UNROLL(GCC unroll 13)
  for (int32_t i = 0; i < 13; i++, words++) {
    const uint32_t w = words[1];
    words[(86 - 26) / 2] = w - d3 + d4;
    words[(140 - 26) / 2] = w + d3 + d4;
    words[(198 - 26) / 2] = w + 2 * d4;
  }
  const int32_t first = table[27] - x3, last = table[26];
  table[80] = (uint16_t)(last + 2 * x3);
  table[85] = (uint16_t)(first + x4);
  table[138] = (uint16_t)(last + x3 + x4);
  table[139] = (uint16_t)(first + 2 * x3 + x4);
  table[196] = (uint16_t)(last + 2 * x4);
  table[197] = (uint16_t)(first + x3 + 2 * x4);
  table[250] = (uint16_t)(last + 2 * x3 + 2 * x4);
}

/* Compilers that see how the tables lie would compute a row's four places from one, an addition each. */
#ifdef __GNUC__
#define TERN_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define TERN_OPAQUE(pointer) (void)(pointer)
#endif

/* Two words at once, from or to addresses that are multiples of 4, where there is an instruction for it; all
 * but TERN_LOAD_PAIR go on to the next two. */
#if defined __GNUC__ && defined __thumb2__
#define TERN_PAIR(at) (*(tern_u32(*)[2])(at))
#define TERN_LOAD_PAIR(a, b, at)                                                                             \
  __asm__("ldrd %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(at), "m"(TERN_PAIR(at)))
#define TERN_NEXT_PAIR(a, b, at)                                                                             \
  __asm__("ldrd %0, %1, [%2], #8" : "=&r"(a), "=&r"(b), "+r"(at) : "m"(*(const tern_u32(*)[2])(at)))
#define TERN_PUT_PAIR(a, b, at)                                                                              \
  __asm__("strd %2, %3, [%1], #8" : "=m"(TERN_PAIR(at)), "+r"(at) : "r"(a), "r"(b))
#else
#define TERN_LOAD_PAIR(a, b, at) ((a) = (at)[0], (b) = (at)[1])
#define TERN_NEXT_PAIR(a, b, at) ((a) = (at)[0], (b) = (at)[1], (at) += 2)
#define TERN_PUT_PAIR(a, b, at)  ((at)[0] = (a), (at)[1] = (b), (at) += 2)
#endif

#define TERN_LOOK_UP(codes)                                                                                  \
  ((uint32_t)t0[(codes) & 255] + t1[(codes) >> 8 & 255] + t2[(codes) >> 16 & 255] + t3[(codes) >> 24])

#define TERN_ADD_TWO()                                                                                       \
  do {                                                                                                       \
    uint32_t a, b, to_a, to_b;                                                                               \
    TERN_NEXT_PAIR(a, b, tile);                                                                              \
    TERN_LOAD_PAIR(to_a, to_b, y);                                                                           \
    to_a += TERN_LOOK_UP(a);                                                                                 \
    to_b += TERN_LOOK_UP(b);                                                                                 \
    TERN_PUT_PAIR(to_a, to_b, y);                                                                            \
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
  for (; stride == 1 && count >= 4; count -= 4) {
    TERN_ADD_TWO();
    TERN_ADD_TWO();
  }
  for (; count > 0; count--, tile++, y += stride)
    *y += TERN_LOOK_UP(*tile);
}

/* The same for chunk c of all m rows. A pair of panels is one tile of 32 rows. */
static inline void tern_add_chunk(const tern_u32 *w, const uint16_t *tables, tern_u32 *y, int32_t m,
                                  int32_t chunks, int32_t c, int32_t stride) {
  enum { WORDS = TERN_TILE / 4, PAIR = 2 * TERN_PANEL };
  for (; m > TERN_PANEL; m -= PAIR, w += 2 * WORDS * chunks, y += PAIR * stride)
    tern_add_tile(w + 2 * WORDS * c, tables, y, m < PAIR ? m : PAIR, stride);
  if (m > 0)
    tern_add_tile(w + WORDS * c, tables, y, m, stride);
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
    tern_add_chunk((const tern_u32 *)(const void *)a->w, a->tables, y, a->m, chunks, c, stride);
  }
}

/* y[row, r, g] for `rows` rows of x, and groups of `group` columns (0: one of all). */
#define TERN_SUMS(name, x_type, fields, sum_group)                                                           \
  static inline void name(const uint8_t *w, const x_type *x, tern_i32 *y, int32_t m, int32_t n,              \
                          int32_t group, int32_t rows, uint16_t *tables) {                                   \
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

/* The digit of column k in the row of a tile that begins at `row`. */
static inline int32_t tern_digit(int32_t fields, const uint8_t *row, int32_t k) {
  static const uint8_t power[] = {1, 3, 9, 27};
  const int32_t f = k / 4, byte = row[k & 3];
  if (fields < 4)
    return fields == 1 ? byte : byte >> (4 * f) & 15;
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
    const float product = fields < 4 ? (float)(t - (fields == 1 ? 128 : 8)) * x[k]
                          : t == 2   ? x[k]
                          : t == 0   ? -x[k]
                                     : 0.0f;
    lanes[(k - begin) % 16] += product;
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

static inline void tern_sum_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                                int32_t group, int32_t rows) {
  tern_rows_f32(4, w, x, y, m, n, group, rows);
}

static inline void tern_sum3_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                                 int32_t group, int32_t rows) {
  tern_rows_f32(5, w, x, y, m, n, group, rows);
}

static inline void tern_sum4_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                                 int32_t group, int32_t rows) {
  tern_rows_f32(2, w, x, y, m, n, group, rows);
}

static inline void tern_sum8_f32(const uint8_t *w, const tern_f32 *x, tern_f32 *y, int32_t m, int32_t n,
                                 int32_t group, int32_t rows) {
  tern_rows_f32(1, w, x, y, m, n, group, rows);
}

/* Codes of 4 and 8 bits: column by column, for whose sums there are too many to be tables. */
#define TERN_WIDE_SUMS(name, x_type, fields)                                                                 \
  static inline void name(const uint8_t *w, const x_type *x, tern_i32 *y, int32_t m, int32_t n,              \
                          int32_t group, int32_t rows) {                                                     \
    const int32_t width = 4 * (fields), chunks = (n + width - 1) / width, zero = (fields) == 1 ? 128 : 8;    \
    const int32_t span = group ? group : n, groups = group ? (n + group - 1) / group : 1;                    \
    for (int32_t row = 0; row < rows; row++)                                                                 \
      for (int32_t r = 0; r < m; r++)                                                                        \
        for (int32_t g = 0; g < groups; g++) {                                                               \
          const int32_t end = n - g * span < span ? n : g * span + span;                                     \
          uint32_t sum = 0;                                                                                  \
          for (int32_t k = g * span; k < end; k++) {                                                         \
            const uint8_t *tile = tern_tile(w, m, chunks, r / TERN_PANEL, k / width);                        \
            const int32_t t = tern_digit(fields, tile + 4 * (r % TERN_PANEL), k % width);                    \
            sum += (uint32_t)((t - zero) * x[row * n + k]);                                                  \
          }                                                                                                  \
          y[(row * m + r) * groups + g] = (int32_t)sum;                                                      \
        }                                                                                                    \
  }

TERN_WIDE_SUMS(tern_sum4_i8, int8_t, 2)

TERN_WIDE_SUMS(tern_sum8_i8, int8_t, 1)

TERN_WIDE_SUMS(tern_sum4_i16, tern_i16, 2)

TERN_WIDE_SUMS(tern_sum8_i16, tern_i16, 1)

#endif
