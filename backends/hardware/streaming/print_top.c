/* print_top.c: the module that a design instantiates: AXI4-Stream tokens in and out, AXI4-Lite registers, an
 * AXI4 read master for the weights, around NAME__core. */
#include "backends/hardware/streaming/printer.h"

#include "ir/layout.h"

static void print_ports(struct hw_printer *p) {
  int sequence = sequence_bits(p->h), bits = p->h->word_bits;
  static const char *const lite[] = {"input  wire [11:0] s_axil_awaddr", "input  wire s_axil_awvalid",
                                     "output wire s_axil_awready",       "input  wire [31:0] s_axil_wdata",
                                     "input  wire [3:0] s_axil_wstrb",   "input  wire s_axil_wvalid",
                                     "output wire s_axil_wready",        "output wire [1:0] s_axil_bresp",
                                     "output wire s_axil_bvalid",        "input  wire s_axil_bready",
                                     "input  wire [11:0] s_axil_araddr", "input  wire s_axil_arvalid",
                                     "output wire s_axil_arready",       "output wire [31:0] s_axil_rdata",
                                     "output wire [1:0] s_axil_rresp",   "output wire s_axil_rvalid",
                                     "input  wire s_axil_rready"};
  v_line(p, "input  wire clk,");
  v_line(p, "input  wire aresetn,");
  v_comment(p, "AXI4-Lite: tern_axil.v has the map");
  for (size_t i = 0; i < sizeof lite / sizeof *lite; i++)
    v_line(p, "%s,", lite[i]);
  v_comment(p, "AXI4-Stream in: a token; tuser: its sequence; tlast: the sequence ends with it");
  v_line(p, "input  wire [31:0] s_axis_tdata,");
  v_line(p, "input  wire [%d:0] s_axis_tuser,", sequence - 1);
  v_line(p, "input  wire s_axis_tlast,");
  v_line(p, "input  wire s_axis_tvalid,");
  v_line(p, "output wire s_axis_tready,");
  v_comment(p, "AXI4-Stream out: the best tokens, best first: number in the low half, score above; tlast: "
               "the sequence's last");
  v_line(p, "output wire [63:0] m_axis_tdata,");
  v_line(p, "output wire [%d:0] m_axis_tuser,", sequence - 1);
  v_line(p, "output wire m_axis_tlast,");
  v_line(p, "output wire m_axis_tvalid,");
  v_line(p, "input  wire m_axis_tready,");
  v_comment(p, "AXI4-Stream out: every logit, in order; tie tready high to leave them out");
  v_line(p, "output wire [31:0] m_axis_logits_tdata,");
  v_line(p, "output wire [%d:0] m_axis_logits_tuser,", sequence - 1);
  v_line(p, "output wire m_axis_logits_tlast,");
  v_line(p, "output wire m_axis_logits_tvalid,");
  v_line(p, "input  wire m_axis_logits_tready,");
  v_comment(p, "AXI4 read master: the weight image");
  v_line(p, "output wire [39:0] m_axi_araddr,");
  v_line(p, "output wire [7:0] m_axi_arlen,");
  v_line(p, "output wire [2:0] m_axi_arsize,");
  v_line(p, "output wire [1:0] m_axi_arburst,");
  v_line(p, "output wire [3:0] m_axi_arcache,");
  v_line(p, "output wire [2:0] m_axi_arprot,");
  v_line(p, "output wire m_axi_arvalid,");
  v_line(p, "input  wire m_axi_arready,");
  v_line(p, "input  wire [%d:0] m_axi_rdata,", bits - 1);
  v_line(p, "input  wire [1:0] m_axi_rresp,");
  v_line(p, "input  wire m_axi_rlast,");
  v_line(p, "input  wire m_axi_rvalid,");
  v_line(p, "output wire m_axi_rready");
}

