/* ternary3_vnni.c: int8 ternary sums of tile3 for AVX-512 VNNI. A zmm register is one tile, a row in each
 * 32-bit lane, as in ternary_vnni.c.
 *
 * Digits come off from the top: min(b, b - 81), twice, leaves b mod 81, because what would be negative wraps
 * to a large byte. One row of x (decode): with VBMI, 0 .. 80 becomes four fields of two bits in one table
 * look-up, which are masked in place as in tile2, and the top digit is multiplied as 81 t4; its accumulator
 * is divided by 81 at the end, that is, multiplied by the inverse of 81 modulo 2^32. Many rows (prefill): a
 * block of columns of a pair of panels is unpacked once to a byte a digit and serves all rows.
 *
 * Compiled as it is for processors without VBMI, and by ternary3_vbmi.c for those with it. */
#if defined __AVX512VNNI__ && defined __AVX512BW__ && defined __AVX512VL__
#include "runtime/kernels/ternary_avx512.h"

enum { FIELDS = 5, BLOCK = 1 << 14, UNPACKED = 16 }; /* UNPACKED: chunks unpacked at a time, 10 KiB */

/* ---- digits ---------------------------------------------------------------------------------- */

/* b modulo p for b < 3 p. */
INLINE __m512i below(__m512i b, int p) {
  const __m512i power = _mm512_set1_epi8((char)p);
  b = _mm512_min_epu8(b, _mm512_sub_epi8(b, power));
  return _mm512_min_epu8(b, _mm512_sub_epi8(b, power));
}

INLINE __m512i table16(uint64_t low, uint64_t high) {
  return _mm512_broadcast_i32x4(_mm_set_epi64x((long long)high, (long long)low));
}

/* The five digits of each byte. What a power leaves out, t * p, shows its digit: its low two bits are t for
 * p = 81 and 9; for 27 its low four bits, 0, 11 or 6, find it in a table. The last two are looked up by the
 * remainder 0 .. 8. */
INLINE void digits_of(__m512i b, __m512i t[FIELDS]) {
  const __m512i low = _mm512_set1_epi8(3);
  __m512i r81 = below(b, 81), r27 = below(r81, 27), r9 = below(r27, 9);
  t[4] = _mm512_and_si512(_mm512_sub_epi8(b, r81), low);
  t[3] = _mm512_shuffle_epi8(table16(0x0002000000000000u, 0x0000000001000000u), _mm512_sub_epi8(r81, r27));
  t[2] = _mm512_and_si512(_mm512_sub_epi8(r27, r9), low);
  t[1] = _mm512_shuffle_epi8(table16(0x0202010101000000u, 2), r9);
  t[0] = _mm512_shuffle_epi8(table16(0x0100020100020100u, 2), r9);
}

/* ---- one row --------------------------------------------------------------------------------- */

#ifdef __AVX512VBMI__
/* 0 .. 80 to its four digits at bits 0, 2, 4, 6. */
#define FOUR(t3, t2, t1, t0) (t0) | (t1) << 2 | (t2) << 4 | (t3) << 6
#define NINE(t3, t2)                                                                                         \
  FOUR(t3, t2, 0, 0), FOUR(t3, t2, 0, 1), FOUR(t3, t2, 0, 2), FOUR(t3, t2, 1, 0), FOUR(t3, t2, 1, 1),        \
      FOUR(t3, t2, 1, 2), FOUR(t3, t2, 2, 0), FOUR(t3, t2, 2, 1), FOUR(t3, t2, 2, 2)
static const uint8_t fields_table[128] = {NINE(0, 0), NINE(0, 1), NINE(0, 2), NINE(1, 0), NINE(1, 1),
                                          NINE(1, 2), NINE(2, 0), NINE(2, 1), NINE(2, 2)};

INLINE void add_in_place(__m512i sums[FIELDS], __m512i b, const __m512i x[FIELDS]) {
  __m512i r = below(b, 81);
  sums[4] = _mm512_dpbusd_epi32(sums[4], _mm512_sub_epi8(b, r), x[4]);
  b = _mm512_permutex2var_epi8(_mm512_loadu_si512(fields_table), r, _mm512_loadu_si512(fields_table + 64));
  UNROLL for (int f = 0; f < 4; f++) sums[f] =
      _mm512_dpbusd_epi32(sums[f], _mm512_and_si512(b, _mm512_set1_epi8((char)(3 << (2 * f)))), x[f]);
}

