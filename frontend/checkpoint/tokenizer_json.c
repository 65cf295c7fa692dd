/* tokenizer_json.c: reads a Hugging Face tokenizer.json that describes a SentencePiece-like or a byte-level
 * BPE, with Jansson.
 *
 * Taken: model BPE (merges as "a b" or ["a", "b"], byte_fallback, fuse_unk, ignore_merges), the normalizers
 * Prepend U+2581 and Replace " " by U+2581, or NFC, the pre-tokenizer Metaspace in all its forms, ByteLevel
 * alone or behind a Split by a known pattern, added tokens, the post-processors that put ids around a text.
 * Whatever else would change the ids is refused by name. */
#include "frontend/checkpoint/config.h"
#include "frontend/checkpoint/tokenizer_bytes.h"

#include <stdarg.h>
#include <string.h>

struct tokenizer_reader {
  struct diag *d;
  struct arena *a;
  const char *path;
  struct vocabulary *v;
  json_t *vocab; /* model.vocab: piece -> id */
  bool ok;
};

/* An error at a place inside the file, e.g. "model.merges[7]". */
__attribute__((format(printf, 3, 4))) static void wrong(struct tokenizer_reader *r, const char *where,
                                                        const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_error(r->d, "%s: %s: %s", r->path, where, arena_vprintf(r->a, format, ap));
  va_end(ap);
  r->ok = false;
}

/* Absent and null are the same. */
static json_t *get(const json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  return json_is_null(value) ? NULL : value;
}

static bool get_bool(struct tokenizer_reader *r, const json_t *object, const char *where, const char *key,
                     bool otherwise) {
  const json_t *value = get(object, key);
  if (value && !json_is_boolean(value))
    wrong(r, where, "\"%s\" must be true or false", key);
  return value && json_is_boolean(value) ? json_is_true(value) : otherwise;
}

static const char *get_string(struct tokenizer_reader *r, const json_t *object, const char *where,
                              const char *key, const char *otherwise) {
  const json_t *value = get(object, key);
  if (value && !json_is_string(value))
    wrong(r, where, "\"%s\" must be a string", key);
  return value && json_is_string(value) ? json_string_value(value) : otherwise;
}

static struct bytes keep(struct tokenizer_reader *r, const char *s) {
  return (struct bytes){arena_strdup(r->a, s), strlen(s)};
}

/* ---- normalizer and pre-tokenizer ---- */

/* A kind of normalizer, pre-tokenizer or decoder, and what it does to the vocabulary's flags. */
struct step {
  const char *type;
  void (*read)(struct tokenizer_reader *r, const json_t *step, const char *where);
};

static bool is_blank(const char *s) {
  return strcmp(s, TOKENIZER_BLANK) == 0;
}

static void read_prepend(struct tokenizer_reader *r, const json_t *step, const char *where) {
  if (!is_blank(get_string(r, step, where, "prepend", "")))
    wrong(r, where, "Prepend can only put U+2581 in front");
  if (r->v->flags & (TOKENIZER_PREPEND | TOKENIZER_REPLACE))
    wrong(r, where, "Prepend must come once, before Replace");
  r->v->flags |= TOKENIZER_PREPEND;
}

static void read_replace(struct tokenizer_reader *r, const json_t *step, const char *where) {
  const char *from = get_string(r, get(step, "pattern"), where, "String", "");
  if (strcmp(from, " ") != 0 || !is_blank(get_string(r, step, where, "content", "")))
    wrong(r, where, "Replace can only put U+2581 for each \" \"");
  r->v->flags |= TOKENIZER_REPLACE;
}

