/* adder_bench.c: the test bench of the Verilog, which knows the matrix and nothing of the graph.
 *
 * It runs in Icarus Verilog and in Verilator (--binary). The pipeline is fed without a gap but for clocks
 * without ce, in which x is noise. Vectors: every input alone at each end of its range; for every output
 * those that make it largest and smallest, where a width too small shows; all inputs low, all high; random
 * ones. What y should be is multiplied out in the test bench and waits in a ring. */
#include "backends/hardware/adder_graph/adder_verilog.h"

enum { RANDOM_VECTORS = 64 };

void verilog_write_matrix(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  fprintf(out, "// %d rows of inputs, %d columns of outputs: 0 is 0, 1 is +1, 3 is -1\n", g->inputs,
          g->outputs);
  for (int i = 0; i < g->inputs; i++)
    for (int j = 0; j < g->outputs; j++)
      fprintf(out, "%d%c", f->matrix[(size_t)i * (size_t)g->outputs + (size_t)j] & 3,
              j + 1 < g->outputs ? ' ' : '\n');
}

static void print_constants(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  fprintf(out,
          "  localparam INPUTS = %d, OUTPUTS = %d, LATENCY = %d, X_BITS = %d, Y_WIDTH = %d;\n"
          "  localparam RANDOM = %d, VECTORS = 2 * INPUTS + 2 * OUTPUTS + 2 + RANDOM;\n",
          g->inputs, g->outputs, f->schedule->latency, verilog_input_bits(g, g->inputs),
          verilog_output_width(g), RANDOM_VECTORS);
}

static void print_ranges(const struct adder_file *f, FILE *out) {
  const struct adder_graph *g = f->graph;
  fprintf(out, "    // input: where it lies in x, its width, its range\n");
  for (int i = 0; i < g->inputs; i++)
    fprintf(out, "    at[%d] = %d; width[%d] = %d; lo[%d] = %lld; hi[%d] = %lld;\n", i,
            verilog_input_bits(g, i), i, g->value[i].width, i, (long long)g->value[i].lo, i,
            (long long)g->value[i].hi);
}

/* Text that holds for every graph. */
static const char variables[] =
    "\n"
    "  reg clk, ce;\n"
    "  reg [X_BITS-1:0] x;\n"
    "  wire [OUTPUTS*Y_WIDTH-1:0] y;\n"
    "\n"
    "  reg [1:0] weight [0:INPUTS*OUTPUTS-1];\n"
    "  reg signed [63:0] lo [0:INPUTS-1];\n"
    "  reg signed [63:0] hi [0:INPUTS-1];\n"
    "  integer at [0:INPUTS-1];\n"
    "  integer width [0:INPUTS-1];\n"
    "  reg signed [63:0] value [0:INPUTS-1];\n"
    "  reg signed [63:0] want [0:(LATENCY+1)*OUTPUTS-1];\n"
    "  reg signed [63:0] at_rest [0:OUTPUTS-1];\n"
    "  reg signed [63:0] sum, got;\n"
    "  integer inputs, outputs, x_bits; // not constant, so that Verilator leaves the loops rolled\n"
    "  integer i, j, b, v, checked, faults;\n"
    "\n";

