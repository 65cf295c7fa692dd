/* ternary_avx2.c: int8 ternary sums for AVX2. Fields are shifted down to digits 0 .. 2, vpmaddubsw multiplies
 * them by x and adds pairs, and 16-bit sums are widened after NARROW chunks: a pair is within -512 .. 508, a
 * chunk adds four of them, and 16 chunks reach -32768 .. 32512, which fits. A register is half a tile: 32-bit
 * lane r is row r or 8 + r. Several rows of x share each unpacked tile. */
#if defined __AVX2__
#include "runtime/kernels/ternary_avx2.h"

enum { NARROW = 16 };

/* `halves` half tiles that lie one after another (2: a panel, 4: a pair) for `rows` rows of x, `apart` bytes
 * from one to the next. */
INLINE void add_rows(int halves, int rows, __m256i narrow[ROWS][HALVES], const uint8_t *tile, const int8_t *x,
                     int64_t apart) {
  const __m256i low = _mm256_set1_epi8(3);
  UNROLL for (int f = 0; f < 4; f++) {
    __m256i digits[HALVES];
    UNROLL for (int h = 0; h < halves; h++) {
      __m256i half = _mm256_loadu_si256((const __m256i *)(tile + 32 * h));
      digits[h] = _mm256_and_si256(_mm256_srli_epi16(half, 2 * f), low);
    }
    UNROLL for (int t = 0; t < rows; t++) {
      __m256i columns = four_columns(x + t * apart + 4 * f);
      UNROLL for (int h = 0; h < halves; h++) narrow[t][h] =
          _mm256_add_epi16(narrow[t][h], _mm256_maddubs_epi16(digits[h], columns));
    }
  }
}

INLINE void some_rows(int halves, int rows, const struct strip *s, const int8_t *x, const int32_t *ones,
                      int32_t *y) {
  __m256i narrow[ROWS][HALVES], wide[ROWS][HALVES];
  int64_t n = s->n, whole = n / TERN_CHUNK;
  memset(narrow, 0, sizeof narrow);
  memset(wide, 0, sizeof wide);
  for (int64_t begin = 0; begin < whole; begin += NARROW) {
    int64_t end = whole - begin < NARROW ? whole : begin + NARROW;
    for (int64_t c = begin; c < end; c++)
      add_rows(halves, rows, narrow, s->tiles + c * s->step, x + c * TERN_CHUNK, n);
    widen(halves, rows, wide, narrow);
  }
  if (n % TERN_CHUNK) {
    int8_t tails[ROWS * TERN_CHUNK] = {0};
    for (int t = 0; t < rows; t++)
      memcpy(tails + t * TERN_CHUNK, x + t * n + whole * TERN_CHUNK, (size_t)(n % TERN_CHUNK));
    add_rows(halves, rows, narrow, s->tiles + whole * s->step, tails, TERN_CHUNK);
    widen(halves, rows, wide, narrow);
  }
  UNROLL for (int t = 0; t < rows; t++) store(halves, y + t * s->m, s->count, wide[t], ones[t]);
}

/* Rows of x by fours panel by panel, the rest singly by pairs, which read the weights in one stream. */
INLINE void pair_rows(const uint8_t *w, const int8_t *x, const int32_t *ones, int32_t *y, int64_t m,
                      int64_t n, int64_t rows, int64_t panel, int64_t panels) {
  int64_t left = m - panel * TERN_PANEL, t = 0, fours = rows / ROWS * ROWS;
  y += panel * TERN_PANEL;
  for (int64_t p = 0; p < panels; p++) {
    struct strip s = {
        .count = left < (p + 1) * TERN_PANEL ? left - p * TERN_PANEL : TERN_PANEL, .m = m, .n = n};
    s.tiles = tern_panel(w, m, tern_tiles(n), panel + p, &s.step);
    for (t = 0; t < fours; t += ROWS)
      some_rows(2, ROWS, &s, x + t * n, ones + t, y + t * m + p * TERN_PANEL);
  }
  struct strip s = {.count = left < panels * TERN_PANEL ? left : panels * TERN_PANEL, .m = m, .n = n};
  s.tiles = tern_panel(w, m, tern_tiles(n), panel, &s.step);
  for (; t < rows; t++)
    if (panels == 2)
      some_rows(4, 1, &s, x + t * n, ones + t, y + t * m);
    else
      some_rows(2, 1, &s, x + t * n, ones + t, y + t * m);
}

/* Panels [first, last) for at most ROWS_BLOCK rows. */
INLINE void block_of_rows(const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n, int64_t rows,
                          int64_t first, int64_t last) {
  int32_t ones[ROWS_BLOCK];
  for (int64_t t = 0; t < rows; t++)
    ones[t] = sum_i8(x + t * n, n);
  for (int64_t panel = first; panel < last; panel += 2)
    pair_rows(w, x, ones, y, m, n, rows, panel, last - panel < 2 ? 1 : 2);
}

TERN_TERNARY_SUM(tern_ternary_sum_i8_avx2, int8_t, int32_t) {
  int64_t first, last;
  if (group) {
    tern_ternary_sum_i8(w, x, y, m, n, group, rows, thread, threads);
    return;
  }
  tern_share(m, thread, threads, &first, &last);
  for (int64_t row = 0; row < rows; row += ROWS_BLOCK)
    block_of_rows(w, x + row * n, y + row * m, m, n, rows - row < ROWS_BLOCK ? rows - row : ROWS_BLOCK, first,
                  last);
}
#else
typedef int tern_no_avx2; /* nothing to compile for this processor */
#endif
