/* print_test_bench.c: the test bench: memory and streams around the design, and a check of everything that
 * units store. What does not depend on the model is sim/tern_memory.sv. */
#include "backends/hardware/streaming/test_bench.h"

#include "backends/lower/facts.h"
#include "support/escape.h"

static int64_t blocks_of(const struct hw_printer *p) {
  (void)p;
  return p->h->options.sequences;
}

/* ---- checks ---------------------------------------------------------------------------------------- */

static const char *array_of(const struct hw_printer *p, const struct hw_unit *u,
                            const struct bench_write *w) {
  return arena_printf(p->a, "x_%s_%s", u->name, w->buffer->name);
}

/* Element of the memory where the instance of this run begins. */
static const char *base_of(const struct hw_printer *p, const struct bench_write *w) {
  const struct state *s = w->buffer->state;
  if (!s || !s->stride)
    return "0";
  int64_t size = w->buffer->instance_words * p->h->options.vector;
  return arena_printf(p->a, "%lld + %lld * dut.core.row_i + %lld * dut.core.row_j",
                      (long long)((w->b->offset - s->offset) / s->stride * size),
                      (long long)(w->b->stride_i / s->stride * size),
                      (long long)(w->b->stride_j / s->stride * size));
}

/* The first difference is kept; report_fault, outside of this code, tells what it is. */
static void print_compare(struct hw_printer *p, const struct hw_unit *u, const struct bench_write *w,
                          const char *element, const char *sequence, const char *got) {
  const char *array = array_of(p, u, w);
  v_line(p, "expect_value = %s[%s * %lld + %s];", array, sequence, (long long)w->elements, element);
  v_line(p, "value = %s;", got);
  v_line(p, "if (value !== expect_value && fault == 0) begin");
  v_line(p, "  fault = 1;");
  v_line(p, "  fault_unit = %d;", u->id);
  v_line(p, "  fault_memory = %d;", w->buffer->id);
  v_line(p, "  fault_index = %s;", element);
  v_line(p, "  fault_sequence = %s;", sequence);
  v_line(p, "  fault_expected = expect_value;");
  v_line(p, "  fault_got = value;");
  v_line(p, "end");
  v_line(p, "%s_count = %s_count + 1;", array, array);
}

static void print_kernel_check(struct hw_printer *p, const struct hw_unit *u, const struct bench_write *w) {
  int bits = w->buffer->bits, lanes = p->h->options.vector;
  const char *bus = arena_printf(p->a, "dut.core.%s_%s", u->name, w->buffer->name);
  if (w->buffer->place == HW_LOGITS) {
    v_line(p, "if (dut.core.%s_logit_valid) begin", u->name);
    p->indent++;
    v_line(p, "element = {16'd0, 16'd0} | dut.core.%s_logit_index;", u->name);
    print_compare(p, u, w, "element", "turn", arena_printf(p->a, "$signed(dut.core.%s_logit_data)", u->name));
    p->indent--;
    v_line(p, "end");
    return;
  }
  v_line(p, "if (|%s_write)", bus);
  v_line(p, "  for (lane = 0; lane < %d; lane = lane + 1)", lanes);
  v_line(p, "    if (%s_write[lane]) begin", bus);
  p->indent += 3;
  v_line(p, "element = %s_write_address * %d + lane - (%s);", bus, lanes, base_of(p, w));
  const char *data = lanes > 1
                         ? arena_printf(p->a, "$signed(%s_write_data[lane * %d +: %d])", bus, bits, bits)
                         : arena_printf(p->a, "$signed(%s_write_data)", bus);
  print_compare(p, u, w, "element", "turn", data);
  p->indent -= 3;
  v_line(p, "    end");
}

static void print_sum_check(struct hw_printer *p, const struct hw_unit *u, const struct bench_write *w) {
  int bits = p->h->sum_bits;
  v_line(p, "if (dut.core.sum_valid && dut.core.unit == %d)", u->id);
  v_line(p, "  for (lane = 0; lane < %d; lane = lane + 1) begin", p->h->options.sequences);
  p->indent += 2;
  v_line(p, "element = dut.core.sum_element;");
  print_compare(p, u, w, "element", "lane",
                arena_printf(p->a, "$signed(dut.core.sum_data[lane * %d +: %d])", bits, bits));
  p->indent -= 2;
  v_line(p, "  end");
}

