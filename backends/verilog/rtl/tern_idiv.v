// Division of integers, one bit a clock: q = sat(floor(a / max(b, 1)), BITS).
//
// A, B    bits of a and of b (signed), 2 .. 64
// BITS    bits of q (signed)
// start (accepted when ready is high) takes a and b; valid is high for one clock A + 3 clocks later, with q, which then stays
// until the next valid. ready is high again in the clock of valid.
module tern_idiv #(
  parameter A    = 32,
  parameter B    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   aresetn,
  input  wire                   start,
  output wire                   ready,
  input  wire signed [A-1:0]    a,
  input  wire signed [B-1:0]    b,
  output wire                   valid,
  output wire signed [BITS-1:0] q
);
endmodule
