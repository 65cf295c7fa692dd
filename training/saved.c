/* saved.c: checkpoints of a training: written whole, read back, the old ones removed. */
#include "training/saved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "frontend/checkpoint/companions.h"
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/directory.h"
#include "frontend/checkpoint/safetensors.h"
#include "runtime/core/claim.h"
#include "support/escape.h"
#include "training/initial.h"

#define MODEL_FILE     "model.safetensors"
#define OPTIMISER_FILE "optimiser.safetensors"
#define TRAINING_FILE  "training.json"
#define UNFINISHED                                                                                           \
  ".unfinished-" /* before the step, in the name of a folder that is being written or removed */

enum { MOST_ABOUT_BYTES = 1 << 24 }; /* of training.json */

/* ---- tensors ----------------------------------------------------------------------------------------- */

/* A run of numbers in memory and its name in a file. */
struct saved_tensor {
  struct wanted_tensor as; /* its name and shape */
  enum dtype type;         /* DTYPE_F32, DTYPE_BF16 or DTYPE_I8 */
  void *numbers;
};
typedef VEC(struct saved_tensor) saved_list;

static enum dtype dtype_of(uint32_t elem) {
  return elem == TERN_BF16 ? DTYPE_BF16 : elem == TERN_I8 ? DTYPE_I8 : DTYPE_F32;
}

static int64_t saved_elements(const struct saved_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->as.rank; i++)
    n *= t->as.shape[i];
  return n;
}

static saved_list model_tensors(const struct learner *l, struct arena *a) {
  saved_list list = {0};
  for (uint32_t i = 0; i < l->about->n_tensors; i++) {
    const struct tern_tensor *t = &l->about->tensors[i];
    for (uint64_t k = 0; k < tensor_instances(t); k++)
      vec_push(a, list,
               (struct saved_tensor){tensor_wanted(t, tensor_name(a, t, k)), dtype_of(t->elem),
                                     learner_tensor(l, t, k)});
  }
  return list;
}

static struct wanted_tensor shaped(const char *name, int rank, int64_t rows, int64_t width) {
  struct wanted_tensor w = {.name = name, .rank = rank};
  w.shape[0] = rows;
  w.shape[1] = width;
  return w;
}

/* An instance of one of AdamW's moments: numbers of the tensor's shape, or codes [blocks, width] and the
 * blocks' scales. */
static void add_moment(saved_list *list, struct arena *a, const struct learner *l, const char *kind,
                       const struct tern_tensor *t, int region, int scales, uint64_t instance) {
  const char *name = tensor_name(a, t, instance), *full = arena_printf(a, "%s.%s", kind, name);
  int64_t blocks = scales < 0 ? 0 : (int64_t)(l->about->regions[scales].bytes / sizeof(float));
  struct saved_tensor numbers = {
      blocks ? shaped(full, 2, blocks, (int64_t)tensor_elements(t) / blocks) : tensor_wanted(t, full),
      dtype_of(l->about->regions[region].elem), learner_region(l, region, instance)};
  vec_push(a, *list, numbers);
  if (!blocks)
    return;
  struct saved_tensor scale = {shaped(arena_printf(a, "%s_scale.%s", kind, name), 1, blocks, 0), DTYPE_F32,
                               learner_region(l, scales, instance)};
  vec_push(a, *list, scale);
}

static saved_list moments(const struct learner *l, struct arena *a) {
  saved_list list = {0};
  for (uint32_t i = 0; i < l->about->n_tensors; i++) {
    const struct tern_tensor *t = &l->about->tensors[i];
    for (uint64_t k = 0; t->mean >= 0 && k < tensor_instances(t); k++) {
      add_moment(&list, a, l, "mean", t, t->mean, t->mean_scale, k);
      add_moment(&list, a, l, "square", t, t->square, t->square_scale, k);
    }
  }
  return list;
}

int saved_format(const struct learner *l) {
  int format = 1;
  for (uint32_t i = 0; i < l->about->n_tensors; i++)
    if (l->about->tensors[i].elem != TERN_F32 || l->about->tensors[i].mean_scale >= 0)
      format = SAVED_FORMAT;
  return format;
}

