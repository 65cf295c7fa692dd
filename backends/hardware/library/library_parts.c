/* library_parts.c: what the library's modules (backends/hardware/library/modules) are made of, for their
 * parameters.
 *
 * A function a module, named after it; each follows the module's text from top to bottom, so that the two can
 * be held side by side. Bits that are constant or equal whatever the inputs are left out, as synthesis leaves
 * them out. */
#include "backends/hardware/library/library_parts.h"

#include <string.h>

struct parameters {
  const struct inv_part *of;
};

static int get(const struct parameters *p, const char *name, int otherwise) {
  for (int i = 0; i < p->of->n_param; i++)
    if (strcmp(p->of->param[i].name, name) == 0)
      return (int)p->of->param[i].value;
  return otherwise;
}

static int clog2(int64_t n) {
  int bits = 0;
  while (((int64_t)1 << bits) < n)
    bits++;
  return bits;
}

static int at_least(int a, int b) {
  return a > b ? a : b;
}

static int at_most(int a, int b) {
  return a < b ? a : b;
}

static void counter(struct inv_unit *u, int bits, unsigned flags) {
  inv_reg(u, 1, bits, flags);
  inv_add(u, 1, bits, bits, PART_CONST);
}

/* ---- streams and memories ------------------------------------------------------------------------------ */

static void tern_skid(struct inv_unit *u, const struct parameters *p) {
  int w = get(p, "WIDTH", 8);
  inv_reg(u, 1, w, PART_ENABLE | PART_LONE);
  inv_reg(u, 1, w, PART_ENABLE);
  inv_mux(u, 1, w, 2);
  inv_reg(u, 2, 1, PART_RESET);
  inv_logic(u, 4, 3);
}

static void tern_delay(struct inv_unit *u, const struct parameters *p) {
  int w = get(p, "WIDTH", 1), cycles = get(p, "CYCLES", 1);
  if (get(p, "RESET", 0))
    inv_reg(u, 1, w * cycles, PART_ENABLE | PART_RESET);
  else
    inv_delay(u, 1, w, cycles, PART_ENABLE);
}

static void tern_ram(struct inv_unit *u, const struct parameters *p) {
  inv_ram(u, 1, get(p, "DEPTH", 16), get(p, "WIDTH", 8), get(p, "LANES", 1), 1, 0);
}

static void tern_pick(struct inv_unit *u, const struct parameters *p) {
  inv_pick(u, 1, get(p, "WIDTH", 8), get(p, "LANES", 2));
}

static void tern_buffer(struct inv_unit *u, const struct parameters *p) {
  int w = get(p, "WIDTH", 8), lanes = get(p, "LANES", 1), words = get(p, "WORDS", 2);
  int sequences = get(p, "SEQUENCES", 1), reads = get(p, "READS", 1), word = w * lanes;
  if (get(p, "SUMS", 0)) {
    inv_logic(u, (int64_t)sequences * lanes, clog2(lanes) + 3);
    inv_mux(u, 1, clog2(words), 2);
    inv_mux(u, sequences, word, 2);
  } else if (sequences > 1) {
    inv_logic(u, (int64_t)sequences * lanes, 2);
  }
  inv_ram(u, sequences, words, w, lanes, reads, 0);
  inv_pick(u, 1, reads * word, sequences);
}

static void tern_fifo(struct inv_unit *u, const struct parameters *p) {
  int w = get(p, "WIDTH", 8), depth = get(p, "DEPTH", 16), a = clog2(depth);
  inv_ram(u, 1, depth, w, 1, 1, 0);
  counter(u, a, PART_RESET | PART_ENABLE);
  counter(u, a, PART_RESET | PART_ENABLE);
  inv_reg(u, 1, a + 1, PART_RESET);
  inv_add(u, 2, a + 1, a + 1, 0);
  inv_add(u, 1, a + 1, 1, 0);
  inv_equal(u, 1, a + 1, PART_CONST);
  inv_equal(u, 1, a + 1, PART_CONST);
  inv_reg(u, 1, 1, PART_RESET);
  inv_logic(u, 4, 3);
}

/* ---- arithmetic ---------------------------------------------------------------------------------------- */

static void tern_sat(struct inv_unit *u, int in, int out) {
  inv_clamp(u, 1, out, in);
}

/* A step of a division: the divisor is subtracted where it fits; bits that are 0 on both sides have carries.
 * Alone, the comparison is the subtraction's carry; in a pipeline Yosys makes both. */
