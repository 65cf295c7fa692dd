/* ternary_rows.h: int8 ternary sums in vector registers, written once for all processors. A file a processor
 * (ternary_avx2.c, ternary_vnni.c, ...) says what its registers do and includes this page, which walks the
 * matrix; TERN_SUMS then makes the functions of ternary.h, one a layout.
 *
 * A register (`reg`, of bytes) holds four columns of sizeof(reg) / 4 rows: 32-bit lane r is row r, byte j
 * column j. REGS registers are a tile. The processor's file gives
 *
 *   ROWS, AT_ONCE        how many rows of x share AT_ONCE registers of digits when there are many rows
 *   SUM_BITS             16 or 32: bits of the sums that `multiply` adds to
 *   multiply(s, d, c)    s and the products of digits d, 0 .. 15, with columns c, added in pairs or fours
 *   widen(total, s)      total, 32-bit sums a lane, and s
 *   min_bytes(a, b), look_up(table, at)    table: 16 bytes; at: below 16
 *   digit_of_27(v)       0, 27 or 54 to 0, 1 or 2; optional where look_up heeds only four low bits of `at`
 *   top_of(b)            optional, as the next, with IN_PLACE: of a byte of tile3 the part 85 t4
 *   fields_of_81(r)      0 .. 80 to four digits at bits 0, 2, 4, 6
 *   WIDE_DIGITS          multiply takes digits up to 255; without it a digit of tile8 is multiplied by
 * halves, and tile4 and tile8 go row by row of x IN_PLACE             and fields of tile2 need no shift, and
 * have an accumulator each
 *
 * One row of x (decode) is bound by reading weights: a pair of panels is one stream, met in registers. More
 * rows are bound by multiplying. Some of them are a set, with an accumulator for each row and each register
 * of a pair. Where registers suffice (`direct`), a few rows (batches) are one set, which takes digits
 * straight from the weights, and the first set of many (prefill) also leaves them in the first cache, a byte
 * a digit, for the others; where not, a block of weights is unpacked before its sets. */
#ifndef TERN_TERNARY_ROWS_H
#define TERN_TERNARY_ROWS_H

#include <stdbool.h>

typedef int32_t lanes __attribute__((vector_size(sizeof(reg))));
typedef uint32_t modular __attribute__((vector_size(sizeof(reg)))); /* the same modulo 2^32 */

#ifdef WIDE_DIGITS
enum { WIDE = 1 };
#else
enum { WIDE = 0 };
#endif

enum {
  REGS = TERN_TILE / (int)sizeof(reg),
  MOST_FIELDS = 5,
  SOME = ROWS < 8 ? (int)ROWS : 8, /* rows that go together where ROWS are not left */
  FEW = ROWS < 4 ? (int)ROWS : 4,  /* and where those are not */
  ROWS_BLOCK = 96,                 /* rows of x whose sums are kept at a time */
  NEAR_BYTES = 512 << 10,          /* of rows side by side: a part of the second cache, and of the stack */
  NEAR_AHEAD = 1024,               /* bytes ahead that are fetched into the first cache */
  FAR_AHEAD = 16 << 10 /* and into the second: more requests are under way than the first has room for */
};

INLINE int64_t chunk_width(int fields) {
  return 4 * fields;
}

INLINE reg load_reg(const uint8_t *p) {
  reg r;
  memcpy(&r, p, sizeof r);
  return r;
}

/* The four bytes at x in every lane. */
INLINE reg four_columns(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, sizeof word);
  return (reg)((lanes){0} + word);
}

INLINE void prefetch_tiles(const uint8_t *tiles, int panels) {
  UNROLL for (int p = 0; p < panels; p++) {
    __builtin_prefetch(tiles + p * TERN_TILE + NEAR_AHEAD, 0, 3);
    __builtin_prefetch(tiles + p * TERN_TILE + FAR_AHEAD, 0, 2);
  }
}

/* ---- digits ---------------------------------------------------------------------------------- */

