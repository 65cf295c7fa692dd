/* saved_config.h: the config.json of what is trained: what was compiled, with what a checkpoint says beside
 * that.
 */
#ifndef TERN_TRAINING_SAVED_CONFIG_H
#define TERN_TRAINING_SAVED_CONFIG_H

#include <jansson.h>

#include "runtime/model.h"
#include "support/diag.h"

/* The text of the config.json that goes with checkpoints, in the arena: that of the folder where there is one
 * (NULL: no folder), but what the compiled model is made of holds, and a note says what was otherwise. NULL
 * after a diagnostic. */
const char *saved_config_text(struct arena *a, struct diag *d, const struct tern_model *m,
                              const char *folder);

/* Where the folder's config.json is not of this very model, but of one with other equations or by another
 * compiler, a note says that the training goes on otherwise than it would have. */
void saved_config_compare(struct diag *d, const struct tern_model *m, const char *folder);

/* The text of a config.json in the arena: numbers in the fewest of 15 or 17 digits that give them back. */
const char *saved_config_print(struct arena *a, const json_t *root);

#endif
