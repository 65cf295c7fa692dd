/* tokenizer_train.h: byte-level BPE, trained (Sennrich et al. 2016, arXiv 1508.07909, on bytes as GPT-2 does
 * it).
 *
 * The text is cut into words by GPT-2's pattern, by the code that encodes texts. The vocabulary begins with
 * the special tokens, then the 256 bytes in the order of the characters that tokenizer.json has for them.
 * Then, again and again, the most frequent pair of neighbouring tokens within a word becomes a token; of
 * pairs that are equally frequent, the one with the lower first id, then the lower second. So equal texts
 * give equal tokenizers, however they are parted into files. The order is that of Hugging Face's trainer. */
#ifndef TERN_FRONTEND_TOKENIZER_TRAIN_H
#define TERN_FRONTEND_TOKENIZER_TRAIN_H

#include "frontend/checkpoint/tokenizer_block.h"

struct training {
  const char *const *files; /* "-": standard input */
  int n_files;
  const char *const
      *special; /* cut out of the text, and never part of a word; the first begins and ends texts */
  int n_special;
  int vocab; /* tokens */
};

struct trained {
  VEC(struct bytes) tokens; /* by id: special ones as they are written, then bytes of texts */
  int n_special;
  VEC(struct tokenizer_merge) merges; /* in the order in which they are applied */
  uint64_t bytes;                     /* of the text */
  uint64_t words, word_count;         /* different ones, and all */
};

/* Everything in the arena. False after a diagnostic. A text that has too few pairs gives a smaller
 * vocabulary, which is said as a warning. */
bool tokenizer_train(struct diag *d, struct arena *a, const struct training *how, struct trained *t);

/* Writes tokenizer.json and tokenizer_config.json into a folder, which is made if missing; both or none. */
bool tokenizer_write(struct diag *d, struct arena *a, const struct trained *t, const char *dir);

/* The parts of training. */

/* A word of the text, and how often it comes. */
struct counted_word {
  struct bytes text;
  uint64_t count;
};
typedef VEC(struct counted_word) counted_words;
/* The words of the files, as they come. */
bool count_words(struct diag *d, struct arena *a, const struct training *how, counted_words *words,
                 struct trained *t);
/* Adds tokens until there are `vocab`, or no pair is left. */
void merge_pairs(struct arena *a, const counted_words *words, int vocab, struct trained *t);

#endif
