/* emission_unit.c: wires, registers, and the module of a unit. */
#include "backends/hardware/unrolled/emission.h"

#include <stdlib.h>
#include <string.h>

/* ---- wires ------------------------------------------------------------------------------------------- */

static bool in_unit(const struct emission *e, ref r, int unit) {
  return e->name[r] && net_at(e->net, r)->unit == unit;
}

bool net_unit_is_empty(const struct emission *e, int unit) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit))
      return false;
  return true;
}

bool net_is_export(const struct emission *e, int unit, ref root, int delay) {
  struct port key = {root, delay, 0};
  return unit != 0 && e->n_exports[unit] &&
         bsearch(&key, e->exports[unit], (size_t)e->n_exports[unit], sizeof key, net_by_place) != NULL;
}

/* A declaration; where not every bit is looked at, lint is told that this is known. */
void net_declare(const struct emission *e, FILE *out, const char *kind, ref root, int delay,
                 const char *value) {
  net_mask have = net_declared(e, root, delay);
  net_mask used = delay ? have : e->schedule->delays[root].used;
  if (delay && net_mask_has_holes(have))
    used = 0;
  bool partly = used != have && !(delay && !net_mask_has_holes(have));
  fprintf(out, "%s  %s %s%s%s%s;\n", partly ? "  /* verilator lint_off UNUSEDSIGNAL */\n" : "", kind,
          net_range_text(e, have), net_wire(e, root, delay), value ? " = " : "", value ? value : "");
  if (partly)
    fprintf(out, "  /* verilator lint_on UNUSEDSIGNAL */\n");
}

static const char *state_text(const struct emission *e, ref r) {
  int number = net_at(e->net, r)->state - 1;
  return net_bits_text(e, e->net->states.at[number].next, net_schedule_arrival(e->net, e->schedule, number),
                       0, net_width(e->net, r));
}

void net_emit_wires(const struct emission *e, int unit, FILE *out) {
  bool *done = arena_array(e->arena, bool, e->net->nodes.n);
  net_emit_lookups(e, unit, out);
  for (ref r = 0; r < e->net->nodes.n; r++) {
    const struct net_node *x = net_at(e->net, r);
    if (!in_unit(e, r, unit) || done[r] || (x->kind < NET_STATE && x->kind != NET_CONST))
      continue;
    if (x->kind == NET_ROM) {
      net_emit_rom(e, r, done, out);
      continue;
    }
    const char *text = x->kind == NET_STATE ? state_text(e, r) : net_node_text(e, r);
    if (net_is_export(e, unit, r, 0))
      fprintf(out, "  assign %s = %s;\n", e->name[r], text);
    else
      net_declare(e, out, "wire", r, 0, text);
  }
}

/* ---- registers --------------------------------------------------------------------------------------- */

bool net_has_registers(const struct emission *e, int unit) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit) && e->schedule->delays[r].after.n)
      return true;
  return false;
}

void net_declare_registers(const struct emission *e, int unit, FILE *out) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    for (int k = 1; in_unit(e, r, unit) && k <= e->schedule->delays[r].after.n; k++)
      if (!net_is_export(e, unit, r, k))
        net_declare(e, out, "reg", r, k, NULL);
}

static void clock_registers(const struct emission *e, int unit, FILE *out) {
  for (ref r = 0; r < e->net->nodes.n; r++) {
    bool own = in_unit(e, r, unit) && net_at(e->net, r)->kind != NET_VALID;
    for (int k = 1; own && k <= e->schedule->delays[r].after.n; k++) {
      net_mask from = net_declared(e, r, k - 1), to = net_declared(e, r, k);
      const char *name = net_wire(e, r, k - 1);
      if (net_mask_low(from) == net_mask_low(to) && net_mask_high(from) == net_mask_high(to))
        fprintf(out, "    %s <= %s;\n", net_wire(e, r, k), name);
      else if (net_mask_low(to) == net_mask_high(to))
        fprintf(out, "    %s <= %s[%d];\n", net_wire(e, r, k), name, net_mask_low(to));
      else
        fprintf(out, "    %s <= %s[%d:%d];\n", net_wire(e, r, k), name, net_mask_high(to), net_mask_low(to));
    }
  }
}

void net_emit_registers(const struct emission *e, int unit, FILE *out) {
  if (!net_has_registers(e, unit))
    return;
  fprintf(out, "\n  always @(posedge clk) if (ce) begin\n");
  clock_registers(e, unit, out);
  fprintf(out, "  end\n");
}

/* ---- units ------------------------------------------------------------------------------------------- */

/* The stages and sizes of a unit, for its header. */
static void describe(const struct emission *e, int unit, FILE *out) {
  int first = e->schedule->latency, last = 0, nodes = 0;
  int64_t registers = 0;
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit)) {
      const struct net_node *x = net_at(e->net, r);
      const struct net_delays *d = &e->schedule->delays[r];
      first = x->stage < first ? x->stage : first;
      last = x->stage > last ? x->stage : last;
      nodes++;
      for (int k = 0; k < d->after.n; k++)
        registers += net_mask_count(d->after.at[k]);
    }
  fprintf(out, "// %s: %s.\n", net_unit_module(e, unit), e->net->units.at[unit].what);
  fprintf(out,
          "// %d operators in stages %d to %d of %d, %lld register bits. Takes operands and gives results "
          "each clock\n",
          nodes, first, last, e->schedule->latency, (long long)registers);
  fprintf(out, "// with ce high; a port NAME_dk is NAME after k registers. Numbers are two's complement "
               "where they can be\n");
  fprintf(out, "// negative, else unsigned; bit i of a port is bit i of the number.\n");
}

static void print_port(const struct emission *e, FILE *out, const char *direction, const struct port *p,
                       net_mask bits, bool *any) {
  bool holes = direction[0] == 'i' && net_mask_has_holes(bits);
  fprintf(out, "%s%s  %s %s%s%s", *any ? ",\n" : "", holes ? "  /* verilator lint_off UNUSEDSIGNAL */\n" : "",
          direction, net_range_text(e, bits), net_wire(e, p->root, p->delay),
          holes ? "\n  /* verilator lint_on UNUSEDSIGNAL */" : "");
  *any = true;
}

void net_emit_unit(const struct emission *e, int unit, FILE *out) {
  bool any = net_has_registers(e, unit);
  const struct ports *p = &e->ports[unit];
  describe(e, unit, out);
  fprintf(out, "module %s (\n%s", net_unit_module(e, unit), any ? "  input wire clk,\n  input wire ce" : "");
  for (int i = 0; i < p->in.n; i++)
    print_port(e, out, "input wire", &p->in.at[i], p->in.at[i].bits, &any);
  for (int i = 0; i < e->n_exports[unit]; i++) {
    const struct port *x = &e->exports[unit][i];
    print_port(e, out, x->delay ? "output reg" : "output wire", x, net_declared(e, x->root, x->delay), &any);
  }
  fprintf(out, "\n);\n");
  net_declare_registers(e, unit, out);
  net_emit_wires(e, unit, out);
  net_emit_registers(e, unit, out);
  fprintf(out, "endmodule\n");
}
