/* infer.h: what the type rules share. infer.c has them; those of the operators of a training step stand in
 * infer_training.c, those of what tokens see in infer_past.c. A rule, infer_NAME, checks the operands' types
 * and the attributes and gives the result types. */
#ifndef TERN_IR_INFER_H
#define TERN_IR_INFER_H

#include "ir/ir.h"

struct rule {
  struct arena *arena;
  const struct module *m;
  const struct op *op;
  struct type *out;
  const char **why;
};

struct declaration {
  struct type type;
  int n_counts;
  const int64_t *counts;
  const struct weight *weight; /* NULL: a state */
};

/* Says why the operator does not fit; false. */
bool rule_fail(struct rule *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *rule_text(struct rule *r, struct type t);
struct type rule_in_type(const struct rule *r, int i);
bool rule_quantised(enum elem e);
bool rule_want_elem(struct rule *r, int i, enum elem e);
bool rule_want_axes(struct rule *r, int i, int rank); /* at least so many */
/* An index of a weight, a state or a table when it can be seen to be out of its range: the number, or -1. */
int64_t rule_index_beyond(const struct value *v, int64_t count);
/* What leads indices of a weight that are u32[T], of each token; 0: none is. Such a lead is the result's too.
 */
int64_t rule_index_lead(const struct rule *r);
bool rule_lead(struct rule *r);
bool rule_find_symbol(struct rule *r, struct declaration *s);
/* The operands from `first` on choose the instance of the symbol. */
bool rule_want_indices(struct rule *r, const struct declaration *s, int first);

bool infer_reduce(struct rule *r);
bool infer_sum(struct rule *r);
bool infer_define(struct rule *r);
bool infer_outer(struct rule *r);
bool infer_scatter(struct rule *r);
bool infer_nth(struct rule *r);
/* Of a repeat over parts: it stands where it can, and its count is no less than there are. */
bool rule_fits_parts(struct rule *r);
bool infer_append(struct rule *r);
bool infer_seen(struct rule *r);
bool infer_position(struct rule *r);
bool infer_age(struct rule *r);
bool infer_seen_back(struct rule *r);
bool infer_append_back(struct rule *r);
bool infer_matmul_back(struct rule *r);
bool infer_ternary_back(struct rule *r);

#endif
