/* tokenizer_model.c: a tokenizer.model, and what is encoded with it. */
#include "tests/fuzz/token_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  fuzz_reader(tokenizer_read_model, data, n);
  return 0;
}