/* b modulo p for b < 3 p: what would be negative wraps to a large byte. */
INLINE reg below(reg b, uint8_t p) {
  b = min_bytes(b, b - p);
  return min_bytes(b, b - p);
}

#ifndef digit_of_27
INLINE reg digit_of_27(reg v) {
  static const uint8_t digit[16] = {[11] = 1, [6] = 2};
  return look_up(digit, v);
}
#endif

/* The digits of each byte. tile3: what a remainder leaves out, t * p, shows its digit: its low two bits are t
 * for p = 85 and 9; for 27 its low four bits are 0, 11 or 6. The last two are looked up by what remains. */
INLINE void unpack(int fields, reg b, reg digits[MOST_FIELDS]) {
  if (fields == 4) {
    UNROLL for (int f = 0; f < 4; f++) digits[f] = b >> 2 * f & 3;
    return;
  }
  if (fields < 4) {
    UNROLL for (int f = 0; f < fields; f++) digits[f] = fields == 1 ? b : b >> 4 * f & 15;
    return;
  }
#ifdef fields_of_81
  reg top = top_of(b), low = fields_of_81(b - top);
  UNROLL for (int f = 0; f < 4; f++) digits[f] = low >> 2 * f & 3;
  digits[4] = top & 3;
#else
  static const uint8_t digit3[16] = {0, 0, 0, 1, 1, 1, 2, 2, 2}, digit1[16] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
  reg r85 = below(b, TERN_TOP), r27 = below(r85, 27), r9 = below(r27, 9);
  digits[4] = (b - r85) & 3;
  digits[3] = digit_of_27(r85 - r27);
  digits[2] = (r27 - r9) & 3;
  digits[1] = look_up(digit3, r9);
  digits[0] = look_up(digit1, r9);
#endif
}

/* ---- products straight from packed bytes ----------------------------------------------------- */

/* Sums of decode_add, and how many chunks they hold. With 16 bits a pair of products of digits up to 2 is
 * within -512 .. 508, of digits up to 8 within -2048 .. 2032, up to 15 within -3840 .. 3810. With 32 a lane
 * grows by at most 2^16 a chunk; of tile4 and tile8 it may wrap, for no field is shifted down. */
#ifdef IN_PLACE
enum { ACCUMULATORS = MOST_FIELDS };
#else
enum { ACCUMULATORS = 2 };
#endif
INLINE int64_t most_chunks(int fields) {
  return SUM_BITS == 32 ? 1 << 14 : fields <= 4 ? 8 : 12;
}
enum { BLOCK_CHUNKS = SUM_BITS == 32 ? 32 : 12 }; /* the same for unpacked digits of tile2 and tile3 */

INLINE int64_t block_width(int fields) {
  return BLOCK_CHUNKS * chunk_width(fields);
}

#ifdef IN_PLACE
INLINE void decode_four(reg sums[ACCUMULATORS], reg b, const reg *columns) {
  UNROLL for (int f = 0; f < 4; f++) sums[f] = multiply(sums[f], b & (uint8_t)(3 << 2 * f), columns[f]);
}

INLINE reg join_four(const reg sums[ACCUMULATORS]) {
  modular low = (modular)sums[0] + (modular)((lanes)sums[1] >> 2);
  modular high = (modular)((lanes)sums[2] >> 4) + (modular)((lanes)sums[3] >> 6);
  return (reg)(low + high);
}
#endif

/* Fields of tile2 that are not shifted down count 4^f-fold, in an accumulator of their own; the top digit of
 * tile3 may stay 85-fold. */
