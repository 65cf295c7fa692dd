// Dot product of L ternary weights with L signed codes: adders only, every family.
//
// LANES   weights of a word, 2 or more
// WIDTH   bits of a code (signed)
// PIPE    adder levels between registers, 1 or more
// Weight i is bits [2i+1:2i] of `weights`: 00 = 0, 01 = +1, 11 = -1 (10 is read as 0). Code i is codes[i*WIDTH +: WIDTH].
// sum is exact: WIDTH + clog2(LANES) + 1 bits, signed. One word a clock.
// Latency: ceil(clog2(LANES) / PIPE) + 1 clocks. No reset: follow the word with a valid bit of the same delay.
module tern_lanes #(
  parameter LANES = 16,
  parameter WIDTH = 8,
  parameter PIPE  = 1
) (
  input  wire                                 clk,
  input  wire [2*LANES-1:0]                   weights,
  input  wire [LANES*WIDTH-1:0]               codes,
  output wire signed [WIDTH+$clog2(LANES):0]  sum
);
endmodule
