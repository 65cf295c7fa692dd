/* tokenizer.c: opens the tokenizer's block, and turns ids into text.
 *
 * The block is checked whole once (a checksum against damage, then every span, id and table size against
 * crafted input) and then used in place: no table of size is built at start-up. Encoding is in
 * tokenizer_text.c (normalization), tokenizer_split.c (words of a byte-level tokenizer), tokenizer_nfc.c and
 * tokenizer_merge.c (byte-pair merges). */
#include "runtime/text/tokenizer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t record_size[TOKENIZER_SECTIONS] = {
    [TOKENIZER_TOKENS] = sizeof(struct tokenizer_token),
    [TOKENIZER_PIECES] = sizeof(uint32_t),
    [TOKENIZER_BYTES] = sizeof(uint32_t),
    [TOKENIZER_MERGES] = sizeof(struct tokenizer_merge),
    [TOKENIZER_MERGE_SLOTS] = sizeof(uint32_t),
    [TOKENIZER_SYMBOLS] = sizeof(struct tokenizer_match),
    [TOKENIZER_ADDED] = sizeof(struct tokenizer_match),
    [TOKENIZER_LATE_ADDED] = sizeof(struct tokenizer_match),
    [TOKENIZER_TRIE] = sizeof(uint32_t),
    [TOKENIZER_REPLACEMENTS] = 1,
    [TOKENIZER_STRINGS] = 1,
    [TOKENIZER_PREFIX] = sizeof(uint32_t),
    [TOKENIZER_SUFFIX] = sizeof(uint32_t),
    [TOKENIZER_ENDS] = sizeof(uint32_t),
    [TOKENIZER_WORDS] = sizeof(struct tokenizer_range),
    [TOKENIZER_RULES] = sizeof(struct tokenizer_rule),
    [TOKENIZER_PAGES] = 1,
    [TOKENIZER_CLASSES] = 1,
    [TOKENIZER_NFC_PAGES] = 1,
    [TOKENIZER_NFC_CLASSES] = 1,
    [TOKENIZER_DECOMPOSITIONS] = sizeof(struct tokenizer_decomposition),
    [TOKENIZER_DECOMPOSED] = sizeof(uint32_t),
    [TOKENIZER_COMPOSITIONS] = sizeof(struct tokenizer_composition),
};

/* ---- checks: each returns what is wrong, or NULL ---- */

static const char *check_header(const void *block, size_t bytes) {
  const struct tokenizer_header *h = block;
  if ((uintptr_t)block % TOKENIZER_ALIGN != 0)
    return "it does not start on a multiple of 8 bytes";
  if (bytes >= sizeof h->magic && memcmp(h->magic, TOKENIZER_MAGIC, sizeof h->magic - 1) == 0 &&
      h->magic[7] != TOKENIZER_MAGIC[7])
    return "another version of ternc packed it; build the model again with this one";
  if (bytes < sizeof *h || memcmp(h->magic, TOKENIZER_MAGIC, sizeof h->magic) != 0)
    return "it is not a tokenizer";
  if (h->bytes > bytes || h->bytes < sizeof *h || h->bytes % TOKENIZER_ALIGN != 0)
    return "it is cut short";
  if (tokenizer_checksum((const char *)block + TOKENIZER_CHECKED_FROM, h->bytes - TOKENIZER_CHECKED_FROM) !=
      h->checksum)
    return "its checksum does not match";
  if (h->flags & ~(uint32_t)TOKENIZER_ALL_FLAGS)
    return "it has flags of a later version";
  return NULL;
}

static const char *check_sections(struct tokenizer *t) {
  const struct tokenizer_header *h = t->header;
  for (int i = 0; i < TOKENIZER_SECTIONS; i++) {
    uint64_t at = h->section[i].at, size = (uint64_t)h->section[i].count * record_size[i];
    if (at % TOKENIZER_ALIGN != 0 || at < sizeof *h || at > h->bytes || size > h->bytes - at)
      return "a table leaves the block";
    t->table[i] = (struct tokenizer_table){(const char *)h + at, h->section[i].count};
  }
  return NULL;
}

