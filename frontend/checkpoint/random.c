/* random.c: checkpoints of any size in the published layout, to measure and test with: the right names,
 * shapes and types, and plausible numbers. The tensors are written in pieces that threads make. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/directory.h"
#include "frontend/checkpoint/parallel.h"
#include "frontend/checkpoint/private.h"
#include "frontend/checkpoint/random_config.h"
#include "frontend/checkpoint/random_values.h"
#include "frontend/checkpoint/safetensors.h"
#include "runtime/core/machine.h"
#include "support/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BLOCKS = 1024 }; /* of RANDOM_BLOCK values: 8 MB of BF16 */

struct distribution {
  float mean, deviation;
  bool codes;
};
static const struct distribution matrix = {0, 0.02f, false}, gain = {1, 0.05f, false},
                                 bound = {0, 0.5f, false};

struct maker {
  struct arena *a;
  const struct random_config *config; /* of the published layout */
  enum dtype dtype;
  uint64_t seed;
  int threads;
  FILE *out;
  VEC(struct safetensors_entry) entries;
  VEC(struct distribution) distributions; /* in step */
  struct progress progress;
};

/* ---- the published layout ---------------------------------------------------------------------------- */

static void add(struct maker *m, const char *name, int64_t rows, int64_t columns, struct distribution how) {
  static const char *const names[] = {[DTYPE_F32] = "F32", [DTYPE_F16] = "F16", [DTYPE_BF16] = "BF16"};
  struct safetensors_entry e = {.name = name, .dtype = names[m->dtype], .rank = rows ? 2 : 1};
  e.shape[0] = rows ? rows : columns;
  e.shape[1] = rows ? columns : 0;
  e.bytes = (rows ? rows : 1) * columns * dtype_bytes(m->dtype);
  vec_push(m->a, m->entries, e);
  vec_push(m->a, m->distributions, how);
}

/* A BitLinear [out, in]: its matrix and the gains of its inner norm. */
static void add_bitlinear(struct maker *m, const char *path, int64_t out, int64_t in) {
  add(m, arena_printf(m->a, "%s.weight", path), out, in, matrix);
  add(m, arena_printf(m->a, "%s.norm.weight", path), 0, in, gain);
}

static void add_layer(struct maker *m, int64_t layer) {
  int64_t h = m->config->hidden, inner = m->config->inner;
  const char *path = arena_printf(m->a, "model.layers.%lld", (long long)layer);
  add(m, arena_printf(m->a, "%s.attn_norm.weight", path), 0, h, gain);
  for (const char *p = "ifgo"; *p; p++)
    add_bitlinear(m, arena_printf(m->a, "%s.attn.%c_proj", path, *p), h, h);
  add(m, arena_printf(m->a, "%s.attn.g_norm.weight", path), 0, h, gain);
  add(m, arena_printf(m->a, "%s.mlp_norm.weight", path), 0, h, gain);
  add_bitlinear(m, arena_printf(m->a, "%s.mlp.gate_proj", path), 2 * inner, h);
  add_bitlinear(m, arena_printf(m->a, "%s.mlp.down_proj", path), h, inner);
}

static void add_model(struct maker *m) {
  const struct random_config *r = m->config;
  if (r->lower_bounds)
    add(m, "model.lower_bounds", r->layers, r->hidden, bound);
  add(m, "model.embeddings.weight", r->vocabulary, r->hidden, matrix);
  for (int64_t l = 0; l < r->layers; l++)
    add_layer(m, l);
  add(m, "model.norm.weight", 0, r->hidden, gain);
  add_bitlinear(m, "lm_head", r->vocabulary, r->hidden);
}

/* ---- values ------------------------------------------------------------------------------------------ */

struct piece {
  const struct maker *m;
  int tensor;
  int64_t first_block, count; /* values from the first block on */
  char *raw;
};

/* A third of normal numbers is within 0.43 deviations. */
static void make_codes(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    x[i] = x[i] > 0.43f ? 1.0f : x[i] < -0.43f ? -1.0f : 0.0f;
}

