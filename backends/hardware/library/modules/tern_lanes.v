// Dot product of LANES ternary weights with LANES signed codes that stay for many words: adders only, for every family.
//
// LANES   weights of a word, 1 or more
// WIDTH   bits of a code (signed)
// PIPE    adder levels between registers, 1 or more
// Weight i is bits [2i+1:2i] of `weights`: 00 = 0, 01 = +1, 11 = -1 (10 is read as 0); code i is codes[i*WIDTH +: WIDTH].
// take: the word of this clock is the first of a chunk: it and those that follow are multiplied by the codes that `codes`
// has in this clock, which must stay there for 2 clocks more. One word a clock. sum is exact.
// Latency: floor((T + 3) / PIPE) + 2 clocks, T = clog2(ceil(LANES / 4)). No reset: follow the word with a valid bit.
//
// How: four lanes are a chain of three adders, ((a + b) + c) + d, each adding a selected code: (code & nonzero) ^ positive, so
// that selection and addition share a LUT; a tree adds the chains. This is minus the dot product, in one's complement: where the
// weight is not -1, it is 1 too small. The missing 1 of a, c and d is the carry into an adder of the chain, that of b the carry
// into an adder of the tree; the last adder takes the one that is left, and negates. (With the opposite sign the carry would
// be an inverted sign bit, which costs Xilinx devices a LUT an adder.)
// Corners: LANES=1 WIDTH=1 PIPE=1; LANES=256 WIDTH=16 PIPE=4; LANES=2 WIDTH=3; LANES=20 PIPE=4
module tern_lanes #(
  parameter LANES = 16,
  parameter WIDTH = 8,
  parameter PIPE  = 1
) (
  input  wire                                clk,
  input  wire                                take,
  input  wire [2*LANES-1:0]                  weights,
  input  wire [LANES*WIDTH-1:0]              codes,
  output wire signed [WIDTH+$clog2(LANES):0] sum
);
  localparam CHAINS = (LANES + 3) / 4;
  localparam TREE   = $clog2(CHAINS);
  localparam SUM    = WIDTH + $clog2(LANES) + 1;
  localparam C      = WIDTH + 2; // bits of a chain's sum

  // Lanes that do not exist have weight 0 and code 0.
  reg [2*LANES-1:0] word;
  always @(posedge clk) word <= weights;
  wire [8*CHAINS-1:0]       w = {{8*CHAINS-2*LANES{1'b0}}, word};
  wire [4*CHAINS*WIDTH-1:0] code = {{(4*CHAINS-LANES)*WIDTH{1'b0}}, codes};

  // Adder level l of a chain comes after l / PIPE registers (and that of the word), and so does the change of its codes.
  wire take1, take2;
  tern_delay #(.WIDTH(1), .CYCLES(1 / PIPE)) delay_take1 (.clk(clk), .aresetn(1'b1), .enable(1'b1), .d(take), .q(take1));
  tern_delay #(.WIDTH(1), .CYCLES(2 / PIPE)) delay_take2 (.clk(clk), .aresetn(1'b1), .enable(1'b1), .d(take), .q(take2));

  genvar i, k, n;
  generate
    // Level k of the tree: values, each 1 too small unless it is whole.
    for (k = 0; k <= TREE; k = k + 1) begin : level
      localparam N = (CHAINS + (1 << k) - 1) >> k;
      localparam W = C + k;
      wire [N*W-1:0] v;
      wire [N-1:0]   whole;
      wire [N*W-1:0] next;
      wire [N-1:0]   next_whole;
      if ((k + 3) % PIPE == 0) begin : registered
        reg [N*W-1:0] v_held;
        reg [N-1:0]   whole_held;
        always @(posedge clk) begin
          v_held <= next;
          whole_held <= next_whole;
        end
        assign v = v_held;
        assign whole = whole_held;
      end else begin : passed
        assign v = next;
        assign whole = next_whole;
      end
      if (k > 0) begin : tree
        localparam M = (CHAINS + (1 << (k - 1)) - 1) >> (k - 1);
        for (n = 0; n < N; n = n + 1) begin : node
          wire signed [W-2:0] x = level[k-1].v[2*n*(W-1) +: W-1];
          if (2 * n + 1 < M) begin : pair
            wire signed [W-2:0] y = level[k-1].v[(2*n+1)*(W-1) +: W-1];
            wire [W:0] both = {x[W-2], x, 1'b1} + {y[W-2], y, !level[k-1].whole[2*n]};
            wire unused = both[0];
            assign next[n*W +: W] = both[W:1];
            assign next_whole[n] = level[k-1].whole[2*n+1];
          end else begin : single
            assign next[n*W +: W] = {x[W-2], x};
            assign next_whole[n] = level[k-1].whole[2*n];
          end
        end
      end
    end

    for (i = 0; i < CHAINS; i = i + 1) begin : chain
      tern_chain #(.WIDTH(WIDTH), .PIPE(PIPE)) chain (
        .clk(clk), .take({take2, take1, take}), .weights(w[8*i +: 8]), .codes(code[4*i*WIDTH +: 4*WIDTH]),
        .sum(level[0].next[i*C +: C]), .whole(level[0].next_whole[i]));
    end
  endgenerate

  reg signed [SUM-1:0] total;
  localparam W_TOP = C + TREE;
  // -(v + !whole) = ~v + whole
  wire [W_TOP:0] last = ~{level[TREE].v[W_TOP-1], level[TREE].v} + {{W_TOP{1'b0}}, level[TREE].whole};
  always @(posedge clk) total <= last[SUM-1:0];
  assign sum = total;
  wire unused = &{1'b0, last};
endmodule
