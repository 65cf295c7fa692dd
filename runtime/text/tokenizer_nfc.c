/* tokenizer_nfc.c: Unicode's normalization form C, by the tables of the block.
 *
 * A character that nothing before it can change begins a segment. A segment of that character alone, which is
 * nearly all text, is as it should be; another is decomposed, its marks are put in order, and it is composed
 * again. A byte that belongs to no character is such a beginning, and stays what it is. */
#include "runtime/text/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

enum { /* Hangul, whose syllables are computed */
       LEADS = 0x1100,
       VOWELS = 0x1161,
       TAILS = 0x11A7,
       SYLLABLES = 0xAC00,
       LEAD_COUNT = 19,
       VOWEL_COUNT = 21,
       TAIL_COUNT = 28,
       SYLLABLE_COUNT = LEAD_COUNT * VOWEL_COUNT * TAIL_COUNT
};
enum { RAW_BYTE = 0x80000000 }; /* in a code: a byte that belongs to no character */

struct mark {
  uint32_t code, class;
  size_t at; /* so that sorting keeps the order of equal classes */
};

struct nfc_segment {
  struct encoder *e;
  struct mark *at;
  size_t n, room;
};

/* The combining class; 0: it begins a segment; TOKENIZER_NFC_JOINS: class 0, and what is before may change
 * it. */
static uint32_t class_of(const struct tokenizer *t, uint32_t c) {
  const uint8_t *page = t->table[TOKENIZER_NFC_PAGES].at, *class = t->table[TOKENIZER_NFC_CLASSES].at;
  return c & RAW_BYTE ? 0 : class[page[c / TOKENIZER_PAGE] * TOKENIZER_PAGE + c % TOKENIZER_PAGE];
}

static uint32_t character(const char *s, size_t n, size_t *length) {
  uint32_t c;
  *length = utf8_decode(s, n, &c);
  if (*length)
    return c;
  *length = 1;
  return RAW_BYTE | (uint8_t)*s;
}

/* ---- decomposition ---- */

static void add_code(struct nfc_segment *x, uint32_t c) {
  uint32_t class = class_of(x->e->t, c);
  if (encoder_room(x->e, &x->at, x->n, &x->room, sizeof *x->at)) {
    x->at[x->n] = (struct mark){c, class == TOKENIZER_NFC_JOINS ? 0 : class, x->n};
    x->n++;
  }
}

static void add_decomposed(struct nfc_segment *x, uint32_t c) {
  const struct tokenizer *t = x->e->t;
  const struct tokenizer_decomposition *d = t->table[TOKENIZER_DECOMPOSITIONS].at;
  const uint32_t *codes = t->table[TOKENIZER_DECOMPOSED].at;
  uint32_t from = 0, to = t->table[TOKENIZER_DECOMPOSITIONS].count;
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (d[middle].code < c)
      from = middle + 1;
    else
      to = middle;
  }
  if (from == t->table[TOKENIZER_DECOMPOSITIONS].count || d[from].code != c) {
    add_code(x, c);
    return;
  }
  for (uint32_t i = 0; i < d[from].n; i++)
    add_code(x, codes[d[from].at + i]);
}

static int by_class(const void *pa, const void *pb) {
  const struct mark *a = pa, *b = pb;
  return a->class != b->class ? (a->class > b->class) - (a->class < b->class)
                              : (a->at > b->at) - (a->at < b->at);
}

/* Marks that follow each other stand by their classes. */
static void order_marks(struct nfc_segment *x) {
  for (size_t i = 0, next; i < x->n; i = next) {
    bool ordered = true;
    for (next = i; next < x->n && x->at[next].class; next++)
      ordered &= next == i || x->at[next - 1].class <= x->at[next].class;
    if (!ordered)
      qsort(x->at + i, next - i, sizeof *x->at, by_class);
    next += next == i;
  }
}

/* ---- composition ---- */

/* What two characters compose to; 0: nothing. */
static uint32_t composed(const struct tokenizer *t, uint32_t first, uint32_t second) {
  const struct tokenizer_composition *p = t->table[TOKENIZER_COMPOSITIONS].at;
  uint32_t from = 0, to = t->table[TOKENIZER_COMPOSITIONS].count, n = to;
  if (first - LEADS < LEAD_COUNT && second - VOWELS < VOWEL_COUNT)
    return SYLLABLES + ((first - LEADS) * VOWEL_COUNT + (second - VOWELS)) * TAIL_COUNT;
  if (first - SYLLABLES < SYLLABLE_COUNT && (first - SYLLABLES) % TAIL_COUNT == 0 &&
      second - (TAILS + 1) < TAIL_COUNT - 1)
    return first + (second - TAILS);
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (p[middle].first < first || (p[middle].first == first && p[middle].second < second))
      from = middle + 1;
    else
      to = middle;
  }
  return from < n && p[from].first == first && p[from].second == second ? p[from].result : 0;
}

/* A mark joins the last character of class 0, unless one of its class or a higher one stands between them. */
static void compose(struct nfc_segment *x) {
  size_t n = 0, starter = SIZE_MAX;
  for (size_t i = 0; i < x->n; i++) {
    struct mark m = x->at[i];
    bool near = starter != SIZE_MAX && (n == starter + 1 || x->at[n - 1].class < m.class);
    uint32_t joint = near ? composed(x->e->t, x->at[starter].code, m.code) : 0;
    if (joint) {
      x->at[starter].code = joint;
      continue;
    }
    if (m.class == 0)
      starter = n;
    x->at[n++] = m;
  }
  x->n = n;
}

/* ---- text ---- */

static void append_code(struct encoder *e, uint32_t c, struct text *out) {
  char s[4];
  size_t n = c & RAW_BYTE || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  if (n == 1)
    s[0] = (char)c;
  for (size_t i = n; n > 1 && i-- > 1; c >>= 6)
    s[i] = (char)(0x80 | (c & 0x3F));
  if (n > 1)
    s[0] = (char)(heads[n] | c);
  text_append(e, out, s, n);
}

/* The segment that begins at s, and where the next one does. */
static size_t append_segment(struct nfc_segment *x, const char *s, size_t n, struct text *out) {
  size_t at = 0, length;
  x->n = 0;
  while (at < n && !x->e->failed) {
    uint32_t c = character(s + at, n - at, &length);
    if (at && class_of(x->e->t, c) == 0)
      break;
    add_decomposed(x, c);
    at += length;
  }
  order_marks(x);
  compose(x);
  for (size_t i = 0; i < x->n && !x->e->failed; i++)
    append_code(x->e, x->at[i].code, out);
  return at;
}

void normalize_nfc(struct encoder *e, const char *s, size_t n, struct text *out) {
  struct nfc_segment x = {.e = e};
  size_t done = 0, begin = 0, length;
  for (size_t at = 0; at < n && !e->failed; at += length) {
    uint32_t c = character(s + at, n - at, &length);
    if (class_of(e->t, c) == 0) {
      begin = at;
      continue;
    }
    text_append(e, out, s + done, begin - done);
    done = begin + append_segment(&x, s + begin, n - begin, out);
    at = begin = done;
    length = 0;
  }
  text_append(e, out, s + done, n - done);
  free(x.at);
}
