/* plan_image.h: the parts of plan-memory that lay out weights and states. */
#ifndef TERN_PASSES_PLAN_IMAGE_H
#define TERN_PASSES_PLAN_IMAGE_H

#include "ir/ir.h"

void plan_states(struct module *m);
/* Weights that the functions use (not `fold`, which reads the checkpoint itself). */
void plan_weights(struct module *m);

#endif
