// Product, shifted and rounded: q = sat(floor(a * b * 2^-e + 1/2), BITS), half rounded up; for e <= 0: sat(a * b * 2^-e, BITS).
//
// A, B         bits of a and b (signed), 2 .. 32
// BITS         bits of q (signed), 2 .. 32
// E            bits of e (signed), 2 .. 32
// E_MIN, E_MAX the range of e that the caller promises, within -62 .. 62, and to which e is clamped; equal: a constant shift
//              and e is not looked at. A narrow range costs less.
// Latency 5 clocks, one result a clock; `enable` low stops all stages. The first three stages are registers before, in and
// behind the multiplier, so that DSP blocks take them. No reset.
// Corners: A=2 B=2 BITS=2 E=2 E_MIN=-2 E_MAX=1; A=32 B=32 BITS=32 E=32; E=32 E_MIN=62 E_MAX=62; E_MIN=-62 E_MAX=-62;
//  E=2 E_MIN=0 E_MAX=0; E=2 E_MIN=1 E_MAX=1; E_MIN=-3 E_MAX=0; E_MIN=1 E_MAX=20; A=2 B=32 BITS=2 E=8 E_MIN=-62
//  E_MAX=1
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
  localparam W      = A + B;                                           // bits of the product
  localparam E_LOW  = E_MIN < -62 ? -62 : E_MIN;
  localparam E_HIGH = E_MAX > 62 ? 62 : E_MAX;
  // t = a * b * 2^(1-e) rounded down, of which the result is (t + 1) >> 1: a shift to the right by e - 1, or to the left by 1 - e;
  // a shift by more than BITS + 1 to the left saturates just as one by BITS + 1.
  localparam RIGHT  = E_HIGH > 1 ? E_HIGH - 1 : 0;
  localparam LEFT   = E_LOW >= 1 ? 0 : 1 - E_LOW < BITS + 1 ? 1 - E_LOW : BITS + 1;
  localparam RB     = RIGHT > 0 ? $clog2(RIGHT + 1) : 1;
  localparam LB     = LEFT > 0 ? $clog2(LEFT + 1) : 1;
  localparam T      = W + LEFT;

  reg signed [A-1:0] a1;
  reg signed [B-1:0] b1;
  reg signed [W-1:0] p2, p3;
  reg signed [T-1:0] t4;
  reg signed [BITS-1:0] q5;
  wire [RB-1:0] right3;
  wire [LB-1:0] left3;

  generate
    if (E_LOW == E_HIGH) begin : fixed
      assign right3 = RIGHT[RB-1:0];
      assign left3 = LEFT[LB-1:0];
      wire unused = &{1'b0, e};
    end else begin : variable
      reg signed [E-1:0] e1, e2;
      reg [RB-1:0] right;
      reg [LB-1:0] left;
      // Exponents as 32-bit numbers.
      wire signed [31:0] wide = {{32-E{e2[E-1]}}, e2};
      wire signed [31:0] low = wide < E_LOW ? E_LOW : wide > E_HIGH ? E_HIGH : wide;
      wire signed [31:0] to_right = low > 1 ? low - 1 : 0;
      wire signed [31:0] to_left = low >= 1 ? 0 : 1 - low < LEFT ? 1 - low : LEFT;
      wire unused = &{1'b0, to_right[31:RB], to_left[31:LB]};
      always @(posedge clk)
        if (enable) begin
          e1 <= e;
          e2 <= e1;
          right <= to_right[RB-1:0];
          left <= to_left[LB-1:0];
        end
      assign right3 = right;
      assign left3 = left;
    end
  endgenerate

  wire signed [T-1:0] p_wide = {{LEFT+1{p3[W-1]}}, p3[W-2:0]};
  wire signed [T-1:0] shifted;
  generate
    if (LEFT == 0) begin : down
      assign shifted = p_wide >>> right3;
      wire unused = &{1'b0, left3};
    end else if (RIGHT == 0) begin : up
      assign shifted = p_wide <<< left3;
      wire unused = &{1'b0, right3};
    end else begin : both
      assign shifted = left3 != 0 ? p_wide <<< left3 : p_wide >>> right3;
    end
  endgenerate

  wire signed [T:0] rounded = {t4[T-1], t4} + {{T{1'b0}}, 1'b1};
  wire signed [BITS-1:0] clamped;
  tern_sat #(.IN(T), .OUT(BITS)) sat (.a(rounded[T:1]), .q(clamped));
  always @(posedge clk)
    if (enable) begin
      a1 <= a;
      b1 <= b;
      p2 <= a1 * b1;
      p3 <= p2;
      t4 <= shifted;
      q5 <= clamped;
    end
  assign q = q5;
  wire unused = rounded[0];
endmodule
