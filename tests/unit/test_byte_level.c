/* test_byte_level.c: byte-level tokenizers: where texts are cut into words, that every text comes back, that
 * parts give the ids of the whole, what files are taken and refused. Equality with the reference
 * implementation is tests/tokenizer/byte_level.test; training is tests/reference/bpe.test. */
#include "frontend/checkpoint/tokenizer_bytes.h"
#include "tests/unit/tokenizer_bench.h"

#include <utf8proc.h>

#define GPT2       "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}"
#define DECODER    ", \"decoder\": {\"type\": \"ByteLevel\"}"
#define END_TOKEN  ", \"added_tokens\": [{\"id\": 260, \"content\": \"<|end|>\", \"special\": true}]"
#define MERGED     "\"a b\", \"\\u0120 a\", [\"ab\", \"ab\"], \"\\u00c3 \\u00a9\""
#define MERGED_IDS ", \"ab\": 256, \"\\u0120a\": 257, \"abab\": 258, \"\\u00c3\\u00a9\": 259"

/* A tokenizer.json with a token for each byte but the first `missing` ones, its id the byte's value, and four
 * merges. */
static const char *bytes_json(struct fixture *f, const char *rest, const char *model, int missing) {
  const char *vocab = "";
  for (int i = missing; i < 256; i++) {
    char byte = (char)i;
    const char *s = byte_spelling(&f->arena, &byte, 1);
    bool escaped = *s == '"' || *s == '\\';
    vocab = arena_printf(&f->arena, "%s%s\"%s%s\": %d", vocab, i > missing ? ", " : "", escaped ? "\\" : "",
                         s, i);
  }
  return arena_printf(&f->arena,
                      "{\"model\": {\"type\": \"BPE\", \"vocab\": {%s" MERGED_IDS "}, \"merges\": [" MERGED
                      "]%s}, %s}",
                      vocab, model, rest);
}

/* A text that is not kind: every byte, pieces of characters, blanks, endings, special tokens. */
static size_t draw_text(uint32_t *random, char *text, size_t most) {
  static const char *const parts[] = {
      " ",  "  ",   "\n",           "\r\n", "\t", "'s",   "'re", "'l",       "ab", "abab",
      "é",  "\xC2", "\xE2\x80\xA8", "世界", "12", "Ⅳ",    "!?",  "<|end|>",  "<|", "x",
      "\0", " a",   "\xF0\x9F\x98", "😀",   "'",  "\xFF", "े",    "\xC2\xA0", "ǅ",  "_"};
  size_t n = 0, count = sizeof parts / sizeof *parts;
  while (n + 16 < most) {
    *random = *random * 1664525u + 1013904223u;
    uint32_t pick = *random >> 16;
    if (pick % 5 == 0)
      text[n++] = (char)(pick >> 3);
    else {
      const char *part = parts[pick % count];
      size_t k = strlen(part) + !*part;
      memcpy(text + n, part, k);
      n += k;
    }
  }
  return n;
}

static void every_text_comes_back(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, bytes_json(f, GPT2 DECODER, "", 0));
  char text[10000];
  uint32_t random = 7;
  for (size_t i = 0; i < 300; i++) {
    size_t n = draw_text(&random, text, i % 50 ? 20 + i : sizeof text), length;
    const char *back = round_trip(f, t, text, n, &length);
    assert_int_equal(length, n);
    assert_memory_equal(back, text, n);
  }
  tokenizer_close(t);
}

/* ---- words ---- */

struct pieces {
  struct fixture *f;
  const char *shown;
};

static void show_one(void *context, const char *piece, size_t n, bool added) {
  struct pieces *p = context;
  p->shown = arena_printf(&p->f->arena, "%s%s%.*s%s", p->shown, *p->shown ? "|" : "", (int)n, piece,
                          added ? "!" : "");
}

static const char *pieces_of(struct fixture *f, const struct tokenizer *t, const char *text) {
  struct pieces p = {f, ""};
  size_t used;
  struct tokenizer_part part = {text, strlen(text), true, TOKENIZER_SPECIAL_ALWAYS};
  assert_true(tokenizer_pieces(t, &part, show_one, &p, &used));
  assert_int_equal(used, strlen(text));
  return p.shown;
}

