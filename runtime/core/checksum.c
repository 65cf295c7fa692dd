/* checksum.c: XXH64: four sums of every fourth word run side by side, are merged, and take up the rest. */
#include "runtime/core/checksum.h"

#include <string.h>

#define PRIME_1 0x9e3779b185ebca87u
#define PRIME_2 0xc2b2ae3d27d4eb4fu
#define PRIME_3 0x165667b19e3779f9u
#define PRIME_4 0x85ebca77c2b2ae63u
#define PRIME_5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t x, int by) {
  return x << by | x >> (64 - by);
}

static uint64_t word_at(const uint8_t *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x); /* images are little-endian, and so are the machines that map them */
  return x;
}

static uint64_t round_of(uint64_t sum, uint64_t word) {
  return rotate(sum + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge(uint64_t h, uint64_t sum) {
  return (h ^ round_of(0, sum)) * PRIME_1 + PRIME_4;
}

/* Whole pieces of 32 bytes. */
static uint64_t of_pieces(const uint8_t *p, size_t pieces) {
  uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = 0 - PRIME_1;
  for (; pieces > 0; pieces--, p += 32) {
    a = round_of(a, word_at(p));
    b = round_of(b, word_at(p + 8));
    c = round_of(c, word_at(p + 16));
    d = round_of(d, word_at(p + 24));
  }
  uint64_t h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  return merge(merge(merge(merge(h, a), b), c), d);
}

static uint64_t mix(uint64_t h) {
  h = (h ^ h >> 33) * PRIME_2;
  h = (h ^ h >> 29) * PRIME_3;
  return h ^ h >> 32;
}

uint64_t checksum(const void *bytes, size_t n) {
  const uint8_t *p = bytes, *end = p + n;
  uint64_t h = n >= 32 ? of_pieces(p, n / 32) : PRIME_5;
  h += n;
  p += n / 32 * 32;
  for (; end - p >= 8; p += 8)
    h = rotate(h ^ round_of(0, word_at(p)), 27) * PRIME_1 + PRIME_4;
  if (end - p >= 4) {
    uint32_t half;
    memcpy(&half, p, sizeof half);
    h = rotate(h ^ half * PRIME_1, 23) * PRIME_2 + PRIME_3;
    p += 4;
  }
  for (; p < end; p++)
    h = rotate(h ^ *p * PRIME_5, 11) * PRIME_1;
  return mix(h);
}
