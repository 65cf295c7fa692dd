/* pack.c: packs codes eight or four at a time: a row of a tile2 is 16 code bytes, and its four packed bytes
 * are two 64-bit words shifted over each other; a row of a tile3 is five 32-bit words of digits, and its four
 * bytes are their weighted sum, four bytes at once. Tiles at the edges are copied into a padded one
 * first. */
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternary.h"

#include <string.h>

int64_t tern_tile2_bytes(int64_t m, int64_t n) {
  return tern_tiles(m) * tern_tiles(n) * TERN_TILE;
}

int64_t tern_tile3_bytes(int64_t m, int64_t n) {
  return tern_tiles(m) * tern_tiles3(n) * TERN_TILE;
}

int64_t tern_tile4_bytes(int64_t m, int64_t n) {
  return tern_tiles(m) * ((n + TERN_CHUNK4 - 1) / TERN_CHUNK4) * TERN_TILE;
}

int64_t tern_tile8_bytes(int64_t m, int64_t n) {
  return tern_tiles(m) * ((n + TERN_CHUNK8 - 1) / TERN_CHUNK8) * TERN_TILE;
}

/* Eight code bytes in memory order, the first in the lowest byte, as digits t = code + 1: 0xff, 0, 1 become
 * 0, 1, 2 without a carry between bytes. */
static inline uint64_t digits(const int8_t *codes) {
  uint64_t c;
  memcpy(&c, codes, sizeof c);
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  c = __builtin_bswap64(c);
#endif
  return ((c & 0x7f7f7f7f7f7f7f7fu) + 0x0101010101010101u) ^ (c & 0x8080808080808080u);
}

static inline void put_word(uint8_t *out, uint32_t word) {
  for (int j = 0; j < 4; j++)
    out[j] = (uint8_t)(word >> (8 * j));
}

/* tile2: 16 codes of a row to bytes j = 0 .. 3: columns j, 4 + j, 8 + j, 12 + j at bits 0, 2, 4, 6. */
static inline void pack_row2(const int8_t *codes, uint8_t *out) {
  uint64_t both = digits(codes) | digits(codes + 8) << 4; /* low half: fields 0, 2; high half: 1, 3 */
  uint32_t word = (uint32_t)both | (uint32_t)(both >> 32) << 2;
  put_word(out, word);
}

/* tile3: 20 codes of a row to bytes j = 0 .. 3 of columns j, 4 + j, ..., 16 + j. A byte stays below 251, so
 * none carries into the next. The last four codes are read as the end of eight that are all in the row. */
static inline void pack_row3(const int8_t *codes, uint8_t *out) {
  uint64_t a = digits(codes), b = digits(codes + 8);
  uint32_t word = (uint32_t)(b >> 32);
  word = 3 * word + (uint32_t)b;
  word = 3 * word + (uint32_t)(a >> 32);
  word = 3 * word + (uint32_t)a;
  put_word(out, TERN_TOP * (uint32_t)(digits(codes + 12) >> 32) + word);
}

/* tile4 and tile8: columns j and 4 + j of a row at bits 0 and 4 of byte j; column j in byte j. */
static inline void pack_row_wide(int64_t chunk, const int8_t *codes, uint8_t *out) {
  for (int j = 0; j < 4; j++)
    out[j] = chunk == TERN_CHUNK8 ? (uint8_t)(codes[j] + 128)
                                  : (uint8_t)((codes[j] + 8) | (codes[4 + j] + 8) << 4);
}

/* `chunk`, the columns of a tile, says which layout. */
static inline void pack_tile(int64_t chunk, const int8_t *codes, int64_t stride, uint8_t *out) {
  for (int r = 0; r < TERN_PANEL; r++)
    if (chunk == TERN_CHUNK)
      pack_row2(codes + r * stride, out + 4 * r);
    else if (chunk == TERN_CHUNK3)
      pack_row3(codes + r * stride, out + 4 * r);
    else
      pack_row_wide(chunk, codes + r * stride, out + 4 * r);
}

/* A tile of which only rows x columns are in the matrix. The rest are codes whose digit is 0. */
static void pack_edge(int64_t chunk, const int8_t *codes, int64_t stride, int64_t rows, int64_t columns,
                      uint8_t *out) {
  int8_t padded[TERN_PANEL * TERN_CHUNK3];
  memset(padded, -tern_zero_digit((int)chunk / 4), sizeof padded);
  for (int64_t r = 0; r < rows; r++)
    memcpy(padded + r * chunk, codes + r * stride, (size_t)columns);
  pack_tile(chunk, padded, chunk, out);
}

static inline void pack_panel(int64_t chunk, const int8_t *codes, int64_t stride, int64_t rows, int64_t n,
                              uint8_t *out, int64_t step) {
  int64_t c = 0, whole = rows == TERN_PANEL ? n / chunk : 0;
  for (; c < whole; c++)
    pack_tile(chunk, codes + c * chunk, stride, out + c * step);
  for (; c * chunk < n; c++) {
    int64_t left = n - c * chunk;
    pack_edge(chunk, codes + c * chunk, stride, rows, left < chunk ? left : chunk, out + c * step);
  }
}

void tern_pack_strip(int64_t chunk, const int8_t *codes, int64_t stride, int64_t rows, int64_t n,
                     uint8_t *out, int64_t step) {
  if (chunk == TERN_CHUNK)
    pack_panel(TERN_CHUNK, codes, stride, rows, n, out, step);
  else
    pack_panel(TERN_CHUNK3, codes, stride, rows, n, out, step);
}

static inline void pack_pairs(int64_t chunk, const int8_t *codes, int64_t m, int64_t n, uint8_t *out,
                              int64_t begin, int64_t end) {
  int64_t chunks = (n + chunk - 1) / chunk;
  for (int64_t panel = 2 * begin; panel < 2 * end && panel < tern_tiles(m); panel++) {
    int64_t step, rows = m - panel * TERN_PANEL;
    int64_t at = tern_panel(out, m, chunks, panel, &step) - out;
    pack_panel(chunk, codes + panel * TERN_PANEL * n, n, rows < TERN_PANEL ? rows : TERN_PANEL, n, out + at,
               step);
  }
}

void tern_pack_tile2_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end) {
  pack_pairs(TERN_CHUNK, codes, m, n, out, begin, end);
}

void tern_pack_tile3_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end) {
  pack_pairs(TERN_CHUNK3, codes, m, n, out, begin, end);
}

void tern_pack_tile4_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end) {
  pack_pairs(TERN_CHUNK4, codes, m, n, out, begin, end);
}

void tern_pack_tile8_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end) {
  pack_pairs(TERN_CHUNK8, codes, m, n, out, begin, end);
}

void tern_pack_tile2(const int8_t *codes, int64_t m, int64_t n, uint8_t *out) {
  tern_pack_tile2_pairs(codes, m, n, out, 0, (tern_tiles(m) + 1) / 2);
}

void tern_pack_tile3(const int8_t *codes, int64_t m, int64_t n, uint8_t *out) {
  tern_pack_tile3_pairs(codes, m, n, out, 0, (tern_tiles(m) + 1) / 2);
}

void tern_pack_tile4(const int8_t *codes, int64_t m, int64_t n, uint8_t *out) {
  tern_pack_tile4_pairs(codes, m, n, out, 0, (tern_tiles(m) + 1) / 2);
}

void tern_pack_tile8(const int8_t *codes, int64_t m, int64_t n, uint8_t *out) {
  tern_pack_tile8_pairs(codes, m, n, out, 0, (tern_tiles(m) + 1) / 2);
}
