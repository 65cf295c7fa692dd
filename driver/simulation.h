/* simulation.h: building and running the test bench of a written hardware project. */
#ifndef TERN_DRIVER_SIMULATION_H
#define TERN_DRIVER_SIMULATION_H

#include "backends/hardware/streaming/design.h"
#include "driver/accelerator.h"

struct simulation {
  const char *simulator;
  int64_t steps, cycles, lanes, awaits, output; /* clocks of all steps */
  int64_t states, changed; /* words saved; those of them that had not their initial value */
  int64_t *units;          /* clocks of each unit, by its id */
  int64_t *best;           /* best token of [step][sequence] */
};

/* False after a diagnostic: the simulator is missing, or the design differs from the interpreter. */
bool simulation_run(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v,
                    const struct simulation_request *o, struct simulation *r);

#endif