static void print_unit_check(struct hw_printer *p, const struct hw_unit *u) {
  struct bench_write *writes;
  int n = bench_writes(p->a, u, &writes);
  bool sum = u->kind == HW_UNIT_SUM;
  for (int k = 0; k < n; k++) {
    int64_t room = writes[k].elements * (sum ? blocks_of(p) : p->h->options.sequences);
    v_line(p, "reg [31:0] %s [0:%lld];", array_of(p, u, &writes[k]), (long long)room - 1);
    v_line(p, "integer %s_count;", array_of(p, u, &writes[k]));
  }
  v_line(p, "always @(posedge clk) begin");
  p->indent++;
  v_line(p, "if (checking && dut.core.start && dut.core.unit == %d) begin", u->id);
  for (int k = 0; k < n; k++) {
    const char *array = array_of(p, u, &writes[k]);
    v_line(p, "  if (all_units || %d) begin", writes[k].buffer->place == HW_LOGITS);
    if (sum)
      v_line(p, "    got_words = $fread(%s, expected_file, 0, %lld);", array,
             (long long)(writes[k].elements * p->h->options.sequences));
    else
      v_line(p, "    got_words = $fread(%s, expected_file, turn * %lld, %lld);", array,
             (long long)writes[k].elements, (long long)writes[k].elements);
    v_line(p, "    if (got_words != %lld) fault = 2;",
           (long long)(writes[k].elements * (sum ? p->h->options.sequences : 1)) * 4);
    v_line(p, "  end");
    v_line(p, "  %s_count = 0;", array);
  }
  v_line(p, "end");
  for (int k = 0; k < n; k++) {
    v_line(p, "if (checking && (all_units || %d)) begin", writes[k].buffer->place == HW_LOGITS);
    p->indent++;
    if (sum)
      print_sum_check(p, u, &writes[k]);
    else
      print_kernel_check(p, u, &writes[k]);
    const char *done = sum ? arena_printf(p->a, "dut.core.sum_done && dut.core.unit == %d", u->id)
                           : arena_printf(p->a, "dut.core.%s_done", u->name);
    v_line(p, "if (%s && %s_count != %lld)", done, array_of(p, u, &writes[k]),
           (long long)(writes[k].stored * (sum ? p->h->options.sequences : 1)));
    v_line(p, "begin");
    v_line(p, "  fault = 3;");
    v_line(p, "  fault_unit = %d;", u->id);
    v_line(p, "  fault_memory = %d;", writes[k].buffer->id);
    v_line(p, "end");
    p->indent--;
    v_line(p, "end");
  }
  p->indent--;
  v_line(p, "end");
  v_blank(p);
}

/* ---- the module ------------------------------------------------------------------------------------ */

static const char *const head =
    "  // +tokens=FILE     tokens, one a line (of a step for all sequences together)\n"
    "  // +generate=N      steps after them, each on the token that scored best before\n"
    "  // +weights=FILE    the image of the weights\n"
    "  // +expected=FILE   what units store, or with +only_logits what logits are; without: nothing is "
    "compared\n"
    "  // +logits=FILE     logits are written here, one a line\n"
    "  // +ends=N          sequence q ends with step N + q, as the numbers that are expected must know\n"
    "  // +save_restore=N  from step N on, before the next one: all states are read through the registers, "
    "cleared and written\n"
    "  //                  back\n"
    "  // +stalls=SEED     streams wait at random; +latency=N +gap=N: the memory's clocks before a burst, "
    "between words\n"
    "  // +trace=FILE      waveform\n"
    "  reg clk = 1'b0;\n"
    "  reg aresetn = 1'b0;\n"
    "  always #1 clk = !clk;\n"
    "\n"
    "  integer expected_file = 0, tokens_file = 0, logits_file = 0, got_words, code;\n"
    "  integer generate_steps = 0, end_step = 0, save_step = 0, seed = 0, lane, element;\n"
    "  reg checking = 1'b0, all_units = 1'b1, more_tokens = 1'b0, printing = 1'b1;\n"
    "  reg [8*1024-1:0] path;\n"
    "  reg [63:0] cycle = 64'd0, step_start = 64'd0;\n"
    "  reg [31:0] steps_done = 32'd0;\n"
    "  wire [31:0] turn = dut.core.seq;\n"
    "\n"
    "  integer fault = 0, fault_unit = 0, fault_memory = 0, fault_index = 0, fault_sequence = 0, "
    "fault_expected = 0;\n"
    "  integer fault_got = 0, expect_value = 0, value = 0;\n"
    "\n";

