/* open.c: finds the files of a checkpoint, opens them all, and looks tensors up by name. */
#include "frontend/checkpoint/private.h"
#include "frontend/checkpoint/safetensors.h"
#include "support/escape.h"
#include "support/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *join(struct checkpoint *c, const char *name) {
  return arena_printf(c->arena, "%s/%s", c->dir, name);
}

/* ---- shards ------------------------------------------------------------------------------------------ */

/* A shard lies beside its index: a name that leads elsewhere is an attack or a mistake. */
static bool plain_file_name(const char *name) {
  return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A tensor that is listed and cannot be had. */
static void put_missing(struct checkpoint *c, const char *name, const char *file, const char *fault) {
  struct stored_tensor t = {
      .info = {.name = message_text(c->arena, name), .dtype = DTYPE_OTHER, .dtype_name = "?", .file = file},
      .shard = -1,
      .stored = "",
      .fault = fault};
  vec_push(c->arena, c->tensors, t);
}

/* Opens every shard that the index names, once; what is listed in one that cannot be opened is known by name.
 */
static bool open_listed(struct checkpoint *c, const char *index, json_t *map) {
  struct opened {
    const char *path, *fault;
  };
  VEC(struct opened) opened = {0};
  const char *name;
  json_t *v;
  json_object_foreach(map, name, v) {
    const char *file = json_string_value(v);
    int i = 0;
    if (!file || !plain_file_name(file)) {
      diag_error(c->diag,
                 "%s: tensor '%s' is said to be in '%s'; a file name in the same directory was expected",
                 index, message_text(c->arena, name), file ? message_text(c->arena, file) : "?");
      return false;
    }
    while (i < opened.n && strcmp(strrchr(opened.at[i].path, '/') + 1, file) != 0)
      i++;
    if (i == opened.n) {
      struct opened o = {join(c, file), safetensors_open(c, join(c, file))};
      vec_push(c->arena, opened, o);
    }
    if (opened.at[i].fault)
      put_missing(c, name, opened.at[i].path, opened.at[i].fault);
  }
  return true;
}

static bool open_shards(struct checkpoint *c, const char *path, struct config *index) {
  if (!config_read(c->diag, c->arena, path, index))
    return false;
  json_t *map = json_object_get(index->root, "weight_map");
  if (!json_is_object(map) || json_object_size(map) == 0) {
    diag_error(c->diag, "%s: has no 'weight_map' that says which shard each tensor is in", path);
    return false;
  }
  return open_listed(c, path, map);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static int by_name(const void *p, const void *q) {
  return strcmp((*(const struct stored_tensor *const *)p)->info.name,
                (*(const struct stored_tensor *const *)q)->info.name);
}

static const char *same_name(struct checkpoint *c, const struct stored_tensor *a,
                             const struct stored_tensor *b) {
  if (strcmp(a->stored, b->stored) != 0 && *a->stored && *b->stored)
    return arena_printf(c->arena,
                        "--prefix gives '%s' and '%s' the same name, '%s'; remove one of them, or give "
                        "another prefix",
                        a->stored, b->stored, a->info.name);
  return arena_printf(c->arena, "tensor '%s' is in two shards, %s and %s; remove one of them", a->info.name,
                      a->info.file, b->info.file);
}

/* Of two tensors of one name neither can be used. */
static void sort_names(struct checkpoint *c) {
  c->by_name = arena_array(c->arena, const struct stored_tensor *, c->tensors.n);
  for (int i = 0; i < c->tensors.n; i++)
    c->by_name[i] = &c->tensors.at[i];
  qsort(c->by_name, (size_t)c->tensors.n, sizeof *c->by_name, by_name);
  for (int i = 1; i < c->tensors.n; i++)
    if (by_name(&c->by_name[i - 1], &c->by_name[i]) == 0) {
      struct stored_tensor *t = &c->tensors.at[c->by_name[i] - c->tensors.at];
      struct stored_tensor *other = &c->tensors.at[c->by_name[i - 1] - c->tensors.at];
      t->fault = other->fault = same_name(c, other, t);
    }
}

struct missing { /* a tensor that the index lists and no shard has */
  const char *name, *fault;
};

/* Holds that each listed tensor is in the shard that the index says. Those that are in none are added when
 * all have been looked up, since the table of names is sorted and of fixed size. */
static void check_listed(struct checkpoint *c, const char *index, json_t *map) {
  const char *name;
  json_t *v;
  VEC(struct missing) missing = {0};
  json_object_foreach(map, name, v) {
    const struct stored_tensor *found = tensor_find(c, name);
    struct stored_tensor *t = found ? &c->tensors.at[found - c->tensors.at] : NULL;
    if (t && (t->fault || strcmp(t->info.file, join(c, json_string_value(v))) == 0))
      continue;
    const char *fault = arena_printf(
        c->arena,
        "%s: tensor '%s' should be in '%s', but is %s%s; the index and the shards do not belong together",
        index, message_text(c->arena, name), message_text(c->arena, json_string_value(v)),
        t ? "in " : "in none of the shards", t ? t->info.file : "");
    if (t)
      t->fault = fault;
    else
      vec_push(c->arena, missing, (struct missing){name, fault});
  }
  for (int i = 0; i < missing.n; i++)
    put_missing(c, missing.at[i].name, index, missing.at[i].fault);
  if (missing.n)
    sort_names(c);
}

static int name_order(const void *key, const void *p) {
  return strcmp(key, (*(const struct stored_tensor *const *)p)->info.name);
}

const struct stored_tensor *tensor_find(const struct checkpoint *c, const char *name) {
  const struct stored_tensor **t =
      c->tensors.n ? bsearch(name, c->by_name, (size_t)c->tensors.n, sizeof *c->by_name, name_order) : NULL;
  size_t n = c->added ? strlen(c->added) : 0;
  if (!t && n && strncmp(name, c->added, n) == 0 && c->tensors.n)
    t = bsearch(name + n, c->by_name, (size_t)c->tensors.n, sizeof *c->by_name, name_order);
  return t ? *t : NULL;
}

bool checkpoint_prefix(struct checkpoint *c, const char *prefix) {
  bool adds = *prefix == '+';
  size_t n = strlen(prefix);
  int found = 0;
  c->added = adds ? arena_strdup(c->arena, prefix + 1) : NULL;
  for (int i = 0; i < c->tensors.n && !adds; i++) {
    struct stored_tensor *t = &c->tensors.at[i];
    if (strncmp(t->info.name, prefix, n) != 0 || !t->info.name[n])
      continue;
    t->info.name += n;
    found++;
  }
  if (!adds && !found)
    diag_error(c->diag, "%s: no tensor's name begins with '%s' (--prefix); the first one is '%s'", c->path,
               prefix, c->tensors.n ? c->tensors.at[0].info.name : "");
  c->stripped = adds ? NULL : arena_strdup(c->arena, prefix);
  sort_names(c);
  return adds || found;
}

/* ---- compact matrices -------------------------------------------------------------------------------- */

/* n as __metadata__ has it under "tern.columns.X"; 0: it has none; -1: not one that fits the stored shape. */
static int64_t logical_columns(struct checkpoint *c, const struct stored_tensor *t) {
  const char *key = arena_printf(c->arena, "tern.columns.%s", t->info.name);
  const char *text = json_string_value(json_object_get(c->shards.at[t->shard].metadata, key));
  if (!text)
    return 0;
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  bool fits = errno == 0 && *text && !*end && n >= 0 && n < INT64_MAX - TRITS_PER_BYTE &&
              (n + TRITS_PER_BYTE - 1) / TRITS_PER_BYTE == t->info.shape[1];
  return fits ? n : -1;
}

static struct stored_tensor *scale_of_tensor(struct checkpoint *c, const struct stored_tensor *t) {
  const struct stored_tensor *found = tensor_find(c, arena_printf(c->arena, "%s_scale", t->info.name));
  return found ? &c->tensors.at[found - c->tensors.at] : NULL;
}

/* Any other matrix's X_scale. */
static void link_scale(struct checkpoint *c, struct stored_tensor *t) {
  bool matrix = t->info.rank == 2 && (dtype_is_float(t->info.dtype) || tensor_is_codes(t));
  struct stored_tensor *scale = matrix ? scale_of_tensor(c, t) : NULL;
  if (!scale || scale->fault || !dtype_is_float(scale->info.dtype))
    return;
  t->beside = scale;
  scale->is_scale = true;
}

static bool is_compact(struct checkpoint *c, const struct stored_tensor *t) {
  const struct shard *s = &c->shards.at[t->shard];
  if (!s->base3 || t->info.dtype != DTYPE_U8 || t->info.rank != 2)
    return false;
  return !s->codes || json_object_get(s->metadata, arena_printf(c->arena, "tern.columns.%s", t->info.name));
}

static bool link_compact(struct checkpoint *c, struct stored_tensor *t) {
  if (t->fault)
    return true;
  if (!is_compact(c, t)) {
    link_scale(c, t);
    return true;
  }
  struct stored_tensor *scale = scale_of_tensor(c, t);
  if (!scale || scale->fault || scale->info.dtype != DTYPE_F32 || tensor_count(scale) != 1) {
    diag_error(c->diag,
               "%s: the packed matrix '%s' has no '%s_scale' of type F32 and shape []; pack it again",
               t->info.file, t->info.name, t->info.name);
    return false;
  }
  t->columns = logical_columns(c, t);
  if (t->columns < 0) {
    diag_error(c->diag, "%s: 'tern.columns.%s' does not fit the %lld bytes of a row; pack it again",
               t->info.file, t->info.name, (long long)t->info.shape[1]);
    return false;
  }
  t->scale = scale;
  scale->is_scale = true;
  return true;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

static bool no_weights(struct checkpoint *c) {
  if (file_exists(join(c, "pytorch_model.bin")) || file_exists(join(c, "pytorch_model.bin.index.json")))
    diag_error(c->diag,
               "%s: has only pytorch_model.bin; save the model as safetensors first (save_pretrained with "
               "safe_serialization=True)",
               c->dir);
  else
    diag_error(c->diag, "%s: has neither model.safetensors nor model.safetensors.index.json", c->dir);
  return false;
}

static bool open_single(struct checkpoint *c, const char *path) {
  const char *fault = safetensors_open(c, path);
  if (fault)
    diag_error(c->diag, "%s", fault);
  return !fault;
}

/* The files, and what holds across them. */
static bool open_files(struct checkpoint *c, bool directory) {
  const char *single = directory ? join(c, "model.safetensors") : c->path;
  const char *index = join(c, "model.safetensors.index.json");
  struct config listed = {0};
  bool ok;
  if (!directory || file_exists(single))
    ok = open_single(c, single);
  else
    ok = file_exists(index) ? open_shards(c, index, &listed) : no_weights(c);
  if (ok)
    sort_names(c);
  if (ok && listed.root)
    check_listed(c, index, json_object_get(listed.root, "weight_map"));
  for (int i = 0; ok && i < c->tensors.n; i++)
    ok = link_compact(c, &c->tensors.at[i]);
  config_free(&listed);
  return ok;
}

static const char *directory_of(struct arena *a, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return ".";
  return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

/* How scales beside codes are meant, as transformers reads its quantization_config. */
static void find_convention(struct checkpoint *c) {
  const json_t *q = json_object_get(c->config.root, "quantization_config");
  const char *method = json_string_value(json_object_get(q, "quant_method"));
  const char *class = json_string_value(json_object_get(q, "linear_class"));
  if (method && strcmp(method, "bitnet") == 0)
    c->convention = class && strcmp(class, "autobitlinear") == 0 ? SCALE_MULTIPLIES : SCALE_DIVIDES;
}

/* "DIR/" is DIR; "/" stays. */
static const char *without_slashes(struct arena *a, const char *path) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/')
    n--;
  return arena_strndup(a, path, n);
}

/* What is wrong with config.json is told, and harms only a spec that asks for it. */
static void open_config(struct checkpoint *c) {
  const char *path = join(c, "config.json");
  bool lenient = c->diag->lenient;
  c->diag->lenient = true;
  c->config_unread = file_exists(path) && !config_read(c->diag, c->arena, path, &c->config);
  c->diag->lenient = lenient;
}

struct checkpoint *checkpoint_open(struct diag *d, struct arena *a, const char *path) {
  struct stat st;
  if (stat(path, &st) < 0) {
    diag_error(d, "%s: cannot read: %s", path, strerror(errno));
    return NULL;
  }
  struct checkpoint *c = arena_new(a, struct checkpoint);
  *c = (struct checkpoint){.diag = d, .arena = a, .path = without_slashes(a, path)};
  c->dir = S_ISDIR(st.st_mode) ? c->path : directory_of(a, c->path);
  if (!open_files(c, S_ISDIR(st.st_mode))) {
    checkpoint_close(c);
    return NULL;
  }
  open_config(c);
  find_convention(c);
  return c;
}

void checkpoint_close(struct checkpoint *c) {
  for (int i = 0; i < c->shards.n; i++) {
    close(c->shards.at[i].fd);
    json_decref(c->shards.at[i].metadata);
  }
  c->shards.n = 0;
  config_free(&c->config);
}

int checkpoint_count(const struct checkpoint *c) {
  return c->tensors.n;
}

const struct tensor_info *checkpoint_tensor(const struct checkpoint *c, int i) {
  return &c->tensors.at[i].info;
}

const struct tensor_info *checkpoint_find(const struct checkpoint *c, const char *name) {
  const struct stored_tensor *t = tensor_find(c, name);
  return t ? &t->info : NULL;
}

const char *checkpoint_dir(const struct checkpoint *c) {
  return c->dir;
}

enum config_result checkpoint_config(struct checkpoint *c, const char *key, struct config_value *value) {
  if (c->config_unread) {
    diag_error(c->diag, "%s: cannot be read (above), and the spec asks it for '%s'", c->config.name, key);
    return CONFIG_WRONG;
  }
  return c->config.root ? config_find(c->diag, c->arena, &c->config, key, value) : CONFIG_ABSENT;
}

bool checkpoint_has_config(const struct checkpoint *c) {
  return c->config.root || c->config_unread;
}

bool checkpoint_config_unread(const struct checkpoint *c) {
  return c->config_unread;
}

void checkpoint_kinds(struct checkpoint *c, model_kinds *names) {
  const char *type = json_string_value(json_object_get(c->config.root, "model_type"));
  if (type)
    vec_push(c->arena, *names, arena_strdup(c->arena, type));
  else
    checkpoint_architectures(c, names);
}

void checkpoint_architectures(struct checkpoint *c, model_kinds *names) {
  const json_t *list = json_object_get(c->config.root, "architectures");
  for (size_t i = 0; i < json_array_size(list); i++)
    if (json_is_string(json_array_get(list, i)))
      vec_push(c->arena, *names, arena_strdup(c->arena, json_string_value(json_array_get(list, i))));
}
