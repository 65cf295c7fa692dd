/* streaming_parts.h: what a planned streaming machine consists of, told to inventory.h. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_STREAMING_PARTS_H
#define TERN_BACKENDS_HARDWARE_STREAMING_STREAMING_PARTS_H

#include "backends/hardware/inventory.h"
#include "backends/hardware/streaming/design.h"

/* kernel_parts.c: the parts of a kernel's module into `u`. */
void inventory_kernel(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k);

#endif
