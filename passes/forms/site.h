/* site.h: operators of step in a form for many tokens. Shared by batch-time's two halves: what takes all
 * tokens at once (batch_time.c), and what goes token by token (serial.c). */
#ifndef TERN_PASSES_SITE_H
#define TERN_PASSES_SITE_H

#include "passes/forms/recurrence.h"

typedef VEC(struct op *) op_list;
typedef VEC(struct value *) value_list;

/* Where operators go, and on how many tokens they work. */
struct site {
  struct batching *b;
  struct builder at;
  int64_t lead; /* DIM_T, DIM_K or DIM_B */
  int repeats;  /* around */
};

/* [d...] -> [lead, 1..., d...], with `ones` axes of length 1. */
struct type lead_type(struct type t, int64_t lead, int ones);
/* The value in the new form, of as many tokens as the site works on. */
struct value *site_get(struct site *p, const struct value *v);
/* The operator, which has no body and changes no state, for all tokens at once. */
void site_emit(struct site *p, const struct op *op);
/* The operators of a part (in program order), token by token: in a scan, or, where a kernel cannot hold them,
 * in a repeat that goes through the tokens. False, and b->possible too, where there can be neither. */
bool emit_serial(struct site *p, const op_list *ops);

#endif
