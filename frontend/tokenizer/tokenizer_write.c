/* tokenizer_write.c: a trained tokenizer as the two files that Hugging Face's tokenizers and transformers
 * read. */
#include "frontend/tokenizer/tokenizer_train.h"

#include "frontend/checkpoint/companions.h"
#include "frontend/checkpoint/tokenizer_bytes.h"
#include "support/file.h"
#include <jansson.h>
#include <string.h>

/* A token as the files write it. */
static const char *spelling(struct arena *a, const struct trained *t, uint32_t id) {
  const struct bytes *k = &t->tokens.at[id];
  return id < (uint32_t)t->n_special ? k->at : byte_spelling(a, k->at, k->n);
}

static json_t *added_tokens(const struct trained *t) {
  json_t *list = json_array();
  for (int i = 0; i < t->n_special; i++)
    json_array_append_new(list, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", i, "content",
                                          t->tokens.at[i].at, "single_word", 0, "lstrip", 0, "rstrip", 0,
                                          "normalized", 0, "special", 1));
  return list;
}

static json_t *byte_level(void) {
  return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1,
                   "use_regex", 1);
}

static json_t *model(struct arena *a, const struct trained *t) {
  json_t *vocab = json_object(), *merges = json_array();
  for (uint32_t i = 0; i < (uint32_t)t->tokens.n; i++)
    json_object_set_new(vocab, spelling(a, t, i), json_integer(i));
  for (int i = 0; i < t->merges.n; i++)
    json_array_append_new(merges, json_string(arena_printf(a, "%s %s", spelling(a, t, t->merges.at[i].left),
                                                           spelling(a, t, t->merges.at[i].right))));
  return json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout",
                   "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
                   "byte_fallback", 0, "ignore_merges", 0, "vocab", vocab, "merges", merges);
}

static json_t *tokenizer_json(struct arena *a, const struct trained *t) {
  return json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:n, s:o, s:o}", "version", "1.0", "truncation", "padding",
                   "added_tokens", added_tokens(t), "normalizer", "pre_tokenizer", byte_level(),
                   "post_processor", "decoder", byte_level(), "model", model(a, t));
}

static json_t *tokenizer_config(const struct trained *t) {
  const char *end = t->tokens.at[0].at;
  json_t *more = json_array();
  for (int i = 1; i < t->n_special; i++)
    json_array_append_new(more, json_string(t->tokens.at[i].at));
  return json_pack("{s:s, s:s, s:s, s:o, s:b}", "tokenizer_class", "PreTrainedTokenizerFast", "bos_token",
                   end, "eos_token", end, "additional_special_tokens", more, "clean_up_tokenization_spaces",
                   0);
}

/* Takes the JSON. */
static bool write_json(struct diag *d, const char *path, json_t *json) {
  struct output out;
  bool ok = json != NULL;
  if (!ok)
    diag_error(d, "%s: not enough memory", path);
  else if ((ok = output_open(&out, d, path))) {
    ok = json_dumpf(json, out.file, JSON_INDENT(2)) == 0 && fputc('\n', out.file) != EOF;
    ok = output_close(&out, false) && ok;
  }
  json_decref(json);
  return ok;
}

bool tokenizer_write(struct diag *d, struct arena *a, const struct trained *t, const char *dir) {
  outputs_begin();
  bool ok = output_folder(d, dir) &&
            write_json(d, arena_printf(a, "%s/" TOKENIZER_JSON_FILE, dir), tokenizer_json(a, t)) &&
            write_json(d, arena_printf(a, "%s/" TOKENIZER_CONFIG_FILE, dir), tokenizer_config(t));
  return outputs_end(d, ok);
}
