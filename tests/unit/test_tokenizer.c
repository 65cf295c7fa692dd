/* test_tokenizer.c: the tokenizer's properties (round trips, known ids, determinism), what the files
 * beside it say. Damaged blocks and files are test_tokenizer_damaged.c; equality with other implementations
 * is tests/tokenizer/compare.sh. */
#include "tests/unit/tokenizer_bench.h"

/* ---- encoding and decoding ---- */

static void known_ids(void **state) {
  struct fixture *f = *state;
  if (!have_tales()) {
    print_message("%s is missing\n", TALES);
    skip();
  }
  struct tokenizer *t = open_dir(f, TALES);
  assert_int_equal(tokenizer_size(t), 2048);
  assert_int_equal(tokenizer_bos(t), 1);
  assert_int_equal(tokenizer_eos(t), 2);
  uint32_t *none;
  assert_int_equal(tokenizer_encode(t, "", 0, TOKENIZER_SPECIAL_NEVER, &none), 0);
  assert_non_null(none); /* NULL is out of memory */
  free(none);
  assert_ids(f, t, " ", ids_of(f, t, "\xE2\x96\x81", 3));
  assert_ids(f, t, "Nobody moved", "1295 1036 1195 551"); /* as tokens.txt has it */
  tokenizer_close(t);
}

/* The ids that came with the model, BOS first: decoded and encoded again they are the same. */
static void published_ids(void **state) {
  struct fixture *f = *state;
  FILE *file = fopen(TALES "/tokens.txt", "r");
  if (!file) {
    print_message("%s is missing\n", TALES);
    skip();
  }
  struct tokenizer *t = open_dir(f, TALES);
  char *text = arena_alloc(&f->arena, 1 << 16), *expected = arena_alloc(&f->arena, 1 << 16), *w = expected;
  size_t n = 0, k;
  for (unsigned id, i = 0; fscanf(file, "%u", &id) == 1; i++) {
    const char *piece = tokenizer_piece(t, id, i == 1, &k);
    memcpy(text + n, piece, k);
    n += k;
    if (i)
      w += sprintf(w, i > 1 ? " %u" : "%u", id);
  }
  fclose(file);
  assert_true(n > 500);
  assert_string_equal(ids_of(f, t, text, n), expected);
  tokenizer_close(t);
}

/* Every valid text comes back as it was, whichever file the tokenizer was read from. */
static void round_trips(void **state) {
  static const char *const texts[] = {"Once upon a time",
                                      "  two  blanks ",
                                      "tab\tand\r\nline\n",
                                      "na\xC3\xAFve",
                                      "\xF0\x9F\x98\x80\xE4\xB8\x96",
                                      "<s></s><unk><0x0A>",
                                      "x"};
  struct fixture *f = *state;
  if (!have_tales()) {
    print_message("%s is missing\n", TALES);
    skip();
  }
  struct tokenizer *t = open_dir(f, TALES);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t n, length = strlen(texts[i]);
    char *back = round_trip(f, t, texts[i], length, &n);
    assert_int_equal(n, length);
    assert_memory_equal(back, texts[i], n);
  }
  size_t n;
  assert_memory_equal(round_trip(f, t, "a\0b", 3, &n), "a\0b", 3);
  assert_memory_equal(round_trip(f, t, "a\xFFz", 3, &n), "a\xEF\xBF\xBDz", 5); /* invalid: U+FFFD */
  tokenizer_close(t);
}

static void special_tokens_print_nothing(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t =
      open_json(f, small_json(f, ", \"added_tokens\": [{\"id\": 9, \"content\": \"<s>\", \"special\": true}]",
                              "", MERGES));
  size_t n;
  assert_int_equal(tokenizer_bos(t), 9);
  assert_int_equal(tokenizer_eos(t), -1);
  tokenizer_piece(t, 9, true, &n);
  assert_int_equal(n, 0);
  tokenizer_piece(t, 10, true, &n); /* out of range */
  assert_int_equal(n, 0);
  tokenizer_close(t);
}

static void merges_by_rank_then_position(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, small_json(f, "", "", MERGES));
  assert_ids(f, t, "abc", "6"); /* b c first, then a bc */
  assert_ids(f, t, "ab", "4");
  assert_ids(f, t, "ababc", "4 6");
  assert_ids(f, t, "axyb", "1 0 0 2");
  tokenizer_close(t);
}

