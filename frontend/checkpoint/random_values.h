/* random_values.h: numbers that depend on (seed, tensor, position) and on nothing else, so that any thread
 * can make any part of a tensor. */
#ifndef TERN_FRONTEND_CHECKPOINT_RANDOM_VALUES_H
#define TERN_FRONTEND_CHECKPOINT_RANDOM_VALUES_H

#include <stdint.h>

enum { RANDOM_BLOCK = 4096 };

/* splitmix64's finaliser (Steele et al. 2014): a bijection of 64 bits after which no bit tells of another. */
uint64_t random_mix(uint64_t x);

/* Values [block * RANDOM_BLOCK, + n) of tensor number `tensor`, n <= RANDOM_BLOCK: about normal, with the
 * given mean and standard deviation (a sum of four uniform numbers; nothing is farther than 3.47 deviations
 * away). */
void random_values(uint64_t seed, uint64_t tensor, uint64_t block, int64_t n, float mean, float deviation,
                   float *out);

#endif
