/* match.c: holds a checkpoint against what a module needs of it, and says what of its matrices a spec leaves
 * open. */
#include "driver/driver.h"

#include <string.h>

struct scaling weight_scaling(const struct weight *w) {
  static const enum scale_kind kinds[] = {
      [WSCALE_TENSOR] = SCALE_TENSOR, [WSCALE_ROW] = SCALE_ROW, [WSCALE_GROUP] = SCALE_GROUP};
  static const enum scale_by by[] = {[RULE_AUTO] = BY_AUTO,
                                     [RULE_MEAN] = BY_MEAN,
                                     [RULE_LARGEST] = BY_LARGEST,
                                     [RULE_STORED] = BY_STORED,
                                     [RULE_INVERSE] = BY_INVERSE};
  return (struct scaling){kinds[w->scale], w->group, by[w->rule], elem_code_bits(w->type.elem)};
}

void set_rules(struct job *j) {
  enum scale_rule rule = j->options.weight_scale;
  bool of_codes = rule == RULE_STORED || rule == RULE_INVERSE;
  for (struct weight *w = j->module->weights; w && rule != RULE_AUTO; w = w->next)
    if (elem_codes(w->type.elem) && w->rule == RULE_AUTO &&
        (w->type.elem == ELEM_TERNARY || rule != RULE_MEAN) &&
        (!j->checkpoint || checkpoint_has_codes(j->checkpoint, weight_tensor(&j->arena, w, 0)) == of_codes))
      w->rule = rule;
}

/* Holds the checkpoint against what the module needs, and notes how its floats are stored. */
static bool match(struct job *j) {
  VEC(struct wanted_tensor) wanted = {0};
  for (struct weight *w = j->module->weights; w; w = w->next) {
    if (w->origin != WEIGHT_LOADED)
      continue;
    for (int64_t i = 0; i < weight_instances(w); i++) {
      struct wanted_tensor t = {.name = weight_tensor(&j->arena, w, i),
                                .rank = w->type.rank,
                                .codes = elem_codes(w->type.elem),
                                .scaling = weight_scaling(w),
                                .at = w->at};
      memcpy(t.shape, w->type.dim, sizeof t.shape);
      vec_push(&j->arena, wanted, t);
    }
  }
  if (!checkpoint_check(j->checkpoint, wanted.at, wanted.n, j->options.allow_extra))
    return false;
  for (struct weight *w = j->module->weights; w; w = w->next) {
    static const enum storage storage[] = {
        [DTYPE_F32] = STORE_F32, [DTYPE_F16] = STORE_F16, [DTYPE_BF16] = STORE_BF16,
        [DTYPE_F64] = STORE_F32, [DTYPE_U8] = STORE_F32,  [DTYPE_I8] = STORE_F32};
    if (w->origin != WEIGHT_LOADED || elem_codes(w->type.elem))
      continue;
    enum storage all = STORE_NONE;
    for (int64_t i = 0; i < weight_instances(w); i++) {
      const struct tensor_info *t = checkpoint_find(j->checkpoint, weight_tensor(&j->arena, w, i));
      enum storage one = t && t->dtype < DTYPE_OTHER ? storage[t->dtype] : STORE_NONE;
      all = i == 0 || one == all ? one : STORE_F32; /* layers of different types: the widest */
    }
    w->source = all;
  }
  return true;
}

/* ---- what the checkpoint's matrices hold ------------------------------------------------------------- */

struct told { /* matrices of which there is one thing to say */
  VEC(const char *) names;
};

static void add_name(struct job *j, struct told *t, const char *name) {
  vec_push(&j->arena, t->names, name);
}

static void tell(struct job *j, const struct told *t, const char *what) {
  enum { MOST = 3 };
  const char *list = "";
  for (int i = 0; i < t->names.n && i < MOST; i++)
    list = arena_printf(&j->arena, "%s%s'%s'", list, i ? ", " : "", t->names.at[i]);
  if (t->names.n > MOST)
    list = arena_printf(&j->arena, "%s and %d more", list, t->names.n - MOST);
  if (t->names.n)
    diag_at(&j->diag, SEVERITY_WARNING, (struct loc){0}, "%s %s", list, what);
}

/* Says of matrices without a rule for their scales what the spec leaves open: floats that are ternary
 * already, and stored scales of which nothing tells whether they multiply or divide. */
static void tell_codes(struct job *j) {
  struct told already = {0}, by_row = {0}, unsaid = {0};
  for (struct weight *w = j->module->weights; w; w = w->next)
    for (int64_t i = 0; w->origin == WEIGHT_LOADED && elem_codes(w->type.elem) && w->rule == RULE_AUTO &&
                        i < weight_instances(w);
         i++) {
      const char *name = weight_tensor(&j->arena, w, i);
      struct scaling scaling = weight_scaling(w);
      bool rows;
      if (w->type.elem == ELEM_TERNARY && checkpoint_already_ternary(j->checkpoint, name, &scaling, &rows))
        add_name(j, rows ? &by_row : &already, name);
      else if (checkpoint_scale_unsaid(j->checkpoint, name))
        add_name(j, &unsaid, name);
    }
  tell(j, &already,
       "hold -s, 0 and s already, and by the rule of the mean magnitude s becomes smaller; 'scale largest' "
       "after the type, or --weight-scale largest, keeps their values ('scale mean' says that the mean is "
       "meant)");
  tell(j, &by_row,
       "hold -s, 0 and s already, one s a row, and one scale for all rows changes them; 'per row scale "
       "largest' after "
       "the type keeps their values ('scale mean' says that the mean is meant)");
  tell(j, &unsaid,
       "are codes with a stored scale, and no quantization_config says how it is meant: taken as codes * "
       "scale ('scale inverse' after the type, or --weight-scale inverse, divides; 'scale stored' says that "
       "this is right)");
}

bool match_checkpoint(struct job *j) {
  if (!match(j))
    return false;
  tell_codes(j);
  return true;
}
