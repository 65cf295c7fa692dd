/* merge_pairs.c: the most frequent pair, again and again.
 *
 * Every pair of neighbours has its count and the words that it has been seen in. A heap has an offer for each
 * pair, with the count that it had then: a count that has grown is offered anew, and an offer whose count has
 * fallen is put back when its turn comes. A merge touches only the words of its pair. */
#include "frontend/tokenizer/tokenizer_train.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct token_name { /* of a token, by its bytes */
  UT_hash_handle hh;
  uint32_t id;
};

struct pair_key {
  uint32_t left, right;
};

struct merge_pair {
  UT_hash_handle hh;
  struct pair_key key;
  int64_t count;
  uint32_t *words; /* in which it may be; a word may come twice */
  uint32_t n, room;
  bool merged;  /* it is among the merges */
  bool touched; /* its count has grown since the last offers */
};

struct offer {
  int64_t count;
  struct merge_pair *pair;
};

/* A word as tokens. */
struct sequence {
  uint32_t *at;
  size_t n;
  int64_t count;
};

struct merger {
  struct arena *a;
  struct trained *t;
  struct token_name *names;
  struct merge_pair *pairs;
  struct sequence *words;
  struct offer *heap;
  size_t n_heap, room_heap;
  struct merge_pair **grown;
  size_t n_grown, room_grown;
};

static void *room_for(void *at, size_t n, size_t *room, size_t size) {
  if (n < *room)
    return at;
  *room = *room ? *room * 2 : 1024;
  return xrealloc(at, *room * size);
}

/* ---- the heap ---- */

