/* saved_config.c: two config.json become one. */
#include "training/saved_config.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/checkpoint/companions.h"
#include "support/file.h"

enum { MOST_CONFIG_BYTES = 1 << 24 };

/* Names, not numbers of the model. */
static bool is_name(const char *key) {
  return strcmp(key, "architectures") == 0 || strcmp(key, "model_type") == 0 ||
         strcmp(key, "torch_dtype") == 0;
}

/* 1.0 is 1, and true is 1. */
static bool is_same(const json_t *a, const json_t *b) {
  bool numbers = (json_is_number(a) || json_is_boolean(a)) && (json_is_number(b) || json_is_boolean(b));
  double x = json_is_boolean(a) ? json_is_true(a) : json_number_value(a);
  double y = json_is_boolean(b) ? json_is_true(b) : json_number_value(b);
  return numbers ? x == y : json_equal(a, b);
}

static void tell_difference(struct diag *d, const char *path, const char *key, const json_t *theirs,
                            const json_t *ours) {
  char *said = json_dumps(theirs, JSON_ENCODE_ANY | JSON_COMPACT),
       *compiled = ours ? json_dumps(ours, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
  diag_note(d, "%s: has %.60s for %s, and the trainer was compiled with %.60s, which holds", path,
            said ? said : "?", key, compiled ? compiled : "what the spec says");
  free(said);
  free(compiled);
}

/* What `ours` has becomes `theirs`, and what of it was otherwise is told. */
static void take_over(struct diag *d, const char *path, json_t *theirs, json_t *ours) {
  const char *key;
  json_t *value;
  json_object_foreach(ours, key, value) {
    const json_t *said = json_object_get(theirs, key);
    if (said && !json_is_object(value) && !is_name(key) && !is_same(said, value))
      tell_difference(d, path, key, said, value);
    if (!said || !is_name(key))
      json_object_set(theirs, key, value);
  }
}

static json_t *params_of(const json_t *root) {
  return json_object_get(json_object_get(root, "tern"), "params");
}

/* Settings that the compiled model does not have say nothing of it. */
static void tell_settings(struct diag *d, const char *path, const json_t *theirs, const json_t *ours) {
  const char *key;
  json_t *value;
  json_object_foreach(params_of(theirs), key, value) {
    const json_t *compiled = json_object_get(params_of(ours), key);
    if (!compiled || !is_same(value, compiled))
      tell_difference(d, path, key, value, compiled);
  }
}

static json_t *read_config(struct diag *d, struct arena *a, const char *path) {
  json_error_t error;
  size_t length;
  char *text = text_read(d, a, path, MOST_CONFIG_BYTES, &length);
  json_t *root = text ? json_loadb(text, length, 0, &error) : NULL;
  if (text && !root)
    diag_error(d, "%s:%d: %s", path, error.line, error.text);
  if (!root || json_is_object(root))
    return root;
  diag_error(d, "%s: a JSON object { ... } was expected", path);
  json_decref(root);
  return NULL;
}

const char *saved_config_print(struct arena *a, const json_t *root) {
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
  json_t *back = json_loads(text, 0, NULL);
  if (!json_equal(back, root)) {
    free(text);
    text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  }
  json_decref(back);
  const char *kept = arena_printf(a, "%s\n", text);
  free(text);
  return kept;
}

const char *saved_config_text(struct arena *a, struct diag *d, const struct tern_model *m,
                              const char *folder) {
  const char *path = folder ? arena_printf(a, "%s/" CONFIG_FILE, folder) : NULL;
  if (!path || !file_exists(path))
    return m->training->config;
  json_t *root = read_config(d, a, path), *compiled = json_loads(m->training->config, 0, NULL);
  const char *text = NULL;
  if (root) {
    tell_settings(d, path, root, compiled);
    take_over(d, path, root, compiled);
    json_object_del(root, "quantization_config"); /* weights are floats now */
    json_object_set_new(root, "torch_dtype", json_string("float32"));
    text = saved_config_print(a, root);
  }
  json_decref(root);
  json_decref(compiled);
  return text;
}

static json_t *model_of(const json_t *root) {
  return json_object_get(json_object_get(root, "tern"), "model");
}

void saved_config_compare(struct diag *d, const struct tern_model *m, const char *folder) {
  struct arena a = {0};
  const char *path = arena_printf(&a, "%s/" CONFIG_FILE, folder);
  json_t *root = file_exists(path) ? read_config(d, &a, path) : NULL,
         *compiled = json_loads(m->training->config, 0, NULL);
  if (root && !json_equal(model_of(root), model_of(compiled)))
    diag_note(d,
              "%s: the spec or the compiler is not what the training began with, and it goes on otherwise "
              "than it would have",
              path);
  json_decref(root);
  json_decref(compiled);
  arena_free(&a);
}