static void words_are_gpt2s(void **state) {
  static const struct {
    const char *text, *pieces;
  } cases[] = {
      {"", ""},
      {"Hello world", "Hello| world"},
      {"  Hello   world ", " | Hello|  | world| "},
      {"it's they'RE we'll x'd'", "it|'s| they|'|RE| we|'ll| x|'d|'"},
      {"a1b2 34", "a|1|b|2| 34"},
      {"x\n\n  y\n", "x|\n\n | y|\n"},
      {"\t\tz", "\t|\t|z"},
      {"foo(bar)!= \"q\"", "foo|(|bar|)!=| \"|q|\""},
      {"été Ⅳ½ 世界。", "été| Ⅳ½| 世界|。"},
      {"े \u2028\u00a0x", "े| \u2028|\u00a0|x"}, /* a mark is no letter; a blank leads nothing but a word */
      {"\xff\xfe z\xc2", "\xff\xfe| z|\xc2"},
      {"a<|end|>b <|end|>", "a|<|end|>!|b| |<|end|>!"},
      {"'S 's' 've", "'|S| '|s|'| '|ve"},
  };
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, bytes_json(f, GPT2 DECODER END_TOKEN, "", 0));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(pieces_of(f, t, cases[i].text), cases[i].pieces);
  tokenizer_close(t);
}

#define LINES(number)                                                                                        \
  "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "      \
  "{\"Regex\": "                                                                                             \
  "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" number                           \
  "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"}, \"behavior\": "  \
  "\"Isolated\"}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}]}"

static void words_are_those_of_later_models(void **state) {
  static const struct {
    const char *text, *llama3, *qwen2;
  } cases[] = {
      {"x'S 'REd'\xc5\xbf'st", "x|'S| '|REd|'\xc5\xbf|'s|t", "x|'S| '|REd|'\xc5\xbf|'s|t"},
      {"(foo)\tbar.\r\n\nq", "(foo|)|\tbar|.\r\n\n|q", "(foo|)|\tbar|.\r\n\n|q"},
      {"1234 5678", "123|4| |567|8", "1|2|3|4| |5|6|7|8"},
      {"a  \n \n  b", "a|  \n \n| | b", "a|  \n \n| | b"},
      {" \n", " \n", " \n"},
      {"\xff"
       "a",
       "\xff"
       "a",
       "\xff"
       "a"},
  };
  struct fixture *f = *state;
  struct tokenizer *a = open_json(f, bytes_json(f, LINES("\\\\p{N}{1,3}"), "", 0));
  struct tokenizer *b = open_json(f, bytes_json(f, LINES("\\\\p{N}"), "", 0));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_string_equal(pieces_of(f, a, cases[i].text), cases[i].llama3);
    assert_string_equal(pieces_of(f, b, cases[i].text), cases[i].qwen2);
  }
  tokenizer_close(a);
  tokenizer_close(b);
}

/* A text of words is the ids of its words, whether their ids were known or not. */
struct joining {
  struct fixture *f;
  const struct tokenizer *t;
  const uint32_t *ids;
  size_t n;
};

static void same_ids(void *context, const char *piece, size_t n, bool added) {
  struct joining *j = context;
  uint32_t *ids;
  size_t used, count;
  struct tokenizer_part part = {piece, n, true, TOKENIZER_SPECIAL_ALWAYS};
  count = tokenizer_encode_part(j->t, &part, &ids, &used);
  assert_true(!added || count == 1);
  assert_memory_equal(j->ids + j->n, ids, count * sizeof *ids);
  j->n += count;
  free(ids);
}

/* The ids of a text in parts of `room` bytes, and more where that says nothing. */
static void assert_parts(const struct tokenizer *t, const char *text, size_t n, size_t room,
                         const uint32_t *whole, size_t count) {
  size_t at = 0, done = 0, more = room;
  while (at < n) {
    bool last = n - at <= more;
    struct tokenizer_part part = {text + at, last ? n - at : more, last, TOKENIZER_SPECIAL_ALWAYS};
    uint32_t *ids;
    size_t used, got = tokenizer_encode_part(t, &part, &ids, &used);
    assert_non_null(ids);
    assert_true(done + got <= count);
    assert_memory_equal(whole + done, ids, got * sizeof *ids);
    assert_true(!last || used == n - at);
    more = used ? room : more * 2;
    at += used;
    done += got;
    free(ids);
  }
  assert_int_equal(done, count);
}