static void merges_as_pairs(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t =
      open_json(f, small_json(f, "", ", \"fuse_unk\": true", "[[\"a\", \"b\"], [\"b\", \"c\"]]"));
  assert_ids(f, t, "abc", "4 3");
  assert_ids(f, t, "axyb", "1 0 2");
  tokenizer_close(t);
}

static void metaspace_schemes(void **state) {
  static const struct {
    const char *options, *a_blank_a, *blank_a;
  } cases[] = {
      {"", "8 8", "8"},
      {", \"prepend_scheme\": \"first\"", "8 8", "8"},
      {", \"prepend_scheme\": \"never\"", "1 8", "8"},
      {", \"add_prefix_space\": false, \"prepend_scheme\": \"never\"", "1 8", "8"},
      {", \"add_prefix_space\": true, \"split\": false", "8 8", "8"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *rest = arena_printf(&f->arena, METASPACE("%s"), cases[i].options);
    struct tokenizer *t = open_json(f, small_json(f, rest, "", MERGES));
    assert_ids(f, t, "a a", cases[i].a_blank_a);
    assert_ids(f, t, " a", cases[i].blank_a);
    tokenizer_close(t);
  }
}

static void added_tokens_are_found(void **state) {
  struct fixture *f = *state;
  const char *rest =
      METASPACE(", \"prepend_scheme\": \"first\"") ", \"added_tokens\": ["
                                                   "{\"id\": 9, \"content\": \"[X]\", \"normalized\": false, "
                                                   "\"lstrip\": true},"
                                                   "{\"id\": 10, \"content\": \"[X]Y\", \"normalized\": "
                                                   "false, \"rstrip\": true},"
                                                   "{\"id\": 11, \"content\": \"<s>\", \"special\": true}]";
  struct tokenizer *t = open_json(f, small_json(f, rest, "", MERGES));
  assert_ids(f, t, "a  [X]a", "8 9 1");
  assert_ids(f, t, "a[X]Y \t a", "8 10 1");
  assert_ids(f, t, "<s>", "7 0 0 0"); /* special: plain text */
  tokenizer_close(t);
}

static void ends_are_named_by_the_config(void **state) {
  struct fixture *f = *state;
  const char *config = "{\"bos_token\": {\"content\": \"[B]\"}, \"eos_token\": \"[E]\"}";
  const char *rest = ", \"added_tokens\": [{\"id\": 9, \"content\": \"[B]\", \"special\": true},"
                     "{\"id\": 10, \"content\": \"[E]\", \"special\": true}]";
  put_file(f, "tokenizer_config.json", config, strlen(config));
  struct tokenizer *t = open_json(f, small_json(f, rest, "", MERGES));
  assert_int_equal(tokenizer_bos(t), 9);
  assert_int_equal(tokenizer_eos(t), 10);
  tokenizer_close(t);
}

/* ---- what the files beside the tokenizer say ---- */

#define ADDED(id, name, special) "{\"id\": " #id ", \"content\": \"" name "\", \"special\": " #special "}"
#define CHAT                                                                                                 \
  ", \"added_tokens\": [" ADDED(9, "<s>", true) "," ADDED(10, "</s>", true) "," ADDED(                       \
      11, "<|im_start|>", true) "," ADDED(12, "<|im_end|>", false) "," ADDED(20, "<tool>", true) "]"

/* `file` with a text; NULL: without. */
static void beside(struct fixture *f, const char *file, const char *text) {
  if (text)
    put_file(f, file, text, strlen(text));
  else
    remove_file(f, file);
}

/* "9 | 2 3 | 10 12 | 9": prefix, suffix, ends and the id that an empty text begins with. */
static const char *roles_of(struct fixture *f, const struct tokenizer *t) {
  size_t n[2];
  const uint32_t *part[] = {tokenizer_prefix(t, &n[0]), tokenizer_suffix(t, &n[1])};
  const char *s = "";
  for (int i = 0; i < 2; i++) {
    for (size_t k = 0; k < n[i]; k++)
      s = arena_printf(&f->arena, "%s%u ", s, part[i][k]);
    s = arena_printf(&f->arena, "%s| ", s);
  }
  for (uint32_t id = 0; id < 100; id++)
    if (tokenizer_is_end(t, id))
      s = arena_printf(&f->arena, "%s%u ", s, id);
  return arena_printf(&f->arena, "%s| %d", s, tokenizer_bos(t));
}

#define SAID(text) text /* a warning that is expected */

#define TEMPLATE                                                                                             \
  ", \"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": "   \
  "\"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"B\"}}, {\"Sequence\": {\"id\": "       \
  "\"A\"}}, {\"SpecialToken\": {\"id\": \"E\"}}], \"special_tokens\": {\"B\": {\"ids\": [9, 1]}, \"E\": "    \
  "{\"ids\": [10]}}}]}"
#define ROBERTA                                                                                              \
  ", \"post_processor\": {\"type\": \"RobertaProcessing\", \"sep\": [\"</s>\", 10], "                        \
  "\"cls\": [\"<s>\", 9], \"trim_offsets\": true}"

/* The end of tokenizer.json, the files beside it, and what becomes of them (roles_of). */
static const struct {
  const char *post, *tokenizer_config, *map, *config, *generation, *roles, *said;
} asked[] = {
    {"", NULL, NULL, NULL, NULL, "| | 10 | 9", NULL},
    {"", "{\"tokenizer_class\": \"LlamaTokenizerFast\"}", NULL, NULL, NULL, "9 | | 10 | 9", NULL},
    {"", "{\"add_bos_token\": true, \"add_eos_token\": true}", NULL, NULL, NULL, "9 | 10 | 10 | 9", NULL},
    {TEMPLATE, NULL, NULL, NULL, NULL, "9 1 | 10 | 10 | 9", NULL},
    {TEMPLATE, "{\"add_bos_token\": false, \"add_eos_token\": false}", NULL, NULL, NULL, "1 | | 10 | 9",
     NULL},
    {ROBERTA, NULL, NULL, NULL, NULL, "9 | 10 | 10 | 9", NULL},
    {ROBERTA, "{\"add_bos_token\": 1}", NULL, NULL, NULL, "9 | 10 | 10 | 9",
     SAID("tokenizer_config.json:1:2: warning: 'add_bos_token' is a number; true or false was expected")},
    {"", "{\"bos_token\": null, \"eos_token\": {\"content\": \"<|im_end|>\"}}", NULL, NULL, NULL,
     "| | 12 | -1", NULL},
    {"", "{\"bos_token\": null}", NULL, "{\"bos_token_id\": 3}", NULL, "| | 10 | 3", NULL},
    {"", NULL, "{\"eos_token\": \"<|im_end|>\"}", NULL, NULL, "| | 12 | 9", NULL},
    {"", "{\"eos_token\": \"</s>\"}", "{\"eos_token\": \"<|im_end|>\"}", NULL, NULL, "| | 10 | 9", NULL},
    {"", "{\"eos_token\": \"</s>\"}", NULL, "{\"eos_token_id\": 12}", NULL, "| | 12 | 9",
     "eos_token '</s>' (id 10)"},
    {"", NULL, NULL, "{\"eos_token_id\": 12}", NULL, "| | 12 | 9", NULL},
    {"", NULL, NULL, "{\"eos_token_id\": 12}", "{\"eos_token_id\": [10, 2, 2]}", "| | 2 10 | 9", NULL},
    {"", NULL, NULL, "{\"eos_token_id\": 12}", "{\"bos_token_id\": 1}", "| | 12 | 1", NULL},
    {"", NULL, NULL, "{\"eos_token_id\": null}", "{\"eos_token_id\": -1}", "| | 10 | 9", NULL},
    {"", NULL, NULL, "{\"eos_token_id\": 1000000000000000019884624838656}", NULL, "| | 10 | 9",
     SAID("config.json:1:2: warning: 'eos_token_id' is 1000000000000000019884624838656; a token id, or a "
          "list")},
    {"", NULL, NULL, NULL, "{\"eos_token_id\": [10, \"x\"], \"a\": NaN}", "| | 10 | 9",
     SAID("generation_config.json:1:2: warning: 'eos_token_id' is a string;")},
    {"", NULL, NULL, "{\"eos_token_id\": 12, \"eos_token_id\": 99}", NULL, "| | 99 | 9",
     NULL}, /* beyond the tokens */
    {"", "{\"eos_token\": \"<end>\"}", NULL, NULL, NULL, "| | 10 | 9",
     SAID("'eos_token' is '<end>', which no token of")},
    {"", "\xEF\xBB\xBF{\"eos_token\": \"<|im_end|>\", \"model_max_length\": 1e400, \"x\": [-Infinity, 12e]}",
     NULL, NULL, NULL, "| | 10 | 9", SAID("tokenizer_config.json:1:78: warning: this is not JSON")},
    {"", "\xEF\xBB\xBF{\"eos_token\": \"<|im_end|>\", \"n\": 1e400, \"x\": [-Infinity, \"\\ud800\"]}", NULL,
     NULL, NULL, "| | 12 | 9", NULL},
    {"", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", NULL, NULL, NULL, "| | 10 | 9",
     SAID("tokenizer_config.json: is a Git LFS pointer")},
    {"", "{\"eos_token\": \"<|im_end|>\"", NULL, NULL, NULL, "| | 10 | 9", SAID("this is not JSON")},
};

static void files_are_asked_in_order(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    beside(f, "tokenizer_config.json", asked[i].tokenizer_config);
    beside(f, "special_tokens_map.json", asked[i].map);
    beside(f, "config.json", asked[i].config);
    beside(f, "generation_config.json", asked[i].generation);
    rewind(f->diag.out);
    struct tokenizer *t =
        open_json(f, small_json(f, arena_printf(&f->arena, "%s" CHAT, asked[i].post), "", MERGES));
    fputc(0, f->diag.out);
    fflush(f->diag.out);
    if (strcmp(roles_of(f, t), asked[i].roles) != 0)
      print_error("case %zu\n", i);
    assert_string_equal(roles_of(f, t), asked[i].roles);
    if (!asked[i].said)
      assert_string_equal(f->messages, "");
    else if (!strstr(f->messages, asked[i].said))
      fail_msg("case %zu: '%s' is not in: %s", i, asked[i].said, f->messages);
    tokenizer_close(t);
  }
  assert_int_equal(f->diag.errors, 0);
}

