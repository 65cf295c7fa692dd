/* training_program.h: the trainer as a program. */
#ifndef TERN_TRAINING_PROGRAM_H
#define TERN_TRAINING_PROGRAM_H

#include "training/trainer.h"

/* Does what the options ask for and says what came of it; the exit status: 0, 1 after an error that has been
 * printed, 130 when interrupted. */
int training_program(const struct tern_model *m, struct training_options *o, struct diag *d);

#endif
