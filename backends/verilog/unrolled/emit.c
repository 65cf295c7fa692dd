/* emit.c: names, ports between units, and the modules of the units and of the core. */
#include "backends/verilog/unrolled/emit.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* ---- names ----------------------------------------------------------------------------------------------
 */

struct taken {
  const char *name;
  UT_hash_handle hh;
};

static bool take_name(struct arena *a, struct taken **names, const char *name) {
  struct taken *t;
  HASH_FIND_STR(*names, name, t);
  if (t)
    return false;
  t = arena_new(a, struct taken);
  t->name = name;
  HASH_ADD_KEYPTR(hh, *names, name, strlen(name), t);
  return true;
}

static const char *leaf_name(enum node_kind kind) {
  switch (kind) {
  case NODE_TOKEN: return "token";
  case NODE_VALID: return "valid";
  case NODE_FIRST: return "first";
  case NODE_LAST: return "last";
  default: return NULL;
  }
}

static void name_nodes(struct emission *e) {
  const struct netlist *n = e->net;
  struct taken *names = NULL;
  int number = 0;
  e->name = arena_array(e->arena, const char *, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct node *x = net_at(n, r);
    if (!x->live || x->kind == NODE_VIEW || x->kind == NODE_CONST)
      continue;
    const char *name = leaf_name(x->kind);
    name = name      ? name
           : x->name ? net_verilog_name(e->arena, x->name)
                     : arena_printf(e->arena, "n%d", number++);
    while (!take_name(e->arena, &names, name))
      name = arena_printf(e->arena, "%s_n%d", name, number++);
    e->name[r] = name;
  }
  HASH_CLEAR(hh, names);
}

/* ---- ports ----------------------------------------------------------------------------------------------
 */

static void import(struct emission *e, int unit, ref operand, int width, int stage) {
  ref root = net_root(e->net, operand);
  const struct node *x = net_at(e->net, root);
  net_mask bits = net_root_bits(e->net, operand, width);
  if (bits && x->unit != unit)
    vec_push(e->arena, e->ports[unit].in, (struct port){root, stage - x->stage, bits});
}

static int by_place(const void *a, const void *b) {
  const struct port *x = a, *y = b;
  return x->root != y->root ? (x->root < y->root ? -1 : 1) : (x->delay > y->delay) - (x->delay < y->delay);
}

static int merge(struct port *port, int n) {
  int kept = 0;
  if (n)
    qsort(port, (size_t)n, sizeof *port, by_place);
  for (int i = 0; i < n; i++)
    if (kept && by_place(&port[kept - 1], &port[i]) == 0)
      port[kept - 1].bits |= port[i].bits;
    else
      port[kept++] = port[i];
  return kept;
}

static void find_imports(struct emission *e) {
  const struct netlist *n = e->net;
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct node *x = net_at(n, r);
    for (int i = 0; x->live && x->kind != NODE_VIEW && i < 3 && x->in[i] != NO_NODE; i++)
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
static net_mask declared(const struct emission *e, ref root, int delay) {
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
  return arena_printf(e->arena, "%s_%s", e->top, net_verilog_name(e->arena, e->net->units.at[unit].name));
}

/* ---- wires ----------------------------------------------------------------------------------------------
 */

static bool in_unit(const struct emission *e, ref r, int unit) {
  return e->name[r] && net_at(e->net, r)->unit == unit;
}

bool net_unit_is_empty(const struct emission *e, int unit) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit))
      return false;
  return true;
}

static bool is_export(const struct emission *e, int unit, ref root, int delay) {
  struct port key = {root, delay, 0};
  return e->n_exports[unit] &&
         bsearch(&key, e->exports[unit], (size_t)e->n_exports[unit], sizeof key, by_place) != NULL;
}

/* A declaration; where not every bit is looked at, lint is told that this is known. */
static void declare(const struct emission *e, FILE *out, const char *kind, ref root, int delay,
                    const char *value) {
  net_mask have = declared(e, root, delay);
  net_mask used = delay ? have : e->schedule->delays[root].used;
  if (delay && net_mask_has_holes(have))
    used = 0;
  bool partly = used != have && !(delay && !net_mask_has_holes(have));
  fprintf(out, "%s  %s %s%s%s%s;\n", partly ? "  /* verilator lint_off UNUSEDSIGNAL */\n" : "", kind,
          net_range_text(e, have), net_wire(e, root, delay), value ? " = " : "", value ? value : "");
  if (partly)
    fprintf(out, "  /* verilator lint_on UNUSEDSIGNAL */\n");
}

