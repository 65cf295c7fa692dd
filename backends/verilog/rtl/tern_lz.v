// floor(log2(max(|a|, 1))), combinational: the place of the leading one of the magnitude.
//
// A       bits of a (signed), 2 .. 64; |-2^(A-1)| is 2^(A-1), so q is at most A-1
module tern_lz #(
  parameter A = 32
) (
  input  wire signed [A-1:0]    a,
  output wire [$clog2(A)-1:0]   q
);
endmodule
