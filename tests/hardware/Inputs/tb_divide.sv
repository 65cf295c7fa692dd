// Bench of tern_idiv and tern_idiv_pipe: both against floor(a / max(b, 1)), clamped; the serial one's times too.
module tb_divide #(
  parameter A = 32, B = 32, BITS = 32, COUNT = 300, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  reg signed [A-1:0] a = 0, pipe_a = 0;
  reg signed [B-1:0] b = 1, pipe_b = 1;
  reg start = 0, enable = 0;
  wire ready, valid;
  wire signed [BITS-1:0] q, pipe_q;
  tern_idiv #(.A(A), .B(B), .BITS(BITS)) dut (
    .clk(clk), .aresetn(aresetn), .start(start), .ready(ready), .a(a), .b(b), .valid(valid), .q(q));
  tern_idiv_pipe #(.A(A), .B(B), .BITS(BITS)) dut_pipe (.clk(clk), .enable(enable), .a(pipe_a), .b(pipe_b), .q(pipe_q));

  reg signed [95:0] x, d, most;
  function [BITS-1:0] expected(input signed [A-1:0] p, input signed [B-1:0] r);
    begin
      d = r;
      if (d < 1) d = 1;
      x = p;
      x = p < 0 ? -((-x + d - 1) / d) : x / d;
      most = 1;
      most = (most <<< (BITS - 1)) - 1;
      if (x > most) x = most;
      if (x < -most - 1) x = -most - 1;
      expected = x[BITS-1:0];
    end
  endfunction
  function [63:0] pick(input integer width);
    case (below(6))
      0: pick = 64'd1 << (width - 1);
      1: pick = ~(64'd1 << (width - 1));
      2: pick = below(5) - 2;
      default: pick = $signed({random(0), random(0)}) >>> (64 - width + below(width));
    endcase
  endfunction

  reg [BITS-1:0] want, last_want, pipe_want [0:A+2];
  integer i, count = 0, fed = 0, clocks = 0;
  reg waiting = 0;
  initial done = 0;
  always @(posedge clk)
    if (aresetn) begin
      // One after the other, as soon as the former is out, or a bit later.
      start <= 0;
      if (waiting) clocks <= clocks + 1;
      if (start && ready) clocks <= 1;
      if (valid) begin
        if (!waiting || q !== want || clocks != A + 3)
          $fatal(1, "tb_divide: A %0d B %0d: %0d, not %0d, after %0d clocks", A, B, q, $signed(want), clocks);
        waiting <= 0;
        last_want <= want;
        count <= count + 1;
      end else if (!waiting && count > 0 && q !== last_want) $fatal(1, "tb_divide: q does not stay");
      if (!waiting && !valid && below(3) != 0 && !start) begin
        a <= pick(A);
        b <= pick(B);
        start <= 1;
      end
      if (start && ready) begin
        want <= expected(a, b);
        waiting <= 1;
      end
      // One a clock.
      enable <= below(5) != 0;
      if (enable) begin
        if (fed >= A + 3 && pipe_q !== pipe_want[A+2])
          $fatal(1, "tb_divide: pipe, A %0d B %0d: %0d, not %0d", A, B, pipe_q, $signed(pipe_want[A+2]));
        for (i = A + 2; i > 0; i = i - 1) pipe_want[i] = pipe_want[i-1];
        pipe_want[0] = expected(pipe_a, pipe_b);
        fed <= fed + 1;
        pipe_a <= pick(A);
        pipe_b <= pick(B);
      end
      if (count * A >= COUNT && fed >= COUNT) done <= 1;
    end
endmodule
