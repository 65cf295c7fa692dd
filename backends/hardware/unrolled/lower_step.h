/* lower_step.h: from the integer form of `step` to a netlist of scalars: repeats unrolled, weights as
 * constants.
 */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_LOWER_STEP_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_LOWER_STEP_H

#include "backends/hardware/unrolled/netlist.h"
#include "ir/interp/interp.h"

/* A tensor of scalars, row-major. */
struct scalars {
  int64_t n;
  ref *at;
};

struct known_range { /* of a state's element, from an earlier lowering */
  int64_t lo, hi;
  int zeros; /* it is a multiple of 2^zeros */
};

struct step_lowering {
  struct module *m;
  struct netlist *net;
  struct interp *weights;     /* gives the constants; not this module's run */
  VEC(struct scalars) values; /* by value id */
  VEC(struct lowered_state) states;
  const struct known_range *known; /* by state element; NULL: what the types hold, or, with from_init, the
                                      initial values alone */
  bool from_init;
};

struct lowered_state {
  const struct state *state;
  int64_t instance;
  int first;          /* its elements' states in the netlist follow each other */
  struct scalars now; /* as a read would find it */
};

/* Lowers the module's function `step` into the empty netlist; *out: the elements of what it returns. Ranges
 * of states are narrowed by lowering again until they hold still (at most 4 times). False after a diagnostic
 * at the operator that the machine cannot do. */
bool unrolled_lower(struct module *m, struct interp *weights, struct arena *a, enum net_multiplier multiplier,
                    struct netlist *net, struct scalars *out);

/* ---- lower_ops.c ---- */
/* One operator that is not a leaf, a region or an end; false after a diagnostic. */
bool unrolled_lower_op(struct step_lowering *l, const struct op *op);
struct scalars *unrolled_scalars(struct step_lowering *l, const struct value *v);

#endif
