/* tokenizer_merge.c: byte-pair merges of a word, best pair first, and the ids of what is left.
 *
 * A word is a doubly linked list of symbols, at first its characters. Every neighbouring pair that may be
 * joined waits in a binary heap ordered by (rank, position); a pair whose symbols have changed since is
 * recognised by its length and skipped. Joining two symbols offers at most two new pairs, so n characters
 * take O(n log n). */
#include "runtime/text/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

/* Bytes [at, at + n) of the word; n 0: joined to the symbol on its left. */
struct merge_symbol {
  uint32_t at, n;
  uint32_t prev, next; /* NOBODY at the ends */
  uint32_t id;         /* PAIR_MERGES only; NO_ID: no token */
  bool frozen;         /* a user-defined symbol is never joined */
};

/* A pair that may be joined. */
struct merge_candidate {
  uint32_t rank, left, right;
  uint32_t n;  /* bytes of both when it was offered */
  uint32_t id; /* what they become */
};

/* How an unused piece was put together last: n_left bytes of n, from byte `at` of the word. */
struct piece_origin {
  uint32_t at, n, n_left;
};

/* SentencePiece has two name spaces: pieces that text is made of, and reserved ones, which are looked up
 * first when merging is done. Control tokens are reserved too, but text never becomes one. */
enum {
  TEXT_TYPES = 1 << TOKENIZER_NORMAL | 1 << TOKENIZER_USER_DEFINED | 1 << TOKENIZER_UNUSED,
  RESERVED_TYPES = 1 << TOKENIZER_UNKNOWN | 1 << TOKENIZER_BYTE,
  PLAIN_TYPES = TEXT_TYPES | RESERVED_TYPES
};

bool encoder_room(struct encoder *e, void *array, size_t n, size_t *cap, size_t size) {
  if (e->failed)
    return false;
  if (n < *cap)
    return true;
  size_t more = *cap ? *cap * 2 : 64;
  void *at, *grown;
  memcpy(&at, array, sizeof at);
  grown = more <= SIZE_MAX / size ? realloc(at, more * size) : NULL;
  if (!grown) {
    e->failed = true;
    return false;
  }
  memcpy(array, &grown, sizeof grown);
  *cap = more;
  return true;
}

void encoder_put(struct encoder *e, uint32_t id) {
  if (encoder_room(e, &e->ids, e->n_ids, &e->cap_ids, sizeof *e->ids))
    e->ids[e->n_ids++] = id;
  e->after_unknown = false;
}

bool encoder_stops(struct encoder *e, const char *s, size_t n) {
  if (!e->stopped && e->limit && s + n > e->limit)
    e->stopped = s;
  return e->stopped;
}

void encoder_put_added(struct encoder *e, const char *s, size_t n, uint32_t id) {
  if (encoder_stops(e, s, n))
    return;
  if (e->take)
    e->take(e->context, s, n, true);
  else
    encoder_put(e, id);
}

/* ---- the heap ---- */

static bool before(const struct merge_candidate *a, const struct merge_candidate *b) {
  return a->rank < b->rank || (a->rank == b->rank && a->left < b->left);
}

static void heap_push(struct encoder *e, struct merge_candidate c) {
  if (!encoder_room(e, &e->heap, e->n_heap, &e->cap_heap, sizeof *e->heap))
    return;
  size_t i = e->n_heap++;
  for (; i && before(&c, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
    e->heap[i] = e->heap[(i - 1) / 2];
  e->heap[i] = c;
}

static struct merge_candidate heap_pop(struct encoder *e) {
  struct merge_candidate top = e->heap[0], last = e->heap[--e->n_heap];
  size_t i = 0, n = e->n_heap;
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && before(&e->heap[child + 1], &e->heap[child]))
      child++;
    if (!before(&e->heap[child], &last))
      break;
    e->heap[i] = e->heap[child];
  }
  if (n)
    e->heap[i] = last;
  return top;
}

