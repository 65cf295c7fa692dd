/* tokenizer_roles.h: which tokens begin, end and surround a text, as the files beside the weights say it. */
#ifndef TERN_FRONTEND_CHECKPOINT_TOKENIZER_ROLES_H
#define TERN_FRONTEND_CHECKPOINT_TOKENIZER_ROLES_H

#include "frontend/checkpoint/config.h"
#include "frontend/checkpoint/tokenizer_block.h"

/* What a folder says of its tokens; root is NULL where there is no such file, or none that can be read. */
struct roles {
  struct diag *diag;
  struct arena *arena;
  struct config tokenizer, map, added, generation, model;
};

/* What cannot be read is told as a warning and left out. */
void roles_open(struct roles *r, struct diag *d, struct arena *a, const char *dir);
void roles_close(struct roles *r);

/* Adds the tokens that these files add to the vocabulary of tokenizer.json or tokenizer.model, and decides:
 *
 *   ids that end a text      eos_token_id (a number or a list) of generation_config.json, else of
 *                            config.json; else eos_token of tokenizer_config.json, else of
 *                            special_tokens_map.json; else the tokenizer's own
 *   the BOS token            bos_token of tokenizer_config.json, else of special_tokens_map.json; else the
 *                            tokenizer's own
 *   the id that generation   bos_token_id of generation_config.json, else of config.json; else the BOS token
 *   without a prompt starts from
 *   ids in front of a text   add_bos_token of tokenizer_config.json; else the post-processor of
 *                            tokenizer.json; else BOS, if the tokenizer's class puts it there
 *   ids behind a text        add_eos_token likewise; else the post-processor; no class puts any there */
void roles_apply(struct roles *r, struct vocabulary *v);

#endif
