/* resource_model.c: costs of parts by family; coefficients.h has the numbers. */
#include "backends/hardware/report/resource_model.h"
#include "backends/hardware/library/library_parts.h"
#include "backends/hardware/report/coefficients.h"

#include <math.h>

/* ---- logic --------------------------------------------------------------------------------------------- */

static int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

static int bits_for(int64_t count) {
  int bits = 0;
  while (((int64_t)1 << bits) < count)
    bits++;
  return bits;
}

static double chain_luts(const struct coefficients *c, int bits, int both) {
  if (bits <= 2)
    return bits;
  switch (c->chain) {
  case CHAIN_BOTH: return both < bits ? both : bits;
  case CHAIN_PAIRS: return 2.0 * (double)ceil_div(bits, 2);
  case CHAIN_PAIRS_1: return 2.0 * (double)ceil_div(bits, 2) + 2;
  default: return bits;
  }
}

static double mux_luts(const double each[MUX_SIZES], int inputs) {
  if (inputs < 2)
    return 0;
  for (int i = 1; i < MUX_SIZES; i++)
    if (inputs <= mux_sizes[i]) {
      double along = (double)(inputs - mux_sizes[i - 1]) / (mux_sizes[i] - mux_sizes[i - 1]);
      return each[i - 1] + along * (each[i] - each[i - 1]);
    }
  return each[MUX_SIZES - 1] * inputs / mux_sizes[MUX_SIZES - 1];
}

static double shift_luts(const struct coefficients *c, int amount) {
  return amount <= SHIFT_STAGES ? c->shift[amount - 1] : c->shift[SHIFT_STAGES - 1] * amount / SHIFT_STAGES;
}

static double gate_luts(const struct coefficients *c, int inputs) {
  return inputs < 2 ? 0 : (double)ceil_div(inputs - 1, c->inputs - 1);
}