/* Tells the fault by names of the spec and ends the simulation. */
static void print_report(struct hw_printer *p) {
  v_line(p, "always @(negedge clk)");
  v_line(p, "  if (fault != 0) begin");
  p->indent += 2;
  v_line(p, "case (fault)");
  v_line(p, "  1: $write(\"FAIL a difference in \");");
  v_line(p, "  2: $write(\"FAIL the file of expected numbers is too short\");");
  v_line(p, "  3: $write(\"FAIL not all is stored of \");");
  v_line(p, "  4: $write(\"FAIL nothing happens any more\");");
  v_line(p, "  5: $write(\"FAIL more was expected than the design has stored\");");
  v_line(p, "  6: $write(\"FAIL a file cannot be opened: %%0s\", path);");
  v_line(p, "  8: $write(\"FAIL the registers: address %%0h answers %%0d, expected %%0d\", fault_index, "
            "fault_got, fault_expected);");
  v_line(p, "  9: $write(\"FAIL word %%0d of the states: expected %%0d, got %%0d\", fault_index, "
            "fault_expected, fault_got);");
  v_line(p, "  default: $write(\"FAIL +tokens=FILE is needed\");");
  v_line(p, "endcase");
  v_line(p, "if (fault == 1 || fault == 3)");
  v_line(p, "  case (fault_memory)");
  for (int i = 0; i < p->h->buffers.n; i++)
    v_line(p, "    %d: $write(\"%s\");", i, verilog_string(p->a, p->h->buffers.at[i]->spec, true));
  v_line(p, "    default: $write(\"a memory\");");
  v_line(p, "  endcase");
  v_line(
      p,
      "if (fault == 1) $write(\"[%%0d]: expected %%0d, got %%0d\", fault_index, fault_expected, fault_got);");
  v_line(p, "$display(\"\");");
  v_line(p, "if (fault == 1 || fault == 3)");
  v_line(p, "  case (fault_unit)");
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    const char *file = source_name(p->a, p->h->module, u->kernel->at.file);
    const char *what = u->kind == HW_UNIT_SUM ? arena_printf(p->a, "ternary sum of %s", u->weight->name)
                                              : arena_printf(p->a, "kernel %s", kernel_title(u->kernel));
    v_line(p, "    %d: $display(\"  unit %s: %s, %s line %u\");", i, u->name,
           verilog_string(p->a, what, true), verilog_string(p->a, file, true), (unsigned)u->kernel->at.line);
  }
  v_line(p, "    default: $display(\"  unit %%0d\", fault_unit);");
  v_line(p, "  endcase");
  v_line(p, "$display(\"  layer %%0d, inner %%0d, sequence %%0d, step %%0d, cycle %%0d\", dut.core.row_i, "
            "dut.core.row_j, fault_sequence, steps_done, cycle);");
  v_line(p, "$fatal(1);");
  p->indent -= 2;
  v_line(p, "  end");
  v_blank(p);
}

/* An instance with its AXI4-Lite ports; other ports follow where `prefix` says that it is the design. */
static void print_bus(struct hw_printer *p, const char *instance, const char *prefix) {
  static const char *const names[] = {"awaddr",  "awvalid", "awready", "wdata",  "wstrb",  "wvalid",
                                      "wready",  "bresp",   "bvalid",  "bready", "araddr", "arvalid",
                                      "arready", "rdata",   "rresp",   "rvalid", "rready"};
  int n = sizeof names / sizeof *names;
  v_line(p, "%s (.clk(clk),", instance);
  for (int i = 0; i < n; i++)
    v_line(p, "  .%s%s(bus_%s)%s", prefix, names[i], names[i], i + 1 < n || *prefix ? "," : ");");
}

