/* gradient_tiles.h: the float32 products of a backward pass in vector registers, written once for all
 * processors. A file a processor (gradient_fma.c, gradient_avx512.c, ...) says what its registers do and
 * includes this page; TERN_GRADIENT makes the functions of gradient.h. It gives
 *
 *   vec, LANES           a register of LANES floats
 *   ROWS, REGS           a tile of y in registers: ROWS rows of REGS registers; SOME, FEW rows where ROWS are
 *                        not left
 *   spread(x)            x in every lane
 *   mac(a, b, s)         a * b + s, rounded once, in each lane
 *   widen_i8(p), widen_i16(p)   LANES numbers at p as floats
 *   codes_of(word, v)    of the 16 digits of a word of tile2 those of columns LANES * v on, as codes
 *
 * With TERN_PAIRS a word of the near operands is not a float but a pair of bfloat16, of two steps k: the even
 * one in the low half. `mac` adds the products of both.
 *
 * With TERN_BF16 the sum is the one of that name: rows of a are rounded, a tile has chains of even and of odd
 * steps, and y holds what they add up to, group by group. The file also gives
 *
 *   flush_denormals()    from here on denormal numbers are zeros; what restore(it) takes back
 *
 * Of both products y[r, j] += sum over k of a[k, r] * b[k, j]. A block of b (256 steps k, some panels of
 * columns) is brought near as floats, panel after panel; then some rows of a, in sets that are as high as a
 * tile. Each set meets each panel in a tile, whose sums stay in registers for the whole block. A panel stays
 * in the first cache while the sets pass, the block in the second while the rows do. */
#ifndef TERN_GRADIENT_TILES_H
#define TERN_GRADIENT_TILES_H

#include "runtime/kernels/gradient.h"
#include "runtime/kernels/ternary_inline.h"

#include <stdbool.h>

#ifdef TERN_PAIRS
enum { STEPS = 2, COLUMNS = 320 }; /* of a word; columns of a block of b, 160 KiB */
#else
enum { STEPS = 1, COLUMNS = 192 }; /* 192 KiB */
#endif
enum {
  DEPTH = TERN_GRADIENT_BLOCK / STEPS, /* words */
  PANEL = REGS * LANES,                /* columns of a tile */
  BUNCH = 48,                          /* rows of a that are near together: whole lines of the cache */
  STRIP = COLUMNS + 2 * TERN_CHUNK3,   /* columns of a strip of whole chunks of either layout */
};

INLINE int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

INLINE int64_t words_of(int64_t steps) {
  return (steps + STEPS - 1) / STEPS;
}

INLINE vec load(const float *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}

INLINE void store(float *p, vec v) {
  memcpy(p, &v, sizeof v);
}

/* ---- a tile ---------------------------------------------------------------------------------- */

/* Where a tile's sums go: `columns` of PANEL, rows `stride` apart; added to what is there or in its place. */
struct gradient_target {
  float *y;
  int64_t stride, columns;
  bool add;
};

/* Sums that begin with 0 differ from those in their place where they are -0. */
#ifdef TERN_BF16
#define IN_PLACE(sum) ((sum) + 0.0f)
#else
#define IN_PLACE(sum) (sum)
#endif

INLINE void put_row(const struct gradient_target *to, int r, const vec sums[REGS]) {
  float *y = to->y + r * to->stride, padded[PANEL];
  if (to->columns == PANEL) {
    UNROLL for (int v = 0; v < REGS; v++)
        store(y + v * LANES, to->add ? load(y + v * LANES) + sums[v] : IN_PLACE(sums[v]));
    return;
  }
  memcpy(padded, sums, sizeof padded);
  for (int64_t j = 0; j < to->columns; j++)
    y[j] = to->add ? y[j] + padded[j] : IN_PLACE(padded[j]);
}

#ifdef TERN_BF16
INLINE void add_step(int rows, const float *a, const float *b, vec sums[ROWS][REGS]) {
  vec columns[REGS];
  UNROLL for (int v = 0; v < REGS; v++) columns[v] = load(b + v * LANES);
  UNROLL for (int r = 0; r < rows; r++) {
    vec all = spread(a[r]);
    UNROLL for (int v = 0; v < REGS; v++) sums[r][v] = mac(all, columns[v], sums[r][v]);
  }
}

/* Steps that fill a group up add 0. */
INLINE void put_group(int rows, int64_t steps, vec even[ROWS][REGS], vec odd[ROWS][REGS],
                      const struct gradient_target *to) {
  UNROLL for (int r = 0; r < rows; r++) {
    vec sums[REGS];
    UNROLL for (int v = 0; v < REGS; v++) {
      vec e = steps < TERN_GRADIENT_TILE_STEPS - 1 ? even[r][v] + 0.0f : even[r][v];
      sums[v] = e + (steps < TERN_GRADIENT_TILE_STEPS ? odd[r][v] + 0.0f : odd[r][v]);
    }
    put_row(to, r, sums);
  }
}

