/* ternary.c: ternary sums in portable C11, for every processor and inside every C project that ternc emits.
 *
 * int8 rows go tile by tile: the 64 bytes of a tile are 64 lanes, a lane's products with its column are added
 * up in 16 bits for 16 tiles and then widened; loops have constant lengths, so that compilers vectorise them.
 * What the layouts share takes `fields`, the digits in a byte, as a constant: 4 for tile2, 5 for tile3, 2 for
 * tile4, 1 for tile8, of which the last two are added up in 32 bits. int16, floats and groups that split a
 * chunk go column by column with the panel's 16 rows as lanes. */
#include "runtime/kernels/ternary.h"

#include <string.h>

/* ---- int8, chunk by chunk -------------------------------------------------------------------- */

/* 16-bit sums hold 16 chunks: 16 chunks * 5 fields * (2 * 128) < 2^15. */
enum { NARROW_CHUNKS = 16, TILE_LANES = 64, LONGEST = TERN_CHUNK3 };

/* t4 of a byte of tile3. */
static inline int top_digit(int byte) {
  return (byte >= TERN_TOP) + (byte >= 2 * TERN_TOP);
}

/* The digit of field f in a byte. What t4 leaves is of base 3: b / 3^f is b * ceil(2^16 / 3^f) / 2^16, and q
 * / 3 is q * 171 / 2^9, both rounded down. */
static inline int digit(int fields, unsigned byte, int f) {
  static const uint32_t scaled[] = {65536, 21846, 7282, 2428};
  if (fields == 1)
    return (int)byte;
  if (fields == 2)
    return (int)(byte >> (4 * f) & 15);
  if (fields == 4)
    return (int)(byte >> (2 * f) & 3);
  unsigned top = (unsigned)top_digit((int)byte);
  if (f == 4)
    return (int)top;
  unsigned q = (byte - TERN_TOP * top) * scaled[f] >> 16;
  return (int)(q - 3 * (q * 171 >> 9));
}

/* The four columns of field f in all lanes: a 64-bit word of four 16-bit numbers, sixteen times. */
static inline void spread(int16_t *restrict lanes, const int8_t *restrict x) {
  int16_t four[4] = {x[0], x[1], x[2], x[3]};
  uint64_t word, words[TILE_LANES / 4];
  memcpy(&word, four, sizeof word);
  for (int i = 0; i < TILE_LANES / 4; i++)
    words[i] = word;
  memcpy(lanes, words, sizeof words);
}

/* Adds the products of one tile of tile2: x[k] belongs to field k / 4, byte k % 4 of every row. */
static inline void add_tile2(int16_t *restrict sums, const uint8_t *restrict tile, const int8_t *restrict x) {
  for (int f = 0; f < 4; f++) {
    int16_t column[TILE_LANES];
    spread(column, x + 4 * f);
    for (int l = 0; l < TILE_LANES; l++)
      sums[l] = (int16_t)(sums[l] + (int16_t)((tile[l] >> (2 * f)) & 3) * column[l]);
  }
}

/* The same of tile3; q * 171 / 2^9 is q / 3, and what the division leaves is the field. */
static inline void add_tile3(int16_t *restrict sums, const uint8_t *restrict tile, const int8_t *restrict x) {
  uint16_t rest[TILE_LANES];
  int16_t column[TILE_LANES];
  spread(column, x + 16);
  for (int l = 0; l < TILE_LANES; l++) {
    int16_t top = (int16_t)top_digit(tile[l]);
    sums[l] = (int16_t)(sums[l] + top * column[l]);
    rest[l] = (uint16_t)(tile[l] - TERN_TOP * top);
  }
  for (int f = 0; f < 4; f++) {
    spread(column, x + 4 * f);
    for (int l = 0; l < TILE_LANES; l++) {
      uint16_t third = (uint16_t)((uint16_t)(rest[l] * 171u) >> 9);
      sums[l] = (int16_t)(sums[l] + (int16_t)(rest[l] - 3 * third) * column[l]);
      rest[l] = third;
    }
  }
}

/* The same of tile4 and tile8. */
static inline void add_wide_tile(int fields, int32_t *restrict sums, const uint8_t *restrict tile,
                                 const int8_t *restrict x) {
  for (int f = 0; f < fields; f++) {
    int16_t column[TILE_LANES];
    spread(column, x + 4 * f);
    for (int l = 0; l < TILE_LANES; l++)
      sums[l] += (fields == 1 ? tile[l] : tile[l] >> (4 * f) & 15) * column[l];
  }
}

static inline void add_tile(int fields, int16_t *restrict sums, const uint8_t *restrict tile,
                            const int8_t *restrict x) {
  if (fields == 4)
    add_tile2(sums, tile, x);
  else
    add_tile3(sums, tile, x);
}

