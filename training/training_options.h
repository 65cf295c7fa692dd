/* training_options.h: what a trainer is asked for: by a command line, by a caller, or by a training that goes
 * on. */
#ifndef TERN_TRAINING_OPTIONS_H
#define TERN_TRAINING_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "support/diag.h"
#include "training/schedule.h"

struct training_options {
  VEC(const char *) data; /* --data: files with texts or ids (corpus.h) */
#define TEXT(member, name, argument, help)                          const char *member;
#define WHOLE(member, name, argument, least, most, otherwise, help) uint64_t member;
#define REAL(member, name, argument, least, most, otherwise, help)  double member;
#define FLAG(member, name, help)                                    bool member;
#include "training/training_options.def"
  struct arena *arena; /* of what is added to it */
  uint32_t given[2];   /* a bit for each row of training_options.def that the command line has */
};

/* What holds where nothing is said. `a` outlives the options. */
void training_defaults(struct training_options *o, struct arena *a);

/* The command line; its input is a struct training_options. */
extern const struct argp training_argp;

/* What the command line may say together, and the recipe for a model of so many parameters. False after a
 * diagnostic. */
bool training_check(struct training_options *o, struct diag *d, uint64_t parameters);

/* As training.json has them, and back: what the command line gave stays, and what of it was otherwise is
 * said. */
json_t *training_json(const struct training_options *o);
bool training_restore(struct training_options *o, struct diag *d, const json_t *saved);

/* Gradients are scaled by the norm of the step before. */
bool training_clips_by_previous(const struct training_options *o);

struct rate_schedule training_schedule(const struct training_options *o);

#endif
