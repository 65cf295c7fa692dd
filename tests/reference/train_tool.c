/* train_tool.c: `train_tool SPEC DIR IDS ENGINE LENGTH RATE BETA1 BETA2 EPSILON DECAY CLIP` trains the model
 * of SPEC and the checkpoint DIR, and prints the loss and the norm of the gradient of each step; what
 * train.py compares. IDS: a text of numbers, LENGTH + 1 a step. ENGINE: interpreter, in float64, or one of
 * ternc's. */
#include "driver/engine.h"
#include "ir/interp/interp.h"
#include "runtime/core/entries.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The rates of `update` (passes/training/optimise.c). */
enum { RATES = 8 };

struct options {
  uint32_t length;
  double rate, beta1, beta2, epsilon, decay, clip;
};

/* A model that is trained, by an engine or by the interpreter. */
struct trained {
  struct job job;
  struct options o;
  const struct engine_row *row; /* NULL: the interpreter */
  struct interp *in;
  struct engine engine;
  struct image image;
  uint8_t *weights, *state, *scratch;
};

/* ---- opening ----------------------------------------------------------------------------------------- */

static uint8_t *memory(uint64_t bytes) {
  uint64_t room = (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN;
  uint8_t *p = aligned_alloc(TERN_ALIGN, room);
  if (!p)
    abort();
  memset(p, 0, room);
  return p;
}

static bool open_compiled(struct trained *t) {
  struct job *j = &t->job;
  struct recipe r = t->row->recipe;
  r.plain = PIPELINE_training;
  if (!job_make(j, &r) || !image_in_memory(j, &t->image) || !engine_open(&t->engine, j, j->loops, t->row))
    return false;
  const struct tern_model *m = t->engine.model;
  uint64_t most = 0;
  for (uint32_t i = 0; i < m->n_entries; i++) {
    uint64_t bytes = entry_scratch(&m->entries[i], 1);
    most = bytes > most ? bytes : most;
  }
  t->weights = memory((uint64_t)j->module->weights_bytes);
  memcpy(t->weights, t->image.weights, (size_t)j->module->weights_bytes);
  t->state = memory(m->state_bytes);
  t->scratch = memory(most);
  return true;
}

/* On operators of the spec's own kind. */
static bool open_interpreted(struct trained *t) {
  const struct recipe r = {.stage = AS_PASSED,
                           .plain = PIPELINE_training,
                           .unasked = "cse,dce,training-form,differentiate,optimise,simplify,cse,dce"};
  if (!job_make(&t->job, &r))
    return false;
  t->in = interp_new(t->job.module, &t->job.source, true);
  return t->in != NULL;
}

static int close_trained(struct trained *t, bool ok) {
  interp_free(t->in);
  engine_close(&t->engine);
  image_close(&t->image);
  free(t->weights);
  free(t->state);
  free(t->scratch);
  return job_end(&t->job, ok ? 0 : 1);
}

/* ---- calls ------------------------------------------------------------------------------------------- */

/* One array of an entry's arguments: ids, or numbers, which are floats for an engine. */
struct argument {
  const uint32_t *ids;
  const double *numbers;
  int n;
};

static void *put(struct trained *t, const struct argument *a) {
  float *floats = arena_array(&t->job.arena, float, a->n);
  if (a->ids || t->in)
    return a->ids ? (void *)a->ids : (void *)a->numbers;
  for (int i = 0; i < a->n; i++)
    floats[i] = (float)a->numbers[i];
  return floats;
}

/* Calls the entry; *result: the one number that it returns, if it returns any. */
static bool call(struct trained *t, const char *name, const struct argument *arguments, int n,
                 double *result) {
  void *ports[4];
  float single = 0;
  for (int i = 0; i < n; i++)
    ports[i] = put(t, &arguments[i]);
  ports[n] = &single;
  if (t->in) {
    const struct func *f = func_find(t->job.module, name);
    int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = t->o.length, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
    if (!interp_call(t->in, f, &(struct interp_arguments){(const void *const *)ports, sizes, NULL, NULL}))
      return false;
    const struct tensor *y = interp_result(t->in, f, 0);
    *result = y ? y->f64[0] : 0;
    return true;
  }
  uint32_t sizes[TERN_MOST_DIMS] = {[TERN_T] = t->o.length, [TERN_K] = 1, [TERN_B] = 1};
  struct tern_args args = {
      .weights = t->weights, .state = t->state, .scratch = t->scratch, .ports = ports, .sizes = sizes};
  entry_find(t->engine.model, name)->run(&args, 0, 1);
  *result = (double)single;
  return true;
}

/* ---- a step ------------------------------------------------------------------------------------------ */

static bool belongs_to_optimiser(const struct state *s) {
  return strncmp(s->name, "grad.", 5) == 0 || strncmp(s->name, "mean.", 5) == 0 ||
         strncmp(s->name, "square.", 7) == 0;
}

static void fill(struct trained *t, const struct state *s, int64_t instance) {
  int64_t n = most_count(t->job.module, s->type);
  float *floats = t->in ? NULL : (float *)(void *)(t->state + s->offset + instance * s->stride);
  double *doubles = t->in ? interp_state(t->in, s, instance)->f64 : NULL;
  for (int64_t i = 0; i < n; i++)
    if (t->in)
      doubles[i] = s->init;
    else
      floats[i] = (float)s->init;
}

/* A text begins, and nothing comes after it. */
static void begin(struct trained *t) {
  for (const struct state *s = t->job.module->states; s; s = s->next) {
    int64_t instances = (s->n_counts > 0 ? s->counts[0] : 1) * (s->n_counts > 1 ? s->counts[1] : 1);
    for (int64_t k = 0; !belongs_to_optimiser(s) && s->type.elem == ELEM_F32 && k < instances; k++)
      fill(t, s, k);
  }
}

/* Step number k, from 1, on LENGTH + 1 ids. */
static bool step(struct trained *t, int k, const uint32_t *ids) {
  const struct options *o = &t->o;
  double loss, squares, nothing;
  double *share = arena_array(&t->job.arena, double, o->length);
  double rates[RATES] = {o->rate,
                         1 - o->beta1,
                         1 - o->beta2,
                         o->epsilon,
                         o->decay,
                         1 / (1 - pow(o->beta1, k)),
                         1 / (1 - pow(o->beta2, k)),
                         1};
  for (uint32_t i = 0; i < o->length; i++)
    share[i] = 1.0 / o->length;
  const struct argument text[] = {{.ids = ids}, {.ids = ids + 1}, {.numbers = share, .n = (int)o->length}};
  begin(t);
  if (!call(t, "ternarize", NULL, 0, &nothing) || !call(t, "train", text, 3, &loss) ||
      !call(t, "norm", NULL, 0, &squares))
    return false;
  rates[RATES - 1] = fmin(1, o->clip / sqrt(squares));
  printf("%.17g %.17g\n", loss, sqrt(squares));
  return call(t, "update", &(struct argument){.numbers = rates, .n = RATES}, 1, &nothing);
}

static bool train(struct trained *t, const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) {
    diag_error(&t->job.diag, "%s cannot be read", path);
    return false;
  }
  uint32_t *ids = arena_array(&t->job.arena, uint32_t, t->o.length + 1);
  bool ok = true;
  for (int k = 1; ok; k++) {
    uint32_t n = 0;
    while (n <= t->o.length && fscanf(f, "%u", &ids[n]) == 1)
      n++;
    if (n <= t->o.length)
      break;
    ok = step(t, k, ids);
  }
  fclose(f);
  return ok;
}

