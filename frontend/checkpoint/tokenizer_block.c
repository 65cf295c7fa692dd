/* tokenizer_block.c: lays a vocabulary out as the runtime's flat block (runtime/text/tokenizer_format.h).
 *
 * Sections are made one after the other in memory, then copied behind the header. Hash tables are filled in
 * id order with linear probing, so equal vocabularies give equal bytes. */
#include "frontend/checkpoint/tokenizer_bytes.h"
#include "support/escape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* One section while it is made. */
struct section {
  const void *at;
  size_t count, bytes;
};

struct layout {
  struct diag *d;
  struct arena *a;
  const struct vocabulary *v;
  struct section part[TOKENIZER_SECTIONS];
  VEC(char) strings;
  struct tokenizer_token *tokens;
  bool ok;
};

static void fail(struct layout *l, const char *message) {
  diag_error(l->d, "%s: %s", l->v->file, message);
  l->ok = false;
}

int byte_token_value(struct bytes p) {
  static const char digits[] = "0123456789ABCDEF";
  if (p.n != 6 || memcmp(p.at, "<0x", 3) != 0 || p.at[5] != '>' || !p.at[3] || !p.at[4])
    return -1;
  const char *high = strchr(digits, p.at[3]), *low = strchr(digits, p.at[4]);
  return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

const char *show_piece(struct arena *a, struct bytes p) {
  size_t n = p.n < 40 ? p.n : 40;
  while (n && n < p.n && ((uint8_t)p.at[n] & 0xC0) == 0x80) /* whole characters */
    n--;
  return arena_printf(a, "'%s%s'", message_bytes(a, p.at, n), n < p.n ? "..." : "");
}

static struct tokenizer_span put_string(struct layout *l, const char *s, size_t n) {
  struct tokenizer_span span = {(uint32_t)l->strings.n, (uint32_t)n};
  for (size_t i = 0; i < n; i++)
    vec_push(l->a, l->strings, s[i]);
  return span;
}

static void set_part(struct layout *l, enum tokenizer_section section, const void *at, size_t count,
                     size_t size) {
  l->part[section] = (struct section){at, count, count * size};
}

/* ---- tokens ---- */

static bool check_token(struct layout *l, int id) {
  const struct vocabulary_token *k = &l->v->tokens.at[id];
  const char *wrong = k->piece.n == 0 && k->type         ? "the piece is empty"
                      : k->piece.n > TOKENIZER_MAX_PIECE ? "the piece is longer than 4096 bytes"
                      : !isfinite(k->score)              ? "its score is not a finite number"
                                                         : NULL;
  if (wrong) {
    diag_error(l->d, "%s: token %d: %s", l->v->file, id, wrong);
    l->ok = false;
  }
  return !wrong;
}

/* The piece with its blanks as ' '; shares the piece's bytes when it has none. */
static struct tokenizer_span put_text(struct layout *l, const struct vocabulary_token *k,
                                      struct tokenizer_span piece) {
  if (l->v->flags & TOKENIZER_BYTE_LEVEL ||
      !memmem(k->piece.at, k->piece.n, TOKENIZER_BLANK, TOKENIZER_BLANK_BYTES))
    return piece;
  struct tokenizer_span span = {(uint32_t)l->strings.n, 0};
  for (size_t i = 0; i < k->piece.n; span.n++) {
    bool blank = k->piece.n - i >= TOKENIZER_BLANK_BYTES &&
                 memcmp(k->piece.at + i, TOKENIZER_BLANK, TOKENIZER_BLANK_BYTES) == 0;
    vec_push(l->a, l->strings, blank ? ' ' : k->piece.at[i]);
    i += blank ? TOKENIZER_BLANK_BYTES : 1;
  }
  return span;
}

static struct tokenizer_span text_of(struct layout *l, const struct vocabulary_token *k,
                                     struct tokenizer_span piece) {
  char byte = (char)byte_token_value(k->piece);
  switch (k->type) {
  case 0:
  case TOKENIZER_CONTROL: return (struct tokenizer_span){0};
  case TOKENIZER_BYTE: return put_string(l, &byte, 1);
  case TOKENIZER_UNKNOWN: return put_string(l, l->v->unk_surface.at, l->v->unk_surface.n);
  default: return put_text(l, k, piece);
  }
}

struct scored {
  float score;
  uint32_t id;
};

static int higher_score_first(const void *pa, const void *pb) {
  const struct scored *a = pa, *b = pb;
  return a->score != b->score ? (a->score < b->score ? 1 : -1) : (a->id > b->id) - (a->id < b->id);
}

/* Equal scores get equal ranks: between them, position decides. */
static void rank_tokens(struct layout *l, int n) {
  struct scored *order = arena_array(l->a, struct scored, n);
  for (int i = 0; i < n; i++)
    order[i] = (struct scored){l->v->tokens.at[i].score, (uint32_t)i};
  qsort(order, (size_t)n, sizeof *order, higher_score_first);
  for (int i = 0, rank = 0; i < n; i++) {
    rank += i && order[i].score != order[i - 1].score;
    l->tokens[order[i].id].rank = (uint32_t)rank;
  }
}

static void put_tokens(struct layout *l) {
  int n = l->v->tokens.n;
  if (n == 0 || n > TOKENIZER_MAX_TOKENS) {
    diag_error(l->d, "%s: %d tokens; between 1 and %d are possible", l->v->file, n,
               (int)TOKENIZER_MAX_TOKENS);
    l->ok = false;
    return;
  }
  l->tokens = arena_array(l->a, struct tokenizer_token, n);
  for (int i = 0; i < n; i++) {
    const struct vocabulary_token *k = &l->v->tokens.at[i];
    if (!check_token(l, i))
      continue;
    l->tokens[i].type = k->type ? k->type : TOKENIZER_CONTROL;
    l->tokens[i].piece = put_string(l, k->piece.at, k->piece.n);
    l->tokens[i].text = text_of(l, k, l->tokens[i].piece);
  }
  if (l->ok)
    rank_tokens(l, n);
  set_part(l, TOKENIZER_TOKENS, l->tokens, (size_t)n, sizeof *l->tokens);
}

/* ---- hash tables ---- */

/* At most half full. */
static uint32_t slots_for(size_t entries) {
  uint32_t n = 4;
  while (n < entries * 2)
    n *= 2;
  return n;
}

static bool is_reserved(uint32_t type) {
  return type == TOKENIZER_UNKNOWN || type == TOKENIZER_CONTROL || type == TOKENIZER_BYTE;
}

/* SentencePiece keeps reserved tokens apart from those that text is made of: a name may be in both. */
static bool same_piece(const struct vocabulary_token *a, const struct vocabulary_token *b) {
  return a->piece.n == b->piece.n && memcmp(a->piece.at, b->piece.at, a->piece.n) == 0 &&
         is_reserved(a->type) == is_reserved(b->type);
}

static void put_pieces(struct layout *l) {
  const struct vocabulary_token *tokens = l->v->tokens.at;
  uint32_t n = slots_for((size_t)l->v->tokens.n);
  uint32_t *slot = arena_array(l->a, uint32_t, n);
  for (uint32_t id = 0; id < (uint32_t)l->v->tokens.n; id++) {
    const struct vocabulary_token *k = &tokens[id];
    if (k->added_only || k->type == 0)
      continue;
    uint32_t i = tokenizer_hash(k->piece.at, k->piece.n) & (n - 1);
    for (; slot[i]; i = (i + 1) & (n - 1))
      if (same_piece(k, &tokens[slot[i] - 1])) {
        diag_error(l->d, "%s: tokens %u and %u are both %s", l->v->file, slot[i] - 1, id,
                   show_piece(l->a, k->piece));
        l->ok = false;
      }
    slot[i] = id + 1;
  }
  set_part(l, TOKENIZER_PIECES, slot, n, sizeof *slot);
}

static void put_merges(struct layout *l) {
  const struct tokenizer_merge *m = l->v->merges.at;
  uint32_t n = slots_for((size_t)l->v->merges.n);
  uint32_t *slot = arena_array(l->a, uint32_t, n);
  for (uint32_t rank = 0; rank < (uint32_t)l->v->merges.n; rank++) {
    uint32_t i = tokenizer_hash_pair(m[rank].left, m[rank].right) & (n - 1);
    while (slot[i] && (m[slot[i] - 1].left != m[rank].left || m[slot[i] - 1].right != m[rank].right))
      i = (i + 1) & (n - 1);
    slot[i] = rank + 1;
  }
  set_part(l, TOKENIZER_MERGES, m, (size_t)l->v->merges.n, sizeof *m);
  set_part(l, TOKENIZER_MERGE_SLOTS, slot, n, sizeof *slot);
}

/* ---- byte tokens, added tokens, character map ---- */

static void put_bytes(struct layout *l) {
  if (l->v->flags & TOKENIZER_BYTE_LEVEL)
    set_part(l, TOKENIZER_BYTES, l->v->byte_ids, 256, sizeof(uint32_t));
  if (!l->v->byte_fallback)
    return;
  uint32_t *ids = arena_array(l->a, uint32_t, 256);
  int found = 0;
  for (int id = 0; id < l->v->tokens.n; id++) {
    const struct vocabulary_token *k = &l->v->tokens.at[id];
    int value = k->type == TOKENIZER_BYTE ? byte_token_value(k->piece) : -1;
    if (value >= 0) {
      ids[value] = (uint32_t)id;
      found++;
    }
  }
  if (found != 256) /* duplicates were reported already */
    fail(l, "byte fallback needs the 256 tokens <0x00> to <0xFF>, and some are missing");
  set_part(l, TOKENIZER_BYTES, ids, 256, sizeof *ids);
}

static int by_text(const void *pa, const void *pb) {
  const struct vocabulary_match *a = pa, *b = pb;
  int c = memcmp(a->text.at, b->text.at, a->text.n < b->text.n ? a->text.n : b->text.n);
  return c ? c : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

/* Of two of one name the first counts. */
static void put_matches(struct layout *l, enum tokenizer_section section, const struct vocabulary_match *from,
                        int n) {
  struct vocabulary_match *sorted = arena_array(l->a, struct vocabulary_match, n);
  struct tokenizer_match *out = arena_array(l->a, struct tokenizer_match, n);
  size_t count = 0;
  if (n)
    memcpy(sorted, from, sizeof *from * (size_t)n);
  qsort(sorted, (size_t)n, sizeof *sorted, by_text);
  for (int i = 0; i < n; i++)
    if (i == 0 || by_text(&sorted[i - 1], &sorted[i]) != 0)
      out[count++] = (struct tokenizer_match){put_string(l, sorted[i].text.at, sorted[i].text.n),
                                              sorted[i].id, sorted[i].how};
  set_part(l, section, out, count, sizeof *out);
}

/* What Unicode's regular expressions take for \w: letters, marks, decimal digits, connectors, letter numbers,
 * and the few symbols and joiners that are alphabetic or join. */
static bool is_word_character(int32_t c) {
  static const struct tokenizer_range others[] = {
      {0x200C, 0x200D}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if ((uint32_t)c >= others[i].first && (uint32_t)c <= others[i].last)
      return true;
  utf8proc_category_t k = utf8proc_category(c);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC;
}

static bool any_single_word(const struct vocabulary *v) {
  bool any = false;
  for (int i = 0; i < v->added.n; i++)
    any |= (v->added.at[i].how & TOKENIZER_SINGLE_WORD) != 0;
  for (int i = 0; i < v->late_added.n; i++)
    any |= (v->late_added.at[i].how & TOKENIZER_SINGLE_WORD) != 0;
  return any;
}

static void put_words(struct layout *l) {
  VEC(struct tokenizer_range) ranges = {0};
  if (!any_single_word(l->v))
    return;
  for (int32_t c = 0; c < 0x110000; c++) {
    if (!is_word_character(c))
      continue;
    if (ranges.n && ranges.at[ranges.n - 1].last == (uint32_t)c - 1)
      ranges.at[ranges.n - 1].last++;
    else
      vec_push(l->a, ranges, (struct tokenizer_range){(uint32_t)c, (uint32_t)c});
  }
  set_part(l, TOKENIZER_WORDS, ranges.at, (size_t)ranges.n, sizeof *ranges.at);
}

/* The map is a 32-bit length, a double array of that many bytes, and strings that each end in a zero. */
static void put_charsmap(struct layout *l) {
  struct bytes map = l->v->charsmap;
  uint32_t trie;
  if (map.n == 0)
    return;
  if (map.n > sizeof trie)
    memcpy(&trie, map.at, sizeof trie);
  if (map.n <= sizeof trie || trie % sizeof(uint32_t) != 0 || trie == 0 || trie >= map.n - sizeof trie ||
      map.at[map.n - 1] != 0) {
    fail(l, "precompiled_charsmap (the normalization rules) is damaged");
    return;
  }
  uint32_t *units = arena_array(l->a, uint32_t, trie / sizeof(uint32_t));
  memcpy(units, map.at + sizeof trie, trie);
  set_part(l, TOKENIZER_TRIE, units, trie / sizeof(uint32_t), sizeof(uint32_t));
  set_part(l, TOKENIZER_REPLACEMENTS, map.at + sizeof trie + trie, map.n - sizeof trie - trie, 1);
}

static void put_rules(struct layout *l) {
  struct class_table *t = arena_new(l->a, struct class_table);
  if (!(l->v->flags & TOKENIZER_BYTE_LEVEL))
    return;
  class_table_make(l->a, t);
  set_part(l, TOKENIZER_RULES, l->v->rules.at, (size_t)l->v->rules.n, sizeof *l->v->rules.at);
  set_part(l, TOKENIZER_PAGES, t->page, TOKENIZER_PAGE_COUNT, 1);
  set_part(l, TOKENIZER_CLASSES, t->class, t->count, 1);
}

static void put_nfc(struct layout *l) {
  struct class_table *c = arena_new(l->a, struct class_table);
  struct nfc_table t = {0};
  if (!(l->v->flags & TOKENIZER_NFC))
    return;
  nfc_table_make(l->a, &t);
  class_table_pack(l->a, t.class, c);
  set_part(l, TOKENIZER_NFC_PAGES, c->page, TOKENIZER_PAGE_COUNT, 1);
  set_part(l, TOKENIZER_NFC_CLASSES, c->class, c->count, 1);
  set_part(l, TOKENIZER_DECOMPOSITIONS, t.decompositions.at, (size_t)t.decompositions.n,
           sizeof *t.decompositions.at);
  set_part(l, TOKENIZER_DECOMPOSED, t.decomposed.at, (size_t)t.decomposed.n, sizeof *t.decomposed.at);
  set_part(l, TOKENIZER_COMPOSITIONS, t.compositions.at, (size_t)t.compositions.n, sizeof *t.compositions.at);
}

/* ---- the block ---- */

static uint64_t align_up(uint64_t n) {
  return (n + TOKENIZER_ALIGN - 1) / TOKENIZER_ALIGN * TOKENIZER_ALIGN;
}

static bool assemble(struct layout *l, uint8_t **block, size_t *bytes) {
  struct tokenizer_header h = {.flags = l->v->flags, .unk = l->v->unk, .bos = l->v->first, .eos = -1};
  if (l->v->ends.n)
    h.eos = (int32_t)l->v->ends.at[0];
  memcpy(h.magic, TOKENIZER_MAGIC, sizeof h.magic);
  uint64_t at = sizeof h;
  for (int i = 0; i < TOKENIZER_SECTIONS; i++) {
    h.section[i].at = (uint32_t)at;
    h.section[i].count = (uint32_t)l->part[i].count;
    at = align_up(at + l->part[i].bytes);
  }
  if (at > UINT32_MAX) {
    fail(l, "the tokenizer's tables are larger than 4 GiB");
    return false;
  }
  h.bytes = at;
  uint8_t *b = arena_alloc(l->a, at);
  memcpy(b, &h, sizeof h);
  for (int i = 0; i < TOKENIZER_SECTIONS; i++)
    if (l->part[i].bytes)
      memcpy(b + h.section[i].at, l->part[i].at, l->part[i].bytes);
  h.checksum = tokenizer_checksum(b + TOKENIZER_CHECKED_FROM, at - TOKENIZER_CHECKED_FROM);
  memcpy(b, &h, sizeof h);
  *block = b;
  *bytes = at;
  return true;
}

bool tokenizer_block_write(struct diag *d, struct arena *a, const struct vocabulary *v, uint8_t **block,
                           size_t *bytes) {
  struct layout l = {.d = d, .a = a, .v = v, .ok = true};
  put_tokens(&l);
  if (!l.ok)
    return false;
  put_pieces(&l);
  put_merges(&l);
  put_bytes(&l);
  put_matches(&l, TOKENIZER_SYMBOLS, v->symbols.at, v->symbols.n);
  put_matches(&l, TOKENIZER_ADDED, v->added.at, v->added.n);
  put_matches(&l, TOKENIZER_LATE_ADDED, v->late_added.at, v->late_added.n);
  put_words(&l);
  set_part(&l, TOKENIZER_PREFIX, v->prefix.at, (size_t)v->prefix.n, sizeof *v->prefix.at);
  set_part(&l, TOKENIZER_SUFFIX, v->suffix.at, (size_t)v->suffix.n, sizeof *v->suffix.at);
  set_part(&l, TOKENIZER_ENDS, v->ends.at, (size_t)v->ends.n, sizeof *v->ends.at);
  put_charsmap(&l);
  put_rules(&l);
  put_nfc(&l);
  set_part(&l, TOKENIZER_STRINGS, l.strings.at, (size_t)l.strings.n, 1);
  return l.ok && assemble(&l, block, bytes);
}
