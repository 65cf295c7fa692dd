/* tokenizer_text.c: from the text as it is given to the words that merges work on.
 *
 * Added tokens are cut out. Each stretch between them goes, for a tokenizer.model, through SentencePiece's
 * normalizer (character map, blanks, dummy prefix); for a tokenizer.json it is normalized, and cut into words
 * when the pre-tokenizer asks for it. A byte that is not part of valid UTF-8 becomes U+FFFD. */
#include "runtime/text/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT_CHARACTER "\xEF\xBF\xBD"
enum { MOST_BYTES = 1 << 30 }; /* of normalized text: offsets are 32 bits */

static bool is_trail(char c) {
  return ((uint8_t)c & 0xC0) == 0x80;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *c) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint8_t b = (uint8_t)s[0];
  size_t length = b < 0x80 ? 1 : b < 0xC0 ? 0 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF8 ? 4 : 0;
  *c = b;
  if (length <= 1)
    return length;
  if (length > n)
    return 0;
  *c = b & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) {
    if (!is_trail(s[i]))
      return 0;
    *c = *c << 6 | ((uint8_t)s[i] & 0x3F);
  }
  return *c < least[length] || *c > 0x10FFFF || (*c >= 0xD800 && *c < 0xE000) ? 0 : length;
}

/* Bytes of the character that s begins with; 0 when it is malformed (n >= 1). */
static size_t utf8_length(const char *s, size_t n) {
  uint32_t c;
  return utf8_decode(s, n, &c);
}

bool text_append(struct encoder *e, struct text *out, const char *s, size_t n) {
  if (e->failed || n > MOST_BYTES - out->n) {
    e->failed = true;
    return false;
  }
  if (out->cap - out->n < n) {
    size_t cap = out->cap + out->cap / 2 + n + 64;
    char *at = realloc(out->at, cap);
    if (!at) {
      e->failed = true;
      return false;
    }
    out->at = at;
    out->cap = cap;
  }
  if (n)
    memcpy(out->at + out->n, s, n);
  out->n += n;
  return true;
}

/* ---- SentencePiece's normalizer ---- */

/* What a prefix of the text becomes. */
struct mapped_text {
  const char *to;
  size_t n, consumed;
};

/* Longest key of the double array that s begins with: its length, 0 for none, and its value. A unit holds a
 * label (bits 0-7, bit 31 set in values), a leaf mark (bit 8) and the offset to the children (bits 10-30,
 * times 256 where bit 9 is set). */
static size_t trie_longest(const struct tokenizer_table *trie, const char *s, size_t n, uint32_t *value) {
  const uint32_t *unit = trie->at;
  size_t longest = 0;
  uint32_t node = 0;
  if (trie->count == 0)
    return 0;
  for (size_t i = 0;; i++) {
    uint32_t u = unit[node];
    node ^= (u >> 10) << ((u & 1u << 9) >> 6);
    if (i && u >> 8 & 1 && node < trie->count) {
      *value = unit[node] & 0x7FFFFFFF;
      longest = i;
    }
    if (i == n)
      return longest;
    node ^= (uint8_t)s[i];
    if (node >= trie->count || (unit[node] & (1u << 31 | 0xFF)) != (uint8_t)s[i])
      return longest;
  }
}

static struct mapped_text map_prefix(const struct tokenizer *t, const char *s, size_t n) {
  const struct tokenizer_match *m = tokenizer_match_prefix(t, TOKENIZER_SYMBOLS, s, n, 0);
  if (m)
    return (struct mapped_text){s, m->text.n, m->text.n};
  uint32_t value;
  size_t length = trie_longest(&t->table[TOKENIZER_TRIE], s, n, &value);
  if (length && value < t->table[TOKENIZER_REPLACEMENTS].count) {
    const char *to = (const char *)t->table[TOKENIZER_REPLACEMENTS].at + value;
    return (struct mapped_text){to, strlen(to), length};
  }
  length = utf8_length(s, n);
  return length ? (struct mapped_text){s, length, length}
                : (struct mapped_text){REPLACEMENT_CHARACTER, strlen(REPLACEMENT_CHARACTER), 1};
}

static void append_blank(struct encoder *e, struct text *out) {
  if (e->t->flags & TOKENIZER_ESCAPE)
    text_append(e, out, TOKENIZER_BLANK, TOKENIZER_BLANK_BYTES);
  else
    text_append(e, out, " ", 1);
}

/* Appends with every ' ' written as a blank. */
static void append_escaped(struct encoder *e, struct text *out, const char *s, size_t n) {
  for (size_t i = 0; i < n;) {
    const char *space = memchr(s + i, ' ', n - i);
    size_t run = space ? (size_t)(space - (s + i)) : n - i;
    text_append(e, out, s + i, run);
    i += run;
    if (space) {
      append_blank(e, out);
      i++;
    }
  }
}