static const char *dtype_text(enum dtype t) {
  return t == DTYPE_BF16 ? "BF16" : t == DTYPE_I8 ? "I8" : "F32";
}

static void write_tensors(FILE *f, struct arena *a, const saved_list *list) {
  struct safetensors_entry *entries = arena_array(a, struct safetensors_entry, list->n + 1);
  for (int i = 0; i < list->n; i++) {
    const struct saved_tensor *t = &list->at[i];
    entries[i] = (struct safetensors_entry){.name = t->as.name,
                                            .dtype = dtype_text(t->type),
                                            .rank = t->as.rank,
                                            .bytes = saved_elements(t) * dtype_bytes(t->type)};
    memcpy(entries[i].shape, t->as.shape, sizeof entries[i].shape);
  }
  json_t *metadata = json_pack("{s:s}", "format", "pt");
  safetensors_write_header(f, metadata, entries, list->n);
  json_decref(metadata);
  for (int i = 0; i < list->n && !ferror(f); i++)
    fwrite(list->at[i].numbers, (size_t)dtype_bytes(list->at[i].type), (size_t)saved_elements(&list->at[i]),
           f);
}

/* ---- folders ----------------------------------------------------------------------------------------- */

static const char *checkpoints_of(struct arena *a, const char *run) {
  return arena_printf(a, "%s/checkpoints", run);
}

static const char *folder_of(struct arena *a, const char *run, uint64_t step) {
  return arena_printf(a, "%s/checkpoints/%06llu", run, (unsigned long long)step);
}

/* What a checkpoint is called while it is being written or removed. */
static const char *unfinished(struct arena *a, const char *run, uint64_t step) {
  return arena_printf(a, "%s/" UNFINISHED "%llu", checkpoints_of(a, run), (unsigned long long)step);
}

/* A folder of this one's making and the files in it. */
static void remove_folder(struct arena *a, const char *path) {
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      unlink(arena_printf(a, "%s/%s", path, e->d_name));
  if (dir)
    closedir(dir);
  rmdir(path);
}

/* The step of the checkpoint that is called so, or -1: it is something else. */
static int64_t step_of(struct arena *a, const char *run, const char *name) {
  uint64_t step = strtoull(name, NULL, 10);
  const char *folder = folder_of(a, run, step);
  bool named = strcmp(strrchr(folder, '/') + 1, name) == 0 && step <= MOST_STEPS;
  return named && file_exists(arena_printf(a, "%s/" TRAINING_FILE, folder)) ? (int64_t)step : -1;
}

static int newest_first(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

/* The steps of the run's checkpoints, newest first; folders that were never finished are removed if `clean`.
 */
typedef VEC(int64_t) step_list;
static step_list steps_of(struct arena *a, const char *run, bool clean) {
  step_list steps = {0};
  const char *path = checkpoints_of(a, run);
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    int64_t step = step_of(a, run, e->d_name);
    if (step >= 0)
      vec_push(a, steps, step);
    if (clean && strncmp(e->d_name, UNFINISHED, strlen(UNFINISHED)) == 0)
      remove_folder(a, arena_printf(a, "%s/%s", path, e->d_name));
  }
  if (dir)
    closedir(dir);
  if (steps.n)
    qsort(steps.at, (size_t)steps.n, sizeof *steps.at, newest_first);
  return steps;
}

static bool make_folder(struct diag *d, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST)
    return true;
  diag_error(d, "%s: the folder cannot be made: %s", path, strerror(errno));
  return false;
}

bool saved_is_free(const struct saved_run *r) {
  static const char *const names[] = {MODEL_FILE, MODEL_FILE ".index.json"};
  struct arena a = {0};
  int errors = r->diag->errors;
  if (steps_of(&a, r->folder, false).n)
    diag_error(r->diag,
               "%s: holds a training already; --resume %s goes on with it, another --out begins a new one",
               r->folder, shell_word(&a, r->folder));
  else
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      if (file_exists(arena_printf(&a, "%s/%s", r->folder, names[i])))
        diag_error(r->diag,
                   "%s: holds %s, which the training would write over; --out takes a new folder, and --init "
                   "the one with the weights to begin with",
                   r->folder, names[i]);
  arena_free(&a);
  return r->diag->errors == errors;
}

