// floor(log2(max(|a|, 1))), combinational: the place of the leading one of the magnitude.
//
// A       bits of a (signed), 2 .. 64; |-2^(A-1)| is 2^(A-1), so q is at most A-1
// Corners: A=2; A=3; A=64
module tern_lz #(
  parameter A = 32
) (
  input  wire signed [A-1:0]    a,
  output wire [$clog2(A)-1:0]   q
);
  localparam Q = $clog2(A);

  wire [A-1:0] magnitude = a[A-1] ? -a : a; // -2^(A-1) stays, as 2^(A-1)

  // Halves: bit k of q says whether a one is in the upper half of the 2^(k+1) bits that are left.
  wire [(1<<Q)-1:0] bits = {{(1<<Q)-A{1'b0}}, magnitude};
  genvar k;
  generate
    for (k = Q - 1; k >= 0; k = k - 1) begin : half
      wire [(2<<k)-1:0] from;
      wire upper = |from[(2<<k)-1:(1<<k)];
      if (k == Q - 1) begin : first
        assign from = bits;
      end else begin : later
        assign from = half[k+1].upper ? half[k+1].from[(4<<k)-1:(2<<k)] : half[k+1].from[(2<<k)-1:0];
      end
      assign q[k] = upper;
    end
  endgenerate
  wire unused = half[0].from[0];
endmodule
