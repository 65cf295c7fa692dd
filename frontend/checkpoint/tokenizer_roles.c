/* tokenizer_roles.c: the order of precedence of tokenizer_roles.h, which is that of transformers' tokenizers
 * and of its generate. */
#include "frontend/checkpoint/tokenizer_roles.h"
#include "frontend/checkpoint/companions.h"
#include "support/escape.h"
#include "support/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the files ---- */

static void open_one(struct roles *r, const char *dir, const char *name, struct config *file) {
  const char *path = arena_printf(r->arena, "%s/%s", dir, name);
  bool lenient = r->diag->lenient;
  r->diag->lenient = true;
  if (file_exists(path))
    config_read(r->diag, r->arena, path, file);
  r->diag->lenient = lenient;
}

void roles_open(struct roles *r, struct diag *d, struct arena *a, const char *dir) {
  *r = (struct roles){.diag = d, .arena = a};
  open_one(r, dir, TOKENIZER_CONFIG_FILE, &r->tokenizer);
  open_one(r, dir, SPECIAL_TOKENS_FILE, &r->map);
  open_one(r, dir, ADDED_TOKENS_FILE, &r->added);
  open_one(r, dir, GENERATION_FILE, &r->generation);
  open_one(r, dir, CONFIG_FILE, &r->model);
}

void roles_close(struct roles *r) {
  config_free(&r->tokenizer);
  config_free(&r->map);
  config_free(&r->added);
  config_free(&r->generation);
  config_free(&r->model);
}

/* A key whose value cannot be used: told, and left out. */
__attribute__((format(printf, 4, 5))) static void left_out(struct roles *r, const struct config *file,
                                                           const char *key, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  bool lenient = r->diag->lenient;
  r->diag->lenient = true;
  config_error(r->diag, file, key, "'%s' %s; it is left out", message_text(r->arena, key),
               arena_vprintf(r->arena, format, ap));
  r->diag->lenient = lenient;
  va_end(ap);
}

/* NULL for what is absent and for null. */
static const json_t *value_of(const json_t *object, const char *key) {
  const json_t *v = json_object_get(object, key);
  return json_is_null(v) ? NULL : v;
}

/* A name, as a string or as an added token {"content": ...}; NULL: neither. */
static const char *name_of(const json_t *v) {
  const char *name = json_string_value(json_is_object(v) ? value_of(v, "content") : v);
  return name && !json_odd_number(v) && *name ? name : NULL;
}

/* ---- tokens that the files add ---- */

static bool flag_of(const json_t *token, const char *key, bool otherwise) {
  const json_t *v = value_of(token, key);
  return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void add(struct roles *r, struct vocabulary *v, const struct config *file, const char *key,
                const struct added_token *k) {
  const char *fault = vocabulary_add(r->arena, v, k);
  if (fault)
    left_out(r, file, key, "cannot be an added token: %s", fault);
}

/* A tokenizer.json has its added tokens; what these files have beside them fills holes. */
static bool wants(const struct vocabulary *v, int64_t id, const char *content) {
  bool listed = v->flags & TOKENIZER_PAIR_MERGES;
  bool taken = id >= 0 && id < v->tokens.n && v->tokens.at[id].type;
  return !listed || (!taken && vocabulary_find(v, content) < 0);
}

static int64_t id_of(const char *key) {
  char *end;
  long long id = strtoll(key, &end, 10);
  return *key && !*end ? id : -1;
}

/* "added_tokens_decoder": {"2048": {"content": "<|im_start|>", "special": true, ...}} */
static void add_decoder(struct roles *r, struct vocabulary *v) {
  const char *key;
  const json_t *token;
  json_t *all = json_object_get(r->tokenizer.root, "added_tokens_decoder");
  json_object_foreach(all, key, token) {
    const char *content = name_of(token);
    bool special = flag_of(token, "special", false);
    struct added_token k = {.content = content,
                            .id = id_of(key),
                            .special = special,
                            .normalized = flag_of(token, "normalized", !special),
                            .lstrip = flag_of(token, "lstrip", false),
                            .rstrip = flag_of(token, "rstrip", false),
                            .single_word = flag_of(token, "single_word", false)};
    const char *path = arena_printf(r->arena, "added_tokens_decoder.%s", key);
    if (!content)
      left_out(r, &r->tokenizer, path, "has no \"content\"");
    else if (wants(v, k.id, content))
      add(r, v, &r->tokenizer, path, &k);
  }
}

/* added_tokens.json: {"<|im_start|>": 2048} */
static void add_listed(struct roles *r, struct vocabulary *v) {
  const char *content;
  const json_t *id;
  json_object_foreach(r->added.root, content, id) {
    struct added_token k = {.content = content, .id = json_integer_value(id), .normalized = true};
    bool known = json_is_integer(id) && k.id < v->tokens.n && k.id == vocabulary_find(v, content);
    if (!json_is_integer(id))
      left_out(r, &r->added, content, "is %s; a token id was expected", json_kind(r->arena, id));
    else if (!known && wants(v, k.id, content))
      add(r, v, &r->added, content, &k);
  }
}

static bool is_matched(const struct vocabulary *v, uint32_t id) {
  for (int i = 0; i < v->added.n; i++)
    if (v->added.at[i].id == id)
      return true;
  for (int i = 0; i < v->late_added.n; i++)
    if (v->late_added.at[i].id == id)
      return true;
  return false;
}

/* A name that a file calls special is so, whatever its added token says. */
static void declare(struct roles *r, struct vocabulary *v, const char *name) {
  int32_t id = name ? vocabulary_find(v, name) : -1;
  if (id < 0)
    return;
  struct added_token k = {.content = name, .id = id, .special = true};
  if (is_matched(v, (uint32_t)id))
    vocabulary_make_special(v, id);
  else
    vocabulary_add(r->arena, v, &k);
}

static void declare_all(struct roles *r, struct vocabulary *v, const struct config *file) {
  static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token",
                                      "sep_token", "cls_token", "mask_token"};
  const json_t *list = value_of(file->root, "additional_special_tokens"), *one;
  size_t i;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    declare(r, v, name_of(value_of(file->root, names[k])));
  json_array_foreach(list, i, one) declare(r, v, name_of(one));
}

