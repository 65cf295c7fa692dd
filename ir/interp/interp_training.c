/* interp_training.c: operators of a training step that add to a state. */
#include "ir/interp/interp_impl.h"

struct tensor *added_to(struct interp *in, const struct op *op) {
  const struct state *s = state_find(in->m, op->attr.symbol);
  int64_t instance = instance_of(in, op, op_changes(op->code), s->n_counts, s->counts);
  return instance < 0 ? NULL : &state_slot(in, s)->tensors[instance];
}

bool run_scatter(struct interp *in, const struct op *op) {
  const struct tensor *d = operand(in, op->in[0]), *i = operand(in, op->in[1]);
  struct tensor *y = added_to(in, op);
  int64_t n = y ? type_count(i->type, NULL) : 0, rows = y ? y->type.dim[0] : 1;
  int64_t row = y ? type_count(y->type, NULL) / rows : 0;
  for (int64_t k = 0; k < n; k++) {
    if (i->u32[k] >= rows) {
      diag_at(in->d, SEVERITY_ERROR, op->at, "index %u is beyond the %lld rows", i->u32[k], (long long)rows);
      return false;
    }
    for (int64_t e = 0; e < row; e++) {
      int64_t to = i->u32[k] * row + e;
      set_real(in, y->data, to, get_real(in, y->data, to) + get_real(in, d->data, k * row + e));
    }
  }
  return y != NULL;
}
