#include "backends/hardware/library/weight_words.h"

int word_bytes(enum word_packing packing, int lanes) {
  return packing == WORD_PAIRS ? lanes / 4 : lanes / 5;
}

// The balanced ternary digits of v are t[0], t[1], t[2]; its sign and magnitude are what addresses a table of
// partial sums.
static unsigned trits_byte(const int t[5]) {
  int v = t[0] + 3 * t[1] + 9 * t[2], p = t[3] + 3 * t[4];
  unsigned sign = v < 0, magnitude = (unsigned)(v < 0 ? -v : v);
  if (p == 0) // the ninth value of a pair: 14 or 15 in the magnitude's place, whose upper bits move into the
              // pair's
    return sign << 7 | 7u << 4 | (magnitude & 1) << 3 | magnitude >> 1;
  return sign << 7 | magnitude << 3 | (unsigned)(p < 0) << 2 | (unsigned)((p < 0 ? -p : p) - 1);
}

void word_pack(enum word_packing packing, int lanes, const int8_t *weights, uint8_t *word) {
  int bytes = word_bytes(packing, lanes);
  for (int b = 0; b < bytes; b++) {
    unsigned byte = 0;
    if (packing == WORD_PAIRS) {
      for (int i = 0; i < 4; i++)
        byte |= (unsigned)(weights[4 * b + i] & 3) << 2 * i;
    } else {
      int t[5];
      for (int i = 0; i < 5; i++)
        t[i] = weights[b + i * bytes];
      byte = trits_byte(t);
    }
    word[b] = (uint8_t)byte;
  }
}