static void trial(struct inv_unit *u, int64_t count, int bits, int both, int kept, bool alone) {
  if (!alone)
    inv_less(u, count, (bits + both) / 2, 0);
  inv_add(u, count, bits, both, 0);
  inv_invert(u, alone ? count : 0, both);
  inv_mux(u, count, kept, alone ? 3 : 2);
}

/* NEGATIVE and VARIES are no parameters of the modules but what is known of a: 0 where its sign, where all of
 * it is constant. */
static void magnitude(struct inv_unit *u, int a, bool negative) {
  inv_invert(u, negative, a);
  inv_add(u, negative, a, a, PART_CONST);
}

static void quotient(struct inv_unit *u, int a, int d, bool negative) {
  inv_reg(u, 1, negative ? a : a - 1, PART_ENABLE);
  inv_logic(u, negative ? a : 0, 2);
  inv_add(u, negative, a + 1, 1, 0);
  inv_equal(u, negative, d, PART_CONST);
}

static void tern_idiv(struct inv_unit *u, const struct parameters *p) {
  int a = get(p, "A", 32), b = get(p, "B", 32), bits = get(p, "BITS", 32), d = b - 1, count = clog2(a + 1);
  bool negative = get(p, "NEGATIVE", 1);
  inv_reg(u, 1, count + 3, PART_RESET);
  inv_add(u, 1, count, count, PART_CONST);
  inv_logic(u, 1, count);
  inv_mux(u, 1, count, 2);
  inv_reg(u, 1, negative + a + 2 * d, PART_ENABLE);
  magnitude(u, a, negative);
  inv_mux(u, 1, a, negative ? 3 : 2);
  inv_mux(u, negative, d, 3);
  inv_logic(u, 1, b);
  trial(u, 1, d + 1, d + 1, d, true);
  quotient(u, a, d, negative);
  tern_sat(u, a + 1, bits);
  inv_reg(u, 1, bits, PART_ENABLE);
}

/* Bits of dividend and quotient, and the sign, only move: bit b of the dividend for a - b clocks, bit b of
 * the quotient for b. */
static void tern_idiv_pipe(struct inv_unit *u, const struct parameters *p) {
  int a = get(p, "A", 32), b = get(p, "B", 32), bits = get(p, "BITS", 32), d = b - 1;
  bool negative = get(p, "NEGATIVE", 1), varies = get(p, "VARIES", 1);
  magnitude(u, a, negative);
  inv_mux(u, negative, a, 2);
  inv_mux(u, negative, d, 2);
  inv_logic(u, 1, b);
  for (int k = 1; k <= a; k++)
    inv_delay(u, 1 + (varies && (negative || k > 1)), 1, k, PART_ENABLE);
  inv_delay(u, negative, 1, a + 1, PART_ENABLE);
  inv_reg(u, a, d, PART_ENABLE);
  inv_reg(u, a - !negative, d, PART_ENABLE); /* what is left at the end tells a negative quotient */
  /* The first divides 0, if the sign is constant; the last, if nothing looks at its rest, only compares. */
  trial(u, negative ? a : a - 2, d + varies, d + varies, d, false);
  inv_add(u, !negative, d + 1, d + 1, 0);
  inv_equal(u, !negative, d, PART_CONST);
  inv_less(u, !negative, d + varies, 0);
  quotient(u, a, d, negative);
  inv_reg(u, 1, 1, PART_ENABLE);
  tern_sat(u, a + 1, bits);
  inv_reg(u, 1, bits, PART_ENABLE);
}

static void tern_isqrt(struct inv_unit *u, const struct parameters *p) {
  int a = get(p, "A", 32), bits = get(p, "BITS", 32), r = a / 2, count = clog2(r + 1);
  inv_reg(u, 1, count + 2, PART_RESET);
  inv_add(u, 1, count, count, PART_CONST);
  inv_logic(u, 1, count);
  inv_mux(u, 1, count, 2);
  inv_reg(u, 1, 2 * r + r + r + 1, PART_ENABLE);
  inv_mux(u, 1, 2 * r, 2);
  inv_logic(u, r, 2);
  trial(u, 1, r + 3, r + 3, r + 1, true);
  inv_clamp(u, 1, bits, r + 1);
  inv_reg(u, 1, at_most(bits, r), PART_ENABLE);
}