static bool before(const struct offer *a, const struct offer *b) {
  const struct pair_key *x = &a->pair->key, *y = &b->pair->key;
  if (a->count != b->count)
    return a->count > b->count;
  return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static void offer_pair(struct merger *m, struct merge_pair *p) {
  struct offer o = {p->count, p};
  m->heap = room_for(m->heap, m->n_heap, &m->room_heap, sizeof *m->heap);
  size_t i = m->n_heap++;
  for (; i && before(&o, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
    m->heap[i] = m->heap[(i - 1) / 2];
  m->heap[i] = o;
}

static struct offer best_offer(struct merger *m) {
  struct offer top = m->heap[0], last = m->heap[--m->n_heap];
  size_t i = 0, n = m->n_heap;
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && before(&m->heap[child + 1], &m->heap[child]))
      child++;
    if (!before(&m->heap[child], &last))
      break;
    m->heap[i] = m->heap[child];
  }
  if (n)
    m->heap[i] = last;
  return top;
}

/* ---- counts ---- */

#undef uthash_malloc
#undef uthash_free
#undef HASH_FUNCTION
#define uthash_malloc(bytes)      xmalloc(bytes)
#define uthash_free(memory, size) free(memory)
#define HASH_FUNCTION(s, n, h)    ((h) = hash_of((s), (n)))

static uint32_t hash_of(const void *s, size_t n) {
  struct pair_key k;
  if (n != sizeof k)
    return tokenizer_hash(s, n);
  memcpy(&k, s, sizeof k);
  return tokenizer_hash_pair(k.left, k.right);
}

static struct merge_pair *pair_of(struct merger *m, uint32_t left, uint32_t right) {
  struct pair_key key = {left, right};
  struct merge_pair *p;
  HASH_FIND(hh, m->pairs, &key, sizeof key, p);
  if (!p) {
    p = arena_new(m->a, struct merge_pair);
    p->key = key;
    HASH_ADD(hh, m->pairs, key, sizeof key, p);
  }
  return p;
}

/* A pair that is no longer in a word: the word stays in its list. */
static void lose(struct merger *m, uint32_t left, uint32_t right, int64_t count) {
  pair_of(m, left, right)->count -= count;
}

static void gain(struct merger *m, uint32_t left, uint32_t right, uint32_t word) {
  struct merge_pair *p = pair_of(m, left, right);
  p->count += m->words[word].count;
  if (!p->n || p->words[p->n - 1] != word) {
    if (p->n == p->room) {
      p->room = p->room ? p->room * 2 : 4;
      p->words = xrealloc(p->words, p->room * sizeof *p->words);
    }
    p->words[p->n++] = word;
  }
  if (!p->touched) {
    p->touched = true;
    m->grown = room_for(m->grown, m->n_grown, &m->room_grown, sizeof *m->grown);
    m->grown[m->n_grown++] = p;
  }
}

/* What is longer could not be read as a token. */
static bool may_merge(const struct merger *m, const struct merge_pair *p) {
  return p->count > 0 &&
         m->t->tokens.at[p->key.left].n + m->t->tokens.at[p->key.right].n <= TOKENIZER_MAX_PIECE;
}

static void offer_grown(struct merger *m) {
  for (size_t i = 0; i < m->n_grown; i++) {
    m->grown[i]->touched = false;
    if (may_merge(m, m->grown[i]))
      offer_pair(m, m->grown[i]);
  }
  m->n_grown = 0;
}

/* ---- merges ---- */

/* The token of the joined bytes: one that is there, which another pair has made, or a new one. */
static uint32_t joined(struct merger *m, const struct merge_pair *p) {
  struct bytes left = m->t->tokens.at[p->key.left], right = m->t->tokens.at[p->key.right];
  struct bytes both = {arena_alloc(m->a, left.n + right.n + 1), left.n + right.n};
  struct token_name *k;
  memcpy((char *)both.at, left.at, left.n);
  memcpy((char *)both.at + left.n, right.at, right.n);
  HASH_FIND(hh, m->names, both.at, both.n, k);
  if (!k) {
    k = arena_new(m->a, struct token_name);
    k->id = (uint32_t)m->t->tokens.n;
    vec_push(m->a, m->t->tokens, both);
    HASH_ADD_KEYPTR(hh, m->names, both.at, both.n, k);
  }
  return k->id;
}

/* Joins the pair wherever it is in a word, from left to right. */
static void merge_in(struct merger *m, uint32_t word, struct pair_key k, uint32_t id) {
  struct sequence *w = &m->words[word];
  size_t to = 0;
  for (size_t i = 0; i < w->n; i++) {
    if (w->at[i] != k.left || i + 1 == w->n || w->at[i + 1] != k.right) {
      w->at[to++] = w->at[i];
      continue;
    }
    if (to) {
      lose(m, w->at[to - 1], k.left, w->count);
      gain(m, w->at[to - 1], id, word);
    }
    if (i + 2 < w->n) {
      lose(m, k.right, w->at[i + 2], w->count);
      gain(m, id, w->at[i + 2], word);
    }
    lose(m, k.left, k.right, w->count);
    w->at[to++] = id;
    i++;
  }
  w->n = to;
}

static void merge_pair(struct merger *m, struct merge_pair *p) {
  uint32_t id = joined(m, p), n = p->n, *words = p->words;
  if (!p->merged)
    vec_push(m->a, m->t->merges, (struct tokenizer_merge){p->key.left, p->key.right, id});
  p->merged = true;
  p->words = NULL;
  p->n = p->room = 0;
  for (uint32_t i = 0; i < n; i++)
    merge_in(m, words[i], p->key, id);
  free(words);
  offer_grown(m);
}

/* ---- from words to merges ---- */

static void begin(struct merger *m, const counted_words *words) {
  uint32_t byte_ids[256];
  for (int i = m->t->n_special; i < m->t->tokens.n; i++) {
    struct token_name *k = arena_new(m->a, struct token_name);
    k->id = (uint32_t)i;
    HASH_ADD_KEYPTR(hh, m->names, m->t->tokens.at[i].at, m->t->tokens.at[i].n, k);
    byte_ids[(uint8_t)m->t->tokens.at[i].at[0]] = (uint32_t)i;
  }
  m->words = xmalloc((size_t)words->n * sizeof *m->words);
  for (int i = 0; i < words->n; i++) {
    const struct counted_word *w = &words->at[i];
    uint32_t *ids = arena_array(m->a, uint32_t, w->text.n);
    m->words[i] = (struct sequence){ids, w->text.n, (int64_t)w->count};
    for (size_t k = 0; k < w->text.n; k++) {
      ids[k] = byte_ids[(uint8_t)w->text.at[k]];
      if (k)
        gain(m, ids[k - 1], ids[k], (uint32_t)i);
    }
  }
  offer_grown(m);
}

static void end(struct merger *m) {
  for (struct merge_pair *p = m->pairs; p; p = p->hh.next)
    free(p->words);
  HASH_CLEAR(hh, m->pairs);
  HASH_CLEAR(hh, m->names);
  free(m->words);
  free(m->heap);
  free(m->grown);
}

void merge_pairs(struct arena *a, const counted_words *words, int vocab, struct trained *t) {
  struct merger m = {.a = a, .t = t};
  begin(&m, words);
  while (t->tokens.n < vocab && m.n_heap) {
    struct offer o = best_offer(&m);
    if (o.count == o.pair->count)
      merge_pair(&m, o.pair);
    else if (o.pair->count > 0 && o.pair->count < o.count)
      offer_pair(&m, o.pair);
  }
  end(&m);
}
