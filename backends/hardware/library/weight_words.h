// Words of the weight stream: how the ternary weights of one chunk of a row are laid out for
// backends/hardware/library/modules/tern_sum.v.
#ifndef TERN_BACKENDS_HARDWARE_LIBRARY_WEIGHT_WORDS_H
#define TERN_BACKENDS_HARDWARE_LIBRARY_WEIGHT_WORDS_H

#include <stdint.h>

// The parameter PACKING of tern_sum.
enum word_packing {
  WORD_PAIRS, // two bits a weight, column 0 in the lowest: 00 = 0, 01 = +1, 11 = -1
  WORD_TRITS, // five weights a byte, as rtl/tern_trits.v decodes them; lanes are 5 * a power of two
};

// Bytes of a word of `lanes` weights; lanes is a multiple of 4 (WORD_PAIRS) or of 5 (WORD_TRITS).
int word_bytes(enum word_packing, int lanes);

// Packs weights[0 .. lanes-1] (-1, 0, 1; in column order; the caller pads the last chunk with zeros) into one
// word.
void word_pack(enum word_packing, int lanes, const int8_t *weights, uint8_t *word);

#endif
