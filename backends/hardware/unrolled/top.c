/* top.c: the design's top module: AXI4-Stream around the core. */
#include "backends/hardware/unrolled/unrolled.h"

#include "backends/hardware/rtl/verilog_text.h"
#include "backends/hardware/unrolled/emission.h"

static int bytes_of(int bits) {
  return (bits + 7) / 8 * 8;
}

void unrolled_streams(const struct netlist *n, const struct schedule *s, struct unrolled_streams *t) {
  *t = (struct unrolled_streams){.sequence_bits = address_bits(s->interleave)};
  for (ref r = 0; r < n->nodes.n; r++)
    if (net_at(n, r)->kind == NET_TOKEN)
      t->token_bits = net_width(n, r);
  for (int i = 0; i < t->token_bits || i == 0; i++)
    t->token_data = bytes_of(i + 1);
  t->results = n->outputs.n - 1; /* the last one is `last` */
  for (int i = 0; i < t->results; i++) {
    int w = net_width(n, n->outputs.at[i].node) + !net_signed(n, n->outputs.at[i].node);
    t->field = bytes_of(w) > t->field ? bytes_of(w) : t->field;
  }
}

static void header(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  const struct schedule *s = e->schedule;
  fprintf(out, "// %s: a model with its weights in it, one token a clock.\n//\n", e->top);
  fprintf(out,
          "// s_axis: a token in tdata[%d:0]; tuser = {first, sequence}: first marks the first token of a "
          "sequence, whose\n",
          (t->token_bits ? t->token_bits : 1) - 1);
  fprintf(out, "// state then begins anew. ");
  if (s->interleave > 1)
    fprintf(out,
            "%d sequences take turns, one a clock: a token is taken in its sequence's turn, so a source "
            "that\n// goes round the sequences 0 to %d is served every clock.\n",
            s->interleave, s->interleave - 1);
  else
    fprintf(out, "The sequence is 0: a state is ready for the next token a clock later.\n");
  fprintf(out,
          "// m_axis: %d result%s of %d bits each, two's complement, the first one lowest; tuser = the "
          "sequence, tlast as it came\n// with the token.\n",
          t->results, t->results == 1 ? "" : "s", t->field);
  fprintf(
      out,
      "// Latency %d clocks from a token's handshake to its result when nothing stalls. A result that is not "
      "taken stops\n// the pipeline as a whole; every clock in which it moves takes a token or a bubble.\n",
      s->latency + 2);
}

static bool has(const struct emission *e, enum net_node_kind kind) {
  for (ref r = 0; r < e->net->nodes.n; r++)
    if (e->name[r] && net_at(e->net, r)->kind == kind)
      return true;
  return false;
}

static void ports(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  bool first = has(e, NET_FIRST);
  fprintf(out, "module %s (\n  input  wire aclk,\n  input  wire aresetn,\n", e->top);
  if (t->token_bits < t->token_data)
    fprintf(out, "  /* verilator lint_off UNUSEDSIGNAL */ // bytes are wider than a token\n");
  fprintf(out, "  input  wire [%d:0] s_axis_tdata,\n", t->token_data - 1);
  if (t->token_bits < t->token_data)
    fprintf(out, "  /* verilator lint_on UNUSEDSIGNAL */\n");
  if (!first)
    fprintf(out, "  /* verilator lint_off UNUSEDSIGNAL */ // without a state nothing begins anew\n");
  fprintf(out, "  input  wire [%d:0] s_axis_tuser,\n", t->sequence_bits);
  if (!first)
    fprintf(out, "  /* verilator lint_on UNUSEDSIGNAL */\n");
  fprintf(out, "  input  wire s_axis_tlast,\n  input  wire s_axis_tvalid,\n  output wire s_axis_tready,\n");
  fprintf(
      out,
      "  output wire [%d:0] m_axis_tdata,\n  output wire [%d:0] m_axis_tuser,\n  output wire m_axis_tlast,\n"
      "  output wire m_axis_tvalid,\n  input  wire m_axis_tready\n);\n",
      t->results * t->field - 1, t->sequence_bits - 1);
}

