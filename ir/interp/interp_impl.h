/* interp_impl.h: what the interpreter's files share: the machine (interp.c), movement (interp_move.c),
 * weights (interp_weights.c), the numeric operators at two precisions (interp_num.c), and what they do to
 * tangents (interp_tangent.c). */
#ifndef TERN_IR_INTERP_IMPL_H
#define TERN_IR_INTERP_IMPL_H

#include "ir/composites.h"
#include "ir/interp/interp.h"
#include <uthash.h>

struct slot { /* one value's tensor */
  const struct value *value;
  struct tensor tensor;
  size_t room; /* bytes at tensor.data */
  UT_hash_handle hh;
};

/* One weight's or state's tensors, an instance each (sequence by sequence); data NULL: not read yet. */
struct symbol_slot {
  const void *symbol;
  int64_t n;
  struct tensor *tensors;
  UT_hash_handle hh;
};

/* A composite's body: primitive operators on the operands of `op` themselves. */
struct body_slot {
  const struct op *op;
  struct block *block; /* ends with a yield */
  struct composite made;
  UT_hash_handle hh;
};

struct interp {
  const struct module *m;
  struct diag *d;
  struct weight_source source;
  bool float64;
  bool forward;              /* tensors of floats have tangents */
  const int64_t *sizes;      /* this run's, of the module's dims; NULL: each 1 */
  int64_t sequences;         /* that there are states of */
  const uint32_t *rows;      /* numbers of the run's sequences, or NULL: sequence 0 alone */
  const uint32_t *positions; /* of the run's tokens, or NULL: by what was taken */
  uint32_t *taken;           /* tokens of each sequence since the reset */
  int64_t shown[MOST_DIMS];  /* what interp_sizes gives */
  int64_t token;             /* of the run, that is at hand; 0 outside of scans */
  struct slot *slots;
  struct symbol_slot *weights, *states;
  struct body_slot *bodies; /* of the composites that have run */
  struct arena arena;       /* that bodies lie in */
  struct interp_hook hook;
  uint32_t indices[MAX_REPEATS]; /* of the repeats around the operator, outermost first */
  int depth;
};

/* Of token number `token` of the run: how many of its sequence came before. */
uint32_t interp_position(const struct interp *in, int64_t token);
/* A type with this run's sizes for the dimensions that are known only at each call. */
struct type interp_type(const struct interp *in, struct type t);
size_t tensor_bytes(const struct interp *in, struct type t);
size_t element_bytes(const struct interp *in, enum elem e);
/* The tensor that an operand holds, and the (resized) one for a result. */
struct tensor *operand(struct interp *in, const struct value *v);
struct tensor *result(struct interp *in, const struct value *v);
/* Copies elements to a value, and the scales of a quantised or ternary tensor. */
void copy_tensor(struct interp *in, const struct value *to, const struct tensor *from);
/* Room for the scales of a quantised or ternary tensor: n of the interpreter's floats. */
void need_scales(struct interp *in, struct tensor *t, int64_t n);
/* Room for tangents of n elements, where the tensor has such; and tangents of 0, where it has any. */
void need_tangents(const struct interp *in, struct tensor *t, int64_t n);
void clear_tangents(struct tensor *t, int64_t n);
double get_real(const struct interp *in, const void *reals, int64_t i);
void set_real(const struct interp *in, void *reals, int64_t i, double x);

/* The instance that an operator's index operands (from operand `first`) choose; -1 after a diagnostic. */
int64_t instance_of(struct interp *in, const struct op *op, int first, int n_counts, const int64_t *counts);
struct symbol_slot *state_slot(struct interp *in, const struct state *s);
/* The state that outer or scatter adds to; NULL after a diagnostic. */
struct tensor *added_to(struct interp *in, const struct op *op);

typedef bool handler(struct interp *in, const struct op *op);
handler run_reshape, run_broadcast, run_transpose, run_slice, run_concat, run_index, run_tail, run_nth,
    run_scatter;
handler run_weight, run_wscale, run_read, run_write, run_define;
handler run_append, run_seen, run_position, run_age, run_seen_back, run_append_back;
/* n elements, one after another, and their tangents. */
void copy_elements(const struct interp *in, struct tensor *to, int64_t to_first, const struct tensor *from,
                   int64_t from_first, int64_t n);
/* Tangents of the operator's result, whose elements are there. False after a diagnostic. */
handler run_tangents;

struct symbol_slot *weight_slot(struct interp *in, const struct weight *w);
void free_symbols(struct symbol_slot **slots);
/* Puts a folded weight's instance. */
bool define_weight(struct interp *in, const struct op *op, int64_t instance);
/* Number of scales of a ternary weight's instance. */
int64_t scale_count(const struct weight *w);

/* Where the operands of an element-wise operator are while it goes through its result's elements in order. */
struct places {
  struct type shape; /* of the result */
  int n;             /* operands */
  int64_t at[3];     /* their elements */
  int64_t step[3][MAX_RANK], coordinate[MAX_RANK];
};
void places_add(struct places *p, struct type operand);
void places_next(struct places *p);
/* Splits a shape around an axis: elements are at (outer * n + along) * inner + within. */
void around_axis(struct type t, int axis, int64_t *outer, int64_t *n, int64_t *inner);

/* Numeric operators (interp_num.c); false when the operator is not one of them. */
typedef void numeric_handler(struct interp *in, const struct op *op);
numeric_handler *numeric(const struct interp *in, enum opcode code);
/* The same for an operator whose operands or result are integers (interp_int.c); NULL for others. */
numeric_handler *integer_handler(const struct op *op);
numeric_handler integer_map;
void store_integer(struct tensor *t, int64_t i, int64_t x);

#endif
