/* roles.h: what a model does with its weights. */
#ifndef TERN_PASSES_TRAINING_ROLES_H
#define TERN_PASSES_TRAINING_ROLES_H

#include "ir/ir.h"

/* Gives every weight that `step` uses its role (enum weight_role), by the operators of the spec: a factor of
 * a product is a matrix, what tokens look up is a table, even where other operators use them too; then what
 * is multiplied is a gain or a filter; all else is a bias. And what it begins as, where the spec does not
 * say: matrices and tables are normal with the deviation 0.02, as in the published models, filters with 0.5;
 * gains are 1, and all else is 0. */
void find_roles(struct module *m);

#endif