/* ---- which pairs may be joined ---- */

static const struct tokenizer_merge *find_merge(const struct tokenizer *t, uint32_t left, uint32_t right) {
  const struct tokenizer_merge *merges = t->table[TOKENIZER_MERGES].at;
  const uint32_t *slot = t->table[TOKENIZER_MERGE_SLOTS].at;
  uint32_t mask = t->table[TOKENIZER_MERGE_SLOTS].count - 1;
  for (uint32_t i = tokenizer_hash_pair(left, right) & mask; slot[i]; i = (i + 1) & mask) {
    const struct tokenizer_merge *m = &merges[slot[i] - 1];
    if (m->left == left && m->right == right)
      return m;
  }
  return NULL;
}

/* Rank and id of the pair; false when it may not be joined. */
static bool judge(struct encoder *e, const struct merge_symbol *left, const struct merge_symbol *right,
                  struct merge_candidate *c) {
  const struct tokenizer *t = e->t;
  if (t->flags & TOKENIZER_PAIR_MERGES) {
    const struct tokenizer_merge *m =
        left->id == NO_ID || right->id == NO_ID ? NULL : find_merge(t, left->id, right->id);
    if (!m)
      return false;
    c->rank = (uint32_t)(m - (const struct tokenizer_merge *)t->table[TOKENIZER_MERGES].at);
    c->id = m->result;
    return true;
  }
  c->id = tokenizer_find_piece(t, e->word + left->at, c->n, TEXT_TYPES);
  if (c->id == NO_ID)
    return false;
  c->rank = t->tokens[c->id].rank;
  if (e->origins && t->tokens[c->id].type == TOKENIZER_UNUSED)
    e->origins[c->id] = (struct piece_origin){left->at, c->n, left->n};
  return true;
}

static void offer(struct encoder *e, uint32_t left, uint32_t right) {
  if (left == NOBODY || right == NOBODY)
    return;
  const struct merge_symbol *l = &e->symbols[left], *r = &e->symbols[right];
  struct merge_candidate c = {.left = left, .right = right, .n = l->n + r->n};
  if (!l->frozen && !r->frozen && judge(e, l, r, &c))
    heap_push(e, c);
}

static void join(struct encoder *e, const struct merge_candidate *c) {
  struct merge_symbol *left = &e->symbols[c->left], *right = &e->symbols[c->right];
  left->n += right->n;
  left->id = c->id;
  left->next = right->next;
  if (right->next != NOBODY)
    e->symbols[right->next].prev = c->left;
  right->n = 0;
  offer(e, left->prev, c->left);
  offer(e, c->left, left->next);
}

static void merge(struct encoder *e) {
  for (uint32_t i = 1; i < e->n_symbols; i++)
    offer(e, i - 1, i);
  while (e->n_heap && !e->failed) {
    struct merge_candidate c = heap_pop(e);
    uint32_t left = e->symbols[c.left].n, right = e->symbols[c.right].n;
    if (left && right && left + right == c.n)
      join(e, &c);
  }
}

/* ---- characters to symbols ---- */

static void add_symbol(struct encoder *e, size_t at, size_t n, uint32_t id, bool frozen) {
  if (!encoder_room(e, &e->symbols, e->n_symbols, &e->cap_symbols, sizeof *e->symbols))
    return;
  uint32_t i = (uint32_t)e->n_symbols++;
  e->symbols[i] = (struct merge_symbol){(uint32_t)at, (uint32_t)n, i ? i - 1 : NOBODY, NOBODY, id, frozen};
  if (i)
    e->symbols[i - 1].next = i;
}

/* Bytes of the character at s by its first byte alone; text that a character map or a user-defined symbol
 * made need not be valid. */
static size_t character_length(const char *s, size_t n) {
  uint8_t b = (uint8_t)s[0];
  size_t length = b < 0xC0 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
  return length < n ? length : n;
}

