/* random_checkpoint.c: what a module asks of a checkpoint, made up. */
#include "driver/random_checkpoint.h"

#include "driver/train.h"
#include "passes/training/roles.h"
#include <string.h>

typedef VEC(struct random_tensor) tensor_list;

static const float some = 0.05f; /* the deviation of gains and biases */

/* Whether the scale of a matrix of codes lies beside them. */
static bool is_stored(const struct weight *w) {
  return elem_codes(w->type.elem) && (w->rule == RULE_STORED || w->rule == RULE_INVERSE);
}

static struct random_tensor numbers_of(const struct weight *w, bool given) {
  struct random_tensor t = {.rank = w->type.rank,
                            .mean = (float)w->begins.mean,
                            .deviation = (float)w->begins.deviation,
                            .codes = is_stored(w)};
  memcpy(t.shape, w->type.dim, sizeof t.shape);
  if (!given && t.deviation == 0)
    t.deviation = some;
  if (t.codes)
    t.mean = 0, t.deviation = 1;
  return t;
}

/* Magnitudes about 0.02, or their reciprocals: never near 0. */
static void add_scale(struct job *j, tensor_list *list, const struct weight *w, const char *name) {
  bool inverse = w->rule == RULE_INVERSE;
  struct random_tensor t = {.name = arena_printf(&j->arena, "%s_scale", name),
                            .rank = 1,
                            .shape = {1},
                            .mean = inverse ? 50 : 0.02f,
                            .deviation = inverse ? 8 : 0.003f};
  if (w->scale != WSCALE_TENSOR)
    t.shape[0] = w->type.dim[0];
  if (w->scale == WSCALE_GROUP) {
    t.rank = 2;
    t.shape[1] = (w->type.dim[1] + w->group - 1) / w->group;
  }
  vec_push(&j->arena, *list, t);
}

static void add_weight(struct job *j, tensor_list *list, const struct weight *w, bool given) {
  struct random_tensor t = numbers_of(w, given);
  for (int64_t i = 0; i < weight_instances(w); i++) {
    t.name = weight_tensor(&j->arena, w, i);
    vec_push(&j->arena, *list, t);
    if (is_stored(w))
      add_scale(j, list, w, t.name);
  }
}

bool random_checkpoint(struct job *j, const char *out, uint64_t seed) {
  tensor_list list = {0};
  if (!job_load(j))
    return false;
  const char *config = training_config(j);
  VEC(bool) given = {0};
  for (const struct weight *w = j->module->weights; w; w = w->next)
    vec_push(&j->arena, given, w->begins.given);
  find_roles(j->module);
  int n = 0;
  for (const struct weight *w = j->module->weights; w; w = w->next, n++)
    if (!w->tensor) /* one that is another's tensor, in another role, is there by that name */
      add_weight(j, &list, w, given.at[n]);
  return config && checkpoint_random_tensors(&j->diag, config, list.at, list.n, out, seed);
}
