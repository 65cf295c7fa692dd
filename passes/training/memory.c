/* memory.c: a planned training step's bytes by kind, and the search for a choice that fits. */
#include "passes/training/memory.h"

#include "ir/layout.h"
#include "passes/pass.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- kinds ------------------------------------------------------------------------------------------- */

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

static int64_t state_instances(const struct state *s) {
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  return n;
}

static int64_t *kind_of(struct training_memory *n, const struct state *s) {
  const struct {
    const char *prefix;
    int64_t *bytes;
  } kinds[] = {{"grad.", &n->gradients},     {"mean.", &n->moments},         {"square.", &n->moments},
               {"mean_scale.", &n->moments}, {"square_scale.", &n->moments}, {"tape.", &n->saved},
               {"replay.", &n->replay}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (begins(s->name, kinds[i].prefix))
      return kinds[i].bytes;
  return &n->sequence;
}

static void add_state(struct training_memory *n, const struct module *m, const struct state *s) {
  int64_t instances = state_instances(s), element = state_element_bytes(s);
  *kind_of(n, s) += element * most_count(m, s->type) * instances;
  if (begins(s->name, "tape."))
    n->saved_token += element * type_count(s->type, NULL) * instances;
}

static void add_weight(struct training_memory *n, const struct weight *w) {
  int64_t instances = weight_instances(w), bytes = 0;
  if (w->stored != STORE_NONE)
    bytes = weight_bytes(w) * instances;
  if (w->scales >= 0)
    bytes += (int64_t)sizeof(float) * weight_scale_count(w) * instances;
  *(elem_codes(w->type.elem) ? &n->codes : &n->floats) += bytes;
}

/* Of the weights that have the same, the iterations that hold most elements. */
static int64_t count_layers(const struct module *m) {
  int64_t found = 1;
  double most = 0;
  for (const struct weight *w = m->weights; w; w = w->next) {
    double elements = 0;
    for (const struct weight *other = m->weights; other; other = other->next)
      if (weight_instances(other) == weight_instances(w))
        elements += (double)type_count(other->type, NULL) * (double)weight_instances(other);
    if (elements > most) {
      most = elements;
      found = weight_instances(w);
    }
  }
  return found;
}

struct training_memory training_memory(const struct module *m) {
  struct training_memory n = {.tokens = dim_of(m, DIM_T)->most, .layers = count_layers(m)};
  for (const struct weight *w = m->weights; w; w = w->next)
    add_weight(&n, w);
  for (const struct state *s = m->states; s; s = s->next)
    add_state(&n, m, s);
  for (const struct func *f = m->funcs; f; f = f->next)
    n.scratch = f->scratch > n.scratch ? f->scratch : n.scratch;
  n.total = m->weights_bytes + m->state_bytes + n.scratch; /* with what lies between, for alignment */
  return n;
}

void training_memory_print(const struct training_memory *n, FILE *out) {
  const struct {
    const char *name;
    int64_t bytes;
  } rows[] = {{"floats and masters", n->floats},
              {"ternary codes", n->codes},
              {"gradients", n->gradients},
              {"moments", n->moments},
              {"states", n->sequence},
              {"saved", n->saved},
              {"replay", n->replay},
              {"scratch", n->scratch},
              {"total", n->total}};
  fprintf(out, "memory of a training step, calls of up to %" PRId64 " tokens\n", n->tokens);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    fprintf(out, "  %-20s %15" PRId64 " bytes\n", rows[i].name, rows[i].bytes);
  fprintf(out, "  %-20s %15.0f bytes a token and layer\n", "saved",
          (double)n->saved_token / (double)n->layers);
}

/* ---- what fits --------------------------------------------------------------------------------------- */

/* In the order of the operations that are computed again. */
static const struct recompute steps[] = {
    {.nothing = true},           {.products = 1},
    {.products = 0.9},           {.products = 0.8},
    {.products = 0.7},           {.products = 0.6},
    {.products = 0.5},           {.products = 0.4},
    {.products = 0.3},           {.products = 0.2},
    {.products = 0.1},           {.products = 0},
    {.products = 1, .group = 2}, {.products = 0, .group = 2},
    {.products = 0, .group = 3}, {.products = 0, .group = 4},
    {.products = 0, .group = 5}, {.products = 0, .group = 6},
    {.products = 0, .group = 8},
};

/* What a pair of them costs a token, in passes forward: what is computed again, and its share of what each
 * call does however many tokens it has: adding to all gradients takes about as long as CALL_TOKENS of them.
 */
enum { STEPS = sizeof steps / sizeof *steps, CHUNKS = 6, CALL_TOKENS = 64 };
struct priced_choice {
  struct recompute choice;
  int64_t chunk;
  double cost;
  int order;
};

static double again(const struct recompute *r) {
  return r->nothing ? 0 : r->group ? 1 : 1 - r->products;
}

static int cheaper_first(const void *a, const void *b) {
  const struct priced_choice *x = a, *y = b;
  return x->cost != y->cost ? (x->cost > y->cost) - (x->cost < y->cost) : x->order - y->order;
}

/* All steps in calls of `chunk` tokens; 0: of TRAINING_CHUNK, a half, a quarter, ... How many there are. */
static int priced_choices(int64_t chunk, struct priced_choice list[STEPS * CHUNKS]) {
  int n = 0, chunks = chunk ? 1 : CHUNKS;
  for (int k = 0; k < chunks; k++)
    for (int i = 0; i < STEPS; i++) {
      int64_t tokens = chunk ? chunk : TRAINING_CHUNK >> k;
      list[n] = (struct priced_choice){steps[i], tokens, again(&steps[i]) + CALL_TOKENS / (double)tokens, n};
      n++;
    }
  qsort(list, (size_t)n, sizeof *list, cheaper_first);
  return n;
}

static void tell_choice(struct diag *d, const struct recompute *r, const struct training_memory *n) {
  char kept[96];
  if (r->nothing)
    snprintf(kept, sizeof kept, "nothing is computed again");
  else if (r->products == 1 && !r->group)
    snprintf(kept, sizeof kept, "all but products is computed again");
  else if (r->group)
    snprintf(kept, sizeof kept, "all is computed again, %" PRId64 " layers at a time", r->group);
  else
    snprintf(kept, sizeof kept, "at most %.0f %% of the products are computed again",
             100 * (1 - r->products));
  diag_note(d, "--memory: a step takes %" PRId64 " bytes in calls of %" PRId64 " tokens (--chunk); %s",
            n->total, n->tokens, kept);
}

static void refuse(struct diag *d, int64_t most, const struct training_memory *least) {
  diag_error(d,
             "a training step in calls of %" PRId64 " tokens takes at least %" PRId64 " bytes; %" PRId64
             " are allowed. Allow more, make calls of fewer tokens (--chunk), or keep less (--moments, "
             "--masters)",
             least->tokens, least->total, most);
}

struct module *training_fit(struct diag *d, int64_t most, int64_t chunk, planned_module *plan, void *self) {
  struct priced_choice list[STEPS * CHUNKS];
  struct training_memory least = {.total = INT64_MAX};
  int count = priced_choices(chunk, list);
  for (int i = 0; i < count; i++) {
    struct module *m = plan(self, list[i].choice, list[i].chunk);
    if (!m)
      return NULL;
    struct training_memory n = training_memory(m);
    if (n.total <= most) {
      tell_choice(d, &list[i].choice, &n);
      return m;
    }
    least = n.total < least.total ? n : least;
  }
  refuse(d, most, &least);
  return NULL;
}
