/* tokenizer_train.c: what a training must have, and the tokens that it begins with. */
#include "frontend/tokenizer/tokenizer_train.h"

#include "frontend/checkpoint/tokenizer_bytes.h"
#include <string.h>
#include <utf8proc.h>

enum { BYTES = 256 };

static bool is_utf8(const char *s, size_t n) {
  utf8proc_int32_t c;
  utf8proc_ssize_t k;
  for (size_t i = 0; i < n; i += (size_t)k)
    if ((k = utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &c)) <= 0)
      return false;
  return true;
}

/* NULL, or why a special token cannot be one. A token is written as characters, and pieces of text as the
 * characters of their bytes: the two must not be mistaken for each other. */
static const char *fault_of(struct arena *a, const char *s) {
  size_t n = strlen(s);
  struct bytes meaning;
  if (n == 0)
    return "is empty";
  if (n > TOKENIZER_MAX_PIECE)
    return "is longer than 4096 bytes";
  if (!is_utf8(s, n))
    return "is not UTF-8";
  if (!byte_meaning(a, (struct bytes){s, n}, &meaning))
    return NULL;
  if (meaning.n == 1 || meaning.n != n)
    return "is how tokenizer.json writes a piece of text; add <| and |> around it";
  return NULL;
}

static bool check_special(struct diag *d, struct arena *a, const struct training *how) {
  for (int i = 0; i < how->n_special; i++) {
    const char *s = how->special[i], *fault = fault_of(a, s);
    for (int k = 0; k < i && !fault; k++)
      fault = strcmp(how->special[k], s) == 0 ? "is given twice" : NULL;
    if (fault) {
      diag_error(d, "the special token %s %s", show_piece(a, (struct bytes){s, strlen(s)}), fault);
      return false;
    }
  }
  return true;
}

static bool check_size(struct diag *d, const struct training *how) {
  int least = BYTES + how->n_special;
  if (how->vocab >= least && how->vocab <= TOKENIZER_MAX_TOKENS)
    return true;
  diag_error(d,
             "--vocab %d: a byte-level vocabulary has at least %d tokens, the 256 bytes and the special ones "
             "(%d), and "
             "at most %d",
             how->vocab, least, how->n_special, (int)TOKENIZER_MAX_TOKENS);
  return false;
}

static void begin(struct arena *a, const struct training *how, struct trained *t) {
  for (int i = 0; i < how->n_special; i++)
    vec_push(a, t->tokens, (struct bytes){how->special[i], strlen(how->special[i])});
  t->n_special = how->n_special;
  for (uint32_t c = 0, found = 0; found < BYTES; c++)
    for (int byte = 0; byte < BYTES; byte++)
      if (byte_character((uint8_t)byte) == c) {
        char text = (char)byte;
        vec_push(a, t->tokens, (struct bytes){arena_strndup(a, &text, 1), 1});
        found++;
      }
}

bool tokenizer_train(struct diag *d, struct arena *a, const struct training *how, struct trained *t) {
  counted_words words = {0};
  if (!check_special(d, a, how) || !check_size(d, how))
    return false;
  begin(a, how, t);
  if (!count_words(d, a, how, &words, t))
    return false;
  if (!words.n) {
    diag_error(d, "%s: there is no text to train on", how->n_files == 1 ? how->files[0] : "all files");
    return false;
  }
  merge_pairs(a, &words, how->vocab, t);
  if (t->tokens.n < how->vocab)
    diag_at(d, SEVERITY_WARNING, (struct loc){0},
            "the text has no more pairs to merge: the vocabulary has %d tokens, not %d; give more text",
            t->tokens.n, how->vocab);
  return true;
}
