/* print_phase.c: the pipeline of one phase: what its lanes have in common, then a module for a lane. */
#include "backends/hardware/streaming/phase.h"

#include <stdlib.h>

/* Vectors that lanes fill. */
static void declare_vectors(struct hw_printer *p) {
  int lanes = p->p->lanes;
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    bool leaves = (n->held && n->wide && n->kind != HW_NODE_HELD) || (n->kind == HW_NODE_ACC && n->across);
    if (leaves)
      v_line(p, "wire [%d:0] %s_all;", lanes * node_width(n) - 1, node_name(p->a, p->u, n));
    if (n->kind == HW_NODE_ACC && n->across && p->p->levels[n->acc_level - 1]->extent % lanes) {
      const struct hw_level *v = p->p->levels[n->acc_level - 1];
      const char *last = v->steps == 1 ? "1'b1"
                                       : arena_printf(p->a, "%s == %s", phase_counter(p, v),
                                                      literal(p->a, v->steps - 1, address_bits(v->steps)));
      const char *name = arena_printf(p->a, "%s_tails", node_name(p->a, p->u, n));
      const char *tail = phase_flag_later(p, name, last, n->time - n->latency);
      v_line(p, "wire %s_tail = %s;", node_name(p->a, p->u, n), tail);
    }
  }
  for (int i = 0; i < p->p->stores.n; i++) {
    const struct hw_store *s = p->p->stores.at[i];
    if (store_in_lanes(s))
      v_line(p, "wire [%d:0] %s_data;", lanes * s->buffer->bits - 1, store_name(p->a, p->p, s));
  }
}

static bool in_lanes(const struct hw_node *n) {
  return n->wide || (n->kind == HW_NODE_ACC && n->across);
}

static bool any_lanes(const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++)
    if (in_lanes(p->nodes.at[i]) && p->nodes.at[i]->kind != HW_NODE_HELD)
      return true;
  for (int i = 0; i < p->stores.n; i++)
    if (store_in_lanes(p->stores.at[i]))
      return true;
  return false;
}

static bool needs_lane_number(const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++)
    if (p->nodes.at[i]->kind == HW_NODE_INDEX && p->nodes.at[i]->wide)
      return true;
  return false;
}

bool phase_has_lanes(const struct hw_phase *p) {
  return any_lanes(p);
}

const char *lane_module(struct arena *a, const struct hw_unit *u, const struct hw_phase *p) {
  return arena_printf(a, "%s_p%d_lane", u->module, p->id);
}

/* What is done in each lane; p->lane collects what goes in and out. */
static void print_lane_body(struct hw_printer *p) {
  if (needs_lane_number(p->p)) {
    int bits = address_bits(p->p->lanes);
    from_outside(p, "LANE", bits, true,
                 arena_printf(p->a, "p%d_lane_number[lane * %d +: %d]", p->p->id, bits, bits));
  }
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    if (n->kind == HW_NODE_ACC && n->across)
      print_acc_part(p, n);
    else if (n->kind == HW_NODE_ACC && n->wide)
      print_acc(p, n, acc_element(p, n));
    else if (n->wide)
      print_node(p, n);
  }
  for (int i = 0; i < p->p->stores.n; i++) {
    const struct hw_store *s = p->p->stores.at[i];
    int width = s->buffer->bits;
    if (!store_in_lanes(s))
      continue;
    const char *name = store_name(p->a, p->p, s);
    const char *to = to_outside(p, arena_printf(p->a, "%s_mine", name), width,
                                arena_printf(p->a, "%s_data[lane * %d +: %d]", name, width, width));
    v_line(p, "assign %s = %s;", to, phase_wide(p, s->value, s->time, width));
  }
}

/* The lane's text goes to memory first: only then its ports are known. */
static char *lane_text(struct hw_printer *p, struct lane_ports *ports) {
  char *text = NULL;
  size_t length;
  FILE *out = p->out, *memory = or_die(open_memstream(&text, &length));
  p->out = memory;
  p->lane = ports;
  print_lane_body(p);
  p->lane = NULL;
  p->out = out;
  return or_die(fclose(memory) == 0 ? text : NULL);
}

