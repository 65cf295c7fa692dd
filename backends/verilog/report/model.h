/* model.h: what Yosys will count, from an inventory alone, in microseconds.
 *
 * Each part has a cost by family, in formulas whose coefficients (model.def) were fitted to runs of Yosys
 * 0.23 on single parts; library modules are taken apart into parts (library.c). What Yosys joins across parts
 * is seen in what fills the inventory (backends/verilog/bits.h), or not at all: differences of a few per cent
 * are the rule, and the report shows them when both are there. */
#ifndef TERN_BACKENDS_VERILOG_REPORT_MODEL_H
#define TERN_BACKENDS_VERILOG_REPORT_MODEL_H

#include "backends/verilog/report/device.h"
#include "backends/verilog/report/inventory.h"

struct resources model_unit(const struct family *f, const struct inv_unit *u);
/* Of all units; per_unit, if not NULL, gets each unit's. */
struct resources model_design(const struct family *f, const struct inventory *v, struct resources *per_unit);
/* Of one part, times its count. */
struct resources model_part(const struct family *f, const struct inv_part *p);
/* The parts of an instance of a library module, into `unit` (a scratch unit); false for a module that the
 * table does not know. */
bool library_parts(struct inv_unit *unit, const struct inv_part *instance);

#endif
