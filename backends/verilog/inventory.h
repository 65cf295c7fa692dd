/* inventory.h: what a planned streaming machine consists of, told to report/inventory.h. */
#ifndef TERN_BACKENDS_VERILOG_INVENTORY_H
#define TERN_BACKENDS_VERILOG_INVENTORY_H

#include "backends/verilog/design.h"
#include "backends/verilog/report/inventory.h"

/* inventory_kernel.c: the parts of a kernel's module into `u`. */
void inventory_kernel(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k);

#endif