static void print_dut(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int sequence = sequence_bits(h), bits = h->word_bits;
  v_line(p, "wire [11:0] bus_awaddr, bus_araddr;");
  v_line(p, "wire [31:0] bus_wdata, bus_rdata;");
  v_line(p, "wire [3:0] bus_wstrb;");
  v_line(p, "wire [1:0] bus_bresp, bus_rresp;");
  v_line(p, "wire bus_awvalid, bus_awready, bus_wvalid, bus_wready, bus_bvalid, bus_bready;");
  v_line(p, "wire bus_arvalid, bus_arready, bus_rvalid, bus_rready;");
  print_bus(p, "tern_axil_driver bus", "");
  v_line(p, "reg [31:0] in_data = 0;");
  v_line(p, "reg [%d:0] in_sequence = 0;", sequence - 1);
  v_line(p, "reg in_valid = 0, in_last = 0;");
  v_line(p, "wire in_ready;");
  v_line(p, "wire [63:0] out_data;");
  v_line(p, "wire [%d:0] out_sequence;", sequence - 1);
  v_line(p, "wire out_last, out_valid;");
  v_line(p, "reg out_ready = 1;");
  v_line(p, "wire [31:0] logit_data;");
  v_line(p, "wire [%d:0] logit_sequence;", sequence - 1);
  v_line(p, "wire logit_last, logit_valid;");
  v_line(p, "reg logit_ready = 1;");
  v_line(p, "wire [39:0] araddr;");
  v_line(p, "wire [7:0] arlen;");
  v_line(p, "wire arvalid, arready, rlast, rvalid, rready;");
  v_line(p, "wire [%d:0] rdata;", bits - 1);
  print_bus(p, arena_printf(p->a, "%s dut", h->name), "s_axil_");
  v_line(p,
         "  .aresetn(aresetn), .s_axis_tdata(in_data), .s_axis_tuser(in_sequence), .s_axis_tlast(in_last), "
         ".s_axis_tvalid(in_valid), .s_axis_tready(in_ready),");
  v_line(p, "  .m_axis_tdata(out_data), .m_axis_tuser(out_sequence), .m_axis_tlast(out_last), "
            ".m_axis_tvalid(out_valid),");
  v_line(
      p,
      "  .m_axis_tready(out_ready), .m_axis_logits_tdata(logit_data), .m_axis_logits_tuser(logit_sequence),");
  v_line(p, "  .m_axis_logits_tlast(logit_last), .m_axis_logits_tvalid(logit_valid), "
            ".m_axis_logits_tready(logit_ready),");
  v_line(p, "  .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(), .m_axi_arburst(), "
            ".m_axi_arcache(), .m_axi_arprot(),");
  v_line(p, "  .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_rdata(rdata), .m_axi_rresp(2'b00), "
            ".m_axi_rlast(rlast),");
  v_line(p, "  .m_axi_rvalid(rvalid), .m_axi_rready(rready));");
  v_line(p,
         "tern_memory #(.DATA(%d), .WORDS(%lld)) memory (.clk(clk), .aresetn(aresetn), .seed(seed), "
         ".araddr(araddr), .arlen(arlen),",
         bits, (long long)(h->image_words > 1 ? h->image_words : 2));
  v_line(p, "  .arvalid(arvalid), .arready(arready), .rdata(rdata), .rlast(rlast), .rvalid(rvalid), "
            ".rready(rready));");
  v_blank(p);
}

/* The value that clearing gives a word of the states. */
static void print_initial(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int64_t end = 0;
  v_line(p, "localparam STATE_WORDS = %lld;", (long long)(state_elements(h) * h->options.sequences));
  v_line(p, "function [31:0] initial_of(input integer word);");
  v_line(p, "  begin");
  v_line(p, "    initial_of = 0;");
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (b->place != HW_STATE)
      continue;
    int64_t size = b->words * h->options.vector;
    v_line(p, "    if (word %% %lld >= %lld && word %% %lld < %lld) initial_of = %lld;",
           (long long)state_elements(h), (long long)end, (long long)state_elements(h),
           (long long)(end + size), (long long)b->state->init);
    end += size;
  }
  v_line(p, "  end");
  v_line(p, "endfunction");
  v_blank(p);
}

