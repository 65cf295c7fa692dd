/* build.c: `ternc build SPEC`: any stage from the parsed spec to a program. backends.def has what can be
 * made. */
#include "driver/backend.h"
#include "driver/summary.h"

#include "backends/native/native.h"
#include "support/escape.h"
#include "support/file.h"
#include <stdlib.h>
#include <string.h>

enum {
  KEY_EMIT = 2000,
  KEY_WEIGHTS_FILE,
  KEY_OPTIMIZE,
  KEY_NO_DEBUG,
  KEY_LIST_TARGETS,
  KEY_JSON,
  KEY_BARE,
  KEY_BARE_WEIGHTS
};

/* ---- the command line -------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What to make:", 1},
    {"emit", KEY_EMIT, EMIT_WORDS, 0, "what to make, as listed below (default exe)", 1},
    {"output", 'o', "PATH", 0,
     "where it goes; '-' is standard output (default: text there, else a file named after the "
     "spec)",
     1},
    {"weights-file", KEY_WEIGHTS_FILE, "FILE", 0,
     "writes the weights image to FILE instead of into the executable", 1},
    {"optimize", 'O', "LEVEL", 0, "0 to 3, as clang's -O (default 3)", 1},
    {"bare", KEY_BARE, 0, 0,
     "with --emit c: one .c and one .h that need no library, for chips without an operating system", 1},
    {"bare-weights", KEY_BARE_WEIGHTS, "array|file", 0,
     "where the weights of --bare go: into the .c as an array (default), or into a file of their bytes "
     "beside it",
     1},
    {"no-debug", KEY_NO_DEBUG, 0, 0, "leaves out the line tables that lead debuggers to the spec", 1},
    {"json", KEY_JSON, 0, 0, "prints what was written, and how large it is, as JSON to standard output", 1},
    {"quiet", 'q', 0, 0, "does not say what was written", 1},
    {"list-targets", KEY_LIST_TARGETS, 0, 0, "lists the CPUs that --cpu takes", 1},
    {0}};

static void find_emit(struct argp_state *state, struct build *b, const char *name) {
  struct arena *a = &b->job.arena;
  b->backend = backend_find(name, NULL);
  if (b->backend)
    return;
  const char *near = backend_nearest(name);
  argp_error(state, "--emit: there is no stage '%s'%s; it is one of %s", name,
             near ? arena_printf(a, " (did you mean '%s'?)", near) : "", backend_names(a, ", "));
}

/* The row of the option that chooses a variant, if there is one. */
static void find_variant(struct argp_state *state, struct build *b) {
  if (!b->variant)
    return;
  const struct backend *found = backend_find(b->backend->name, b->variant);
  if (!found)
    argp_error(state, "--%s goes with --emit %s", b->variant, backend_of_variant(b->variant));
  b->backend = found;
}

/* As a command line calls it. */
static const char *called(struct build *b) {
  return b->variant ? arena_printf(&b->job.arena, "--%s", b->variant)
                    : arena_printf(&b->job.arena, "--emit %s", b->backend->name);
}

/* The end of a message; a row need not say why. */
static const char *because(struct build *b, const char *between, const char *why) {
  return why ? arena_printf(&b->job.arena, "%s%s", between, why) : "";
}

static void check_accepted(struct argp_state *state, struct build *b) {
  const struct backend *e = b->backend;
  const struct compile_options *o = &b->job.options;
  bool takes_no_chunk = o->chunk && !(e->accepts & TAKES_CHUNK);
  const char *form = o->threads                       ? "threads"
                     : takes_no_chunk                 ? "chunk"
                     : o->batch_given && o->batch > 0 ? "batch"
                                                      : NULL;
  if ((e->needs & NEEDS_WEIGHTS) && !o->weights)
    argp_error(state, "%s needs --weights DIR%s", called(b), because(b, ": ", e->why_weights));
  if (!(e->accepts & TAKES_FORMS) && form)
    argp_error(state, "--%s does not go with %s%s", form, called(b), because(b, ", ", e->no_forms));
  if (!(e->accepts & TAKES_TARGET) && (o->triple || o->cpu || o->features))
    argp_error(state, "--target, --cpu and --features do not go with %s%s", called(b),
               because(b, ": ", e->no_target));
  if (o->of_step && !(e->accepts & TAKES_STEP))
    argp_error(state, "--%s goes with --emit %s", o->of_step, backend_accepting(TAKES_STEP));
  if (b->weights_file && (!(e->accepts & TAKES_WEIGHTS_FILE) || !o->weights))
    argp_error(state, "--weights-file goes with --emit %s and --weights",
               backend_accepting(TAKES_WEIGHTS_FILE));
}

