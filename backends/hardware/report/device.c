/* device.c: the tables of families and devices. */
#include "backends/hardware/report/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
#define NODE(name, ...) name,
#include "backends/hardware/report/energy.def"
  NODES
};

static const struct silicon nodes[NODES] = {
#define NODE(name, nm, low, nominal, high) {nm, {low, nominal, high}},
#include "backends/hardware/report/energy.def"
};

enum {
#define MEMORY(name, ...) name,
#include "backends/hardware/report/energy.def"
  MEMORIES
};

static const struct outer_memory memories[MEMORIES] = {
#define MEMORY(name, title, low, nominal, high, source) {title, {low, nominal, high}, source},
#include "backends/hardware/report/energy.def"
};

#define ON_CHIP(name, low, nominal, high, source) const struct range3 name = {low, nominal, high};
#include "backends/hardware/report/energy.def"

#define IS_ICE40(id) (FAMILY_##id == FAMILY_ice40 || FAMILY_##id == FAMILY_ice40up)

const struct family families[FAMILIES] = {
#define FAMILY(id, title, synth, lut, block, block_bits, dsp, large, large_bits, nextpnr, package, node)     \
  {FAMILY_##id, #id,        title,   synth,   {lut, "FF", block, large, dsp, IS_ICE40(id) ? "LC" : ""},      \
   block_bits,  large_bits, nextpnr, package, &nodes[node]},
#include "backends/hardware/report/families.def"
#undef FAMILY
};

const struct device devices[] = {
#define DEVICE(name, family, luts, ffs, blocks, dsps, large, pins, memory, gbytes, static_mw, pnr, board,    \
               source)                                                                                       \
  {name,                                                                                                     \
   &families[FAMILY_##family],                                                                               \
   {luts, ffs, blocks, large, dsps, IS_ICE40(family) ? luts : 0},                                            \
   pins,                                                                                                     \
   &memories[memory],                                                                                        \
   gbytes,                                                                                                   \
   static_mw,                                                                                                \
   pnr,                                                                                                      \
   board,                                                                                                    \
   source},
#include "backends/hardware/report/devices.def"
#undef DEVICE
};
const int n_devices = sizeof devices / sizeof *devices;

const struct device *device_find(struct diag *d, const char *name) {
  const char *names[sizeof devices / sizeof *devices];
  for (int i = 0; i < n_devices; i++) {
    names[i] = devices[i].name;
    const char *dash = strchr(devices[i].name, '-'); /* ice40-hx8k is hx8k too */
    if (strcasecmp(devices[i].name, name) == 0 || (dash && strcasecmp(dash + 1, name) == 0))
      return &devices[i];
  }
  const char *near = diag_nearest(name, names, n_devices);
  diag_error(d, "--device: there is no device '%s'%s%s%s; --list-devices shows them", name,
             near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
  return NULL;
}

void device_list(FILE *out) {
  char lut[32], ff[32];
  fprintf(out, "%-11s %-20s %11s %11s %6s %6s %6s %6s  %s\n", "device", "family", "LUT", "FF", "RAM", "large",
          "DSP", "GB/s", "board");
  for (int i = 0; i < n_devices; i++) {
    const struct device *d = &devices[i];
    fprintf(out, "%-11s %-20s %11s %11s %6d %6d %6d ", d->name, d->family->title,
            with_commas(lut, (double)d->has[RES_LUT]), with_commas(ff, (double)d->has[RES_FF]),
            (int)d->has[RES_BRAM], (int)d->has[RES_LARGE], (int)d->has[RES_DSP]);
    if (d->gbytes > 0)
      fprintf(out, "%6.4g", d->gbytes);
    else
      fprintf(out, "%6s", "-");
    fprintf(out, "  %s\n", d->board);
  }
}

struct cell_name {
  enum family_id family;
  const char *prefix;
  enum resource resource;
  int halves;
};

static const struct cell_name cells[] = {
#define CELL(family, prefix, resource, halves) {FAMILY_##family, prefix, RES_##resource, halves},
#include "backends/hardware/report/cells.def"
#undef CELL
};

bool device_cell(const struct family *f, const char *type, enum resource *r, double *amount) {
  size_t longest = 0;
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    size_t n = strlen(cells[i].prefix);
    if (cells[i].family != f->id || n <= longest || strncmp(type, cells[i].prefix, n) != 0)
      continue;
    longest = n;
    *r = cells[i].resource;
    *amount = cells[i].halves / 2.0;
  }
  return longest > 0;
}

bool device_fits(const struct device *d, const struct resources *need) {
  for (int r = 0; r < RESOURCES; r++)
    if (ceil(need->of[r]) > (double)d->has[r])
      return false;
  return true;
}

char *with_commas(char text[32], double value) {
  char digits[24];
  int n = snprintf(digits, sizeof digits, "%.0f", fabs(value));
  char *out = text;
  if (value <= -0.5)
    *out++ = '-';
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      *out++ = ',';
    *out++ = digits[i];
  }
  *out = '\0';
  return text;
}
