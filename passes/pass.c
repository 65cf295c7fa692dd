/* pass.c: the tables of passes and pipelines, and running a list of them. */
#include "passes/pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct pass passes[] = {
#define PASS(function, name, pipelines, needs, help) {name, help, pipelines, needs, pass_##function},
#include "passes/passes.def"
};
const int pass_count = sizeof passes / sizeof *passes;

const struct pipeline pipelines[] = {
#define PIPELINE(identifier, name, help) {name, help},
#include "passes/passes.def"
};
const int pipeline_count = sizeof pipelines / sizeof *pipelines;

/* Indices into passes[]. */
enum {
#define PASS(function, name, pipelines, needs, help) PASS_##function,
#include "passes/passes.def"
};

/* What the pipelines run, in order. */
static const struct pipeline_row {
  int pass;
  unsigned pipelines; /* the bits of those that have it */
} places[] = {
#define PASS(function, name, pipelines, needs, help) {PASS_##function, pipelines},
#define AGAIN(function, pipelines)                   {PASS_##function, pipelines},
#include "passes/passes.def"
};

const struct pass *pass_find(const char *name) {
  for (int i = 0; i < pass_count; i++)
    if (strcmp(passes[i].name, name) == 0)
      return &passes[i];
  return NULL;
}

/* The bit of the pipeline, or 0. */
static unsigned pipeline_bit(const char *name) {
  for (int i = 0; i < pipeline_count; i++)
    if (strcmp(pipelines[i].name, name) == 0)
      return 1u << i;
  return 0;
}

static void unknown_pass(struct module *m, const char *name) {
  const char **names = arena_array(m->arena, const char *, pass_count + pipeline_count);
  for (int i = 0; i < pass_count; i++)
    names[i] = passes[i].name;
  for (int i = 0; i < pipeline_count; i++)
    names[pass_count + i] = pipelines[i].name;
  const char *near = diag_nearest(name, names, pass_count + pipeline_count);
  if (near)
    diag_error(m->diag, "there is no pass '%s'; did you mean '%s'?", name, near);
  else
    diag_error(m->diag, "there is no pass '%s' (ternc opt --help lists them)", name);
}

/* ---- showing ----------------------------------------------------------------------------------------- */

static bool shown(const struct pass_options *o, const char *name) {
  return o->print_after && (strcmp(o->print_after, "all") == 0 || strcmp(o->print_after, name) == 0);
}

/* The module as text, to be freed; NULL when there is no memory for it. */
static char *module_text(const struct module *m) {
  char *text = NULL;
  size_t length;
  FILE *f = open_memstream(&text, &length);
  if (!f)
    return NULL;
  ir_print(m, f);
  return fclose(f) == 0 ? text : NULL;
}

static double milliseconds_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - start->tv_sec) * 1e3 + (double)(now.tv_nsec - start->tv_nsec) * 1e-6;
}

/* `before` and what is printed is text of the IR; the line above it is a comment in it. */
static void show(const struct module *m, const struct pass_options *o, const char *name, double ms,
                 const char *before) {
  FILE *out = o->out ? o->out : stderr;
  char *after = module_text(m);
  bool same = before && after && strcmp(before, after) == 0;
  fprintf(out, "// after %s (%.2f ms)%s\n%s", name, ms, same ? " (unchanged)" : "",
          same || !after ? "" : after);
  free(after);
}

/* ---- running ----------------------------------------------------------------------------------------- */

/* What a builder reports leaves a poisoned value, which the pass need not look at. */
static bool transform(struct module *m, const struct pass *p, const struct pass_context *c) {
  int errors = m->diag->errors;
  return pass_ready(m, p) && p->run(m, c) && m->diag->errors == errors;
}

/* Finds out what the pass must know beside the module, if there is where to find it. */
static bool prepare(struct module *m, const struct pass *p, const struct pass_context *c) {
  return !(p->needs & KNOWN_RANGES) || !c->know_ranges || !pass_ready(m, p) || c->know_ranges(c->self);
}

static bool run_one(struct module *m, const struct pass *p, const struct pass_options *o) {
  if (!prepare(m, p, &o->context))
    return false;
  bool watched = shown(o, p->name);
  char *before = watched ? module_text(m) : NULL;
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  bool ok = transform(m, p, &o->context);
  double ms = milliseconds_since(&start);
  if (watched)
    show(m, o, p->name, ms, before);
  free(before);
  return ok && (!o->verify || ir_verify(m, p->name));
}

/* ---- which ones -------------------------------------------------------------------------------------- */

typedef VEC(const struct pass *) pass_list;

/* In none of the pipelines that the list is for, though in others. */
static bool elsewhere(const struct pass_options *o, const struct pass *p) {
  return o->within && p->pipelines && !(p->pipelines & o->within);
}

static bool left_out(const struct pass_options *o, const struct pass *p) {
  if (elsewhere(o, p))
    return true;
  for (const char *const *d = o->disable; d && *d; d++)
    if (strcmp(*d, p->name) == 0)
      return true;
  return false;
}

static void choose(struct module *m, const struct pass_options *o, const struct pass *p, pass_list *chosen) {
  if (!left_out(o, p))
    vec_push(m->arena, *chosen, p);
}

/* Adds the pass of that name, or those of the pipeline. */
static bool choose_named(struct module *m, const struct pass_options *o, const char *name,
                         pass_list *chosen) {
  const struct pass *p = pass_find(name);
  unsigned pipeline = p ? 0 : pipeline_bit(name);
  if (p && elsewhere(o, p))
    diag_note(m->diag, "the pass '%s' is not for what is made here; it is left out", name);
  if (p)
    choose(m, o, p, chosen);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (places[i].pipelines & pipeline)
      choose(m, o, &passes[places[i].pass], chosen);
  if (!p && !pipeline)
    unknown_pass(m, name);
  return p || pipeline;
}

bool passes_run(struct module *m, const char *list, const struct pass_options *options) {
  static const struct pass_options none;
  const struct pass_options *o = options ? options : &none;
  pass_list chosen = {0};
  for (const char *at = list; *at;) {
    size_t length = strcspn(at, ",");
    if (!choose_named(m, o, arena_strndup(m->arena, at, length), &chosen))
      return false;
    at += length + (at[length] == ',');
  }
  for (int i = 0; i < chosen.n; i++)
    if (!run_one(m, chosen.at[i], o))
      return false;
  return true;
}