/* Divides by 4^f and by 81, exactly. */
INLINE __m512i join(const __m512i f[FIELDS]) {
  const __m512i inverse = _mm512_set1_epi32(0x781948b1); /* 81 * this = 1 modulo 2^32 */
  __m512i low = _mm512_add_epi32(f[0], _mm512_srai_epi32(f[1], 2));
  __m512i high = _mm512_add_epi32(_mm512_srai_epi32(f[2], 4), _mm512_srai_epi32(f[3], 6));
  return _mm512_add_epi32(_mm512_add_epi32(low, high), _mm512_mullo_epi32(f[4], inverse));
}
#else
INLINE void add_in_place(__m512i sums[FIELDS], __m512i b, const __m512i x[FIELDS]) {
  __m512i t[FIELDS];
  digits_of(b, t);
  UNROLL for (int f = 0; f < FIELDS; f++) sums[f] = _mm512_dpbusd_epi32(sums[f], t[f], x[f]);
}

INLINE __m512i join(const __m512i f[FIELDS]) {
  __m512i low = _mm512_add_epi32(_mm512_add_epi32(f[0], f[1]), _mm512_add_epi32(f[2], f[3]));
  return _mm512_add_epi32(low, f[4]);
}
#endif

INLINE void add_chunk(int panels, __m512i sums[2][FIELDS], const uint8_t *tiles, const int8_t *x) {
  __m512i columns[FIELDS];
  UNROLL for (int f = 0; f < FIELDS; f++) columns[f] = four_columns(x + 4 * f);
  UNROLL for (int p = 0; p < panels; p++) {
    _mm_prefetch((const char *)tiles + p * TERN_TILE + PREFETCH, _MM_HINT_T0);
    add_in_place(sums[p], _mm512_loadu_si512(tiles + p * TERN_TILE), columns);
  }
}

/* A lane of sums grows by at most 2^16 a chunk in the fields that are shifted down, so BLOCK chunks stay
 * within 2^30; the top one may wrap. */
INLINE void one_row(int panels, const struct strip *s, const int8_t *x, int32_t ones, int32_t *y) {
  __m512i total[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  int64_t whole = s->n / TERN_CHUNK3, step = panels * TERN_TILE;
  for (int64_t begin = 0; begin < whole || begin == 0; begin += BLOCK) {
    __m512i sums[2][FIELDS];
    int64_t end = whole - begin < BLOCK ? whole : begin + BLOCK;
    memset(sums, 0, sizeof sums);
    for (int64_t c = begin; c < end; c++)
      add_chunk(panels, sums, s->tiles + c * step, x + c * TERN_CHUNK3);
    if (end == whole && s->n % TERN_CHUNK3) {
      int8_t tail[TERN_CHUNK3] = {0};
      memcpy(tail, x + whole * TERN_CHUNK3, (size_t)(s->n % TERN_CHUNK3));
      add_chunk(panels, sums, s->tiles + whole * step, tail);
    }
    UNROLL for (int p = 0; p < panels; p++) total[p] = _mm512_add_epi32(total[p], join(sums[p]));
  }
  UNROLL for (int p = 0; p < panels; p++) store(s, p, y, total[p], ones);
}

/* ---- several rows ---------------------------------------------------------------------------- */

/* A block of columns: digits[4-column group][panel], and the running sums of all rows. */
struct block {
  __m512i digits[UNPACKED * FIELDS][2];
  __m512i sums[ROWS_BLOCK][2];
};

INLINE void unpack(int panels, struct block *b, const uint8_t *tiles, int64_t chunks) {
  for (int64_t c = 0; c < chunks; c++)
    UNROLL for (int p = 0; p < panels; p++) {
      __m512i t[FIELDS];
      _mm_prefetch((const char *)tiles + (c * panels + p) * TERN_TILE + PREFETCH, _MM_HINT_T0);
      digits_of(_mm512_loadu_si512(tiles + (c * panels + p) * TERN_TILE), t);
      UNROLL for (int f = 0; f < FIELDS; f++) b->digits[c * FIELDS + f][p] = t[f];
    }
}

/* `fours` groups of four columns for `rows` rows of x, `apart` bytes from one to the next. */
INLINE void add_block(int panels, int rows, __m512i total[][2], const __m512i (*digits)[2], int64_t fours,
                      const int8_t *x, int64_t apart) {
  __m512i sums[ROWS][2];
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int p = 0; p < panels; p++) sums[t][p] = total[t][p];
  for (int64_t q = 0; q < fours; q++)
    UNROLL for (int t = 0; t < rows; t++) {
      __m512i columns = four_columns(x + t * apart + 4 * q);
      UNROLL for (int p = 0; p < panels; p++) sums[t][p] =
          _mm512_dpbusd_epi32(sums[t][p], digits[q][p], columns);
    }
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int p = 0; p < panels; p++) total[t][p] = sums[t][p];
}