static void read_metaspace(struct tokenizer_reader *r, const json_t *step, const char *where) {
  static const struct {
    const char *scheme;
    uint32_t flags;
  } schemes[] = {{"always", TOKENIZER_META_PREPEND},
                 {"first", TOKENIZER_META_PREPEND | TOKENIZER_META_FIRST},
                 {"never", 0}};
  bool prefix =
      get_bool(r, step, where, "add_prefix_space", true); /* files before prepend_scheme have only this */
  const char *scheme = get_string(r, step, where, "prepend_scheme", prefix ? "always" : "never");
  size_t i = 0, n = sizeof schemes / sizeof *schemes;
  while (i < n && strcmp(schemes[i].scheme, scheme) != 0)
    i++;
  if (i == n)
    wrong(r, where, "prepend_scheme must be \"always\", \"first\" or \"never\"");
  else if (prefix)
    r->v->flags |= schemes[i].flags;
  if (!is_blank(get_string(r, step, where, "replacement", TOKENIZER_BLANK)))
    wrong(r, where, "Metaspace's replacement must be U+2581");
  if (r->v->flags & TOKENIZER_META_REPLACE)
    wrong(r, where, "there can be one Metaspace only");
  if (r->v->flags & TOKENIZER_BYTE_LEVEL)
    wrong(r, where, "Metaspace cannot stand with ByteLevel");
  r->v->flags |=
      TOKENIZER_META_REPLACE | (get_bool(r, step, where, "split", true) ? TOKENIZER_META_SPLIT : 0);
}

/* {"type": "Split", "pattern": {"Regex": "..."}, "behavior": "Isolated"}: words of a byte-level tokenizer. */
static void read_pattern(struct tokenizer_reader *r, const json_t *step, const char *where,
                         const char *regex) {
  const char *behavior = get_string(r, step, where, "behavior", "");
  if (r->v->rules.n || r->v->flags & TOKENIZER_BYTE_LEVEL)
    wrong(r, where, "there can be one Split by a pattern only, in front of ByteLevel");
  else if (strcmp(behavior, "Isolated") != 0 || get_bool(r, step, where, "invert", false))
    wrong(r, where, "Split by a pattern can only have \"behavior\": \"Isolated\" and \"invert\": false");
  else if (!pattern_rules(r->a, r->v, regex))
    wrong(r, where,
          "the pattern %s is not one that is known; known are those of GPT-2, Llama 3 and Qwen2, GPT-2's "
          "being %s",
          show_piece(r->a, (struct bytes){regex, strlen(regex)}), pattern_gpt2);
}

/* Splitting at " " changes nothing once the normalizer has replaced every one of them. */
static void read_split(struct tokenizer_reader *r, const json_t *step, const char *where) {
  const char *regex = get_string(r, get(step, "pattern"), where, "Regex", NULL);
  if (regex) {
    read_pattern(r, step, where, regex);
    return;
  }
  const char *at = get_string(r, get(step, "pattern"), where, "String", "");
  if (strcmp(at, " ") != 0 || get_bool(r, step, where, "invert", false) || !(r->v->flags & TOKENIZER_REPLACE))
    wrong(r, where, "Split can only be by \" \", after a normalizer that replaces it");
}

/* Characters are bytes from here on. It splits by GPT-2's pattern, unless a Split in front of it has done so.
 */
static void read_byte_level(struct tokenizer_reader *r, const json_t *step, const char *where) {
  bool prefix = get_bool(r, step, where, "add_prefix_space", true), split_before = r->v->rules.n;
  bool split = get_bool(r, step, where, "use_regex", true);
  if (r->v->flags & TOKENIZER_BYTE_LEVEL)
    wrong(r, where, "there can be one ByteLevel only");
  if (r->v->flags & (TOKENIZER_PREPEND | TOKENIZER_REPLACE | TOKENIZER_META_REPLACE))
    wrong(r, where, "ByteLevel cannot stand with Prepend, Replace or Metaspace");
  if (split_before && (split || prefix))
    wrong(r, where,
          "behind a Split, ByteLevel can only have \"use_regex\": false and \"add_prefix_space\": false");
  if (!split_before && split)
    pattern_rules(r->a, r->v, pattern_gpt2);
  r->v->flags |= TOKENIZER_BYTE_LEVEL | (prefix ? TOKENIZER_PREFIX_SPACE : 0);
}

