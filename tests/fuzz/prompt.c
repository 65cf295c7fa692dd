/* prompt.c: text to ids and back, with both tokenizers of examples/tales. */
#include "tests/fuzz/token_target.h"

static struct tokenizer *tokenizer_of(tokenizer_reader *read, const char *path) {
  static struct fuzz f; /* for as long as the process runs */
  struct vocabulary v = {.file = path, .unk = -1, .bos = -1, .eos = -1};
  uint8_t *block;
  size_t bytes;
  char error[256];
  fuzz_check(read(&f.diag, &f.arena, path, &v) &&
             tokenizer_block_write(&f.diag, &f.arena, &v, &block, &bytes));
  return tokenizer_open(block, bytes, error, sizeof error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static struct tokenizer *model, *json;
  if (!model) {
    model = tokenizer_of(tokenizer_read_model, TERN_SOURCE "/examples/tales/tokenizer.model");
    json = tokenizer_of(tokenizer_read_json, TERN_SOURCE "/examples/tales/tokenizer.json");
  }
  fuzz_encode(model, data, n);
  fuzz_encode(json, data, n);
  return 0;
}
