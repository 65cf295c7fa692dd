/* tokenizer.h: SentencePiece BPE with byte fallback, encode and decode.
 *
 * Follows Kudo & Richardson 2018 (arXiv 1808.06226) as sentencepiece 0.1.97 does it for model_type BPE. The
 * tables are a flat little-endian block that ternc's reader of tokenizer.model / tokenizer.json writes into
 * the image, and that is used in place (tokenizer_format.h).
 *
 * A text is plain text: "<s>" in it is three characters and never the token. User-defined symbols of a
 * .model, and the added tokens of a .json that are not special, are found in it. A byte that belongs to no
 * valid UTF-8 character is read as U+FFFD. */
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

/* Ids of a text of n bytes (need not be terminated, may hold zeros and invalid UTF-8); BOS is not added.
 * Returns the number of ids; *ids is malloc'ed, also when there are none; the caller frees it. When memory
 * runs out or the text is longer than 1 GiB, returns 0 and *ids is NULL. */
size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, uint32_t **ids);

/* The bytes that one token adds to the text. `first`: the token begins the text, where SentencePiece drops
 * the blank it put in front. Control tokens add nothing. The pointer is valid until the tokenizer is closed.
 */
const char *tokenizer_piece(const struct tokenizer *t, uint32_t id, bool first, size_t *n);

uint32_t tokenizer_size(const struct tokenizer *t);
/* Ids of the control tokens, -1 where the tokenizer has none. */
int32_t tokenizer_bos(const struct tokenizer *t);
int32_t tokenizer_eos(const struct tokenizer *t);

#endif
