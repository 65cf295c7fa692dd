/* initial.h: what weights begin as: numbers by their roles, or those of a checkpoint. */
#ifndef TERN_TRAINING_INITIAL_H
#define TERN_TRAINING_INITIAL_H

#include "frontend/checkpoint/checkpoint.h"
#include "training/learner.h"

/* As the spec says, or else by their roles (passes/training/roles.h). The numbers depend on the seed and on
 * the tensor's place in the model alone. */
void initial_random(struct learner *l, uint64_t seed);

/* Those of a checkpoint in `path`, a folder or a .safetensors file, whose names begin with `prefix` where
 * that is not NULL (checkpoint_prefix). False after diagnostics. */
bool initial_load(struct learner *l, struct diag *d, const char *path, const char *prefix);

/* "model.layers.3.attn_norm.weight": the name of an instance; in the arena. */
const char *tensor_name(struct arena *a, const struct tern_tensor *t, uint64_t instance);

/* What an instance of it needs of a checkpoint, under that name. */
struct wanted_tensor tensor_wanted(const struct tern_tensor *t, const char *name);

#endif
