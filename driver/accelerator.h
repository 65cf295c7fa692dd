/* accelerator.h: a model planned as hardware, whichever machine it became: what reports need of it, and the
 * way to its project. */
#ifndef TERN_DRIVER_ACCELERATOR_H
#define TERN_DRIVER_ACCELERATOR_H

#include "backends/hardware/inventory.h"
#include "driver/hardware.h"

enum { DEFAULT_CLOCK = 200 }; /* MHz, where --hw-clock says nothing */

struct design {
  struct inventory *inventory;
  struct hw_design *streaming; /* one of the two */
  struct unrolled *unrolled;
};

/* Plans the machine that the options ask for. False after diagnostics. */
bool design_plan(struct job *j, const struct hw_options *o, struct design *out);
/* Its project in folder `dir`, which exists. */
bool design_write(struct job *j, const struct design *design, const char *dir);

#endif
