/* pass.c: the table of passes, and running a list of them. */
#include "passes/pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct pass passes[] = {
#define PASS(function, name, needs, help) {name, help, needs, pass_##function},
#include "passes/passes.def"
};
const int pass_count = sizeof passes / sizeof *passes;

/* simplify, cse and dce stand where a pass has left something for them: at the start what the spec's blocks
 * brought in; after norm-scale because norms of one vector share their sum of squares only once cse has seen
 * them; after batch-time because it makes constants and shapes anew; after spread, whose parted kernels still
 * hold what they gave away. The others: see passes.def. */
#define TO_SUMS    "simplify,cse,dce,fold-weights,ternarize,norm-scale,simplify,cse,dce,"
#define TO_KERNELS "merge-sums,batch-time,simplify,cse,dce,fuse,spread,dce,plan-memory"
const char pipeline_default[] = TO_SUMS TO_KERNELS;
const char pipeline_fixed[] = TO_SUMS "fixed-point,simplify,cse,dce," TO_KERNELS;

const struct pass *pass_find(const char *name) {
  for (int i = 0; i < pass_count; i++)
    if (strcmp(passes[i].name, name) == 0)
      return &passes[i];
  return NULL;
}

static void unknown_pass(struct module *m, const char *name) {
  const char **names = arena_array(m->arena, const char *, pass_count);
  for (int i = 0; i < pass_count; i++)
    names[i] = passes[i].name;
  const char *near = diag_nearest(name, names, pass_count);
  if (near)
    diag_error(m->diag, "there is no pass '%s'; did you mean '%s'?", name, near);
  else
    diag_error(m->diag, "there is no pass '%s' (ternc opt --help lists them)", name);
}

static bool disabled(const struct pass_options *o, const char *name) {
  for (const char *const *d = o->disable; d && *d; d++)
    if (strcmp(*d, name) == 0)
      return true;
  return false;
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

static bool run_one(struct module *m, const struct pass *p, const struct pass_options *o) {
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

bool passes_run(struct module *m, const char *list, const struct pass_options *options) {
  static const struct pass_options none;
  const struct pass_options *o = options ? options : &none;
  VEC(const struct pass *) chosen = {0};
  for (const char *at = list; *at;) {
    size_t length = strcspn(at, ",");
    const char *name = arena_strndup(m->arena, at, length);
    const struct pass *p = pass_find(name);
    if (!p) {
      unknown_pass(m, name);
      return false;
    }
    if (!disabled(o, name))
      vec_push(m->arena, chosen, p);
    at += length + (at[length] == ',');
  }
  for (int i = 0; i < chosen.n; i++)
    if (!run_one(m, chosen.at[i], o))
      return false;
  return true;
}
