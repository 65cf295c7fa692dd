/* pack.c: writes the compact form of a checkpoint: ternary matrices as five codes a byte and a mean, which is
 * all that a BitLinear needs of them; everything else byte for byte.
 *
 * The file is planned first, because a header tells all offsets. Wide types go first, so that every tensor is
 * aligned to its elements, which some readers want; among equals the order is the original's. */
#include "frontend/checkpoint/companions.h"
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/directory.h"
#include "frontend/checkpoint/parallel.h"
#include "frontend/checkpoint/private.h"
#include "frontend/checkpoint/safetensors.h"
#include "support/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 20, ROWS_PER_UNIT = 64 };

enum pack_origin { ORIGIN_COPY, ORIGIN_PACK, ORIGIN_MEAN };

struct planned {
  const struct stored_tensor *t;
  enum pack_origin origin;
  int element_bytes;
};

struct packer {
  struct checkpoint *c;
  bool tied; /* config.json says that the head's matrix is the embedding too, which is floats */
  int threads;
  FILE *out;
  struct arena arena;
  json_t *metadata;
  VEC(struct planned) plan;
  VEC(struct safetensors_entry) entries; /* in step with plan */
  struct progress progress;
  float *means; /* by tensor number; of those that are packed */
};

/* ---- the plan ---------------------------------------------------------------------------------------- */

static int64_t packed_columns(int64_t n) {
  return n / TRITS_PER_BYTE + (n % TRITS_PER_BYTE != 0);
}

/* What the metadata says of a tensor, under the name that it has now. */
static void move_key(struct packer *p, const struct stored_tensor *t, const char *key) {
  json_t *v = json_object_get(p->metadata, arena_printf(&p->arena, "%s%s", key, t->stored));
  if (v && strcmp(t->stored, t->info.name) != 0)
    json_object_set(p->metadata, arena_printf(&p->arena, "%s%s", key, t->info.name), v);
}

static void plan_copy(struct packer *p, const struct stored_tensor *t) {
  struct safetensors_entry e = {
      .name = t->info.name, .dtype = t->info.dtype_name, .rank = t->info.rank, .bytes = t->bytes};
  memcpy(e.shape, t->info.shape, sizeof e.shape);
  vec_push(&p->arena, p->entries, e);
  move_key(p, t, "tern.columns.");
  move_key(p, t, "tern.largest.");
}

static void plan_pack(struct packer *p, const struct stored_tensor *t) {
  int64_t rows = t->info.shape[0], columns = packed_columns(t->info.shape[1]);
  vec_push(&p->arena, p->entries,
           (struct safetensors_entry){t->info.name, "U8", 2, {rows, columns}, rows * columns});
  json_object_set_new(p->metadata, arena_printf(&p->arena, "tern.columns.%s", t->info.name),
                      json_sprintf("%lld", (long long)t->info.shape[1]));
  float largest;
  if (already_ternary(p->c, t, tensor_count(t), tensor_count(t), &largest))
    json_object_set_new(p->metadata, arena_printf(&p->arena, "tern.largest.%s", t->info.name),
                        json_sprintf("%a", (double)largest));
}

static void plan_mean(struct packer *p, const struct stored_tensor *t) {
  const char *name = arena_printf(&p->arena, "%s_scale", t->info.name);
  vec_push(&p->arena, p->entries, (struct safetensors_entry){name, "F32", 0, {0}, sizeof(float)});
}

static void (*const plan_entry[])(struct packer *, const struct stored_tensor *) = {
    [ORIGIN_COPY] = plan_copy, [ORIGIN_PACK] = plan_pack, [ORIGIN_MEAN] = plan_mean};

/* Floats that the model wants as codes only, by their names. */
static bool is_packed(const struct packer *p, const struct stored_tensor *t) {
  const char *head = strstr(t->info.name, "lm_head.weight");
  return tensor_is_ternary(t) && !t->beside && !(p->tied && head);
}

/* 1 for types whose elements are of no whole bytes, or of none that are known. */
static int stored_bytes(const struct stored_tensor *t) {
  int64_t n = tensor_count(t), size = n ? t->bytes / n : 1;
  return size == 8 || size == 4 || size == 2 ? (int)size : 1;
}

