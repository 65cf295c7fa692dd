// Product, shifted and rounded: q = sat(floor(a * b * 2^-e + 1/2), BITS), half rounded up; for e <= 0: sat(a * b * 2^-e, BITS).
//
// A, B         bits of a and b (signed), 2 .. 32
// BITS         bits of q (signed), 2 .. 32
// E            bits of e (signed)
// E_MIN, E_MAX the range of e that the caller promises, within -62 .. 62, and to which e is clamped; equal: a constant shift
//              and e is not looked at. A narrow range costs less.
// Latency 5 clocks, one result a clock; `enable` low stops all stages. The first three stages are registers before, in and
// behind the multiplier, so that DSP blocks take them. No reset.
module tern_mulshift #(
  parameter A     = 32,
  parameter B     = 32,
  parameter BITS  = 32,
  parameter E     = 8,
  parameter E_MIN = -62,
  parameter E_MAX = 62
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  input  wire signed [B-1:0]    b,
  input  wire signed [E-1:0]    e,
  output wire signed [BITS-1:0] q
);
endmodule
