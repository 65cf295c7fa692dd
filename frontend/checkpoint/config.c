/* config.c: reading JSON files. Jansson keeps no places of values, so the place of a key is looked up in the
 * text when there is something to say about it. */
#include "frontend/checkpoint/config.h"
#include "frontend/checkpoint/config_place.h"
#include "support/escape.h"
#include "support/file.h"
#include "support/kind.h"
#include "support/whole.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONFIG_BYTES = 256 << 20 };

static uint16_t column(int64_t n) {
  return n < 1 ? 1 : n > UINT16_MAX - 1 ? UINT16_MAX - 1 : (uint16_t)n;
}

/* The place of a byte of the text. */
static struct loc byte_place(const struct config *config, size_t byte) {
  struct loc at = {.file = config->source, .line = 1};
  size_t line = 0;
  for (size_t i = 0; i < byte && i < config->length; i++)
    if (config->text[i] == '\n') {
      at.line++;
      line = i + 1;
    }
  at.column = column((int64_t)(byte - line) + 1);
  at.end = (uint16_t)(at.column + 1);
  return at;
}

/* The text's value; NULL after a diagnostic. */
static json_t *parse(struct diag *d, struct arena *a, const struct config *config) {
  struct json_fault fault = {0};
  const char *other = config->length ? not_text(a, config->text, config->length) : file_kind("", 0);
  json_t *root = other ? NULL : json_parse(config->text, config->length, &fault);
  if (other)
    diag_error(d, "%s: %s; JSON was expected", config->name, other);
  else if (!root)
    diag_at(d, SEVERITY_ERROR, byte_place(config, fault.at), "this is not JSON: %s", fault.what);
  return root;
}

bool config_read(struct diag *d, struct arena *a, const char *path, struct config *config) {
  *config = (struct config){.name = arena_strdup(a, path)};
  config->text = file_read(d, a, path, MOST_CONFIG_BYTES, &config->length);
  if (!config->text)
    return false;
  config->source = diag_add_source(d, path, config->text, config->length);
  config->root = parse(d, a, config);
  if (config->root && !json_is_object(config->root)) {
    diag_at(d, SEVERITY_ERROR, byte_place(config, 0), "a JSON object { ... } was expected");
    config_free(config);
  }
  return config->root != NULL;
}

void config_free(struct config *config) {
  json_decref(config->root);
  config->root = NULL;
}

static struct loc key_place(const struct config *config, const char *key) {
  struct span span = json_key_place(config->text, config->length, key);
  if (!span.from)
    return (struct loc){config->source, 1, 2, 1};
  struct loc at = byte_place(config, (size_t)(span.from - config->text));
  at.end = column(at.column + (span.to - span.from));
  return at;
}

void config_error(struct diag *d, const struct config *config, const char *key, const char *format, ...) {
  struct arena a = {0};
  va_list ap;
  va_start(ap, format);
  const char *message = arena_vprintf(&a, format, ap);
  va_end(ap);
  if (config->source)
    diag_at(d, SEVERITY_ERROR, key_place(config, key), "%s", message);
  else
    diag_error(d, "%s: %s", config->name, message);
  arena_free(&a);
}

/* ---- values of any type ------------------------------------------------------------------------------ */

/* Infinity, as Python writes the end of a range that has none, is the largest number of 32 bits; 0: v is
 * none. */
static double endless(const json_t *v) {
  const char *odd = json_odd_number(v);
  return !odd ? 0 : strcmp(odd, "Infinity") == 0 ? FLT_MAX : strcmp(odd, "-Infinity") == 0 ? -FLT_MAX : 0;
}

static struct config_value value_of(struct arena *a, const json_t *v) {
  struct config_value value = {.kind = CONFIG_NULL};
  if (endless(v) != 0)
    return (struct config_value){.kind = CONFIG_NUMBER, .number = endless(v)};
  switch (json_typeof(v)) {
  case JSON_INTEGER:
  case JSON_REAL: value = (struct config_value){.kind = CONFIG_NUMBER, .number = json_number_value(v)}; break;
  case JSON_TRUE:
  case JSON_FALSE: value = (struct config_value){.kind = CONFIG_BOOLEAN, .number = json_is_true(v)}; break;
  case JSON_STRING:
    value = (struct config_value){.kind = CONFIG_TEXT, .text = arena_strdup(a, json_string_value(v))};
    break;
  case JSON_ARRAY: {
    struct config_value *items = arena_array(a, struct config_value, (int)json_array_size(v));
    value = (struct config_value){.kind = CONFIG_LIST, .items = items, .n = (int)json_array_size(v)};
    for (int i = 0; i < value.n; i++)
      items[i] = value_of(a, json_array_get(v, (size_t)i));
    break;
  }
  case JSON_OBJECT: value.kind = CONFIG_OBJECT; break;
  case JSON_NULL: break;
  }
  return value;
}