static void read_nfc(struct tokenizer_reader *r, const json_t *step, const char *where) {
  (void)step;
  if (r->v->flags & (TOKENIZER_PREPEND | TOKENIZER_REPLACE | TOKENIZER_NFC))
    wrong(r, where, "NFC must be the only normalizer");
  r->v->flags |= TOKENIZER_NFC;
}

static const struct step normalizers[] = {
    {"Prepend", read_prepend}, {"Replace", read_replace}, {"NFC", read_nfc}, {0}};
static const struct step pre_tokenizers[] = {
    {"Metaspace", read_metaspace}, {"Split", read_split}, {"ByteLevel", read_byte_level}, {0}};

/* One step, or a Sequence of steps in `list`. */
static void read_steps(struct tokenizer_reader *r, const json_t *step, const char *where, const char *list,
                       const struct step *known) {
  if (!step)
    return;
  const char *type = get_string(r, step, where, "type", "");
  if (strcmp(type, "Sequence") == 0) {
    const json_t *steps = get(step, list), *one;
    size_t i;
    if (!json_is_array(steps))
      wrong(r, where, "\"%s\" must be a list", list);
    json_array_foreach(steps, i, one)
        read_steps(r, one, arena_printf(r->a, "%s.%s[%zu]", where, list, i), list, known);
    return;
  }
  while (known->type && strcmp(known->type, type) != 0)
    known++;
  if (known->type)
    known->read(r, step, where);
  else
    wrong(r, where, "the type %s is not one that a SentencePiece-like or a byte-level tokenizer has",
          show_piece(r->a, (struct bytes){type, strlen(type)}));
}

/* Whether decoding takes the first blank away: Strip and Metaspace say so; without a decoder, what was put in
 * front is taken away. */
static bool decoder_drops_blank(const json_t *decoder, bool otherwise) {
  const char *type = json_string_value(get(decoder, "type"));
  if (!type)
    return otherwise;
  if (strcmp(type, "Sequence") == 0) {
    const json_t *one;
    size_t i;
    bool drops = false;
    json_array_foreach(get(decoder, "decoders"), i, one) drops |= decoder_drops_blank(one, false);
    return drops;
  }
  if (strcmp(type, "Strip") == 0)
    return json_integer_value(get(decoder, "start")) > 0;
  if (strcmp(type, "Metaspace") == 0) {
    const char *scheme = json_string_value(get(decoder, "prepend_scheme"));
    return !json_is_false(get(decoder, "add_prefix_space")) && (!scheme || strcmp(scheme, "never") != 0);
  }
  return false;
}

/* ---- vocabulary ---- */

/* Puts a token at its id; false after a diagnostic. */
static bool place(struct tokenizer_reader *r, const char *where, json_int_t id, struct vocabulary_token k) {
  if (id < 0 || id >= TOKENIZER_MAX_TOKENS) {
    wrong(r, where, "the id %lld is not in 0 .. %d", (long long)id, (int)TOKENIZER_MAX_TOKENS - 1);
    return false;
  }
  while (r->v->tokens.n <= id)
    vec_push(r->a, r->v->tokens, (struct vocabulary_token){0});
  struct vocabulary_token *there = &r->v->tokens.at[id];
  if (there->type) {
    wrong(r, where, "%s and %s have the same id %lld", show_piece(r->a, there->piece),
          show_piece(r->a, k.piece), (long long)id);
    return false;
  }
  *there = k;
  return true;
}

static void read_vocab(struct tokenizer_reader *r) {
  const char *piece;
  json_t *id;
  if (!json_is_object(r->vocab) || json_object_size(r->vocab) == 0) {
    wrong(r, "model.vocab", "an object of pieces and their ids was expected");
    return;
  }
  json_object_foreach(r->vocab, piece, id) {
    struct vocabulary_token k = {.piece = keep(r, piece), .type = TOKENIZER_NORMAL};
    if (r->v->byte_fallback && byte_token_value(k.piece) >= 0)
      k.type = TOKENIZER_BYTE;
    if (!json_is_integer(id))
      wrong(r, "model.vocab", "the id of %s must be an integer", show_piece(r->a, k.piece));
    else
      place(r, "model.vocab", json_integer_value(id), k);
  }
}

