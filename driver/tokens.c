/* tokens.c: ids that a command is given, and text of ids. */
#include "driver/tokens.h"
#include "driver/interpret.h"

#include "runtime/core/files.h"
#include "runtime/text/generate.h"
#include "runtime/text/tokenizer_format.h"
#include <stdlib.h>
#include <string.h>

/* A model may have more ids than its tokenizer has tokens; the other way round, some texts cannot be run. */
static void check_vocabulary(struct job *j) {
  const struct tokenizer_header *h = (const struct tokenizer_header *)j->tokenizer;
  uint32_t tokens = h->section[TOKENIZER_TOKENS].count;
  int64_t vocab = model_vocabulary(j->module);
  if (tokens > vocab)
    diag_at(&j->diag, SEVERITY_WARNING, (struct loc){0},
            "the tokenizer has %u tokens and the model %lld ids; a text with one of the tokens beyond them "
            "cannot be run",
            tokens, (long long)vocab);
}

void job_find_tokenizer(struct job *j) {
  checkpoint_tokenizer(&j->diag, &j->arena, checkpoint_dir(j->checkpoint), &j->tokenizer,
                       &j->tokenizer_bytes);
  if (j->tokenizer)
    check_vocabulary(j);
}

struct tokenizer *job_tokenizer(struct job *j, const char *without) {
  char why[256];
  if (!j->tokenizer) {
    diag_error(&j->diag, "%s", without);
    return NULL;
  }
  struct tokenizer *t = tokenizer_open(j->tokenizer, j->tokenizer_bytes, why, sizeof why);
  if (!t)
    diag_error(&j->diag, "the tokenizer cannot be used: %s", why);
  return t;
}

/* The ids, malloc'ed, go to the arena; `ok`: they were had. */
static uint32_t *in_arena(struct job *j, bool ok, uint32_t *ids, size_t n, const struct failure *f) {
  if (!ok) {
    diag_error(&j->diag, "%s", f->text);
    return NULL;
  }
  uint32_t *own = arena_array(&j->arena, uint32_t, n + 1);
  memcpy(own, ids, sizeof *own * n);
  free(ids);
  return own;
}

/* A tokenizer may have more tokens than the model has ids. */
static bool ids_fit(const struct job *j, const uint32_t *ids, size_t n, struct failure *f) {
  int64_t vocab = model_vocabulary(j->module);
  for (size_t i = 0; i < n; i++)
    if (ids[i] >= vocab)
      return fail_with(f, "the text has token %u, and the model's vocabulary %lld ids", ids[i],
                       (long long)vocab);
  return true;
}

uint32_t *text_ids(struct job *j, const struct tokenizer *t, const char *text, size_t length, size_t *n) {
  struct failure f = {0};
  uint32_t *ids = NULL;
  *n = 0;
  struct text_rules rules = {0};
  bool ok = tokens_of_text(t, &rules, text, length, &ids, n, &f) && ids_fit(j, ids, *n, &f);
  return in_arena(j, ok, ids, *n, &f);
}

uint32_t *file_ids(struct job *j, const char *path, uint32_t vocab, size_t *n) {
  struct failure f = {0};
  uint32_t *ids = NULL;
  *n = 0;
  bool ok = read_ids(path, vocab, &ids, n, &f);
  return in_arena(j, ok, ids, *n, &f);
}

void print_ids(const struct tokenizer *t, const uint32_t *ids, size_t n) {
  bool first = true;
  for (size_t i = 0; i < n; i++) {
    size_t bytes;
    const char *piece = tokenizer_piece(t, ids[i], first, &bytes);
    fwrite(piece, 1, bytes, stdout);
    first = first && !bytes;
  }
  putchar('\n');
}
