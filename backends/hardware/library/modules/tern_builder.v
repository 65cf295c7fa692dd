// Builder of tern_dot_tables: holds the codes of DEPTH groups of K weights and computes sums of the group at its head.
//
// K       codes of a group: 2, 4 or 5
// SPLIT   1 (K = 5): the group is two, of 3 and of 2 codes, with a sum each
// DEPTH   groups, 1 or more
// WIDTH   bits of a code (signed)
// VA, VB  bits of the sum (of the first 3 with SPLIT), at most WIDTH + clog2(K), and of the sum of the last 2 with SPLIT
// PIPE    as in tern_lanes
// shift[j]: code j of all groups moves on by one group, `code` comes in behind the last; after DEPTH shifts the first is at the head.
// take, weights: as in tern_lanes, for the group at the head. Latency that of tern_lanes.
// Corners: K=2 DEPTH=1 WIDTH=2 VA=3 VB=1; K=4 DEPTH=4 WIDTH=16 VA=18; K=5 SPLIT=1 DEPTH=1 WIDTH=2 VA=4 VB=3 PIPE=4;
//  K=5 DEPTH=16 WIDTH=16 VA=19
module tern_builder #(
  parameter K     = 2,
  parameter SPLIT = 0,
  parameter DEPTH = 16,
  parameter WIDTH = 8,
  parameter VA    = 10,
  parameter VB    = 10,
  parameter PIPE  = 1
) (
  input  wire             clk,
  input  wire [K-1:0]     shift,
  input  wire [WIDTH-1:0] code,
  input  wire             take,
  input  wire [2*K-1:0]   weights,
  output wire [VA-1:0]    sum_a,
  output wire [VB-1:0]    sum_b
);
  wire [K*WIDTH-1:0] head;
  genvar j;
  generate
    for (j = 0; j < K; j = j + 1) begin : chain
      reg  [DEPTH*WIDTH-1:0]     codes; // the newest on top
      wire [(DEPTH+1)*WIDTH-1:0] next = {code, codes};
      always @(posedge clk)
        if (shift[j]) codes <= next[WIDTH +: DEPTH*WIDTH];
      assign head[j*WIDTH +: WIDTH] = next[0 +: WIDTH];
    end

    if (SPLIT != 0) begin : two
      localparam WA = WIDTH + 3;
      localparam WB = WIDTH + 2;
      wire [WA-1:0] a;
      wire [WB-1:0] b;
      tern_lanes #(.LANES(3), .WIDTH(WIDTH), .PIPE(PIPE)) lanes_a (
        .clk(clk), .take(take), .weights(weights[5:0]), .codes(head[0 +: 3*WIDTH]), .sum(a));
      tern_lanes #(.LANES(2), .WIDTH(WIDTH), .PIPE(PIPE)) lanes_b (
        .clk(clk), .take(take), .weights(weights[9:6]), .codes(head[3*WIDTH +: 2*WIDTH]), .sum(b));
      assign sum_a = a[VA-1:0];
      assign sum_b = b[VB-1:0];
      wire unused = &{1'b0, a[WA-1], b[WB-1]};
    end else begin : one
      localparam W = WIDTH + $clog2(K) + 1;
      wire [W-1:0] s;
      tern_lanes #(.LANES(K), .WIDTH(WIDTH), .PIPE(PIPE)) lanes (
        .clk(clk), .take(take), .weights(weights), .codes(head), .sum(s));
      assign sum_a = s[VA-1:0];
      assign sum_b = {VB{1'b0}};
      wire unused = &{1'b0, s[W-1]};
    end
  endgenerate
endmodule
