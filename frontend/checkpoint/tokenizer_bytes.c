/* tokenizer_bytes.c: the alphabet of bytes, the known patterns as rules, and the classes of characters that
 * rules are made of. A further pattern is a row in `patterns`. */
#include "frontend/checkpoint/tokenizer_bytes.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- bytes as characters ---- */

static bool is_printed(uint32_t c) {
  return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF);
}

uint32_t byte_character(uint8_t byte) {
  uint32_t c = 0x100;
  if (is_printed(byte))
    return byte;
  for (uint32_t b = 0; b < byte; b++)
    c += !is_printed(b);
  return c;
}

char *byte_spelling(struct arena *a, const char *bytes, size_t n) {
  char *out = arena_alloc(a, 2 * n + 1), *w = out;
  for (size_t i = 0; i < n; i++) {
    uint32_t c = byte_character((uint8_t)bytes[i]);
    if (c >= 0x80)
      *w++ = (char)(0xC0 | c >> 6);
    *w++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3F) : c);
  }
  return out;
}

/* The byte that a character stands for; -1: none. */
static int byte_of(int32_t c) {
  enum { OTHERS = 68 }; /* bytes that are not printed */
  if (c >= 0 && c < 0x100)
    return is_printed((uint32_t)c) ? (int)c : -1;
  for (uint32_t b = 0, other = 0x100; c < 0x100 + OTHERS && b < 0x100; b++)
    if (!is_printed(b) && other++ == (uint32_t)c)
      return (int)b;
  return -1;
}

bool byte_meaning(struct arena *a, struct bytes text, struct bytes *bytes) {
  char *out = arena_alloc(a, text.n + 1);
  size_t n = 0;
  for (size_t i = 0; i < text.n;) {
    utf8proc_int32_t c;
    utf8proc_ssize_t k =
        utf8proc_iterate((const utf8proc_uint8_t *)text.at + i, (utf8proc_ssize_t)(text.n - i), &c);
    int byte = k > 0 ? byte_of(c) : -1;
    if (byte < 0)
      return false;
    out[n++] = (char)byte;
    i += (size_t)k;
  }
  *bytes = (struct bytes){out, n};
  return true;
}

static void add_byte_token(struct vocabulary *v, uint32_t id) {
  const struct vocabulary_token *k = &v->tokens.at[id];
  if (k->piece.n == 1)
    v->byte_ids[(uint8_t)k->piece.at[0]] = id;
}

void vocabulary_to_bytes(struct arena *a, struct vocabulary *v) {
  v->byte_ids = arena_array(a, uint32_t, 256);
  for (int i = 0; i < 256; i++)
    v->byte_ids[i] = TOKENIZER_NO_BYTE;
  for (int i = 0; i < v->tokens.n; i++) {
    struct vocabulary_token *k = &v->tokens.at[i];
    if (!k->type || k->added_only)
      continue;
    if (byte_meaning(a, k->piece, &k->piece))
      add_byte_token(v, (uint32_t)i);
    else
      k->added_only = true;
  }
}

/* ---- classes ---- */

static uint8_t class_of(int32_t c) {
  switch (c) {
  case ' ': return TOKENIZER_CLASS_BLANK;
  case '\n':
  case '\r': return TOKENIZER_CLASS_LINE;
  case '\t':
  case '\v':
  case '\f':
  case 0x85: return TOKENIZER_CLASS_SPACE;
  default: return (uint8_t)utf8proc_category(c);
  }
}

void class_table_pack(struct arena *a, const uint8_t *class_of_code, struct class_table *t) {
  VEC(uint8_t) classes = {0};
  for (int p = 0; p < TOKENIZER_PAGE_COUNT; p++) {
    const uint8_t *page = class_of_code + (size_t)p * TOKENIZER_PAGE;
    int same = 0;
    while (same < classes.n && memcmp(classes.at + same, page, TOKENIZER_PAGE) != 0)
      same += TOKENIZER_PAGE;
    t->page[p] = (uint8_t)(same / TOKENIZER_PAGE);
    for (int i = 0; i < TOKENIZER_PAGE && same == classes.n - i; i++)
      vec_push(a, classes, page[i]);
  }
  t->class = classes.at;
  t->count = (size_t)classes.n;
}