/* A trainer that was killed a moment ago may still be about to go. */
static bool try_lock(int fd) {
  static const struct timespec pause = {.tv_nsec = 20000000};
  bool taken = true;
  for (int i = 0; taken && i < 100; i++) {
    taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (taken)
      nanosleep(&pause, NULL);
  }
  return !taken; /* a file system without locks has nothing to say */
}

bool saved_lock(struct saved_run *r) {
  struct arena a = {0};
  const char *path = checkpoints_of(&a, r->folder);
  r->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool mine =
      r->lock < 0 || try_lock(r->lock); /* without the folder, whoever reads it has something to say */
  if (!mine)
    diag_error(r->diag, "%s: another trainer is at work in it; wait until that ends, or stop it", r->folder);
  arena_free(&a);
  return mine;
}

void saved_release(struct saved_run *r) {
  if (r->lock >= 0)
    close(r->lock);
  r->lock = -1;
}

bool saved_begin(struct saved_run *r) {
  struct arena a = {0};
  bool ok = make_folder(r->diag, r->folder) && make_folder(r->diag, checkpoints_of(&a, r->folder)) &&
            saved_lock(r) && saved_is_free(r);
  arena_free(&a);
  return ok;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static bool write_text(struct directory *o, const char *name, const char *text) {
  FILE *f = directory_add(o, name);
  if (f)
    fputs(text, f);
  return f != NULL;
}

static bool copy_tokenizer(const struct saved_run *r, struct directory *o) {
  static const char *const names[] = COMPANION_FILES;
  for (size_t i = 0; r->tokenizer && i < sizeof names / sizeof *names; i++) {
    const char *from = arena_printf(&o->arena, "%s/%s", r->tokenizer, names[i]);
    if (strcmp(names[i], CONFIG_FILE) != 0 && file_exists(from) && !directory_copy(o, from, names[i]))
      return false;
  }
  return true;
}

static bool write_numbers(struct directory *o, const char *name, const saved_list *list) {
  FILE *f = directory_add(o, name);
  if (f)
    write_tensors(f, &o->arena, list);
  return f != NULL;
}

static bool write_files(const struct saved_run *r, const struct learner *l, struct directory *o,
                        const json_t *about) {
  saved_list model = model_tensors(l, &o->arena), moment = moments(l, &o->arena);
  char *text = json_dumps(about, JSON_INDENT(2));
  bool ok = text && write_text(o, CONFIG_FILE, r->config) && write_text(o, TRAINING_FILE, text) &&
            copy_tokenizer(r, o) && write_numbers(o, MODEL_FILE, &model) &&
            write_numbers(o, OPTIMISER_FILE, &moment);
  free(text);
  return ok;
}

/* What was written is on the disk, not only on its way. */
static bool settle(struct diag *d, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == EROFS);
  if (!ok)
    diag_error(d, "%s: cannot be written: %s", path, strerror(errno));
  if (fd >= 0)
    close(fd);
  return ok;
}

static bool settle_all(struct diag *d, struct arena *a, const char *folder) {
  DIR *dir = opendir(folder);
  bool ok = true;
  for (struct dirent *e; ok && dir && (e = readdir(dir));)
    if (*e->d_name != '.')
      ok = settle(d, arena_printf(a, "%s/%s", folder, e->d_name));
  if (dir)
    closedir(dir);
  return ok && settle(d, folder);
}

static bool write_folder(const struct saved_run *r, const struct learner *l, struct arena *a,
                         const char *folder, const json_t *about) {
  struct directory o = {0};
  remove_folder(a, folder);
  bool ok = directory_open(&o, r->diag, folder) && write_files(r, l, &o, about);
  ok = ok ? directory_close(&o) : (directory_abort(&o), false);
  claim_drop_outputs(); /* the next checkpoint has files of the same names */
  return ok && settle_all(r->diag, a, folder);
}

