// Square root of an integer, one a clock: q = sat(floor(sqrt(max(a, 0))), BITS).
//
// A       bits of a (signed), 2 .. 64
// BITS    bits of q (signed)
// Latency ceil((A-1)/2) + 2 clocks (that of tern_isqrt), one root a clock; `enable` low stops all stages. No reset.
module tern_isqrt_pipe #(
  parameter A    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  output wire signed [BITS-1:0] q
);
endmodule
