/* tokenizer_files.c: what lies beside a good tokenizer.json in a checkpoint's folder: the input is each of
 * these files. */
#include "frontend/checkpoint/checkpoint.h"
#include "tests/fuzz/token_target.h"

static const char tokenizer[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"special\":true},{\"id\":1,\"content\":\"<s>\","
    "\"special\":true},"
    "{\"id\":2,\"content\":\"</"
    "s>\",\"special\":true},{\"id\":5,\"content\":\"<|im_end|>\",\"special\":false}],"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":false,"
    "\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2,\"a\":3,\"b\":4},\"merges\":[]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const char *const names[] = {"config.json", "tokenizer_config.json", "generation_config.json",
                                      "special_tokens_map.json", "added_tokens.json"};
  struct fuzz f = fuzz_begin();
  uint8_t *block;
  size_t bytes;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    fuzz_file_in_folder(names[i], data, n);
  fuzz_file_in_folder("tokenizer.json", tokenizer, sizeof tokenizer - 1);
  checkpoint_tokenizer(&f.diag, &f.arena, fuzz_folder(), &block, &bytes);
  if (block)
    fuzz_block(block, bytes, data, n, true);
  fuzz_end(&f);
  return 0;
}
