/* infer_symbols.c: what a weight or a state is, and which of its instances an operator names. */
#include "ir/infer.h"
#include "support/whole.h"

bool rule_find_symbol(struct rule *r, struct declaration *s) {
  const char *name = r->op->attr.symbol;
  bool is_state = r->op->code == OP_READ || r->op->code == OP_SEEN || r->op->code == OP_APPEND_BACK ||
                  (op_changes(r->op->code) && r->op->code != OP_DEFINE);
  const struct weight *w = name && !is_state ? weight_find(r->m, name) : NULL;
  const struct state *st = name && is_state ? state_find(r->m, name) : NULL;
  if (w)
    *s = (struct declaration){w->type, w->n_counts, w->counts, w};
  else if (st)
    *s = (struct declaration){st->type, st->n_counts, st->counts, NULL};
  else
    return rule_fail(r, "there is no %s '%s'", is_state ? "state" : "weight", name ? name : "");
  return true;
}

/* Index k of a symbol when it can be seen to be out of its range: the number, or -1. */
int64_t rule_index_beyond(const struct value *v, int64_t count) {
  if (v->def && v->def->code == OP_NTH && v->def->attr.group > 0) {
    int64_t beyond = rule_index_beyond(v->def->in[0], (count + v->def->attr.group - 1) / v->def->attr.group);
    return beyond < 0 ? -1 : beyond * v->def->attr.group;
  }
  if (v->def && v->def->code == OP_ORDINAL && v->def->attr.group > count)
    return v->def->attr.group - 1;
  if (v->def && op_info[v->def->code].flags & MOVE && v->def->code != OP_NTH && v->def->n_in)
    return rule_index_beyond(v->def->in[0], count);
  const struct op *region = v->def ? NULL : v->block->parent;
  if (region && region->code == OP_REPEAT && v->index == 0 && region->attr.count > count)
    return region->attr.count - 1;
  if (v->def && v->def->code == OP_CONST && !(v->def->attr.value < (double)count))
    return whole_within(v->def->attr.value, 0, INT64_MAX);
  return -1;
}

/* Of a read or write of one part of what leads the state: the part's number is an index too. */
static bool takes_part(const struct rule *r, const struct declaration *s) {
  const struct op *op = r->op;
  return (op->code == OP_READ && type_is_part(r->m, op->out[0]->type, s->type)) ||
         (op->code == OP_WRITE && op->n_in && type_is_part(r->m, op->in[0]->type, s->type));
}

int64_t rule_index_lead(const struct rule *r) {
  for (int i = 0; i < r->op->n_in; i++) {
    struct type t = rule_in_type(r, i);
    if (t.elem == ELEM_U32 && t.rank == 1 && t.dim[0] < 0)
      return t.dim[0];
  }
  return 0;
}

bool rule_lead(struct rule *r) {
  int64_t lead = rule_index_lead(r);
  if (!lead)
    return true;
  if (r->out->rank == MAX_RANK)
    return rule_fail(r, "%s has no room for the axis of the tokens that choose it", rule_text(r, *r->out));
  *r->out = type_lead(*r->out, lead);
  return true;
}

/* The operands from `first` on choose the instance of the symbol. */
bool rule_want_indices(struct rule *r, const struct declaration *s, int first) {
  const char *name = r->op->attr.symbol;
  int n = s->n_counts + takes_part(r, s);
  if (r->op->n_in != first + n)
    return rule_fail(r, "'%s' takes %d %s, not %d", name, n, n == 1 ? "index" : "indices",
                     r->op->n_in - first);
  for (int i = 0; i < n; i++) {
    struct value *v = r->op->in[first + i];
    struct type one = type_scalar(ELEM_U32);
    bool each = !first && s->weight && type_equal(v->type, type_lead(one, rule_index_lead(r)));
    if (!type_equal(v->type, one) && !each)
      return rule_fail(r, "an index of '%s' is u32, not %s", name, rule_text(r, v->type));
    int64_t beyond = i < s->n_counts ? rule_index_beyond(v, s->counts[i]) : -1;
    if (beyond >= 0)
      return rule_fail(r, "'%s' has %lld instances, and the index reaches %lld", name,
                       (long long)s->counts[i], (long long)beyond);
  }
  return true;
}