/* A counter of turns: which sequence's turn it is at the entrance, and at the exit. */
static void turns(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  int c = e->schedule->interleave, w = t->sequence_bits;
  int exit = (c - (e->schedule->latency + 1) % c) % c;
  if (c == 1) {
    fprintf(out, "  wire turn = 1'd0, out_turn = 1'd0;\n");
    return;
  }
  fprintf(out,
          "  reg [%d:0] turn, out_turn; // whose clock it is where tokens enter, and where results leave\n",
          w - 1);
  fprintf(
      out,
      "  always @(posedge aclk)\n    if (!aresetn) begin\n      turn <= %d'd0;\n      out_turn <= %d'd%d;\n"
      "    end else if (ce) begin\n",
      w, w, exit);
  for (int k = 0; k < 2; k++)
    fprintf(out, "      %s <= %s == %d'd%d ? %d'd0 : %s + %d'd1;\n", k ? "out_turn" : "turn",
            k ? "out_turn" : "turn", w, c - 1, w, k ? "out_turn" : "turn", w);
  fprintf(out, "    end\n");
}

/* The registers of stage 0, and the core. */
static void entrance(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  bool token = has(e, NET_TOKEN), first = has(e, NET_FIRST);
  int w = t->sequence_bits;
  fprintf(out, "\n  wire taken = s_axis_tvalid & (s_axis_tuser[%d:0] == turn);\n", w - 1);
  fprintf(out, "  assign s_axis_tready = ce & (s_axis_tuser[%d:0] == turn);\n\n", w - 1);
  if (token)
    fprintf(out, "  reg [%d:0] token;\n", t->token_bits - 1);
  fprintf(out,
          "  reg valid, %slast;\n  always @(posedge aclk)\n    if (!aresetn)\n      valid <= 1'd0;\n"
          "    else if (ce)\n      valid <= taken;\n  always @(posedge aclk) if (ce) begin\n",
          first ? "first, " : "");
  if (token)
    fprintf(out, "    token <= s_axis_tdata[%d:0];\n", t->token_bits - 1);
  if (first)
    fprintf(out, "    first <= s_axis_tuser[%d];\n", w);
  fprintf(out, "    last <= s_axis_tlast;\n  end\n");
}

static void core(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  const struct netlist *n = e->net;
  fprintf(out, "\n");
  for (int i = 0; i < n->outputs.n; i++)
    fprintf(out, "  wire [%d:0] out_%s;\n", net_width(n, n->outputs.at[i].node) - 1, n->outputs.at[i].name);
  fprintf(out, "  wire out_valid;\n  %s u_core (\n    .clk(aclk), .aresetn(aresetn), .ce(ce)",
          net_unit_module(e, 0));
  for (int k = NET_TOKEN; k <= NET_LAST; k++)
    if (has(e, (enum net_node_kind)k))
      fprintf(out, ", .%s(%s)", node_kind_name((enum net_node_kind)k), node_kind_name((enum net_node_kind)k));
  for (int i = 0; i < n->outputs.n; i++)
    fprintf(out, ",\n    .out_%s(out_%s)", n->outputs.at[i].name, n->outputs.at[i].name);
  fprintf(out, ",\n    .out_valid(out_valid)\n  );\n\n");
  int width = t->results * t->field;
  fprintf(out, "  wire [%d:0] results = {", width - 1);
  for (int i = t->results - 1; i >= 0; i--) {
    const char *name = n->outputs.at[i].name;
    int w = net_width(n, n->outputs.at[i].node), extra = t->field - w;
    const char *sign =
        net_signed(n, n->outputs.at[i].node) ? arena_printf(e->arena, "out_%s[%d]", name, w - 1) : "1'd0";
    if (extra)
      fprintf(out, "\n    {%d{%s}}, out_%s%s", extra, sign, name, i ? "," : "};\n");
    else
      fprintf(out, "\n    out_%s%s", name, i ? "," : "};\n");
  }
  fprintf(out,
          "  tern_skid #(.WIDTH(%d)) u_exit (\n    .clk(aclk), .aresetn(aresetn),\n"
          "    .s_data({out_last, out_turn, results}), .s_valid(out_valid), .s_ready(ce),\n"
          "    .m_data({m_axis_tlast, m_axis_tuser, m_axis_tdata}), .m_valid(m_axis_tvalid), "
          ".m_ready(m_axis_tready)\n  );\n",
          width + t->sequence_bits + 1);
}

void unrolled_emit_top(const struct emission *e, const struct unrolled_streams *t, FILE *out) {
  header(e, t, out);
  ports(e, t, out);
  fprintf(out, "  wire ce; // the pipeline moves\n");
  turns(e, t, out);
  entrance(e, t, out);
  core(e, t, out);
  fprintf(out, "endmodule\n");
}
