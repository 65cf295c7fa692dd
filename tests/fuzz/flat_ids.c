/* flat_ids.c: a file of ids of 16 and of 32 bits, back to text. */
#include "frontend/tokenizer/flat_ids.h"
#include "tests/fuzz/token_target.h"

/* 256 bytes, a merge, and an end. */
static struct tokenizer *make(struct fuzz *f) {
  struct vocabulary v = {.file = "tokenizer.json", .unk = -1, .first = -1};
  uint8_t *block;
  size_t bytes;
  char why[256];
  for (int i = 0; i < 258; i++) {
    char byte = (char)i;
    struct bytes piece = {i < 256    ? arena_strndup(&f->arena, &byte, 1)
                          : i == 256 ? "ab"
                                     : "<|end|>",
                          i < 256    ? 1
                          : i == 256 ? 2
                                     : 7};
    vec_push(
        &f->arena, v.tokens,
        (struct vocabulary_token){.piece = piece, .type = i < 257 ? TOKENIZER_NORMAL : TOKENIZER_CONTROL});
  }
  vec_push(&f->arena, v.ends, 257);
  fuzz_check(tokenizer_block_write(&f->diag, &f->arena, &v, &block, &bytes));
  struct tokenizer *t = tokenizer_open(block, bytes, why, sizeof why);
  fuzz_check(t);
  return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct fuzz f = fuzz_begin();
  struct tokenizer *t = make(&f);
  FILE *nowhere = fuzz_nowhere();
  const char *path = fuzz_file(data, n);
  for (int width = 2; width <= 4; width += 2) {
    int errors = f.diag.errors;
    bool ok = flat_ids_decode(&f.diag, t, path, width, nowhere);
    fuzz_check(ok == (f.diag.errors == errors));
    fuzz_check(!ok || n % (size_t)width == 0);
  }
  tokenizer_close(t);
  fuzz_end(&f);
  return 0;
}
