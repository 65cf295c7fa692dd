// Bench of tern_mulshift against its definition in 192 bits, extreme operands and shifts included.
module tb_mulshift #(
  parameter A = 32, B = 32, BITS = 32, E = 8, E_MIN = -62, E_MAX = 62, COUNT = 400, SEED = 1
) (
  input  wire clk,
  output reg  done
);
  `include "random.vh"
  reg signed [A-1:0] a = 0;
  reg signed [B-1:0] b = 0;
  reg signed [E-1:0] e = 0;
  reg                enable = 0;
  wire signed [BITS-1:0] q;
  tern_mulshift #(.A(A), .B(B), .BITS(BITS), .E(E), .E_MIN(E_MIN), .E_MAX(E_MAX)) dut (
    .clk(clk), .enable(enable), .a(a), .b(b), .e(e), .q(q));

  reg signed [191:0] x, most;
  integer exponent;
  function [BITS-1:0] expected(input unused);
    begin
      exponent = e;
      if (E_MIN == E_MAX) exponent = E_MIN;
      if (exponent < E_MIN) exponent = E_MIN;
      if (exponent > E_MAX) exponent = E_MAX;
      x = a;
      x = x * b;
      if (exponent > 0) begin
        most = 1;
        x = (x + (most <<< (exponent - 1))) >>> exponent;
      end else x = x <<< -exponent;
      most = 1;
      most = (most <<< (BITS - 1)) - 1;
      if (x > most) x = most;
      if (x < -most - 1) x = -most - 1;
      expected = x[BITS-1:0];
    end
  endfunction

  reg [BITS-1:0] want [0:4];
  integer i, fed = 0, kind;
  initial done = 0;
  always @(posedge clk) begin
    enable <= below(5) != 0;
    if (enable) begin
      if (fed >= 5 && q !== want[4]) $fatal(1, "tb_mulshift: A %0d B %0d BITS %0d: %0d, not %0d", A, B, BITS, q, $signed(want[4]));
      for (i = 4; i > 0; i = i - 1) want[i] = want[i-1];
      want[0] = expected(0);
      fed <= fed + 1;
      kind = below(8);
      a <= kind == 0 ? {1'b1, {A-1{1'b0}}} : kind == 1 ? {1'b0, {A-1{1'b1}}} : $signed(random(0)) >>> below(A);
      b <= kind == 0 ? {1'b1, {B-1{1'b0}}} : kind == 2 ? {1'b0, {B-1{1'b1}}} : $signed(random(0)) >>> below(B);
      e <= below(8) == 0 ? random(0) : E_MIN + below(E_MAX - E_MIN + 1);
      if (fed == COUNT) done <= 1;
    end
  end
endmodule
