/* resource_model.h: what Yosys will count, from an inventory alone, in microseconds.
 *
 * Each part has a cost by family, in formulas whose coefficients (model.def) were fitted to runs of Yosys
 * 0.23 on single parts; library modules are taken apart into parts (library_parts.c). What Yosys joins across
 * parts is seen in what fills the inventory (backends/hardware/rtl/bits.h), or not at all: differences of a
 * few per cent are the rule, and the report shows them when both are there. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_RESOURCE_MODEL_H
#define TERN_BACKENDS_HARDWARE_REPORT_RESOURCE_MODEL_H

#include "backends/hardware/inventory.h"
#include "backends/hardware/report/device.h"

struct resources model_unit(const struct family *f, const struct inv_unit *u);
/* Of all units; per_unit, if not NULL, gets each unit's. */
struct resources model_design(const struct family *f, const struct inventory *v, struct resources *per_unit);
/* Of one part, times its count. */
struct resources model_part(const struct family *f, const struct inv_part *p);

#endif