INLINE void decode_add(int fields, reg sums[ACCUMULATORS], reg b, const reg columns[MOST_FIELDS]) {
#ifdef IN_PLACE
  if (fields == 4) {
    decode_four(sums, b, columns);
    return;
  }
#ifdef fields_of_81
  if (fields == 5) {
    reg top = top_of(b);
    sums[4] = multiply(sums[4], top, columns[4]);
    decode_four(sums, fields_of_81(b - top), columns);
    return;
  }
#endif
#endif
  if (fields == 4) {
    reg high = b >> 4;
    sums[0] = multiply(sums[0], b & 3, columns[0]);
    sums[1] = multiply(sums[1], b & 12, columns[1]);
    sums[0] = multiply(sums[0], high & 3, columns[2]);
    sums[1] = multiply(sums[1], high & 12, columns[3]);
  } else if (fields == 1 && !WIDE) {
    sums[0] = multiply(sums[0], b & 15, columns[0]);
    sums[1] = multiply(sums[1], b >> 4 & 15, columns[0]);
  } else {
    reg digits[MOST_FIELDS];
    unpack(fields, b, digits);
    UNROLL for (int f = 0; f < fields; f++) sums[f % 2] = multiply(sums[f % 2], digits[f], columns[f]);
  }
}

/* Division by 4^f is exact; by 85 it is multiplication by the inverse modulo 2^32. The upper halves of
 * tile8's digits count 16-fold. */
INLINE reg decode_join(int fields, reg total, const reg sums[ACCUMULATORS]) {
#ifdef IN_PLACE
  if (fields == 4)
    return (reg)((modular)total + (modular)join_four(sums));
#ifdef fields_of_81
  if (fields == 5)
    return (reg)((modular)total + (modular)join_four(sums) + (modular)sums[4] * 0xfcfcfcfd);
#endif
#endif
  reg second = widen((reg){0}, sums[1]);
  if (fields == 1 && !WIDE)
    return (reg)((modular)widen(total, sums[0]) + ((modular)second << 4));
  return (reg)((modular)widen(total, sums[0]) + (modular)((lanes)second >> (fields == 4 ? 2 : 0)));
}

/* A panel or a pair of them: where the tiles are, and which rows of y they give. */
struct strip {
  const uint8_t *tiles;
  int64_t first, count, m, n; /* rows of the matrix: the first, how many; all, which is a row of y */
};

/* Sums of digits less what they would be if all codes were 0. */
INLINE void store_sums(int panels, const struct strip *s, const reg *total, int32_t zeros, int32_t *y) {
  uint32_t sums[2 * TERN_PANEL];
  memcpy(sums, total, (size_t)panels * TERN_TILE);
  for (int i = 0; i < panels * TERN_PANEL; i++)
    sums[i] -= (uint32_t)zeros;
  if (s->count == panels * TERN_PANEL)
    memcpy(y + s->first, sums, (size_t)panels * TERN_TILE);
  else
    memcpy(y + s->first, sums, sizeof *y * (size_t)s->count);
}

/* ---- one row of x ---------------------------------------------------------------------------- */

INLINE void decode_chunk(int fields, int panels, reg sums[][ACCUMULATORS], const uint8_t *tiles,
                         const int8_t *x) {
  reg columns[MOST_FIELDS];
  UNROLL for (int f = 0; f < fields; f++) columns[f] = four_columns(x + 4 * f);
  prefetch_tiles(tiles, panels);
  UNROLL for (int i = 0; i < panels * REGS; i++)
      decode_add(fields, sums[i], load_reg(tiles + i * (int)sizeof(reg)), columns);
}

INLINE void one_row(int fields, int panels, const struct strip *s, const int8_t *x, int32_t zeros,
                    int32_t *y) {
  reg total[2 * REGS];
  int64_t width = chunk_width(fields), whole = s->n / width, step = panels * TERN_TILE;
  memset(total, 0, sizeof total);
  for (int64_t begin = 0; begin < whole || begin == 0; begin += most_chunks(fields)) {
    reg sums[2 * REGS][ACCUMULATORS];
    int64_t end = whole - begin < most_chunks(fields) ? whole : begin + most_chunks(fields);
    memset(sums, 0, sizeof sums);
    for (int64_t c = begin; c < end; c++)
      decode_chunk(fields, panels, sums, s->tiles + c * step, x + c * width);
    UNROLL for (int i = 0; i < panels * REGS; i++) total[i] = decode_join(fields, total[i], sums[i]);
  }
  if (s->n % width) {
    reg sums[2 * REGS][ACCUMULATORS];
    int8_t tail[4 * MOST_FIELDS] = {0};
    memset(sums, 0, sizeof sums);
    memcpy(tail, x + whole * width, (size_t)(s->n % width));
    decode_chunk(fields, panels, sums, s->tiles + whole * step, tail);
    UNROLL for (int i = 0; i < panels * REGS; i++) total[i] = decode_join(fields, total[i], sums[i]);
  }
  store_sums(panels, s, total, zeros, y);
}

