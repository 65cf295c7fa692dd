/* device.h: FPGA families and devices: the tables families.def, devices.def, cells.def and energy.def. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_DEVICE_H
#define TERN_BACKENDS_HARDWARE_REPORT_DEVICE_H

#include "support/diag.h"

/* RES_CELL: logic cells of iCE40, a LUT and the flip-flop behind it: a flip-flop without logic before it
 * takes one too. Other families' LUTs and flip-flops are placed apart. */
enum resource { RES_LUT, RES_FF, RES_BRAM, RES_LARGE, RES_DSP, RES_CELL, RESOURCES };

/* Amounts; BRAM may have halves (RAMB18). */
struct resources {
  double of[RESOURCES];
};

enum family_id {
#define FAMILY(id, ...) FAMILY_##id,
#include "backends/hardware/report/families.def"
#undef FAMILY
  FAMILIES
};

/* Low, nominal and high. */
struct range3 {
  double low, nominal, high;
};

struct silicon { /* of silicon */
  int nm;
  struct range3 toggle; /* pJ */
};

struct outer_memory {
  const char *title;
  struct range3 bit; /* pJ */
  const char *source;
};

struct family {
  enum family_id id;
  const char *name, *title, *synth;
  const char *resource[RESOURCES]; /* what the family calls them; "" where it has none */
  int block_bits, large_bits;
  const char *nextpnr, *package; /* "" where there is none */
  const struct silicon *silicon;
};

struct device {
  const char *name;
  const struct family *family;
  int64_t has[RESOURCES];
  int pins;
  const struct outer_memory *memory;
  double gbytes;    /* GB/s; 0: the board has no memory */
  double static_mw; /* 0: no source gives it */
  const char *pnr;  /* NULL: none */
  const char *board, *source;
};

extern const struct family families[FAMILIES];
extern const struct device devices[];
extern const int n_devices;
extern const struct range3 energy_ram_bit, energy_product; /* pJ */

/* By name, any case, with or without what stands before its dash; NULL after a diagnostic with the nearest
 * name. */
const struct device *device_find(struct diag *d, const char *name);
/* One line a device. */
void device_list(FILE *out);
/* What one cell of Yosys counts for; false when it counts for nothing. */
bool device_cell(const struct family *f, const char *type, enum resource *r, double *amount);
/* Whether `need` fits; a device is full at 100 % of each resource. */
bool device_fits(const struct device *d, const struct resources *need);

/* Writes 12,345,678 into `text`; returns it. */
char *with_commas(char text[32], double value);

#endif
