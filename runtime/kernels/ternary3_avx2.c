/* ternary3_avx2.c: int8 ternary sums of tile3 for AVX2. Half tiles are unpacked to digits 0 .. 2, which
 * vpmaddubsw multiplies by x, as in ternary_avx2.c; a chunk adds five pairs, each within -512 .. 508, so that
 * 12 chunks reach -30720. One row of x takes a tile's digits from registers; for several, a block of columns
 * of a panel is unpacked once and serves them all. */
#if defined __AVX2__
#include "runtime/kernels/ternary_avx2.h"

enum { FIELDS = 5, NARROW = 12 };

/* ---- digits ---------------------------------------------------------------------------------- */

/* b modulo p for b < 3 p: what would be negative wraps to a large byte. */
INLINE __m256i below(__m256i b, int p) {
  const __m256i power = _mm256_set1_epi8((char)p);
  b = _mm256_min_epu8(b, _mm256_sub_epi8(b, power));
  return _mm256_min_epu8(b, _mm256_sub_epi8(b, power));
}

INLINE __m256i look_up(uint64_t low, uint64_t high, __m256i at) {
  __m128i table = _mm_set_epi64x((long long)high, (long long)low);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), at);
}

/* The five digits of each byte. What a power leaves out, t * p, shows its digit: its low two bits are t for
 * p = 81 and 9; for 27 its low four bits, 0, 11 or 6, find it in a table. The last two are looked up by the
 * remainder 0 .. 8. */
INLINE void digits_of(__m256i b, __m256i t[FIELDS]) {
  const __m256i low = _mm256_set1_epi8(3);
  __m256i r81 = below(b, 81), r27 = below(r81, 27), r9 = below(r27, 9);
  t[4] = _mm256_and_si256(_mm256_sub_epi8(b, r81), low);
  t[3] = look_up(0x0002000000000000u, 0x0000000001000000u, _mm256_sub_epi8(r81, r27));
  t[2] = _mm256_and_si256(_mm256_sub_epi8(r27, r9), low);
  t[1] = look_up(0x0202010101000000u, 2, r9);
  t[0] = look_up(0x0100020100020100u, 2, r9);
}

/* Digits of NARROW chunks of a panel: [four columns][half]. */
struct block {
  __m256i digits[NARROW * FIELDS][2];
};

INLINE void unpack(struct block *b, const struct strip *s, int64_t begin, int64_t end) {
  for (int64_t c = begin; c < end; c++)
    UNROLL for (int h = 0; h < 2; h++) {
      __m256i t[FIELDS];
      digits_of(_mm256_loadu_si256((const __m256i *)(s->tiles + c * s->step + 32 * h)), t);
      UNROLL for (int f = 0; f < FIELDS; f++) b->digits[(c - begin) * FIELDS + f][h] = t[f];
    }
}

/* ---- one row --------------------------------------------------------------------------------- */

INLINE void add_chunk(int halves, __m256i narrow[ROWS][HALVES], const uint8_t *tile, const int8_t *x) {
  UNROLL for (int h = 0; h < halves; h++) {
    __m256i t[FIELDS];
    digits_of(_mm256_loadu_si256((const __m256i *)(tile + 32 * h)), t);
    UNROLL for (int f = 0; f < FIELDS; f++) narrow[0][h] =
        _mm256_add_epi16(narrow[0][h], _mm256_maddubs_epi16(t[f], four_columns(x + 4 * f)));
  }
}

INLINE void one_row(int halves, const struct strip *s, const int8_t *x, int32_t ones, int32_t *y) {
  __m256i narrow[ROWS][HALVES], wide[ROWS][HALVES];
  int64_t n = s->n, whole = n / TERN_CHUNK3;
  memset(narrow, 0, sizeof narrow);
  memset(wide, 0, sizeof wide);
  for (int64_t begin = 0; begin < whole; begin += NARROW) {
    int64_t end = whole - begin < NARROW ? whole : begin + NARROW;
    for (int64_t c = begin; c < end; c++)
      add_chunk(halves, narrow, s->tiles + c * s->step, x + c * TERN_CHUNK3);
    widen(halves, 1, wide, narrow);
  }
  if (n % TERN_CHUNK3) {
    int8_t tail[TERN_CHUNK3] = {0};
    memcpy(tail, x + whole * TERN_CHUNK3, (size_t)(n % TERN_CHUNK3));
    add_chunk(halves, narrow, s->tiles + whole * s->step, tail);
    widen(halves, 1, wide, narrow);
  }
  store(halves, y, s->count, wide[0], ones);
}

/* ---- several rows ---------------------------------------------------------------------------- */