/* What goes together. */
static void check(struct argp_state *state, struct build *b) {
  const struct compile_options *o = &b->job.options;
  find_variant(state, b);
  if (!o->spec && (!o->weights || (b->backend->needs & NEEDS_SPEC)))
    argp_error(
        state,
        "a SPEC (a .tern file) is expected, or --weights DIR whose config.json tells of a shipped one");
  if (o->spec && strcmp(o->spec, "-") == 0 && !b->output && !b->backend->text)
    argp_error(state, "a SPEC from standard input gives the output no name; give it one with -o");
  check_accepted(state, b);
  if (b->json && (b->output ? strcmp(b->output, "-") == 0 : b->backend->text))
    argp_error(state, "--json takes standard output, where the %s goes; give it a file with -o",
               b->backend->name);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct build *b = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &b->job;
    state->child_inputs[1] = &b->job;
    state->child_inputs[2] = &b->hardware;
    break;
  case KEY_EMIT: find_emit(state, b, arg); break;
  case 'o': b->output = arg; break;
  case KEY_WEIGHTS_FILE: b->weights_file = arg; break;
  case 'O':
    if (strlen(arg) != 1 || *arg < '0' || *arg > '3')
      argp_error(state, "-O takes 0, 1, 2 or 3, not '%s'", arg);
    b->optimize = *arg - '0';
    break;
  case KEY_BARE: b->variant = "bare"; break;
  case KEY_BARE_WEIGHTS:
    b->weights_apart = strcmp(arg, "file") == 0;
    if (!b->weights_apart && strcmp(arg, "array") != 0)
      argp_error(state, "--bare-weights takes array or file, not '%s'", arg);
    b->variant = "bare";
    break;
  case KEY_NO_DEBUG: b->no_debug = true; break;
  case KEY_JSON: b->json = true; break;
  case 'q': b->quiet = true; break;
  case KEY_LIST_TARGETS: native_list_targets(stdout); exit(fflush(stdout) ? 1 : 0);
  case ARGP_KEY_ARG:
    if (b->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    b->job.options.spec = arg;
    break;
  case ARGP_KEY_END: check(state, b); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static char *help(int key, const char *text, void *input) {
  (void)input;
  if (key != ARGP_KEY_HELP_POST_DOC)
    return (char *)text;
  struct arena a = {0};
  const char *list = "Stages of --emit:\n";
  for (int i = 0; i < backend_count; i++)
    if (!backends[i].option)
      list = arena_printf(&a, "%s  %-7s %s\n", list, backends[i].name, backends[i].help);
  char *copy = xstrdup(list);
  arena_free(&a);
  return copy;
}

/* The spec's name without its folder and ".tern", in this folder. */
static const char *default_output(struct build *b) {
  const char *slash = strrchr(b->job.options.spec, '/'), *base = slash ? slash + 1 : b->job.options.spec;
  const char *dot = strrchr(base, '.');
  size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  const char *suffix = b->backend->suffix ? b->backend->suffix : "";
  return b->backend->text ? "-" : arena_printf(&b->job.arena, "%.*s%s", (int)n, base, suffix);
}

static const struct argp_child children[] = {
    {&compile_argp, 0, NULL, 0}, {&step_argp, 0, NULL, 0}, {&hardware_argp, 0, NULL, 0}, {0}};
const struct argp build_argp = {options,  parse, "[SPEC]", "Compiles a model. " SPEC_LEFT_OUT "\v",
                                children, help,  NULL};

/* Says what became of it, unless it went to standard output. */
static bool report(struct build *b, const char *path) {
  struct summary s = {.kind = b->backend->name, .path = path, .also = b->weights_file, .use = b->use};
  if (strcmp(path, "-") == 0)
    return true;
  if (b->json)
    return summary_json(&b->job, &s);
  if (b->use && !b->quiet)
    summary_print(&b->job, &s);
  return true;
}

/* That an output is an input is told before there is any work. */
static bool announce(struct build *b, const char *path) {
  struct diag *d = &b->job.diag;
  return output_announce(d, path) && (!b->weights_file || output_announce(d, b->weights_file));
}

int build_main(int argc, char **argv) {
  struct build b = {.backend = backend_by_default(), .optimize = 3};
  job_start(&b.job);
  argp_parse(&build_argp, argc, argv, 0, NULL, &b);
  if (!b.job.options.spec && !job_open(&b.job))
    return job_end(&b.job, 1);
  const char *of_hardware = b.backend->accepts & TAKES_HARDWARE ? NULL : hardware_given(&b.hardware);
  if (of_hardware)
    diag_note(&b.job.diag, "%s is for --emit %s: it is ignored", of_hardware,
              backend_accepting(TAKES_HARDWARE));
  const char *path = b.output ? b.output : default_output(&b);
  bool ok = announce(&b, path) && job_make(&b.job, &b.backend->recipe) && b.backend->emit(&b, path) &&
            report(&b, path);
  return job_end(&b.job, ok ? 0 : 1);
}
