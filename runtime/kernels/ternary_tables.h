/* ternary_tables.h: int8 ternary sums of many rows of x by tables of partial sums, for processors whose
 * multiplications of bytes are slow (AVX2: one of 32 a clock).
 *
 * Four columns of x meet four weights of -1, 0, 1 in only 81 ways. For a *bundle* of BUNDLE rows of x and a
 * *group* of four columns a table holds all 81 sums, each a line of BUNDLE 16-bit numbers. A row of weights
 * then adds a line a group: 4 * BUNDLE products for the additions of one line from the first cache, where
 * multiplying takes an instruction for 32. That a table pays where many tokens share it is the idea of
 * Vec-LUT (Li et al. 2025, arXiv 2512.06443); here the sums of a row stay in registers over all groups of a
 * chunk, whose tables fill the first cache.
 *
 * SPAN columns at a time, chunk by chunk: its tables are built, its tiles become offsets of lines, every row
 * of weights adds its lines to its 16-bit sums; a span's 60 groups reach at most 60 * 4 * 128 = 30720 and go
 * to 32-bit sums. Uses `reg` and `look_up` of the processor's file and what ternary_rows.h defines. */
#ifndef TERN_TERNARY_TABLES_H
#define TERN_TERNARY_TABLES_H

#include "runtime/kernels/ternary_rows.h"

enum {
  BUNDLE = 32,       /* rows of x */
  LINES = 81,        /* of a table */
  LINE = 2 * BUNDLE, /* bytes */
  SPAN = 240,        /* columns: 15 chunks of tile2, 12 of tile3 */
  BLOCK_PANELS = 80, /* rows of weights whose sums are kept at a time: 1280 */
  BUNDLE_LEAST = 24  /* fewer rows of x are faster multiplied */
};

typedef int16_t line __attribute__((vector_size(LINE)));
typedef int32_t wide_line __attribute__((vector_size(2 * LINE)));
typedef uint16_t offsets __attribute__((vector_size(2 * sizeof(reg))));

struct tables {
  line lines[MOST_FIELDS * LINES];           /* of one chunk: tile2 has four groups, tile3 five */
  line narrow[BLOCK_PANELS * TERN_PANEL];    /* sums of a span */
  wide_line wide[BLOCK_PANELS * TERN_PANEL]; /* of all spans so far */
  int32_t words[SPAN / 4][BUNDLE];           /* four columns of x of every row */
};

/* ---- tables of a chunk ----------------------------------------------------------------------- */

/* -1, 0 or 1 times a column. (No function: lines are wider than registers, and compilers warn of passing
 * them.) */
#define TIMES(code, column) ((code) < 0 ? -(column) : (code) > 0 ? (column) : (line){0})

/* Line i0 + 3 i1 + 9 i2 + 27 i3 is the sum of (i - 1) * column. */
INLINE void build_table(line *lines, const line column[4]) {
  line low[9];
  UNROLL for (int i = 0; i < 9; i++) low[i] = TIMES(i % 3 - 1, column[0]) + TIMES(i / 3 - 1, column[1]);
  UNROLL for (int k = 0; k < 9; k++) {
    line high = TIMES(k % 3 - 1, column[2]) + TIMES(k / 3 - 1, column[3]);
    UNROLL for (int i = 0; i < 9; i++) lines[9 * k + i] = low[i] + high;
  }
}

/* Byte j of every word. */
INLINE void byte_of(line *column, const int32_t words[BUNDLE], int j) {
  wide_line all;
  memcpy(&all, words, sizeof all);
  *column = __builtin_convertvector((all << (24 - 8 * j)) >> 24, line);
}

/* Group j has byte j of the chunk's first four words; a fifth has the four bytes of the fifth word. */
INLINE void build_tables(int groups, struct tables *t, const int32_t (*words)[BUNDLE]) {
  for (int j = 0; j < groups; j++) {
    line column[4];
    UNROLL for (int f = 0; f < 4; f++) byte_of(&column[f], words[j < 4 ? f : 4], j < 4 ? j : f);
    build_table(t->lines + j * LINES, column);
  }
}

/* ---- tiles to offsets ------------------------------------------------------------------------ */

/* Bytes of indices, four a row, to the places of their lines: 64 i, and the table's own. */
INLINE void store_offsets(uint16_t *to, reg index) {
  offsets at = __builtin_convertvector(index, offsets), table;
  UNROLL for (int i = 0; i < (int)sizeof(reg); i++) table[i] = (uint16_t)(i % 4 * LINES * LINE);
  at = (at << 6) + table;
  memcpy(to, &at, sizeof at);
}
_Static_assert(LINE == 1 << 6, "the shift above");

/* tile2: t0 + 4 t1 + 16 t2 + 64 t3 to base 3, a nibble at a time. */
INLINE reg base3(reg b) {
  static const uint8_t low[16] = {0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8},
                       high[16] = {0, 9, 18, 0, 27, 36, 45, 0, 54, 63, 72};
  return look_up(low, b & 15) + look_up(high, b >> 4);
}

/* tile3: what lies below TERN_TOP is an index; the top digits of a row's four bytes make the fifth. */
INLINE void store_fifth(uint16_t *to, reg b, reg index) {
  typedef uint32_t words __attribute__((vector_size(sizeof(reg))));
  words top = (words)((b - index) & 3); /* 85 t4: its low bits are t4 */
  words at = (top & 255) + 3 * (top >> 8 & 255) + 9 * (top >> 16 & 255) + 27 * (top >> 24);
  for (int r = 0; r < (int)sizeof(reg) / 4; r++)
    to[r] = (uint16_t)(4 * LINES * LINE + LINE * at[r]);
}

