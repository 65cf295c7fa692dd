/* token_target.h: what the targets that get to a tokenizer do with it. */
#ifndef TERN_TESTS_FUZZ_TOKEN_TARGET_H
#define TERN_TESTS_FUZZ_TOKEN_TARGET_H

#include "frontend/checkpoint/tokenizer_block.h"
#include "runtime/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

/* Ids of the text, each the tokenizer's own, and their pieces. */
void fuzz_encode(const struct tokenizer *t, const void *text, size_t n);
/* Opens the block, which starts on a multiple of 8, encodes some texts and takes every piece. `good`: it must
 * open. */
void fuzz_block(const void *block, size_t bytes, const void *text, size_t n, bool good);
/* One of the readers of tokenizer_block.h over a file, then its block. */
typedef bool tokenizer_reader(struct diag *d, struct arena *a, const char *path, struct vocabulary *v);
void fuzz_reader(tokenizer_reader *read, const uint8_t *data, size_t n);

#endif
