/* infer_past.c: type rules of what tokens see of a sequence: histories, windows, the numbers of tokens. */
#include "ir/infer.h"

static bool find_past(struct rule *r, struct declaration *s) {
  return rule_find_symbol(r, s) &&
         (type_is_past(r->m, s->type) || rule_fail(r, "'%s' is %s; a history or a window is expected",
                                                   r->op->attr.symbol, rule_text(r, s->type)));
}

/* A row of the past, or one of each token of a call. */
bool infer_append(struct rule *r) {
  struct declaration s;
  if (r->op->n_in < 1)
    return rule_fail(r, "has no value to append");
  if (!find_past(r, &s) || !rule_want_indices(r, &s, 1))
    return false;
  struct type t = rule_in_type(r, 0), row = type_rest(s.type);
  bool rows = t.rank == row.rank + 1 && t.dim[0] < 0 && !dim_is_past(r->m, t.dim[0]);
  return type_equal(t, rows ? type_lead(row, t.dim[0]) : row) ||
         rule_fail(r, "a row of '%s' is %s, the new one %s", r->op->attr.symbol, rule_text(r, row),
                   rule_text(r, t));
}

bool infer_seen(struct rule *r) {
  struct declaration s;
  if (!find_past(r, &s) || !rule_want_indices(r, &s, 0))
    return false;
  *r->out = s.type;
  return true;
}

bool infer_seen_back(struct rule *r) {
  struct declaration s;
  if (r->op->n_in < 1)
    return rule_fail(r, "has no value to add");
  if (!find_past(r, &s) || !rule_want_indices(r, &s, 1))
    return false;
  return type_equal(rule_in_type(r, 0), s.type) ||
         rule_fail(r, "'%s' is %s, what is added %s", r->op->attr.symbol, rule_text(r, s.type),
                   rule_text(r, rule_in_type(r, 0)));
}

bool infer_append_back(struct rule *r) {
  struct declaration s;
  if (!find_past(r, &s) || !rule_want_indices(r, &s, 0))
    return false;
  *r->out = type_lead(type_rest(s.type), DIM_T);
  return true;
}

bool infer_position(struct rule *r) {
  struct type t = *r->out = r->op->out[0]->type;
  bool rows = t.rank == 1 && t.dim[0] < 0 && !dim_is_past(r->m, t.dim[0]);
  return (t.elem == ELEM_U32 && (t.rank == 0 || rows)) ||
         rule_fail(r, "is u32, or one of each token of a call, not %s", rule_text(r, t));
}

bool infer_age(struct rule *r) {
  struct type t = *r->out = r->op->out[0]->type;
  return (t.elem == ELEM_F32 && t.rank == 1 && type_is_past(r->m, t)) ||
         rule_fail(r, "is f32 of a history or window, not %s", rule_text(r, t));
}
