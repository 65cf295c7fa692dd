/* trainer.h: training, as a call: from a compiled model, data and options to weights and what they reach. */
#ifndef TERN_TRAINING_TRAINER_H
#define TERN_TRAINING_TRAINER_H

#include "runtime/model.h"
#include "training/training_options.h"

struct trained_result {
  uint64_t step, tokens;       /* that were done, since the beginning of the training */
  double seconds;              /* likewise; without the look at the held-out text */
  double loss;                 /* mean of the last steps', nats a token; NAN: there was none */
  double held_loss, held_bits; /* of the held-out text at the end; bits a byte; NAN: there is none, or its
                                  bytes are not known */
  bool interrupted;            /* by a signal; all is saved */
  bool saved;                  /* what was done is in the folder; without one it never is */
};

/* Trains until the steps are done, o->seconds have passed, or a signal asks for an end
 * (runtime/core/interrupt.h, which the caller catches). Without o->out and o->resume nothing is written and
 * the weights are gone afterwards: for those who ask how well an architecture learns. `result` may be NULL.
 * False after diagnostics: what was saved by then stays. */
bool training_run(const struct tern_model *m, struct training_options *o, struct diag *d,
                  struct trained_result *result);

/* plan.c: what a step takes, as --dry-run prints it: bytes by kind, operations, and its time, by one window
 * and one update that are tried out where the machine has the memory. */
bool training_print_plan(const struct tern_model *m, struct training_options *o, struct diag *d);

#endif
