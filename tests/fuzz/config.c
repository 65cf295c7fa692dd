/* config.c: a config.json; and the same, or "key=value,...", as what random weights are made for. */
#include "frontend/checkpoint/random_config.h"
#include "tests/fuzz/fuzz.h"

static void read_keys(struct fuzz *f, const struct config *c) {
  static const char *const keys[] = {"hidden_size", "vocab_size", "a", "num_hidden_layers", "rms_norm_eps"};
  double number;
  int64_t whole;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    config_number(&f->diag, c, keys[i], &number);
    if (config_integer(&f->diag, c, keys[i], 1, 1 << 30, i % 2 ? 7 : -1, &whole))
      fuzz_check(whole >= 1 && whole <= 1 << 30);
  }
}

static void read_random(struct fuzz *f, const char *text) {
  struct random_config r = {0};
  random_config_read(&f->diag, &f->arena, text, &r);
  config_free(&r.config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct fuzz f = fuzz_begin();
  const char *path = fuzz_file(data, n), *text = arena_strndup(&f.arena, (const char *)data, n);
  struct config c;
  if (config_read(&f.diag, &f.arena, path, &c)) {
    read_keys(&f, &c);
    config_free(&c);
  }
  read_random(&f, path);
  if (strchr(text, '='))
    read_random(&f, text);
  fuzz_end(&f);
  return 0;
}
