/* training.c: how fast a compiled training step is, beside what the processor multiplies and adds at most.
 *
 * A step is `batch` sequences of `chunk` tokens, then norm, update, ternarize. Rounds alternate between the
 * processor's limit and a step, because a shared machine is not equally fast for long: of both, and of their
 * ratio, the median counts. The count of operations is 6 a parameter and token. */
#include "bench/peak.h"
#include "driver/driver.h"
#include "driver/engine.h"
#include "ir/layout.h"
#include "runtime/core/entries.h"
#include "runtime/core/profile.h"
#include "runtime/core/team.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  KEY_STEPS = 3000,
  KEY_PROFILE,
  KEY_SECONDS,
  KEY_BATCH,
  KEY_THREADS,
  STEPS_MOST = 1000,
  PEAK_ROUNDS = 300000
};

struct bench {
  struct job job;
  int steps;
  double seconds;
  bool profile;
  uint64_t parameters;
  struct engine engine;
  struct image image;
  uint8_t *weights, *state, *scratch;
  uint32_t *tokens, *targets;
  float *share;
  struct team *team;
  struct profile spent, *watch;
  float loss;
};

static const struct argp_option options[] = {
    {"steps", KEY_STEPS, "N", 0, "steps that are measured at least (5)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "and until so much time has passed (2)", 0},
    {"batch", KEY_BATCH, "N", 0, "sequences of a step (8)", 0},
    {"threads", KEY_THREADS, "N", 0, "only this number of threads", 0},
    {"profile", KEY_PROFILE, 0, 0, "where the time goes, by kernel", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct bench *b = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &b->job; break;
  case KEY_STEPS: b->steps = atoi(arg); break;
  case KEY_SECONDS: b->seconds = atof(arg); break;
  case KEY_BATCH: b->job.options.batch = atoi(arg); break;
  case KEY_THREADS: b->job.options.threads = atoi(arg); break;
  case KEY_PROFILE: b->profile = true; break;
  case ARGP_KEY_ARG: b->job.options.spec = arg; break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "a SPEC is expected"); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {
    {&compile_training_argp, 0, NULL, 0}, {&step_argp, 0, NULL, 0}, {0}};
static const struct argp arguments = {
    options,  parse, "SPEC", "Measures a training step: --batch sequences (8) of --chunk tokens (256).",
    children, NULL,  NULL};

/* ---- made-up weights --------------------------------------------------------------------------- */

static bool floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  uint32_t state = (uint32_t)first * 2654435761u + 1;
  (void)self;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    out[i] = strstr(name, "norm") ? 1 : (float)(int32_t)state * 0x1p-36f;
  }
  return true;
}

/* The first `ternarize` makes those that count. */
static bool ternary(void *self, const char *name, const struct weight *w, int8_t *codes, float *scales) {
  (void)self, (void)name;
  memset(codes, 0, (size_t)(w->type.dim[0] * w->type.dim[1]));
  for (int64_t k = 0; k < (w->scale == WSCALE_TENSOR ? 1 : w->type.dim[0]); k++)
    scales[k] = 1;
  return true;
}

/* ---- a step ------------------------------------------------------------------------------------ */

static void call(struct bench *b, const char *name, void **ports, uint32_t tokens) {
  uint32_t sizes[MOST_DIMS] = {0};
  struct tern_args args = {
      .weights = b->weights, .state = b->state, .scratch = b->scratch, .ports = ports, .sizes = sizes};
  for (int i = 0; i < MOST_DIMS; i++)
    sizes[i] = i == -1 - DIM_T ? tokens : 1;
  profile_run(b->watch, b->team, entry_find(b->engine.model, name), &args, tokens);
}

static bool begins(const struct state *s, const char *with) {
  return strncmp(s->name, with, strlen(with)) == 0;
}

/* A sequence begins: the model's states, and what goes back to those of the tokens before. */
static void clear_states(struct bench *b) {
  for (const struct state *s = b->job.module->states; s; s = s->next) {
    bool kept = begins(s, "grad.") || begins(s, "mean.") || begins(s, "square.") || begins(s, "tape.");
    for (int64_t k = 0; !kept && k < (s->n_counts ? s->counts[0] : 1); k++)
      memset(b->state + s->offset + k * s->stride, 0, 4 * (size_t)most_count(b->job.module, s->type));
  }
}

static void step(struct bench *b, int number) {
  const int chunk = b->job.options.chunk, batch = b->job.options.batch;
  float squares[1], loss[1], t = (float)number + 1;
  float rates[] = {1e-3f, 0.1f, 0.05f, 1e-8f, 0.1f, 1 / (1 - powf(0.9f, t)), 1 / (1 - powf(0.95f, t)), 1};
  b->loss = 0;
  for (int i = 0; i < batch; i++) {
    clear_states(b);
    call(b, "train", (void *[]){b->tokens + i * chunk, b->targets + i * chunk, b->share, loss},
         (uint32_t)chunk);
    b->loss += loss[0];
  }
  call(b, "norm", (void *[]){squares}, 0);
  rates[7] = squares[0] > 1 ? 1 / sqrtf(squares[0]) : 1;
  call(b, "update", (void *[]){rates}, 0);
  call(b, "ternarize", NULL, 0);
}

/* ---- measuring --------------------------------------------------------------------------------- */