/* RUN/name becomes the file of the checkpoint: one file with two names, or a link where there is no such
 * thing. */
static bool put_in_front(const struct saved_run *r, struct arena *a, uint64_t step, const char *name) {
  const char *from = arena_printf(a, "%s/%s", folder_of(a, r->folder, step), name);
  const char *to = arena_printf(a, "%s/%s", r->folder, name),
             *beside = arena_printf(a, "%s/.%s", r->folder, name);
  if (!file_exists(from))
    return true;
  unlink(beside);
  if (link(from, beside) != 0 &&
      symlink(arena_printf(a, "checkpoints/%06llu/%s", (unsigned long long)step, name), beside) != 0) {
    diag_error(r->diag, "%s: cannot be made: %s", beside, strerror(errno));
    return false;
  }
  if (rename(beside, to) == 0)
    return true;
  diag_error(r->diag, "%s: cannot be put in its place: %s", to, strerror(errno));
  return false;
}

static bool show_newest(const struct saved_run *r, struct arena *a, uint64_t step) {
  static const char *const names[] = COMPANION_FILES;
  bool ok = true;
  for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++)
    ok = put_in_front(r, a, step, names[i]);
  return ok && put_in_front(r, a, step, MODEL_FILE);
}

static void remove_old(const struct saved_run *r, struct arena *a) {
  step_list steps = steps_of(a, r->folder, true);
  for (int i = (int)r->keep; r->keep && i < steps.n; i++) {
    const char *beside = unfinished(a, r->folder, (uint64_t)steps.at[i]);
    if (rename(folder_of(a, r->folder, (uint64_t)steps.at[i]), beside) == 0) /* no longer a checkpoint */
      remove_folder(a, beside);
  }
}

bool saved_show(const struct saved_run *r, uint64_t step) {
  struct arena a = {0};
  bool ok = show_newest(r, &a, step);
  if (ok)
    remove_old(r, &a);
  arena_free(&a);
  return ok;
}

