// Bench of tern_skid (DEPTH 0) and tern_fifo: order, no loss, no invention, stability, the count, and a word a clock when nobody stalls.
module tb_stream #(
  parameter WIDTH = 8, DEPTH = 0, WORDS = 600, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  reg  [WIDTH-1:0] in_data = 0;
  reg              in_valid = 0, out_ready = 0;
  wire             in_ready, out_valid;
  wire [WIDTH-1:0] out_data;
  integer count;
  generate
    if (DEPTH == 0) begin : skid
      tern_skid #(.WIDTH(WIDTH)) dut (
        .clk(clk), .aresetn(aresetn), .s_data(in_data), .s_valid(in_valid), .s_ready(in_ready), .m_data(out_data),
        .m_valid(out_valid), .m_ready(out_ready));
    end else begin : fifo
      wire [$clog2(DEPTH+1)-1:0] held;
      tern_fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH)) dut (
        .clk(clk), .aresetn(aresetn), .in_data(in_data), .in_valid(in_valid), .in_ready(in_ready), .out_data(out_data),
        .out_valid(out_valid), .out_ready(out_ready), .count(held));
      always @(posedge clk)
        if (aresetn && (held != count || in_ready != (count < DEPTH))) $fatal(1, "tb_stream: DEPTH %0d count %0d, not %0d", DEPTH, held, count);
    end
  endgenerate

  reg [WIDTH-1:0] sent [0:WORDS-1];
  reg [WIDTH-1:0] last_data;
  reg             waited = 0;
  integer in = 0, out = 0, mode = 0, flowing = 0, most = 0;
  initial begin
    done = 0;
    count = 0;
  end
  always @(posedge clk)
    if (aresetn) begin
      if (below(50) == 0) mode <= below(4); // 0: both at random, 1: fast in, 2: fast out, 3: both fast
      if (in_valid && in_ready) begin
        sent[in] = in_data;
        in = in + 1;
      end
      if (!in_valid || in_ready) begin
        in_valid <= in < WORDS && (mode == 1 || mode == 3 || below(3) == 0);
        in_data <= random(0);
      end
      out_ready <= mode == 2 || mode == 3 || (mode == 0 && below(3) == 0) || below(10) == 0 || in == WORDS;
      if (waited && (!out_valid || out_data !== last_data)) $fatal(1, "tb_stream: DEPTH %0d: a word changed while it waited", DEPTH);
      waited <= out_valid && !out_ready;
      last_data <= out_data;
      if (out_valid && out_ready) begin
        if (out >= in - (in_valid && in_ready) || out_data !== sent[out]) $fatal(1, "tb_stream: DEPTH %0d word %0d: %h", DEPTH, out, out_data);
        out = out + 1;
      end
      // Both fast for long: a word each clock.
      flowing <= mode == 3 && in < WORDS ? flowing + 1 : 0;
      if (flowing > DEPTH + 6 && mode == 3 && in < WORDS && (!out_valid || !in_ready) && count < DEPTH - 1)
        $fatal(1, "tb_stream: DEPTH %0d does not flow", DEPTH);
      count <= in - out;
      if (in - out > most) most = in - out;
      if (out == WORDS) begin
        if (most < (DEPTH == 0 ? 2 : DEPTH)) $fatal(1, "tb_stream: DEPTH %0d: never full", DEPTH);
        done <= 1;
      end
    end
endmodule
