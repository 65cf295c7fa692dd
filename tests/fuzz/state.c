/* state.c: a saved state: as it is, and behind the header of a state that the model saved. */
#include "runtime/core/state.h"
#include "tests/fuzz/fuzz.h"

enum { STATE_BYTES = 64, MOST = 256, WEIGHTS = 77 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct tern_fill fill = {.count = 4, .size = 4, .bits = 0x3f800000};
  static const struct tern_model m = {
      .name = "m", .params = "d=1", .state_bytes = STATE_BYTES, .fills = &fill, .n_fills = 1};
  uint8_t state[STATE_BYTES], saved[MOST];
  uint64_t position;
  struct failure f = {0};
  fuzz_check(state_saved_bytes(&m, 0) <= MOST);
  state_restore(&m, WEIGHTS, state, &position, data, n, &f);
  state_reset(&m, state);
  state_save(&m, WEIGHTS, state, 7, saved);
  size_t head = state_saved_bytes(&m, 0) - STATE_BYTES, room = n < MOST - head ? n : MOST - head;
  memcpy(saved + head, data, room);
  state_restore(&m, WEIGHTS, state, &position, saved, head + room, &f);
  return 0;
}
