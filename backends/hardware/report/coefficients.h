/* coefficients.h: what parts cost in each family.
 *
 * Measured: every kind of part alone, with a register behind it, at three to ten sizes, through Yosys 0.23
 * with the commands of families.def; the numbers are its counts divided by bits. Not measured: what a
 * clamp costs on Intel, Gowin and Nexus, which is guessed. Those three and 7 series were held against
 * one design each. Only resource_model.c includes this.
 */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_COEFFICIENTS_H
#define TERN_BACKENDS_HARDWARE_REPORT_COEFFICIENTS_H

#include "backends/hardware/report/device.h"

enum chain {                /* LUTs of an adder */
             CHAIN_BOTH,    /* a bit at which both operands vary: the rest is the carry's own */
             CHAIN_PAIRS,   /* two bits a cell, a cell counting two */
             CHAIN_PAIRS_1, /* the same, and one cell more */
             CHAIN_BITS     /* a bit of the result */
};

enum { MUX_SIZES = 6, SHIFT_STAGES = 6, ROM_SIZES = 8 };
static const int mux_sizes[MUX_SIZES] = {2, 3, 4, 8, 16, 32};

struct ram_block { /* a shape of a RAM block: `deep` words of `bits` */
  int bits, deep;
};

struct coefficients {
  int inputs; /* of a LUT */
  enum chain chain;
  double fit[3];    /* LUTs a bit of the result, and of the comparisons with its upper and its lower limit */
  double add_if[2]; /* LUTs a bit of a sum with one, with two masked operands */
  double invert;    /* LUTs a bit that a carry chain takes inverted */
  double add_const, add_sub, less, less_const, equal, equal_const, clamp; /* LUTs a bit */
  double mux[MUX_SIZES];      /* LUTs an output, of mux_sizes inputs */
  double pick[MUX_SIZES];     /* the same where a loop compares and chooses */
  double read_out;            /* LUTs an output and input of a case over registers and constants */
  double shift[SHIFT_STAGES]; /* LUTs an output, of 1, 2, ... bits of amount */
  double shift_left;          /* times as many to the left by 5 or more bits of amount, before a register */
  double rom[ROM_SIZES];      /* LUTs an output of a table of 16, 32, ... entries without order */
  int shift_register;         /* stages of a shift register in a LUT; 0: none */
  /* products */
  int product_a, product_b; /* of a DSP block; 0: none */
  int least_product;        /* bits of the result from which on a DSP block is taken */
  bool packs;               /* registers around a product go into the DSP block */
  double product_lut;       /* LUTs a bit of a times a bit of b, without DSP blocks */
  /* memories: what is cheaper, as Yosys' memory_libmap weighs it */
  int lut_ram_deep, lut_ram_bits, lut_ram_luts; /* of a LUT RAM cell; 0: none */
  bool lut_ram_scales;
  double lut_ram_cost, block_cost;
  double least_fill;   /* of blocks, from which on they are taken; 0: costs decide */
  double rom_bit_cost; /* of a table in logic; 0: tables are always logic */
  int byte;            /* bits that a block can write on their own */
  double block_share;  /* of the resource that a block counts for: RAMB18 is half a RAMB36 */
  const struct ram_block *blocks;
};

static const struct ram_block blocks_18k[] = {{36, 512}, {18, 1024}, {9, 2048}, {4, 4096},
                                              {2, 8192}, {1, 16384}, {0, 0}};
static const struct ram_block blocks_4k[] = {{16, 256}, {8, 512}, {4, 1024}, {2, 2048}, {0, 0}};
static const struct ram_block blocks_m10k[] = {{20, 512}, {10, 1024}, {5, 2048},
                                               {2, 4096}, {1, 8192},  {0, 0}};
static const struct ram_block blocks_m20k[] = {{40, 512}, {20, 1024}, {10, 2048}, {5, 4096},
                                               {2, 8192}, {1, 16384}, {0, 0}};

/* clang-format off */
#define LUT4_LOGIC                                                                                                   \
  .inputs = 4, .add_if = {2, 3}, .equal = 0.7, .equal_const = 0.34, .clamp = 1, .mux = {1, 2, 2, 5, 12, 25}, .pick = {1, 2, 2, 5.5, 11.8, 24},                             \
  .shift = {1, 2, 2.93, 3.9, 4.87, 5.85}, .rom = {1, 3.4, 6.2, 14, 31, 61, 130, 270}, .product_lut = 2.93, .read_out = 0.3, .shift_left = 1

