/* emission.h: a scheduled netlist as Verilog-2005 modules: what the files that print share.
 *
 * Wire names: a node's result in its own stage has the node's name, after k registers NAME_dk. A register
 * keeps the bit numbers of the node: `reg [7:3] x_0_d2` holds bits 7 to 3 of x_0. Names are unique over the
 * design. */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_EMISSION_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_EMISSION_H

#include "backends/hardware/unrolled/stages.h"
#include "support/escape.h"
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
  const char *top;         /* the design's name: an identifier */
  const char **name;       /* by node; NULL: not live */
  const char **table_name; /* by table: of its function */
  struct ports *ports;     /* by unit */
  struct port **exports;   /* by unit: what others use of it, with the register's whole range */
  int *n_exports;
};

/* Names and ports; afterwards net_emit_unit, net_emit_core print the modules. Unit 0 is the core itself. */
void net_emission_make(struct arena *a, const struct netlist *n, const struct schedule *s, const char *top,
                       struct emission *e);
const char *net_unit_module(const struct emission *e, int unit); /* the module's name */
void net_emit_unit(const struct emission *e, int unit, FILE *out);
void net_emit_core(const struct emission *e, FILE *out);
bool net_unit_is_empty(const struct emission *e, int unit);

/* ---- emission.c, emission_unit.c, emission_rom.c: between them ---- */
int net_by_place(const void *a, const void *b);     /* orders struct port by root and delay */
const char *net_leaf_name(enum net_node_kind kind); /* "token"; NULL for what is not a leaf */
/* The bits that a wire is declared with: all of a node's result, of a register those that are used. */
net_mask net_declared(const struct emission *e, ref root, int delay);
bool net_is_export(const struct emission *e, int unit, ref root, int delay);
bool net_has_registers(const struct emission *e, int unit);
void net_declare(const struct emission *e, FILE *out, const char *kind, ref root, int delay,
                 const char *value);
void net_declare_registers(const struct emission *e, int unit, FILE *out);
void net_emit_wires(const struct emission *e, int unit, FILE *out);
void net_emit_registers(const struct emission *e, int unit, FILE *out);
void net_emit_lookups(const struct emission *e, int unit, FILE *out); /* functions */
void net_emit_rom(const struct emission *e, ref r, bool *done,
                  FILE *out); /* and those that share its memory */

/* ---- emission_expr.c ---- */
const char *net_wire(const struct emission *e, ref root, int delay);
/* "[7:3] " as in a declaration; "" for a single bit numbered 0. */
const char *net_range_text(const struct emission *e, net_mask bits);
/* Bits from .. from + count - 1 of an operand, sign or zeros above its own bits, for a user in `stage`. */
const char *net_bits_text(const struct emission *e, ref operand, int stage, int from, int count);
/* The right side of a node's assignment. Tables are printed by net_emit_unit. */
const char *net_node_text(const struct emission *e, ref r);

#endif