int main(int argc, char **argv) {
  if (argc != 12) {
    fprintf(stderr, "usage: %s SPEC DIR IDS ENGINE LENGTH RATE BETA1 BETA2 EPSILON DECAY CLIP\n", argv[0]);
    return 2;
  }
  struct trained t = {.row = engine_find(argv[4])};
  double *numbers[] = {&t.o.rate, &t.o.beta1, &t.o.beta2, &t.o.epsilon, &t.o.decay, &t.o.clip};
  job_start(&t.job);
  t.job.options.spec = argv[1];
  t.job.options.weights = argv[2];
  t.job.options.verify = true;
#ifdef __x86_64__ /* the bits are the same, and compiled in a sixth of the time */
  t.job.options.cpu = "x86-64";
#endif
  t.o.length = (uint32_t)atoi(argv[5]);
  t.job.options.chunk = (int)t.o.length;
  for (int i = 0; i < 6; i++)
    *numbers[i] = strtod(argv[6 + i], NULL);
  bool interpreted = strcmp(argv[4], "interpreter") == 0;
  if (!interpreted && !t.row)
    diag_error(&t.job.diag, "'%s' is no engine: interpreter|%s", argv[4], ENGINE_WORDS);
  bool opened = interpreted ? open_interpreted(&t) : t.row && open_compiled(&t);
  return close_trained(&t, opened && train(&t, argv[3]));
}
