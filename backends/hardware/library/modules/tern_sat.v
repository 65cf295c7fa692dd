// Saturation, combinational: q = a clamped to OUT bits.
//
// IN, OUT  bits of a and of q (signed), 1 or more; OUT may be larger than IN
// Corners: IN=1 OUT=1; IN=1 OUT=32; IN=32 OUT=1; IN=33 OUT=33; IN=2 OUT=1; IN=64 OUT=63
module tern_sat #(
  parameter IN  = 33,
  parameter OUT = 32
) (
  input  wire signed [IN-1:0]  a,
  output wire signed [OUT-1:0] q
);
  generate
    if (OUT >= IN) begin : wider
      assign q = {{OUT-IN{a[IN-1]}}, a};
    end else begin : narrower
      wire fits = a[IN-1:OUT-1] == {IN-OUT+1{a[IN-1]}};
      assign q = fits ? a[OUT-1:0] : {a[IN-1], {OUT-1{!a[IN-1]}}};
    end
  endgenerate
endmodule