/* Tables of one operand and stage are one memory. */
static bool same_rom(const struct emission *e, ref a, ref b) {
  const struct node *x = net_at(e->net, a), *y = net_at(e->net, b);
  return y->kind == NODE_ROM && e->name[b] && x->in[0] == y->in[0] && x->stage == y->stage &&
         x->unit == y->unit;
}

struct rom {
  VEC(ref) member;
  int width;
};

static void print_entry(const struct emission *e, const struct rom *rom, int64_t entry, FILE *out) {
  char *bits = arena_alloc(e->arena, (size_t)rom->width + 4);
  int at = 0;
  for (int i = 0; i < rom->member.n; i++) {
    int w = net_width(e->net, rom->member.at[i]);
    int64_t v = e->net->tables.at[net_at(e->net, rom->member.at[i])->table].value[entry];
    for (int k = 0; k < w; k++)
      bits[at++] = (char)(v >> k & 1);
  }
  fprintf(out, "%d'h", rom->width);
  for (int k = (rom->width + 3) / 4 - 1; k >= 0; k--)
    fprintf(out, "%x", bits[4 * k] | bits[4 * k + 1] << 1 | bits[4 * k + 2] << 2 | bits[4 * k + 3] << 3);
}

static void print_rom(const struct emission *e, const struct rom *rom, FILE *out) {
  ref first = rom->member.at[0];
  const struct node *x = net_at(e->net, first);
  const struct net_table *t = &e->net->tables.at[x->table];
  const char *name = e->name[first];
  int address = net_width(e->net, x->in[0]);
  fprintf(out, "  reg [%d:0] %s_rom;\n  always @* begin\n    case (%s)\n", rom->width - 1, name,
          net_bits_text(e, x->in[0], x->stage, 0, address));
  for (int64_t i = 0; i < t->n; i++) {
    uint64_t at = (uint64_t)(t->first + i) & (((uint64_t)1 << address) - 1);
    fprintf(out, "      %d'd%llu: %s_rom = ", address, (unsigned long long)at, name);
    print_entry(e, rom, i, out);
    fprintf(out, ";\n");
  }
  if ((int64_t)1 << address != t->n)
    fprintf(out, "      default: %s_rom = {%d{1'bx}};\n", name, rom->width);
  fprintf(out, "    endcase\n  end\n");
}

/* The memory of table `r` and of those like it, printed with the first of them. */
static void emit_rom(const struct emission *e, ref r, bool *done, FILE *out) {
  struct rom rom = {0};
  for (ref k = r; k < e->net->nodes.n; k++)
    if (same_rom(e, r, k)) {
      vec_push(e->arena, rom.member, k);
      rom.width += net_width(e->net, k);
      done[k] = true;
    }
  print_rom(e, &rom, out);
  for (int i = 0, at = 0; i < rom.member.n; i++) {
    int w = net_width(e->net, rom.member.at[i]);
    const char *part = rom.width == w ? arena_printf(e->arena, "%s_rom", e->name[r])
                                      : arena_printf(e->arena, "%s_rom[%d:%d]", e->name[r], at + w - 1, at);
    bool exported = is_export(e, net_at(e->net, r)->unit, rom.member.at[i], 0);
    if (exported)
      fprintf(out, "  assign %s = %s;\n", e->name[rom.member.at[i]], part);
    else
      declare(e, out, "wire", rom.member.at[i], 0, part);
    at += w;
  }
}

static const char *state_text(const struct emission *e, ref r) {
  int number = net_at(e->net, r)->state - 1;
  return net_bits_text(e, e->net->states.at[number].next, net_schedule_arrival(e->net, e->schedule, number),
                       0, net_width(e->net, r));
}

static void emit_wires(const struct emission *e, int unit, FILE *out) {
  bool *done = arena_array(e->arena, bool, e->net->nodes.n);
  for (ref r = 0; r < e->net->nodes.n; r++) {
    const struct node *x = net_at(e->net, r);
    if (!in_unit(e, r, unit) || done[r] || (x->kind < NODE_STATE && x->kind != NODE_CONST))
      continue;
    if (x->kind == NODE_ROM) {
      emit_rom(e, r, done, out);
      continue;
    }
    const char *text = x->kind == NODE_STATE ? state_text(e, r) : net_node_text(e, r);
    if (is_export(e, unit, r, 0))
      fprintf(out, "  assign %s = %s;\n", e->name[r], text);
    else
      declare(e, out, "wire", r, 0, text);
  }
}

/* ---- registers ------------------------------------------------------------------------------------------
 */

static bool has_registers(const struct emission *e, int unit) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit) && e->schedule->delays[r].after.n)
      return true;
  return false;
}