static void split_characters(struct encoder *e, size_t n) {
  for (size_t i = 0, length; i < n && !e->failed; i += length) {
    const struct tokenizer_match *m = tokenizer_match_prefix(e->t, TOKENIZER_SYMBOLS, e->word + i, n - i, 0);
    length = m ? m->text.n : character_length(e->word + i, n - i);
    add_symbol(e, i, length, NO_ID, m != NULL);
  }
}

static void add_unknown(struct encoder *e, size_t at, size_t n, bool *run) {
  int32_t unk = e->t->header->unk;
  if (*run && e->t->flags & TOKENIZER_FUSE_UNK)
    e->symbols[e->n_symbols - 1].n += (uint32_t)n;
  else if (unk >= 0)
    add_symbol(e, at, n, (uint32_t)unk, false);
  *run = unk >= 0 && !e->failed;
}

/* PAIR_MERGES: characters that are no piece become byte tokens, or UNK, before merging. */
static void split_tokens(struct encoder *e, size_t n) {
  const struct tokenizer_table *bytes = &e->t->table[TOKENIZER_BYTES];
  bool run = false;
  for (size_t i = 0, length; i < n && !e->failed; i += length) {
    length = character_length(e->word + i, n - i);
    uint32_t id = tokenizer_find_piece(e->t, e->word + i, length, PLAIN_TYPES);
    if (id == NO_ID && !bytes->count) {
      add_unknown(e, i, length, &run);
      continue;
    }
    run = false;
    if (id != NO_ID)
      add_symbol(e, i, length, id, false);
    for (size_t k = 0; id == NO_ID && k < length; k++)
      add_symbol(e, i + k, 1, ((const uint32_t *)bytes->at)[(uint8_t)e->word[i + k]], false);
  }
}

/* BYTE_LEVEL: a byte that has no token is unknown. */
static void split_bytes(struct encoder *e, size_t n) {
  const uint32_t *id = e->t->table[TOKENIZER_BYTES].at;
  bool run = false;
  for (size_t i = 0; i < n && !e->failed; i++) {
    uint8_t byte = (uint8_t)e->word[i];
    if (id[byte] == TOKENIZER_NO_BYTE) {
      add_unknown(e, i, 1, &run);
      continue;
    }
    run = false;
    add_symbol(e, i, 1, id[byte], false);
  }
}

/* ---- symbols to ids ---- */

static void put_unknown(struct encoder *e, const char *s, size_t n) {
  const struct tokenizer_table *bytes = &e->t->table[TOKENIZER_BYTES];
  for (size_t i = 0; bytes->count && i < n; i++)
    encoder_put(e, ((const uint32_t *)bytes->at)[(uint8_t)s[i]]);
  if (bytes->count)
    return;
  if (!e->after_unknown && e->t->header->unk >= 0)
    encoder_put(e, (uint32_t)e->t->header->unk);
  e->after_unknown = true;
}

/* A piece of type UNUSED is given as the two it was last made of, and so on down; each is shorter, so the
 * depth is at most TOKENIZER_MAX_PIECE. */
static void put_piece(struct encoder *e, const char *s, size_t n) {
  uint32_t id = tokenizer_find_piece(e->t, s, n, RESERVED_TYPES);
  if (id == NO_ID)
    id = tokenizer_find_piece(e->t, s, n, TEXT_TYPES);
  if (id == NO_ID || e->t->tokens[id].type == TOKENIZER_UNKNOWN) {
    put_unknown(e, s, n);
    return;
  }
  if (e->t->tokens[id].type == TOKENIZER_UNUSED && e->origins && e->origins[id].n == n) {
    struct piece_origin o = e->origins[id];
    put_piece(e, e->word + o.at, o.n_left);
    put_piece(e, e->word + o.at + o.n_left, o.n - o.n_left);
    return;
  }
  encoder_put(e, id);
}

