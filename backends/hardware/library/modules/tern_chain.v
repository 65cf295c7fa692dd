// Four lanes of tern_lanes: a chain of three adders, the selection of each code fused into its adder.
//
// WIDTH   bits of a code (signed)
// PIPE    adder levels between registers, 1 or more
// weights, codes: as in tern_lanes. take[l]: the codes of adder level l change (a and b with take[0], c with take[1], d with
// take[2]); level l works l / PIPE clocks after level 0, which works on `weights` of the same clock.
// sum + !whole is minus the dot product, after 2 / PIPE clocks, before the register that tern_lanes puts (or not) behind this level.
// Corners: WIDTH=1 PIPE=1; WIDTH=16 PIPE=4
module tern_chain #(
  parameter WIDTH = 8,
  parameter PIPE  = 1
) (
  input  wire                    clk,
  input  wire [2:0]              take,
  input  wire [7:0]              weights,
  input  wire [4*WIDTH-1:0]      codes,
  output wire signed [WIDTH+1:0] sum,
  output wire                    whole
);
  // The codes in use.
  reg [WIDTH-1:0] a, b, c, d;
  always @(posedge clk) begin
    if (take[0]) a <= codes[0 +: WIDTH];
    if (take[0]) b <= codes[WIDTH +: WIDTH];
    if (take[1]) c <= codes[2*WIDTH +: WIDTH];
    if (take[2]) d <= codes[3*WIDTH +: WIDTH];
  end

  // Weights of c and d and the sign of b, as late as the adders that use them.
  wire [1:0] wc, wd;
  tern_delay #(.WIDTH(2), .CYCLES(1 / PIPE)) delay_c (.clk(clk), .aresetn(1'b1), .enable(1'b1), .d(weights[5:4]), .q(wc));
  tern_delay #(.WIDTH(2), .CYCLES(2 / PIPE)) delay_d (.clk(clk), .aresetn(1'b1), .enable(1'b1), .d(weights[7:6]), .q(wd));
  tern_delay #(.WIDTH(1), .CYCLES(2 / PIPE)) delay_b (.clk(clk), .aresetn(1'b1), .enable(1'b1), .d(weights[3]), .q(whole));

  // Minus what a lane adds, as a one's complement, unless its weight is -1. {x, 1} + {y, c} makes c the carry into x + y; the
  // first sum bit is then the sign bit as it is.
  wire [WIDTH-1:0] sa = (a & {WIDTH{weights[0]}}) ^ {WIDTH{!weights[1]}};
  wire [WIDTH-1:0] sb = (b & {WIDTH{weights[2]}}) ^ {WIDTH{!weights[3]}};
  wire [WIDTH-1:0] sc = (c & {WIDTH{wc[0]}}) ^ {WIDTH{!wc[1]}};
  wire [WIDTH-1:0] sd = (d & {WIDTH{wd[0]}}) ^ {WIDTH{!wd[1]}};
  wire [WIDTH+1:0] ab = {sa[WIDTH-1], sa, 1'b1} + {sb[WIDTH-1], sb, !weights[1]};
  wire [WIDTH:0]   ab_q;
  tern_delay #(.WIDTH(WIDTH + 1), .CYCLES(1 / PIPE)) delay_ab (
    .clk(clk), .aresetn(1'b1), .enable(1'b1), .d(ab[WIDTH+1:1]), .q(ab_q));
  wire [WIDTH+2:0] abc = {ab_q[WIDTH], ab_q, 1'b1} + {{2{sc[WIDTH-1]}}, sc, !wc[1]};
  wire [WIDTH+1:0] abc_q;
  tern_delay #(.WIDTH(WIDTH + 2), .CYCLES(2 / PIPE - 1 / PIPE)) delay_abc (
    .clk(clk), .aresetn(1'b1), .enable(1'b1), .d(abc[WIDTH+2:1]), .q(abc_q));
  wire [WIDTH+2:0] abcd = {abc_q, 1'b1} + {{2{sd[WIDTH-1]}}, sd, !wd[1]};
  assign sum = abcd[WIDTH+2:1];
  wire unused = &{1'b0, ab[0], abc[0], abcd[0]};
endmodule
