/* ternary_amx.c: int8 ternary sums for AMX INT8. From 16 rows of x on, 32 of them meet 32 rows of the matrix
 * in four tiles; fewer rows go as in ternary_vbmi.c.
 *
 * A field of a tile of packed weights, four columns of 16 rows, is a row of a right-hand tile as it is. Of a
 * pair of panels some columns are unpacked at a time, to codes in the first cache, for all rows of x. */
#if defined __AMX_INT8__ && defined __AVX512VBMI__
#define TERN_VBMI
#define TERN_AMX
#include "runtime/kernels/ternary_vnni.c"

#include "runtime/kernels/tiles_amx.h"

enum {
  LEAST_ROWS = 16, /* for which tiles are used */
  OWN_ROWS = 64,   /* that a thread has at least where it has all of the matrix for its rows of x */
  FOURS = 160,     /* of columns at a time: 640, or 10 tiles; whole chunks of all layouts */
  TILE_FOURS = 16, /* fours of a tile */
  MOST_COLUMNS = 4 * FOURS
};

/* Codes of a pair of panels: [tile][panel][1024]. */
INLINE void unpack_codes(int fields, const uint8_t *tiles, int panels, int64_t fours, uint8_t *codes) {
  for (int64_t four = 0; four < fours; four += fields, tiles += panels * TERN_TILE) {
    prefetch_tiles(tiles, panels);
    UNROLL for (int p = 0; p < panels; p++) {
      reg digits[MOST_FIELDS];
      unpack(fields, load_reg(tiles + p * TERN_TILE), digits);
      UNROLL for (int f = 0; f < fields; f++) {
        int64_t at = four + f;
        reg code = digits[f] - (uint8_t)tern_zero_digit(fields);
        if (at < FOURS)
          memcpy(codes + (at / TILE_FOURS * 2 + p) * TILE_BYTES + at % TILE_FOURS * 64, &code, sizeof code);
      }
    }
  }
}

/* 32 rows of x, `step` bytes apart, against the codes: `tiles` times 64 columns. */
static __attribute__((noinline)) void set_by_codes(const int8_t *x, int64_t step, const uint8_t *codes,
                                                   int64_t tiles, int32_t *y, int64_t stride, bool add) {
  MEMORY_IS_READ_AND_WRITTEN();
  open_sums_tiles(y, stride, add);
  for (int64_t k = 0; k < tiles; k++, x += 64, codes += 2 * TILE_BYTES) {
    _tile_loadd(4, x, step);
    _tile_loadd(6, codes, 64);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(7, codes + TILE_BYTES, 64);
    _tile_dpbssd(1, 4, 7);
    _tile_loadd(5, x + SIDE * step, step);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  store_sums_tiles(y, stride);
  MEMORY_IS_READ_AND_WRITTEN();
}

/* The same for up to 32 rows and columns of y and any number of columns of x. */
static __attribute__((noinline)) void any_set_by_codes(const int8_t *x, int64_t n, int64_t columns,
                                                       int64_t rows, const uint8_t *codes, int32_t *y,
                                                       int64_t m, int64_t count, bool add) {
  _Alignas(64) int8_t near[SET * MOST_COLUMNS];
  int32_t part[SET * SET];
  int64_t tiles = (columns + 63) / 64, width = tiles * 64;
  memset(near, 0, (size_t)(SET * width));
  for (int64_t r = 0; r < rows; r++)
    memcpy(near + r * width, x + r * n, (size_t)columns);
  for (int64_t r = 0; add && r < rows; r++)
    memcpy(part + r * SET, y + r * m, sizeof *y * (size_t)count);
  set_by_codes(near, width, codes, tiles, part, sizeof *y * SET, add);
  for (int64_t r = 0; r < rows; r++)
    memcpy(y + r * m, part + r * SET, sizeof *y * (size_t)count);
}

/* A pair of panels, or the last alone, for all rows. */
INLINE void strip_by_tiles(int fields, const struct strip *s, int panels, uint8_t *codes, const int8_t *x,
                           int32_t *y, int64_t rows) {
  int64_t all = (s->n + 3) / 4;
  for (int64_t four = 0; four < all; four += FOURS) {
    int64_t fours = all - four < FOURS ? all - four : FOURS, left = s->n - 4 * four;
    int64_t columns = left < MOST_COLUMNS ? left : MOST_COLUMNS;
    unpack_codes(fields, s->tiles + four / fields * panels * TERN_TILE, panels, fours, codes);
    for (int64_t t = 0; t < rows; t += SET) {
      const int8_t *from = x + t * s->n + 4 * four;
      int32_t *to = y + t * s->m + s->first;
      if (rows - t >= SET && s->count == SET && columns % 64 == 0)
        set_by_codes(from, s->n, codes, columns / 64, to, sizeof *y * s->m, four > 0);
      else
        any_set_by_codes(from, s->n, columns, rows - t < SET ? rows - t : SET, codes, to, s->m, s->count,
                         four > 0);
    }
  }
}

/* Many rows are shared: who makes x and goes on with y has the same rows, in its own cache. */
INLINE void panels_by_tiles(int fields, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n,
                            int64_t rows, uint32_t thread, uint32_t threads) {
  _Alignas(64) uint8_t codes[FOURS / TILE_FOURS * 2 * TILE_BYTES];
  int64_t begin, end;
  memset(codes, 0, sizeof codes);
  if (rows >= (int64_t)threads * OWN_ROWS) {
    int64_t sets = rows / SET, first = sets * thread / threads * SET,
            last = sets * (thread + 1) / threads * SET;
    rows = (thread + 1 < threads ? last : rows) - first;
    x += first * n, y += first * m;
    thread = 0, threads = 1;
  }
  tern_share(m, thread, threads, &begin, &end);
  open_tiles();
  for (int64_t panel = begin; panel < end; panel += 2) {
    struct strip s = strip_at(fields, w, m, n, panel);
    if (panel + 1 < end)
      strip_by_tiles(fields, &s, 2, codes, x, y, rows);
    else
      strip_by_tiles(fields, &s, 1, codes, x, y, rows);
  }
  _tile_release();
}

INLINE int64_t rows_by_tiles(int fields, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n,
                             int64_t rows, uint32_t thread, uint32_t threads) {
  if (rows < LEAST_ROWS)
    return 0;
  panels_by_tiles(fields, w, x, y, m, n, rows, thread, threads);
  return rows;
}

TERN_SUMS_MANY(amx, rows_by_tiles)
TERN_WIDE_SUMS(amx, rows_by_tiles)
#else
typedef int tern_no_amx; /* nothing to compile for this processor */
#endif
