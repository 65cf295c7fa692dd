/* phase.h: the pipeline of one phase as Verilog: what the files that print its parts share.
 *
 * Names: pK_go, an iteration of phase K is issued; pK_v[t], one was issued t clocks ago; x_5, the value of
 * node 5 at its time, x_5_q its older values, the newest lowest. What differs from lane to lane stands in a
 * generate loop; vectors that leave it end in _all, lane 0 lowest. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_PHASE_H
#define TERN_BACKENDS_HARDWARE_STREAMING_PHASE_H

#include "backends/hardware/streaming/printer.h"

/* ---- phase_text.c ---- */
/* A node's value `time` clocks after the issue, as it is and extended to a width. */
const char *phase_text(const struct hw_printer *p, const struct hw_node *n, int time);
const char *phase_wide(const struct hw_printer *p, const struct hw_node *n, int time, int width);
const char *phase_on(const struct hw_printer *p);              /* whether the phase runs */
const char *phase_valid(const struct hw_printer *p, int time); /* an iteration was issued `time` clocks ago */
/* "if (...) ", when what is ready at `time` is registered: in a phase of one iteration at that clock, to
 * stay; else while the phase runs. */
const char *phase_when(const struct hw_printer *p, int time);
const char *phase_counter(const struct hw_printer *p, const struct hw_level *v);
/* Whether all counters of levels from `first` on are at their last step; NULL: always. */
const char *phase_at_last(const struct hw_printer *p, int first);
/* A bit, a vector known at issue, `time` clocks later; prints the registers. NULL stays NULL. */
const char *phase_flag_later(const struct hw_printer *p, const char *name, const char *now, int time);
const char *phase_bits_later(const struct hw_printer *p, const char *now, int width, int time);

/* ---- print_values.c ---- */
void print_address(struct hw_printer *p, const struct hw_node *n); /* of a load */
void print_node(struct hw_printer *p, const struct hw_node *n);    /* its value, with the older ones */
void print_delays(struct hw_printer *p, const struct hw_node *n);  /* its older values */
void print_kept(struct hw_printer *p,
                const struct hw_node *n); /* its value for later phases, out of the lane */
void phase_declare(const struct hw_printer *p, const struct hw_node *n, const char *kind); /* "reg", "wire" */
/* An expression of `bits` bits, saturated to the node's width where it is wider. */
const char *phase_fitted(const struct hw_printer *p, const struct hw_node *n, const char *full, int bits);
extern const char *const shared_unit_names[]; /* by enum shared_unit */

/* ---- print_accumulators.c ---- */
const char *acc_element(struct hw_printer *p, const struct hw_node *n); /* what is taken in */
void print_acc_part(struct hw_printer *p, const struct hw_node *n);    /* a lane's part of one across lanes */
const char *print_tree(struct hw_printer *p, const struct hw_node *n); /* and their sum: its name */
void print_acc(struct hw_printer *p, const struct hw_node *n, const char *element);

/* ---- print_stores.c ---- */
void print_store(struct hw_printer *p, const struct hw_store *s);
bool store_in_lanes(const struct hw_store *s); /* its data is made in the lanes */

#endif