static const char tasks[] =
    "  function signed [63:0] random_in(input signed [63:0] least, input signed [63:0] most);\n"
    "    random_in = least + $signed({32'd0, $random}) % (most - least + 1);\n"
    "  endfunction\n"
    "\n"
    "  // 0 or the value nearest to it\n"
    "  function signed [63:0] rest(input integer k);\n"
    "    rest = lo[k] > 0 ? lo[k] : hi[k] < 0 ? hi[k] : 0;\n"
    "  endfunction\n"
    "\n"
    "  task choose(input integer number);\n"
    "    begin\n"
    "      for (i = 0; i < inputs; i = i + 1)\n"
    "        value[i] = rest(i);\n"
    "      if (number < 2 * INPUTS) begin\n"
    "        value[number / 2] = number % 2 == 0 ? hi[number / 2] : lo[number / 2];\n"
    "      end else if (number < 2 * INPUTS + 2 * OUTPUTS) begin\n"
    "        for (i = 0; i < inputs; i = i + 1) begin\n"
    "          b = {30'd0, weight[i * OUTPUTS + (number - 2 * INPUTS) / 2]};\n"
    "          if (b != 0)\n"
    "            value[i] = (b == 1) == (number % 2 == 0) ? hi[i] : lo[i];\n"
    "        end\n"
    "      end else begin\n"
    "        for (i = 0; i < inputs; i = i + 1)\n"
    "          value[i] = number == VECTORS - 1 ? hi[i] : number == VECTORS - 2 ? lo[i] : random_in(lo[i], "
    "hi[i]);\n"
    "      end\n"
    "    end\n"
    "  endtask\n"
    "\n"
    "  function signed [63:0] product(input [1:0] w, input signed [63:0] a);\n"
    "    product = w == 1 ? a : w == 3 ? -a : 0;\n"
    "  endfunction\n"
    "\n"
    "  // from the first vector with one input that is not at rest on, the sums at rest are known\n"
    "  task expect_all(input integer number);\n"
    "    for (j = 0; j < outputs; j = j + 1) begin\n"
    "      sum = 0;\n"
    "      if (number > 0 && number < 2 * INPUTS)\n"
    "        sum = at_rest[j] + product(weight[number / 2 * OUTPUTS + j], value[number / 2] - rest(number / "
    "2));\n"
    "      else\n"
    "        for (i = 0; i < inputs; i = i + 1)\n"
    "          sum = sum + product(weight[i * OUTPUTS + j], value[i]);\n"
    "      if (number == 0)\n"
    "        at_rest[j] = sum - product(weight[j], value[0] - rest(0));\n"
    "      want[number % (LATENCY + 1) * OUTPUTS + j] = sum;\n"
    "    end\n"
    "  endtask\n"
    "\n"
    "  task drive(input integer number);\n"
    "    begin\n"
    "      choose(number);\n"
    "      for (i = 0; i < inputs; i = i + 1)\n"
    "        for (b = 0; b < width[i]; b = b + 1)\n"
    "          x[at[i] + b] = value[i][b];\n"
    "      expect_all(number);\n"
    "    end\n"
    "  endtask\n"
    "\n"
    "  task check(input integer number);\n"
    "    for (j = 0; j < outputs; j = j + 1) begin\n"
    "      got = {{(64 - Y_WIDTH){y[j * Y_WIDTH + Y_WIDTH - 1]}}, y[j * Y_WIDTH +: Y_WIDTH]};\n"
    "      checked = checked + 1;\n"
    "      if (got !== want[number % (LATENCY + 1) * OUTPUTS + j]) begin\n"
    "        faults = faults + 1;\n"
    "        if (faults <= 10)\n"
    "          $display(\"vector %0d, output %0d: %0d instead of %0d\", number, j, got,\n"
    "                   want[number % (LATENCY + 1) * OUTPUTS + j]);\n"
    "      end\n"
    "    end\n"
    "  endtask\n"
    "\n";

static const char run[] = "    inputs = INPUTS;\n"
                          "    outputs = OUTPUTS;\n"
                          "    x_bits = X_BITS;\n"
                          "    clk = 0;\n"
                          "    ce = 0;\n"
                          "    v = 0;\n"
                          "    checked = 0;\n"
                          "    faults = 0;\n"
                          "  end\n"
                          "\n"
                          "  always #5 clk = !clk;\n"
                          "\n"
                          "  always @(negedge clk)\n"
                          "    if ($random % 8 == 0) begin // everything stands still\n"
                          "      ce = 0;\n"
                          "      for (b = 0; b < x_bits; b = b + 1)\n"
                          "        x[b] = $random % 2 != 0;\n"
                          "    end else begin\n"
                          "      ce = 1;\n"
                          "      if (v >= LATENCY && v < VECTORS + LATENCY)\n"
                          "        check(v - LATENCY);\n"
                          "      if (v < VECTORS)\n"
                          "        drive(v);\n"
                          "      if (v == VECTORS + LATENCY) begin\n"
                          "        if (faults == 0 && checked == VECTORS * OUTPUTS)\n"
                          "          $display(\"PASS: %0d vectors, %0d outputs\", VECTORS, checked);\n"
                          "        else\n"
                          "          $display(\"FAIL: %0d of %0d outputs\", faults, checked);\n"
                          "        $finish;\n"
                          "      end\n"
                          "      v = v + 1;\n"
                          "    end\n"
                          "endmodule\n";

void verilog_write_test(const struct adder_file *f, FILE *out) {
  fprintf(out,
          "// Test bench of %s: every input alone, the extremes of every output, random vectors, clocks "
          "without ce.\n"
          "// Prints PASS or FAIL. Run where %s_test.hex lies:\n"
          "//   with Icarus Verilog: iverilog -g2005 -o test %s*.v && vvp test\n"
          "//   with Verilator: verilator --binary --timing --top %s_test %s*.v && obj_dir/V%s_test\n"
          "/* verilator lint_off WIDTH */\n"
          "module %s_test;\n",
          f->module, f->module, f->module, f->module, f->module, f->module, f->module);
  print_constants(f, out);
  fputs(variables, out);
  fprintf(out, "  %s dut (.clk(clk), .ce(ce), .x(x), .y(y));\n\n", f->module);
  fputs(tasks, out);
  fprintf(out, "  initial begin\n    $readmemh(\"%s_test.hex\", weight);\n", f->module);
  print_ranges(f, out);
  fputs(run, out);
}