static void remove_trailing_blanks(const struct tokenizer *t, struct text *out) {
  bool escape = t->flags & TOKENIZER_ESCAPE;
  const char *blank = escape ? TOKENIZER_BLANK : " ";
  size_t n = escape ? TOKENIZER_BLANK_BYTES : 1;
  while (out->n >= n && memcmp(out->at + out->n - n, blank, n) == 0)
    out->n -= n;
}

void normalize_sentencepiece(struct encoder *e, const char *s, size_t n, bool first, struct text *out) {
  const struct tokenizer *t = e->t;
  bool remove_extra = t->flags & TOKENIZER_REMOVE_EXTRA, suffix = t->flags & TOKENIZER_DUMMY_IS_SUFFIX;
  bool dummy = t->flags & TOKENIZER_ADD_DUMMY && (first || !(t->flags & TOKENIZER_DUMMY_FIRST));
  size_t i = 0;
  while (remove_extra && i < n) { /* blanks in front, also those that the map makes */
    struct mapped_text m = map_prefix(t, s + i, n - i);
    if (m.n != 1 || *m.to != ' ')
      break;
    i += m.consumed;
  }
  if (i == n)
    return;
  if (dummy && !suffix)
    append_blank(e, out);
  for (bool after_blank = remove_extra; i < n && !e->failed;) {
    struct mapped_text m = map_prefix(t, s + i, n - i);
    i += m.consumed;
    while (after_blank && m.n && *m.to == ' ')
      m.to++, m.n--;
    append_escaped(e, out, m.to, m.n);
    if (m.n)
      after_blank = remove_extra && m.to[m.n - 1] == ' ';
  }
  if (remove_extra)
    remove_trailing_blanks(t, out);
  if (dummy && suffix)
    append_blank(e, out);
}

/* ---- tokenizer.json: added tokens, normalizer, pre-tokenizer ---- */

/* Length of the White_Space character (Unicode) at s; 0: something else. */
static size_t white_length(const char *s, size_t n) {
  static const char *const white[] = {
      "\t",           "\n",           "\v",           "\f",           "\r",           " ",
      "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
      "\xE2\x81\x9F", "\xE3\x80\x80",
  };
  for (size_t i = 0; i < sizeof white / sizeof *white; i++) {
    size_t k = strlen(white[i]);
    if (k <= n && memcmp(white[i], s, k) == 0)
      return k;
  }
  bool general_spaces =
      n >= 3 && memcmp(s, "\xE2\x80", 2) == 0 && (uint8_t)s[2] >= 0x80 && (uint8_t)s[2] <= 0x8A;
  return general_spaces ? 3 : 0;
}

static size_t white_before(const char *s, size_t from, size_t at) {
  while (at > from) {
    size_t back = 1;
    while (back < 3 && at - back > from && is_trail(s[at - back]))
      back++;
    if (white_length(s + at - back, back) != back)
      break;
    at -= back;
  }
  return at;
}

static size_t white_after(const char *s, size_t n, size_t at) {
  for (size_t k; at < n && (k = white_length(s + at, n - at)); at += k)
    ;
  return at;
}

/* An added token in a text, with the blanks that belong to it. */
struct cut {
  size_t start, stop;
  uint32_t id;
};

/* Whether words are made of the character at s. */
static bool is_word(const struct tokenizer *t, const char *s, size_t n) {
  const struct tokenizer_range *range = t->table[TOKENIZER_WORDS].at;
  uint32_t from = 0, to = t->table[TOKENIZER_WORDS].count, c;
  size_t length = utf8_decode(s, n, &c);
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (range[middle].last < c)
      from = middle + 1;
    else
      to = middle;
  }
  return length && from < t->table[TOKENIZER_WORDS].count && range[from].first <= c;
}

static bool within_word(const struct tokenizer *t, const char *s, size_t n, size_t from, size_t to) {
  size_t back = from ? from - 1 : 0;
  while (back && is_trail(s[back]))
    back--;
  return (from && is_word(t, s + back, from - back)) || (to < n && is_word(t, s + to, n - to));
}

