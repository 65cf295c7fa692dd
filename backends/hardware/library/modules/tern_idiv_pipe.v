// Division of integers, one a clock: q = sat(floor(a / max(b, 1)), BITS).
//
// A, B    bits of a and of b (signed), 2 .. 64
// BITS    bits of q (signed)
// Latency A + 3 clocks (that of tern_idiv), one division a clock; `enable` low stops all stages. No reset.
// Corners: A=2 B=2 BITS=1; A=64 B=64 BITS=64; A=2 B=64 BITS=64; A=64 B=2 BITS=2
module tern_idiv_pipe #(
  parameter A    = 32,
  parameter B    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  input  wire signed [B-1:0]    b,
  output wire signed [BITS-1:0] q
);
  localparam D = B - 1; // bits of the divisor, which is positive

  genvar i;
  generate
    // Stage i has i bits of the quotient, below those of the dividend that are still to be divided.
    for (i = 0; i <= A; i = i + 1) begin : stage
      reg         negative;
      reg [A-1:0] dividend;
      reg [D-1:0] divisor, rest;
      if (i == 0) begin : first
        always @(posedge clk)
          if (enable) begin
            negative <= a[A-1];
            dividend <= a[A-1] ? -a : a;
            divisor <= b[B-1] || b == 0 ? {{D-1{1'b0}}, 1'b1} : b[D-1:0];
            rest <= 0;
          end
      end else begin : step
        wire [D:0] shifted = {stage[i-1].rest, stage[i-1].dividend[A-1]};
        wire [D:0] less = shifted - {1'b0, stage[i-1].divisor};
        wire       fits = shifted >= {1'b0, stage[i-1].divisor};
        wire       unused = less[D];
        always @(posedge clk)
          if (enable) begin
            negative <= stage[i-1].negative;
            dividend <= {stage[i-1].dividend[A-2:0], fits};
            divisor <= stage[i-1].divisor;
            rest <= fits ? less[D-1:0] : shifted[D-1:0];
          end
      end
    end
  endgenerate

  // floor of a negative quotient: -(magnitude + (1 if there is a remainder)) = ~magnitude + (1 if there is none)
  reg signed [A:0] quotient;
  wire signed [BITS-1:0] clamped;
  reg signed [BITS-1:0]  result;
  tern_sat #(.IN(A + 1), .OUT(BITS)) sat (.a(quotient), .q(clamped));
  always @(posedge clk)
    if (enable) begin
      quotient <= stage[A].negative ? ~{1'b0, stage[A].dividend} + {{A{1'b0}}, stage[A].rest == 0} : {1'b0, stage[A].dividend};
      result <= clamped;
    end
  assign q = result;
  wire unused = &{1'b0, stage[A].divisor};
endmodule
