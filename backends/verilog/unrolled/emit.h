/* emit.h: a scheduled netlist as Verilog-2005 modules: what the files that print share.
 *
 * Wire names: a node's result in its own stage has the node's name, after k registers NAME_dk. A register
 * keeps the bit numbers of the node: `reg [7:3] x_0_d2` holds bits 7 to 3 of x_0. Names are unique over the
 * design. */
#ifndef TERN_BACKENDS_VERILOG_UNROLLED_EMIT_H
#define TERN_BACKENDS_VERILOG_UNROLLED_EMIT_H

#include "backends/verilog/unrolled/schedule.h"
#include <stdio.h>

/* A wire that leaves a unit: a root after k registers; the bits that `unit` uses. */
struct port {
  ref root;
  int delay;
  net_mask bits;
};

struct ports {
  VEC(struct port) in; /* in order of the roots, then of delays */
};

struct emission {
  struct arena *arena;
  const struct netlist *net;
  const struct schedule *schedule;
  const char *top;       /* the design's name: an identifier */
  const char **name;     /* by node; NULL: not live */
  struct ports *ports;   /* by unit */
  struct port **exports; /* by unit: what others use of it, with the register's whole range */
  int *n_exports;
};

/* Names and ports; afterwards net_emit_unit, net_emit_core print the modules. Unit 0 is the core itself. */
void net_emission_make(struct arena *a, const struct netlist *n, const struct schedule *s, const char *top,
                       struct emission *e);
const char *net_unit_module(const struct emission *e, int unit); /* the module's name */
void net_emit_unit(const struct emission *e, int unit, FILE *out);
void net_emit_core(const struct emission *e, FILE *out);
bool net_unit_is_empty(const struct emission *e, int unit);

/* ---- emit_expr.c ---- */
const char *net_wire(const struct emission *e, ref root, int delay);
/* "[7:3] " as in a declaration; "" for a single bit numbered 0. */
const char *net_range_text(const struct emission *e, net_mask bits);
/* Bits from .. from + count - 1 of an operand, sign or zeros above its own bits, for a user in `stage`. */
const char *net_bits_text(const struct emission *e, ref operand, int stage, int from, int count);
/* The right side of a node's assignment. Tables are printed by net_emit_unit. */
const char *net_node_text(const struct emission *e, ref r);

/* A name made an identifier of Verilog: what is not a letter, digit or _ becomes _; never a keyword. */
const char *net_verilog_name(struct arena *a, const char *text);

#endif