static void parts_give_the_ids_of_the_whole(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, bytes_json(f, GPT2 DECODER END_TOKEN, "", 0));
  char text[9000];
  uint32_t random = 3;
  assert_true(tokenizer_takes_parts(t));
  for (int i = 0; i < 40; i++) {
    size_t n = draw_text(&random, text, i % 4 ? 300 : sizeof text), used;
    struct tokenizer_part whole = {text, n, true, TOKENIZER_SPECIAL_ALWAYS};
    uint32_t *ids;
    struct joining j = {f, t, NULL, 0};
    size_t count = tokenizer_encode_part(t, &whole, &ids, &used);
    j.ids = ids;
    assert_true(tokenizer_pieces(t, &whole, same_ids, &j, &used));
    assert_int_equal(j.n, count);
    for (size_t room = 1; room < 400; room = room * 3 + 1)
      assert_parts(t, text, n, room, ids, count);
    free(ids);
  }
  tokenizer_close(t);
}

/* ---- files ---- */

#define SPLIT(more)                                                                                          \
  "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "      \
  "{\"Regex\": "                                                                                             \
  "\"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| "                                                      \
  "?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+\"}, "                                                   \
  "\"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", " more "}]}"
#define AFTER_SPLIT "\"add_prefix_space\": false, \"use_regex\": false"

static void ids_of_files(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *rest, *model, *text, *ids;
  } cases[] = {
      {GPT2, "", "ab abab a\xff", "256 32 258 257 255"},
      {GPT2 DECODER, "", "é\xc3", "259 195"},
      {"\"pre_tokenizer\": {\"type\": \"ByteLevel\"}", "", "ab",
       "32 256"}, /* the blank in front is the default */
      {"\"pre_tokenizer\": {\"type\": \"ByteLevel\"}", "", "a b", "257 32 98"},
      {"\"pre_tokenizer\": {\"type\": \"ByteLevel\"}", "", " a", "257"},
      {"\"pre_tokenizer\": {\"type\": \"ByteLevel\"}" END_TOKEN, "", "b\nb", "32 98 10 98"},
      {"\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}", "",
       "1ab a", "49 256 257"},
      {SPLIT(AFTER_SPLIT), "", "1ab a", "49 256 257"},
      {GPT2, ", \"ignore_merges\": true", "abab ab", "258 32 256"},
      {GPT2, ", \"unk_token\": \"\"", "ab", "256"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tokenizer *t = open_json(f, bytes_json(f, cases[i].rest, cases[i].model, 0));
    assert_ids(f, t, cases[i].text, cases[i].ids);
    tokenizer_close(t);
  }
  assert_int_equal(f->diag.warnings, 0);
}

static void bytes_without_a_token(void **state) {
  struct fixture *f = *state;
  struct tokenizer *t = open_json(f, bytes_json(f, GPT2, "", 11));
  assert_ids(f, t, "a\nb", "97 98");
  assert_non_null(strstr(f->messages, "11 bytes have no token, and are left out of texts"));
  tokenizer_close(t);
  t = open_json(f, bytes_json(f, GPT2, ", \"unk_token\": \"!\", \"fuse_unk\": true", 11));
  assert_ids(f, t, "a\n\n", "97 33");
  assert_non_null(strstr(f->messages, "11 bytes have no token, and are unknown in texts"));
  tokenizer_close(t);
}

/* ---- normalization ---- */

/* A few code points that marks and jamo are among. */
static size_t draw_codes(const struct nfc_table *nfc, uint32_t *random, int32_t *codes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    *random = *random * 1664525u + 1013904223u;
    uint32_t pick = *random >> 8, way = *random >> 5 & 7;
    const struct tokenizer_composition *c = &nfc->compositions.at[pick % (uint32_t)nfc->compositions.n];
    codes[i] = (int32_t)(way == 0   ? nfc->decompositions.at[pick % (uint32_t)nfc->decompositions.n].code
                         : way == 1 ? c->first
                         : way == 2 ? c->second
                         : way == 3 ? c->result
                         : way == 4 ? 0x300 + pick % 0x70
                         : way == 5 ? 0x1100 + pick % 0x100
                         : way == 6 ? 0xAC00 + pick % 11172
                                    : 0x41 + pick % 26);
  }
  return n;
}

