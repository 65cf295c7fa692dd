/* training.h: what a training step calls beside sums: products of the backward pass, rows added to tables,
 * and codes of weights that changed. */
#ifndef TERN_TRAINING_H
#define TERN_TRAINING_H

#include "runtime/kernels/gradient.h"
#include "runtime/kernels/scatter.h"
#include "runtime/kernels/ternarize.h"

#endif
