/* interp_move.c: operators that move elements, and their tangents with them. */
#include "ir/interp/interp_impl.h"

#include <string.h>

void copy_elements(const struct interp *in, struct tensor *to, int64_t to_first, const struct tensor *from,
                   int64_t from_first, int64_t n) {
  size_t size = element_bytes(in, to->type.elem);
  memcpy((char *)to->data + (size_t)to_first * size, (char *)from->data + (size_t)from_first * size,
         (size_t)n * size);
  if (to->tangents && from->tangents)
    memcpy(to->tangents + to_first, from->tangents + from_first, (size_t)n * sizeof *to->tangents);
}

bool run_reshape(struct interp *in, const struct op *op) {
  struct tensor *y = result(in, op->out[0]);
  copy_elements(in, y, 0, operand(in, op->in[0]), 0, type_count(y->type, NULL));
  return true;
}

/* Copies the elements of y from x: element e of y with coordinates c comes from x at first + sum c[k] *
 * step[k] (element offsets). Every movement operator is such a walk. */
static void gather(struct interp *in, struct tensor *y, const struct tensor *x, int64_t first,
                   const int64_t *step) {
  size_t size = element_bytes(in, y->type.elem);
  int64_t n = type_count(y->type, NULL), c[MAX_RANK] = {0}, at = first;
  for (int64_t e = 0; e < n; e++) {
    memcpy((char *)y->data + (size_t)e * size, (char *)x->data + (size_t)at * size, size);
    if (y->tangents)
      y->tangents[e] = x->tangents[at];
    for (int k = y->type.rank - 1; k >= 0; k--) {
      at += step[k];
      if (++c[k] < y->type.dim[k])
        break;
      at -= c[k] * step[k];
      c[k] = 0;
    }
  }
}

static void strides(struct type t, int64_t *step) {
  int64_t s = 1;
  for (int k = t.rank - 1; k >= 0; k--) {
    step[k] = s;
    s *= t.dim[k];
  }
}

bool run_broadcast(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]);
  struct tensor *y = result(in, op->out[0]);
  int64_t of_x[MAX_RANK], step[MAX_RANK] = {0};
  int missing = y->type.rank - x->type.rank;
  strides(x->type, of_x);
  for (int k = missing; k < y->type.rank; k++)
    step[k] = x->type.dim[k - missing] == 1 ? 0 : of_x[k - missing];
  gather(in, y, x, 0, step);
  return true;
}

bool run_transpose(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]);
  struct tensor *y = result(in, op->out[0]);
  int64_t of_x[MAX_RANK], step[MAX_RANK];
  strides(x->type, of_x);
  for (int k = 0; k < y->type.rank; k++)
    step[k] = of_x[op->attr.perm[k]];
  gather(in, y, x, 0, step);
  return true;
}

bool run_slice(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]);
  int64_t step[MAX_RANK];
  strides(x->type, step);
  gather(in, result(in, op->out[0]), x, op->attr.begin * step[op->attr.axis], step);
  return true;
}

bool run_concat(struct interp *in, const struct op *op) {
  struct tensor *y = result(in, op->out[0]);
  int64_t outer, whole, inner, done = 0;
  around_axis(y->type, op->attr.axis, &outer, &whole, &inner);
  for (int i = 0; i < op->n_in; i++) {
    const struct tensor *x = operand(in, op->in[i]);
    int64_t part = x->type.dim[op->attr.axis];
    for (int64_t o = 0; o < outer; o++)
      copy_elements(in, y, (o * whole + done) * inner, x, o * part * inner, part * inner);
    done += part;
  }
  return true;
}

bool run_index(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]), *i = operand(in, op->in[1]);
  struct tensor *y = result(in, op->out[0]);
  int64_t n = type_count(i->type, NULL), rows = x->type.dim[0], row = type_count(x->type, NULL) / rows;
  for (int64_t k = 0; k < n; k++) {
    if (i->u32[k] >= rows) {
      diag_at(in->d, SEVERITY_ERROR, op->at, "index %u is beyond the %lld rows", i->u32[k], (long long)rows);
      return false;
    }
    copy_elements(in, y, k * row, x, i->u32[k] * row, row);
  }
  return true;
}

bool run_tail(struct interp *in, const struct op *op) {
  const struct tensor *x = operand(in, op->in[0]);
  struct tensor *y = result(in, op->out[0]);
  int64_t n = type_count(y->type, NULL), whole = type_count(x->type, NULL);
  copy_elements(in, y, 0, x, whole - n, n);
  return true;
}

bool run_nth(struct interp *in, const struct op *op) {
  uint32_t i = operand(in, op->in[0])->u32[0], j = operand(in, op->in[1])->u32[0];
  result(in, op->out[0])->u32[0] = i * (uint32_t)op->attr.group + j;
  return true;
}
