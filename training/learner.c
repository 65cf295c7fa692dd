/* learner.c: the calls of a training step. */
#include "training/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/random_values.h"
#include "runtime/core/entries.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/machine.h"
#include "runtime/core/state.h"

/* ---- memory ------------------------------------------------------------------------------------------ */

static const char *const entry_names[] = {"train", "loss", "norm", "update", "ternarize"};

uint64_t learner_scratch(const struct tern_model *m, uint32_t threads) {
  uint64_t most = 0;
  for (size_t i = 0; i < sizeof entry_names / sizeof *entry_names; i++) {
    uint64_t bytes = entry_scratch(entry_find(m, entry_names[i]), threads);
    most = bytes > most ? bytes : most;
  }
  return most;
}

/* Zeros; pages that nobody writes take no memory. NULL: there is none. */
static uint8_t *block(uint64_t bytes) {
  void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return NULL;
  madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

static void release(uint8_t *p, uint64_t bytes) {
  if (p)
    munmap(p, bytes + 1);
}

static bool can_be_trained(const struct tern_model *m, struct failure *f) {
  if (m->abi != TERN_ABI || !m->training)
    return fail_with(f, "model %s is not made to be trained; compile it with --emit trainer", m->name);
  for (size_t i = 0; i < sizeof entry_names / sizeof *entry_names; i++)
    if (!entry_find(m, entry_names[i]))
      return fail_with(f, "model %s has no function %s; compile it again with --emit trainer", m->name,
                       entry_names[i]);
  for (uint32_t i = 0; i < m->training->n_tensors; i++)
    if (m->training->tensors[i].gradient >= 0)
      return true;
  return fail_with(f, "model %s has no weight that its loss depends on; there is nothing to train", m->name);
}

uint64_t learner_bytes(const struct tern_training *about, enum tern_region_kind kind) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < about->n_regions; i++)
    if (about->regions[i].kind == kind)
      sum += about->regions[i].instances * about->regions[i].bytes;
  return sum;
}

uint64_t learner_starts(const struct tern_model *m, uint64_t length) {
  uint64_t chunk = m->dims[TERN_T].most, parts = (length + chunk - 1) / chunk;
  return parts > 1 ? parts * learner_bytes(m->training, TERN_SEQUENCE) : 0;
}

static bool has_room(uint64_t needed, const char *what, const char *less, struct failure *f) {
  uint64_t left = machine_group_memory(""), free = proc_bytes("/proc/meminfo", "MemAvailable");
  left = free && free < left ? free : left;
  return needed <= left ||
         fail_with(f, "%s takes %llu MB and %llu MB are left on this machine; %s takes less", what,
                   (unsigned long long)(needed >> 20), (unsigned long long)(left >> 20), less);
}

/* The second port of `update`, where it has one. */
static uint64_t count_seeds(const struct tern_model *m) {
  const struct tern_entry *update = entry_find(m, "update");
  return update->n_ports > 1 ? update->ports[1].elements : 0;
}

bool learner_open(struct learner *l, const struct tern_model *m, uint32_t threads, struct failure *f) {
  *l = (struct learner){.model = m, .about = m->training};
  if (!can_be_trained(m, f))
    return false;
  l->chunk = m->dims[TERN_T].most;
  l->vocab = model_vocab(m);
  l->scratch_bytes = learner_scratch(m, threads);
  l->sequence_bytes = learner_bytes(m->training, TERN_SEQUENCE);
  if (!has_room(m->weights_bytes + m->state_bytes + l->scratch_bytes, "training",
                "a smaller model, or a smaller --chunk when the trainer is compiled,", f))
    return false;
  l->team = team_open(threads, f);
  if (!l->team)
    return false;
  l->weights = block(m->weights_bytes);
  l->state = block(m->state_bytes);
  l->scratch = block(l->scratch_bytes);
  l->tokens = aligned_zeros(l->chunk * sizeof *l->tokens);
  l->positions = aligned_zeros(l->chunk * sizeof *l->positions);
  l->targets = aligned_zeros(l->chunk * sizeof *l->targets);
  l->share = aligned_zeros(l->chunk * sizeof *l->share);
  l->n_seeds = count_seeds(m);
  l->seeds = aligned_zeros((l->n_seeds + 1) * sizeof *l->seeds);
  if (l->weights && l->state && l->scratch && l->tokens && l->positions && l->targets && l->share && l->seeds)
    return true;
  fail_memory(f, m->weights_bytes + m->state_bytes + l->scratch_bytes, "the model and its gradients");
  learner_close(l);
  return false;
}

void learner_close(struct learner *l) {
  if (l->team)
    team_close(l->team);
  release(l->weights, l->model ? l->model->weights_bytes : 0);
  release(l->state, l->model ? l->model->state_bytes : 0);
  release(l->scratch, l->scratch_bytes);
  free(l->tokens);
  free(l->positions);
  free(l->targets);
  free(l->share);
  free(l->seeds);
  free(l->starts);
  *l = (struct learner){0};
}