/* ---- many rows of x -------------------------------------------------------------------------- */

/* Rows of x that share registers of digits are a set: ROWS, then SOME, FEW, one. `near` holds a block of
 * columns of all rows after the other; within a block the rows of a set lie side by side, a four of each in
 * turn and zeros after the last column: one stream, whatever the distance of rows. */
INLINE int64_t set_of(int64_t left) {
  return left >= ROWS ? ROWS : left >= SOME ? SOME : left >= FEW ? FEW : 1;
}

INLINE int64_t row_bytes(int64_t n) {
  return (n + 3) / 4 * 4;
}

/* Columns of one row of a set. */
INLINE void bring_row(int8_t *near, const int8_t *x, int64_t n, int64_t set) {
  for (int64_t k = 0; k + 4 <= n; k += 4)
    memcpy(near + k * set, x + k, 4);
  if (n % 4) {
    int8_t last[4] = {0};
    memcpy(last, x + n / 4 * 4, (size_t)(n % 4));
    memcpy(near + n / 4 * 4 * set, last, 4);
  }
}

INLINE void bring_near(int8_t *near, const int8_t *x, int64_t n, int64_t rows, int64_t block) {
  for (int64_t column = 0; column < n; column += block) {
    int64_t width = n - column < block ? n - column : block;
    for (int64_t t = 0, set; t < rows; t += set, near += set * row_bytes(width)) {
      set = set_of(rows - t);
      for (int64_t r = 0; r < set; r++)
        bring_row(near + 4 * r, x + (t + r) * n + column, width, set);
    }
  }
}

/* Registers [at, at + regs) of the sums of a set. `near` has the set's `fours` fours of columns. */
struct register_range {
  int set, regs, at;
  int64_t fours;
  const int8_t *near;
};

INLINE void open_sums(const struct register_range p, reg sums[][AT_ONCE]) {
  UNROLL for (int t = 0; t < p.set; t++) UNROLL for (int i = 0; i < p.regs; i++) sums[t][i] = (reg){0};
}

INLINE void close_sums(const struct register_range p, reg sums[][AT_ONCE], reg (*total)[2 * REGS]) {
  UNROLL for (int t = 0; t < p.set; t++) UNROLL for (int i = 0; i < p.regs; i++) total[t][p.at + i] =
      widen(total[t][p.at + i], sums[t][i]);
}

/* Digits of four columns against the set. */
INLINE void add_four(const struct register_range p, reg sums[][AT_ONCE], const reg digits[AT_ONCE],
                     int64_t four) {
  UNROLL for (int t = 0; t < p.set; t++) {
    reg columns = four_columns(p.near + 4 * (four * p.set + t));
    UNROLL for (int i = 0; i < p.regs; i++) sums[t][i] = multiply(sums[t][i], digits[i], columns);
  }
}

/* Whether registers suffice to take digits straight from tiles into products. */
#ifdef IN_PLACE
#define direct(fields) true
#else
#define direct(fields) ((fields) == 4)
#endif

