/* c.h: readable C11 from loops: kernels, a Makefile and the runtime's sources, for any compiler and any chip.
 */
#ifndef TERN_BACKENDS_C_H
#define TERN_BACKENDS_C_H

#include "backends/loops/loops.h"

struct c_options {
  const char *runtime; /* folder with the runtime's sources (runtime/), to be copied from */
  uint32_t threads;    /* default threads of the program; 0: as many as the machine has */
};

/* Writes the project into folder `dir`, made if missing: MODEL.c, headers, Makefile, runtime/. The weights
 * image is the caller's to add. Nothing is left after a failure. False after a diagnostic. */
bool c_emit(struct diag *d, const struct loops *l, const char *dir, const struct c_options *options);

#endif