bool saved_write(const struct saved_run *r, const struct learner *l, uint64_t step, const json_t *about) {
  struct arena a = {0};
  const char *folder = folder_of(&a, r->folder, step);
  const char *beside = unfinished(&a, r->folder, step);
  bool ok = write_folder(r, l, &a, beside, about);
  if (ok && rename(beside, folder) != 0) {
    diag_error(r->diag, "%s: cannot be put in its place: %s", folder, strerror(errno));
    ok = false;
  }
  if (!ok)
    remove_folder(&a, beside);
  ok = ok && settle(r->diag, checkpoints_of(&a, r->folder)) && saved_show(r, step);
  arena_free(&a);
  return ok;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool is_known_format(json_int_t format) {
  return format >= 1 && format <= SAVED_FORMAT;
}

/* It says what a training of a known format has to say. */
static bool is_whole(struct diag *d, const json_t *about, const char *path, int64_t step) {
  const json_t *format = json_object_get(about, "format"), *at = json_object_get(about, "step");
  int64_t chunk = json_integer_value(json_object_get(about, "chunk"));
  if (json_is_integer(format) && !is_known_format(json_integer_value(format)))
    diag_error(d,
               "%s: is of format %lld, and this trainer reads up to %d; go on with the trainer that wrote it",
               path, (long long)json_integer_value(format), (int)SAVED_FORMAT);
  else if (!json_is_integer(format) || !json_is_integer(at) || json_integer_value(at) != step || chunk < 1 ||
           chunk > MOST_CHUNK)
    diag_error(d,
               "%s: is not as a trainer writes it (its format, step and chunk); with this folder out of the "
               "way, --resume goes on from the checkpoint before it",
               path);
  else
    return true;
  return false;
}

static json_t *read_about(struct diag *d, struct arena *a, const char *path, int64_t step) {
  json_error_t error;
  size_t length;
  char *text = text_read(d, a, path, MOST_ABOUT_BYTES, &length);
  json_t *about = text ? json_loadb(text, length, 0, &error) : NULL;
  if (text && !about)
    diag_error(d,
               "%s:%d: %s; with this folder out of the way, --resume goes on from the checkpoint before it",
               path, error.line, error.text);
  if (about && is_whole(d, about, path, step))
    return about;
  json_decref(about);
  return NULL;
}

/* Its numbers, which are as they were written: bfloat16 is exact in float32. */
static bool read_numbers(struct checkpoint *c, const struct saved_tensor *t) {
  float numbers[TENSOR_PIECE];
  if (t->type == DTYPE_I8)
    return checkpoint_read_i8(c, t->as.name, saved_elements(t), t->numbers);
  for (int64_t i = 0, n = saved_elements(t); i < n; i += TENSOR_PIECE) {
    int64_t some = n - i < TENSOR_PIECE ? n - i : TENSOR_PIECE;
    if (!checkpoint_read_f32(c, t->as.name, i, some, numbers))
      return false;
    convert_narrow(t->type, numbers, some, (char *)t->numbers + i * dtype_bytes(t->type));
  }
  return true;
}

/* What is there of the list has numbers of its type: `option` says how they are kept. */
static bool same_types(struct checkpoint *c, struct diag *d, const char *file, const saved_list *list,
                       const char *option) {
  for (int i = 0; i < list->n; i++) {
    const struct tensor_info *info = checkpoint_find(c, list->at[i].as.name);
    if (!info || info->dtype == list->at[i].type)
      continue;
    diag_error(d, "%s: '%s' has other numbers than the trainer; are %s as they were?", file,
               list->at[i].as.name, option);
    return false;
  }
  return true;
}

const char *saved_newest(struct diag *d, struct arena *a, const char *run, json_t **about) {
  step_list steps = steps_of(a, run, false);
  if (!steps.n) {
    bool one = file_exists(arena_printf(a, "%s/" TRAINING_FILE, run));
    diag_error(
        d,
        one ? "%s: is one checkpoint of a training; --resume takes the folder of the training and goes "
              "on from its newest one, --init begins another training with these weights"
            : "%s: holds no checkpoint of a training; begin one with --out",
        run);
    return NULL;
  }
  const char *folder = folder_of(a, run, (uint64_t)steps.at[0]);
  *about = read_about(d, a, arena_printf(a, "%s/" TRAINING_FILE, folder), steps.at[0]);
  return *about ? folder : NULL;
}

/* Every one is there, with its shape. */
static bool has_all(struct arena *a, struct checkpoint *c, const saved_list *list) {
  struct wanted_tensor *wanted = arena_array(a, struct wanted_tensor, list->n + 1);
  for (int i = 0; i < list->n; i++)
    wanted[i] = list->at[i].as;
  return checkpoint_check(c, wanted, list->n, true);
}

static bool read_moments(struct learner *l, struct diag *d, struct arena *a, const char *file) {
  struct checkpoint *c = checkpoint_open(d, a, file);
  saved_list list = moments(l, a);
  bool ok = c && same_types(c, d, file, &list, "--moments") && has_all(a, c, &list);
  for (int i = 0; ok && i < list.n; i++)
    ok = read_numbers(c, &list.at[i]);
  if (c)
    checkpoint_close(c);
  return ok;
}

static bool has_my_weights(const struct learner *l, struct diag *d, struct arena *a, const char *file) {
  struct checkpoint *c = checkpoint_open(d, a, file);
  saved_list list = model_tensors(l, a);
  bool ok = c && same_types(c, d, file, &list, "--masters");
  if (c)
    checkpoint_close(c);
  return ok;
}

bool saved_read(struct learner *l, struct diag *d, const char *folder) {
  struct arena a = {0};
  bool ok = has_my_weights(l, d, &a, arena_printf(&a, "%s/" MODEL_FILE, folder)) &&
            initial_load(l, d, folder, NULL) &&
            read_moments(l, d, &a, arena_printf(&a, "%s/" OPTIMISER_FILE, folder));
  arena_free(&a);
  return ok;
}
