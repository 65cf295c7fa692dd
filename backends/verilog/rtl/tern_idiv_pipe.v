// Division of integers, one a clock: q = sat(floor(a / max(b, 1)), BITS).
//
// A, B    bits of a and of b (signed), 2 .. 64
// BITS    bits of q (signed)
// Latency A + 3 clocks (that of tern_idiv), one division a clock; `enable` low stops all stages. No reset.
module tern_idiv_pipe #(
  parameter A    = 32,
  parameter B    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  input  wire signed [B-1:0]    b,
  output wire signed [BITS-1:0] q
);
endmodule
