// Square root of an integer, one bit of the root a clock: q = floor(sqrt(max(a, 0))).
//
// A       bits of a (signed), 2 .. 64
// BITS    bits of q (signed); saturates
// start (accepted when ready is high) takes a; valid is high for one clock floor(A/2) + 2 clocks later, with q, which then
// stays until the next valid. ready is high again floor(A/2) + 1 clocks after start.
// Corners: A=2 BITS=1; A=2 BITS=64; A=3 BITS=2; A=4 BITS=2; A=5 BITS=32; A=63 BITS=2; A=64 BITS=64
module tern_isqrt #(
  parameter A    = 32,
  parameter BITS = 32
) (
  input  wire                   clk,
  input  wire                   aresetn,
  input  wire                   start,
  output wire                   ready,
  input  wire signed [A-1:0]    a,
  output wire                   valid,
  output wire signed [BITS-1:0] q
);
  localparam R     = A / 2; // bits of the root of an (A-1)-bit number
  localparam COUNT = $clog2(R + 1);

  reg [COUNT-1:0] left; // bits of the root that are still to come
  reg             finished;
  reg [2*R-1:0]   radicand; // pairs of bits that are still to be used, from the top
  reg [R-1:0]     root;
  reg [R:0]       rest; // radicand so far less the root's square: at most twice the root

  // rest * 4 + the next pair, against root * 4 + 1
  wire [R+2:0] next = {rest, radicand[2*R-1 -: 2]};
  wire [R+2:0] trial = {1'b0, root, 2'b01};
  wire [R+2:0] less = next - trial;
  wire         fits = next >= trial;
  wire [R:0]   grown = {root, fits};
  wire         accept = start && ready;

  assign ready = left == 0;
  always @(posedge clk)
    if (!aresetn) begin
      left <= 0;
      finished <= 0;
    end else begin
      left <= accept ? R[COUNT-1:0] : ready ? {COUNT{1'b0}} : left - 1'b1;
      finished <= left == 1;
    end
  always @(posedge clk)
    if (accept) begin
      radicand <= {{2*R+1-A{1'b0}}, a[A-1] ? {A-1{1'b0}} : a[A-2:0]};
      root <= 0;
      rest <= 0;
    end else if (!ready) begin
      radicand <= radicand << 2;
      root <= grown[R-1:0];
      rest <= fits ? less[R:0] : next[R:0];
    end

  wire signed [BITS-1:0] clamped;
  reg signed [BITS-1:0]  result;
  reg                    out;
  tern_sat #(.IN(R + 1), .OUT(BITS)) sat (.a({1'b0, root}), .q(clamped));
  always @(posedge clk) begin
    out <= aresetn && finished;
    if (finished) result <= clamped;
  end
  assign valid = out;
  assign q = result;
  wire unused = &{1'b0, grown[R], less[R+2:R+1]};
endmodule
