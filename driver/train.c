/* train.c: `ternc train SPEC ...`: compiles a training step in memory and trains. */
#include "driver/train.h"

#include "driver/engine.h"
#include "passes/training/memory.h"
#include "runtime/core/interrupt.h"
#include "support/file.h"
#include "training/saved.h"
#include "training/training_program.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A scale that lies beside codes has nothing that it could be learned from. */
static bool scales_can_be_trained(struct job *j) {
  int errors = j->diag.errors;
  if (j->options.weight_scale != RULE_AUTO)
    diag_error(&j->diag, "--weight-scale does not go with training, whose checkpoint could not say it; write "
                         "'scale mean' or 'scale largest' after the type in the spec");
  for (struct weight *w = j->module->weights; w && j->diag.errors == errors; w = w->next)
    if (w->rule == RULE_STORED || w->rule == RULE_INVERSE)
      diag_at(&j->diag, SEVERITY_ERROR, w->at,
              "the scale of '%s' is stored beside codes, and what is trained has floats; 'scale mean' or "
              "'scale largest' makes it of them",
              w->name);
  return j->diag.errors == errors;
}

bool can_train(struct job *j) {
  if (j->options.fixed) {
    diag_error(&j->diag,
               "--fixed does not go with training, which keeps floats; build what was trained with it");
    return false;
  }
  static const struct recompute unasked;
  struct recompute *asked = &j->options.recompute;
  if (!scales_can_be_trained(j))
    return false;
  if (memcmp(asked, &unasked, sizeof unasked) == 0)
    recompute_parse("elementwise", asked);
  if (!j->options.chunk && !j->options.memory) /* which chooses it */
    j->options.chunk = TRAINING_CHUNK;
  for (struct weight *w = j->module->weights; w; w = w->next)
    w->source = STORE_NONE; /* whatever a checkpoint has, it is trained as float32 */
  j->module->config = training_config(j);
  return j->module->config != NULL;
}

/* A module's text, of which every choice makes a module of its own. */
struct planning {
  struct job *job;
  const struct recipe *recipe;
  uint16_t source;
  const char *config;
};

static struct module *plan_choice(void *self, struct recompute choice, int64_t chunk) {
  struct planning *p = self;
  struct job *j = p->job;
  j->options.recompute = choice;
  j->options.chunk = (int)chunk;
  j->module = ir_parse(&j->arena, &j->diag, p->source);
  if (!j->module)
    return NULL;
  j->module->config = p->config;
  return job_pipeline(j, p->recipe->plain, p->recipe->fixed) ? j->module : NULL;
}

bool plan_training(struct job *j, const struct recipe *r) {
  char *text = NULL;
  size_t bytes = 0;
  if (!j->options.memory)
    return job_pipeline(j, r->plain, r->fixed);
  FILE *out = or_die(open_memstream(&text, &bytes));
  ir_print(j->module, out);
  fclose(out);
  const char *kept = arena_strndup(&j->arena, text, bytes);
  free(text);
  struct planning p = {j, r, diag_add_source(&j->diag, j->module->spec, kept, bytes), j->module->config};
  return training_fit(&j->diag, j->options.memory, j->options.chunk, plan_choice, &p) != NULL;
}

struct train {
  struct job job;
  struct training_options options;
};

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct train *t = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &t->options;
    state->child_inputs[1] = state->child_inputs[2] = &t->job;
    return 0;
  case ARGP_KEY_ARG:
    if (t->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    t->job.options.spec = arg;
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_child children[] = {
    {&training_argp, 0, NULL, 0}, {&compile_training_argp, 0, NULL, 0}, {&step_argp, 0, NULL, 0}, {0}};
const struct argp train_argp = {
    NULL,
    parse,
    "[SPEC]",
    "Trains a model: from a text, or ids, to a checkpoint that ternc run and ternc build take as "
    "--weights. " SPEC_LEFT_OUT "\v"
    "Without --weights the model has the sizes of --resume's or --init's config.json, if there is one, else "
    "those of the spec and of --set. ternc build --emit trainer makes a program of the same that needs no "
    "ternc.",
    children,
    NULL,
    NULL};

static void share_prefix(const char **a, const char **b) {
  *a = *a ? *a : *b;
  *b = *b ? *b : *a;
}

/* The checkpoint whose config.json says what the model is. Of a training that goes on it is the newest one:
 * what lies in the folder itself may be older, or not be there yet. A training goes on with calls of the same
 * length, so that its bits are the same. False after a diagnostic. */
static bool take_model(struct train *t) {
  struct job *j = &t->job;
  const char *folder = t->options.init;
  json_t *about = NULL;
  struct stat st;
  if (t->options.resume && !(folder = saved_newest(&j->diag, &j->arena, t->options.resume, &about)))
    return false;
  if (about && !j->options.chunk)
    j->options.chunk = (int)json_integer_value(json_object_get(about, "chunk"));
  json_decref(about);
  if (!j->options.weights && folder && stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) {
    j->options.weights = folder;
    if (t->options.init) /* one checkpoint, whose names begin with one thing */
      share_prefix(&j->options.prefix, &t->options.prefix);
  }
  return true;
}

static int train(struct train *t) {
  static const struct recipe recipe = {.stage = AS_LOOPS,
                                       .plain = PIPELINE_training,
                                       .fixed = PIPELINE_training,
                                       .policy = &policy_team,
                                       .target = this_machine,
                                       .fits = can_train,
                                       .plan = plan_training};
  struct job *j = &t->job;
  struct engine e;
  if (!take_model(t))
    return 1;
  if (!j->options.spec && !j->options.weights) {
    diag_error(&j->diag,
               "a SPEC (a .tern file) is expected, or --weights, --init or --resume with a folder whose "
               "config.json tells of a shipped one");
    return 1;
  }
  if (!job_make(j, &recipe) || !engine_open(&e, j, j->loops, engine_find("native")))
    return 1;
  int status = training_program(e.model, &t->options, &j->diag);
  engine_close(&e);
  return status;
}

int train_main(int argc, char **argv) {
  struct train t;
  job_start(&t.job);
  training_defaults(&t.options, &t.job.arena);
  argp_parse(&train_argp, argc, argv, 0, NULL, &t);
  int status = train(&t);
  return status == INTERRUPTED_STATUS ? (job_end(&t.job, 0), status) : job_end(&t.job, status);
}