static void put_symbols(struct encoder *e) {
  bool pairs = e->t->flags & TOKENIZER_PAIR_MERGES;
  for (uint32_t i = e->n_symbols ? 0 : NOBODY; i != NOBODY && !e->failed; i = e->symbols[i].next) {
    if (pairs)
      encoder_put(e, e->symbols[i].id);
    else
      put_piece(e, e->word + e->symbols[i].at, e->symbols[i].n);
  }
}

void encode_word(struct encoder *e, const char *s, size_t n) {
  bool pairs = e->t->flags & TOKENIZER_PAIR_MERGES;
  e->word = s;
  e->n_symbols = e->n_heap = 0;
  if (pairs && e->t->flags & TOKENIZER_IGNORE_MERGES) {
    uint32_t id = tokenizer_find_piece(e->t, s, n, PLAIN_TYPES);
    if (id != NO_ID) {
      encoder_put(e, id);
      return;
    }
  }
  if (e->t->flags & TOKENIZER_BYTE_LEVEL)
    split_bytes(e, n);
  else if (pairs)
    split_tokens(e, n);
  else
    split_characters(e, n);
  if (!e->failed)
    merge(e);
  put_symbols(e);
}

static void encode_sentencepiece(struct encoder *e, const char *text, size_t n, bool first) {
  struct text normalized = {0};
  normalize_sentencepiece(e, text, n, first, &normalized);
  if (e->t->has_unused && !e->origins) {
    e->origins = calloc(tokenizer_size(e->t), sizeof *e->origins);
    e->failed |= !e->origins;
  }
  if (normalized.n && !e->failed)
    encode_word(e, normalized.at, normalized.n);
  free(normalized.at);
}

static void encode_whole(struct encoder *e, const char *text, size_t n) {
  if (e->t->flags & TOKENIZER_BYTE_LEVEL)
    encode_byte_level(e, text, n);
  else if (e->t->flags & TOKENIZER_PAIR_MERGES)
    encode_json(e, text, n);
  else
    encode_cut_text(e, TOKENIZER_ADDED, text, n, encode_sentencepiece);
}

/* All of a part, or as much of it as is certain. */
static void run(struct encoder *e, const struct tokenizer_part *p, size_t *used) {
  enum { LOOKS_AHEAD = 8 }; /* bytes of the longest ending, and of a character behind a word */
  size_t open = p->last ? 0 : e->t->longest_added + LOOKS_AHEAD;
  e->special = p->special == TOKENIZER_SPECIAL_ALWAYS ||
               (p->special == TOKENIZER_SPECIAL_AUTO && text_is_chat(e->t, p->text, p->n));
  *used = 0;
  if (open >= p->n && open) /* nothing is certain */
    return;
  e->limit = open ? p->text + p->n - open : NULL;
  encode_whole(e, p->text, p->n);
  free(e->symbols);
  free(e->heap);
  free(e->origins);
  free(e->known);
  *used = e->stopped ? (size_t)(e->stopped - p->text) : p->n;
}

size_t tokenizer_encode_part(const struct tokenizer *t, const struct tokenizer_part *part, uint32_t **ids,
                             size_t *used) {
  struct encoder e = {.t = t};
  *used = 0;
  *ids = NULL;
  if (!encoder_room(&e, &e.ids, 0, &e.cap_ids, sizeof *e.ids)) /* so that no ids are not a failure */
    return 0;
  run(&e, part, used);
  if (e.failed) {
    free(e.ids);
    return 0;
  }
  *ids = e.ids;
  return e.n_ids;
}

size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, enum tokenizer_special special,
                        uint32_t **ids) {
  size_t used;
  struct tokenizer_part whole = {.text = text, .n = n, .last = true, .special = special};
  return tokenizer_encode_part(t, &whole, ids, &used);
}

bool tokenizer_pieces(const struct tokenizer *t, const struct tokenizer_part *part, tokenizer_take *take,
                      void *context, size_t *used) {
  struct encoder e = {.t = t, .take = take, .context = context};
  run(&e, part, used);
  return !e.failed;
}
