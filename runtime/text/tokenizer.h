/* tokenizer.h: SentencePiece BPE with byte fallback, and byte-level BPE: encode and decode.
 *
 * The first follows Kudo & Richardson 2018 (arXiv 1808.06226) as sentencepiece 0.1.97 does it for model_type
 * BPE, the second GPT-2's as Hugging Face's tokenizers have it. The tables are a flat little-endian block
 * that ternc's reader of tokenizer.model / tokenizer.json writes into the image, and that is used in place
 * (tokenizer_format.h).
 *
 * User-defined symbols of a .model, and added tokens that are not special, are found in every text. Special
 * tokens are found where they are looked for (enum tokenizer_special); in plain text "<s>" is three
 * characters. A byte that belongs to no valid UTF-8 character is read as U+FFFD, and kept by a byte-level
 * tokenizer. */
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

/* A text in parts, so that it may be of any length: for tokenizers of which tokenizer_takes_parts, because
 * words are cut out of the text and nothing is put in front of them. */
bool tokenizer_takes_parts(const struct tokenizer *t);
struct tokenizer_part {
  const char *text;               /* begins where the one before was used up */
  size_t n;                       /* at most 1 GiB */
  bool last;                      /* the text ends with it */
  enum tokenizer_special special; /* TOKENIZER_SPECIAL_AUTO judges this part */
};
/* As tokenizer_encode, as far as no text to come can change the ids: *used bytes, all of a last part; 0 when
 * it takes more text to know the first id. */
size_t tokenizer_encode_part(const struct tokenizer *t, const struct tokenizer_part *part, uint32_t **ids,
                             size_t *used);
/* The words that are encoded one by one, and the added tokens between them, in order; they point into the
 * part. False when memory runs out or the part is too long. */
typedef void tokenizer_take(void *context, const char *piece, size_t n, bool added);
bool tokenizer_pieces(const struct tokenizer *t, const struct tokenizer_part *part, tokenizer_take *take,
                      void *context, size_t *used);

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
