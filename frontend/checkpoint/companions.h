/* companions.h: the files that a checkpoint brings along beside its weights, in one place. What reads a
 * checkpoint looks for these names, and what copies one copies all that are there. */
#ifndef TERN_FRONTEND_CHECKPOINT_COMPANIONS_H
#define TERN_FRONTEND_CHECKPOINT_COMPANIONS_H

#define CONFIG_FILE           "config.json"
#define GENERATION_FILE       "generation_config.json"
#define TOKENIZER_JSON_FILE   "tokenizer.json"
#define TOKENIZER_MODEL_FILE  "tokenizer.model"
#define TOKENIZER_CONFIG_FILE "tokenizer_config.json"
#define SPECIAL_TOKENS_FILE   "special_tokens_map.json"
#define ADDED_TOKENS_FILE     "added_tokens.json"

/* The last ones are not read, but belong to what the others describe. */
#define VOCAB_FILE  "vocab.json"
#define MERGES_FILE "merges.txt"
#define COMPANION_FILES                                                                                      \
  {CONFIG_FILE,           GENERATION_FILE,     TOKENIZER_MODEL_FILE, TOKENIZER_JSON_FILE,                    \
   TOKENIZER_CONFIG_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE,    "chat_template.json",                   \
   "chat_template.jinja", VOCAB_FILE,          MERGES_FILE}

#endif