static int32_t find_id(const struct tokenizer_reader *r, const char *piece) {
  json_t *id = json_object_get(r->vocab, piece);
  return id ? (int32_t)json_integer_value(id) : -1;
}

/* The two parts of a merge in either form; false when it is neither. */
static bool merge_parts(struct tokenizer_reader *r, const json_t *merge, const char **left,
                        const char **right) {
  if (json_is_string(merge)) {
    char *s = arena_strdup(r->a, json_string_value(merge)), *space = strchr(s, ' ');
    if (!space || strchr(space + 1, ' '))
      return false;
    *space = 0;
    *left = s;
    *right = space + 1;
    return true;
  }
  *left = json_string_value(json_array_get(merge, 0));
  *right = json_string_value(json_array_get(merge, 1));
  return json_array_size(merge) == 2 && *left && *right;
}

static void read_merge(struct tokenizer_reader *r, const json_t *merge, size_t i) {
  const char *left, *right, *where = arena_printf(r->a, "model.merges[%zu]", i);
  if (!merge_parts(r, merge, &left, &right)) {
    wrong(r, where, "a merge must be \"a b\" or [\"a\", \"b\"]");
    return;
  }
  const char *part[] = {left, right, arena_printf(r->a, "%s%s", left, right)};
  int32_t id[3];
  for (int k = 0; k < 3; k++) {
    id[k] = find_id(r, part[k]);
    if (id[k] < 0) {
      wrong(r, where, "%s is not in the vocabulary",
            show_piece(r->a, (struct bytes){part[k], strlen(part[k])}));
      return;
    }
  }
  vec_push(r->a, r->v->merges, (struct tokenizer_merge){(uint32_t)id[0], (uint32_t)id[1], (uint32_t)id[2]});
}

static void read_merges(struct tokenizer_reader *r, const json_t *merges) {
  const json_t *merge;
  size_t i;
  if (!json_is_array(merges))
    wrong(r, "model.merges", "a list was expected");
  json_array_foreach(merges, i, merge) read_merge(r, merge, i);
}

static void read_unknown(struct tokenizer_reader *r, const json_t *model) {
  const char *unk = get_string(r, model, "model", "unk_token", NULL);
  if (!unk || !*unk)
    return;
  r->v->unk = find_id(r, unk);
  if (r->v->unk < 0) {
    wrong(r, "model.unk_token", "it is not in the vocabulary");
    return;
  }
  r->v->tokens.at[r->v->unk].type = TOKENIZER_UNKNOWN;
  r->v->unk_surface = r->v->tokens.at[r->v->unk].piece;
}

static void read_model(struct tokenizer_reader *r, const json_t *model) {
  static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
  const char *type = get_string(r, model, "model", "type", "BPE"); /* early files have no type */
  if (!json_is_object(model)) {
    wrong(r, "model",
          "an object with the vocabulary and the merges of a BPE was expected; the file has none");
    return;
  }
  if (strcmp(type, "BPE") != 0) {
    wrong(r, "model.type", "the model must be BPE, not %s",
          show_piece(r->a, (struct bytes){type, strlen(type)}));
    return;
  }
  for (int i = 0; i < 2; i++)
    if (*get_string(r, model, "model", affixes[i], ""))
      wrong(r, "model", "\"%s\" must be empty; what is read here has none", affixes[i]);
  if (json_number_value(get(model, "dropout")) != 0)
    wrong(r, "model.dropout", "merges that are left out at random are for training; set it to null");
  r->v->byte_fallback = get_bool(r, model, "model", "byte_fallback", false);
  r->v->flags |= get_bool(r, model, "model", "fuse_unk", false) ? TOKENIZER_FUSE_UNK : 0;
  r->v->flags |= get_bool(r, model, "model", "ignore_merges", false) ? TOKENIZER_IGNORE_MERGES : 0;
  if (r->v->byte_fallback && r->v->flags & TOKENIZER_BYTE_LEVEL)
    wrong(r, "model.byte_fallback", "it must be false where the pre-tokenizer is ByteLevel");
  r->vocab = get(model, "vocab");
  read_vocab(r);
  if (r->ok) { /* the rest refers to the vocabulary */
    read_merges(r, get(model, "merges"));
    read_unknown(r, model);
  }
}