/* Plans the entries whose elements have `width` bytes. */
static void plan_width(struct packer *p, int width) {
  for (int i = 0; i < p->c->tensors.n; i++) {
    const struct stored_tensor *t = &p->c->tensors.at[i];
    bool ternary = is_packed(p, t);
    const struct planned candidates[] = {
        {t, ternary ? ORIGIN_PACK : ORIGIN_COPY, ternary ? 1 : stored_bytes(t)},
        {t, ORIGIN_MEAN, sizeof(float)}};
    for (int k = 0; k < 1 + ternary; k++)
      if (candidates[k].element_bytes == width) {
        vec_push(&p->arena, p->plan, candidates[k]);
        plan_entry[candidates[k].origin](p, t);
      }
  }
}

/* What the shards say of themselves goes along, the first to say it first. */
static void make_metadata(struct packer *p) {
  bool codes = false;
  p->metadata = json_object();
  for (int i = 0; i < p->c->shards.n; i++)
    json_object_update_missing(p->metadata, p->c->shards.at[i].metadata);
  for (int i = 0; i < p->c->tensors.n; i++)
    codes |= tensor_is_codes(&p->c->tensors.at[i]);
  json_object_set_new(p->metadata, "tern.packing", json_string(codes ? "base3+codes" : "base3"));
}

/* False: a tensor cannot be read, or a scale's name is taken. */
static bool check_names(struct packer *p) {
  for (int i = 0; i < p->c->tensors.n; i++) {
    const struct stored_tensor *t = &p->c->tensors.at[i];
    if (t->fault) {
      diag_error(p->c->diag, "%s", t->fault);
      return false;
    }
    const char *scale = arena_printf(&p->arena, "%s_scale", t->info.name);
    if (is_packed(p, t) && tensor_find(p->c, scale)) {
      diag_error(p->c->diag,
                 "%s: has a tensor '%s' beside '%s', the name that the compact form needs; rename it",
                 t->info.file, scale, t->info.name);
      return false;
    }
  }
  return true;
}

static void make_plan(struct packer *p) {
  static const int widths[] = {8, 4, 2, 1};
  make_metadata(p);
  for (int i = 0; i < 4; i++)
    plan_width(p, widths[i]);
}

/* ---- the data ---------------------------------------------------------------------------------------- */

static bool write_copy(struct packer *p, const struct stored_tensor *t) {
  char *buffer = xmalloc(COPY_BYTES);
  int error = 0;
  for (int64_t at = 0, n; at < t->bytes && !error && !ferror(p->out); at += n) {
    n = t->bytes - at < COPY_BYTES ? t->bytes - at : COPY_BYTES;
    error = tensor_pread(p->c, t, at, buffer, n);
    if (!error)
      fwrite(buffer, 1, (size_t)n, p->out);
    progress_add(&p->progress, (uint64_t)n);
  }
  free(buffer);
  if (error)
    report_read(p->c, t, error);
  return !error;
}

struct rows {
  const int8_t *codes;
  uint8_t *packed;
  int64_t m, n;
};

static void pack_rows(void *context, int64_t unit, void *scratch) {
  (void)scratch;
  struct rows *r = context;
  int64_t last = (unit + 1) * ROWS_PER_UNIT < r->m ? (unit + 1) * ROWS_PER_UNIT : r->m;
  for (int64_t i = unit * ROWS_PER_UNIT; i < last; i++)
    convert_pack_base3(r->codes + i * r->n, r->n, r->packed + i * packed_columns(r->n));
}

static float *mean_of(struct packer *p, const struct stored_tensor *t) {
  return &p->means[t - p->c->tensors.at];
}

