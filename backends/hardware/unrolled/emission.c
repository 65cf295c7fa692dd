/* emission.c: names, ports between units, and the module of the core that joins them. */
#include "backends/hardware/unrolled/emission.h"
#include "support/escape.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------- */

const char *net_leaf_name(enum net_node_kind kind) {
  switch (kind) {
  case NET_TOKEN: return "token";
  case NET_VALID: return "valid";
  case NET_FIRST: return "first";
  case NET_LAST: return "last";
  default: return NULL;
  }
}

/* out_NAME is an output of the core, u_NAME an instance in it; other names that we make end in no number. */
static const char *own_name(struct emission *e, const char *text) {
  const char *name = verilog_name(e->arena, text);
  bool ours = strncmp(name, "out_", 4) == 0 || strncmp(name, "u_", 2) == 0;
  return ours ? arena_printf(e->arena, "v_%s", name) : name;
}

static void name_nodes(struct emission *e) {
  const struct netlist *n = e->net;
  struct name_set names = {0};
  int number = 0;
  e->name = arena_array(e->arena, const char *, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    if (!x->live || x->kind == NET_VIEW || x->kind == NET_CONST)
      continue;
    const char *name = net_leaf_name(x->kind);
    name = name ? name : x->name ? own_name(e, x->name) : arena_printf(e->arena, "n%d", number++);
    e->name[r] = name_unique(e->arena, &names, name);
  }
  e->table_name = arena_array(e->arena, const char *, n->tables.n + 1);
  for (int i = 0; i < n->tables.n; i++)
    e->table_name[i] = name_unique(e->arena, &names, arena_printf(e->arena, "lookup%d", i));
  name_set_clear(&names);
}

/* ---- ports ------------------------------------------------------------------------------------------- */

static void import(struct emission *e, int unit, ref operand, int width, int stage) {
  ref root = net_root(e->net, operand);
  const struct net_node *x = net_at(e->net, root);
  net_mask bits = net_root_bits(e->net, operand, width);
  if (bits && x->unit != unit)
    vec_push(e->arena, e->ports[unit].in, (struct port){root, stage - x->stage, bits});
}

int net_by_place(const void *a, const void *b) {
  const struct port *x = a, *y = b;
  return x->root != y->root ? (x->root < y->root ? -1 : 1) : (x->delay > y->delay) - (x->delay < y->delay);
}

static int merge(struct port *port, int n) {
  int kept = 0;
  if (n)
    qsort(port, (size_t)n, sizeof *port, net_by_place);
  for (int i = 0; i < n; i++)
    if (kept && net_by_place(&port[kept - 1], &port[i]) == 0)
      port[kept - 1].bits |= port[i].bits;
    else
      port[kept++] = port[i];
  return kept;
}

static void find_imports(struct emission *e) {
  const struct netlist *n = e->net;
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    for (int i = 0; x->live && x->kind != NET_VIEW && i < 3 && x->in[i] != NO_NODE; i++)
      import(e, x->unit, x->in[i], net_operand_width(n, r, i), x->stage);
  }
  for (int i = 0; i < n->outputs.n; i++)
    import(e, 0, n->outputs.at[i].node, net_width(n, n->outputs.at[i].node), e->schedule->latency);
  for (int i = 0; i < n->states.n; i++) {
    const struct net_state *s = &n->states.at[i];
    int own = net_width(n, s->node), all = net_width(n, s->next);
    if (net_at(n, s->node)->live)
      import(e, net_at(n, s->node)->unit, s->next, own < all ? own : all,
             net_schedule_arrival(n, e->schedule, i));
  }
}

/* The bits that a wire is declared with: all of a node's result, of a register those that are used. */
net_mask net_declared(const struct emission *e, ref root, int delay) {
  if (delay)
    return e->schedule->delays[root].after.at[delay - 1];
  return ~(net_mask)0 >> (64 - net_width(e->net, root));
}

static void find_exports(struct emission *e) {
  int units = e->net->units.n;
  struct ports *out = arena_array(e->arena, struct ports, units);
  for (int u = 0; u < units; u++) {
    struct ports *p = &e->ports[u];
    p->in.n = merge(p->in.at, p->in.n);
    for (int i = 0; i < p->in.n; i++)
      vec_push(e->arena, out[net_at(e->net, p->in.at[i].root)->unit].in, p->in.at[i]);
  }
  e->exports = arena_array(e->arena, struct port *, units);
  e->n_exports = arena_array(e->arena, int, units);
  for (int u = 0; u < units; u++) {
    e->n_exports[u] = merge(out[u].in.at, out[u].in.n);
    e->exports[u] = out[u].in.at;
  }
}

void net_emission_make(struct arena *a, const struct netlist *n, const struct schedule *s, const char *top,
                       struct emission *e) {
  *e = (struct emission){.arena = a, .net = n, .schedule = s, .top = top};
  e->ports = arena_array(a, struct ports, n->units.n);
  name_nodes(e);
  find_imports(e);
  find_exports(e);
}

const char *net_unit_module(const struct emission *e, int unit) {
  return arena_printf(e->arena, "%s__%s", e->top, e->net->units.at[unit].name);
}

/* ---- the core ---------------------------------------------------------------------------------------- */

