/* test_tokenizer_damaged.c: tokenizer blocks that are damaged or made to do harm, and the diagnostics for
 * files that are no usable tokenizer. */
#include "tests/unit/tokenizer_bench.h"

/* ---- the block ---- */

static uint8_t *small_block(struct fixture *f, size_t *bytes) {
  uint8_t *block;
  const char *rest = METASPACE("") ", \"added_tokens\": [{\"id\": 9, \"content\": \"zz\"}]";
  const char *json = small_json(f, rest, "", MERGES);
  put_file(f, "tokenizer.json", json, strlen(json));
  checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &block, bytes);
  assert_non_null(block);
  return block;
}

static void blocks_are_deterministic(void **state) {
  struct fixture *f = *state;
  size_t n, m;
  uint8_t *a = small_block(f, &n), *b = small_block(f, &m);
  assert_int_equal(n, m);
  assert_memory_equal(a, b, n);
}

static void every_changed_bit_is_found(void **state) {
  struct fixture *f = *state;
  size_t n;
  uint8_t *block = small_block(f, &n);
  char error[256];
  for (size_t i = 0; i < n * 8; i++) {
    block[i / 8] ^= (uint8_t)(1 << i % 8);
    assert_null(tokenizer_open(block, n, error, sizeof error));
    block[i / 8] ^= (uint8_t)(1 << i % 8);
  }
  for (size_t i = 0; i < n; i++)
    assert_null(tokenizer_open(block, i, error, sizeof error));
  tokenizer_close(open_block(block, n));
}

/* Changes whose checksum is right again: refused, or used without leaving the block (a sanitizer sees it). */
static void crafted_blocks_stay_inside(void **state) {
  struct fixture *f = *state;
  size_t n;
  uint8_t *good = small_block(f, &n), *block = aligned_alloc(8, n);
  struct tokenizer_header *h = (struct tokenizer_header *)block;
  char error[256];
  int refused = 0;
  uint32_t random = 1;
  for (size_t i = TOKENIZER_CHECKED_FROM; i < n; i++) {
    memcpy(block, good, n);
    random = random * 1664525u + 1013904223u;
    block[i] = (uint8_t)(random >> 24);
    h->checksum = tokenizer_checksum(block + TOKENIZER_CHECKED_FROM, n - TOKENIZER_CHECKED_FROM);
    struct tokenizer *t = tokenizer_open(block, n, error, sizeof error);
    refused += !t;
    if (!t)
      continue;
    size_t length;
    round_trip(f, t, "abc zz aab xb ", 14, &length);
    tokenizer_close(t);
  }
  assert_true(refused > 100);
  free(block);
}

/* ---- files that are no usable tokenizer ---- */

static void refuse(struct fixture *f, const char *name, const void *text, size_t n, const char *expected) {
  uint8_t *block;
  size_t bytes;
  put_file(f, name, text, n);
  rewind(f->diag.out);
  f->diag.warnings = 0;
  checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &block, &bytes);
  fputc(0, f->diag.out);
  fflush(f->diag.out);
  if (!strstr(f->messages, expected))
    print_error("\"%s\" is not in: %s", expected, f->messages);
  assert_non_null(strstr(f->messages, expected));
  assert_non_null(strstr(f->messages, "so the model takes token ids (--tokens) and no text"));
  assert_null(block);
  assert_true(f->diag.warnings > 0);
  assert_int_equal(f->diag.errors, 0); /* a model can be run without */
}

static void no_file_is_no_error(void **state) {
  struct fixture *f = *state;
  uint8_t *block;
  size_t bytes;
  checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &block, &bytes);
  assert_null(block);
  assert_int_equal(f->diag.warnings, 0);
}

