/* tokens.c: what the targets that get to a tokenizer do with it; contracts in tokens.h. */
#include "tests/fuzz/token_target.h"

enum { SOME_TOKENS = 2000, SOME_TEXT = 300 };

static void encode(const struct tokenizer *t, const void *text, size_t n, enum tokenizer_special special) {
  uint32_t *ids;
  size_t count = tokenizer_encode(t, text, n, special, &ids), bytes;
  fuzz_check(ids);
  for (size_t i = 0; i < count; i++) {
    fuzz_check(ids[i] < tokenizer_size(t));
    const char *piece = tokenizer_piece(t, ids[i], i == 0, &bytes);
    fuzz_touch(piece, bytes);
  }
  free(ids);
}

/* Parts give the ids of the whole. */
static void encode_parts(const struct tokenizer *t, const char *text, size_t n, size_t room) {
  struct tokenizer_part part = {.text = text, .n = n, .last = true, .special = TOKENIZER_SPECIAL_ALWAYS};
  uint32_t *whole, *ids;
  size_t used, done = 0, count = tokenizer_encode_part(t, &part, &whole, &used);
  fuzz_check(whole && used == n);
  for (size_t at = 0, more = room; at < n || !part.last; at += used) {
    part.text = text + at;
    part.last = n - at <= more;
    part.n = part.last ? n - at : more;
    size_t got = tokenizer_encode_part(t, &part, &ids, &used);
    fuzz_check(ids && done + got <= count && used <= part.n && (!part.last || used == part.n));
    for (size_t i = 0; i < got; i++)
      fuzz_check(ids[i] == whole[done + i]);
    free(ids);
    done += got;
    more = used ? room : more * 2;
  }
  fuzz_check(done == count);
  free(whole);
}

void fuzz_encode(const struct tokenizer *t, const void *text, size_t n) {
  size_t ids;
  encode(t, text, n, TOKENIZER_SPECIAL_AUTO);
  encode(t, text, n, TOKENIZER_SPECIAL_NEVER);
  encode(t, text, n, TOKENIZER_SPECIAL_ALWAYS);
  if (tokenizer_takes_parts(t))
    encode_parts(t, text, n, 7);
  const uint32_t *prefix = tokenizer_prefix(t, &ids);
  fuzz_touch(prefix, ids * sizeof *prefix);
  const uint32_t *suffix = tokenizer_suffix(t, &ids);
  fuzz_touch(suffix, ids * sizeof *suffix);
}

void fuzz_block(const void *block, size_t bytes, const void *text, size_t n, bool good) {
  static const char hostile[] =
      " Hello  world \xe2\x96\x81\xe2\x96\x81 a<s>b\0c\xff\xfe\xf0\x9f\x98\x80 "
      "\xe4\xb8\xad\t\n<unk> e\xcc\xa3\xcc\x81\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8 zz<|im_end|>";
  char error[256];
  size_t length;
  struct tokenizer *t = tokenizer_open(block, bytes, error, sizeof error);
  fuzz_check(t || !good);
  if (!t)
    return;
  fuzz_encode(t, hostile, sizeof hostile);
  fuzz_encode(t, text, n < SOME_TEXT ? n : SOME_TEXT);
  for (uint32_t id = 0; id < tokenizer_size(t) && id < SOME_TOKENS; id++) {
    const char *piece = tokenizer_piece(t, id, id & 1, &length);
    fuzz_touch(piece, length);
  }
  tokenizer_close(t);
}

void fuzz_reader(tokenizer_reader *read, const uint8_t *data, size_t n) {
  struct fuzz f = fuzz_begin();
  const char *path = fuzz_file(data, n);
  struct vocabulary v = {.file = path, .unk = -1, .bos = -1, .eos = -1};
  uint8_t *block;
  size_t bytes;
  if (read(&f.diag, &f.arena, path, &v) && tokenizer_block_write(&f.diag, &f.arena, &v, &block, &bytes))
    fuzz_block(block, bytes, data, n, true);
  fuzz_end(&f);
}