static bool write_packed(struct packer *p, const struct stored_tensor *t) {
  struct rows r = {.m = t->info.shape[0], .n = t->info.shape[1]};
  size_t bytes = (size_t)(r.m * packed_columns(r.n));
  int8_t *codes = xmalloc((size_t)(r.m * r.n));
  int64_t bad = -1;
  bool ok =
      ternary_scan(p->c, t, r.m, r.n, SCALE_TENSOR, 0, false, 1, codes, mean_of(p, t), p->threads, &bad);
  ok = ok && (bad < 0 || weight_not_finite(p->c, t, r.n, bad));
  if (ok) {
    r.codes = codes;
    r.packed = xmalloc(bytes);
    parallel_run((r.m + ROWS_PER_UNIT - 1) / ROWS_PER_UNIT, p->threads, 0, pack_rows, &r);
    fwrite(r.packed, 1, bytes, p->out);
    free(r.packed);
  }
  free(codes);
  progress_add(&p->progress, (uint64_t)t->bytes);
  return ok;
}

/* Means come before the matrices in the file, but are known after them: room is left, and filled at the end.
 */
static bool write_nothing_yet(struct packer *p, const struct stored_tensor *t) {
  (void)t;
  static const float room;
  fwrite(&room, sizeof room, 1, p->out);
  return true;
}

static bool (*const write_entry[])(struct packer *, const struct stored_tensor *) = {
    [ORIGIN_COPY] = write_copy, [ORIGIN_PACK] = write_packed, [ORIGIN_MEAN] = write_nothing_yet};

/* False after a diagnostic. */
static bool fill_means(struct packer *p, int64_t data_at) {
  for (int i = 0; i < p->plan.n; data_at += p->entries.at[i++].bytes) {
    if (p->plan.at[i].origin != ORIGIN_MEAN)
      continue;
    if (fseeko(p->out, data_at, SEEK_SET) != 0) {
      diag_error(p->c->diag, "model.safetensors: cannot write: %s", strerror(errno));
      return false;
    }
    fwrite(mean_of(p, p->plan.at[i].t), sizeof(float), 1, p->out);
  }
  return true;
}

/* False after a diagnostic; a full disk is noticed and told when the file is closed. */
static bool write_model(struct packer *p) {
  uint64_t total = 0;
  for (int i = 0; i < p->c->tensors.n; i++)
    total += (uint64_t)p->c->tensors.at[i].bytes;
  progress_start(&p->progress, "packing", total);
  safetensors_write_header(p->out, p->metadata, p->entries.at, p->entries.n);
  int64_t data_at = ftello(p->out);
  bool ok = true;
  for (int i = 0; i < p->plan.n && ok && !ferror(p->out); i++)
    ok = write_entry[p->plan.at[i].origin](p, p->plan.at[i].t);
  ok = ok && fill_means(p, data_at);
  progress_end(&p->progress);
  return ok;
}

/* ---- the directory ----------------------------------------------------------------------------------- */

static bool same_directory(const char *a, const char *b) {
  struct stat s, t;
  return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

static bool copy_companions(struct packer *p, struct directory *o) {
  static const char *const names[] = COMPANION_FILES;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *from = arena_printf(&p->arena, "%s/%s", p->c->dir, names[i]);
    if (file_exists(from) && !directory_copy(o, from, names[i]))
      return false;
  }
  return true;
}

static bool write_directory(struct packer *p, struct directory *o) {
  if (!copy_companions(p, o) || !(p->out = directory_add(o, "model.safetensors")))
    return false;
  return write_model(p) && directory_close(o);
}

bool checkpoint_pack(struct checkpoint *c, const char *out, int threads) {
  if (same_directory(out, c->dir)) {
    diag_error(c->diag,
               "%s: holds the checkpoint itself, which must not be overwritten; choose another directory",
               out);
    return false;
  }
  struct packer p = {.c = c,
                     .threads = threads,
                     .tied = json_is_true(json_object_get(c->config.root, "tie_word_embeddings"))};
  struct directory o = {0};
  p.means = xmalloc((size_t)c->tensors.n * sizeof *p.means);
  bool ok = check_names(&p) && directory_open(&o, c->diag, out);
  if (ok) {
    make_plan(&p);
    ok = write_directory(&p, &o);
    if (!ok)
      directory_abort(&o);
  }
  json_decref(p.metadata);
  arena_free(&o.arena);
  arena_free(&p.arena);
  free(p.means);
  return ok;
}
