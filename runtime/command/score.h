/* score.h: the modes that run a given text: its perplexity, the logits of given tokens, its token ids. Each
 * prints or writes its result and returns false after a failure or an interruption. */
#ifndef TERN_RUNTIME_SCORE_H
#define TERN_RUNTIME_SCORE_H

#include "runtime/core/base.h"
#include "runtime/core/session.h"
#include "runtime/text/generate.h"
#include "runtime/text/tokenizer.h"

/* The file is one string, with what the rules put around it; prints exp(mean of -log p of every token after
 * the first). As JSON also bits_per_byte, the sum of -log2 p of those tokens over the bytes of the file. */
bool print_perplexity(struct session *s, const struct tokenizer *t, const struct text_rules *rules,
                      const char *path, bool json, struct failure *f);

/* Runs the ids in `tokens_path`; writes float32 [n, vocab], row-major, little-endian; with `raw`, which only
 * models of integer logits have, int32. */
bool write_logits(struct session *s, const char *tokens_path, const char *out_path, bool raw,
                  struct failure *f);

/* One line of ids a line of text, without what goes around a text. */
bool print_tokens(const struct tokenizer *t, enum tokenizer_special special, const char *path,
                  struct failure *f);

/* log softmax(logits[vocab])[id], in double. */
double log_probability(const float *logits, uint32_t vocab, uint32_t id);

#endif
