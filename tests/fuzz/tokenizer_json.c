/* tokenizer_json.c: a tokenizer.json, and what is encoded with it. */
#include "tests/fuzz/token_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  fuzz_reader(tokenizer_read_json, data, n);
  return 0;
}