/* Ids of a text with special tokens looked for in one of the three ways. */
static void assert_special(struct fixture *f, const struct tokenizer *t, enum tokenizer_special how,
                           const char *text, const char *expected) {
  uint32_t *ids;
  const char *s = "";
  size_t n = tokenizer_encode(t, text, strlen(text), how, &ids);
  for (size_t i = 0; i < n; i++)
    s = arena_printf(&f->arena, i ? "%s %u" : "%s%u", s, ids[i]);
  free(ids);
  assert_string_equal(s, expected);
}

static void chat_text_has_special_tokens(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, small_json(f, CHAT, ", \"fuse_unk\": true", MERGES));
  size_t n;
  assert_special(f, t, TOKENIZER_SPECIAL_AUTO, "<s>a", "0 1");
  assert_special(f, t, TOKENIZER_SPECIAL_ALWAYS, "<s>a", "9 1");
  assert_special(f, t, TOKENIZER_SPECIAL_AUTO, "<|im_start|>a<|im_end|></s>", "11 1 12 10");
  assert_special(f, t, TOKENIZER_SPECIAL_AUTO, "<tool>", "20");
  assert_special(f, t, TOKENIZER_SPECIAL_NEVER, "<|im_start|>a<|im_end|>",
                 "0 1 0 1 12"); /* "start" has an a */
  assert_special(f, t, TOKENIZER_SPECIAL_ALWAYS, "abc", "6");
  assert_int_equal(tokenizer_size(t), 21); /* 13 to 19 are no tokens */
  tokenizer_piece(t, 15, false, &n);
  assert_int_equal(n, 0);
  tokenizer_close(t);
}

