// Square root of an integer, one a clock: q = sat(floor(sqrt(max(a, 0))), BITS).
//
// A       bits of a (signed), 2 .. 64
// BITS    bits of q (signed)
// Latency floor(A/2) + 2 clocks (that of tern_isqrt), one root a clock; `enable` low stops all stages. No reset.
// Corners: A=2 BITS=1; A=2 BITS=64; A=3 BITS=2; A=4 BITS=2; A=5 BITS=32; A=63 BITS=2; A=64 BITS=64
module tern_isqrt_pipe #(
  parameter A    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  output wire signed [BITS-1:0] q
);
  localparam R = A / 2; // bits of the root of an (A-1)-bit number

  genvar i;
  generate
    // Stage i has i bits of the root; see tern_isqrt.
    for (i = 0; i <= R; i = i + 1) begin : stage
      reg [2*R-1:0] radicand;
      reg [R-1:0]   root;
      reg [R:0]     rest;
      if (i == 0) begin : first
        always @(posedge clk)
          if (enable) begin
            radicand <= {{2*R+1-A{1'b0}}, a[A-1] ? {A-1{1'b0}} : a[A-2:0]};
            root <= 0;
            rest <= 0;
          end
      end else begin : step
        wire [R+2:0] next = {stage[i-1].rest, stage[i-1].radicand[2*R-1 -: 2]};
        wire [R+2:0] trial = {1'b0, stage[i-1].root, 2'b01};
        wire [R+2:0] less = next - trial;
        wire         fits = next >= trial;
        wire [R:0]   grown = {stage[i-1].root, fits};
        wire         unused = &{1'b0, grown[R], less[R+2:R+1]};
        always @(posedge clk)
          if (enable) begin
            radicand <= stage[i-1].radicand << 2;
            root <= grown[R-1:0];
            rest <= fits ? less[R:0] : next[R:0];
          end
      end
    end
  endgenerate

  wire signed [BITS-1:0] clamped;
  reg signed [BITS-1:0]  result;
  tern_sat #(.IN(R + 1), .OUT(BITS)) sat (.a({1'b0, stage[R].root}), .q(clamped));
  always @(posedge clk)
    if (enable) result <= clamped;
  assign q = result;
  wire unused = &{1'b0, stage[R].radicand, stage[R].rest};
endmodule
