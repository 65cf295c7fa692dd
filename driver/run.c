/* run.c: `ternc run SPEC ...`: compile in memory and run. What is not an option of the compiler goes to the
 * program's own command line (runtime/command/options.c): --prompt, --perplexity, --tokens, ... */
#include "driver/compare.h"
#include "driver/driver.h"
#include "driver/engine.h"
#include "driver/interpret.h"

#include "ir/interp/interp.h"
#include "runtime/command/program.h"
#include "runtime/core/entries.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_INTERPRET = 2000, KEY_FLOAT64, KEY_COMPARE, KEY_ENGINE, KEY_HELP_PROGRAM };

struct run {
  struct job job;
  bool compare;
  const struct engine_row *engine;
  int argc; /* the program's own arguments */
  char **argv;
};

static const char engine_help[] = ""
#define ENGINE(function, name, help, ...) ", or " help
#include "driver/engines.def"
    ;

static const struct argp_option options[] = {
    {0, 0, 0, 0, "How to run:", 1},
    {"engine", KEY_ENGINE, ENGINE_WORDS, 0, engine_help + 5, 1},
    {"interpret", KEY_INTERPRET, 0, 0, "the interpreter, on the spec's own operators (or after --passes)", 1},
    {"float64", KEY_FLOAT64, 0, 0,
     "with --interpret: all floats are float64, and so are the logits of --logits", 1},
    {"compare", KEY_COMPARE, 0, 0,
     "runs the engine against the interpreter, kernel by kernel, on the ids of --tokens "
     "(or on a few), and names the first kernel that differs",
     1},
    {"help-program", KEY_HELP_PROGRAM, 0, 0, "lists the options of a built program, which run takes too", 1},
    {0}};

