// Piecewise linear table of a function of an integer: the operator `curve` of the IR (docs/ir.md).
//
// A        bits of a (signed)
// LO       start of the domain in units of a (lo * 2^frac); signed, within 33 bits
// DOMAIN   log2 of the domain's length in units of a (w + frac), 1 .. 32
// SEGMENTS log2 of the segments (s <= DOMAIN), 0 .. 12
// VALUE    bits of a table entry (signed), 2 .. 33
// BITS     bits of q (signed)
// TABLE    2^s + 1 entries of VALUE bits, entry 0 in the low bits: {y[2^s], ..., y[1], y[0]}
// u = clamp(a - LO, 0, 2^DOMAIN - 1); k, t = the high and low bits of u; q = sat(y[k] + (((y[k+1] - y[k]) * t + half) >> h))
// with h = DOMAIN - SEGMENTS, half = h ? 2^(h-1) : 0.
// Latency 6 clocks, one result a clock; `enable` low stops all stages. No reset.
module tern_curve #(
  parameter               A        = 16,
  parameter signed [33:0] LO       = 0,
  parameter               DOMAIN   = 8,
  parameter               SEGMENTS = 2,
  parameter               VALUE    = 16,
  parameter               BITS     = 16,
  parameter [((1<<SEGMENTS)+1)*VALUE-1:0] TABLE = 0
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  output wire signed [BITS-1:0] q
);
endmodule