/* Digits go straight from the tiles into the products, and into `keep` for other sets unless it is NULL. */
INLINE void add_tiles(int fields, int panels, const struct register_range p, reg (*total)[2 * REGS],
                      const uint8_t *tiles, reg (*keep)[2 * REGS]) {
  reg sums[ROWS][AT_ONCE];
  open_sums(p, sums);
  for (int64_t four = 0; four < p.fours; four += fields, tiles += panels * TERN_TILE) {
    reg digits[MOST_FIELDS][AT_ONCE];
    prefetch_tiles(tiles, panels);
    UNROLL for (int i = 0; i < p.regs; i++) {
      reg d[MOST_FIELDS];
      unpack(fields, load_reg(tiles + (p.at + i) * (int)sizeof(reg)), d);
      UNROLL for (int f = 0; f < fields; f++) digits[f][i] = d[f];
    }
    UNROLL for (int f = 0; f < fields; f++) {
      if (four + f >= p.fours)
        break;
      add_four(p, sums, digits[f], four + f);
      if (keep)
        UNROLL for (int i = 0; i < p.regs; i++) keep[four + f][p.at + i] = digits[f][i];
    }
  }
  close_sums(p, sums, total);
}

INLINE void unpack_block(int fields, int panels, reg (*digits)[2 * REGS], const uint8_t *tiles,
                         int64_t fours) {
  for (int64_t four = 0; four < fours; four += fields, tiles += panels * TERN_TILE) {
    prefetch_tiles(tiles, panels);
    UNROLL for (int i = 0; i < panels * REGS; i++) {
      reg d[MOST_FIELDS];
      unpack(fields, load_reg(tiles + i * (int)sizeof(reg)), d);
      UNROLL for (int f = 0; f < fields; f++) digits[four + f][i] = d[f];
    }
  }
}

INLINE void add_digits(const struct register_range p, reg (*total)[2 * REGS], const reg (*digits)[2 * REGS]) {
  reg sums[ROWS][AT_ONCE];
  open_sums(p, sums);
  for (int64_t four = 0; four < p.fours; four++)
    add_four(p, sums, digits[four] + p.at, four);
  close_sums(p, sums, total);
}

/* A block of columns of a strip for a set of rows: from tiles, or where those are NULL from digits kept. */
INLINE void add_set(int fields, int panels, int set, reg (*total)[2 * REGS], const uint8_t *tiles,
                    reg (*digits)[2 * REGS], const int8_t *near, int64_t fours) {
  struct register_range p = {set, panels * REGS < AT_ONCE ? panels * REGS : AT_ONCE, 0, fours, near};
  for (; p.at < panels * REGS; p.at += p.regs)
    if (tiles)
      add_tiles(fields, panels, p, total, tiles, digits);
    else
      add_digits(p, total, (const reg(*)[2 * REGS]) digits);
}

/* Rows that are one set. */
INLINE void few_rows(int fields, int panels, int set, const struct strip *s, const int8_t *near,
                     const int32_t *zeros, int64_t rows, int32_t *y) {
  reg total[ROWS][2 * REGS];
  int64_t fours = (s->n + 3) / 4, most = SUM_BITS == 32 ? fours : BLOCK_CHUNKS * fields;
  memset(total, 0, sizeof total);
  for (int64_t four = 0; four < fours; four += most)
    add_set(fields, panels, set, total, s->tiles + four / fields * panels * TERN_TILE, NULL,
            near + 4 * four * set, fours - four < most ? fours - four : most);
  for (int64_t t = 0; t < rows; t++)
    store_sums(panels, s, total[t], zeros[t], y + t * s->m);
}

/* More rows. A block of columns: the first set unpacks them to a byte a digit, in the first cache, for the
 * others. A set's sums are stored as soon as they are whole, so that the next set's products hide the wait
 * for y. */
INLINE void many_rows(int fields, int panels, const struct strip *s, const int8_t *near, const int32_t *zeros,
                      int64_t rows, int32_t *y) {
  reg digits[BLOCK_CHUNKS * MOST_FIELDS][2 * REGS], total[ROWS_BLOCK][2 * REGS];
  int64_t all = (s->n + 3) / 4, most = BLOCK_CHUNKS * fields;
  memset(total, 0, sizeof *total * (size_t)rows);
  for (int64_t four = 0; four < all; four += most) {
    int64_t fours = all - four < most ? all - four : most;
    const uint8_t *tiles = s->tiles + four / fields * panels * TERN_TILE;
    if (!direct(fields)) {
      unpack_block(fields, panels, digits, tiles, fours);
      tiles = NULL;
    }
    for (int64_t t = 0, set; t < rows; t += set, near += 4 * fours * set, tiles = NULL) {
      set = set_of(rows - t);
      if (tiles)
        add_set(fields, panels, ROWS, total + t, tiles, digits, near, fours);
      else if (set == ROWS)
        add_set(fields, panels, ROWS, total + t, NULL, digits, near, fours);
      else if (set == SOME)
        add_set(fields, panels, SOME, total + t, NULL, digits, near, fours);
      else if (set == FEW)
        add_set(fields, panels, FEW, total + t, NULL, digits, near, fours);
      else
        add_set(fields, panels, 1, total + t, NULL, digits, near, fours);
      for (int64_t r = t; four + most >= all && r < t + set; r++)
        store_sums(panels, s, total[r], zeros[r], y + r * s->m);
    }
  }
}