static void make_block(void *context, int64_t unit, void *scratch) {
  const struct piece *p = context;
  const struct distribution *how = &p->m->distributions.at[p->tensor];
  int64_t at = unit * RANDOM_BLOCK, n = p->count - at < RANDOM_BLOCK ? p->count - at : RANDOM_BLOCK;
  enum dtype dtype = p->m->dtype;
  random_values(p->m->seed, (uint64_t)p->tensor, (uint64_t)(p->first_block + unit), n, how->mean,
                how->deviation, scratch);
  if (how->codes)
    make_codes(scratch, n);
  convert_narrow(dtype, scratch, n, p->raw + at * dtype_bytes(dtype));
}

static void write_tensor(struct maker *m, int tensor, char *raw) {
  int64_t size = dtype_bytes(m->dtype), count = m->entries.at[tensor].bytes / size;
  for (int64_t block = 0; block * RANDOM_BLOCK < count && !ferror(m->out); block += PIECE_BLOCKS) {
    int64_t left = count - block * RANDOM_BLOCK, most = (int64_t)PIECE_BLOCKS * RANDOM_BLOCK;
    struct piece p = {m, tensor, block, left < most ? left : most, raw};
    parallel_run((p.count + RANDOM_BLOCK - 1) / RANDOM_BLOCK, m->threads, RANDOM_BLOCK * sizeof(float),
                 make_block, &p);
    fwrite(raw, (size_t)size, (size_t)p.count, m->out);
    progress_add(&m->progress, (uint64_t)(p.count * size));
  }
}

static void write_model(struct maker *m) {
  uint64_t total = 0;
  for (int i = 0; i < m->entries.n; i++)
    total += (uint64_t)m->entries.at[i].bytes;
  json_t *metadata = json_pack("{s:s}", "format", "pt");
  safetensors_write_header(m->out, metadata, m->entries.at, m->entries.n);
  json_decref(metadata);
  char *raw = xmalloc((size_t)PIECE_BLOCKS * RANDOM_BLOCK * sizeof(float));
  progress_start(&m->progress, "writing", total);
  for (int i = 0; i < m->entries.n; i++)
    write_tensor(m, i, raw);
  progress_end(&m->progress);
  free(raw);
}

static bool write_config(const struct config *c, struct directory *o) {
  FILE *f = directory_add(o, "config.json");
  if (!f)
    return false;
  if (c->text) {
    fwrite(c->text, 1, c->length, f);
  } else {
    json_dumpf(c->root, f, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', f);
  }
  return true;
}

static bool write_directory(struct maker *m, const struct config *config, struct directory *o, struct diag *d,
                            const char *out) {
  if (!directory_open(o, d, out) || !write_config(config, o) ||
      !(m->out = directory_add(o, "model.safetensors")))
    return false;
  write_model(m); /* a full disk ends it early and is told by directory_close */
  return directory_close(o);
}

bool checkpoint_random(struct diag *d, const char *config, const char *out, uint64_t seed) {
  struct arena a = {0};
  struct random_config r;
  struct directory o = {0};
  bool ok = random_config_read(d, &a, config, &r);
  if (ok) {
    struct maker m = {
        .a = &a, .config = &r, .dtype = r.dtype, .seed = seed, .threads = (int)machine_processors("")};
    add_model(&m);
    ok = write_directory(&m, &r.config, &o, d, out);
    directory_abort(&o); /* what is not closed */
  }
  config_free(&r.config);
  arena_free(&a);
  return ok;
}

static void add_tensor(struct maker *m, const struct random_tensor *t) {
  struct safetensors_entry e = {.name = t->name, .dtype = "F32", .rank = t->rank, .bytes = sizeof(float)};
  for (int i = 0; i < t->rank; i++) {
    e.shape[i] = t->shape[i];
    e.bytes *= t->shape[i];
  }
  vec_push(m->a, m->entries, e);
  vec_push(m->a, m->distributions, (struct distribution){t->mean, t->deviation, t->codes});
}

bool checkpoint_random_tensors(struct diag *d, const char *config, const struct random_tensor *tensors, int n,
                               const char *out, uint64_t seed) {
  struct arena a = {0};
  struct directory o = {0};
  struct config text = {.text = config, .length = strlen(config)};
  struct maker m = {.a = &a, .dtype = DTYPE_F32, .seed = seed, .threads = (int)machine_processors("")};
  for (int i = 0; i < n; i++)
    add_tensor(&m, &tensors[i]);
  bool ok = write_directory(&m, &text, &o, d, out);
  directory_abort(&o);
  arena_free(&a);
  return ok;
}
