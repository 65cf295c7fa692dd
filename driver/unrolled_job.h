/* unrolled_job.h: the unrolled machine for a job: from the spec to a project, and its simulation. */
#ifndef TERN_DRIVER_UNROLLED_JOB_H
#define TERN_DRIVER_UNROLLED_JOB_H

#include "backends/hardware/hw_options.h"
#include "driver/driver.h"

struct unrolled; /* backends/hardware/unrolled/unrolled.h */

/* Loads the spec and the checkpoint, runs the passes up to whole operators on integers, and plans the
 * machine. NULL after a diagnostic: among others when no weights are given, which this machine has in it. */
struct unrolled *unrolled_job(struct job *j, const struct hw_options *o);

/* The project in the folder `dir`, which is made; the test bench's tokens, or, when n is 0, some that follow
 * a fixed rule. */
bool unrolled_job_write(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                        int64_t n);

/* `ternc simulate --hw=unrolled`. */
struct unrolled_request {
  const char *prompt, *tokens; /* one of them: text, or a file of ids; for sequence 0, the others take the
                                  same from other places on */
  int generate;                /* tokens to go on with after them; -1: 16 after a prompt, none after a file */
  const char *simulator;       /* "verilator" or "icarus" */
  int stalls;                  /* seed of random stalls; 0: none */
  const char *logits, *trace, *output; /* files and a folder to keep, or NULL */
  bool json;
};
bool unrolled_simulate(struct job *j, const struct hw_options *o, const struct unrolled_request *r);

#endif