static bool span_ok(const struct tokenizer *t, struct tokenizer_span s) {
  return (uint64_t)s.at + s.n <= t->table[TOKENIZER_STRINGS].count;
}

static const char *check_tokens(struct tokenizer *t) {
  uint32_t n = t->table[TOKENIZER_TOKENS].count;
  if (n == 0 || n > TOKENIZER_MAX_TOKENS)
    return "its number of tokens is out of range";
  for (uint32_t i = 0; i < n; i++) {
    const struct tokenizer_token *k = &t->tokens[i];
    if (!span_ok(t, k->piece) || !span_ok(t, k->text) || k->piece.n > TOKENIZER_MAX_PIECE)
      return "a token's text leaves the block";
    if (k->type < TOKENIZER_NORMAL || k->type > TOKENIZER_BYTE)
      return "a token has no known type";
    t->has_unused |= k->type == TOKENIZER_UNUSED;
  }
  if (t->header->unk < -1 || t->header->unk >= (int32_t)n || t->header->bos < -1 || t->header->eos < -1)
    return "a special token is out of range";
  return NULL;
}

/* Hash tables: a power of two of slots, and at least one empty, so that a search ends. */
static const char *check_slots(const struct tokenizer *t, enum tokenizer_section slots, uint32_t entries) {
  const uint32_t *slot = t->table[slots].at;
  uint32_t n = t->table[slots].count, empty = 0;
  if (n == 0 || (n & (n - 1)) != 0)
    return "a hash table's size is not a power of two";
  for (uint32_t i = 0; i < n; i++) {
    empty += slot[i] == 0;
    if (slot[i] > entries)
      return "a hash table leaves its entries";
  }
  return empty ? NULL : "a hash table has no room";
}

static const char *check_merges(const struct tokenizer *t) {
  const struct tokenizer_merge *m = t->table[TOKENIZER_MERGES].at;
  uint32_t tokens = t->table[TOKENIZER_TOKENS].count;
  for (uint32_t i = 0; i < t->table[TOKENIZER_MERGES].count; i++)
    if (m[i].left >= tokens || m[i].right >= tokens || m[i].result >= tokens)
      return "a merge has a token out of range";
  return check_slots(t, TOKENIZER_MERGE_SLOTS, t->table[TOKENIZER_MERGES].count);
}

static int compare_spans(const struct tokenizer *t, struct tokenizer_span a, struct tokenizer_span b) {
  int c = memcmp(t->strings + a.at, t->strings + b.at, a.n < b.n ? a.n : b.n);
  return c ? c : (a.n > b.n) - (a.n < b.n);
}

static const char *check_matches(struct tokenizer *t, enum tokenizer_section section) {
  const struct tokenizer_match *m = t->table[section].at;
  for (uint32_t i = 0; i < t->table[section].count; i++) {
    if (!span_ok(t, m[i].text) || m[i].text.n == 0 || m[i].id >= t->table[TOKENIZER_TOKENS].count ||
        m[i].how & ~(uint32_t)TOKENIZER_ALL_HOW)
      return "an added token is out of range";
    if (i && compare_spans(t, m[i - 1].text, m[i].text) >= 0)
      return "added tokens are out of order";
    t->starts[(uint8_t)t->strings[m[i].text.at]] |= 1u << section;
    if (section != TOKENIZER_SYMBOLS && m[i].text.n > t->longest_added)
      t->longest_added = m[i].text.n;
  }
  return NULL;
}

static const char *check_bytes_and_charsmap(const struct tokenizer *t) {
  struct tokenizer_table bytes = t->table[TOKENIZER_BYTES], to = t->table[TOKENIZER_REPLACEMENTS];
  if (bytes.count != 0 && bytes.count != 256)
    return "its byte tokens are incomplete";
  for (uint32_t i = 0; i < bytes.count; i++) {
    uint32_t id = ((const uint32_t *)bytes.at)[i];
    bool none = id == TOKENIZER_NO_BYTE && t->flags & TOKENIZER_BYTE_LEVEL;
    if (id >= t->table[TOKENIZER_TOKENS].count && !none)
      return "a byte token is out of range";
  }
  /* values of the trie are checked where they are used; strings end because the last byte is a zero */
  if (to.count && ((const char *)to.at)[to.count - 1] != 0)
    return "its character map does not end";
  return NULL;
}

