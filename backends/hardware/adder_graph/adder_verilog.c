/* adder_verilog.c: a scheduled graph as Verilog-2005.
 *
 * One module a stage keeps modules small: simulators compile them fast, and a reader finds a value by its
 * stage. x<i> is input i, n<k> value k; in a stage, <value>_q is its register at the end of the stage. The
 * top module joins the stages; <value>_<k> there is the value at the end of stage k. */
#include "backends/hardware/adder_graph/adder_verilog.h"

#include <string.h>

static char letter(const struct adder_graph *g, int v) {
  return v < g->inputs ? 'x' : 'n';
}

/* Registers at the end of stage k hold v. */
static bool is_held(const struct adder_schedule *s, int v, int k) {
  return s->stage[v] <= k && s->last[v] >= k;
}

static bool is_made(const struct adder_file *f, int v) {
  return v >= f->graph->inputs && f->schedule->stage[v] == f->stage;
}

static int values_of(const struct adder_file *f) {
  return f->graph->inputs + f->graph->nodes;
}

/* Outputs that are negated get a register of their own in the last stage. */
static bool negates(const struct adder_file *f, int j, int stage) {
  return f->graph->output[j].negative && stage == f->schedule->stages;
}

/* `v` with `bits` bits, sign-extended. */
static void print_wide(FILE *out, const struct adder_graph *g, int v, int bits) {
  int width = g->value[v].width, more = bits - width;
  char c = letter(g, v);
  if (more <= 0)
    fprintf(out, "%c%d", c, v);
  else if (more == 1)
    fprintf(out, "{%c%d[%d], %c%d}", c, v, width - 1, c, v);
  else
    fprintf(out, "{{%d{%c%d[%d]}}, %c%d}", more, c, v, width - 1, c, v);
}

static void print_sum(FILE *out, const struct adder_graph *g, const struct adder_value *v) {
  for (int k = 0; k < ADDER_OPERANDS && v->in[k].value >= 0; k++) {
    if (k > 0 || v->in[k].negative)
      fputs(v->in[k].negative ? " - " : " + ", out);
    print_wide(out, g, v->in[k].value, v->width);
  }
}

/* ---- a stage ------------------------------------------------------------------------------------------ */

/* An input that something depends on. */
static bool is_used_input(const struct adder_file *f, int v) {
  if (v >= f->graph->inputs || f->schedule->last[v] >= 0)
    return v < f->graph->inputs;
  for (int j = 0; j < f->graph->outputs; j++) /* of one stage only: negated right before the registers */
    if (f->graph->output[j].value == v)
      return true;
  return false;
}

/* What stage k takes: all that the registers before it hold; stage 0 the inputs that anything uses. */
static bool is_taken(const struct adder_file *f, int v, int k) {
  return k == 0 ? is_used_input(f, v) : is_held(f->schedule, v, k - 1);
}

static void print_stage_ports(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  fprintf(out, "module %s__stage%d (\n  input wire clk,\n  input wire ce", f->module, f->stage);
  for (int v = 0; v < values_of(f); v++)
    if (is_taken(f, v, f->stage))
      fprintf(out, ",\n  input wire signed [%d:0] %c%d", g->value[v].width - 1, letter(g, v), v);
  for (int v = 0; v < values_of(f); v++)
    if (is_held(f->schedule, v, f->stage))
      fprintf(out, ",\n  output reg signed [%d:0] %c%d_q", g->value[v].width - 1, letter(g, v), v);
  for (int j = 0; j < g->outputs; j++)
    if (negates(f, j, f->stage))
      fprintf(out, ",\n  output reg signed [%d:0] y%d_q", adder_graph_output_width(g, j) - 1, j);
  fprintf(out, "\n);\n");
}

