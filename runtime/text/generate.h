/* generate.h: continues a prompt, writing the text as it comes. */
#ifndef TERN_RUNTIME_GENERATE_H
#define TERN_RUNTIME_GENERATE_H

#include "runtime/core/base.h"

#include <stdio.h>

#include "runtime/core/session.h"
#include "runtime/text/sample.h"
#include "runtime/text/tokenizer.h"

/* How a text becomes ids. Zero: as the checkpoint says, a prompt that goes on. */
enum text_bos { BOS_AS_TRAINED, BOS_ALWAYS, BOS_NEVER };
struct text_rules {
  enum tokenizer_special special;
  enum text_bos bos; /* NEVER leaves the tokenizer's whole prefix out */
  bool whole;        /* nothing follows: the tokenizer's suffix goes behind it */
};

struct generation {
  /* In. */
  const char *prompt; /* prompt_bytes of it; may hold zeros */
  size_t prompt_bytes;
  struct text_rules rules;
  uint64_t length; /* most tokens to write */
  bool echo, stop_at_eos;
  FILE *to;
  /* Out. Seconds; rates are tokens a second. */
  uint64_t prompt_tokens, written; /* what is put in front counts as the prompt's */
  double first_token, prompt_rate, decode_rate;
  bool full; /* the context has no room for `length`, which says now how many tokens there is room for */
};

/* BOS and the prompt, then `length` tokens one by one. A signal ends it after the character being written:
 * that is no failure. */
bool generate(struct generation *g, struct session *s, const struct tokenizer *t, struct sampler *sampler,
              struct failure *f);

/* Ids of a text with what the rules put around it; an empty text is BOS alone, unless that is to be left out.
 * *ids is malloc'ed. */
bool tokens_of_text(const struct tokenizer *t, const struct text_rules *rules, const char *text, size_t bytes,
                    uint32_t **ids, size_t *n, struct failure *f);

#endif