/* Pairs of the radicand only move; the root of stage i has i bits, which every later stage looks at. */
static void tern_isqrt_pipe(struct inv_unit *u, const struct parameters *p) {
  int a = get(p, "A", 32), bits = get(p, "BITS", 32), r = a / 2;
  inv_logic(u, a - 1, 2);
  for (int k = 1; k <= r; k++) {
    inv_delay(u, 2, 1, k, PART_ENABLE);
    inv_reg(u, 1, k + r + 1, PART_ENABLE);
    trial(u, 1, (r + k) / 2 + 3, at_most(r + 3, k + 3), at_most(r + 1, k + 2), false);
  }
  inv_clamp(u, 1, bits, r + 1);
  inv_reg(u, 1, at_most(bits, r), PART_ENABLE);
}

static void tern_lz(struct inv_unit *u, const struct parameters *p) {
  int a = get(p, "A", 32), q = clog2(a);
  bool negative = get(p, "NEGATIVE", 1);
  magnitude(u, a, negative);
  inv_mux(u, negative, a, 2);
  for (int k = q - 1; k >= 0; k--) {
    inv_logic(u, 1, 1 << k);
    inv_mux(u, 1, k < q - 1 ? 2 << k : 0, 2);
  }
}

static void tern_topk(struct inv_unit *u, const struct parameters *p) {
  int k = get(p, "K", 1), w = get(p, "WIDTH", 32), index = get(p, "INDEX", 16), lanes = get(p, "LANES", 1);
  int cb = clog2(k + 1);
  inv_reg(u, 1, lanes + 3, PART_RESET);
  inv_logic(u, 2 * lanes + 4, 4);
  inv_reg(u, 1, lanes * w + index, PART_ENABLE);
  inv_reg(u, 1, w + index, 0);
  inv_logic(u, w, 2 * lanes);
  inv_add(u, lanes > 1, index, clog2(lanes), 0);
  inv_less(u, lanes, w, 0);
  inv_less(u, k, w, 0);
  inv_reg(u, k, w + index, PART_ENABLE);
  inv_mux(u, k - 1, w + index, 2);
  inv_reg(u, 1, cb, PART_RESET | PART_ENABLE);
  inv_add(u, 1, cb, cb, PART_CONST);
  inv_less(u, k, cb, PART_CONST);
}

/* ---- interfaces ---------------------------------------------------------------------------------------- */

static void tern_axil(struct inv_unit *u, const struct parameters *p) {
  int counters = get(p, "COUNTERS", 4);
  inv_reg(u, 1, 3 + 1 + 1 + 1 + 3, PART_RESET);
  inv_reg(u, 3, 32, PART_RESET | PART_ENABLE);
  inv_reg(u, 3, 32, PART_ENABLE); /* data, high, answer */
  inv_reg(u, counters, 64, PART_RESET | PART_ENABLE);
  inv_add(u, counters, 64, 64, PART_CONST);
  inv_add(u, 1, 32, 32, PART_CONST);
  inv_mux(u, 3, 32, 2); /* strobes */
  inv_pick(u, 1, 64, counters);
  inv_case(u, 1, 32, 11); /* what is read */
  inv_mux(u, 1, 32, 2);
  inv_logic(u, 40, 6);
}

static void tern_axi_reader(struct inv_unit *u, const struct parameters *p) {
  int address = get(p, "ADDRESS", 40), data = get(p, "DATA", 128), size = get(p, "SIZE", 32);
  int depth = get(p, "DEPTH", 512), burst = get(p, "BURST", 64), shift = clog2(data / 8);
  int most = at_most(burst, 4096 / (data / 8)), lb = clog2(most + 1), rb = clog2(depth + 1),
      wb = size - shift + 1;
  inv_reg(u, 1, 3 + rb + 1, PART_RESET);
  inv_reg(u, 1, address - shift + wb, PART_ENABLE);
  inv_reg(u, 1, lb, 0);
  inv_reg(u, 1, address - shift + 8, PART_ENABLE);
  inv_add(u, 1, size + 1, shift, PART_CONST);
  inv_add(u, 1, lb, lb, PART_CONST);
  inv_less(u, 1, lb, 0); /* left > to_end, which has few bits */
  inv_logic(u, 1, wb);
  inv_less(u, 1, rb, 0);
  inv_add(u, 2, rb, lb, 0);
  inv_add(u, 1, address - shift, lb, 0);
  inv_add(u, 1, wb, wb, 0);
  inv_mux(u, 1, address - shift + wb + lb, 2);
  inv_equal(u, 1, lb, 0);
  inv_equal(u, 2, wb, PART_CONST);
  inv_add(u, 1, 8, 8, PART_CONST);
  inv_logic(u, 12, 4);
  inv_library(u, 1, "tern_fifo", "WIDTH", data, "DEPTH", depth, NULL);
}

