/* tokenizer_block.h: a tokenizer as its file describes it, and the writer of the runtime's flat block.
 *
 * Both readers (tokenizer_model.c, tokenizer_json.c) fill a struct vocabulary; tokenizer_block_write checks
 * what is common to both (sizes, duplicates, byte tokens) and lays it out as runtime/text/tokenizer_format.h
 * says.
 */
#ifndef TERN_FRONTEND_CHECKPOINT_TOKENIZER_BLOCK_H
#define TERN_FRONTEND_CHECKPOINT_TOKENIZER_BLOCK_H

#include "runtime/text/tokenizer_format.h"
#include "support/diag.h"

struct bytes {
  const char *at;
  size_t n;
};

struct vocabulary_token {
  struct bytes piece;
  float score;     /* higher is merged first (0 where merges are listed) */
  uint32_t type;   /* enum tokenizer_type; 0: no token has this id, which is printed as nothing */
  bool added_only; /* found as an added token, never as a piece */
};

struct vocabulary_match {
  struct bytes text;
  uint32_t id, how; /* enum tokenizer_how */
};

typedef VEC(uint32_t) id_list;

struct vocabulary {
  const char *file; /* for diagnostics */
  uint32_t flags;   /* enum tokenizer_flag */
  bool byte_fallback;
  int32_t unk;                         /* -1: none */
  int32_t bos, eos;                    /* as the tokenizer's own file has them; -1: none */
  struct bytes unk_surface;            /* what UNK is printed as */
  VEC(struct vocabulary_token) tokens; /* by id */
  VEC(struct tokenizer_merge) merges;  /* by rank; of equal pairs the last counts */
  VEC(struct vocabulary_match) symbols, added, late_added;
  struct bytes charsmap;  /* SentencePiece's precompiled_charsmap; empty: identity */
  id_list prefix, suffix; /* ids around a text */
  bool has_template;      /* prefix and suffix are what a post-processor says */
  int32_t first;          /* the id that a text of none begins with; -1: none */
  id_list ends;           /* ids that end a text */
  /* TOKENIZER_BYTE_LEVEL (tokenizer_bytes.h): */
  VEC(struct tokenizer_rule) rules; /* that cut a text into words */
  uint32_t *byte_ids;               /* the token of each byte, or TOKENIZER_NO_BYTE */
};

/* The reader of an added token as tokenizer.json's added_tokens and tokenizer_config.json's
 * added_tokens_decoder have it. */
struct added_token {
  const char *content;
  int64_t id;
  bool special, normalized, lstrip, rstrip, single_word;
};
/* Adds it; NULL, or what is wrong with it, in the arena. A token that is there already under the same id is
 * only found in texts. */
const char *vocabulary_add(struct arena *a, struct vocabulary *v, const struct added_token *token);
/* The token of that name; -1: none. Among several a control token goes first. */
int32_t vocabulary_find(const struct vocabulary *v, const char *name);
/* A special token is printed as nothing. */
void vocabulary_make_special(struct vocabulary *v, int32_t id);

/* Each false after diagnostics. Texts may point into the file's contents, which live in the arena. */
bool tokenizer_read_model(struct diag *d, struct arena *a, const char *path, struct vocabulary *v);
bool tokenizer_read_json(struct diag *d, struct arena *a, const char *path, struct vocabulary *v);

/* The block, in the arena. */
bool tokenizer_block_write(struct diag *d, struct arena *a, const struct vocabulary *v, uint8_t **block,
                           size_t *bytes);

/* The value of a byte token's piece "<0x00>" .. "<0xFF>"; -1: it is none. */
int byte_token_value(struct bytes piece);

/* A piece for a diagnostic: printable, quoted, at most 40 characters. */
const char *show_piece(struct arena *a, struct bytes piece);

#endif