static void print_registers(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  fprintf(out, "  always @(posedge clk)\n    if (ce) begin\n");
  for (int v = 0; v < values_of(f); v++)
    if (is_held(f->schedule, v, f->stage))
      fprintf(out, "      %c%d_q <= %c%d;\n", letter(g, v), v, letter(g, v), v);
  for (int j = 0; j < g->outputs; j++)
    if (negates(f, j, f->stage)) {
      fprintf(out, "      y%d_q <= -", j);
      print_wide(out, g, g->output[j].value, adder_graph_output_width(g, j));
      fprintf(out, ";\n");
    }
  fprintf(out, "    end\n");
}

/* Value and register are the same wire name with and without _q, so that both ends read alike. */
static void write_stage(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  int made = 0, held = 0;
  for (int v = 0; v < values_of(f); v++) {
    made += is_made(f, v);
    held += is_held(f->schedule, v, f->stage);
  }
  fprintf(out, "// Stage %d of %d of %s: %d adders, %d values into registers.\n", f->stage,
          f->schedule->stages, f->module, made, held);
  print_stage_ports(f, out);
  for (int v = g->inputs; v < values_of(f); v++)
    if (is_made(f, v)) {
      fprintf(out, "  wire signed [%d:0] n%d = ", g->value[v].width - 1, v);
      print_sum(out, g, &g->value[v]);
      fprintf(out, "; // %lld .. %lld\n", (long long)g->value[v].lo, (long long)g->value[v].hi);
    }
  print_registers(f, out);
  fprintf(out, "endmodule\n");
}

/* ---- the top ------------------------------------------------------------------------------------------ */

int verilog_output_width(const struct adder_graph *g) {
  int width = 1;
  for (int j = 0; j < g->outputs; j++)
    if (adder_graph_output_width(g, j) > width)
      width = adder_graph_output_width(g, j);
  return width;
}

int verilog_input_bits(const struct adder_graph *g, int before) {
  int bits = 0;
  for (int i = 0; i < before; i++)
    bits += g->value[i].width;
  return bits;
}

static void print_header(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  const struct adder_schedule *s = f->schedule;
  fprintf(out,
          "// y = x * M for a constant ternary matrix M of %d inputs (rows) and %d outputs (columns).\n"
          "// %d adders, %lld adder bits, %lld register bits.\n"
          "// A new x in every clock with ce; y is there %d such clocks later: %d stages of up to %d adders "
          "in a\n"
          "// row after the input registers. Without ce everything stands still. There is no reset.\n"
          "//   x  the inputs side by side, input 0 lowest, signed, each as wide as its range needs\n"
          "//   y  the outputs side by side, output 0 lowest, signed, %d bits each\n",
          g->inputs, g->outputs, g->nodes, (long long)g->adder_bits, (long long)s->register_bits, s->latency,
          s->stages, s->levels, verilog_output_width(g));
}

static void print_wires(const struct adder_file *f, FILE *out, int k) {
  const struct adder_graph *g = f->graph;
  for (int v = 0; v < values_of(f); v++)
    if (is_held(f->schedule, v, k))
      fprintf(out, "  wire signed [%d:0] %c%d_%d;\n", g->value[v].width - 1, letter(g, v), v, k);
  for (int j = 0; j < g->outputs; j++)
    if (negates(f, j, k))
      fprintf(out, "  wire signed [%d:0] y%d_%d;\n", adder_graph_output_width(g, j) - 1, j, k);
}

static void print_instance(const struct adder_file *f, FILE *out, int k) {
  const struct adder_graph *g = f->graph;
  fprintf(out, "  %s__stage%d stage%d (\n    .clk(clk), .ce(ce)", f->module, k, k);
  for (int v = 0; v < values_of(f); v++) {
    char c = letter(g, v);
    if (is_taken(f, v, k) && k == 0) {
      int at = verilog_input_bits(g, v);
      fprintf(out, ",\n    .x%d(x[%d:%d])", v, at + g->value[v].width - 1, at);
    } else if (is_taken(f, v, k)) {
      fprintf(out, ",\n    .%c%d(%c%d_%d)", c, v, c, v, k - 1);
    }
    if (is_held(f->schedule, v, k))
      fprintf(out, ",\n    .%c%d_q(%c%d_%d)", c, v, c, v, k);
  }
  for (int j = 0; j < g->outputs; j++)
    if (negates(f, j, k))
      fprintf(out, ",\n    .y%d_q(y%d_%d)", j, j, k);
  fprintf(out, "\n  );\n");
}