static inline void widen(uint32_t sums[TERN_PANEL], const int16_t narrow[TILE_LANES]) {
  for (int r = 0; r < TERN_PANEL; r++)
    sums[r] += (uint32_t)(narrow[4 * r] + narrow[4 * r + 1] + narrow[4 * r + 2] + narrow[4 * r + 3]);
}

/* The 32-bit sums of tile4 and tile8 wrap: they are added to as unsigned numbers. */
static inline void wide_digits(int fields, const uint8_t *tiles, int64_t step, const int8_t *x, int64_t begin,
                               int64_t end, uint32_t sums[TERN_PANEL]) {
  int64_t width = 4 * fields, whole = end / width;
  memset(sums, 0, sizeof(uint32_t) * TERN_PANEL);
  for (int64_t chunk = begin / width; chunk * width < end; chunk++) {
    int32_t lanes[TILE_LANES] = {0};
    int8_t tail[LONGEST] = {0};
    if (chunk == whole)
      memcpy(tail, x + whole * width, (size_t)(end % width));
    add_wide_tile(fields, lanes, tiles + chunk * step, chunk == whole ? tail : x + chunk * width);
    for (int r = 0; r < TERN_PANEL; r++)
      sums[r] += (uint32_t)(lanes[4 * r] + lanes[4 * r + 1] + lanes[4 * r + 2] + lanes[4 * r + 3]);
  }
}

/* sums[r] = sum of t * x over columns begin .. end - 1 of a panel; begin is a multiple of a chunk, and so is
 * end unless it is n. */
static inline void panel_digits(int fields, const uint8_t *tiles, int64_t step, const int8_t *x,
                                int64_t begin, int64_t end, uint32_t sums[TERN_PANEL]) {
  int64_t width = 4 * fields, chunk = begin / width, whole = end / width;
  memset(sums, 0, sizeof(uint32_t) * TERN_PANEL);
  while (chunk < whole) {
    int64_t stop = chunk + NARROW_CHUNKS < whole ? chunk + NARROW_CHUNKS : whole;
    int16_t narrow[TILE_LANES] = {0};
    for (; chunk < stop; chunk++)
      add_tile(fields, narrow, tiles + chunk * step, x + chunk * width);
    widen(sums, narrow);
  }
  if (end % width) {
    int16_t narrow[TILE_LANES] = {0};
    int8_t tail[LONGEST] = {0};
    memcpy(tail, x + whole * width, (size_t)(end % width));
    add_tile(fields, narrow, tiles + whole * step, tail);
    widen(sums, narrow);
  }
}

static uint32_t sum_i8(const int8_t *x, int64_t n) {
  uint32_t sum = 0;
  for (int64_t k = 0; k < n; k++)
    sum += (uint32_t)(int32_t)x[k];
  return sum;
}

/* ---- any type, column by column -------------------------------------------------------------- */

/* Column k of a panel: bytes 0, 4, 8, ... from `column` hold it in field f. */
static inline const uint8_t *find_column(int fields, const uint8_t *tiles, int64_t step, int64_t k, int *f) {
  int64_t width = 4 * fields;
  *f = (int)(k % width / 4);
  return tiles + k / width * step + (k & 3);
}

/* out[r] of a panel for columns begin .. end - 1, none of them beyond n. */
#define COLUMN_SUM_INT(name, x_type)                                                                         \
  static inline void name(int fields, const uint8_t *tiles, int64_t step, const x_type *x, int64_t begin,    \
                          int64_t end, int32_t out[TERN_PANEL]) {                                            \
    uint32_t sums[TERN_PANEL] = {0};                                                                         \
    for (int64_t k = begin; k < end; k++) {                                                                  \
      int f;                                                                                                 \
      const uint8_t *column = find_column(fields, tiles, step, k, &f);                                       \
      for (int r = 0; r < TERN_PANEL; r++)                                                                   \
        sums[r] += (uint32_t)((digit(fields, column[4 * r], f) - tern_zero_digit(fields)) * x[k]);           \
    }                                                                                                        \
    memcpy(out, sums, sizeof sums);                                                                          \
  }
COLUMN_SUM_INT(columns_i8, int8_t)
COLUMN_SUM_INT(columns_i16, int16_t)

/* Lanes are of columns, not of a layout's chunks: every layout gives the same bits. */
static inline void columns_f32(int fields, const uint8_t *tiles, int64_t step, const float *x, int64_t begin,
                               int64_t end, float out[TERN_PANEL]) {
  float lanes[16][TERN_PANEL] = {{0}};
  for (int64_t k = begin; k < end; k++) {
    int f;
    const uint8_t *column = find_column(fields, tiles, step, k, &f);
    float *lane = lanes[(k - begin) % 16], plus = x[k], minus = -plus;
    for (int r = 0; r < TERN_PANEL; r++) {
      int t = digit(fields, column[4 * r], f);
      float product = fields < 4 ? (float)(t - tern_zero_digit(fields)) * plus
                      : t == 2   ? plus
                      : t == 0   ? minus
                                 : 0;
      lane[r] = lane[r] + product;
    }
  }
  for (int width = 8; width; width /= 2)
    for (int l = 0; l < width; l++)
      for (int r = 0; r < TERN_PANEL; r++)
        lanes[l][r] = lanes[l][r] + lanes[l + width][r];
  memcpy(out, lanes[0], sizeof lanes[0]);
}

