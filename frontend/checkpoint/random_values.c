/* random_values.c: a hash of the position instead of a generator with a state. A block's two keys come from a
 * 64-bit mix; within it each element hashes its index with either key by 32-bit operations, which vectorise.
 */
#include "frontend/checkpoint/random_values.h"
#include "frontend/checkpoint/wide.h"

uint64_t random_mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* A bijection of 32 bits with low bias: two rounds of shift and odd product. */
static inline uint32_t mix32(uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

/* The four halves of two hashes add up to 0 .. 4 * 65535, with mean 2 * 65535 and variance (2^32 - 1) / 3. */
WIDE static void hash_block(uint32_t a, uint32_t b, int64_t n, float mean, float step, float *restrict out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t x = mix32((uint32_t)i + a), y = mix32((uint32_t)i ^ b);
    int32_t sum = (int32_t)((x & 0xffff) + (x >> 16) + (y & 0xffff) + (y >> 16)) - 2 * 65535;
    out[i] = mean + (float)sum * step;
  }
}

void random_values(uint64_t seed, uint64_t tensor, uint64_t block, int64_t n, float mean, float deviation,
                   float *out) {
  uint64_t key = random_mix(random_mix(random_mix(seed + 0x9e3779b97f4a7c15u) + tensor) + block);
  hash_block((uint32_t)key, (uint32_t)(key >> 32), n, mean, deviation / 37837.2266f,
             out); /* sqrt((2^32 - 1) / 3) */
}