/* A tokenizer.model gets its added tokens from the files beside it. */
static void models_have_added_tokens(void **state) {
  static const char model[] = "\x0A\x05\x0A\x01?\x18\x02"
                              "\x0A\x07\x0A\x03<s>\x18\x03"
                              "\x0A\x03\x0A\x01"
                              "a"
                              "\x12\x02\x18\x02\x1A\x02\x18\x00"; /* no dummy prefix */
  struct fixture *f = *state;
  put_file(f, "tokenizer.model", model, sizeof model - 1);
  beside(f, "added_tokens.json", "{\"<|x|>\": 5, \"<|y|>\": 7}");
  beside(f, "tokenizer_config.json",
         "{\"added_tokens_decoder\": {\"1\": {\"content\": \"<s>\", \"special\": true}, \"5\": {\"content\": "
         "\"<|x|>\", \"special\": true, \"rstrip\": true}}, \"additional_special_tokens\": [\"<|x|>\"], "
         "\"eos_token\": \"<|y|>\", \"model_max_length\": 1000000000000000019884624838656}");
  struct tokenizer *t = open_dir(f, f->dir);
  assert_special(f, t, TOKENIZER_SPECIAL_AUTO, "a<s>a", "2 0 2");
  assert_special(f, t, TOKENIZER_SPECIAL_AUTO, "a<|x|> a<s><|y|>", "2 5 2 1 7");
  assert_special(f, t, TOKENIZER_SPECIAL_NEVER, "a<|x|> a<|y|>", "2 0 2 7");
  assert_string_equal(roles_of(f, t), "1 | | 7 | 1");
  tokenizer_close(t);
  beside(f, "tokenizer_config.json", "{\"add_bos_token\": false}");
  t = open_dir(f, f->dir);
  assert_string_equal(roles_of(f, t), "| | | 1");
  tokenizer_close(t);
}