/* `fours` groups of four columns for `rows` rows of x, `apart` bytes from one to the next. */
INLINE void add_block(int rows, __m256i narrow[ROWS][HALVES], const __m256i (*digits)[2], int64_t fours,
                      const int8_t *x, int64_t apart) {
  for (int64_t q = 0; q < fours; q++)
    UNROLL for (int t = 0; t < rows; t++) {
      __m256i columns = four_columns(x + t * apart + 4 * q);
      UNROLL for (int h = 0; h < 2; h++) narrow[t][h] =
          _mm256_add_epi16(narrow[t][h], _mm256_maddubs_epi16(digits[q][h], columns));
    }
}

/* One block of columns, `width` of them, for `rows` rows whose running sums are in total. Fewer than four
 * columns at the end are copied, so that nothing beyond a row is read; the digits there are 0. */
INLINE void add_columns(int rows, const struct block *b, __m256i (*total)[2], const int8_t *x, int64_t n,
                        int64_t width) {
  __m256i narrow[ROWS][HALVES], wide[ROWS][HALVES];
  memset(narrow, 0, sizeof narrow);
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int h = 0; h < 2; h++) wide[t][h] = total[t][h];
  add_block(rows, narrow, (const __m256i(*)[2])b->digits, width / 4, x, n);
  if (width % 4) {
    int8_t tails[ROWS * 4] = {0};
    for (int t = 0; t < rows; t++)
      memcpy(tails + 4 * t, x + t * n + width / 4 * 4, (size_t)(width % 4));
    add_block(rows, narrow, (const __m256i(*)[2])b->digits + width / 4, 1, tails, 4);
  }
  widen(2, rows, wide, narrow);
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int h = 0; h < 2; h++) total[t][h] = wide[t][h];
}

INLINE void several_rows(const struct strip *s, const int8_t *x, const int32_t *ones, int64_t rows,
                         int32_t *y) {
  enum { WIDTH = NARROW * TERN_CHUNK3 };
  __m256i total[ROWS_BLOCK][2];
  memset(total, 0, sizeof total);
  for (int64_t column = 0; column < s->n; column += WIDTH) {
    int64_t width = s->n - column < WIDTH ? s->n - column : WIDTH, t = 0, c = column / TERN_CHUNK3;
    struct block b;
    unpack(&b, s, c, c + tern_tiles3(width));
    for (; t + ROWS <= rows; t += ROWS)
      add_columns(ROWS, &b, total + t, x + t * s->n + column, s->n, width);
    for (; t < rows; t++)
      add_columns(1, &b, total + t, x + t * s->n + column, s->n, width);
  }
  for (int64_t t = 0; t < rows; t++)
    store(2, y + t * s->m, s->count, total[t], ones[t]);
}

/* ---- the whole matrix ------------------------------------------------------------------------ */

INLINE struct strip strip_of(const uint8_t *w, int64_t m, int64_t n, int64_t panel, int64_t panels) {
  int64_t left = m - panel * TERN_PANEL, most = panels * TERN_PANEL;
  struct strip s = {.count = left < most ? left : most, .m = m, .n = n};
  s.tiles = tern_panel(w, m, tern_tiles3(n), panel, &s.step);
  return s;
}

/* Several rows of x panel by panel; one by a pair, which reads the weights in one stream. */
INLINE void pair_rows(const uint8_t *w, const int8_t *x, const int32_t *ones, int32_t *y, int64_t m,
                      int64_t n, int64_t rows, int64_t panel, int64_t panels) {
  struct strip s = strip_of(w, m, n, panel, panels);
  if (rows == 1 && panels == 2)
    one_row(4, &s, x, ones[0], y + panel * TERN_PANEL);
  else if (rows == 1)
    one_row(2, &s, x, ones[0], y + panel * TERN_PANEL);
  else
    for (int64_t p = panel; p < panel + panels; p++) {
      s = strip_of(w, m, n, p, 1);
      several_rows(&s, x, ones, rows, y + p * TERN_PANEL);
    }
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

TERN_TERNARY_SUM(tern_ternary_sum3_i8_avx2, int8_t, int32_t) {
  int64_t first, last;
  if (group) {
    tern_ternary_sum3_i8(w, x, y, m, n, group, rows, thread, threads);
    return;
  }
  tern_share(m, thread, threads, &first, &last);
  for (int64_t row = 0; row < rows; row += ROWS_BLOCK)
    block_of_rows(w, x + row * n, y + row * m, m, n, rows - row < ROWS_BLOCK ? rows - row : ROWS_BLOCK, first,
                  last);
}
#else
typedef int tern_no_avx2_3; /* nothing to compile for this processor */
#endif
