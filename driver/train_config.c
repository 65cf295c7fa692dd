/* train_config.c: the config.json of a model that is trained. */
#include "driver/train.h"

#include "frontend/checkpoint/companions.h"
#include "runtime/core/checksum.h"
#include "support/file.h"
#include "training/saved_config.h"
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What --weights has; an empty object without; NULL after a diagnostic. */
static json_t *published(struct job *j) {
  json_error_t error;
  if (!j->checkpoint || !checkpoint_has_config(j->checkpoint))
    return json_object();
  const char *path = arena_printf(&j->arena, "%s/" CONFIG_FILE, checkpoint_dir(j->checkpoint));
  json_t *root = json_load_file(path, 0, &error);
  if (!root)
    diag_error(&j->diag, "%s: %s", path, error.text);
  return root;
}

/* Names such as hgrn_bit are a model_type, names such as HGRNBitForCausalLM architectures. */
static void set_kinds(struct job *j, json_t *root) {
  spec_kinds kinds = {0};
  json_t *architectures = json_array();
  spec_kinds_of(&j->arena, j->options.spec, tern_library(j), &kinds);
  for (int i = 0; i < kinds.n; i++)
    if (isupper((unsigned char)kinds.at[i][0]))
      json_array_append_new(architectures, json_string(kinds.at[i]));
    else if (!json_object_get(root, "model_type"))
      json_object_set_new(root, "model_type", json_string(kinds.at[i]));
  if (json_array_size(architectures) && !json_object_get(root, "architectures"))
    json_object_set(root, "architectures", architectures);
  json_decref(architectures);
}

static json_t *number_json(double x, bool boolean) {
  if (boolean)
    return json_boolean(x != 0);
  return x == floor(x) && fabs(x) < 9e15 ? json_integer((json_int_t)x) : json_real(x);
}

static bool is_simple(const char *key) {
  return key && !strpbrk(key, ".[");
}

static void set_params(struct job *j, json_t *root) {
  const struct module *m = j->module;
  for (int i = 0; i < m->params.n; i++)
    if (is_simple(m->params.at[i].key))
      json_object_set_new(root, m->params.at[i].key,
                          number_json(m->params.at[i].value, m->params.at[i].boolean));
}

/* What no key of its own says: numbers from keys within objects or lists, and texts. */
static void set_others(const struct module *m, json_t *params) {
  for (int i = 0; i < m->params.n; i++)
    if (m->params.at[i].key && !is_simple(m->params.at[i].key))
      json_object_set_new(params, m->params.at[i].name,
                          number_json(m->params.at[i].value, m->params.at[i].boolean));
  for (int i = 0; i < m->texts.n; i++)
    json_object_set_new(params, m->texts.at[i].name, json_string(m->texts.at[i].text));
}

/* Tells the model from another one, whatever its parameters are called. */
static json_t *identity(struct job *j) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  if (out) {
    ir_print(j->module, out);
    fclose(out);
  }
  json_t *sum = json_sprintf("%016llx", (unsigned long long)checksum(text ? text : "", text ? bytes : 0));
  free(text);
  return sum;
}

static json_t *setting_json(const struct spec_setting *s) {
  if (!isnan(s->value))
    return number_json(s->value, false);
  bool boolean = strcmp(s->text, "true") == 0 || strcmp(s->text, "false") == 0;
  return boolean ? json_boolean(*s->text == 't') : json_string(s->text);
}

static void set_settings(struct job *j, json_t *root) {
  json_t *tern = json_object_get(root, "tern"), *params = json_object_get(tern, "params");
  if (!json_is_object(tern))
    json_object_set_new(root, "tern", tern = json_object());
  if (!json_is_object(params))
    json_object_set_new(tern, "params", params = json_object());
  json_object_set_new(tern, "model", identity(j));
  set_others(j->module, params);
  for (int i = 0; i < j->options.settings.n; i++)
    json_object_set_new(params, j->options.settings.at[i].name, setting_json(&j->options.settings.at[i]));
}

const char *training_config(struct job *j) {
  json_t *root = published(j);
  if (!root)
    return NULL;
  set_kinds(j, root);
  set_params(j, root);
  set_settings(j, root);
  json_object_set_new(root, "torch_dtype", json_string("float32"));
  json_object_del(root, "quantization_config"); /* weights are floats now */
  const char *kept = saved_config_print(&j->arena, root);
  json_decref(root);
  return kept;
}