/* int8 over whole chunks; a group that splits one goes by columns. */
static inline void chunks_i8(int fields, const uint8_t *tiles, int64_t step, const int8_t *x, int64_t begin,
                             int64_t end, int32_t out[TERN_PANEL]) {
  uint32_t digits[TERN_PANEL], zeros = (uint32_t)tern_zero_digit(fields) * sum_i8(x + begin, end - begin);
  (fields < 4 ? wide_digits : panel_digits)(fields, tiles, step, x, begin, end, digits);
  for (int r = 0; r < TERN_PANEL; r++)
    digits[r] -= zeros;
  memcpy(out, digits, sizeof digits);
}

static inline void panel_i8(int fields, const uint8_t *tiles, int64_t step, const int8_t *x, int64_t begin,
                            int64_t end, int64_t n, int32_t out[TERN_PANEL]) {
  int64_t width = 4 * fields;
  if (begin % width == 0 && (end % width == 0 || end == n))
    chunks_i8(fields, tiles, step, x, begin, end, out);
  else
    columns_i8(fields, tiles, step, x, begin, end, out);
}

static inline void panel_i16(int fields, const uint8_t *tiles, int64_t step, const int16_t *x, int64_t begin,
                             int64_t end, int64_t n, int32_t out[TERN_PANEL]) {
  (void)n;
  columns_i16(fields, tiles, step, x, begin, end, out);
}

static inline void panel_f32(int fields, const uint8_t *tiles, int64_t step, const float *x, int64_t begin,
                             int64_t end, int64_t n, float out[TERN_PANEL]) {
  (void)n;
  columns_f32(fields, tiles, step, x, begin, end, out);
}

/* ---- the whole matrix ------------------------------------------------------------------------ */

#define WHOLE_MATRIX(name, x_type, y_type, fields, panel_sum)                                                \
  TERN_TERNARY_SUM(name, x_type, y_type) {                                                                   \
    int64_t first, last, span = group ? group : n, groups = group ? (n + group - 1) / group : 1;             \
    int64_t chunks = (n + 4 * (fields) - 1) / (4 * (fields));                                                \
    tern_share(m, thread, threads, &first, &last);                                                           \
    for (int64_t panel = first; panel < last; panel++) {                                                     \
      int64_t step, count = m - panel * TERN_PANEL < TERN_PANEL ? m - panel * TERN_PANEL : TERN_PANEL;       \
      const uint8_t *tiles = tern_panel(w, m, chunks, panel, &step);                                         \
      for (int64_t row = 0; row < rows; row++)                                                               \
        for (int64_t g = 0; g < groups; g++) {                                                               \
          y_type out[TERN_PANEL], *to = y + (row * m + panel * TERN_PANEL) * groups + g;                     \
          int64_t begin = g * span, end = n - begin < span ? n : begin + span;                               \
          panel_sum(fields, tiles, step, x + row * n, begin, end, n, out);                                   \
          for (int64_t r = 0; r < count; r++)                                                                \
            to[r * groups] = out[r];                                                                         \
        }                                                                                                    \
    }                                                                                                        \
  }

WHOLE_MATRIX(tern_ternary_sum_i8, int8_t, int32_t, 4, panel_i8)
WHOLE_MATRIX(tern_ternary_sum_i16, int16_t, int32_t, 4, panel_i16)
WHOLE_MATRIX(tern_ternary_sum_f32, float, float, 4, panel_f32)
WHOLE_MATRIX(tern_ternary_sum3_i8, int8_t, int32_t, 5, panel_i8)
WHOLE_MATRIX(tern_ternary_sum3_i16, int16_t, int32_t, 5, panel_i16)
WHOLE_MATRIX(tern_ternary_sum3_f32, float, float, 5, panel_f32)
WHOLE_MATRIX(tern_ternary_sum4_i8, int8_t, int32_t, 2, panel_i8)
WHOLE_MATRIX(tern_ternary_sum4_i16, int16_t, int32_t, 2, panel_i16)
WHOLE_MATRIX(tern_ternary_sum4_f32, float, float, 2, panel_f32)
WHOLE_MATRIX(tern_ternary_sum8_i8, int8_t, int32_t, 1, panel_i8)
WHOLE_MATRIX(tern_ternary_sum8_i16, int16_t, int32_t, 1, panel_i16)
WHOLE_MATRIX(tern_ternary_sum8_f32, float, float, 1, panel_f32)