static void assert_composed(struct fixture *f, const struct tokenizer *t, const int32_t *codes, size_t n) {
  uint8_t text[256], *at = text;
  size_t length;
  for (size_t i = 0; i < n; i++)
    at += utf8proc_encode_char(codes[i], at);
  *at = 0;
  uint8_t *expected = utf8proc_NFC(text);
  const char *got = round_trip(f, t, (const char *)text, (size_t)(at - text), &length);
  assert_int_equal(length, strlen((const char *)expected));
  assert_memory_equal(got, expected, length);
  free(expected);
}

static void texts_are_composed(void **state) {
  struct fixture *f = *state;
  struct nfc_table nfc = {0};
  int32_t codes[24];
  size_t length;
  uint32_t random = 5;
  struct tokenizer *t =
      open_json(f, bytes_json(f, GPT2 DECODER ", \"normalizer\": {\"type\": \"NFC\"}", "", 0));
  nfc_table_make(&f->arena, &nfc);
  assert_false(tokenizer_takes_parts(t));
  for (int32_t c = 1; c < 0x110000; c++)
    if (nfc.class[c] || c < 0x3000 || c % 64 == 0) {
      codes[0] = c;
      if (c < 0xD800 || c >= 0xE000)
        assert_composed(f, t, codes, 1);
    }
  for (int i = 0; i < nfc.compositions.n; i++) {
    codes[0] = (int32_t)nfc.compositions.at[i].first;
    codes[1] = (int32_t)nfc.compositions.at[i].second;
    assert_composed(f, t, codes, 2);
  }
  for (int i = 0; i < 20000; i++)
    assert_composed(f, t, codes, draw_codes(&nfc, &random, codes, 1 + (size_t)i % 24));
  const char *got =
      round_trip(f, t, "e\xcc\x81\xff\xcc\x81\xcc", 7, &length); /* bytes stay, and marks behind them */
  assert_int_equal(length, 6);
  assert_memory_equal(got, "\xc3\xa9\xff\xcc\x81\xcc", 6);
  tokenizer_close(t);
}

/* Tokens that are no bytes: found as added tokens, printed as they are, never made by merges. */
static void added_tokens(void **state) {
  struct fixture *f = *state;
  const char *added = GPT2 DECODER
      ", \"added_tokens\": [{\"id\": 260, \"content\": \"<|endoftext|>\", \"special\": true}, {\"id\": 261, "
      "\"content\": \"\xE2\x96\x81\", \"special\": false}, {\"id\": 262, \"content\": \"two words\"}]";
  struct tokenizer *t = open_json(f, bytes_json(f, added, "", 0));
  size_t n;
  assert_int_equal(tokenizer_eos(t), 260);
  assert_int_equal(tokenizer_bos(t), 260);
  assert_ids(f, t, "ab\xE2\x96\x81two words", "256 261 262");
  assert_memory_equal(tokenizer_piece(t, 261, true, &n), "\xE2\x96\x81", 3);
  assert_memory_equal(tokenizer_piece(t, 262, true, &n), "two words", 9);
  assert_int_equal(n, 9);
  tokenizer_piece(t, 260, true, &n);
  assert_int_equal(n, 0);
  tokenizer_close(t);
}

static void unusable_files(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *rest, *model, *said;
  } cases[] = {
      {SPLIT("\"add_prefix_space\": false"), "", "behind a Split, ByteLevel can only have"},
      {SPLIT("\"use_regex\": false"), "", "behind a Split, ByteLevel can only have"},
      {"\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\d\"}, \"behavior\": "
       "\"Isolated\"}",
       "",
       "pre_tokenizer: the pattern '\\d' is not one that is known; known are those of GPT-2, Llama 3 and "
       "Qwen2, GPT-2's being 's|'t"},
      {"\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\d\"}, \"behavior\": "
       "\"Removed\"}",
       "", "can only have \"behavior\": \"Isolated\""},
      {"\"pre_tokenizer\": {\"type\": \"Digits\"}", "", "'Digits' is not one that"},
      {GPT2 ", \"decoder\": {\"type\": \"Metaspace\"}", "", "decoder: it must be ByteLevel"},
      {GPT2, ", \"byte_fallback\": true", "model.byte_fallback: it must be false"},
      {GPT2 ", \"normalizer\": {\"type\": \"NFKC\"}", "", "normalizer: the type 'NFKC'"},
      {GPT2 ", \"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"\xE2\x96\x81\"}", "",
       "ByteLevel cannot stand with Prepend"},
      {"\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\"}, "
       "{\"type\": "
       "\"Metaspace\"}]}",
       "", "pre_tokenizer.pretokenizers[1]: Metaspace cannot stand with ByteLevel"},
      {"\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\"}, "
       "{\"type\": "
       "\"ByteLevel\"}]}",
       "", "pre_tokenizer.pretokenizers[1]: there can be one ByteLevel only"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *json = bytes_json(f, cases[i].rest, cases[i].model, 0);
    uint8_t *block;
    size_t bytes;
    put_file(f, "tokenizer.json", json, strlen(json));
    rewind(f->diag.out);
    checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &block, &bytes);
    fputc(0, f->diag.out);
    fflush(f->diag.out);
    if (!strstr(f->messages, cases[i].said))
      fail_msg("case %zu: '%s' is not in: %s", i, cases[i].said, f->messages);
    assert_null(block);
  }
}

