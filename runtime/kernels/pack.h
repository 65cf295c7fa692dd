/* pack.h: codes -1, 0, 1, and wider ones, into the layouts of ternary.h, when a weights image is made, or a
 * trained matrix has changed. */
#ifndef TERN_PACK_H
#define TERN_PACK_H

#include <stdint.h>

/* Bytes that m rows of n columns take. */
int64_t tern_tile2_bytes(int64_t m, int64_t n);
int64_t tern_tile3_bytes(int64_t m, int64_t n);
int64_t tern_tile4_bytes(int64_t m, int64_t n);
int64_t tern_tile8_bytes(int64_t m, int64_t n);

/* codes[m, n], row-major, to tern_tileX_bytes(m, n) bytes. */
void tern_pack_tile2(const int8_t *codes, int64_t m, int64_t n, uint8_t *out);
void tern_pack_tile3(const int8_t *codes, int64_t m, int64_t n, uint8_t *out);
void tern_pack_tile4(const int8_t *codes, int64_t m, int64_t n, uint8_t *out); /* codes -8 .. 7 */
void tern_pack_tile8(const int8_t *codes, int64_t m, int64_t n, uint8_t *out); /* any */

/* Only the pairs of panels [begin, end) of ceil(m / 32), for threads that share the work: codes and out are
 * those of the whole matrix. */
void tern_pack_tile2_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end);
void tern_pack_tile3_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end);
void tern_pack_tile4_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end);
void tern_pack_tile8_pairs(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin,
                           int64_t end);

/* At most 16 rows of n codes, `stride` apart: `chunk` columns (16: tile2, 20: tile3) make a tile, which is
 * `step` bytes before the next. */
void tern_pack_strip(int64_t chunk, const int8_t *codes, int64_t stride, int64_t rows, int64_t n,
                     uint8_t *out, int64_t step);

#endif
