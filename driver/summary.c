/* summary.c: sizes are those of the files as they are on the disk. */
#include "driver/summary.h"

#include "ir/layout.h"
#include "support/escape.h"
#include "support/progress.h"
#include <dirent.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what is there ----------------------------------------------------------------------------------- */

struct sized_file {
  const char *path;
  uint64_t bytes;
};
typedef VEC(struct sized_file) file_list;

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct sized_file *)a)->path, ((const struct sized_file *)b)->path);
}

/* The file, or the files in the folder and below it. */
static void list_files(struct arena *a, const char *path, file_list *list) {
  struct stat st;
  if (stat(path, &st) != 0)
    return;
  if (!S_ISDIR(st.st_mode)) {
    vec_push(a, *list, (struct sized_file){path, (uint64_t)st.st_size});
    return;
  }
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      list_files(a, arena_printf(a, "%s/%s", path, e->d_name), list);
  if (dir)
    closedir(dir);
}

static file_list files_of(struct arena *a, const struct summary *s) {
  file_list list = {0};
  list_files(a, s->path, &list);
  if (s->also)
    list_files(a, s->also, &list);
  qsort(list.at, (size_t)list.n, sizeof *list.at, by_path);
  return list;
}

static uint64_t bytes_of(const file_list *list) {
  uint64_t sum = 0;
  for (int i = 0; i < list->n; i++)
    sum += list->at[i].bytes;
  return sum;
}

/* ---- in words ---------------------------------------------------------------------------------------- */

static const char *size_text(struct arena *a, uint64_t bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  double n = (double)bytes;
  int unit = 0;
  while (n >= 999.5 && unit < 4) {
    n /= 1000;
    unit++;
  }
  return arena_printf(a, unit && n < 99.5 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

void summary_print(struct job *j, const struct summary *s) {
  struct arena *a = &j->arena;
  file_list list = files_of(a, s);
  progress_clear();
  fprintf(stderr, "wrote %s", shell_word(a, s->path));
  if (s->also)
    fprintf(stderr, " and %s", shell_word(a, s->also));
  if (list.n)
    fprintf(stderr, " (%s)", size_text(a, bytes_of(&list)));
  fprintf(stderr, "%s%s\n", s->use ? "; " : "", s->use ? s->use : "");
}

/* A program in this folder needs "./" to be found; a path that looks like an option too. */
static const char *command_word(struct arena *a, const char *path) {
  return shell_word(a, strchr(path, '/') ? path : arena_printf(a, "./%s", path));
}

const char *use_of_program(struct job *j, const char *path, const char *weights_file) {
  struct arena *a = &j->arena;
  const char *command = command_word(a, path);
  if (weights_file)
    command = arena_printf(a, "%s --weights-file %s", command, shell_word(a, weights_file));
  if (!j->checkpoint)
    return arena_printf(a,
                        "it carries no weights: run it with --weights-file FILE, or build it with --weights");
  if (!j->tokenizer)
    return arena_printf(a, "run it on token ids, as there is no tokenizer: %s --tokens IDS --logits OUT",
                        command);
  return arena_printf(a, "run it: %s --prompt 'Once upon a time'", command);
}

const char *use_of_trainer(struct job *j, const char *path) {
  return arena_printf(&j->arena, "train with it: %s --data TEXT --tokenizer DIR --out RUN",
                      command_word(&j->arena, path));
}

const char *use_of_library(struct job *j, const char *path) {
  struct arena *a = &j->arena;
  const char *dir = shell_word(a, path), *name = c_prefix(a, j->module->name);
  return arena_printf(a, "use it: cc main.c -I%s %s/lib%s.a -lpthread -lm", dir, dir, name);
}

/* ---- as JSON ----------------------------------------------------------------------------------------- */

/* JSON has characters only: of a path that is not UTF-8 other bytes stand as messages show them, \xff. */
static json_t *path_json(struct arena *a, const char *path) {
  json_t *text = json_string(path);
  return text ? text : json_string(message_text(a, path));
}

static json_t *files_json(struct arena *a, const file_list *list) {
  json_t *files = json_array();
  for (int i = 0; i < list->n; i++)
    json_array_append_new(files, json_pack("{s:o, s:I}", "path", path_json(a, list->at[i].path), "bytes",
                                           (json_int_t)list->at[i].bytes));
  return files;
}

static void add_model(json_t *o, struct job *j) {
  const struct module *m = j->module;
  json_object_set_new(o, "model", json_string(m->name));
  json_object_set_new(o, "parameters", json_integer((json_int_t)parameter_count(m)));
  json_object_set_new(o, "dimensions", json_string(params_text(&j->arena, m)));
  json_object_set_new(o, "fixed", json_boolean(j->options.fixed));
}

bool summary_json(struct job *j, const struct summary *s) {
  file_list list = files_of(&j->arena, s);
  json_t *o = json_pack("{s:s, s:o, s:I}", "kind", s->kind, "path", path_json(&j->arena, s->path), "bytes",
                        (json_int_t)bytes_of(&list));
  if (j->module)
    add_model(o, j);
  json_object_set_new(o, "files", files_json(&j->arena, &list));
  progress_clear();
  json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  putchar('\n');
  json_decref(o);
  if (fflush(stdout) == 0)
    return true;
  diag_error(&j->diag, "standard output: cannot write");
  return false;
}