/* Blocks whose checksum is right, with a byte changed: refused, or used without leaving the block (a
 * sanitizer sees it). Half of them in the header, in the rules, and in the tables of normalization where
 * there are any. */
static int refused_of(struct fixture *f, const uint8_t *good, size_t n, size_t special,
                      size_t special_bytes) {
  uint8_t *block = aligned_alloc(8, n);
  struct tokenizer_header *h = (struct tokenizer_header *)block;
  uint32_t random = 1;
  int refused = 0;
  char error[256];
  size_t length;
  for (uint32_t i = 0; i < 3000; i++) {
    random = random * 1664525u + 1013904223u;
    size_t at = TOKENIZER_CHECKED_FROM + (random >> 8) % (i % 4 == 0 ? sizeof *h - 16 : n - 16);
    if (i % 4 == 1)
      at = special + (random >> 8) % special_bytes;
    memcpy(block, good, n);
    block[at] = (uint8_t)(random >> 24);
    h->checksum = tokenizer_checksum(block + TOKENIZER_CHECKED_FROM, n - TOKENIZER_CHECKED_FROM);
    struct tokenizer *t = tokenizer_open(block, n, error, sizeof error);
    refused += !t;
    if (!t)
      continue;
    round_trip(
        f, t,
        "abab ab's e\xcc\x81\xcc\xa3\xff  12\r\n\xe4\xb8\x96<|end|>\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", 42,
        &length);
    tokenizer_close(t);
  }
  free(block);
  return refused;
}

static void crafted_blocks_stay_inside(void **state) {
  struct fixture *f = *state;
  const char *rest[] = {GPT2 DECODER END_TOKEN,
                        GPT2 DECODER END_TOKEN ", \"normalizer\": {\"type\": \"NFC\"}"};
  for (int i = 0; i < 2; i++) {
    const char *json = bytes_json(f, rest[i], "", 0);
    enum tokenizer_section first = i ? TOKENIZER_NFC_PAGES : TOKENIZER_RULES;
    uint8_t *good;
    size_t n;
    put_file(f, "tokenizer.json", json, strlen(json));
    checkpoint_tokenizer(&f->diag, &f->arena, f->dir, &good, &n);
    assert_non_null(good);
    const struct tokenizer_header *h = (const struct tokenizer_header *)good;
    size_t at = h->section[first].at, end = i ? n : h->section[TOKENIZER_PAGES].at;
    assert_true(refused_of(f, good, n, at, end - at) > 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_text_comes_back, setup, teardown),
      cmocka_unit_test_setup_teardown(words_are_gpt2s, setup, teardown),
      cmocka_unit_test_setup_teardown(words_are_those_of_later_models, setup, teardown),
      cmocka_unit_test_setup_teardown(parts_give_the_ids_of_the_whole, setup, teardown),
      cmocka_unit_test_setup_teardown(ids_of_files, setup, teardown),
      cmocka_unit_test_setup_teardown(bytes_without_a_token, setup, teardown),
      cmocka_unit_test_setup_teardown(texts_are_composed, setup, teardown),
      cmocka_unit_test_setup_teardown(added_tokens, setup, teardown),
      cmocka_unit_test_setup_teardown(unusable_files, setup, teardown),
      cmocka_unit_test_setup_teardown(crafted_blocks_stay_inside, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