/* ---- sums ------------------------------------------------------------------------------------ */

INLINE void add_panel(int groups, const line *lines, const uint8_t *tile, line *sums) {
  uint16_t at[TERN_TILE], fifth[TERN_PANEL];
  UNROLL for (int i = 0; i < REGS; i++) {
    reg b = load_reg(tile + i * (int)sizeof(reg)), index = groups == 4 ? base3(b) : below(b, TERN_TOP);
    store_offsets(at + i * (int)sizeof(reg), index);
    if (groups == 5)
      store_fifth(fifth + i * (int)sizeof(reg) / 4, b, index);
  }
  for (int r = 0; r < TERN_PANEL; r++) {
    line sum = sums[r];
    UNROLL for (int j = 0; j < 4; j++) sum += *(const line *)((const char *)lines + at[4 * r + j]);
    if (groups == 5)
      sum += *(const line *)((const char *)lines + fifth[r]);
    sums[r] = sum;
  }
}

/* Words of columns [begin, end); beyond the rows and columns there are zeros. */
INLINE void load_words(struct tables *t, const int8_t *x, int64_t n, int64_t rows, int64_t begin,
                       int64_t end) {
  memset(t->words, 0, sizeof t->words);
  for (int64_t row = 0; row < rows; row++) {
    const int8_t *from = x + row * n;
    int64_t k = begin, word = 0;
    for (; k + 4 <= end; k += 4)
      memcpy(&t->words[word++][row], from + k, 4);
    if (k < end)
      memcpy(&t->words[word][row], from + k, (size_t)(end - k));
  }
}

/* Columns [begin, end) of panels [first, last). */
INLINE void add_span(int groups, struct tables *t, const uint8_t *w, int64_t m, int64_t n, int64_t begin,
                     int64_t end, int64_t first, int64_t last) {
  int64_t width = chunk_width(groups), chunks = (n + width - 1) / width;
  memset(t->narrow, 0, sizeof *t->narrow * (size_t)((last - first) * TERN_PANEL));
  for (int64_t chunk = begin / width; chunk * width < end; chunk++) {
    build_tables(groups, t, (const int32_t(*)[BUNDLE])t->words + (chunk * width - begin) / 4);
    for (int64_t panel = first; panel < last; panel++) {
      int64_t step;
      const uint8_t *tiles = tern_panel(w, m, chunks, panel, &step);
      __builtin_prefetch(tiles + (chunk + 1) * step);
      add_panel(groups, t->lines, tiles + chunk * step, t->narrow + (panel - first) * TERN_PANEL);
    }
  }
  for (int64_t r = 0; r < (last - first) * TERN_PANEL; r++)
    t->wide[r] += __builtin_convertvector(t->narrow[r], wide_line);
}

/* Panels [first, last), at most BLOCK_PANELS, for at most BUNDLE rows of x. */
INLINE void bundle_of_rows(int groups, struct tables *t, const uint8_t *w, const int8_t *x, int32_t *y,
                           int64_t m, int64_t n, int64_t rows, int64_t first, int64_t last) {
  int64_t from = first * TERN_PANEL, to = last * TERN_PANEL < m ? last * TERN_PANEL : m;
  memset(t->wide, 0, sizeof *t->wide * (size_t)((last - first) * TERN_PANEL));
  for (int64_t begin = 0; begin < n; begin += SPAN) {
    int64_t end = n - begin < SPAN ? n : begin + SPAN;
    load_words(t, x, n, rows, begin, end);
    add_span(groups, t, w, m, n, begin, end, first, last);
  }
  for (int64_t i = from; i < to; i += TERN_PANEL) /* a panel's sums stay in the first cache */
    for (int64_t row = 0; row < rows; row++) {
      int32_t sums[TERN_PANEL];
      UNROLL for (int r = 0; r < TERN_PANEL; r++) sums[r] = t->wide[i - from + r][row];
      if (to - i >= TERN_PANEL)
        memcpy(y + row * m + i, sums, sizeof sums);
      else
        memcpy(y + row * m + i, sums, sizeof *y * (size_t)(to - i));
    }
}

/* A thread's panels by tables for bundles of rows; returns how many rows that was: the rest are few. */
INLINE int64_t sum_bundles(int groups, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n,
                           int64_t rows, uint32_t thread, uint32_t threads) {
  struct tables t;
  int64_t first, last;
  tern_share(m, thread, threads, &first, &last);
  int64_t blocks = (last - first + BLOCK_PANELS - 1) / BLOCK_PANELS;
  int64_t whole = rows / BUNDLE * BUNDLE + (rows % BUNDLE >= BUNDLE_LEAST ? rows % BUNDLE : 0);
  for (int64_t b = 0; b < blocks; b++)
    for (int64_t row = 0; row < whole; row += BUNDLE)
      bundle_of_rows(groups, &t, w, x + row * n, y + row * m, m, n,
                     whole - row < BUNDLE ? whole - row : BUNDLE, first + (last - first) * b / blocks,
                     first + (last - first) * (b + 1) / blocks);
  return whole;
}

#endif
