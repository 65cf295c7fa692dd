/* hardware.h: the options of hardware that `build --emit verilog`, `simulate` and others share, and the way
 * from a job to a planned design. */
#ifndef TERN_DRIVER_HARDWARE_H
#define TERN_DRIVER_HARDWARE_H

#include "backends/hardware/streaming/streaming.h"
#include "driver/driver.h"

/* The child's input is a struct hw_options. */
extern const struct argp hardware_argp;

/* HW_STREAMING or HW_UNROLLED: what is asked for, else by size; loads the job's spec then, and says which
 * given option is of the other machine. False after a diagnostic. */
bool hardware_machine(struct job *j, const struct hw_options *o, enum hw_machine *machine);

/* The first option of the hardware that was given, or NULL. */
const char *hardware_given(const struct hw_options *o);

/* Loads the job's spec and runs the passes for hardware: integers only, one token at a time. NULL after a
 * diagnostic. */
struct loops *hardware_loops(struct job *j);

/* The streaming machine for it. */
struct hw_design *hardware_plan(struct job *j, const struct hw_options *o);

/* The project in folder `dir`; with vectors when there is a checkpoint. vectors NULL: of a few tokens. */
bool hardware_write(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v);

#endif
