/* unrolled_machine.h: the unrolled machine for a job, for what knows that it has one. */
#ifndef TERN_DRIVER_UNROLLED_MACHINE_H
#define TERN_DRIVER_UNROLLED_MACHINE_H

#include "backends/hardware/unrolled/unrolled.h"
#include "driver/accelerator.h"

/* The project in the folder `dir`, which is made; the test bench's tokens, or, when n is 0, some that follow
 * a fixed rule. */
bool unrolled_project(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                      int64_t n);

#endif
