// Division of integers, one bit a clock: q = sat(floor(a / max(b, 1)), BITS).
//
// A, B    bits of a and of b (signed), 2 .. 64
// BITS    bits of q (signed)
// start (accepted when ready is high) takes a and b; valid is high for one clock A + 3 clocks later, with q, which then stays
// until the next valid. ready is high again A + 1 clocks after start.
// Corners: A=2 B=2 BITS=1; A=64 B=64 BITS=64; A=2 B=64 BITS=64; A=64 B=2 BITS=2
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
  localparam COUNT = $clog2(A + 1);
  localparam D     = B - 1; // bits of the divisor, which is positive

  reg [COUNT-1:0] left; // bits of the quotient that are still to come
  reg             divided, finished;
  reg             negative;
  reg [A-1:0]     dividend; // bits that are still to be divided, and below them those of the quotient
  reg [D-1:0]     divisor, rest;

  wire [D:0] shifted = {rest, dividend[A-1]};
  wire [D:0] less = shifted - {1'b0, divisor};
  wire       fits = shifted >= {1'b0, divisor};
  wire       accept = start && ready;

  assign ready = left == 0;
  always @(posedge clk)
    if (!aresetn) begin
      left <= 0;
      divided <= 0;
      finished <= 0;
    end else begin
      left <= accept ? A[COUNT-1:0] : ready ? {COUNT{1'b0}} : left - 1'b1;
      divided <= left == 1;
      finished <= divided;
    end

  // floor of a negative quotient: -(magnitude + (1 if there is a remainder)) = ~magnitude + (1 if there is none)
  reg signed [A:0] quotient;
  always @(posedge clk) begin
    if (accept) begin
      negative <= a[A-1];
      dividend <= a[A-1] ? -a : a;
      divisor <= b[B-1] || b == 0 ? {{D-1{1'b0}}, 1'b1} : b[D-1:0];
      rest <= 0;
    end else if (!ready) begin
      dividend <= {dividend[A-2:0], fits};
      rest <= fits ? less[D-1:0] : shifted[D-1:0];
    end
    if (divided) quotient <= negative ? ~{1'b0, dividend} + {{A{1'b0}}, rest == 0} : {1'b0, dividend};
  end

  wire signed [BITS-1:0] clamped;
  reg signed [BITS-1:0]  result;
  reg                    out;
  tern_sat #(.IN(A + 1), .OUT(BITS)) sat (.a(quotient), .q(clamped));
  always @(posedge clk) begin
    out <= aresetn && finished;
    if (finished) result <= clamped;
  end
  assign valid = out;
  assign q = result;
  wire unused = less[D];
endmodule