static void declare_registers(const struct emission *e, int unit, FILE *out) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    for (int k = 1; in_unit(e, r, unit) && k <= e->schedule->delays[r].after.n; k++)
      if (!is_export(e, unit, r, k))
        declare(e, out, "reg", r, k, NULL);
}

static void clock_registers(const struct emission *e, int unit, FILE *out) {
  for (ref r = 0; r < e->net->nodes.n; r++) {
    bool own = in_unit(e, r, unit) && net_at(e->net, r)->kind != NODE_VALID;
    for (int k = 1; own && k <= e->schedule->delays[r].after.n; k++) {
      net_mask from = declared(e, r, k - 1), to = declared(e, r, k);
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

static void emit_registers(const struct emission *e, int unit, FILE *out) {
  if (!has_registers(e, unit))
    return;
  fprintf(out, "\n  always @(posedge clk) if (ce) begin\n");
  clock_registers(e, unit, out);
  fprintf(out, "  end\n");
}

/* ---- units ----------------------------------------------------------------------------------------------
 */

/* The stages and sizes of a unit, for its header. */
static void describe(const struct emission *e, int unit, FILE *out) {
  int first = e->schedule->latency, last = 0, nodes = 0;
  int64_t registers = 0;
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (in_unit(e, r, unit)) {
      const struct node *x = net_at(e->net, r);
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
  bool any = has_registers(e, unit);
  const struct ports *p = &e->ports[unit];
  describe(e, unit, out);
  fprintf(out, "module %s (\n%s", net_unit_module(e, unit), any ? "  input wire clk,\n  input wire ce" : "");
  for (int i = 0; i < p->in.n; i++)
    print_port(e, out, "input wire", &p->in.at[i], p->in.at[i].bits, &any);
  for (int i = 0; i < e->n_exports[unit]; i++) {
    const struct port *x = &e->exports[unit][i];
    print_port(e, out, x->delay ? "output reg" : "output wire", x, declared(e, x->root, x->delay), &any);
  }
  fprintf(out, "\n);\n");
  declare_registers(e, unit, out);
  emit_wires(e, unit, out);
  emit_registers(e, unit, out);
  fprintf(out, "endmodule\n");
}

/* ---- the core -------------------------------------------------------------------------------------------
 */

static void core_ports(const struct emission *e, FILE *out) {
  const struct netlist *n = e->net;
  fprintf(out, "  input wire clk,\n  input wire aresetn,\n  input wire ce");
  for (ref r = 0; r < n->nodes.n; r++)
    if (e->name[r] && leaf_name(net_at(n, r)->kind))
      fprintf(out, ",\n  input wire %s%s", net_range_text(e, declared(e, r, 0)), e->name[r]);
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
      net_mask have = declared(e, p->root, p->delay);
      bool partly = net_mask_has_holes(have) || p->bits != have;
      fprintf(out, "%s  wire %s%s;\n%s", partly ? "  /* verilator lint_off UNUSEDSIGNAL */\n" : "",
              net_range_text(e, have), net_wire(e, p->root, p->delay),
              partly ? "  /* verilator lint_on UNUSEDSIGNAL */\n" : "");
    }
}

static void core_instances(const struct emission *e, FILE *out) {
  for (int u = 1; u < e->net->units.n; u++) {
    bool any = has_registers(e, u);
    if (net_unit_is_empty(e, u))
      continue;
    fprintf(out, "\n  %s u_%s (%s", net_unit_module(e, u),
            net_verilog_name(e->arena, e->net->units.at[u].name), any ? "\n    .clk(clk), .ce(ce)" : "");
    for (int i = 0; i < e->ports[u].in.n; i++) {
      const struct port *p = &e->ports[u].in.at[i];
      const char *name = net_wire(e, p->root, p->delay);
      net_mask have = declared(e, p->root, p->delay);
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
    if (net_at(e->net, r)->kind == NODE_VALID)
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
  declare_registers(e, 0, out);
  for (int k = 0; k < e->n_exports[0]; k++)
    if (e->exports[0][k].delay)
      declare(e, out, "reg", e->exports[0][k].root, e->exports[0][k].delay, NULL);
  core_wires(e, out);
  emit_wires(e, 0, out);
  emit_registers(e, 0, out);
  core_instances(e, out);
  core_valid(e, out);
  for (int i = 0; i < n->outputs.n; i++)
    fprintf(out, "  assign out_%s = %s;\n", n->outputs.at[i].name,
            net_bits_text(e, n->outputs.at[i].node, e->schedule->latency, 0,
                          net_width(n, n->outputs.at[i].node)));
  fprintf(out, "endmodule\n");
}