static double peak_flops; /* of a round, by a thread */

static void peak(const struct tern_args *args, uint32_t thread, uint32_t threads) {
  (void)args, (void)threads;
  double flops = peak_best(PEAK_ROUNDS);
  if (thread == 0)
    peak_flops = flops;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double middle(double *x, int n) {
  qsort(x, (size_t)n, sizeof *x, by_value);
  return x[n / 2];
}

static void measure(struct bench *b, uint32_t threads) {
  static double rates[STEPS_MOST], peaks[STEPS_MOST], ratios[STEPS_MOST];
  const double tokens = (double)b->job.options.chunk * b->job.options.batch;
  double begin = seconds_now();
  int n = 0;
  for (; n < b->steps || (n < STEPS_MOST && seconds_now() - begin < b->seconds); n++) {
    struct tern_args none = {0};
    double from = seconds_now();
    team_run(b->team, peak, &none);
    double middle_time = seconds_now();
    step(b, n);
    double end = seconds_now();
    peaks[n] = peak_flops * PEAK_ROUNDS * threads / (middle_time - from) * 1e-9;
    rates[n] = tokens / (end - middle_time);
    ratios[n] = 6e-9 * (double)b->parameters * rates[n] / peaks[n];
  }
  double ratio = middle(ratios, n), rate = middle(rates, n), limit = middle(peaks, n);
  printf("%8.2f M  %7u  %8.0f  %7.1f  %7.1f  %5.1f %%  %6.3f\n", (double)b->parameters * 1e-6, threads, rate,
         6e-9 * (double)b->parameters * rate, limit, 100 * ratio, (double)b->loss);
}

static bool run(struct bench *b, uint32_t threads, struct failure *f) {
  uint64_t most = 0;
  for (uint32_t i = 0; i < b->engine.model->n_entries; i++) {
    uint64_t bytes = entry_scratch(&b->engine.model->entries[i], threads);
    most = bytes > most ? bytes : most;
  }
  b->scratch = aligned_zeros(most);
  b->team = b->scratch ? team_open(threads, f) : NULL;
  bool ok = b->team || fail_memory(f, most, "scratch");
  if (ok) {
    call(b, "ternarize", NULL, 0);
    step(b, 0);
    if (b->profile && profile_open(&b->spent, b->engine.model, threads, f))
      b->watch = &b->spent;
    measure(b, threads);
    ok = !b->watch || profile_print(b->watch, stdout, false, f);
  }
  if (b->watch)
    profile_close(b->watch);
  b->watch = NULL;
  if (b->team)
    team_close(b->team);
  free(b->scratch);
  return ok;
}

/* ---- the model --------------------------------------------------------------------------------- */

static bool make(struct bench *b) {
  struct job *j = &b->job;
  if (!this_machine(j) || !job_load(j))
    return false;
  j->source = (struct weight_source){NULL, floats, ternary};
  b->parameters = parameter_count(j->module);
  if (!job_passes(j, j->options.passes ? j->options.passes : "training"))
    return false;
  j->loops = loops_lower(&j->arena, j->module, &policy_team);
  return j->loops && image_in_memory(j, &b->image) &&
         engine_open(&b->engine, j, j->loops, engine_find("native"));
}

static bool open_memory(struct bench *b, struct failure *f) {
  const int64_t n = (int64_t)b->job.options.chunk * b->job.options.batch;
  b->weights = aligned_zeros(b->engine.model->weights_bytes);
  b->state = aligned_zeros(b->engine.model->state_bytes);
  b->tokens = calloc((size_t)n, 2 * sizeof *b->tokens);
  b->share = calloc((size_t)b->job.options.chunk, sizeof *b->share);
  if (!b->weights || !b->state || !b->tokens || !b->share)
    return fail_memory(f, b->engine.model->state_bytes, "the model's state");
  memcpy(b->weights, b->image.weights, b->engine.model->weights_bytes);
  b->targets = b->tokens + n;
  const int64_t vocab = func_find(b->job.module, "step")->body->last->in[0]->type.dim[0];
  for (int64_t i = 0; i < n; i++) {
    b->tokens[i] = (uint32_t)(i * 7919 % vocab);
    b->targets[i] = (uint32_t)((i + 1) * 7919 % vocab);
  }
  for (int i = 0; i < b->job.options.chunk; i++)
    b->share[i] = 1.0f / (float)n;
  return true;
}

int main(int argc, char **argv) {
  struct bench b = {.steps = 5, .seconds = 2};
  struct failure f = {0};
  job_start(&b.job);
  b.job.options.chunk = 256, b.job.options.batch = 8;
  argp_parse(&arguments, argc, argv, 0, NULL, &b);
  if (!make(&b))
    return job_end(&b.job, 1);
  bool ok = open_memory(&b, &f);
  printf("parameters  threads  tokens/s  GFLOP/s  FMA max  of max     loss\n");
  for (uint32_t threads = 1; ok && threads <= team_processors(); threads *= 2)
    if (!b.job.options.threads || (uint32_t)b.job.options.threads == threads)
      ok = run(&b, threads, &f);
  if (!ok)
    diag_error(&b.job.diag, "%s", f.text);
  free(b.weights), free(b.state), free(b.tokens), free(b.share);
  engine_close(&b.engine);
  image_close(&b.image);
  return job_end(&b.job, ok ? 0 : 1);
}