/* ---- the whole matrix ------------------------------------------------------------------------ */

/* The sum of digits that a row of codes 0 would have. */
INLINE int32_t sum_of_zeros(int fields, const int8_t *x, int64_t n) {
  uint32_t sum = 0;
  for (int64_t k = 0; k < n; k++)
    sum += (uint32_t)x[k];
  return (int32_t)(sum * (uint32_t)tern_zero_digit(fields));
}

INLINE struct strip strip_at(int fields, const uint8_t *w, int64_t m, int64_t n, int64_t panel) {
  int64_t chunks = (n + chunk_width(fields) - 1) / chunk_width(fields), first = panel * TERN_PANEL;
  int64_t count = m - first < 2 * TERN_PANEL ? m - first : 2 * TERN_PANEL;
  return (struct strip){w + panel * chunks * TERN_TILE, first, count, m, n};
}

/* A thread's share of the panels for rows of x: one after the other, and `near` together. */
INLINE void sum_each(int fields, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n,
                     int64_t rows, uint32_t thread, uint32_t threads) {
  int64_t begin, end;
  tern_share(m, thread, threads, &begin, &end);
  for (int64_t row = 0; row < rows; row++, x += n, y += m) {
    int32_t zeros = sum_of_zeros(fields, x, n);
    for (int64_t panel = begin; panel < end; panel += 2) {
      struct strip s = strip_at(fields, w, m, n, panel);
      if (panel + 1 < end)
        one_row(fields, 2, &s, x, zeros, y);
      else
        one_row(fields, 1, &s, x, zeros, y);
    }
  }
}

INLINE void sum_near(int fields, const uint8_t *w, const int8_t *x, const int8_t *near, int32_t *y, int64_t m,
                     int64_t n, int64_t rows, uint32_t thread, uint32_t threads) {
  int64_t begin, end;
  int32_t zeros[ROWS_BLOCK];
  tern_share(m, thread, threads, &begin, &end);
  for (int64_t t = 0; t < rows; t++)
    zeros[t] = sum_of_zeros(fields, x + t * n, n);
  for (int64_t panel = begin; panel < end; panel += 2) {
    struct strip s = strip_at(fields, w, m, n, panel);
    if (panel + 1 < end)
      many_rows(fields, 2, &s, near, zeros, rows, y);
    else
      many_rows(fields, 1, &s, near, zeros, rows, y);
  }
}

/* Sets of rows, spread evenly over the passes that the room for near copies and sums takes; returns how many
 * rows that was: those left, if any, are no more than a set, and `direct`. */
INLINE int64_t sum_sets(int fields, int8_t *near, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m,
                        int64_t n, int64_t rows, uint32_t thread, uint32_t threads) {
  const int64_t least = direct(fields) ? ROWS : 0;
  if (rows <= least)
    return 0;
  int64_t room = NEAR_BYTES / row_bytes(n), most = (room < ROWS_BLOCK ? room : ROWS_BLOCK) / ROWS * ROWS;
  int64_t times = (rows + most - 1) / most, sets = (rows + times * ROWS - 1) / (times * ROWS), row = 0;
  for (; rows - row > least; row += sets * ROWS) {
    int64_t count = rows - row < sets * ROWS ? rows - row : sets * ROWS;
    bring_near(near, x + row * n, n, count, block_width(fields));
    sum_near(fields, w, x + row * n, near, y + row * m, m, n, count, thread, threads);
  }
  return row < rows ? row : rows;
}