static const char *range_text(const struct hw_printer *p, int width, bool truth) {
  if (truth && width == 1)
    return "";
  return arena_printf(p->a, "%s[%d:0] ", truth ? "" : "signed ", width - 1);
}

void print_lane(struct hw_printer *p, const struct hw_unit *u, const struct hw_phase *phase) {
  struct lane_ports ports = {0};
  p->u = u;
  p->p = phase;
  p->indent = 1;
  char *text = lane_text(p, &ports);
  p->indent = 0;
  const char *name = lane_module(p->a, u, phase);
  v_comment(p, arena_printf(p->a, "%s: one of %d lanes of phase %d of %s, a pipeline of %d clocks.", name,
                            phase->lanes, phase->id, u->name, phase->depth));
  v_line(p, "module %s (", name);
  v_line(p, "  input  wire clk,");
  v_line(p, "  input  wire aresetn,");
  for (int i = 0; i < ports.list.n; i++) {
    const struct lane_port *port = &ports.list.at[i];
    v_line(p, "  %s wire %s%s%s", port->out ? "output" : "input ", range_text(p, port->width, port->truth),
           port->name, i + 1 < ports.list.n ? "," : "");
  }
  v_line(p, ");");
  fputs(text, p->out);
  v_line(p, "  wire unused = &{1'b0, clk, aresetn};");
  v_line(p, "endmodule");
  free(text);
}

static void print_lanes(struct hw_printer *p) {
  struct lane_ports ports = {0};
  int lanes = p->p->lanes, id = p->p->id, bits = address_bits(lanes);
  free(lane_text(p, &ports));
  if (needs_lane_number(p->p)) {
    const char *list = "";
    for (int k = 0; k < lanes; k++)
      list = arena_printf(p->a, "%s%s%s", literal(p->a, k, bits), k ? ", " : "", list);
    v_line(p, "wire [%d:0] p%d_lane_number = {%s};", bits * lanes - 1, id, list);
  }
  v_line(p, "genvar lane%d;", id);
  v_line(p, "generate for (lane%d = 0; lane%d < %d; lane%d = lane%d + 1) begin : p%d_lane", id, id, lanes, id,
         id, id);
  p->indent++;
  v_line(p, "localparam lane = lane%d;", id);
  v_line(p, "%s one (.clk(clk), .aresetn(aresetn),", lane_module(p->a, p->u, p->p));
  for (int i = 0; i < ports.list.n; i++) {
    const struct lane_port *port = &ports.list.at[i];
    v_line(p, "  .%s(%s)%s", port->name, port->connection, i + 1 < ports.list.n ? "," : ");");
  }
  p->indent--;
  v_line(p, "end endgenerate");
}

static void print_scalars(struct hw_printer *p, bool after) {
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    if (n->wide || n->late != after)
      continue;
    if (n->kind == HW_NODE_ACC)
      print_acc(p, n, n->across ? print_tree(p, n) : acc_element(p, n));
    else
      print_node(p, n);
  }
}

/* Scalars, lanes, then what comes of accumulators over the lanes: names are declared before they are used. */
void print_phase(struct hw_printer *p, const struct hw_phase *phase) {
  p->p = phase;
  for (int i = 0; i < phase->nodes.n; i++)
    if (phase->nodes.at[i]->kind == HW_NODE_LOAD && phase->nodes.at[i]->buffer->place != HW_TOKEN)
      print_address(p, phase->nodes.at[i]);
  declare_vectors(p);
  print_scalars(p, false);
  if (phase_has_lanes(phase))
    print_lanes(p);
  print_scalars(p, true);
  for (int i = 0; i < phase->stores.n; i++)
    print_store(p, phase->stores.at[i]);
}