static double table_luts(const struct coefficients *c, int64_t depth) {
  int bits = bits_for(depth);
  if (bits <= 4)
    return 1;
  double last = bits - 4 < ROM_SIZES ? c->rom[bits - 4] : ldexp(c->rom[ROM_SIZES - 1], bits - 3 - ROM_SIZES);
  return last * (double)depth / ldexp(1, bits);
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* Yosys splits a product into parts that fit the block: all but the highest part of a side are unsigned and
 * so a bit narrower; adders join the parts. */
static int side_parts(int bits, int most) {
  return bits <= most ? 1 : (int)ceil_div(bits - 1, most - 1);
}

static struct resources product(const struct coefficients *c, int a, int b, int64_t registers) {
  struct resources x = {.of = {[RES_FF] = (double)registers}};
  int wide = a > b ? a : b, narrow = a > b ? b : a;
  if (c->product_a == 0 || a + b < c->least_product || narrow < 2) {
    x.of[RES_LUT] = c->product_lut * a * b;
    return x;
  }
  int na = side_parts(wide, c->product_a), nb = side_parts(narrow, c->product_b);
  int low = c->product_b - 1;
  if (c->packs)
    x.of[RES_FF] = na * nb == 1 ? 0 : (double)registers / 2;
  x.of[RES_DSP] = (double)na * nb;
  for (int i = 1; i < na; i++)
    x.of[RES_LUT] += (double)nb * (wide + narrow / nb - i * low);
  for (int i = 1; i < nb; i++)
    x.of[RES_LUT] += wide + narrow - i * low;
  return x;
}

/* ---- memories ------------------------------------------------------------------------------------------ */

/* Blocks for words of `bits` bits: the cheapest shape. */
static int64_t count_blocks(const struct coefficients *c, int64_t depth, int64_t bits, int64_t *banks) {
  int64_t best = 0;
  *banks = 1;
  for (const struct ram_block *b = c->blocks; b->bits; b++) {
    int64_t deep = ceil_div(depth, b->deep), n = ceil_div(bits, b->bits) * deep;
    if (!best || n < best || (n == best && deep < *banks)) {
      best = n;
      *banks = deep;
    }
  }
  return best;
}

struct lut_ram {
  int64_t cells, banks;
  double cost; /* as Yosys weighs it: where cells scale, of the bits that are used */
};

/* A cell has one write enable, so that lanes do not share cells. */
static struct lut_ram lut_ram(const struct coefficients *c, int64_t depth, int64_t lane_bits, int64_t lanes) {
  int deep = c->lut_ram_deep, wide = c->lut_ram_bits;
  if (deep == 32 && wide > 1 && depth > 32) { /* Xilinx: the same LUTs as 64 words of half the bits */
    deep = 64;
    wide /= 2;
  }
  int64_t banks = ceil_div(depth, deep);
  int64_t cells = banks * lanes * ceil_div(lane_bits, wide), used = banks * lanes * lane_bits;
  return (struct lut_ram){cells, banks,
                          c->lut_ram_cost * (c->lut_ram_scales ? (double)used / wide : (double)cells)};
}

static struct resources memory(const struct coefficients *c, const struct family *f,
                               const struct inv_part *p) {
  struct resources x = {0};
  int64_t lanes = p->lanes > 1 ? p->lanes : 1, reads = p->other > 1 ? p->other : 1;
  int64_t lane = lanes > 1 ? ceil_div(p->bits, c->byte) * c->byte : p->bits, bits = lanes * lane;
  int64_t plain = lanes * p->bits, banks = 1, blocks = count_blocks(c, p->depth, bits, &banks);
  if ((p->flags & PART_ULTRA) && f->large_bits) {
    x.of[RES_LARGE] = (double)(reads * ceil_div(plain, 72) * ceil_div(p->depth, 4096));
    return x;
  }
  struct lut_ram l = c->lut_ram_luts ? lut_ram(c, p->depth, p->bits, lanes) : (struct lut_ram){0};
  double stored = (double)(plain * p->depth);
  double banked = (double)((l.banks - 1) * plain) * (c->lut_ram_scales ? 0.5 : 1); /* choosing among banks */
  bool small = c->least_fill
                   ? p->depth <= c->lut_ram_deep && stored < c->least_fill * (double)blocks * f->block_bits
               : c->lut_ram_luts ? l.cost + banked < (double)blocks * c->block_cost
                                 : stored < c->block_cost;
  if ((p->flags & PART_LUTRAM) || (small && !(p->flags & PART_BLOCK))) {
    if (c->lut_ram_luts) {
      x.of[RES_LUT] = (double)(reads * l.cells) * c->lut_ram_luts;
      x.of[RES_LUT] +=
          l.banks > 1 ? (double)(reads * plain) * mux_luts(c->mux, (int)l.banks) + (double)l.banks : 0;
      x.of[RES_FF] = (double)(reads * plain);
    } else {
      x.of[RES_LUT] = (double)(reads * plain) * mux_luts(c->mux, (int)p->depth) + (double)p->depth;
      x.of[RES_FF] = (double)(plain * p->depth + reads * plain);
    }
    return x;
  }
  x.of[RES_BRAM] = (double)(reads * blocks) * c->block_share;
  if (banks > 1) {
    x.of[RES_LUT] = (double)(reads * plain) * mux_luts(c->mux, (int)banks) + 2.0 * (double)banks;
    x.of[RES_FF] = (double)(reads * bits_for(banks));
  }
  return x;
}

static struct resources table(const struct coefficients *c, const struct inv_part *p) {
  struct resources x = {0};
  int64_t reads = p->other > 1 ? p->other : 1, banks, blocks = count_blocks(c, p->depth, p->bits, &banks);
  bool logic = (p->flags & (PART_UNCLOCKED | PART_LUTRAM)) ||
               (double)(p->depth * p->bits) * c->rom_bit_cost <= (double)blocks * c->block_cost;
  if (logic && !(p->flags & PART_BLOCK)) {
    x.of[RES_LUT] = p->flags & PART_KNOWN ? (double)p->luts[c->inputs == 6]
                                          : (double)(reads * p->bits) * table_luts(c, p->depth);
    x.of[RES_FF] = p->flags & (PART_UNCLOCKED | PART_ADDRESSED) ? 0 : (double)(reads * p->bits);
  } else {
    x.of[RES_BRAM] = (double)(reads * blocks) * c->block_share;
  }
  return x;
}

/* ---- registers ----------------------------------------------------------------------------------------- */

static struct resources delay(const struct coefficients *c, const struct inv_part *p) {
  struct resources x = {0};
  int stages = p->other - (c->packs && p->flags & PART_PRODUCT ? 2 : 0), bits = p->bits;
  if (!c->shift_register || stages < 3) {
    x.of[RES_FF] = (double)bits * stages;
    return x;
  }
  /* A register that is left over stays a register: 17 is 16 + 1, 33 is 32 + 1. */
  int left = stages > c->shift_register ? stages % c->shift_register : stages;
  int luts = stages > c->shift_register ? stages / c->shift_register : 0;
  if (left == 1 || left == 17)
    x.of[RES_FF] = bits;
  luts += left > 1;
  x.of[RES_LUT] = (double)bits * luts;
  return x;
}

/* Flip-flops that share no cell with a LUT. Registers of a part are behind its logic; of those that are parts
 * of their own, the first of a delay is taken to be behind other parts' logic. */
static double lone_registers(const struct inv_part *p) {
  if (p->kind == PART_DELAY)
    return (double)p->bits * (p->other - (p->flags & PART_LONE ? 0 : 1));
  if (p->kind == PART_REG)
    return p->flags & PART_LONE ? p->bits : 0;
  return p->kind == PART_MUL ? (double)p->depth / 2 : 0;
}

/* ---- parts and units ----------------------------------------------------------------------------------- */

static void add(struct resources *to, const struct resources *x, double times) {
  for (int i = 0; i < RESOURCES; i++)
    to->of[i] += x->of[i] * times;
}

static struct resources library(const struct family *f, const struct inv_unit *u, const struct inv_part *p) {
  struct inv_unit inside = {.in = u->in};
  return library_parts(&inside, p) ? model_unit(f, &inside) : (struct resources){0};
}

struct resources model_part(const struct family *f, const struct inv_part *p) {
  const struct coefficients *c = &coefficients[f->id];
  struct resources x = {0};
  bool constant = p->flags & PART_CONST;
  double luts = 0;
  switch (p->kind) {
  case PART_ADD: luts = chain_luts(c, p->bits, p->other) * (constant ? c->add_const : 1); break;
  case PART_ADD_IF: luts = p->bits * c->add_if[p->other - 1]; break;
  case PART_INVERT: luts = p->bits * c->invert; break;
  case PART_ADD_SUB: luts = p->bits * c->add_sub; break;
  case PART_LESS:
    luts = p->bits * (constant ? c->less_const : c->less - (p->flags & PART_INVERTED ? c->invert : 0));
    break;
  case PART_EQUAL: luts = p->bits * (constant ? c->equal_const : c->equal); break;
  case PART_CLAMP: /* the sign passes; few bits that decide fit beside the one that passes */
    luts = (p->bits - 1) * c->clamp +
           (p->other - p->bits + 2 > c->inputs ? gate_luts(c, p->other - p->bits + 1) : 0);
    break;
  case PART_FIT: /* the lower limit has zeros in all bits that stay but the sign: they are not looked at */
    luts = constant ? p->other * c->fit[1] + (p->other - p->bits + 1) * c->fit[2] + 2 : p->bits * c->fit[0];
    break;
  case PART_MUX: luts = p->bits * mux_luts(c->mux, p->other); break;
  case PART_CASE: luts = p->bits * p->other * c->read_out; break;
  case PART_PICK: luts = p->bits * mux_luts(c->pick, p->other); break;
  case PART_SHIFT:
    luts = (p->depth ? (double)(p->depth - (c->inputs == 4 ? p->free : 0)) / p->other : p->bits) *
           shift_luts(c, p->other); /* a choice of two takes three inputs, one of four all six */
    if (p->flags & PART_LEFT && p->other >= 5)
      luts *= c->shift_left;
    break;
  case PART_LOGIC: luts = p->bits * gate_luts(c, p->other); break;
  case PART_REG: x.of[RES_FF] = p->bits; break;
  case PART_DELAY: x = delay(c, p); break;
  case PART_MUL: x = product(c, p->bits, p->other, p->depth); break;
  case PART_RAM: x = memory(c, f, p); break;
  case PART_ROM: x = table(c, p); break;
  default: break;
  }
  x.of[RES_LUT] += luts;
  if (*f->resource[RES_CELL])
    x.of[RES_CELL] = x.of[RES_LUT] + lone_registers(p);
  struct resources all = {0};
  add(&all, &x, (double)p->count);
  return all;
}

struct resources model_unit(const struct family *f, const struct inv_unit *u) {
  struct resources sum = {0};
  for (int i = 0; i < u->parts.n; i++) {
    const struct inv_part *p = &u->parts.at[i];
    struct resources x = p->kind == PART_LIBRARY ? library(f, u, p) : model_part(f, p);
    add(&sum, &x, p->kind == PART_LIBRARY ? (double)p->count : 1);
  }
  return sum;
}

struct resources model_design(const struct family *f, const struct inventory *v, struct resources *per_unit) {
  struct resources sum = {0};
  for (int i = 0; i < v->units.n; i++) {
    struct resources x = model_unit(f, v->units.at[i]);
    add(&sum, &x, 1);
    if (per_unit)
      per_unit[i] = x;
  }
  return sum;
}