/* ---- the sum engine ------------------------------------------------------------------------------------ */

/* Chains of four lanes: weight and code meet in the first adder's LUTs; the sign's +1 is a carry, which the
 * last adder of a chain leaves to the tree. */
static void chains(struct inv_unit *u, int count, int width, int pipe) {
  inv_reg(u, count, 4 * width, PART_ENABLE);
  inv_add_if(u, count, width + 1, 2);
  inv_add_if(u, count, width + 2, 1);
  inv_add_if(u, count, width + 2, 1);
  inv_reg(u, count, 1 / pipe * (width + 1) + (2 / pipe - 1 / pipe) * (width + 2), 0);
}

/* The word of weights, and its bits that later adders of a chain take: those that nothing looks at on the way
 * are shift registers. Sequences share them. */
static void word_path(struct inv_unit *u, int count, int pipe) {
  inv_reg(u, count, 6, 0);
  inv_delay(u, count, 2, 1 / pipe, 0);
  inv_delay(u, count, 2, 1 + 2 / pipe, 0);
  inv_delay(u, count, 1, 2 / pipe + (3 % pipe == 0), 0);
}

/* The total, up to `later` clocks later without anything looking at it on the way. */
static void tern_lanes(struct inv_unit *u, int lanes, int width, int pipe, int later) {
  int count = (lanes + 3) / 4, tree = clog2(count), c = width + 2;
  chains(u, count, width, pipe);
  inv_reg(u, 1, 1 / pipe + (2 / pipe - 1 / pipe), 0);
  for (int k = 0, n = count; k <= tree; k++, n = (n + 1) / 2) {
    if ((k + 3) % pipe == 0)
      inv_reg(u, n, c + k + (k > 0), 0);
    if (k < tree)
      inv_add(u, n / 2, c + k + 1, c + k, 0);
  }
  inv_add(u, 1, width + clog2(lanes) + 1, 1, 0);
  inv_delay(u, 1, width + clog2(lanes) + 1, later + 1, 0);
}

/* Five bits of a byte's places decode three digits, three decode two. */
static void tern_trits(struct inv_unit *u, int bytes) {
  inv_reg(u, bytes, 1 + 4 + 2 + 2, 0);
  inv_logic(u, bytes, 3);
  inv_mux(u, bytes, 3, 2);
  inv_rom(u, bytes, 32, 4, 1, PART_UNCLOCKED);
  inv_logic(u, 2 * bytes, 4);
  inv_rom(u, bytes, 16, 4, 1, PART_UNCLOCKED);
}

static void loader(struct inv_unit *u, const struct parameters *p, int chunk_bits, int column_bits) {
  int lanes = get(p, "LANES", 256), width = get(p, "WIDTH", 8), port = get(p, "PORT", 8);
  int load = get(p, "LOAD", port), row = get(p, "ROW_BITS", 24), tag = get(p, "TAG", 1);
  int address = get(p, "CODE_ADDRESS", 16), sequences = get(p, "SEQUENCES", 1);
  int left = at_least(column_bits, clog2(lanes + 1)), seq = sequences > 1 ? clog2(sequences) : 0;
  int beats = clog2(lanes / load);
  inv_reg(u, 1, 3 + 2, PART_RESET);
  inv_reg(u, 1, 2 * (chunk_bits + row + tag) + 3, PART_ENABLE);
  inv_reg(u, 1, 2 * left + 2 * address + seq + beats, PART_ENABLE);
  inv_reg(u, 1, left + 2 * seq + 2, 0);
  inv_add(u, 2, left, left, PART_CONST);
  inv_less(u, 1, left, PART_CONST);
  inv_less(u, 1, left, PART_CONST);
  inv_mux(u, 2, left, 2);
  inv_add(u, 1, address, address, PART_CONST);
  inv_mux(u, 2, address, 2);
  inv_add(u, 1, beats, beats, PART_CONST);
  inv_less(u, load, left, PART_CONST);
  inv_logic(u, (int64_t)load * width, 2);
  inv_reg(u, 1, load * width, 0);
  inv_logic(u, 16, 4);
}

