/* train.h: a model that is made to be trained. */
#ifndef TERN_DRIVER_TRAIN_H
#define TERN_DRIVER_TRAIN_H

#include "driver/driver.h"

/* Of a recipe: makes the job's module one that can be trained, all floats as float32, and gives it the
 * config.json that its checkpoints have. False after a diagnostic: something was asked for that does not go
 * with it. */
bool can_train(struct job *j);

/* Of a recipe: runs its pipeline, with --memory as often as it takes to find what fits. */
struct recipe;
bool plan_training(struct job *j, const struct recipe *r);

/* config.json for the module: what --weights has, or else the spec's parameters by the keys of config.json
 * that it takes them from; under tern.params what --set gives, and what has no key of its own; and
 * tern.model, a checksum that tells the model from another one. In the arena. NULL after a diagnostic. */
const char *training_config(struct job *j);

#endif