/* v's element by the indices "[2]" that *rest begins with; then *rest is behind them and the dot. NULL: there
 * is none. *well: that is how a path is written. */
static const json_t *index_into(const json_t *v, const char **rest, bool *well) {
  while (v && **rest == '[') {
    char *end;
    long i = strtol(*rest + 1, &end, 10);
    *well = end > *rest + 1 && *end == ']' && i >= 0;
    if (!*well)
      return NULL;
    *rest = end + 1;
    v = json_is_array(v) ? json_array_get(v, (size_t)i) : NULL;
  }
  *well = **rest == '\0' || (**rest == '.' && (*rest)[1]);
  *rest += **rest == '.';
  return v;
}

static enum config_result look(struct diag *d, const struct config *config, const char *key, const json_t *v,
                               const json_t **found) {
  const char *rest = key;
  while (v && *rest) {
    size_t n = strcspn(rest, ".[");
    bool well = true;
    if (!json_is_object(v) && !json_is_null(v)) {
      struct arena a = {0};
      config_error(d, config, key, "'%.*s' is %s; an object that may have '%s' was expected",
                   (int)(rest - key - (rest > key)), key, json_kind(&a, v), rest);
      arena_free(&a);
      return CONFIG_WRONG;
    }
    v = n ? json_object_getn(v, rest, n) : NULL;
    rest += n;
    v = index_into(v, &rest, &well);
    if (!well) /* the language tells what is no key */
      v = NULL;
  }
  *found = v;
  return v && !json_is_null(v) ? CONFIG_FOUND : CONFIG_ABSENT;
}

/* The first odd number in a value; NULL: there is none. */
static const json_t *odd_number(const json_t *v) {
  const json_t *found = json_odd_number(v) && endless(v) == 0 ? v : NULL;
  for (size_t i = 0; !found && i < json_array_size(v); i++)
    found = odd_number(json_array_get(v, i));
  return found;
}

enum config_result config_find(struct diag *d, struct arena *a, const struct config *config, const char *key,
                               struct config_value *value) {
  const json_t *v = json_object_get(config->root, key);
  enum config_result r =
      v ? json_is_null(v) ? CONFIG_ABSENT : CONFIG_FOUND : look(d, config, key, config->root, &v);
  if (r == CONFIG_FOUND && json_is_object(v)) {
    const char *first = json_object_size(v) ? json_object_iter_key(json_object_iter((json_t *)v)) : "...";
    config_error(d, config, key, "'%s' is an object; ask for one of its keys: \"%s.%s\"", key, key,
                 message_text(a, first));
    return CONFIG_WRONG;
  }
  if (r != CONFIG_FOUND)
    return r;
  const json_t *odd = odd_number(v);
  if (odd) {
    config_error(d, config, key, "'%s' is %s; a number of at most 64 bits was expected", key,
                 json_kind(a, odd));
    return CONFIG_WRONG;
  }
  *value = value_of(a, v);
  value->at = config->source ? key_place(config, key) : (struct loc){0};
  return CONFIG_FOUND;
}

enum config_result config_number(struct diag *d, const struct config *config, const char *key,
                                 double *value) {
  const json_t *v = json_object_get(config->root, key);
  if (!v || json_is_null(v))
    return CONFIG_ABSENT;
  if (!json_is_number(v)) {
    struct arena a = {0};
    config_error(d, config, key, "'%s' is %s; a number %swas expected", key, json_kind(&a, v),
                 json_odd_number(v) ? "of at most 64 bits " : "");
    arena_free(&a);
    return CONFIG_WRONG;
  }
  *value = json_number_value(v);
  return CONFIG_FOUND;
}

bool config_integer(struct diag *d, const struct config *config, const char *key, int64_t least, int64_t most,
                    int64_t otherwise, int64_t *value) {
  double v;
  enum config_result r = config_number(d, config, key, &v);
  if (r == CONFIG_WRONG)
    return false;
  if (r == CONFIG_ABSENT) {
    *value = otherwise;
    if (otherwise < 0)
      diag_error(d, "%s: '%s' is missing; the shapes of the model depend on it", config->name, key);
    return otherwise >= 0;
  }
  if (whole_number(v, least, most, value))
    return true;
  config_error(d, config, key, "'%s' is %g; a whole number from %lld to %lld was expected", key, v,
               (long long)least, (long long)most);
  return false;
}