/* Which file is taken is said, and what cannot be used gives way. */
static void one_of_two_files(void **state) {
  static const char model[] = "\x0A\x05\x0A\x01?\x18\x02\x0A\x03\x0A\x01z\x12\x02\x18\x02";
  static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 9\n";
  struct fixture *f = *state;
  const char *json = small_json(f, "", "", MERGES);
  const struct {
    const char *json, *model;
    size_t n;
    uint32_t tokens;
    const char *said;
  } cases[] = {
      {json, model, sizeof model - 1, 9,
       "the tokenizer is tokenizer.json, as in transformers; tokenizer.model is not"},
      {pointer, model, sizeof model - 1, 2, "tokenizer.json: is a Git LFS pointer"},
      {small_json(f, ", \"pre_tokenizer\": {\"type\": \"Digits\"}", "", "[]"), model, sizeof model - 1, 2,
       "the tokenizer is tokenizer.model; tokenizer.json is not used"},
      {"<!DOCTYPE html><html>", model, sizeof model - 1, 2, "tokenizer.json: is a web page"},
      {json, pointer, sizeof pointer - 1, 9, "tokenizer.model is not used"},
      {pointer, pointer, sizeof pointer - 1, 0, "tokenizer.model: is a Git LFS pointer"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t *block;
    size_t bytes;
    put_file(f, "tokenizer.json", cases[i].json, strlen(cases[i].json));
    put_file(f, "tokenizer.model", cases[i].model, cases[i].n);
    rewind(f->diag.out);
    checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &block, &bytes);
    fputc(0, f->diag.out);
    fflush(f->diag.out);
    if (!strstr(f->messages, cases[i].said))
      fail_msg("case %zu: '%s' is not in: %s", i, cases[i].said, f->messages);
    assert_int_equal(block != NULL, cases[i].tokens > 0);
    if (!block)
      continue;
    struct tokenizer *t = open_block(block, bytes);
    assert_int_equal(tokenizer_size(t), cases[i].tokens);
    tokenizer_close(t);
  }
  assert_int_equal(f->diag.errors, 0);
}

/* A million characters without a blank: quadratic merging would take minutes. */
static void long_words_take_no_time(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, small_json(f, "", "", MERGES));
  enum { N = 1000000 };
  char *text = malloc(N);
  uint32_t *ids;
  clock_t start = clock();
  for (int i = 0; i < N; i++)
    text[i] = "abcab"[i % 5];
  assert_int_equal(tokenizer_encode(t, text, N, TOKENIZER_SPECIAL_NEVER, &ids), N / 5 * 2);
  assert_true((clock() - start) / CLOCKS_PER_SEC < 10);
  free(ids);
  free(text);
  tokenizer_close(t);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(known_ids),
      TEST(published_ids),
      TEST(round_trips),
      TEST(special_tokens_print_nothing),
      TEST(merges_by_rank_then_position),
      TEST(merges_as_pairs),
      TEST(metaspace_schemes),
      TEST(added_tokens_are_found),
      TEST(ends_are_named_by_the_config),
      TEST(files_are_asked_in_order),
      TEST(chat_text_has_special_tokens),
      TEST(models_have_added_tokens),
      TEST(one_of_two_files),
      TEST(long_words_take_no_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