static void unusable_json(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *json, *message;
  } cases[] = {
      {"{\"model\": ", ":1:"},
      {"[]", "object"},
      {"{}", "the file has none"},
      {"{\"model\": {\"type\": \"Unigram\"}}", "'Unigram'"},
      {"{\"model\": {\"type\": \"BPE\", \"vocab\": [1], \"merges\": []}}", "model.vocab"},
      {"{\"model\": {\"vocab\": {\"a\": \"x\"}, \"merges\": []}}", "must be an integer"},
      {"{\"model\": {\"vocab\": {\"a\": 0, \"b\": 0}, \"merges\": []}}", "same id 0"},
      {"{\"model\": {\"vocab\": {\"a\": -1}, \"merges\": []}}", "-1 is not in"},
      {"{\"model\": {\"vocab\": {\"a\": 99999999999}, \"merges\": []}}", "is not in"},
      {"{\"model\": {\"vocab\": {\"\": 0}, \"merges\": []}}", "empty"},
      {"{\"model\": {\"vocab\": {\"a\": 0}}}", "model.merges"},
      {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"byte_fallback\": true}}", "byte fallback"},
      {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"u\"}}", "unk_token"},
      {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"dropout\": 0.1}}", "dropout"},
      {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], \"end_of_word_suffix\": \"w\"}}",
       "end_of_word_suffix"},
      {small_json(f, "", "", "[\"a  b\"]"), "model.merges[0]"},
      {small_json(f, "", "", "[[\"a\"]]"), "model.merges[0]"},
      {small_json(f, "", "", "[7]"), "model.merges[0]"},
      {small_json(f, "", "", "[\"c a\"]"), "'ca' is not in the vocabulary"},
      {small_json(f, ", \"normalizer\": {\"type\": \"NFKC\"}", "", "[]"), "'NFKC'"},
      {small_json(f, ", \"pre_tokenizer\": {\"type\": \"Digits\"}", "", "[]"), "'Digits'"},
      {small_json(f, METASPACE(", \"prepend_scheme\": \"last\""), "", "[]"), "prepend_scheme"},
      {small_json(f, ", \"added_tokens\": [{\"id\": 1, \"content\": \"q\"}]", "", "[]"), "same id 1"},
      {small_json(f, ", \"added_tokens\": [{\"id\": 9, \"content\": \"a\"}]", "", "[]"), "has it as 1"},
      {small_json(f, ", \"added_tokens\": [{\"content\": \"q\"}]", "", "[]"), "added_tokens[0]"},
      {small_json(f, ", \"added_tokens\": {}", "", "[]"), "added_tokens"},
      {small_json(f, ", \"post_processor\": {\"type\": \"Mystery\"}", "", "[]"), "'Mystery' is not known"},
      {small_json(f, ", \"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", NaN]}", "", "[]"),
       "a token id was expected, not NaN"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refuse(f, "tokenizer.json", cases[i].json, strlen(cases[i].json), cases[i].message);
}

/* Protocol buffers by hand: field 1 is a piece (1: text, 3: type), field 2 the trainer_spec (3: model_type).
 */
static void unusable_model(void **state) {
#define UNK "\x0A\x05\x0A\x01?\x18\x02"
#define A                                                                                                    \
  "\x0A\x03\x0A\x01"                                                                                         \
  "a"
#define BPE                  "\x12\x02\x18\x02"
#define CASE(bytes, message) {bytes, sizeof bytes - 1, message}
  static const struct {
    const char *bytes;
    size_t n;
    const char *message;
  } cases[] = {
      CASE("", "is empty"),
      CASE(UNK A "\x12\x02\x18", "cut short"),
      CASE(UNK A, "unigram"),
      CASE(UNK A "\x12\x02\x18\x03", "word model"),
      CASE(A BPE, "UNKNOWN"),
      CASE(UNK UNK BPE, "second unknown"),
      CASE(UNK A A BPE, "tokens 1 and 2 are both 'a'"),
      CASE(UNK "\x0A\x02\x0A\x00" BPE, "empty"),
      CASE(UNK "\x0A\x05\x0A\x01z\x18\x09" BPE, "type is unknown"),
      CASE(UNK "\x0A\x08\x0A\x01z\x15\x00\x00\xC0\x7F" BPE, "finite"),
      CASE(UNK "\x0A\x05\x0A\x01z\x18\x06" BPE, "byte token"),
      CASE(UNK A "\x12\x05\x18\x02\x98\x02\x01", "byte fallback"),
      CASE(UNK A BPE "\x1A\x03\x12\x01z", "charsmap"),
      CASE(UNK A BPE "\x1A\x0B\x12\x09\xF0\xFF\xFF\xFF"
                     "abcd\x00",
           "charsmap"),
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refuse(f, "tokenizer.model", cases[i].bytes, cases[i].n, cases[i].message);
  put_file(f, "tokenizer.model", UNK A BPE, sizeof(UNK A BPE) - 1);
  struct tokenizer *t = open_dir(f, f->dir);
  assert_ids(f, t, "aaxyza", "0 1 1 0 1");
  tokenizer_close(t);
}

/* Cut or changed anywhere, a real model is refused or read, and never more than that. */
static void damaged_models(void **state) {
  struct fixture *f = *state;
  size_t n, bytes;
  uint8_t *block;
  FILE *file = fopen(TALES "/tokenizer.model", "rb");
  if (!file) {
    print_message("%s is missing\n", TALES);
    skip();
  }
  char *model = malloc(1 << 20);
  n = fread(model, 1, 1 << 20, file);
  fclose(file);
  fclose(f->diag.out);
  f->diag.out = fopen("/dev/null", "w");
  for (size_t i = 0; i < 60; i++) {
    struct arena a = {0};
    size_t at = (i * 7919 + 11) % n;
    char old = model[at];
    model[at] = (char)(old ^ (1 << i % 8));
    put_file(f, "tokenizer.model", model, i % 2 ? n : at);
    checkpoint_tokenizer(&f->diag, &a, f->dir, &block, &bytes);
    if (block)
      tokenizer_close(open_block(block, bytes));
    model[at] = old;
    arena_free(&a);
  }
  free(model);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(blocks_are_deterministic),
      TEST(every_changed_bit_is_found),
      TEST(crafted_blocks_stay_inside),
      TEST(no_file_is_no_error),
      TEST(unusable_json),
      TEST(unusable_model),
      TEST(damaged_models),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