INLINE void tile(int rows, const float *a, const float *b, int64_t count, const struct gradient_target *to) {
  struct gradient_target part = *to;
  for (int64_t k = 0; k < count; k += TERN_GRADIENT_TILE_STEPS, part.add = true) {
    vec even[ROWS][REGS], odd[ROWS][REGS];
    int64_t steps = least(TERN_GRADIENT_TILE_STEPS, count - k);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < REGS; v++) even[r][v] = odd[r][v] =
        (vec){0};
    for (int64_t i = 0; i + 2 <= steps; i += 2, a += 2 * rows, b += 2 * PANEL) {
      add_step(rows, a, b, even);
      add_step(rows, a + rows, b + PANEL, odd);
    }
    if (steps % 2)
      add_step(rows, a, b, even);
    put_group(rows, steps, even, odd, &part);
  }
}
#else
INLINE void tile(int rows, const float *a, const float *b, int64_t count, const struct gradient_target *to) {
  vec sums[ROWS][REGS];
  UNROLL for (int r = 0; r < rows; r++) {
    __builtin_prefetch(to->y + r * to->stride, 1);
    UNROLL for (int v = 0; v < REGS; v++) sums[r][v] = (vec){0};
  }
  for (int64_t k = 0; k < count; k++, a += rows, b += PANEL) {
    vec columns[REGS];
    UNROLL for (int v = 0; v < REGS; v++) columns[v] = load(b + v * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      vec all = spread(a[r]);
      UNROLL for (int v = 0; v < REGS; v++) sums[r][v] = mac(all, columns[v], sums[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) put_row(to, r, sums[r]);
}
#endif

#define TILE(name, rows)                                                                                     \
  static __attribute__((noinline)) void name(const float *a, const float *b, int64_t count,                  \
                                             const struct gradient_target *to) {                             \
    tile(rows, a, b, count, to);                                                                             \
  }
TILE(tile_full, ROWS)
TILE(tile_some, SOME)
TILE(tile_few, FEW)
TILE(tile_one, 1)

INLINE int set_of(int64_t left) {
  return left >= ROWS ? ROWS : left >= SOME ? SOME : left >= FEW ? FEW : 1;
}

INLINE void any_tile(int rows, const float *a, const float *b, int64_t count,
                     const struct gradient_target *to) {
  if (rows == ROWS)
    tile_full(a, b, count, to);
  else if (rows == SOME)
    tile_some(a, b, count, to);
  else if (rows == FEW)
    tile_few(a, b, count, to);
  else
    tile_one(a, b, count, to);
}

/* ---- pairs of bfloat16 ----------------------------------------------------------------------- */

typedef uint32_t bits __attribute__((vector_size(sizeof(vec))));

/* Two steps that bfloat16 has exactly, in a word. */
INLINE vec join(vec even, vec odd) {
  return (vec)((bits)even >> 16 | ((bits)odd & 0xffff0000u));
}

/* A float as bfloat16, half to even, in the upper half; NaN stays NaN. */
INLINE uint32_t round_half_even(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  uint32_t rounded = b + 0x7fffu + (b >> 16 & 1), quiet = b | 0x400000u;
  return ((b & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) & 0xffff0000u;
}

/* The same of a number that is 0 when it is denormal. */
INLINE float round_flushed(float x) {
  uint32_t b, normal;
  memcpy(&b, &x, sizeof b);
  normal = b & 0x7f800000u ? round_half_even(x) : b & 0x80000000u;
  memcpy(&x, &normal, sizeof x);
  return x;
}

INLINE float round_pair(float even, float odd) {
  uint32_t word = round_half_even(even) >> 16 | round_half_even(odd);
  float pair;
  memcpy(&pair, &word, sizeof pair);
  return pair;
}

/* ---- rows of a ------------------------------------------------------------------------------- */

/* a[k, r] is at a[k * step + r * apart]. */
struct gradient_rows {
  const float *a;
  int64_t step, apart;
};

/* Four rows of four steps, turned over. */
INLINE void turn_four(const float *a, int64_t apart, float *to, int64_t set) {
  typedef float four __attribute__((vector_size(16)));
  four x[4];
  for (int r = 0; r < 4; r++)
    memcpy(&x[r], a + r * apart, sizeof x[r]);
  four a02 = __builtin_shufflevector(x[0], x[2], 0, 4, 1, 5),
       a13 = __builtin_shufflevector(x[1], x[3], 0, 4, 1, 5);
  four b02 = __builtin_shufflevector(x[0], x[2], 2, 6, 3, 7),
       b13 = __builtin_shufflevector(x[1], x[3], 2, 6, 3, 7);
  four y[4] = {__builtin_shufflevector(a02, a13, 0, 4, 1, 5), __builtin_shufflevector(a02, a13, 2, 6, 3, 7),
               __builtin_shufflevector(b02, b13, 0, 4, 1, 5), __builtin_shufflevector(b02, b13, 2, 6, 3, 7)};
  for (int k = 0; k < 4; k++)
    memcpy(to + k * set, &y[k], sizeof y[k]);
}

/* A set of rows whose steps lie side by side (step 1). */
INLINE void bring_turned(int set, const struct gradient_rows *from, int64_t count, float *to) {
  int64_t k = 0;
  for (; k + 4 <= count; k += 4) {
    int r = 0;
    for (; r + 4 <= set; r += 4)
      turn_four(from->a + k + r * from->apart, from->apart, to + k * set + r, set);
    for (; r < set; r++)
      for (int i = 0; i < 4; i++)
        to[(k + i) * set + r] = from->a[k + i + r * from->apart];
  }
  for (; k < count; k++)
    for (int r = 0; r < set; r++)
      to[k * set + r] = from->a[k + r * from->apart];
}

INLINE void bring_set(int set, const struct gradient_rows *from, int64_t count, float *to) {
  if (from->step == 1)
    bring_turned(set, from, count, to);
  else if (from->apart == 1)
    for (int64_t k = 0; k < count; k++)
      memcpy(to + k * set, from->a + k * from->step, sizeof(float) * (size_t)set);
  else
    for (int64_t k = 0; k < count; k++)
      for (int r = 0; r < set; r++)
        to[k * set + r] = from->a[k * from->step + r * from->apart];
}

/* Rows of a bunch side by side within sets, which follow each other. Whole sets of rows that lie side by side
 * are brought step by step, so that a line of the cache is met once. */
INLINE void bring_bunch(const struct gradient_rows *from, int64_t rows, int64_t count, float *to) {
  int64_t r = 0, whole = from->apart == 1 ? rows / ROWS * ROWS : 0;
  for (int64_t k = 0; k < count; k++)
    for (r = 0; r < whole; r += ROWS)
      memcpy(to + r * count + k * ROWS, from->a + k * from->step + r, sizeof(float) * ROWS);
  for (r = whole; r < rows;) {
    struct gradient_rows set = {from->a + r * from->apart, from->step, from->apart};
    int height = set_of(rows - r);
    if (height == ROWS)
      bring_set(ROWS, &set, count, to + r * count);
    else if (height == SOME)
      bring_set(SOME, &set, count, to + r * count);
    else
      bring_set(height, &set, count, to + r * count);
    r += height;
  }
}

/* Rows of a bunch as words. Steps of an odd count have a zero beside the last. */
INLINE void bring_rows(const struct gradient_rows *from, int64_t rows, int64_t count, float *bunch) {
#ifdef TERN_PAIRS
  float pairs[BUNCH * DEPTH];
  int64_t words = words_of(count), even = count / 2;
  struct gradient_rows near = {pairs, from->step == 1 ? 1 : rows, from->step == 1 ? words : 1};
  for (int64_t r = 0; from->step == 1 && r < rows; r++)
    for (int64_t k = 0; k < even; k++)
      pairs[r * words + k] =
          round_pair(from->a[r * from->apart + 2 * k], from->a[r * from->apart + 2 * k + 1]);
  for (int64_t k = 0; from->step != 1 && k < even; k++)
    for (int64_t r = 0; r < rows; r++)
      pairs[k * rows + r] = round_pair(from->a[2 * k * from->step + r * from->apart],
                                       from->a[(2 * k + 1) * from->step + r * from->apart]);
  for (int64_t r = 0; count % 2 && r < rows; r++)
    pairs[even * near.step + r * near.apart] =
        round_pair(from->a[2 * even * from->step + r * from->apart], 0);
  bring_bunch(&near, rows, words, bunch);
#else
  bring_bunch(from, rows, count, bunch);
#ifdef TERN_BF16
  for (int64_t i = 0; i < rows * count; i++)
    bunch[i] = round_flushed(bunch[i]);
#endif
#endif
}

/* A block of b, near, against the rows [row, row_end) of a and y. */
INLINE void block_by_rows(const float *near, int64_t count, const struct gradient_rows *a, int64_t row,
                          int64_t row_end, const struct gradient_target *to) {
  float bunch[BUNCH * DEPTH];
  int64_t words = words_of(count);
  for (int64_t first = row; first < row_end; first += BUNCH) {
    int64_t rows = least(BUNCH, row_end - first);
    struct gradient_rows from = {a->a + first * a->apart, a->step, a->apart};
    bring_rows(&from, rows, count, bunch);
    for (int64_t j = 0; j < to->columns; j += PANEL)
      for (int64_t r = 0, set; r < rows; r += set) {
        struct gradient_target part = {to->y + (first + r) * to->stride + j, to->stride,
                                       least(PANEL, to->columns - j), to->add};
        set = set_of(rows - r);
        any_tile((int)set, bunch + r * words, near + j * words, words, &part);
      }
  }
}

/* Columns of the next block: blocks of [column, end) are about equally wide, and within a group. */
INLINE int64_t block_columns(int64_t column, int64_t end, int64_t group) {
  int64_t left = group ? least(end - column, group - column % group) : end - column;
  int64_t blocks = (left + COLUMNS - 1) / COLUMNS, panels = (left + PANEL * blocks - 1) / (PANEL * blocks);
  return least(left, panels * PANEL);
}

#ifdef TERN_BF16
#define FLUSH_DENORMALS uint64_t mode = flush_denormals()
#define RESTORE         restore(mode)
#else
#define FLUSH_DENORMALS
#define RESTORE
#endif

/* ---- outer ----------------------------------------------------------------------------------- */

INLINE vec widen_f32(const float *p) {
  return load(p);
}

/* Some rows at a time, so that lines of b stay in the first cache until all panels have had their columns. */
enum { NEAR_ROWS = 8 };

/* The words of `rows` rows, PANEL columns of each, zeros where there are none. */
#define BRING(name, b_type, widen)                                                                           \
  INLINE void name##_panel(const b_type *b, int64_t stride, int64_t columns, int64_t rows, float *to) {      \
    for (int64_t k = 0; k < rows; k += STEPS, to += PANEL) {                                                 \
      b_type padded[2][PANEL] = {{0}};                                                                       \
      const b_type *even = b + k * stride, *odd = even + stride;                                             \
      if (columns < PANEL) {                                                                                 \
        memcpy(padded[0], even, sizeof *b *(size_t)columns);                                                 \
        if (STEPS == 2 && k + 1 < rows)                                                                      \
          memcpy(padded[1], odd, sizeof *b *(size_t)columns);                                                \
        even = padded[0], odd = padded[1];                                                                   \
      } else if (k + 1 >= rows) {                                                                            \
        odd = padded[1];                                                                                     \
      }                                                                                                      \
      UNROLL for (int v = 0; v < REGS; v++) {                                                                \
        vec first = widen(even + v * LANES);                                                                 \
        store(to + v * LANES, STEPS == 2 ? join(first, widen(odd + v * LANES)) : first);                     \
      }                                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  INLINE void name(const b_type *b, int64_t stride, int64_t columns, int64_t count, float *near) {           \
    for (int64_t k = 0; k < count; k += NEAR_ROWS)                                                           \
      for (int64_t j = 0; j < columns; j += PANEL)                                                           \
        name##_panel(b + k * stride + j, stride, columns - j, least(NEAR_ROWS, count - k),                   \
                     near + j * words_of(count) + k / STEPS * PANEL);                                        \
  }
BRING(bring_i8, int8_t, widen_i8)
BRING(bring_i16, int16_t, widen_i16)
BRING(bring_f32, float, widen_f32)

#define OUTER(name, b_type, bring)                                                                           \
  TERN_OUTER(name, b_type) {                                                                                 \
    struct tern_part p = tern_gradient_share(m, n, PANEL, thread, threads);                                  \
    int64_t groups = group ? (n + group - 1) / group : 1;                                                    \
    FLUSH_DENORMALS;                                                                                         \
    for (int64_t t = 0; t < rows; t += TERN_GRADIENT_BLOCK)                                                  \
      for (int64_t j = p.column, columns; j < p.column_end; j += columns) {                                  \
        float near[DEPTH * COLUMNS];                                                                         \
        int64_t count = least(TERN_GRADIENT_BLOCK, rows - t);                                                \
        columns = block_columns(j, p.column_end, group);                                                     \
        bring(b + t * n + j, n, columns, count, near);                                                       \
        struct gradient_rows from = {a + t * m * groups + (group ? j / group : 0), m * groups, groups};      \
        block_by_rows(near, count, &from, p.row, p.row_end,                                                  \
                      &(struct gradient_target){y + j, n, columns, true});                                   \
      }                                                                                                      \
    RESTORE;                                                                                                 \
  }

/* ---- back ------------------------------------------------------------------------------------ */

/* Row r of a tile of 4 * fields columns as floats; `low` and `top` are of the whole tile: a word a row in
 * the form of tile2, and of tile3 the last four digits. */
INLINE void unpack_row(int fields, const uint8_t *low, const uint8_t *top, int r, float *to) {
  uint32_t word;
  memcpy(&word, low + 4 * r, sizeof word);
  UNROLL for (int v = 0; v < 16 / LANES; v++) store(to + v * LANES, codes_of(word, v));
  for (int j = 0; fields == 5 && j < 4; j++)
    to[16 + j] = (float)(top[4 * r + j] - 1);
}

/* The block of columns [j, j + columns) by rows [first, first + count), which begins with a tile. */
INLINE void bring_codes(int fields, const uint8_t *w, int64_t m, int64_t n, int64_t first, int64_t count,
                        int64_t j, int64_t columns, float *near) {
  int64_t width = 4 * fields, chunks = (n + width - 1) / width, before = j / width * width;
  for (int64_t k = 0; k < count; k += TERN_PANEL) {
    float strip[TERN_PANEL * STRIP];
    int64_t step, rows = least(TERN_PANEL, count - k);
    const uint8_t *tiles = tern_panel(w, m, chunks, (first + k) / TERN_PANEL, &step);
    for (int64_t c = before; c < j + columns; c += width) {
      const uint8_t *low = tiles + c / width * step;
      uint8_t parts[2][TERN_TILE];
      if (fields == 5) {
        split_tile3(low, parts[0], parts[1]);
        low = parts[0];
      }
      for (int r = 0; r < rows; r++)
        unpack_row(fields, low, parts[1], r, strip + r * STRIP + c - before);
    }
    for (int64_t p = 0; p < columns; p += PANEL)
      bring_f32_panel(strip + j - before + p, STRIP, columns - p, rows,
                      near + p * words_of(count) + k / STEPS * PANEL);
  }
}

#define BACK_LOOP(bring_w)                                                                                   \
  struct tern_part p = tern_back_share(rows, n, PANEL, thread, threads);                                     \
  for (int64_t j = p.column, columns; j < p.column_end; j += columns) {                                      \
    columns = block_columns(j, p.column_end, group);                                                         \
    for (int64_t i = 0; i < m; i += TERN_GRADIENT_BLOCK) {                                                   \
      float near[DEPTH * COLUMNS];                                                                           \
      int64_t count = least(TERN_GRADIENT_BLOCK, m - i);                                                     \
      bring_w;                                                                                               \
      struct gradient_rows from = {a + i * groups + (group ? j / group : 0), groups, m * groups};            \
      block_by_rows(near, count, &from, p.row, p.row_end,                                                    \
                    &(struct gradient_target){y + j, n, columns, i > 0});                                    \
    }                                                                                                        \
  }

#define TERNARY_BACK(name, fields)                                                                           \
  TERN_TERNARY_BACK(name) {                                                                                  \
    int64_t groups = group ? (n + group - 1) / group : 1;                                                    \
    FLUSH_DENORMALS;                                                                                         \
    BACK_LOOP(bring_codes(fields, w, m, n, i, count, j, columns, near))                                      \
    RESTORE;                                                                                                 \
  }

#define MATMUL_BACK(name)                                                                                    \
  TERN_MATMUL_BACK(name) {                                                                                   \
    const int64_t group = 0, groups = 1;                                                                     \
    BACK_LOOP(bring_f32(w + i * n + j, n, columns, count, near))                                             \
  }

#if defined TERN_PAIRS || defined TERN_BF16
#define TERN_GRADIENT(level)                                                                                 \
  OUTER(tern_outer_i8_##level, int8_t, bring_i8)                                                             \
  TERNARY_BACK(tern_ternary_back_f32_##level, 4)                                                             \
  TERNARY_BACK(tern_ternary_back3_f32_##level, 5)
#else
#define TERN_GRADIENT(level)                                                                                 \
  OUTER(tern_outer_i8_##level, int8_t, bring_i8)                                                             \
  OUTER(tern_outer_i16_##level, int16_t, bring_i16)                                                          \
  OUTER(tern_outer_f32_##level, float, bring_f32)                                                            \
  TERNARY_BACK(tern_ternary_back_f32_##level, 4)                                                             \
  TERNARY_BACK(tern_ternary_back3_f32_##level, 5)                                                            \
  MATMUL_BACK(tern_matmul_back_f32_##level)
#endif

#endif