static void runner(struct inv_unit *u, const struct parameters *p, int chunk_bits) {
  int row = get(p, "ROW_BITS", 24), tag = get(p, "TAG", 1);
  inv_reg(u, 1, 4, PART_RESET);
  inv_reg(u, 1, 2 * chunk_bits + row + tag + 2, PART_ENABLE);
  inv_mux(u, 1, 2 * chunk_bits + row + tag, 2);
  inv_add(u, 2, chunk_bits, chunk_bits, PART_CONST);
  inv_add(u, 1, row, row, PART_CONST);
  inv_equal(u, 1, chunk_bits, 0);
  inv_logic(u, 10, 4);
}

static void tern_sum(struct inv_unit *u, const struct parameters *p) {
  int lanes = get(p, "LANES", 256), width = get(p, "WIDTH", 8), sequences = get(p, "SEQUENCES", 1);
  int result = get(p, "RESULT", 24), pipe = get(p, "PIPE", 1), trits = get(p, "PACKING", 0);
  int rows = get(p, "ROWS", 2048), columns = get(p, "COLUMNS", 2048),
      load = get(p, "LOAD", get(p, "PORT", 8));
  int chunk_bits = clog2((int64_t)rows + 1), column_bits = clog2((int64_t)columns + 1);
  int sum = width + clog2(lanes) + 1, tree = clog2((lanes + 3) / 4);
  /* The row's number and the tag go out of the unit, whether somebody looks at them or not. Where a row is
   * one word, its place in the accumulators and whether it is the first are not looked at. */
  int out = get(p, "ROW_BITS", 24) + get(p, "TAG", 1) + 1, place = columns > lanes ? clog2(rows) : 0;
  int mark = out + 1 + (place ? place + 1 : 0), latency = (tree + 3) / pipe + 2 + (trits ? 1 : 0);
  loader(u, p, chunk_bits, column_bits);
  runner(u, p, chunk_bits);
  inv_reg(u, 1, clog2((int64_t)lanes / load * sequences + 1), PART_RESET);
  inv_add(u, 1, clog2((int64_t)lanes / load * sequences + 1), 0, PART_CONST);
  if (trits) {
    tern_trits(u, lanes / 5);
    inv_reg(u, 1, 1, 0);
  }
  word_path(u, (lanes + 3) / 4, pipe);
  for (int s = 0; s < sequences; s++) {
    inv_reg(u, 1, lanes * width, PART_ENABLE);
    tern_lanes(u, lanes, width, pipe, columns > lanes ? 0 : 2);
  }
  inv_reg(u, 1, latency, PART_RESET);
  inv_reg(u, 1, 2, PART_RESET);
  if (columns > lanes) {
    inv_delay(u, 1, mark, latency, 0);
    inv_reg(u, 1, mark + place + out + sequences * (sum + result), 0);
    inv_add(u, sequences, result, result, 0);
    inv_logic(u, (int64_t)sequences * result, 2);
    inv_ram(u, 1, rows, sequences * result, 1, 1, 0);
  } else { /* a row is one word, nothing is accumulated */
    inv_delay(u, 1, mark, latency + 1, 0);
    inv_reg(u, 1, out, 0);
  }
  inv_reg(u, 1, 6, PART_RESET); /* commands under way */
  inv_add(u, 2, 6, 6, 0);
  inv_logic(u, 8, 4);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  void (*parts)(struct inv_unit *u, const struct parameters *p);
} modules[] = {
    {"tern_skid", tern_skid},     {"tern_delay", tern_delay},
    {"tern_ram", tern_ram},       {"tern_pick", tern_pick},
    {"tern_buffer", tern_buffer}, {"tern_fifo", tern_fifo},
    {"tern_idiv", tern_idiv},     {"tern_idiv_pipe", tern_idiv_pipe},
    {"tern_isqrt", tern_isqrt},   {"tern_isqrt_pipe", tern_isqrt_pipe},
    {"tern_lz", tern_lz},         {"tern_topk", tern_topk},
    {"tern_axil", tern_axil},     {"tern_axi_reader", tern_axi_reader},
    {"tern_sum", tern_sum},
};

bool library_parts(struct inv_unit *unit, const struct inv_part *instance) {
  struct parameters p = {instance};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    if (strcmp(modules[i].name, instance->module) == 0) {
      modules[i].parts(unit, &p);
      return true;
    }
  return false;
}