/* Rows that are no more than a set, which is filled up with zeros. */
INLINE void sum_set(int fields, int set, int8_t *near, const uint8_t *w, const int8_t *x, int32_t *y,
                    int64_t m, int64_t n, int64_t rows, uint32_t thread, uint32_t threads) {
  int32_t zeros[ROWS];
  int64_t begin, end;
  if (rows < set)
    memset(near, 0, (size_t)(set * row_bytes(n)));
  for (int64_t t = 0; t < rows; t++) {
    bring_row(near + 4 * t, x + t * n, n, set);
    zeros[t] = sum_of_zeros(fields, x + t * n, n);
  }
  tern_share(m, thread, threads, &begin, &end);
  for (int64_t panel = begin; panel < end; panel += 2) {
    struct strip s = strip_at(fields, w, m, n, panel);
    if (panel + 1 < end)
      few_rows(fields, 2, set, &s, near, zeros, rows, y);
    else
      few_rows(fields, 1, set, &s, near, zeros, rows, y);
  }
}

/* The functions of a processor; with groups they do as the portable zeros. MANY(fields, ...) computes the
 * first of the rows in a way of its own and returns how many. What rows are few is one function for all
 * matrices. There is one room for near copies, since threads' stacks are small. */
#define TERN_SUM(name, level, fields, many)                                                                  \
  static __attribute__((noinline)) void few_##name##_##level(                                                \
      int8_t *near, const uint8_t *w, const int8_t *x, int32_t *y, int64_t m, int64_t n, int64_t rows,       \
      uint32_t thread, uint32_t threads) {                                                                   \
    if (rows <= FEW)                                                                                         \
      sum_set(fields, FEW, near, w, x, y, m, n, rows, thread, threads);                                      \
    else if (rows <= SOME)                                                                                   \
      sum_set(fields, SOME, near, w, x, y, m, n, rows, thread, threads);                                     \
    else                                                                                                     \
      sum_set(fields, ROWS, near, w, x, y, m, n, rows, thread, threads);                                     \
  }                                                                                                          \
  TERN_TERNARY_SUM(tern_ternary_##name##_##level, int8_t, int32_t) {                                         \
    if (group) {                                                                                             \
      tern_ternary_##name(w, x, y, m, n, group, rows, thread, threads);                                      \
      return;                                                                                                \
    }                                                                                                        \
    int64_t row = rows > 1 ? many(fields, w, x, y, m, n, rows, thread, threads) : 0;                         \
    if (rows - row == 1 || ROWS * row_bytes(n) > NEAR_BYTES || ((fields) < 4 && !WIDE)) {                    \
      sum_each(fields, w, x + row * n, y + row * m, m, n, rows - row, thread, threads);                      \
    } else if (row < rows) {                                                                                 \
      _Alignas(64) int8_t near[NEAR_BYTES];                                                                  \
      row += sum_sets(fields, near, w, x + row * n, y + row * m, m, n, rows - row, thread, threads);         \
      if (direct(fields) && row < rows)                                                                      \
        few_##name##_##level(near, w, x + row * n, y + row * m, m, n, rows - row, thread, threads);          \
    }                                                                                                        \
  }
#define TERN_SUMS_MANY(level, many)                                                                          \
  TERN_SUM(sum_i8, level, 4, many)                                                                           \
  TERN_SUM(sum3_i8, level, 5, many)
#define TERN_WIDE_SUMS(level, many)                                                                          \
  TERN_SUM(sum4_i8, level, 2, many)                                                                          \
  TERN_SUM(sum8_i8, level, 1, many)
#define TERN_NONE(...) 0
#define TERN_SUMS(level)                                                                                     \
  TERN_SUMS_MANY(level, TERN_NONE)                                                                           \
  TERN_WIDE_SUMS(level, TERN_NONE)

#endif