/* ---- added tokens ---- */

static void read_added(struct tokenizer_reader *r, const json_t *token, const char *where) {
  const json_t *id = get(token, "id");
  bool special = get_bool(r, token, where, "special", false);
  struct added_token k = {.content = get_string(r, token, where, "content", ""),
                          .id = json_integer_value(id),
                          .special = special,
                          .normalized = get_bool(r, token, where, "normalized", !special),
                          .lstrip = get_bool(r, token, where, "lstrip", false),
                          .rstrip = get_bool(r, token, where, "rstrip", false),
                          .single_word = get_bool(r, token, where, "single_word", false)};
  if (!*k.content || !json_is_integer(id)) {
    wrong(r, where, "an added token must have an integer \"id\" and a \"content\"");
    return;
  }
  const char *fault = vocabulary_add(r->a, r->v, &k);
  if (fault)
    wrong(r, where, "%s", fault);
}

static void read_added_tokens(struct tokenizer_reader *r, const json_t *list) {
  const json_t *token;
  size_t i;
  if (list && !json_is_array(list))
    wrong(r, "added_tokens", "a list was expected");
  json_array_foreach(list, i, token) read_added(r, token, arena_printf(r->a, "added_tokens[%zu]", i));
}

/* ---- post-processors: ids around a text ---- */

/* What one post-processor puts around what those before it made. */
struct around {
  id_list before, behind;
};

static void put_around(struct tokenizer_reader *r, struct around *x, bool before, const json_t *id,
                       const char *where) {
  json_int_t n = json_integer_value(id);
  if (!json_is_integer(id) || n < 0 || n >= TOKENIZER_MAX_TOKENS)
    wrong(r, where, "a token id was expected, not %s", json_kind(r->a, id));
  else if (before)
    vec_push(r->a, x->before, (uint32_t)n);
  else
    vec_push(r->a, x->behind, (uint32_t)n);
}

/* {"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids":
 * [1]}}} */
static void read_template(struct tokenizer_reader *r, const json_t *step, const char *where,
                          struct around *x) {
  const json_t *part, *id;
  size_t i, k;
  bool before = true;
  json_array_foreach(get(step, "single"), i, part) {
    const json_t *special = get(part, "SpecialToken");
    const char *name = json_string_value(get(special, "id"));
    if (get(part, "Sequence"))
      before = false;
    const json_t *ids = name ? get(get(get(step, "special_tokens"), name), "ids") : NULL;
    if (special && !json_is_array(ids))
      wrong(r, where, "its special_tokens have no ids for %s",
            name ? show_piece(r->a, keep(r, name)) : "a token");
    json_array_foreach(ids, k, id) put_around(r, x, before, id, where);
  }
}

/* BertProcessing and RobertaProcessing: {"cls": ["<s>", 0], "sep": ["</s>", 2]}. */
static void read_pair(struct tokenizer_reader *r, const json_t *step, const char *where, struct around *x) {
  put_around(r, x, true, json_array_get(get(step, "cls"), 1), where);
  put_around(r, x, false, json_array_get(get(step, "sep"), 1), where);
}

static void read_nothing(struct tokenizer_reader *r, const json_t *step, const char *where,
                         struct around *x) {
  (void)r, (void)step, (void)where, (void)x; /* ByteLevel: changes offsets, no ids */
}

