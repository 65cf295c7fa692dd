/* tokenizer.h: SentencePiece BPE with byte fallback, encode and decode.
 *
 * Follows Kudo & Richardson 2018 (arXiv 1808.06226) as sentencepiece 0.1.97 does it for model_type BPE. The
 * tables are a flat little-endian block that ternc's reader of tokenizer.model / tokenizer.json writes into
 * the image, and that is used in place (tokenizer_format.h).
 *
 * User-defined symbols of a .model, and added tokens that are not special, are found in every text. Special
 * tokens are found where they are looked for (enum tokenizer_special); in plain text "<s>" is three
 * characters. A byte that belongs to no valid UTF-8 character is read as U+FFFD. */
#ifndef TERN_RUNTIME_TOKENIZER_H
#define TERN_RUNTIME_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer; /* opaque; lookup tables over the block */

/* `block` starts on a multiple of 8 bytes; it stays the caller's and must outlive the tokenizer. NULL when it
 * is damaged (message in `error`). */
struct tokenizer *tokenizer_open(const void *block, size_t bytes, char *error, size_t error_size);
void tokenizer_close(struct tokenizer *t);

enum tokenizer_special {
  /* By the text: special tokens are looked for in chat text, a text that contains a marker: an added special
   * token that is not the one that begins, ends, pads or stands for the unknown ("<|im_start|>", not "</s>").
   */
  TOKENIZER_SPECIAL_AUTO,
  TOKENIZER_SPECIAL_NEVER,
  TOKENIZER_SPECIAL_ALWAYS
};

/* Ids of a text of n bytes (need not be terminated, may hold zeros and invalid UTF-8), without prefix and
 * suffix. Returns the number of ids; *ids is malloc'ed, also when there are none; the caller frees it. When
 * memory runs out or the text is longer than 1 GiB, returns 0 and *ids is NULL. */
size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, enum tokenizer_special special,
                        uint32_t **ids);

/* The ids that the checkpoint puts in front of a text (BOS, mostly) and behind one that is whole. */
const uint32_t *tokenizer_prefix(const struct tokenizer *t, size_t *n);
const uint32_t *tokenizer_suffix(const struct tokenizer *t, size_t *n);

/* The bytes that one token adds to the text. `first`: the token begins the text, where SentencePiece drops
 * the blank it put in front. Control tokens add nothing. The pointer is valid until the tokenizer is closed.
 */
const char *tokenizer_piece(const struct tokenizer *t, uint32_t id, bool first, size_t *n);

uint32_t tokenizer_size(const struct tokenizer *t);
/* The id that a text begins with, and the first of those that end one; -1: there is none. They are the
 * checkpoint's, which may have more ids than its tokenizer has tokens. */
int32_t tokenizer_bos(const struct tokenizer *t);
int32_t tokenizer_eos(const struct tokenizer *t);
/* Whether a text ends with this id: a checkpoint may name several. */
bool tokenizer_is_end(const struct tokenizer *t, uint32_t id);

#endif
