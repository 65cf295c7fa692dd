/* tokenizer.c: finds a directory's tokenizer and makes the runtime's block of it. tokenizer.json goes before
 * tokenizer.model, as in transformers: it is what the model was used with, and a model that was trained
 * further has its new tokens there. What cannot be used gives way to the other. */
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/companions.h"
#include "frontend/checkpoint/tokenizer_roles.h"
#include "support/file.h"

#include <unistd.h>

typedef bool reader(struct diag *d, struct arena *a, const char *path, struct vocabulary *v);

static const struct {
  const char *name;
  reader *read;
} kinds[] = {
    {TOKENIZER_JSON_FILE, tokenizer_read_json},
    {TOKENIZER_MODEL_FILE, tokenizer_read_model},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What is wrong with it is told as warnings. */
static bool read_kind(struct diag *d, struct arena *a, const char *dir, int kind, struct roles *roles,
                      uint8_t **block, size_t *bytes) {
  struct vocabulary v = {
      .file = arena_printf(a, "%s/%s", dir, kinds[kind].name), .unk = -1, .bos = -1, .eos = -1, .first = -1};
  bool lenient = d->lenient;
  d->lenient = true;
  bool ok = kinds[kind].read(d, a, v.file, &v);
  if (ok)
    roles_apply(roles, &v);
  ok = ok && tokenizer_block_write(d, a, &v, block, bytes);
  d->lenient = lenient;
  return ok;
}

/* Says which of the two is taken where both are there. */
static void tell_choice(struct diag *d, const char *dir, const bool there[KINDS], int taken) {
  if (there[0] && there[1])
    diag_note(d, "%s: the tokenizer is %s%s; %s is not used", dir, kinds[taken].name,
              taken == 0 ? ", as in transformers" : "", kinds[1 - taken].name);
}

/* Tokenizers in other files, by the first that is there. */
static void tell_unread(struct diag *d, struct arena *a, const char *dir) {
  static const struct {
    const char *file, *said;
  } unread[] = {{VOCAB_FILE, VOCAB_FILE " and " MERGES_FILE " are"},
                {MERGES_FILE, MERGES_FILE " is"},
                {"tekken.json", "tekken.json is"},
                {"vocab.txt", "vocab.txt is"},
                {"spiece.model", "spiece.model is"}};
  for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
    if (file_exists(arena_printf(a, "%s/%s", dir, unread[i].file))) {
      diag_note(
          d,
          "%s: %s not read, so the model takes token ids (--tokens) and no text; for a " TOKENIZER_JSON_FILE
          " run, in Python, transformers.AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
          dir, unread[i].said);
      return;
    }
}

void checkpoint_tokenizer(struct diag *d, struct arena *a, const char *dir, uint8_t **block, size_t *bytes) {
  struct roles roles;
  bool there[KINDS];
  int taken = KINDS;
  *block = NULL;
  *bytes = 0;
  for (int i = 0; i < KINDS; i++)
    there[i] = file_exists(arena_printf(a, "%s/%s", dir, kinds[i].name));
  if (!there[0] && !there[1]) {
    tell_unread(d, a, dir);
    return;
  }
  roles_open(&roles, d, a, dir);
  for (int i = 0; i < KINDS && taken == KINDS; i++)
    if (there[i] && read_kind(d, a, dir, i, &roles, block, bytes))
      taken = i;
  roles_close(&roles);
  if (taken < KINDS)
    tell_choice(d, dir, there, taken);
  else
    diag_note(d, "%s: no tokenizer of it can be used, so the model takes token ids (--tokens) and no text",
              dir);
}
