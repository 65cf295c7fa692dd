/* gradient_amx.c: the products of a backward pass in tiles of bfloat16, for AMX BF16.
 *
 * Of both products y[r, j] += sum over k of a[k, r] * b[k, j]. A set is 32 rows, or columns: two tiles of 16,
 * for each 32 steps k. Of a block of 256 steps the shorter side of y is brought near as sets of bfloat16, in
 * the second cache, the longer one set after the other, in the first. Two sets meet in four tiles of y, which
 * stay in registers for the block, and are in y between blocks. */
#if defined __AMX_BF16__ && defined __AVX512BF16__ && defined __AVX512BW__
#include "runtime/kernels/gradient.h"
#include "runtime/kernels/tiles_amx.h"

enum {
  STEPS = TERN_GRADIENT_TILE_STEPS,     /* of an instruction */
  GROUPS = TERN_GRADIENT_BLOCK / STEPS, /* of a block of steps */
  SET_BYTES = 2 * GROUPS * TILE_BYTES,
  NEAR = 24 /* sets: 384 KiB */
};

INLINE int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- tiles of y ------------------------------------------------------------------------------ */

/* A set of rows against a set of columns; rows of y are `stride` bytes apart. */
static __attribute__((noinline)) void two_sets(const uint8_t *a, const uint8_t *b, int64_t groups, float *y,
                                               int64_t stride, bool add) {
  MEMORY_IS_READ_AND_WRITTEN();
  open_sums_tiles(y, stride, add);
  for (int64_t g = 0; g < groups; g++, a += 2 * TILE_BYTES, b += 2 * TILE_BYTES) {
    _tile_loadd(4, a, 64);
    _tile_loadd(6, b, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + TILE_BYTES, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + TILE_BYTES, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  store_sums_tiles(y, stride);
  MEMORY_IS_READ_AND_WRITTEN();
}

/* Where sums go: rows of n numbers; `add` to what is there or in its place. */
struct outputs {
  float *y;
  int64_t n;
  bool add;
};

/* The same where the sets may be incomplete. */
static void meet(const uint8_t *a, const uint8_t *b, int64_t groups, const struct outputs *to, int64_t row,
                 int64_t rows, int64_t column, int64_t columns) {
  float *y = to->y + row * to->n + column, part[SET * SET];
  if (rows >= SET && columns >= SET) {
    two_sets(a, b, groups, y, 4 * to->n, to->add);
    return;
  }
  rows = least(rows, SET), columns = least(columns, SET);
  for (int64_t r = 0; to->add && r < rows; r++)
    memcpy(part + r * SET, y + r * to->n, sizeof *y * (size_t)columns);
  two_sets(a, b, groups, part, sizeof *y * SET, to->add);
  for (int64_t r = 0; r < rows; r++)
    memcpy(y + r * to->n, part + r * SET, sizeof *y * (size_t)columns);
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* Of a tile on the left a row has 32 steps of one row of y; on the right it has two steps of 16 columns, each
 * pair in a word. */

/* The words of two steps of 16 rows: the first in the lower halves. Denormal numbers become zeros. */
INLINE __m512i round_words(__m512 even, __m512 odd) {
  const __m512i order =
      _mm512_set_epi32(0x1f000f, 0x1e000e, 0x1d000d, 0x1c000c, 0x1b000b, 0x1a000a, 0x190009, 0x180008,
                       0x170007, 0x160006, 0x150005, 0x140004, 0x130003, 0x120002, 0x110001, 0x100000);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

/* 16 by 16 words, turned over. */
INLINE void turn_words(__m512i w[SIDE]) {
  __m512i x[SIDE];
  UNROLL for (int i = 0; i < SIDE; i += 2) {
    x[i] = _mm512_unpacklo_epi32(w[i], w[i + 1]);
    x[i + 1] = _mm512_unpackhi_epi32(w[i], w[i + 1]);
  }
  UNROLL for (int i = 0; i < SIDE; i += 4) {
    w[i] = _mm512_unpacklo_epi64(x[i], x[i + 2]);
    w[i + 1] = _mm512_unpackhi_epi64(x[i], x[i + 2]);
    w[i + 2] = _mm512_unpacklo_epi64(x[i + 1], x[i + 3]);
    w[i + 3] = _mm512_unpackhi_epi64(x[i + 1], x[i + 3]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    x[i] = _mm512_shuffle_i32x4(w[i], w[i + 4], 0x88);
    x[i + 4] = _mm512_shuffle_i32x4(w[i], w[i + 4], 0xdd);
    x[i + 8] = _mm512_shuffle_i32x4(w[i + 8], w[i + 12], 0x88);
    x[i + 12] = _mm512_shuffle_i32x4(w[i + 8], w[i + 12], 0xdd);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    w[i] = _mm512_shuffle_i32x4(x[i], x[i + 8], 0x88);
    w[i + 8] = _mm512_shuffle_i32x4(x[i], x[i + 8], 0xdd);
    w[i + 4] = _mm512_shuffle_i32x4(x[i + 4], x[i + 12], 0x88);
    w[i + 12] = _mm512_shuffle_i32x4(x[i + 4], x[i + 12], 0xdd);
  }
}

/* A left tile of 16 rows that lie side by side, steps `step` numbers apart. */
INLINE void left_turned(const float *a, int64_t step, uint8_t *tile) {
  __m512i w[SIDE];
  UNROLL for (int k = 0; k < SIDE; k++) w[k] =
      round_words(_mm512_loadu_ps(a + 2 * k * step), _mm512_loadu_ps(a + (2 * k + 1) * step));
  turn_words(w);
  UNROLL for (int r = 0; r < SIDE; r++) _mm512_store_si512(tile + 64 * r, w[r]);
}

/* A left tile of rows `apart` numbers apart, whose steps lie side by side. */
INLINE void left_straight(const float *a, int64_t apart, uint8_t *tile) {
  UNROLL for (int r = 0; r < SIDE; r++) {
    __m512 low = _mm512_loadu_ps(a + r * apart), high = _mm512_loadu_ps(a + r * apart + SIDE);
    _mm512_store_si512(tile + 64 * r, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

INLINE __m512i bits_of_i8(const int8_t *p) {
  return (__m512i)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* A right tile of codes. */
INLINE void right_i8(const int8_t *b, int64_t step, uint8_t *tile) {
  UNROLL for (int k = 0; k < SIDE; k++) {
    __m512i even = bits_of_i8(b + 2 * k * step), odd = bits_of_i8(b + (2 * k + 1) * step);
    __m512i words = _mm512_or_si512(_mm512_srli_epi32(even, 16), odd); /* codes have no lower bits */
    _mm512_store_si512(tile + 64 * k, words);
  }
}

#define M               0xbf80u /* -1 */
#define P               0x3f80u /* 1 */
#define PAIR(even, odd) ((even) | (uint32_t)(odd) << 16)

/* The same of two tiles of tile2 whose rows follow each other: digits of a pair look up its word. */
INLINE void right_tile2(const uint8_t *first, const uint8_t *second, uint8_t *tile) {
  const __m512i at = _mm512_setr_epi32(0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30);
  const __m512i up = _mm512_sub_epi32(at, _mm512_set1_epi32(2));
  static const uint32_t pairs[SIDE] = {PAIR(M, M), PAIR(0, M), PAIR(P, M), 0,          PAIR(M, 0), 0,
                                       PAIR(P, 0), 0,          PAIR(M, P), PAIR(0, P), PAIR(P, P)};
  UNROLL for (int k = 0; k < SIDE; k++) {
    const uint8_t *row = (k < SIDE / 2 ? first : second) + 8 * (k % (SIDE / 2));
    int32_t even, odd;
    memcpy(&even, row, sizeof even);
    memcpy(&odd, row + 4, sizeof odd);
    __m512i low = _mm512_srlv_epi32(_mm512_set1_epi32(even), at),
            high = _mm512_rorv_epi32(_mm512_set1_epi32(odd), up);
    /* the lower two bits of `low`, the others of `high`; the look-up heeds four */
    __m512i digits = _mm512_ternarylogic_epi32(_mm512_set1_epi32(3), low, high, 0xca);
    _mm512_store_si512(tile + 64 * k, _mm512_permutexvar_epi32(digits, _mm512_loadu_si512(pairs)));
  }
}

/* ---- sides of a product ---------------------------------------------------------------------- */

/* The matrix that is summed over on one side of y: element k of line l, a row or column of y, is at
 * p[k * step + l * apart]. */
enum kind { FLOATS_TURNED, FLOATS, CODES, TILE2, TILE3 };
struct side {
  enum kind kind;
  const void *p;
  int64_t lines, steps, step, apart;
};

/* Part of a set of floats, with zeros where there are no more, for tiles that need a whole one. */
static void pad_floats(const struct side *s, int64_t line, int64_t k, float *to) {
  int64_t lines = least(SIDE, s->lines - line), steps = least(STEPS, s->steps - k);
  memset(to, 0, sizeof(float) * SIDE * STEPS);
  for (int64_t l = 0; l < lines; l++)
    for (int64_t i = 0; i < steps; i++)
      to[l * STEPS + i] = ((const float *)s->p)[(k + i) * s->step + (line + l) * s->apart];
}

static void pad_codes(const struct side *s, int64_t line, int64_t k, int8_t *to) {
  int64_t lines = least(SIDE, s->lines - line), steps = least(STEPS, s->steps - k);
  memset(to, 0, SIDE * STEPS);
  for (int64_t i = 0; lines > 0 && i < steps; i++)
    memcpy(to + i * SIDE, (const int8_t *)s->p + (k + i) * s->step + line, (size_t)lines);
}

/* Of a packed matrix of `steps` rows by `step` columns. */
static int8_t packed_code(const struct side *s, int64_t row, int64_t column) {
  static const int power[] = {1, 3, 9, 27};
  int64_t step, chunk = s->kind == TILE3 ? TERN_CHUNK3 : TERN_CHUNK, c = column % chunk;
  const uint8_t *tiles = tern_panel(s->p, s->steps, (s->step + chunk - 1) / chunk, row / TERN_PANEL, &step);
  int byte = tiles[column / chunk * step + 4 * (row % TERN_PANEL) + c % 4], f = (int)(c / 4);
  if (s->kind == TILE2)
    return (int8_t)((byte >> 2 * f & 3) - 1);
  return (int8_t)((f == 4 ? byte / TERN_TOP : byte % TERN_TOP / power[f] % 3) - 1);
}

static void pad_packed(const struct side *s, int64_t line, int64_t k, int8_t *to) {
  int64_t lines = least(SIDE, s->lines - line), steps = least(STEPS, s->steps - k);
  memset(to, 0, SIDE * STEPS);
  for (int64_t i = 0; i < steps; i++)
    for (int64_t l = 0; l < lines; l++)
      to[i * SIDE + l] = packed_code(s, k + i, s->apart + line + l);
}

/* The four digits at `bits` of each byte of a word, as codes. */
INLINE uint32_t four_codes(uint32_t word, int bits) {
  return (((word >> bits & 0x03030303u) | 0x80808080u) - 0x01010101u) ^ 0x80808080u;
}

/* A whole tile of tile3 whose first column is a multiple of four. */
static void near_tile3(const struct side *s, int64_t line, int64_t k, int8_t *to) {
  int64_t step, chunks = (s->step + TERN_CHUNK3 - 1) / TERN_CHUNK3;
  for (int panel = 0; panel < 2; panel++) {
    const uint8_t *tiles = tern_panel(s->p, s->steps, chunks, k / TERN_PANEL + panel, &step);
    uint8_t low[TERN_TILE], top[TERN_TILE];
    int64_t have = -1;
    for (int four = 0; four < 4; four++) {
      int64_t column = s->apart + line + 4 * four, chunk = column / TERN_CHUNK3;
      int field = (int)(column % TERN_CHUNK3 / 4);
      if (chunk != have)
        split_tile3(tiles + chunk * step, low, top);
      have = chunk;
      for (int r = 0; r < TERN_PANEL; r++) {
        uint32_t word;
        memcpy(&word, (field < 4 ? low : top) + 4 * r, sizeof word);
        word = four_codes(word, field < 4 ? 2 * field : 0);
        memcpy(to + (panel * TERN_PANEL + r) * SIDE + 4 * four, &word, sizeof word);
      }
    }
  }
}

/* One tile: 16 lines from `line` on, 32 steps from k on. */
INLINE void bring_tile(const struct side *s, int64_t line, int64_t k, uint8_t *tile) {
  bool whole = line + SIDE <= s->lines && k + STEPS <= s->steps;
  if (s->kind == FLOATS_TURNED || s->kind == FLOATS) {
    float padded[SIDE * STEPS];
    const float *a = (const float *)s->p + k * s->step + line * s->apart;
    if (whole && s->apart == 1) {
      left_turned(a, s->step, tile);
    } else if (whole && s->step == 1) {
      left_straight(a, s->apart, tile);
    } else {
      pad_floats(s, line, k, padded);
      left_straight(padded, STEPS, tile);
    }
    return;
  }
  int8_t padded[SIDE * STEPS];
  if (s->kind == CODES && whole) {
    right_i8((const int8_t *)s->p + k * s->step + line, s->step, tile);
    return;
  }
  if (s->kind == TILE2 && whole && (s->apart + line) % TERN_CHUNK == 0) {
    int64_t step, chunks = (s->step + TERN_CHUNK - 1) / TERN_CHUNK, at = (s->apart + line) / TERN_CHUNK;
    const uint8_t *first = tern_panel(s->p, s->steps, chunks, k / TERN_PANEL, &step) + at * step;
    const uint8_t *second = tern_panel(s->p, s->steps, chunks, k / TERN_PANEL + 1, &step) + at * step;
    right_tile2(first, second, tile);
    return;
  }
  if (s->kind == TILE3 && whole && (s->apart + line) % 4 == 0)
    near_tile3(s, line, k, padded);
  else if (s->kind == CODES)
    pad_codes(s, line, k, padded);
  else
    pad_packed(s, line, k, padded);
  right_i8(padded, SIDE, tile);
}

static __attribute__((noinline)) void bring_set(const struct side *s, int64_t line, int64_t k, int64_t groups,
                                                uint8_t *set) {
  for (int64_t g = 0; g < groups; g++, set += 2 * TILE_BYTES) {
    bring_tile(s, line, k + g * STEPS, set);
    bring_tile(s, line + SIDE, k + g * STEPS, set + TILE_BYTES);
  }
}

/* ---- a product ------------------------------------------------------------------------------- */

/* Steps [k, ...) of a block, lines [line, ...) of the near side, against all of the other. */
INLINE void block_by_sets(bool rows_near, const struct side *near, const struct side *far, int64_t line,
                          int64_t k, int64_t groups, const struct outputs *to) {
  _Alignas(64) uint8_t sets[NEAR * SET_BYTES], set[SET_BYTES];
  int64_t count = least(NEAR, (near->lines - line + SET - 1) / SET);
  for (int64_t s = 0; s < count; s++)
    bring_set(near, line + s * SET, k, groups, sets + s * SET_BYTES);
  for (int64_t l = 0; l < far->lines; l += SET) {
    bring_set(far, l, k, groups, set);
    for (int64_t s = 0; s < count; s++) {
      int64_t at = line + s * SET, left = near->lines - at;
      if (rows_near)
        meet(sets + s * SET_BYTES, set, groups, to, at, left, l, far->lines - l);
      else
        meet(set, sets + s * SET_BYTES, groups, to, l, far->lines - l, at, left);
    }
  }
}

/* y of a->lines rows by b->lines columns. */
static __attribute__((noinline)) void product(const struct side *a, const struct side *b, struct outputs to) {
  bool rows_near = a->lines < b->lines;
  const struct side *near = rows_near ? a : b, *far = rows_near ? b : a;
  for (int64_t k = 0; k < a->steps; k += TERN_GRADIENT_BLOCK, to.add = true) {
    int64_t groups = (least(TERN_GRADIENT_BLOCK, a->steps - k) + STEPS - 1) / STEPS;
    for (int64_t line = 0; line < near->lines; line += NEAR * SET)
      block_by_sets(rows_near, near, far, line, k, groups, &to);
  }
}

/* Columns from `column` on that have the same numbers of a. */
INLINE int64_t columns_together(int64_t column, int64_t end, int64_t group) {
  return group ? least(end - column, group - column % group) : end - column;
}

TERN_OUTER(tern_outer_i8_amx, int8_t) {
  struct tern_part p = tern_gradient_share(m, n, SET, thread, threads);
  int64_t groups = group ? (n + group - 1) / group : 1;
  open_tiles();
  for (int64_t j = p.column, columns; j < p.column_end; j += columns) {
    columns = columns_together(j, p.column_end, group);
    const float *from = a + p.row * groups + (group ? j / group : 0);
    struct side left = {FLOATS_TURNED, from, p.row_end - p.row, rows, m * groups, groups};
    struct side right = {CODES, b + j, columns, rows, n, 1};
    product(&left, &right, (struct outputs){y + p.row * n + j, n, true});
  }
  _tile_release();
}

INLINE void back(enum kind kind, const uint8_t *w, const float *a, float *y, int64_t m, int64_t n,
                 int64_t group, int64_t rows, uint32_t thread, uint32_t threads) {
  struct tern_part p = tern_back_share(rows, n, SET, thread, threads);
  int64_t groups = group ? (n + group - 1) / group : 1;
  open_tiles();
  for (int64_t j = p.column, columns; j < p.column_end; j += columns) {
    columns = columns_together(j, p.column_end, group);
    const float *from = a + p.row * m * groups + (group ? j / group : 0);
    struct side left = {FLOATS, from, p.row_end - p.row, m, groups, m * groups};
    struct side right = {kind, w, columns, m, n, j};
    product(&left, &right, (struct outputs){y + p.row * n + j, n, false});
  }
  _tile_release();
}

TERN_TERNARY_BACK(tern_ternary_back_f32_amx) {
  back(TILE2, w, a, y, m, n, group, rows, thread, threads);
}

TERN_TERNARY_BACK(tern_ternary_back3_f32_amx) {
  back(TILE3, w, a, y, m, n, group, rows, thread, threads);
}
#else
typedef int tern_no_gradient_amx; /* nothing to compile for this processor */
#endif
