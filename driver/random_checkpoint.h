/* random_checkpoint.h: a checkpoint of random numbers for any spec. */
#ifndef TERN_DRIVER_RANDOM_CHECKPOINT_H
#define TERN_DRIVER_RANDOM_CHECKPOINT_H

#include "driver/driver.h"

/* Compiles the job's spec and writes into the folder `out` what it asks of a checkpoint: config.json with the
 * values that its params have, and every tensor, float32, under its published name and in its shape. Weights
 * are what a training begins with (passes/training/roles.h), but that gains and biases for which the spec has
 * no first value deviate by 0.05 from 1 and from 0: no mistake hides behind ones and zeros. Matrices whose
 * scale is stored are codes, with scales beside them. The same seed gives the same bytes. False after
 * diagnostics. */
bool random_checkpoint(struct job *j, const char *out, uint64_t seed);

#endif
