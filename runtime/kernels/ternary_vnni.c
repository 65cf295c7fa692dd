/* ternary_vnni.c: int8 ternary sums for AVX-512 VNNI. A zmm register is one tile: 32-bit lane r is row r, so
 * vpdpbusd with four columns of x in every lane adds one field's products, and no sum runs across lanes.
 *
 * One row of x (decode) is bound by reading weights: fields are masked in place, t << 2f, with one
 * accumulator a field; those are divided by 4^f once at the end, exactly. A lane grows by at most 4 * 128 *
 * 128 = 2^16 a chunk, so BLOCK chunks stay within 2^30. Many rows (prefill) are bound by vpdpbusd: a pair of
 * panels by ROWS rows fills the register file, and a tile is unpacked once for all of them. */
#if defined __AVX512VNNI__ && defined __AVX512BW__ && defined __AVX512VL__
#include "runtime/kernels/ternary_avx512.h"

enum { BLOCK = 1 << 14, PIECE = 1024, WAYS = 8 };

/* ---- one row --------------------------------------------------------------------------------- */

INLINE void add_in_place(__m512i sums[4], __m512i tile, const __m512i x[4]) {
  UNROLL for (int f = 0; f < 4; f++) sums[f] =
      _mm512_dpbusd_epi32(sums[f], _mm512_and_si512(tile, _mm512_set1_epi8((char)(3 << (2 * f)))), x[f]);
}

INLINE void add_chunk(int panels, __m512i sums[2][4], const uint8_t *tiles, const int8_t *x) {
  __m512i columns[4];
  UNROLL for (int f = 0; f < 4; f++) columns[f] = four_columns(x + 4 * f);
  UNROLL for (int p = 0; p < panels; p++) {
    _mm_prefetch((const char *)tiles + p * TERN_TILE + PREFETCH, _MM_HINT_T0);
    add_in_place(sums[p], _mm512_loadu_si512(tiles + p * TERN_TILE), columns);
  }
}

INLINE __m512i join(const __m512i f[4]) {
  __m512i low = _mm512_add_epi32(f[0], _mm512_srai_epi32(f[1], 2));
  return _mm512_add_epi32(low, _mm512_add_epi32(_mm512_srai_epi32(f[2], 4), _mm512_srai_epi32(f[3], 6)));
}

