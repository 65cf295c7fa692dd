/* tokenizer_split.c: words of a byte-level tokenizer: what lies between added tokens is cut up by the rules
 * of the block, each an alternative of the pattern that the pre-tokenizer has.
 *
 * The text is taken as it is. A byte that belongs to no character counts as U+FFFD does, and stays what it
 * is. Most words come again and again, so the ids of short ones are kept. */
#include "runtime/text/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 30 }; /* of a text: offsets are 32 bits */

/* ---- words whose ids are known ---- */

enum { KNOWN_BYTES = 22, KNOWN_IDS = 10, KNOWN_WORDS = 1 << 14, FROM_TEXT = 4096 };

struct known_word {
  uint32_t ids[KNOWN_IDS];
  uint8_t n, n_ids; /* n 0: none */
  char bytes[KNOWN_BYTES];
};

static void remember(struct encoder *e, struct known_word *k, const char *s, size_t n, size_t from) {
  size_t count = e->n_ids - from;
  if (e->failed || count > KNOWN_IDS)
    return;
  k->n = (uint8_t)n;
  k->n_ids = (uint8_t)count;
  memcpy(k->bytes, s, n);
  if (count)
    memcpy(k->ids, e->ids + from, count * sizeof *k->ids);
}

static void put_word(struct encoder *e, const char *s, size_t n) {
  if (!e->known || n > KNOWN_BYTES) {
    encode_word(e, s, n);
    return;
  }
  struct known_word *k = &e->known[tokenizer_hash(s, n) % KNOWN_WORDS];
  if (k->n != n || memcmp(k->bytes, s, n) != 0) {
    size_t from = e->n_ids;
    encode_word(e, s, n);
    remember(e, k, s, n, from);
    return;
  }
  for (uint8_t i = 0; i < k->n_ids; i++)
    encoder_put(e, k->ids[i]);
}

/* ---- rules ---- */

/* A stretch of text, and what its characters are told apart by. */
struct stretch {
  const char *s;
  size_t n;
  const uint8_t *page, *class;
};

/* Bytes of the character at `at` if its class is in the set; 0: it is not, or the stretch ends there. */
static inline size_t step(const struct stretch *x, size_t at, uint64_t set) {
  uint32_t c;
  if (at == x->n)
    return 0;
  uint8_t byte = (uint8_t)x->s[at];
  if (byte < 0x80)
    return set >> x->class[x->page[0] * TOKENIZER_PAGE + byte] & 1;
  size_t length = utf8_decode(x->s + at, x->n - at, &c);
  if (!length)
    return set >> TOKENIZER_CLASS_OTHER & 1;
  return set >> x->class[x->page[c / TOKENIZER_PAGE] * TOKENIZER_PAGE + c % TOKENIZER_PAGE] & 1 ? length : 0;
}

/* Where a run of at most `most` characters (0: any number) of a set ends. */
static size_t run_end(const struct stretch *x, size_t at, uint64_t set, uint32_t most) {
  size_t length;
  for (uint32_t i = 0; (!most || i < most) && (length = step(x, at, set)); i++)
    at += length;
  return at;
}

/* Each of these: where the word that begins at `at` ends by the rule; `at` when it is none. */

static size_t match_ending(const struct stretch *x, size_t at, const struct tokenizer_rule *r) {
  static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
  const char *s = x->s + at;
  if (*s != '\'')
    return at;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t n = strlen(endings[i]);
    if (x->n - at > n && (r->most ? strncasecmp : strncmp)(s + 1, endings[i], n) == 0)
      return at + 1 + n;
  }
  /* U+017F, which is an s by Unicode's folding of case */
  return r->most && x->n - at > 2 && memcmp(s + 1, "\xC5\xBF", 2) == 0 ? at + 3 : at;
}

static size_t match_run(const struct stretch *x, size_t at, const struct tokenizer_rule *r) {
  size_t from = at + step(x, at, r->lead), end = run_end(x, from, r->body, r->most);
  if (end == from && from != at) {
    from = at;
    end = run_end(x, at, r->body, r->most);
  }
  return end == from ? at : run_end(x, end, r->tail, 0);
}