/* A byte for each code point: pages of `classes` that lie in it. */
static bool pages_ok(const struct tokenizer *t, enum tokenizer_section pages,
                     enum tokenizer_section classes) {
  const uint8_t *page = t->table[pages].at;
  bool ok = t->table[pages].count == TOKENIZER_PAGE_COUNT;
  for (uint32_t i = 0; ok && i < TOKENIZER_PAGE_COUNT; i++)
    ok = (page[i] + 1u) * TOKENIZER_PAGE <= t->table[classes].count;
  return ok;
}

static const char *check_nfc(const struct tokenizer *t) {
  const struct tokenizer_decomposition *d = t->table[TOKENIZER_DECOMPOSITIONS].at;
  const struct tokenizer_composition *c = t->table[TOKENIZER_COMPOSITIONS].at;
  const uint32_t *code = t->table[TOKENIZER_DECOMPOSED].at, codes = t->table[TOKENIZER_DECOMPOSED].count;
  bool ok = pages_ok(t, TOKENIZER_NFC_PAGES, TOKENIZER_NFC_CLASSES);
  for (uint32_t i = 0; i < t->table[TOKENIZER_DECOMPOSITIONS].count; i++)
    ok = ok && (uint64_t)d[i].at + d[i].n <= codes;
  for (uint32_t i = 0; i < codes; i++)
    ok = ok && code[i] <= 0x10FFFF;
  for (uint32_t i = 0; i < t->table[TOKENIZER_COMPOSITIONS].count; i++)
    ok = ok && c[i].result <= 0x10FFFF;
  return ok ? NULL : "its tables of normalization leave their bounds";
}

/* What a byte-level tokenizer has and others need not. */
static const char *check_rules(const struct tokenizer *t) {
  const struct tokenizer_rule *rule = t->table[TOKENIZER_RULES].at;
  const uint8_t *class = t->table[TOKENIZER_CLASSES].at;
  uint32_t rules = t->table[TOKENIZER_RULES].count, classes = t->table[TOKENIZER_CLASSES].count;
  if (!(t->flags & TOKENIZER_BYTE_LEVEL))
    return t->flags & (TOKENIZER_PREFIX_SPACE | TOKENIZER_NFC) ? "its flags contradict each other" : NULL;
  if (!(t->flags & TOKENIZER_PAIR_MERGES) || t->table[TOKENIZER_BYTES].count != 256 ||
      !pages_ok(t, TOKENIZER_PAGES, TOKENIZER_CLASSES))
    return "its tables for bytes are incomplete";
  for (uint32_t i = 0; i < classes; i++)
    if (class[i] >= TOKENIZER_CLASS_COUNT)
      return "a character has no known class";
  for (uint32_t i = 0; i < rules; i++)
    if (rule[i].kind < TOKENIZER_ENDING || rule[i].kind > TOKENIZER_BEFORE)
      return "a rule for words has no known kind";
  if (rules > TOKENIZER_MAX_RULES)
    return "it has too many rules for words";
  return t->flags & TOKENIZER_NFC ? check_nfc(t) : NULL;
}

static const char *check(struct tokenizer *t, const void *block, size_t bytes) {
  const char *wrong = check_header(block, bytes);
  if (wrong)
    return wrong;
  t->header = block;
  t->flags = t->header->flags;
  if ((wrong = check_sections(t)))
    return wrong;
  t->tokens = t->table[TOKENIZER_TOKENS].at;
  t->strings = t->table[TOKENIZER_STRINGS].at;
  if ((wrong = check_tokens(t)) || (wrong = check_merges(t)) ||
      (wrong = check_slots(t, TOKENIZER_PIECES, t->table[TOKENIZER_TOKENS].count)) ||
      (wrong = check_matches(t, TOKENIZER_SYMBOLS)) || (wrong = check_matches(t, TOKENIZER_ADDED)) ||
      (wrong = check_matches(t, TOKENIZER_LATE_ADDED)) || (wrong = check_rules(t)))
    return wrong;
  return check_bytes_and_charsmap(t);
}

