// Words of the weight stream: every combination of five trits through its byte, and the order of lanes.
#include "backends/hardware/library/weight_words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// What backends/hardware/library/modules/tern_trits.v says of a byte, in words of its header.
static void decode(uint8_t byte, int t[5]) {
  int sign = byte >> 7, a = byte >> 3 & 15, p = byte & 7;
  int pair = a >= 14 ? 0 : (p & 3) + 1;
  if (a >= 14)
    a = p << 1 | (a & 1);
  int v = sign ? -a : a, w = p & 4 ? -pair : pair;
  for (int i = 0; i < 5; i++) {
    int *x = i < 3 ? &v : &w;
    t[i] = ((*x + 9 * 3 + 1) % 3) - 1; // the last balanced digit
    *x = (*x - t[i]) / 3;
  }
}

static void test_trits(void **state) {
  (void)state;
  uint8_t seen[256] = {0};
  for (int n = 0; n < 243; n++) {
    int8_t weights[5];
    for (int i = 0, v = n; i < 5; i++, v /= 3)
      weights[i] = (int8_t)(v % 3 - 1);
    uint8_t byte;
    word_pack(WORD_TRITS, 5, weights, &byte);
    assert_int_equal(seen[byte]++, 0);
    int t[5];
    decode(byte, t);
    for (int i = 0; i < 5; i++)
      assert_int_equal(t[i], weights[i]);
  }
}

static void test_order(void **state) {
  (void)state;
  assert_int_equal(word_bytes(WORD_PAIRS, 16), 4);
  assert_int_equal(word_bytes(WORD_TRITS, 20), 4);
  int8_t weights[20] = {1, -1, 0, 0, [15] = -1};
  uint8_t word[4];
  word_pack(WORD_PAIRS, 16, weights, word);
  assert_memory_equal(word, ((uint8_t[]){0x0d, 0, 0, 0xc0}), 4);
  for (int lane = 0; lane < 20; lane++) { // lane i is trit i / 4 of byte i % 4
    memset(weights, 0, sizeof weights);
    weights[lane] = -1;
    word_pack(WORD_TRITS, 20, weights, word);
    for (int b = 0; b < 4; b++) {
      int t[5];
      decode(word[b], t);
      for (int i = 0; i < 5; i++)
        assert_int_equal(t[i], b == lane % 4 && i == lane / 4 ? -1 : 0);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_trits), cmocka_unit_test(test_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