/* The next added token from *scan on; text before `done` is taken already. */
static bool next_cut(const struct encoder *e, enum tokenizer_section section, const char *s, size_t n,
                     size_t done, size_t *scan, struct cut *cut) {
  const struct tokenizer *t = e->t;
  uint32_t without = e->special ? 0 : TOKENIZER_SPECIAL;
  if (t->table[section].count == 0)
    return false;
  for (size_t i = *scan; i < n; i++) {
    bool begins = t->starts[(uint8_t)s[i]] >> section & 1;
    const struct tokenizer_match *m =
        begins ? tokenizer_match_prefix(t, section, s + i, n - i, without) : NULL;
    if (!m)
      continue;
    if (m->how & TOKENIZER_SINGLE_WORD && within_word(t, s, n, i, i + m->text.n)) {
      i += m->text.n - 1;
      continue;
    }
    *cut = (struct cut){i, i + m->text.n, m->id};
    *scan = cut->stop;
    if (m->how & TOKENIZER_STRIP_LEFT)
      cut->start = white_before(s, done < i ? done : i, i);
    if (m->how & TOKENIZER_STRIP_RIGHT)
      cut->stop = white_after(s, n, cut->stop);
    return true;
  }
  return false;
}

bool text_is_chat(const struct tokenizer *t, const char *s, size_t n) {
  for (size_t i = 0; t->table[TOKENIZER_ADDED].count && i < n; i++) {
    bool begins = t->starts[(uint8_t)s[i]] >> TOKENIZER_ADDED & 1;
    const struct tokenizer_match *m =
        begins ? tokenizer_match_prefix(t, TOKENIZER_ADDED, s + i, n - i, 0) : NULL;
    if (m && m->how & TOKENIZER_MARKER)
      return true;
  }
  return false;
}

/* Calls `take` for each stretch of text between the added tokens of a section, and puts those in between. */
static void cut_out(struct encoder *e, enum tokenizer_section section, const char *s, size_t n, bool first,
                    take_stretch *take) {
  size_t done = 0, scan = 0;
  for (;;) {
    struct cut cut;
    bool found = next_cut(e, section, s, n, done, &scan, &cut);
    size_t stop = found ? cut.start : n;
    if (done < stop)
      take(e, s + done, stop - done, first && done == 0);
    if (!found || e->stopped)
      return;
    encoder_put_added(e, s + cut.start, cut.stop - cut.start, cut.id);
    done = cut.stop;
  }
}

static void encode_words(struct encoder *e, const char *s, size_t n) {
  for (size_t i = 0, next; i < n; i = next) {
    const char *blank = memmem(s + i + 1, n - i - 1, TOKENIZER_BLANK, TOKENIZER_BLANK_BYTES);
    next = blank ? (size_t)(blank - s) : n;
    encode_word(e, s + i, next - i);
  }
}

/* The pre-tokenizer. */
static void pretokenize(struct encoder *e, const char *s, size_t n, bool first) {
  struct text out = {0};
  uint32_t flags = e->t->flags;
  bool has_blank = (n >= TOKENIZER_BLANK_BYTES && memcmp(s, TOKENIZER_BLANK, TOKENIZER_BLANK_BYTES) == 0) ||
                   (flags & TOKENIZER_META_REPLACE && *s == ' ');
  if (flags & TOKENIZER_META_PREPEND && !has_blank && (first || !(flags & TOKENIZER_META_FIRST)))
    append_blank(e, &out);
  if (flags & TOKENIZER_META_REPLACE)
    append_escaped(e, &out, s, n);
  else
    text_append(e, &out, s, n);
  if (!e->failed && flags & TOKENIZER_META_SPLIT)
    encode_words(e, out.at, out.n);
  else if (!e->failed)
    encode_word(e, out.at, out.n);
  free(out.at);
}

void encode_cut_text(struct encoder *e, enum tokenizer_section section, const char *s, size_t n,
                     take_stretch *take) {
  cut_out(e, section, s, n, true, take);
}

/* The normalizer, then added tokens that are looked for in its result. */
static void encode_stretch(struct encoder *e, const char *s, size_t n, bool first) {
  struct text out = {0};
  if (e->t->flags & TOKENIZER_PREPEND)
    append_blank(e, &out);
  if (e->t->flags & TOKENIZER_REPLACE)
    append_escaped(e, &out, s, n);
  else
    text_append(e, &out, s, n);
  if (!e->failed)
    cut_out(e, TOKENIZER_LATE_ADDED, out.at, out.n, first, pretokenize);
  free(out.at);
}

/* Valid UTF-8: each byte that is part of no character becomes U+FFFD. */
static void repair(struct encoder *e, const char *s, size_t n, struct text *out) {
  for (size_t i = 0, k; i < n; i += k ? k : 1) {
    k = utf8_length(s + i, n - i);
    text_append(e, out, k ? s + i : REPLACEMENT_CHARACTER, k ? k : strlen(REPLACEMENT_CHARACTER));
  }
}

/* A text by a tokenizer.json; SentencePiece's normalizer sees to bytes that are no characters itself. */
void encode_json(struct encoder *e, const char *s, size_t n) {
  struct text valid = {0};
  repair(e, s, n, &valid);
  if (!e->failed)
    encode_cut_text(e, TOKENIZER_ADDED, valid.at, valid.n, encode_stretch);
  free(valid.at);
}