INLINE void one_row(int panels, const struct strip *s, const int8_t *x, int32_t ones, int32_t *y) {
  __m512i total[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  int64_t whole = s->n / TERN_CHUNK, step = panels * TERN_TILE;
  for (int64_t begin = 0; begin < whole || begin == 0; begin += BLOCK) {
    __m512i sums[2][4];
    int64_t end = whole - begin < BLOCK ? whole : begin + BLOCK;
    memset(sums, 0, sizeof sums);
    for (int64_t c = begin; c < end; c++)
      add_chunk(panels, sums, s->tiles + c * step, x + c * TERN_CHUNK);
    if (end == whole && s->n % TERN_CHUNK) {
      int8_t tail[TERN_CHUNK] = {0};
      memcpy(tail, x + whole * TERN_CHUNK, (size_t)(s->n % TERN_CHUNK));
      add_chunk(panels, sums, s->tiles + whole * step, tail);
    }
    UNROLL for (int p = 0; p < panels; p++) total[p] = _mm512_add_epi32(total[p], join(sums[p]));
  }
  UNROLL for (int p = 0; p < panels; p++) store(s, p, y, total[p], ones);
}

/* ---- several rows ---------------------------------------------------------------------------- */

/* One chunk for `rows` rows of x, `apart` bytes from one to the next. */
INLINE void add_rows(int panels, int rows, __m512i sums[ROWS][2], const uint8_t *tiles, const int8_t *x,
                     int64_t apart) {
  const __m512i low = _mm512_set1_epi8(3);
  UNROLL for (int f = 0; f < 4; f++) {
    __m512i digits[2];
    UNROLL for (int p = 0; p < panels; p++) digits[p] = _mm512_and_si512(
        _mm512_srli_epi16(_mm512_loadu_si512(tiles + p * TERN_TILE), (unsigned)(2 * f)), low);
    UNROLL for (int t = 0; t < rows; t++) {
      __m512i columns = four_columns(x + t * apart + 4 * f);
      UNROLL for (int p = 0; p < panels; p++) sums[t][p] =
          _mm512_dpbusd_epi32(sums[t][p], digits[p], columns);
    }
  }
}

/* Chunks [begin, end) for rows of x that lie `apart` bytes from one to the next; x is at chunk `begin`. */
INLINE void add_chunks(int panels, int rows, __m512i sums[ROWS][2], const uint8_t *tiles, const int8_t *x,
                       int64_t apart, int64_t begin, int64_t end) {
  for (int64_t c = begin; c < end; c++)
    add_rows(panels, rows, sums, tiles + c * panels * TERN_TILE, x + (c - begin) * TERN_CHUNK, apart);
}

/* Rows a multiple of 4096 bytes apart all fall into the same set of the first cache, which has fewer ways
 * than there are rows: pieces of them are copied side by side first. n is a multiple of PIECE. */
INLINE void add_pieces(int panels, int rows, __m512i sums[ROWS][2], const struct strip *s, const int8_t *x) {
  enum { APART = PIECE + 64 };
  int8_t near[ROWS * APART];
  for (int64_t column = 0; column < s->n; column += PIECE) {
    for (int t = 0; t < rows; t++)
      memcpy(near + t * APART, x + t * s->n + column, PIECE);
    add_chunks(panels, rows, sums, s->tiles, near, APART, column / TERN_CHUNK, (column + PIECE) / TERN_CHUNK);
  }
}

INLINE void add_tails(int panels, int rows, __m512i sums[ROWS][2], const struct strip *s, const int8_t *x) {
  int8_t tails[ROWS * TERN_CHUNK] = {0};
  int64_t whole = s->n / TERN_CHUNK;
  for (int t = 0; t < rows; t++)
    memcpy(tails + t * TERN_CHUNK, x + t * s->n + whole * TERN_CHUNK, (size_t)(s->n % TERN_CHUNK));
  add_rows(panels, rows, sums, s->tiles + whole * panels * TERN_TILE, tails, TERN_CHUNK);
}

INLINE void several_rows(int panels, int rows, const struct strip *s, const int8_t *x, const int32_t *ones,
                         int32_t *y) {
  __m512i sums[ROWS][2];
  UNROLL for (int t = 0; t < rows; t++) sums[t][0] = sums[t][1] = _mm512_setzero_si512();
  if (rows > WAYS && s->n % 4096 == 0)
    add_pieces(panels, rows, sums, s, x);
  else
    add_chunks(panels, rows, sums, s->tiles, x, s->n, 0, s->n / TERN_CHUNK);
  if (s->n % TERN_CHUNK)
    add_tails(panels, rows, sums, s, x);
  UNROLL for (int t = 0; t < rows; t++) UNROLL for (int p = 0; p < panels; p++)
      store(s, p, y + t * s->m, sums[t][p], ones[t]);
}

INLINE void all_rows(int panels, const struct strip *s, const int8_t *x, const int32_t *ones, int64_t rows,
                     int32_t *y) {
  int64_t t = 0;
  for (; t + ROWS <= rows; t += ROWS)
    several_rows(panels, ROWS, s, x + t * s->n, ones + t, y + t * s->m);
  for (; t + FEW <= rows; t += FEW)
    several_rows(panels, FEW, s, x + t * s->n, ones + t, y + t * s->m);
  for (; t < rows; t++)
    one_row(panels, s, x + t * s->n, ones[t], y + t * s->m);
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
        w + panel * tern_tiles(n) * TERN_TILE, at, m, n, {rows_in(m - at), rows_in(m - at - TERN_PANEL)}};
    if (panel + 1 < last)
      all_rows(2, &s, x, ones, rows, y);
    else
      all_rows(1, &s, x, ones, rows, y);
  }
}

TERN_TERNARY_SUM(tern_ternary_sum_i8_vnni, int8_t, int32_t) {
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
typedef int tern_no_vnni; /* nothing to compile for this processor */
#endif