/* ---- roles ---- */

/* The token that the files name for a role: true, and -1 where they say that there is none; false: they are
 * silent. */
static bool named(struct roles *r, const struct vocabulary *v, const char *key, int32_t *id) {
  const struct config *files[] = {&r->tokenizer, &r->map};
  for (int i = 0; i < 2; i++) {
    const json_t *value = json_object_get(files[i]->root, key);
    const char *name = name_of(value);
    *id = name ? vocabulary_find(v, name) : -1;
    if (json_is_null(value) || *id >= 0)
      return true;
    if (name)
      left_out(r, files[i], key, "is '%s', which no token of %s is",
               message_bytes(r->arena, name, strnlen(name, 60)), v->file);
    else if (value)
      left_out(r, files[i], key, "is %s; the text of a token was expected", json_kind(r->arena, value));
  }
  return false;
}

static bool put_id(struct roles *r, const struct config *file, const char *key, const json_t *v,
                   id_list *ids) {
  json_int_t id = json_integer_value(v);
  if (json_is_integer(v) && id == -1) /* how some say that there is none */
    return true;
  if (!json_is_integer(v) || id < 0 || id >= TOKENIZER_MAX_TOKENS) {
    const char *is =
        json_is_integer(v) ? arena_printf(r->arena, "%lld", (long long)id) : json_kind(r->arena, v);
    left_out(r, file, key, "is %s; a token id, or a list of them, was expected", is);
    return false;
  }
  for (int i = 0; i < ids->n; i++)
    if (ids->at[i] == (uint32_t)id)
      return true;
  vec_push(r->arena, *ids, (uint32_t)id);
  return true;
}

/* The ids under a key of generation_config.json, else of config.json; false: there are none. */
static bool configured(struct roles *r, const char *key, id_list *ids) {
  const struct config *files[] = {&r->generation, &r->model};
  for (int i = 0; i < 2 && !ids->n; i++) {
    const json_t *v = value_of(files[i]->root, key), *one;
    size_t k;
    bool ok = true;
    if (v && !json_is_array(v))
      put_id(r, files[i], key, v, ids);
    json_array_foreach(v, k, one) ok = ok && put_id(r, files[i], key, one, ids);
  }
  return ids->n > 0;
}

static void find_ends(struct roles *r, struct vocabulary *v, int32_t eos, bool is_named) {
  bool says = configured(r, "eos_token_id", &v->ends);
  bool listed = false;
  for (int i = 0; i < v->ends.n; i++)
    listed |= (int32_t)v->ends.at[i] == eos;
  if (!says && eos >= 0)
    vec_push(r->arena, v->ends, (uint32_t)eos);
  else if (says && is_named && eos >= 0 && !listed)
    diag_note(
        r->diag,
        "%s: the model's eos_token_id ends a text; the tokenizer's eos_token %s (id %d), which is not among "
        "them, does not",
        v->file, show_piece(r->arena, v->tokens.at[eos].piece), (int)eos);
}