/* Through the registers the design is told to run, and its states are saved, cleared and written back. */
static const char *const bus =
    "  localparam CONTROL = 12'h000, STATUS = 12'h004, STATE_ADDRESS = 12'h020, STATE_DATA = 12'h024,\n"
    "             STATE_SIZE = 12'h028;\n"
    "  reg running = 0, restored = 0;\n"
    "  reg [31:0] saved [0:STATE_WORDS];\n"
    "  reg [31:0] word;\n"
    "  reg [1:0] answer;\n"
    "  integer at, changed = 0;\n"
    "  task expect_word(input integer kind, input integer place, input integer got, input integer wanted);\n"
    "    if (got !== wanted && fault == 0) begin\n"
    "      fault_index = place;\n"
    "      fault_got = got;\n"
    "      fault_expected = wanted;\n"
    "      fault = kind;\n"
    "    end\n"
    "  endtask\n"
    "  task set(input [11:0] address, input [31:0] data);\n"
    "    begin\n"
    "      bus.write(address, data, answer);\n"
    "      expect_word(8, {20'd0, address}, {30'd0, answer}, 0);\n"
    "    end\n"
    "  endtask\n"
    "  task get(input [11:0] address);\n"
    "    begin\n"
    "      bus.read(address, word, answer);\n"
    "      expect_word(8, {20'd0, address}, {30'd0, answer}, 0);\n"
    "    end\n"
    "  endtask\n"
    "  // the word behind the last one is refused\n"
    "  task past_the_end;\n"
    "    begin\n"
    "      set(STATE_ADDRESS, STATE_WORDS);\n"
    "      bus.write(STATE_DATA, 32'd1, answer);\n"
    "      expect_word(8, STATE_DATA, {30'd0, answer}, 2);\n"
    "      set(STATE_ADDRESS, STATE_WORDS);\n"
    "      bus.read(STATE_DATA, word, answer);\n"
    "      expect_word(8, STATE_DATA, {30'd0, answer}, 2);\n"
    "    end\n"
    "  endtask\n"
    "  task clear_states;\n"
    "    begin\n"
    "      set(CONTROL, 32'd3);\n"
    "      word = 4;\n"
    "      while (word[2]) get(STATUS);\n"
    "    end\n"
    "  endtask\n"
    "  task save_and_restore;\n"
    "    begin\n"
    "      get(STATE_SIZE);\n"
    "      expect_word(8, STATE_SIZE, word, STATE_WORDS);\n"
    "      set(STATE_ADDRESS, 0);\n"
    "      for (at = 0; at < STATE_WORDS; at = at + 1) begin\n"
    "        get(STATE_DATA);\n"
    "        saved[at] = word;\n"
    "        if (word != initial_of(at)) changed = changed + 1;\n"
    "      end\n"
    "      past_the_end;\n"
    "      clear_states;\n"
    "      set(STATE_ADDRESS, 0);\n"
    "      for (at = 0; at < STATE_WORDS; at = at + 1) begin\n"
    "        get(STATE_DATA);\n"
    "        expect_word(9, at, word, initial_of(at));\n"
    "      end\n"
    "      for (at = STATE_WORDS - 1; at >= 0; at = at - 1) begin\n"
    "        set(STATE_ADDRESS, at);\n"
    "        set(STATE_DATA, saved[at]);\n"
    "      end\n"
    "      set(STATE_ADDRESS, 0);\n"
    "      for (at = 0; at < STATE_WORDS; at = at + 1) begin\n"
    "        get(STATE_DATA);\n"
    "        expect_word(9, at, word, saved[at]);\n"
    "      end\n"
    "      $display(\"states %0d changed %0d\", STATE_WORDS, changed);\n"
    "    end\n"
    "  endtask\n"
    "  initial begin\n"
    "    while (!aresetn) @(posedge clk);\n"
    "    set(CONTROL, 32'd1);\n"
    "    running = 1'b1;\n"
    "    if (save_step != 0) begin\n"
    "      while (!(dut.core.step_begin && steps_done == save_step - 1)) @(posedge clk);\n"
    "      save_and_restore;\n"
    "      restored = 1'b1;\n"
    "    end\n"
    "  end\n"
    "\n";

