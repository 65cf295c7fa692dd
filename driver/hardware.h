/* hardware.h: the options of hardware that `build --emit verilog`, `simulate` and `synth` share. */
#ifndef TERN_DRIVER_HARDWARE_H
#define TERN_DRIVER_HARDWARE_H

#include "backends/hardware/hw_options.h"
#include <argp.h>

struct hardware {
  struct hw_options options;
  const struct machine *machine; /* that --hw names (accelerator.h); NULL: by the model */
};

/* The child's input is a struct hardware. */
extern const struct argp hardware_argp;

/* The first option of the hardware that was given, or NULL. */
const char *hardware_given(const struct hardware *h);

#endif