static size_t match_until(const struct stretch *x, size_t at, const struct tokenizer_rule *r) {
  size_t end = at;
  for (size_t length; (length = step(x, at, r->body)); at += length)
    if (step(x, at, r->tail))
      end = at + length;
  return end;
}

static size_t match_before(const struct stretch *x, size_t at, const struct tokenizer_rule *r) {
  size_t last = at;
  for (size_t length; (length = step(x, at, r->body)); at += length)
    last = at;
  return at == x->n ? at : last;
}

static size_t word_end(const struct tokenizer *t, const struct stretch *x, size_t at) {
  static size_t (*const match[])(const struct stretch *, size_t, const struct tokenizer_rule *) = {
      [TOKENIZER_ENDING] = match_ending,
      [TOKENIZER_RUN] = match_run,
      [TOKENIZER_UNTIL] = match_until,
      [TOKENIZER_BEFORE] = match_before,
  };
  const struct tokenizer_rule *rule = t->table[TOKENIZER_RULES].at;
  for (uint32_t i = 0; i < t->table[TOKENIZER_RULES].count; i++) {
    size_t end = match[rule[i].kind](x, at, &rule[i]);
    if (end != at)
      return end;
  }
  return at;
}

/* What no rule takes is a word as far as the next place where one does. */
static size_t gap_end(const struct tokenizer *t, const struct stretch *x, size_t at) {
  do
    at += step(x, at, UINT64_MAX);
  while (at < x->n && word_end(t, x, at) == at);
  return at;
}

static void split(struct encoder *e, const char *s, size_t n) {
  const struct tokenizer *t = e->t;
  struct stretch x = {s, n, t->table[TOKENIZER_PAGES].at, t->table[TOKENIZER_CLASSES].at};
  for (size_t at = 0, end; at < n && !e->failed; at = end) {
    end = word_end(t, &x, at);
    if (end == at)
      end = gap_end(t, &x, at);
    if (encoder_stops(e, s + at, end - at))
      return;
    if (e->take)
      e->take(e->context, s + at, end - at, false);
    else
      put_word(e, s + at, end - at);
  }
}

/* ---- stretches ---- */

static void split_prefixed(struct encoder *e, const char *s, size_t n, bool first) {
  (void)first; /* each stretch gets its blank */
  struct text out = {0};
  if (!(e->t->flags & TOKENIZER_PREFIX_SPACE) || *s == ' ') {
    split(e, s, n);
    return;
  }
  if (text_append(e, &out, " ", 1) && text_append(e, &out, s, n))
    split(e, out.at, out.n);
  free(out.at);
}

/* The normalizer, then added tokens that are looked for in its result. */
static void cut_late(struct encoder *e, const char *s, size_t n, bool first) {
  (void)first;
  struct text out = {0};
  if (!(e->t->flags & TOKENIZER_NFC)) {
    encode_cut_text(e, TOKENIZER_LATE_ADDED, s, n, split_prefixed);
    return;
  }
  normalize_nfc(e, s, n, &out);
  if (!e->failed)
    encode_cut_text(e, TOKENIZER_LATE_ADDED, out.at, out.n, split_prefixed);
  free(out.at);
}

void encode_byte_level(struct encoder *e, const char *s, size_t n) {
  if (n > MOST_BYTES) {
    e->failed = true;
    return;
  }
  if (n >= FROM_TEXT && !e->take && !(e->known = calloc(KNOWN_WORDS, sizeof *e->known))) {
    e->failed = true;
    return;
  }
  encode_cut_text(e, TOKENIZER_ADDED, s, n, cut_late);
}

/* A token that is a single word asks for the character in front of it, which an earlier part may have. */
bool tokenizer_takes_parts(const struct tokenizer *t) {
  uint32_t copied = TOKENIZER_PREFIX_SPACE | TOKENIZER_NFC;
  return (t->flags & (TOKENIZER_BYTE_LEVEL | copied)) == TOKENIZER_BYTE_LEVEL &&
         !t->table[TOKENIZER_WORDS].count;
}