struct tokenizer *tokenizer_open(const void *block, size_t bytes, char *error, size_t error_size) {
  struct tokenizer *t = calloc(1, sizeof *t);
  const char *wrong = t ? check(t, block, bytes) : "out of memory";
  if (wrong) {
    snprintf(error, error_size, "the tokenizer cannot be used: %s", wrong);
    free(t);
    return NULL;
  }
  return t;
}

void tokenizer_close(struct tokenizer *t) {
  free(t);
}

uint32_t tokenizer_size(const struct tokenizer *t) {
  return t->table[TOKENIZER_TOKENS].count;
}

int32_t tokenizer_bos(const struct tokenizer *t) {
  return t->header->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t) {
  return t->header->eos;
}

bool tokenizer_is_end(const struct tokenizer *t, uint32_t id) {
  const uint32_t *ends = t->table[TOKENIZER_ENDS].at;
  for (uint32_t i = 0; i < t->table[TOKENIZER_ENDS].count; i++)
    if (ends[i] == id)
      return true;
  return false;
}

const uint32_t *tokenizer_prefix(const struct tokenizer *t, size_t *n) {
  *n = t->table[TOKENIZER_PREFIX].count;
  return t->table[TOKENIZER_PREFIX].at;
}

const uint32_t *tokenizer_suffix(const struct tokenizer *t, size_t *n) {
  *n = t->table[TOKENIZER_SUFFIX].count;
  return t->table[TOKENIZER_SUFFIX].at;
}

const char *tokenizer_piece(const struct tokenizer *t, uint32_t id, bool first, size_t *n) {
  if (id >= tokenizer_size(t)) {
    *n = 0;
    return "";
  }
  const struct tokenizer_token *k = &t->tokens[id];
  const char *s = t->strings + k->text.at;
  bool drop = first && t->flags & TOKENIZER_DROP_FIRST_BLANK && k->type != TOKENIZER_UNKNOWN &&
              k->type != TOKENIZER_BYTE && k->text.n && *s == ' ';
  *n = k->text.n - drop;
  return s + drop;
}

/* ---- searches ---- */

uint32_t tokenizer_find_piece(const struct tokenizer *t, const char *s, size_t n, uint32_t types) {
  const uint32_t *slot = t->table[TOKENIZER_PIECES].at;
  uint32_t mask = t->table[TOKENIZER_PIECES].count - 1;
  for (uint32_t i = tokenizer_hash(s, n) & mask; slot[i]; i = (i + 1) & mask) {
    const struct tokenizer_token *k = &t->tokens[slot[i] - 1];
    if (k->piece.n == n && memcmp(t->strings + k->piece.at, s, n) == 0 && types >> k->type & 1)
      return slot[i] - 1;
  }
  return NO_ID;
}

/* First entry of [from, to) whose byte at `depth` is at least `byte` (all agree before `depth`). */
static uint32_t lower_bound(const struct tokenizer *t, const struct tokenizer_match *m, uint32_t from,
                            uint32_t to, uint32_t depth, int byte) {
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    int there = m[middle].text.n > depth ? (uint8_t)t->strings[m[middle].text.at + depth] : -1;
    if (there < byte)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

/* Entries are sorted by their bytes, so those that share a prefix are a range that each further byte narrows;
 * an entry that ends there comes first in it. */
const struct tokenizer_match *tokenizer_match_prefix(const struct tokenizer *t,
                                                     enum tokenizer_section section, const char *s, size_t n,
                                                     uint32_t without) {
  const struct tokenizer_match *m = t->table[section].at, *longest = NULL;
  uint32_t from = 0, to = t->table[section].count;
  for (uint32_t depth = 0; from < to && depth < n; depth++) {
    int byte = (uint8_t)s[depth];
    from = lower_bound(t, m, from, to, depth, byte);
    to = lower_bound(t, m, from, to, depth, byte + 1);
    if (from < to && m[from].text.n == depth + 1 && !(m[from].how & without))
      longest = &m[from];
  }
  return longest;
}