void class_table_make(struct arena *a, struct class_table *t) {
  enum { CODES = TOKENIZER_PAGE_COUNT * TOKENIZER_PAGE };
  uint8_t *class = xmalloc(CODES);
  for (int32_t c = 0; c < CODES; c++)
    class[c] = class_of(c);
  class_table_pack(a, class, t);
  free(class);
}

/* ---- patterns ---- */

#define SET(category) (UINT64_C(1) << UTF8PROC_CATEGORY_##category)
#define CLASS(name)   (UINT64_C(1) << TOKENIZER_CLASS_##name)
#define LETTER        (SET(LU) | SET(LL) | SET(LT) | SET(LM) | SET(LO))
#define NUMBER        (SET(ND) | SET(NL) | SET(NO))
#define WHITE         (SET(ZS) | SET(ZL) | SET(ZP) | CLASS(BLANK) | CLASS(LINE) | CLASS(SPACE))
#define BUT(set)      (~(set))
#define ENDINGS(any)  {.kind = TOKENIZER_ENDING, .most = (any)}
#define WHITE_RUNS                                                                                           \
  {.kind = TOKENIZER_BEFORE, .body = WHITE}, {                                                               \
    .kind = TOKENIZER_RUN, .body = WHITE                                                                     \
  }
#define RUN_OF(set) .kind = TOKENIZER_RUN, .body = (set)

_Static_assert((int)UTF8PROC_CATEGORY_SO == (int)TOKENIZER_CLASS_OTHER &&
                   (int)UTF8PROC_CATEGORY_CO < (int)TOKENIZER_CLASS_BLANK,
               "classes are numbered as utf8proc's categories");

#define PATTERN_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
/* Llama 3's, and Qwen2's, which differ in how many digits make a word. */
#define PATTERN_LINES(number)                                                                                \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" number                                       \
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define RULES_LINES(digits)                                                                                  \
  {ENDINGS(1),                                                                                               \
   {RUN_OF(LETTER), .lead = BUT(CLASS(LINE) | LETTER | NUMBER)},                                             \
   {RUN_OF(NUMBER), .most = (digits)},                                                                       \
   {RUN_OF(BUT(WHITE | LETTER | NUMBER)), .lead = CLASS(BLANK), .tail = CLASS(LINE)},                        \
   {.kind = TOKENIZER_UNTIL, .body = WHITE, .tail = CLASS(LINE)},                                            \
   WHITE_RUNS}

const char pattern_gpt2[] = PATTERN_GPT2;

/* A rule for each alternative, in order. */
static const struct word_pattern {
  const char *regex;
  struct tokenizer_rule rules[8]; /* kind 0 ends them */
} patterns[] = {
    {PATTERN_GPT2,
     {ENDINGS(0),
      {RUN_OF(LETTER), .lead = CLASS(BLANK)},
      {RUN_OF(NUMBER), .lead = CLASS(BLANK)},
      {RUN_OF(BUT(WHITE | LETTER | NUMBER)), .lead = CLASS(BLANK)},
      WHITE_RUNS}},
    {PATTERN_LINES("\\p{N}{1,3}"), RULES_LINES(3)},
    {PATTERN_LINES("\\p{N}"), RULES_LINES(1)},
};

bool pattern_rules(struct arena *a, struct vocabulary *v, const char *pattern) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (strcmp(patterns[i].regex, pattern) == 0) {
      for (const struct tokenizer_rule *r = patterns[i].rules; r->kind; r++)
        vec_push(a, v->rules, *r);
      return true;
    }
  return false;
}
