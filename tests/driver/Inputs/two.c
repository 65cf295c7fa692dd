/* Two models for chips in one program, with one scratch: prints the best token of each. */
#include "double.h"
#include "int.h"
#include <stdio.h>

static int32_t logits[INT_VOCAB];
static float more[DOUBLE_VOCAB];

int main(void) {
  static uint32_t state[INT_STATE_BYTES / 4], other[DOUBLE_STATE_BYTES / 4];
  static uint32_t scratch[(INT_SCRATCH_BYTES + DOUBLE_SCRATCH_BYTES) / 4];
  uint32_t a = 1, b = 1;
  int_init(state);
  double_init(other);
  for (int i = 0; i < 4; i++) {
    int_step(state, scratch, a, logits);
    double_step(other, scratch, b, more);
    printf("%u %u\n", a = int_best(logits), b = double_best(more));
  }
  return 0;
}
