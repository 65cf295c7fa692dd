/* plan_image.h: the parts of plan-memory that lay out weights and states. */
#ifndef TERN_PASSES_PLAN_IMAGE_H
#define TERN_PASSES_PLAN_IMAGE_H

#include "ir/ir.h"

/* What every place of the module is a multiple of. */
int64_t plan_align(const struct module *m);
void plan_states(struct module *m);
/* Weights that the functions use (not `fold`, which reads the checkpoint itself). slow_trits: as in struct
 * pass_context. */
void plan_weights(struct module *m, bool slow_trits);

#endif
