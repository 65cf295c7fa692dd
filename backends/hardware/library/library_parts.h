/* library_parts.h: what the library's modules (backends/hardware/library/modules) consist of. */
#ifndef TERN_BACKENDS_HARDWARE_LIBRARY_LIBRARY_PARTS_H
#define TERN_BACKENDS_HARDWARE_LIBRARY_LIBRARY_PARTS_H

#include "backends/hardware/inventory.h"

/* The parts of an instance of a library module, into `unit` (a scratch unit); false for a module that the
 * table does not know. */
bool library_parts(struct inv_unit *unit, const struct inv_part *instance);

#endif