/* One that an option of its own has chosen stays. */
static void take_engine(struct argp_state *state, struct run *r, const char *name) {
  struct arena *a = &r->job.arena;
  const struct engine_row *row = engine_find(name);
  const char *names = "";
  for (int i = 0; i < engine_count; i++)
    if (!engine_rows[i].option)
      names = arena_printf(a, "%s%s%s", names, *names ? " or " : "", engine_rows[i].name);
  if (!row)
    argp_error(state, "--engine is %s, not '%s'", names, name);
  r->engine = r->engine->option ? r->engine : row;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct run *r = state->input;
  switch (key) {
  case KEY_INTERPRET: r->engine = engine_of_option("interpret"); break;
  case KEY_FLOAT64: r->job.options.float64 = true; break;
  case KEY_COMPARE: r->compare = true; break;
  case KEY_ENGINE: take_engine(state, r, arg); break;
  case ARGP_KEY_INIT: state->child_inputs[0] = &r->job; break;
  case ARGP_KEY_ARG:
    if (r->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    r->job.options.spec = arg;
    break;
  case ARGP_KEY_END:
    if (r->job.options.float64 && !r->engine->judge)
      argp_error(state, "--float64 goes with --interpret");
    if (!r->job.options.weights)
      argp_error(state, "--weights DIR is needed to run a model (ternc weights --random makes one up)");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&compile_argp, 0, NULL, 0}, {0}};
const struct argp run_argp = {
    options,
    parse,
    "[SPEC]",
    "Compiles a model in memory and runs it. " SPEC_LEFT_OUT "\v"
    "Other options are those of a built program: --prompt, -n, --temperature, --perplexity, --tokens and "
    "--logits, --tokenize, --bench, --profile, --info, --chunk, ...; `ternc run SPEC --weights DIR "
    "--help-program` lists them.",
    children,
    NULL,
    NULL};

/* ---- whose option is it? ----------------------------------------------------------------------------- */

static const struct argp_option *find_option(const struct argp *a, const char *name, size_t n) {
  for (const struct argp_option *o = a->options; o && (o->name || o->key || o->doc || o->group); o++)
    if (o->name && strlen(o->name) == n && strncmp(o->name, name, n) == 0)
      return o;
  for (const struct argp_child *c = a->children; c && c->argp; c++) {
    const struct argp_option *o = find_option(c->argp, name, n);
    if (o)
      return o;
  }
  return NULL;
}

/* Splits the command line: the first argument is the spec; options that the compiler knows are its own; all
 * else is the program's, but for --chunk and --threads, which both want. */
static void split(struct run *r, int argc, char **argv, int *own_argc, char **own) {
  int n = 0, m = 0;
  own[n++] = r->argv[m++] = argv[0];
  for (int i = 1; i < argc; i++) {
    const char *name = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : "";
    size_t length = strcspn(name, "=");
    const struct argp_option *o = *name ? find_option(&run_argp, name, length) : NULL;
    bool both = length && (strncmp(name, "threads", length) == 0 || strncmp(name, "chunk", length) == 0);
    bool ours =
        (i == 1 && *argv[i] != '-') || o || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--usage") == 0;
    bool value = o && o->arg && !name[length] && i + 1 < argc;
    if (strcmp(argv[i], "--help-program") == 0) {
      r->argv[m++] = (char *)"--help";
      continue;
    }
    if (ours && !(both && o))
      own[n++] = argv[i];
    else
      r->argv[m++] = argv[i];
    if (value)
      *(ours && !both ? &own[n++] : &r->argv[m++]) = argv[i + 1];
    i += value;
  }
  own[ *own_argc = n] = NULL;
  r->argv[r->argc = m] = NULL;
}

/* The value of one of the program's options, or NULL. */
static const char *program_option(const struct run *r, const char *name) {
  size_t n = strlen(name);
  for (int i = 1; i < r->argc; i++)
    if (strncmp(r->argv[i], name, n) == 0 && (r->argv[i][n] == '=' || !r->argv[i][n]))
      return r->argv[i][n] == '=' ? r->argv[i] + n + 1 : i + 1 < r->argc ? r->argv[i + 1] : NULL;
  return NULL;
}

/* ---- against the interpreter ------------------------------------------------------------------------- */

/* The form of that name on n tokens, whose numbers of sequences are `rows`, or which are of one. */
static bool compare_form(struct comparison *c, struct interp *in, const char *form, const uint32_t *tokens,
                         size_t n, size_t keep, const uint32_t *rows) {
  int64_t sizes[MOST_DIMS] = {
      [-1 - DIM_T] = (int64_t)n, [-1 - DIM_K] = (int64_t)keep, [-1 - DIM_B] = (int64_t)n};
  struct interp_arguments given = {(const void *const[]){tokens}, sizes, rows, NULL};
  return compare_entry(c, in, loops_entry(c->loops, form), &given);
}

/* Sequences in another order from call to call, one of them left out. */
static bool compare_sequences(struct comparison *c, struct interp *in, const uint32_t *ids, size_t n) {
  enum { CALLS = 3 };
  uint32_t most = model_sequences(c->model), *rows = xmalloc((most + 1) * sizeof *rows);
  uint32_t *tokens = xmalloc((most + 1) * sizeof *tokens);
  bool ok = true;
  c->sequences = (int64_t)most + 1;
  interp_sequences(in, c->sequences);
  for (uint32_t k = 0; ok && most && k < CALLS; k++) {
    for (uint32_t i = 0; i < most; i++) {
      rows[i] = most - (i + k) % (most + 1);
      tokens[i] = ids[(i + k * most) % n];
    }
    size_t some = k ? most : (most + 1) / 2;
    ok = compare_form(c, in, "batch", tokens, some, some, rows);
  }
  free(rows);
  free(tokens);
  return ok;
}

static bool compare_forms(struct comparison *c, struct interp *in, const uint32_t *ids, size_t n,
                          size_t most) {
  bool ok = true;
  for (size_t i = 0; ok && i < n && i < 4; i++) /* a few of the one-token form, then the others */
    ok = compare_form(c, in, "step", ids + i, 1, 1, NULL);
  if (ok)
    interp_reset(in);
  for (size_t i = 0; ok && model_chunk(c->model) && i < n; i += most) {
    size_t count = n - i < most ? n - i : most;
    ok = compare_form(c, in, "prefill", ids + i, count, (count + 1) / 2, NULL);
  }
  return ok && compare_sequences(c, in, ids, n);
}

static bool compare(struct run *r, const struct loops *loops, const struct engine *e,
                    const struct image *im) {
  struct job *j = &r->job;
  uint32_t few[] = {1, 2, 3, 5, 8, 13, 21, 34}, *ids = few;
  size_t n = sizeof few / sizeof *few;
  const char *file = program_option(r, "--tokens"), *chunk = program_option(r, "--chunk");
  struct failure f = {0};
  if (!language_fits(e->model, &f)) {
    diag_error(&j->diag, "%s", f.text);
    return false;
  }
  if (file && !interpret_ids(j, file, &ids, &n))
    return false;
  for (size_t i = 0; i < n; i++)
    ids[i] %= model_vocab(e->model);
  struct comparison c = {.module = j->module,
                         .loops = loops,
                         .source = &j->source,
                         .model = e->model,
                         .engine = e->name,
                         .weights = im->weights,
                         .sequences = 1,
                         .threads = 3};
  struct interp *in = interp_new(j->module, &j->source, false);
  size_t most = chunk ? (size_t)atoi(chunk) : model_chunk(e->model) ? model_chunk(e->model) : 1;
  bool ok = in && compare_forms(&c, in, ids, n, most);
  interp_free(in);
  if (ok)
    printf("%s equals the interpreter bit for bit: %lld kernel calls on %zu token%s\n", e->name,
           (long long)c.kernels_run, n, n == 1 ? "" : "s");
  return ok;
}

/* ---- a run ------------------------------------------------------------------------------------------- */

/* im: the module's image, where the engine has none of its own. */
static int with_engine(struct run *r, const struct image *im) {
  struct job *j = &r->job;
  struct engine e;
  if (!engine_open(&e, j, j->loops, r->engine))
    return 1;
  struct tern_host host = {.image = e.image ? e.image : im, .name = "ternc run"};
  bool compares = r->compare && !r->engine->judge;
  int status = compares ? !compare(r, j->loops, &e, im) : tern_main(e.model, r->argc, r->argv, &host);
  engine_close(&e);
  return status;
}

static int run_engine(struct run *r) {
  struct job *j = &r->job;
  const char *tokens = program_option(r, "--tokens"), *logits = program_option(r, "--logits");
  const char *chunk = program_option(r, "--chunk");
  if (!job_make(j, &r->engine->recipe))
    return 1;
  if (j->options.float64 && tokens && logits && r->engine->wide_logits)
    return r->engine->wide_logits(j, tokens, logits, chunk ? atoi(chunk) : 1) ? 0 : 1;
  struct image im = {0};
  if (j->loops && !image_in_memory(j, &im))
    return 1;
  int status = with_engine(r, &im);
  if (j->loops)
    image_close(&im);
  return status;
}

int run_main(int argc, char **argv) {
  struct run r = {.engine = engine_find(NULL)};
  job_start(&r.job);
  char **own = arena_array(&r.job.arena, char *, argc + 2);
  int own_argc;
  r.argv = arena_array(&r.job.arena, char *, argc + 2);
  split(&r, argc, argv, &own_argc, own);
  argp_parse(&run_argp, own_argc, own, 0, NULL, &r);
  const char *chunk = program_option(&r, "--chunk");
  if (chunk && atoi(chunk) > 1) /* the many-token form is made as wide as it will be used */
    r.job.options.chunk = atoi(chunk) < 4096 ? atoi(chunk) : 4096;
  return job_end(&r.job, run_engine(&r));
}
