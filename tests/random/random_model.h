/* random_model.h: random models for holding the engines against each other.
 *
 * random_model builds a module with the function "step" out of operators of every kind, on floats and on
 * integers, shapes with odd sizes, states and repeats; some return integers; the same seed gives the same
 * module. Every third has its ternary weights as tile3. random_source gives weights that are a function of
 * their name. */
#ifndef TERN_TESTS_RANDOM_RANDOM_MODEL_H
#define TERN_TESTS_RANDOM_RANDOM_MODEL_H

#include "ir/source.h"

struct module *random_model(struct arena *a, struct diag *d, uint64_t seed);
/* Makes i2 to i8 of some ternary weights, which neither a training nor hardware takes. */
void random_wide_codes(struct module *m);
struct weight_source random_source(void);

#endif