static void read_post_processor(struct tokenizer_reader *r, const json_t *step, const char *where) {
  static const struct {
    const char *type;
    void (*read)(struct tokenizer_reader *r, const json_t *step, const char *where, struct around *x);
  } known[] = {{"TemplateProcessing", read_template},
               {"BertProcessing", read_pair},
               {"RobertaProcessing", read_pair},
               {"ByteLevel", read_nothing}};
  const char *type = get_string(r, step, where, "type", "");
  size_t i = 0, n = sizeof known / sizeof *known;
  const json_t *one;
  if (strcmp(type, "Sequence") == 0) {
    json_array_foreach(get(step, "processors"), i, one)
        read_post_processor(r, one, arena_printf(r->a, "%s.processors[%zu]", where, i));
    return;
  }
  while (i < n && strcmp(known[i].type, type) != 0)
    i++;
  struct around x = {0};
  if (i < n)
    known[i].read(r, step, where, &x);
  else
    wrong(r, where, "the type %s is not known", show_piece(r->a, keep(r, type)));
  for (int k = 0; k < r->v->prefix.n; k++)
    vec_push(r->a, x.before, r->v->prefix.at[k]);
  r->v->prefix = x.before;
  for (int k = 0; k < x.behind.n; k++)
    vec_push(r->a, r->v->suffix, x.behind.at[k]);
}

/* The pieces are bytes, and printed as such. */
static void read_bytes(struct tokenizer_reader *r, const json_t *root) {
  const char *type = get_string(r, get(root, "decoder"), "decoder", "type", "ByteLevel");
  int missing = 0;
  if (strcmp(type, "ByteLevel") != 0)
    wrong(r, "decoder", "it must be ByteLevel as the pre-tokenizer is, not %s",
          show_piece(r->a, keep(r, type)));
  vocabulary_to_bytes(r->a, r->v);
  for (int i = 0; i < 256; i++)
    missing += r->v->byte_ids[i] == TOKENIZER_NO_BYTE;
  if (missing)
    diag_at(r->d, SEVERITY_WARNING, (struct loc){0}, "%s: model.vocab: %d bytes have no token, %s", r->path,
            missing, r->v->unk < 0 ? "and are left out of texts" : "and are unknown in texts");
}

static int32_t find_special(const struct vocabulary *v, const char *name) {
  int32_t id = vocabulary_find(v, name);
  return id >= 0 && v->tokens.at[id].type == TOKENIZER_CONTROL ? id : -1;
}

static void read_whole(struct tokenizer_reader *r, const json_t *root) {
  struct vocabulary *v = r->v;
  read_steps(r, get(root, "normalizer"), "normalizer", "normalizers", normalizers);
  if (r->ok)
    read_steps(r, get(root, "pre_tokenizer"), "pre_tokenizer", "pretokenizers", pre_tokenizers);
  if (r->ok)
    read_model(r, get(root, "model"));
  if (r->ok)
    read_added_tokens(r, get(root, "added_tokens"));
  if (v->rules.n && !(v->flags & TOKENIZER_BYTE_LEVEL))
    wrong(r, "pre_tokenizer", "Split by a pattern needs ByteLevel behind it");
  if (v->flags & TOKENIZER_NFC && !(v->flags & TOKENIZER_BYTE_LEVEL))
    wrong(r, "normalizer", "NFC can only stand before ByteLevel");
  if (r->ok && v->flags & TOKENIZER_BYTE_LEVEL)
    read_bytes(r, root);
  v->has_template = get(root, "post_processor") != NULL;
  if (r->ok && v->has_template)
    read_post_processor(r, get(root, "post_processor"), "post_processor");
  v->bos = find_special(v, "<s>");
  v->eos = find_special(v, "</s>");
  if (v->flags & TOKENIZER_BYTE_LEVEL && v->bos < 0 && v->eos < 0)
    v->bos = v->eos = find_special(v, "<|endoftext|>");
  if (decoder_drops_blank(get(root, "decoder"), v->flags & (TOKENIZER_PREPEND | TOKENIZER_META_PREPEND)))
    v->flags |= TOKENIZER_DROP_FIRST_BLANK;
}

bool tokenizer_read_json(struct diag *d, struct arena *a, const char *path, struct vocabulary *v) {
  struct tokenizer_reader r = {.d = d, .a = a, .path = path, .v = v, .ok = true};
  struct config file;
  if (!config_read(d, a, path, &file))
    return false;
  v->flags = TOKENIZER_PAIR_MERGES | TOKENIZER_ESCAPE;
  read_whole(&r, file.root);
  config_free(&file);
  return r.ok;
}