static void print_outputs(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  int width = verilog_output_width(g), last = f->schedule->stages;
  for (int j = 0; j < g->outputs; j++) {
    int own = adder_graph_output_width(g, j), v = g->output[j].value;
    char name[40];
    fprintf(out, "  assign y[%d:%d] = ", (j + 1) * width - 1, j * width);
    if (v < 0) {
      fprintf(out, "%d'd0;\n", width);
      continue;
    }
    if (g->output[j].negative)
      snprintf(name, sizeof name, "y%d_%d", j, last);
    else
      snprintf(name, sizeof name, "%c%d_%d", letter(g, v), v, last);
    if (width > own)
      fprintf(out, "{{%d{%s[%d]}}, %s};\n", width - own, name, own - 1, name);
    else
      fprintf(out, "%s;\n", name);
  }
}

/* Inputs that no output depends on; the clock, where nothing is stored. */
static void print_unused(const struct adder_file *f, FILE *out, bool clocked) {
  const struct adder_graph *g = f->graph;
  bool any = !clocked;
  for (int i = 0; i < g->inputs; i++)
    any |= !is_used_input(f, i);
  if (!any)
    return;
  fprintf(out, "  wire unused = &{1'b0");
  if (!clocked)
    fprintf(out, ", clk, ce");
  for (int i = 0; i < g->inputs; i++)
    if (!is_used_input(f, i))
      fprintf(out, ", x[%d:%d]", verilog_input_bits(g, i + 1) - 1, verilog_input_bits(g, i));
  fprintf(out, "};\n");
}

static bool stores(const struct adder_file *f) {
  for (int j = 0; j < f->graph->outputs; j++)
    if (f->graph->output[j].value >= 0)
      return true;
  return false;
}

static void write_top(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  bool clocked = stores(f);
  print_header(f, out);
  fprintf(out,
          "module %s (\n  input wire clk,\n  input wire ce,\n  input wire [%d:0] x,\n  output wire [%d:0] "
          "y\n);\n",
          f->module, verilog_input_bits(g, g->inputs) - 1, g->outputs * verilog_output_width(g) - 1);
  print_unused(f, out, clocked);
  for (int k = 0; clocked && k <= f->schedule->stages; k++) {
    print_wires(f, out, k);
    print_instance(f, out, k);
  }
  print_outputs(f, out);
  fprintf(out, "endmodule\n");
}

/* ---- files -------------------------------------------------------------------------------------------- */

const struct adder_file *adder_graph_verilog(struct adder_graph *g, const struct adder_schedule *s,
                                             const int8_t *matrix, const char *name, int *n) {
  struct arena *a = &g->arena;
  struct adder_file *file = arena_array(a, struct adder_file, s->stages + 4);
  struct adder_file common = {.graph = g, .schedule = s, .matrix = matrix, .module = arena_strdup(a, name)};
  int count = 0;
  file[count] = common;
  file[count].name = arena_printf(a, "%s.v", name);
  file[count++].write = write_top;
  for (int k = 0; k <= s->stages && stores(&common); k++) {
    file[count] = common;
    file[count].stage = k;
    file[count].name = arena_printf(a, "%s__stage%d.v", name, k);
    file[count++].write = write_stage;
  }
  file[count] = common;
  file[count].name = arena_printf(a, "%s_test.v", name);
  file[count++].write = verilog_write_test;
  file[count] = common;
  file[count].name = arena_printf(a, "%s_test.hex", name);
  file[count++].write = verilog_write_matrix;
  *n = count;
  return file;
}
