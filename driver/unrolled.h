/* unrolled.h: the unrolled machine for a job: from the spec to a project, and its simulation. */
#ifndef TERN_DRIVER_UNROLLED_H
#define TERN_DRIVER_UNROLLED_H

#include "backends/verilog/unrolled/unrolled.h"
#include "driver/driver.h"

/* Loads the spec and the checkpoint, runs the passes up to whole operators on integers, and plans the
 * machine. NULL after a diagnostic: among others when no weights are given, which this machine has in it. */
struct unrolled *unrolled_job(struct job *j, const struct unrolled_options *o);

/* The project in the folder `dir`, which is made; the test bench's tokens, or, when n is 0, some that follow
 * a fixed rule. */
bool unrolled_job_write(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                        int64_t n);

struct unrolled_simulation {
  const uint32_t *tokens; /* of sequence 0; the others take them from other places on */
  int64_t n;
  int stall, seed;   /* of 100 clocks, those in which a stream stands still */
  bool icarus;       /* else Verilator */
  const char *trace; /* a file for the waveform, or NULL */
};

/* Builds the project with a simulator in a folder of its own, runs it against the interpreter's results and
 * gives those of sequence 0 that the hardware put out: n * u->streams.results numbers in the job's arena.
 * NULL after a diagnostic; the first difference is on standard output then. */
int32_t *unrolled_job_simulate(struct job *j, const struct unrolled *u, const struct unrolled_simulation *s);

#endif
