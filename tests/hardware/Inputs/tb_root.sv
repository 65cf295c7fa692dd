// Bench of tern_isqrt, tern_isqrt_pipe and tern_lz.
module tb_root #(
  parameter A = 32, BITS = 32, COUNT = 300, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  localparam R = A / 2;
  reg signed [A-1:0] a = 0, pipe_a = 0;
  reg start = 0, enable = 0;
  wire ready, valid;
  wire signed [BITS-1:0] q, pipe_q;
  wire [$clog2(A)-1:0]   log;
  tern_isqrt #(.A(A), .BITS(BITS)) dut (
    .clk(clk), .aresetn(aresetn), .start(start), .ready(ready), .a(a), .valid(valid), .q(q));
  tern_isqrt_pipe #(.A(A), .BITS(BITS)) dut_pipe (.clk(clk), .enable(enable), .a(pipe_a), .q(pipe_q));
  tern_lz #(.A(A)) dut_lz (.a(pipe_a), .q(log));

  reg signed [95:0] x, low, high, most;
  function [BITS-1:0] expected(input signed [A-1:0] p); // by bisection
    begin
      x = p < 0 ? 0 : p;
      low = 0;
      high = 96'd1 << 32;
      while (high - low > 1) begin
        most = (low + high) >>> 1;
        if (most * most <= x) low = most;
        else high = most;
      end
      most = 1;
      most = (most <<< (BITS - 1)) - 1;
      if (low > most) low = most;
      expected = low[BITS-1:0];
    end
  endfunction
  function [63:0] pick(input unused);
    case (below(6))
      0: pick = 64'd1 << (A - 1);
      1: pick = ~(64'd1 << (A - 1));
      2: pick = below(5) - 2;
      3: begin // a square, or next to it
        pick = random(0) >> (32 - (A - 1) / 2);
        pick = pick * pick - below(2);
      end
      default: pick = $signed({random(0), random(0)}) >>> (64 - A + below(A));
    endcase
  endfunction

  reg [BITS-1:0] want, pipe_want [0:R+1];
  integer i, count = 0, fed = 0, clocks = 0;
  reg waiting = 0;
  initial done = 0;
  always @(posedge clk)
    if (aresetn) begin
      start <= 0;
      if (waiting) clocks <= clocks + 1;
      if (start && ready) clocks <= 1;
      if (valid) begin
        if (!waiting || q !== want || clocks != R + 2)
          $fatal(1, "tb_root: A %0d: %0d, not %0d, after %0d clocks", A, q, $signed(want), clocks);
        waiting <= 0;
        count <= count + 1;
      end
      if (!waiting && !valid && !start) begin
        a <= pick(0);
        start <= 1;
      end
      if (start && ready) begin
        want <= expected(a);
        waiting <= 1;
      end
      enable <= below(5) != 0;
      if (enable) begin
        if (fed >= R + 2 && pipe_q !== pipe_want[R+1])
          $fatal(1, "tb_root: pipe, A %0d: %0d, not %0d", A, pipe_q, $signed(pipe_want[R+1]));
        for (i = R + 1; i > 0; i = i - 1) pipe_want[i] = pipe_want[i-1];
        pipe_want[0] = expected(pipe_a);
        // The logarithm: 2^log <= max(|a|, 1) < 2^(log+1).
        x = pipe_a;
        if (x < 0) x = -x;
        if (x < 1) x = 1;
        if (x >> log != 1) $fatal(1, "tb_root: ilog2 of %0d: %0d", pipe_a, log);
        fed <= fed + 1;
        pipe_a <= pick(0);
      end
      if (count * A >= COUNT && fed >= COUNT) done <= 1;
    end
endmodule