uint64_t tensor_instances(const struct tern_tensor *t) {
  return t->outer * t->inner;
}

uint64_t tensor_elements(const struct tern_tensor *t) {
  return t->dim0 * t->dim1 * t->dim2 * t->dim3 * t->dim4;
}

uint64_t tensor_piece(const struct tern_tensor *t, uint64_t first) {
  uint64_t left = tensor_elements(t) - first;
  return left < TENSOR_PIECE ? left : TENSOR_PIECE;
}

void *learner_tensor(const struct learner *l, const struct tern_tensor *t, uint64_t instance) {
  return l->weights + t->at + instance * t->stride;
}

static enum dtype dtype_of(const struct tern_tensor *t) {
  return t->elem == TERN_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

static uint8_t *number_at(const struct learner *l, const struct tern_tensor *t, uint64_t instance,
                          uint64_t first) {
  uint64_t bytes = t->elem == TERN_BF16 ? sizeof(uint16_t) : sizeof(float);
  return (uint8_t *)learner_tensor(l, t, instance) + first * bytes;
}

void learner_read(const struct learner *l, const struct tern_tensor *t, uint64_t instance, uint64_t first,
                  uint64_t count, float *out) {
  convert_widen(dtype_of(t), number_at(l, t, instance, first), (int64_t)count, out);
}

void learner_write(struct learner *l, const struct tern_tensor *t, uint64_t instance, uint64_t first,
                   uint64_t count, const float *in) {
  convert_narrow(dtype_of(t), in, (int64_t)count, number_at(l, t, instance, first));
}

void *learner_region(const struct learner *l, int region, uint64_t instance) {
  const struct tern_region *r = &l->about->regions[region];
  return l->state + r->at + instance * r->stride;
}

/* ---- states of a sequence ---------------------------------------------------------------------------- */

static void clear(struct learner *l, enum tern_region_kind kind) {
  for (uint32_t i = 0; i < l->about->n_regions; i++)
    for (uint64_t k = 0; l->about->regions[i].kind == kind && k < l->about->regions[i].instances; k++)
      memset(learner_region(l, (int)i, k), 0, l->about->regions[i].bytes);
}

/* Regions of a layer lie between those of others, so an instance's own bytes are what counts. */
static bool in_sequence(const struct learner *l, uint64_t at) {
  for (uint32_t i = 0; i < l->about->n_regions; i++) {
    const struct tern_region *r = &l->about->regions[i];
    for (uint64_t k = 0; r->kind == TERN_SEQUENCE && k < r->instances; k++)
      if (at >= r->at + k * r->stride && at < r->at + k * r->stride + r->bytes)
        return true;
  }
  return false;
}

/* The states as they are before the first token. */
static void begin(struct learner *l) {
  for (uint32_t i = 0; i < l->model->n_fills; i++)
    if (in_sequence(l, l->model->fills[i].at))
      state_fill(l->state, &l->model->fills[i]);
}

/* The sequence's states to `kept`, or from there. */
static void move_states(struct learner *l, uint8_t *kept, bool back) {
  for (uint32_t i = 0; i < l->about->n_regions; i++) {
    const struct tern_region *r = &l->about->regions[i];
    for (uint64_t k = 0; r->kind == TERN_SEQUENCE && k < r->instances; k++, kept += r->bytes) {
      void *state = learner_region(l, (int)i, k);
      memcpy(back ? state : kept, back ? kept : state, r->bytes);
    }
  }
}

/* ---- calls ------------------------------------------------------------------------------------------- */

static void call(struct learner *l, const char *name, void *const *ports, uint32_t tokens) {
  const struct tern_entry *entry = entry_find(l->model, name);
  uint32_t sizes[TERN_MOST_DIMS] = {[TERN_T] = tokens, [TERN_K] = tokens, [TERN_B] = 1};
  struct tern_args args = {.weights = l->weights,
                           .state = l->state,
                           .scratch = l->scratch,
                           .ports = ports,
                           .positions = l->positions,
                           .sizes = sizes};
  team_run(l->team, entry->run, &args);
}

/* Tokens first .. first + n - 1 of the sequence, and what they count, into the ports. */
static void put_tokens(struct learner *l, const struct passage *s, uint64_t first, uint32_t n, float share) {
  for (uint32_t i = 0; i < n; i++) {
    l->tokens[i] = s->id(s->self, s->first + first + i);
    l->targets[i] = s->id(s->self, s->first + first + i + 1);
    l->share[i] = share;
    l->positions[i] = (uint32_t)(first + i);
  }
}

/* These through "train" or "loss". */
static double call_tokens(struct learner *l, const char *name, const struct passage *s, uint64_t first,
                          uint32_t n, float share) {
  _Alignas(TERN_ALIGN) float loss[TERN_ALIGN / sizeof(float)] = {0};
  put_tokens(l, s, first, n, share);
  call(l, name, (void *[]){l->tokens, l->targets, l->share, loss}, n);
  return (double)loss[0];
}

static uint32_t part_of(const struct learner *l, const struct passage *s, uint64_t first) {
  return s->n - first < l->chunk ? (uint32_t)(s->n - first) : l->chunk;
}

double learner_loss(struct learner *l, const struct passage *s, float share) {
  double sum = 0;
  begin(l);
  for (uint64_t first = 0; first < s->n && !interrupted(); first += l->chunk)
    sum += call_tokens(l, "loss", s, first, part_of(l, s, first), share);
  return sum;
}

/* Room for the states at the beginning of each part. */
static bool make_starts(struct learner *l, uint64_t length, struct failure *f) {
  static const char what[] = "the states between the parts of a sequence";
  if (!context_fits(l->model, l->model->context, 0, length, f))
    return false;
  uint64_t bytes = learner_starts(l->model, length);
  if (bytes <= l->starts_bytes)
    return true;
  if (!has_room(bytes, what, "a shorter --length, or a larger --chunk when the trainer is compiled,", f))
    return false;
  free(l->starts);
  l->starts_bytes = 0;
  l->starts = malloc(bytes);
  if (!l->starts)
    return fail_memory(f, bytes, what);
  l->starts_bytes = bytes;
  return true;
}

bool learner_backward(struct learner *l, const struct passage *s, float share, double *loss,
                      struct failure *f) {
  uint64_t parts = (s->n + l->chunk - 1) / l->chunk;
  if (!make_starts(l, s->n, f))
    return false;
  begin(l);
  for (uint64_t i = 0; i + 1 < parts && !interrupted(); i++) {
    move_states(l, l->starts + i * l->sequence_bytes, false);
    call_tokens(l, "loss", s, i * l->chunk, l->chunk, share);
  }
  clear(l, TERN_BACK);
  *loss = 0;
  for (uint64_t i = parts; i-- > 0 && !interrupted();) {
    if (i + 1 < parts)
      move_states(l, l->starts + i * l->sequence_bytes, true);
    *loss += call_tokens(l, "train", s, i * l->chunk, part_of(l, s, i * l->chunk), share);
  }
  return true;
}

double learner_squares(struct learner *l) {
  _Alignas(TERN_ALIGN) float squares[TERN_ALIGN / sizeof(float)] = {0};
  call(l, "norm", (void *[]){squares}, 1);
  return (double)squares[0];
}

/* 1 - beta^t without cancellation. */
static double correction(double beta, uint64_t t) {
  return beta > 0 ? -expm1((double)t * log(beta)) : 1;
}

/* They depend on nothing else, so a training that goes on has those of one that never stopped. */
static void make_seeds(struct learner *l, uint64_t seed, uint64_t step) {
  uint64_t of_step = random_mix(random_mix(seed + 1) + step);
  for (uint64_t k = 0; k < l->n_seeds; k++)
    l->seeds[k] = (uint32_t)(random_mix(of_step + k) >> 32);
}

/* What an update takes: the numbers of the port `rates`, and l->seeds. */
enum { RATES = 8 };
static void make_rates(struct learner *l, const struct adamw_rates *r, float rates[RATES]) {
  const double numbers[RATES] = {r->rate,
                                 1 - r->beta1,
                                 1 - r->beta2,
                                 r->epsilon,
                                 r->decay,
                                 1 / correction(r->beta1, r->step),
                                 1 / correction(r->beta2, r->step),
                                 r->clip};
  for (int i = 0; i < RATES; i++)
    rates[i] = (float)numbers[i];
  make_seeds(l, r->seed, r->step);
}

void learner_update(struct learner *l, const struct adamw_rates *r) {
  _Alignas(TERN_ALIGN) float rates[TERN_ALIGN / sizeof(float)];
  make_rates(l, r, rates);
  call(l, "update", (void *[]){rates, l->seeds}, 1);
  learner_ternarize(l);
}

/* Its ports: three, a loss; and the rates, perhaps seeds, and squares. */
bool learner_consumes(const struct learner *l) {
  return entry_find(l->model, "train")->n_ports > 4;
}

double learner_step(struct learner *l, const struct passage *s, float share, const struct adamw_rates *r,
                    double *squares) {
  _Alignas(TERN_ALIGN) float rates[TERN_ALIGN / sizeof(float)],
      results[2][TERN_ALIGN / sizeof(float)] = {{0}};
  make_rates(l, r, rates);
  begin(l);
  clear(l, TERN_BACK);
  put_tokens(l, s, 0, (uint32_t)s->n, share);
  if (l->n_seeds)
    call(l, "train", (void *[]){l->tokens, l->targets, l->share, rates, l->seeds, results[0], results[1]},
         (uint32_t)s->n);
  else
    call(l, "train", (void *[]){l->tokens, l->targets, l->share, rates, results[0], results[1]},
         (uint32_t)s->n);
  *squares += (double)results[1][0];
  return (double)results[0][0];
}

void learner_ternarize(struct learner *l) {
  call(l, "ternarize", NULL, 1);
}

void learner_forget(struct learner *l) {
  clear(l, TERN_GRADIENT);
}
