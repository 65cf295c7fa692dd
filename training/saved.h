/* saved.h: a training on disk, so that nothing is lost whenever it ends.
 *
 *   RUN/checkpoints/000500/   model.safetensors, config.json, tokenizer files: a checkpoint in the published
 * layout optimiser.safetensors: mean.NAME and square.NAME of each tensor NAME that is trained, and where
 * these are codes their scales, mean_scale.NAME and square_scale.NAME training.json: options, step, and what
 * the data was RUN/                      the model, config and tokenizer of the
 * newest of them
 *
 * A folder of checkpoints/ appears under its name when all of it is on the disk. All numbers are as
 * they are in memory, so that training goes on with the same bits. */
#ifndef TERN_TRAINING_SAVED_H
#define TERN_TRAINING_SAVED_H

#include <jansson.h>

#include "support/diag.h"
#include "training/learner.h"

enum {
  SAVED_FORMAT = 2, /* the newest of training.json; 1 has no numbers but float32, and moments of bfloat16 */
  MOST_CHUNK = 1 << 20
};
#define MOST_STEPS ((uint64_t)1 << 40)

struct saved_run {
  struct diag *diag;
  const char *folder;    /* RUN */
  const char *config;    /* the text of config.json */
  const char *tokenizer; /* the folder whose tokenizer files go along; NULL: none */
  uint64_t keep;         /* the newest checkpoints that stay; 0: all */
  int lock;              /* a descriptor; -1: it is not held */
};

/* The oldest format that has what the learner keeps. */
int saved_format(const struct learner *l);

/* Nothing that a new training would write over is in RUN. False after a diagnostic. */
bool saved_is_free(const struct saved_run *r);
/* Makes the folders and takes the lock. False after a diagnostic: they cannot be made, or are not free. */
bool saved_begin(struct saved_run *r);

/* One trainer at a time works in RUN: the lock is the system's (flock of checkpoints/), so it ends with its
 * process however that ends. False after a diagnostic: another one has it. */
bool saved_lock(struct saved_run *r);
void saved_release(struct saved_run *r);

/* Writes the checkpoint of a step, with training.json's text `about`, and removes what is older than the
 * newest `keep`. False after a diagnostic; what was there is as it was. */
bool saved_write(const struct saved_run *r, const struct learner *l, uint64_t step, const json_t *about);

/* What saved_write does last, where it may have been kept from it: RUN has the files of the checkpoint, which
 * is the newest, and what is older than `keep` is gone. False after a diagnostic. */
bool saved_show(const struct saved_run *r, uint64_t step);

/* The folder of the newest checkpoint, in the arena, and its training.json, which the caller releases: it is
 * of this format, has the step that the folder's name says, and a chunk that can be compiled. NULL after a
 * diagnostic. */
const char *saved_newest(struct diag *d, struct arena *a, const char *run, json_t **about);

/* Weights and moments of a checkpoint's folder. False after diagnostics. */
bool saved_read(struct learner *l, struct diag *d, const char *folder);

#endif
