/* tokenizer_added.c: added tokens: those that a tokenizer has beside the pieces that text is made of. */
#include "frontend/checkpoint/tokenizer_block.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static struct bytes keep(struct arena *a, const char *s) {
  return (struct bytes){arena_strdup(a, s), strlen(s)};
}

static bool is_named(struct bytes piece, const char *name) {
  return piece.n == strlen(name) && memcmp(piece.at, name, piece.n) == 0;
}

int32_t vocabulary_find(const struct vocabulary *v, const char *name) {
  int32_t found = -1;
  for (int i = 0; i < v->tokens.n; i++)
    if (v->tokens.at[i].type && is_named(v->tokens.at[i].piece, name)) {
      if (v->tokens.at[i].type == TOKENIZER_CONTROL)
        return i;
      found = found < 0 ? i : found;
    }
  return found;
}

void vocabulary_make_special(struct vocabulary *v, int32_t id) {
  if (id == v->unk)
    v->unk_surface = (struct bytes){"", 0};
  else if (id >= 0 && id < v->tokens.n && v->tokens.at[id].type)
    v->tokens.at[id].type = TOKENIZER_CONTROL;
}

/* The text as the normalizer leaves it. */
static struct bytes normalize(struct arena *a, const struct vocabulary *v, const char *s) {
  if (v->flags & TOKENIZER_NFC) {
    utf8proc_uint8_t *composed = utf8proc_NFC((const utf8proc_uint8_t *)s);
    struct bytes text = keep(a, composed ? (const char *)composed : s);
    free(composed);
    return text;
  }
  struct bytes out = {arena_alloc(a, (strlen(s) + 1) * TOKENIZER_BLANK_BYTES + 1), 0};
  char *w = (char *)out.at;
  if (v->flags & TOKENIZER_PREPEND)
    w = stpcpy(w, TOKENIZER_BLANK);
  for (; *s; s++)
    if (*s == ' ' && v->flags & TOKENIZER_REPLACE)
      w = stpcpy(w, TOKENIZER_BLANK);
    else
      *w++ = *s;
  out.n = (size_t)(w - out.at);
  return out;
}

/* Where texts are cut for it. A tokenizer.model has no normalizer that added tokens could go through. */
static void add_match(struct arena *a, struct vocabulary *v, const struct added_token *k, uint32_t id) {
  bool late = k->normalized && v->flags & TOKENIZER_PAIR_MERGES;
  uint32_t how = (k->lstrip ? TOKENIZER_STRIP_LEFT : 0) | (k->rstrip ? TOKENIZER_STRIP_RIGHT : 0) |
                 (k->single_word ? TOKENIZER_SINGLE_WORD : 0) |
                 (k->special ? TOKENIZER_SPECIAL | TOKENIZER_MARKER : 0);
  struct vocabulary_match m = {late ? normalize(a, v, k->content) : keep(a, k->content), id, how};
  for (int i = 0; i < v->added.n && !late; i++)
    if (v->added.at[i].id == id) {
      v->added.at[i] = m;
      return;
    }
  if (late)
    vec_push(a, v->late_added, m);
  else
    vec_push(a, v->added, m);
}

static bool is_symbol(const struct vocabulary *v, uint32_t id) {
  for (int i = 0; i < v->symbols.n; i++)
    if (v->symbols.at[i].id == id)
      return true;
  return false;
}

const char *vocabulary_add(struct arena *a, struct vocabulary *v, const struct added_token *k) {
  struct bytes content = {k->content, strlen(k->content)};
  if (k->id < 0 || k->id >= TOKENIZER_MAX_TOKENS)
    return arena_printf(a, "the id %lld is not in 0 .. %d", (long long)k->id, (int)TOKENIZER_MAX_TOKENS - 1);
  if (!content.n || content.n > TOKENIZER_MAX_PIECE)
    return content.n ? "it is longer than 4096 bytes" : "it is empty";
  while (v->tokens.n <= k->id)
    vec_push(a, v->tokens, (struct vocabulary_token){0});
  struct vocabulary_token *slot = &v->tokens.at[k->id];
  int32_t there =
      slot->type && is_named(slot->piece, k->content) ? (int32_t)k->id : vocabulary_find(v, k->content);
  if (there >= 0 && there != k->id)
    return arena_printf(a, "its id is %lld, but the vocabulary has it as %d", (long long)k->id, there);
  if (there < 0 && slot->type)
    return arena_printf(a, "%s and %s have the same id %lld", show_piece(a, slot->piece),
                        show_piece(a, content), (long long)k->id);
  if (there < 0)
    *slot =
        (struct vocabulary_token){.piece = keep(a, k->content), .type = TOKENIZER_NORMAL, .added_only = true};
  if (k->special)
    vocabulary_make_special(v, (int32_t)k->id);
  if (!is_symbol(v, (uint32_t)k->id))
    add_match(a, v, k, (uint32_t)k->id);
  return NULL;
}
