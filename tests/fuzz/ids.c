/* ids.c: token ids as text. */
#include "runtime/core/files.h"
#include "tests/fuzz/fuzz.h"

enum { BOUND = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  uint32_t *ids;
  size_t count;
  struct failure f = {0};
  if (!read_ids(fuzz_file(data, n), BOUND, &ids, &count, &f)) {
    fuzz_check(*f.text);
    return 0;
  }
  for (size_t i = 0; i < count; i++)
    fuzz_check(ids[i] < BOUND);
  free(ids);
  return 0;
}