static void print_registers(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_line(p,
         "tern_axil #(.COUNTERS(6), .VERSION(1), .LANES(%d), .VECTOR(%d), .BATCH(%d), .LAYOUT(32'h%08x), "
         ".STATE_WORDS(%lld))",
         h->options.lanes, h->options.vector, h->options.sequences, design_layout(h),
         (long long)(state_elements(h) * h->options.sequences));
  v_line(p, "registers (.clk(clk), .aresetn(aresetn),");
  p->indent++;
  static const char *const names[] = {"awaddr",  "awvalid", "awready", "wdata",  "wstrb",  "wvalid",
                                      "wready",  "bresp",   "bvalid",  "bready", "araddr", "arvalid",
                                      "arready", "rdata",   "rresp",   "rvalid", "rready"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    v_line(p, ".s_axil_%s(s_axil_%s),", names[i], names[i]);
  v_line(p, ".run(run), .clear_state(clear), .clear_error(clear_error), .weights_address(weights),");
  v_line(p, ".busy(busy), .bus_error(bus_error), .clearing(clearing), .events(events),");
  v_line(p, ".state_request(state_request), .state_write(state_write), .state_address(state_address),");
  v_line(p, ".state_wdata(state_wdata), .state_rdata(state_rdata), .state_error(state_error), "
            ".state_done(state_done));");
  p->indent--;
}

static void print_reader(struct hw_printer *p) {
  v_line(p,
         "tern_axi_reader #(.ADDRESS(40), .DATA(%d), .SIZE(32), .DEPTH(%d), .BURST(%d)) reader (.clk(clk), "
         ".aresetn(aresetn),",
         p->h->word_bits, READER_DEPTH, READER_BURST);
  p->indent++;
  v_line(p, ".cmd_address(weights[39:0] + fetch_offset), .cmd_bytes(fetch_bytes), .cmd_valid(fetch_valid), "
            ".cmd_ready(fetch_ready),");
  v_line(p, ".m_data(w_data), .m_last(unused_last), .m_valid(w_valid), .m_ready(w_ready), "
            ".busy(unused_busy), .error(bus_error), "
            ".clear_error(clear_error),");
  static const char *const names[] = {"araddr",  "arlen", "arsize", "arburst", "arcache", "arprot", "arvalid",
                                      "arready", "rdata", "rresp",  "rlast",   "rvalid",  "rready"};
  int n = sizeof names / sizeof *names;
  for (int i = 0; i < n; i++)
    v_line(p, ".m_axi_%s(m_axi_%s)%s", names[i], names[i], i + 1 < n ? "," : ");");
  p->indent--;
}

/* Between the registers, the reader and the core. */
static void declare_wires(struct hw_printer *p) {
  v_line(p, "wire run;");
  v_line(p, "wire clear;");
  v_line(p, "wire clear_error;");
  v_line(p, "wire busy;");
  v_line(p, "wire bus_error;");
  v_line(p, "wire clearing;");
  v_line(p, "wire [63:0] weights;");
  v_line(p, "wire unused = &{1'b0, weights[63:40]};");
  v_line(p, "wire unused_last, unused_busy;");
  v_line(p, "wire [5:0] events;");
  v_line(p, "wire state_request;");
  v_line(p, "wire state_write;");
  v_line(p, "wire [31:0] state_address;");
  v_line(p, "wire [31:0] state_wdata;");
  v_line(p, "wire [31:0] state_rdata;");
  v_line(p, "wire state_error;");
  v_line(p, "wire state_done;");
  v_line(p, "wire [39:0] fetch_offset;");
  v_line(p, "wire [31:0] fetch_bytes;");
  v_line(p, "wire fetch_valid;");
  v_line(p, "wire fetch_ready;");
  v_line(p, "wire [%d:0] w_data;", p->h->word_bits - 1);
  v_line(p, "wire w_valid;");
  v_line(p, "wire w_ready;");
}

static void print_core_instance(struct hw_printer *p) {
  v_line(p,
         "%s__core core (.clk(clk), .aresetn(aresetn), .run(run), .clear(clear), .busy(busy), "
         ".clearing(clearing),",
         p->h->name);
  p->indent++;
  v_line(p, ".token_data(s_axis_tdata), .token_sequence(s_axis_tuser), .token_last(s_axis_tlast), "
            ".token_valid(s_axis_tvalid),");
  v_line(p, ".token_ready(s_axis_tready), .best_data(m_axis_tdata), .best_sequence(m_axis_tuser), "
            ".best_last(m_axis_tlast),");
  v_line(p, ".best_valid(m_axis_tvalid), .best_ready(m_axis_tready), .logit_data(m_axis_logits_tdata),");
  v_line(p, ".logit_sequence(m_axis_logits_tuser), .logit_last(m_axis_logits_tlast), "
            ".logit_valid(m_axis_logits_tvalid),");
  v_line(p, ".logit_ready(m_axis_logits_tready), .fetch_offset(fetch_offset), .fetch_bytes(fetch_bytes),");
  v_line(p, ".fetch_valid(fetch_valid), .fetch_ready(fetch_ready), .w_data(w_data), .w_valid(w_valid), "
            ".w_ready(w_ready),");
  v_line(p, ".state_request(state_request), .state_write(state_write), .state_address(state_address),");
  v_line(p, ".state_wdata(state_wdata), .state_rdata(state_rdata), .state_error(state_error), "
            ".state_done(state_done),");
  v_line(p, ".events(events));");
  p->indent--;
}

void print_top(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_comment(
      p, arena_printf(p->a, "%s: %s as a streaming machine with AXI interfaces.", h->name, h->module->name));
  v_comment(
      p, arena_printf(
             p->a,
             "Tokens in, best tokens out; %lld words of %d bits of weights a step, %lld clocks when memory "
             "delivers one word a clock. manifest.json has all numbers.",
             (long long)h->step_words, h->word_bits, (long long)h->step_cycles));
  v_line(p, "module %s (", h->name);
  p->indent++;
  print_ports(p);
  p->indent--;
  v_line(p, ");");
  p->indent++;
  declare_wires(p);
  print_registers(p);
  print_reader(p);
  print_core_instance(p);
  p->indent--;
  v_line(p, "endmodule");
}
