/* count_words.c: how often each word of the files comes. Words are cut by a tokenizer that has only the
 * special tokens and the bytes, so by the code that encodes with the finished one. */
#include "frontend/tokenizer/text_parts.h"
#include "frontend/tokenizer/tokenizer_train.h"

#include "frontend/checkpoint/tokenizer_bytes.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct known {
  UT_hash_handle hh;
  uint64_t count;
  size_t n;
  char bytes[];
};

struct counter {
  struct diag *d;
  struct arena *a;
  const struct tokenizer *t;
  struct known *words;
  uint64_t bytes, count;
};

#undef HASH_FUNCTION
#define HASH_FUNCTION(s, n, h) ((h) = tokenizer_hash((const char *)(s), (n)))
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      xmalloc(bytes)
#define uthash_free(memory, size) free(memory)

static void count_one(void *context, const char *word, size_t n, bool added) {
  struct counter *c = context;
  struct known *k;
  if (added)
    return;
  HASH_FIND(hh, c->words, word, n, k);
  if (!k) {
    k = arena_alloc(c->a, sizeof *k + n);
    k->n = n;
    memcpy(k->bytes, word, n);
    HASH_ADD(hh, c->words, bytes, n, k);
  }
  k->count++;
  c->count++;
}

static bool count_part(void *context, const struct tokenizer_part *part, size_t *used) {
  struct counter *c = context;
  if (!tokenizer_pieces(c->t, part, count_one, c, used)) {
    diag_error(c->d, "not enough memory to cut the text into words");
    return false;
  }
  c->bytes += *used;
  return true;
}

/* The tokens that there are from the beginning, as a tokenizer. */
static struct tokenizer *first_tokenizer(struct diag *d, struct arena *a, const struct trained *t) {
  struct vocabulary v = {.file = "tokenizer.json", .unk = -1, .bos = -1, .eos = -1, .first = -1};
  uint8_t *block;
  size_t bytes;
  char why[256];
  v.flags = TOKENIZER_PAIR_MERGES | TOKENIZER_BYTE_LEVEL;
  pattern_rules(a, &v, pattern_gpt2);
  v.byte_ids = arena_array(a, uint32_t, 256);
  for (int i = 0; i < t->tokens.n; i++) {
    struct vocabulary_token k = {.piece = t->tokens.at[i], .type = TOKENIZER_NORMAL};
    if (i < t->n_special)
      vec_push(a, v.added, (struct vocabulary_match){k.piece, (uint32_t)i, TOKENIZER_SPECIAL});
    else
      v.byte_ids[(uint8_t)k.piece.at[0]] = (uint32_t)i;
    vec_push(a, v.tokens, k);
  }
  if (!tokenizer_block_write(d, a, &v, &block, &bytes))
    return NULL;
  struct tokenizer *opened = tokenizer_open(block, bytes, why, sizeof why);
  if (!opened)
    diag_error(d, "%s", why);
  return opened;
}

static void list_words(struct counter *c, counted_words *words) {
  for (struct known *k = c->words; k; k = k->hh.next)
    vec_push(c->a, *words, (struct counted_word){{k->bytes, k->n}, k->count});
  HASH_CLEAR(hh, c->words);
}

bool count_words(struct diag *d, struct arena *a, const struct training *how, counted_words *words,
                 struct trained *t) {
  struct tokenizer *first = first_tokenizer(d, a, t);
  struct counter c = {.d = d, .a = a, .t = first};
  bool ok = first != NULL;
  for (int i = 0; i < how->n_files && ok; i++)
    ok = text_parts(d, how->files[i], TOKENIZER_SPECIAL_ALWAYS, false, count_part, &c);
  list_words(&c, words);
  t->bytes = c.bytes;
  t->words = (uint64_t)words->n;
  t->word_count = c.count;
  if (first)
    tokenizer_close(first);
  return ok;
}
