/* random_config.c: the published sizes, changes to them, or any config.json of this architecture; checked so
 * far that the tensors' sizes follow. */
#include "frontend/checkpoint/random_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The published sizes differ in these only. */
static const struct {
  const char *name;
  int hidden, layers;
} published[] = {{"370M", 1024, 24}, {"1.3B", 2048, 24}, {"2.7B", 2560, 32}};
enum { PUBLISHED = sizeof published / sizeof *published };

static json_t *published_config(int hidden, int layers) {
  return json_pack(
      "{s:[s], s:s, s:s, s:i, s:i, s:s, s:i, s:i, s:i, s:n, s:f, s:i, s:i, s:i, s:i, s:f, s:b, s:b, s:b, "
      "s:b, s:s, s:i}",
      "architectures", "HGRNBitForCausalLM", "model_type", "hgrn_bit", "attn_mode", "fused_recurrent",
      "hidden_size", hidden, "num_hidden_layers", layers, "hidden_act", "swish", "num_heads", 1,
      "expand_ratio", 1, "hidden_ratio", 4, "intermediate_size", "rms_norm_eps", 1e-6,
      "max_position_embeddings", 2048, "bos_token_id", 1, "eos_token_id", 2, "conv_size", 4,
      "initializer_range", 0.02, "share_conv_kernel", 1, "use_lower_bound", 1, "use_short_conv", 0,
      "tie_word_embeddings", 0, "torch_dtype", "bfloat16", "vocab_size", 32000);
}

/* ---- key=value,key=value ----------------------------------------------------------------------------- */

static bool unknown_key(struct diag *d, struct arena *a, json_t *root, const char *key) {
  VEC(const char *) keys = {0};
  const char *k;
  json_t *v;
  json_object_foreach(root, k, v) vec_push(a, keys, k);
  const char *nearest = diag_nearest(key, keys.at, keys.n);
  diag_error(d, "--random: a config.json has no key '%s'%s%s%s", key, nearest ? "; did you mean '" : "",
             nearest ? nearest : "", nearest ? "'?" : "");
  return false;
}

/* A value as JSON would have it; anything else is a string. */
static json_t *value_json(const char *text) {
  json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
  return v ? v : json_string(text);
}

static bool apply_change(struct diag *d, struct arena *a, json_t *root, char *change) {
  char *equals = strchr(change, '=');
  if (!equals || equals == change || !equals[1]) {
    diag_error(d, "--random: '%s' is not of the form key=value", change);
    return false;
  }
  *equals = '\0';
  if (!json_object_get(root, change))
    return unknown_key(d, a, root, change);
  json_t *v = value_json(equals + 1);
  if (!v) {
    diag_error(d, "--random: the value of '%s' is not UTF-8", change);
    return false;
  }
  json_object_set_new(root, change, v);
  return true;
}

static bool apply_changes(struct diag *d, struct arena *a, json_t *root, const char *changes) {
  char *rest = arena_strdup(a, changes), *change;
  bool ok = true;
  while ((change = strsep(&rest, ",")))
    ok &= apply_change(d, a, root, change);
  return ok;
}

static bool find_config(struct diag *d, struct arena *a, const char *text, struct config *c) {
  *c = (struct config){.name = "--random"};
  for (int i = 0; i < PUBLISHED; i++)
    if (strcmp(text, published[i].name) == 0)
      c->root = published_config(published[i].hidden, published[i].layers);
  if (c->root)
    return true;
  if (!strchr(text, '=') || access(text, F_OK) == 0)
    return config_read(d, a, text, c);
  c->root = published_config(published[0].hidden, published[0].layers);
  return apply_changes(d, a, c->root, text);
}

/* ---- checks ------------------------------------------------------------------------------------------ */

static const struct {
  const char *key, *value, *why; /* value as JSON; absent and null are as good */
} required[] = {
    {"model_type", "\"hgrn_bit\"", "only the published MatMul-free layout can be made up"},
    {"expand_ratio", "1", "the published layout has as many lower bounds as hidden values"},
    {"use_short_conv", "false", "no published checkpoint has the tensors of a short convolution"},
};

static bool check_required(struct diag *d, const struct config *c) {
  bool ok = true;
  for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
    json_t *v = json_object_get(c->root, required[i].key),
           *want = json_loads(required[i].value, JSON_DECODE_ANY, NULL);
    if (v && !json_is_null(v) && !json_equal(v, want)) {
      config_error(d, c, required[i].key, "'%s' must be %s: %s", required[i].key, required[i].value,
                   required[i].why);
      ok = false;
    }
    json_decref(want);
  }
  return ok;
}

static bool find_dtype(struct diag *d, const struct config *c, enum dtype *dtype) {
  static const struct {
    const char *name;
    enum dtype dtype;
  } names[] = {{"bfloat16", DTYPE_BF16}, {"float16", DTYPE_F16}, {"float32", DTYPE_F32}};
  json_t *v = json_object_get(c->root, "torch_dtype");
  *dtype = DTYPE_BF16;
  if (!v || json_is_null(v))
    return true;
  for (int i = 0; i < 3; i++)
    if (json_is_string(v) && strcmp(json_string_value(v), names[i].name) == 0) {
      *dtype = names[i].dtype;
      return true;
    }
  config_error(d, c, "torch_dtype", "'torch_dtype' must be bfloat16, float16 or float32");
  return false;
}

/* I = 256 ceil(int(H * ratio * 2 / 3) / 256) unless intermediate_size says otherwise. */
static bool find_inner(struct diag *d, struct random_config *r) {
  double ratio = 4;
  if (!config_integer(d, &r->config, "intermediate_size", 1, 1 << 22, 0, &r->inner) ||
      config_number(d, &r->config, "hidden_ratio", &ratio) == CONFIG_WRONG)
    return false;
  if (r->inner)
    return true;
  if (!(ratio > 0 && ratio <= 64)) {
    config_error(d, &r->config, "hidden_ratio",
                 "'hidden_ratio' is %g; a number above 0 and up to 64 was expected", ratio);
    return false;
  }
  r->inner = ((int64_t)((double)r->hidden * ratio * 2 / 3) + 255) / 256 * 256;
  return true;
}

bool random_config_read(struct diag *d, struct arena *a, const char *text, struct random_config *r) {
  *r = (struct random_config){0};
  struct config *c = &r->config;
  if (!find_config(d, a, text, c))
    return false;
  r->lower_bounds = !json_is_false(json_object_get(c->root, "use_lower_bound"));
  bool ok = check_required(d, c);
  ok &= find_dtype(d, c, &r->dtype);
  ok &= config_integer(d, c, "hidden_size", 1, 1 << 20, -1, &r->hidden);
  ok &= config_integer(d, c, "num_hidden_layers", 1, 1 << 14, -1, &r->layers);
  ok &= config_integer(d, c, "vocab_size", 1, 1 << 24, 32000, &r->vocabulary);
  return ok && find_inner(d, r);
}