#define ICE40                                                                                                        \
  LUT4_LOGIC, .chain = CHAIN_BITS, .fit = {1, 1, 0}, .invert = 1, .add_const = 0.85, .add_sub = 4, .less = 1.94, .less_const = 1.38,     \
  .block_cost = 64, .rom_bit_cost = 1 / 16.0, .byte = 1, .block_share = 1, .blocks = blocks_4k

#define LUT_RAM_16                                                                                                   \
  .lut_ram_deep = 16, .lut_ram_bits = 4, .lut_ram_luts = 4, .lut_ram_cost = 4, .block_cost = 128,                      \
  .rom_bit_cost = 1 / 16.0, .byte = 9, .block_share = 1, .blocks = blocks_18k

#define LUT6_LOGIC                                                                                                   \
  .inputs = 6, .add_if = {1, 1}, .equal = 0.5, .equal_const = 0.18, .clamp = 0.92, .mux = {1, 1, 1, 3, 5.75, 13}, .pick = {1, 1, 1, 4.25, 9, 18},                        \
  .shift = {1, 1, 1.9, 2.05, 3.03, 4.2}, .product_lut = 1.1, .read_out = 0.75, .shift_left = 2, .lut_ram_deep = 32

#define XILINX                                                                                                       \
  LUT6_LOGIC, .chain = CHAIN_BOTH, .fit = {1, 0.33, 0.33}, .add_sub = 1, .less = 0.75, .less_const = 0.34,                                  \
  .rom = {1, 1, 1, 2, 4, 8, 18, 36}, .shift_register = 32, .lut_ram_scales = true, .least_product = 9, .block_cost = 129,                      \
  .rom_bit_cost = 1 / 64.0, .byte = 9, .block_share = 0.5, .blocks = blocks_18k

#define ALM                                                                                                          \
  LUT6_LOGIC, .chain = CHAIN_BITS, .fit = {1, 2.4, 0}, .add_const = 1, .add_sub = 3.06, .less = 1.7, .less_const = 1.35,                   \
  .rom = {1, 1, 1, 4, 8, 15, 31, 62}, .product_a = 27, .product_b = 27, .least_product = 4, .lut_ram_bits = 1,         \
  .lut_ram_luts = 1, .least_fill = 0.05, .byte = 10, .block_share = 1

static const struct coefficients coefficients[FAMILIES] = {
    [FAMILY_ice40] = {ICE40},
    [FAMILY_ice40up] = {ICE40, .product_a = 16, .product_b = 16, .least_product = 11},
    [FAMILY_ecp5] = {LUT4_LOGIC, .chain = CHAIN_PAIRS, .fit = {1, 1, 1}, .add_const = 1, .add_sub = 3, .less = 1.85, .less_const = 1.4,
                     .product_a = 18, .product_b = 18, .least_product = 4, LUT_RAM_16},
    [FAMILY_nexus] = {LUT4_LOGIC, .chain = CHAIN_PAIRS_1, .fit = {1, 1.06, 1.06}, .add_const = 1, .add_sub = 3.2, .less = 1.95,
                      .less_const = 1.5, .product_a = 18, .product_b = 18, .least_product = 4, LUT_RAM_16},
    [FAMILY_gowin] = {LUT4_LOGIC, .chain = CHAIN_BITS, .fit = {1, 1.33, 1}, .add_const = 0.85, .add_sub = 3, .less = 1.85,
                      .less_const = 1.35, LUT_RAM_16},
    [FAMILY_xc7] = {XILINX, .product_a = 25, .product_b = 18, .packs = true, .lut_ram_bits = 6, .lut_ram_luts = 4,
                    .lut_ram_cost = 8},
    [FAMILY_xcup] = {XILINX, .product_a = 27, .product_b = 18, .lut_ram_bits = 14, .lut_ram_luts = 8,
                     .lut_ram_cost = 16},
    [FAMILY_cyclonev] = {ALM, .blocks = blocks_m10k},
    [FAMILY_cyclone10gx] = {ALM, .blocks = blocks_m20k},
};
/* clang-format on */

#endif