static void core_ports(const struct emission *e, FILE *out) {
  const struct netlist *n = e->net;
  fprintf(out, "  input wire clk,\n  input wire aresetn,\n  input wire ce");
  for (ref r = 0; r < n->nodes.n; r++)
    if (e->name[r] && net_leaf_name(net_at(n, r)->kind))
      fprintf(out, ",\n  input wire %s%s", net_range_text(e, net_declared(e, r, 0)), e->name[r]);
  for (int i = 0; i < n->outputs.n; i++) {
    int w = net_width(n, n->outputs.at[i].node);
    fprintf(out, ",\n  output wire %sout_%s", net_range_text(e, ~(net_mask)0 >> (64 - w)),
            n->outputs.at[i].name);
  }
  fprintf(out, ",\n  output wire out_valid");
}

/* Wires between units that the core does not make itself. */
static void core_wires(const struct emission *e, FILE *out) {
  for (int u = 1; u < e->net->units.n; u++)
    for (int i = 0; i < e->n_exports[u]; i++) {
      const struct port *p = &e->exports[u][i];
      net_mask have = net_declared(e, p->root, p->delay);
      bool partly = net_mask_has_holes(have) || p->bits != have;
      fprintf(out, "%s  wire %s%s;\n%s", partly ? "  /* verilator lint_off UNUSEDSIGNAL */\n" : "",
              net_range_text(e, have), net_wire(e, p->root, p->delay),
              partly ? "  /* verilator lint_on UNUSEDSIGNAL */\n" : "");
    }
}

static void core_instances(const struct emission *e, FILE *out) {
  for (int u = 1; u < e->net->units.n; u++) {
    bool any = net_has_registers(e, u);
    if (net_unit_is_empty(e, u))
      continue;
    fprintf(out, "\n  %s u_%s (%s", net_unit_module(e, u), e->net->units.at[u].name,
            any ? "\n    .clk(clk), .ce(ce)" : "");
    for (int i = 0; i < e->ports[u].in.n; i++) {
      const struct port *p = &e->ports[u].in.at[i];
      const char *name = net_wire(e, p->root, p->delay);
      net_mask have = net_declared(e, p->root, p->delay);
      bool whole =
          net_mask_low(p->bits) == net_mask_low(have) && net_mask_high(p->bits) == net_mask_high(have);
      const char *part =
          whole ? ""
          : net_mask_low(p->bits) == net_mask_high(p->bits)
              ? arena_printf(e->arena, "[%d]", net_mask_low(p->bits))
              : arena_printf(e->arena, "[%d:%d]", net_mask_high(p->bits), net_mask_low(p->bits));
      fprintf(out, "%s\n    .%s(%s%s)", any ? "," : "", name, name, part);
      any = true;
    }
    for (int i = 0; i < e->n_exports[u]; i++) {
      const char *name = net_wire(e, e->exports[u][i].root, e->exports[u][i].delay);
      fprintf(out, "%s\n    .%s(%s)", any ? "," : "", name, name);
      any = true;
    }
    fprintf(out, "\n  );\n");
  }
}

static void core_valid(const struct emission *e, FILE *out) {
  ref valid = NO_NODE;
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (net_at(e->net, r)->kind == NET_VALID)
      valid = r;
  int stages = e->schedule->delays[valid].after.n;
  fprintf(out, "\n  always @(posedge clk)\n    if (!aresetn) begin\n");
  for (int k = 1; k <= stages; k++)
    fprintf(out, "      %s <= 1'd0;\n", net_wire(e, valid, k));
  fprintf(out, "    end else if (ce) begin\n");
  for (int k = 1; k <= stages; k++)
    fprintf(out, "      %s <= %s;\n", net_wire(e, valid, k), net_wire(e, valid, k - 1));
  fprintf(out, "    end\n\n  assign out_valid = %s;\n", net_wire(e, valid, e->schedule->latency));
}

void net_emit_core(const struct emission *e, FILE *out) {
  const struct netlist *n = e->net;
  fprintf(out, "// %s: the model's units, one behind the other.\n", net_unit_module(e, 0));
  fprintf(out,
          "// A token enters with every clock in which ce is high; its results are at out_* %d such clocks "
          "later.\n",
          e->schedule->latency);
  fprintf(out,
          "// valid: there is a token; first: it is the first of its sequence. The recurrence takes %d "
          "clock%s: %s.\n",
          e->schedule->interleave, e->schedule->interleave == 1 ? "" : "s",
          e->schedule->interleave == 1
              ? "tokens of one sequence follow each other"
              : arena_printf(e->arena, "as many sequences take turns, clock t is sequence t mod %d's",
                             e->schedule->interleave));
  fprintf(out, "module %s (\n", net_unit_module(e, 0));
  core_ports(e, out);
  fprintf(out, "\n);\n");
  net_declare_registers(e, 0, out);
  core_wires(e, out);
  net_emit_wires(e, 0, out);
  net_emit_registers(e, 0, out);
  core_instances(e, out);
  core_valid(e, out);
  for (int i = 0; i < n->outputs.n; i++)
    fprintf(out, "  assign out_%s = %s;\n", n->outputs.at[i].name,
            net_bits_text(e, n->outputs.at[i].node, e->schedule->latency, 0,
                          net_width(n, n->outputs.at[i].node)));
  fprintf(out, "endmodule\n");
}