/* Tokens go in, from the file and then those that come out. */
static const char *const driving =
    "  // tokens; while states are saved, the last one that step save_step + 1 needs waits\n"
    "  integer from, steps_left, step_tokens = 0;\n"
    "  wire held = save_step != 0 && !restored && step_tokens == (save_step + 1) * SEQUENCES - 1;\n"
    "  wire ends = end_step != 0 && step_tokens / SEQUENCES + 1 == end_step + step_tokens % SEQUENCES;\n"
    "  reg [31:0] best [0:SEQUENCES-1];\n"
    "  reg [SEQUENCES-1:0] best_there = 0;\n"
    "  reg last_step = 0;\n"
    "  reg [31:0] random = 1;\n"
    "  always @(posedge clk) begin\n"
    "    cycle <= cycle + 1;\n"
    "    random <= random * 32'd1664525 + 32'd1013904223;\n"
    "    out_ready <= seed == 0 || random[31:30] != 0;\n"
    "    logit_ready <= seed == 0 || random[28:27] != 0;\n"
    "    if (in_valid && in_ready) in_valid <= 1'b0;\n"
    "    if (running && !held && !in_valid && (seed == 0 || random[20])) begin\n"
    "      if (more_tokens) begin\n"
    "        code = $fscanf(tokens_file, \"%d\", from);\n"
    "        if (code == 1) begin\n"
    "          in_data <= from;\n"
    "          in_sequence <= step_tokens % SEQUENCES;\n"
    "          in_last <= ends;\n"
    "          in_valid <= 1'b1;\n"
    "          step_tokens = step_tokens + 1;\n"
    "        end else begin\n"
    "          more_tokens <= 1'b0;\n"
    "          steps_left = generate_steps * SEQUENCES;\n"
    "        end\n"
    "      end else if (steps_left > 0 && steps_done * SEQUENCES + step_tokens % SEQUENCES == step_tokens "
    "&&\n"
    "                   (step_tokens % SEQUENCES != 0 || &best_there)) begin\n"
    "        in_data <= best[step_tokens % SEQUENCES];\n"
    "        in_sequence <= step_tokens % SEQUENCES;\n"
    "        in_last <= ends;\n"
    "        in_valid <= 1'b1;\n"
    "        step_tokens = step_tokens + 1;\n"
    "        steps_left = steps_left - 1;\n"
    "      end else if (steps_left == 0 && steps_done * SEQUENCES == step_tokens && !logit_valid) begin\n"
    "        report;\n"
    "        if (fault == 0) $finish;\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "\n"
    "  // results\n"
    "  reg best_first = 1'b1;\n"
    "  always @(posedge clk) begin\n"
    "    if (dut.core.step_begin) best_there <= 0;\n"
    "    if (out_valid && out_ready) begin\n"
    "      best_first <= out_last;\n"
    "      if (best_first) begin\n"
    "        best[out_sequence] <= out_data[31:0];\n"
    "        best_there[out_sequence] <= 1'b1;\n"
    "      end\n"
    "      if (printing)\n"
    "        $display(\"best %0d %0d %0d %0d\", steps_done, out_sequence, out_data[31:0], "
    "$signed(out_data[63:32]));\n"
    "    end\n"
    "    if (logit_valid && logit_ready && logits_file != 0) $fdisplay(logits_file, \"%0d\", "
    "$signed(logit_data));\n"
    "  end\n"
    "\n"
    "  // where the cycles go: those of each unit, and of them those in which a word was awaited\n"
    "  reg [63:0] unit_cycles [0:UNITS-1];\n"
    "  reg [63:0] unit_awaits [0:UNITS-1];\n"
    "  reg [63:0] total = 0, lanes_busy = 0, awaits = 0, output_awaits = 0;\n"
    "  reg [63:0] silent = 0, step_awaits = 0;\n"
    "  integer u;\n"
    "  initial for (u = 0; u < UNITS; u = u + 1) begin\n"
    "    unit_cycles[u] = 0;\n"
    "    unit_awaits[u] = 0;\n"
    "  end\n"
    "  wire output_waits = dut.core.best_valid && !dut.core.best_ready || dut.core.logit_hold;\n"
    "  always @(posedge clk) begin\n"
    "    if (dut.core.events[0]) begin\n"
    "      total <= total + 1;\n"
    "      unit_cycles[dut.core.unit] <= unit_cycles[dut.core.unit] + 1;\n"
    "      if (dut.core.events[1]) lanes_busy <= lanes_busy + 1;\n"
    "      if (dut.core.events[2]) begin\n"
    "        awaits <= awaits + 1;\n"
    "        unit_awaits[dut.core.unit] <= unit_awaits[dut.core.unit] + 1;\n"
    "      end\n"
    "      if (output_waits) output_awaits <= output_awaits + 1;\n"
    "    end\n"
    "    if (dut.core.step_end) steps_done <= steps_done + 1;\n"
    "    silent <= dut.core.events[1] || dut.core.start || out_valid || in_valid || w_moves || "
    "bus_bvalid || bus_rvalid ? 0 : silent + 1;\n"
    "    if (silent == 64'd2000000) fault = 4;\n"
    "  end\n"
    "  wire w_moves = dut.w_valid && dut.w_ready;\n"
    "  task report;\n"
    "    begin\n"
    "      $display(\"steps %0d cycles %0d lanes %0d awaits %0d output %0d\", steps_done, total, lanes_busy, "
    "awaits, output_awaits);\n"
    "      for (u = 0; u < UNITS; u = u + 1) $display(\"unit %0d %0d %0d\", u, unit_cycles[u], "
    "unit_awaits[u]);\n"
    "      if (checking) begin\n"
    "        got_words = $fgetc(expected_file);\n"
    "        if (got_words != -1) fault = 5;\n"
    "        if (fault == 0) $display(\"PASS\");\n"
    "      end\n"
    "    end\n"
    "  endtask\n"
    "\n"
    "  initial begin\n"
    "    if ($value$plusargs(\"tokens=%s\", path)) begin\n"
    "      tokens_file = $fopen(path, \"r\");\n"
    "      if (tokens_file == 0) fault = 6;\n"
    "      more_tokens = 1'b1;\n"
    "    end else fault = 7;\n"
    "    if ($value$plusargs(\"expected=%s\", path)) begin\n"
    "      expected_file = $fopen(path, \"rb\");\n"
    "      if (expected_file == 0) fault = 6;\n"
    "      checking = 1'b1;\n"
    "    end\n"
    "    if ($value$plusargs(\"logits=%s\", path)) logits_file = $fopen(path, \"w\");\n"
    "    if ($value$plusargs(\"generate=%d\", generate_steps)) begin end\n"
    "    if ($value$plusargs(\"ends=%d\", end_step)) begin end\n"
    "    if ($value$plusargs(\"save_restore=%d\", save_step)) begin end\n"
    "    if ($value$plusargs(\"stalls=%d\", seed)) random = seed;\n"
    "    if ($test$plusargs(\"only_logits\")) all_units = 1'b0;\n"
    "    if ($test$plusargs(\"quiet\")) printing = 1'b0;\n"
    "`ifdef TRACE\n"
    "    if ($value$plusargs(\"trace=%s\", path)) begin\n"
    "      $dumpfile(path);\n"
    "      $dumpvars(0, dut);\n"
    "    end\n"
    "`endif\n"
    "    repeat (8) @(posedge clk);\n"
    "    aresetn <= 1'b1;\n"
    "  end\n";

void print_test_bench(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_comment(p,
            arena_printf(p->a, "%s_tb: runs %s on given tokens and compares everything that its units store.",
                         h->name, h->name));
  v_line(p, "`timescale 1ns / 1ns");
  v_line(p, "module %s_tb;", h->name);
  v_line(p, "  localparam SEQUENCES = %d;", h->options.sequences);
  v_line(p, "  localparam UNITS = %d;", h->units.n);
  fputs(head, p->out);
  p->indent++;
  print_report(p);
  print_dut(p);
  for (int i = 0; i < h->units.n; i++)
    print_unit_check(p, h->units.at[i]);
  print_initial(p);
  p->indent--;
  fputs(bus, p->out);
  fputs(driving, p->out);
  v_line(p, "endmodule");
}
