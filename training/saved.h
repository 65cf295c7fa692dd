/* saved.h: a training on disk, so that nothing is lost whenever it ends.
 *
 *   RUN/checkpoints/000500/   model.safetensors, config.json, tokenizer files: a checkpoint in the published
 * layout optimiser.safetensors: mean.NAME and square.NAME of each tensor NAME that is trained training.json:
 * options, step, and what the data was RUN/                      the model, config and tokenizer of the
 * newest of them
 *
 * A folder of checkpoints/ appears under its name when all of it is on the disk. All numbers are float32, so
 * that training goes on with the same bits. */
#ifndef TERN_TRAINING_SAVED_H
#define TERN_TRAINING_SAVED_H

#include <jansson.h>

#include "support/diag.h"
#include "training/learner.h"

enum { SAVED_FORMAT = 1 }; /* of training.json */

struct saved_run {
  struct diag *diag;
  const char *folder;    /* RUN */
  const char *config;    /* the text of config.json */
  const char *tokenizer; /* the folder whose tokenizer files go along; NULL: none */
  uint64_t keep;         /* the newest checkpoints that stay; 0: all */
};

/* Makes the folders. False after a diagnostic: they cannot be made, or RUN holds a training already. */
bool saved_begin(const struct saved_run *r);

/* Writes the checkpoint of a step, with training.json's text `about`, and removes what is older than the
 * newest `keep`. False after a diagnostic; what was there is as it was. */
bool saved_write(const struct saved_run *r, const struct learner *l, uint64_t step, const json_t *about);

/* The folder of the newest whole checkpoint, in the arena, and its training.json, which the caller releases.
 * NULL after a diagnostic. */
const char *saved_newest(struct diag *d, struct arena *a, const char *run, json_t **about);

/* Weights and moments of a checkpoint's folder. False after diagnostics. */
bool saved_read(struct learner *l, struct diag *d, const char *folder);

#endif
