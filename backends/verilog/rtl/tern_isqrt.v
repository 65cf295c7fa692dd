// Square root of an integer, one bit of the root a clock: q = floor(sqrt(max(a, 0))).
//
// A       bits of a (signed), 2 .. 64
// BITS    bits of q (signed); saturates
// start (accepted when ready is high) takes a; valid is high for one clock ceil((A-1)/2) + 2 clocks later, with q, which then
// stays until the next valid. ready is high again in the clock of valid.
module tern_isqrt #(
  parameter A    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   aresetn,
  input  wire                   start,
  output wire                   ready,
  input  wire signed [A-1:0]    a,
  output wire                   valid,
  output wire signed [BITS-1:0] q
);
endmodule