/* Columns from `column` on, `width` of them, for `rows` rows. Fewer than four columns at the end are copied,
 * so that nothing beyond a row is read; the digits there are 0. */
INLINE void add_columns(int panels, int rows, struct block *b, const struct strip *s, const int8_t *x,
                        int64_t first, int64_t column, int64_t width) {
  const int8_t *from = x + first * s->n + column;
  add_block(panels, rows, b->sums + first, (const __m512i(*)[2])b->digits, width / 4, from, s->n);
  if (width % 4) {
    int8_t tails[ROWS * 4] = {0};
    for (int t = 0; t < rows; t++)
      memcpy(tails + 4 * t, from + t * s->n + width / 4 * 4, (size_t)(width % 4));
    add_block(panels, rows, b->sums + first, (const __m512i(*)[2])b->digits + width / 4, 1, tails, 4);
  }
}

INLINE void several_rows(int panels, const struct strip *s, const int8_t *x, const int32_t *ones,
                         int64_t rows, int32_t *y) {
  enum { WIDTH = UNPACKED * TERN_CHUNK3 };
  struct block b;
  memset(b.sums, 0, sizeof b.sums);
  for (int64_t column = 0; column < s->n; column += WIDTH) {
    int64_t width = s->n - column < WIDTH ? s->n - column : WIDTH, t = 0;
    unpack(panels, &b, s->tiles + column / TERN_CHUNK3 * panels * TERN_TILE, tern_tiles3(width));
    for (; t + ROWS <= rows; t += ROWS)
      add_columns(panels, ROWS, &b, s, x, t, column, width);
    for (; t + FEW <= rows; t += FEW)
      add_columns(panels, FEW, &b, s, x, t, column, width);
    for (; t < rows; t++)
      add_columns(panels, 1, &b, s, x, t, column, width);
  }
  for (int64_t t = 0; t < rows; t++)
    UNROLL for (int p = 0; p < panels; p++) store(s, p, y + t * s->m, b.sums[t][p], ones[t]);
}

INLINE void all_rows(int panels, const struct strip *s, const int8_t *x, const int32_t *ones, int64_t rows,
                     int32_t *y) {
  if (rows == 1)
    one_row(panels, s, x, ones[0], y);
  else
    several_rows(panels, s, x, ones, rows, y);
}

/* ---- the whole matrix ------------------------------------------------------------------------ */

/* Panels [first, last) for at most ROWS_BLOCK rows. */
INLINE void block_of_rows(const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n, int64_t rows,
                          int64_t first, int64_t last) {
  int32_t ones[ROWS_BLOCK];
  for (int64_t t = 0; t < rows; t++)
    ones[t] = sum_i8(x + t * n, n);
  for (int64_t panel = first; panel < last; panel += 2) {
    int64_t at = panel * TERN_PANEL;
    struct strip s = {
        w + panel * tern_tiles3(n) * TERN_TILE, at, m, n, {rows_in(m - at), rows_in(m - at - TERN_PANEL)}};
    if (panel + 1 < last)
      all_rows(2, &s, x, ones, rows, y);
    else
      all_rows(1, &s, x, ones, rows, y);
  }
}

#ifdef __AVX512VBMI__
TERN_TERNARY_SUM(tern_ternary_sum3_i8_vbmi, int8_t, int32_t) {
#else
TERN_TERNARY_SUM(tern_ternary_sum3_i8_vnni, int8_t, int32_t) {
#endif
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
typedef int tern_no_vnni3; /* nothing to compile for this processor */
#endif
