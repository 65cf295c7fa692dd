/* streaming_machine.h: the streaming machine for a job, for what knows that it has one. */
#ifndef TERN_DRIVER_STREAMING_MACHINE_H
#define TERN_DRIVER_STREAMING_MACHINE_H

#include "backends/hardware/streaming/streaming.h"
#include "driver/accelerator.h"

/* The job made by the machine's recipe: integers only, one token at a time. NULL after a diagnostic. */
struct loops *streaming_loops(struct job *j);

/* The project in folder `dir`; with vectors when there is a checkpoint. vectors NULL: of a few tokens. */
bool streaming_project(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v);

#endif