static void find_first(struct roles *r, struct vocabulary *v, int32_t bos) {
  id_list ids = {0};
  v->first = configured(r, "bos_token_id", &ids) ? (int32_t)ids.at[0] : bos;
}

/* ---- ids around a text ---- */

/* Classes of transformers that put BOS in front unless told otherwise. */
static bool class_adds_bos(const struct roles *r, const struct vocabulary *v) {
  static const char *const classes[] = {"Llama", "CodeLlama", "Gemma"};
  const char *class = json_string_value(value_of(r->tokenizer.root, "tokenizer_class"));
  for (size_t i = 0; class && i < sizeof classes / sizeof *classes; i++)
    if (strncmp(class, classes[i], strlen(classes[i])) == 0)
      return true;
  return !(v->flags & TOKENIZER_PAIR_MERGES); /* what reads a tokenizer.model does */
}

static void surround(struct roles *r, id_list *ids, int32_t id, bool wanted, bool in_front) {
  id_list out = {0};
  bool there = false;
  for (int i = 0; i < ids->n; i++)
    there |= (int32_t)ids->at[i] == id;
  if (wanted && !there && in_front)
    vec_push(r->arena, out, (uint32_t)id);
  for (int i = 0; i < ids->n; i++)
    if (wanted || (int32_t)ids->at[i] != id)
      vec_push(r->arena, out, ids->at[i]);
  if (wanted && !there && !in_front)
    vec_push(r->arena, out, (uint32_t)id);
  *ids = out;
}

/* add_bos_token and add_eos_token; `otherwise` where there is no word on it. */
static void apply_switch(struct roles *r, id_list *ids, const char *key, int32_t id, bool in_front,
                         const bool *otherwise) {
  const json_t *v = value_of(r->tokenizer.root, key);
  if (v && !json_is_boolean(v))
    left_out(r, &r->tokenizer, key, "is %s; true or false was expected", json_kind(r->arena, v));
  bool says = json_is_boolean(v);
  if (says && json_is_true(v) && id < 0)
    left_out(r, &r->tokenizer, key, "is true, and no token is named for it");
  else if (id >= 0 && (says || otherwise))
    surround(r, ids, id, says ? json_is_true(v) : *otherwise, in_front);
}

/* ---- what makes a text chat text ---- */

static bool begins_or_ends(const struct vocabulary *v, int32_t id, const int32_t *others, int n) {
  static const char *const names[] = {"<s>", "</s>", "<unk>", "<pad>"};
  const struct bytes piece = v->tokens.at[id].piece;
  for (int i = 0; i < n; i++)
    if (id == others[i])
      return true;
  for (int i = 0; i < v->ends.n; i++)
    if ((uint32_t)id == v->ends.at[i])
      return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (piece.n == strlen(names[i]) && memcmp(piece.at, names[i], piece.n) == 0)
      return true;
  return id == v->unk || id == v->first;
}

static void find_markers(struct vocabulary *v, const int32_t *others, int n) {
  for (int i = 0; i < v->added.n; i++)
    if (begins_or_ends(v, (int32_t)v->added.at[i].id, others, n))
      v->added.at[i].how &= ~(uint32_t)TOKENIZER_MARKER;
}

void roles_apply(struct roles *r, struct vocabulary *v) {
  int32_t bos, eos, pad;
  add_decoder(r, v);
  add_listed(r, v);
  declare_all(r, v, &r->tokenizer);
  declare_all(r, v, &r->map);
  bos = named(r, v, "bos_token", &bos) ? bos : v->bos;
  bool is_named = named(r, v, "eos_token", &eos);
  eos = is_named ? eos : v->eos;
  pad = named(r, v, "pad_token", &pad) ? pad : -1;
  find_ends(r, v, eos, is_named);
  find_first(r, v, bos);
  bool by_class = class_adds_bos(r, v);
  apply_switch(r, &v->prefix, "add_bos_token", bos, true, v->has_template ? NULL : &by_class);
  apply_switch(r, &v->suffix, "add_eos_token", eos, false, NULL);
  if (json_is_false(value_of(r->tokenizer.root, "legacy")) && v->flags & TOKENIZER_ADD_DUMMY)
    v->flags |= TOKENIZER_DUMMY_FIRST;
  const int32_t others[] = {bos, eos, pad};
  find_markers(v, others, 3);
}
