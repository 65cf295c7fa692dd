// Sum of COUNT signed values: a pipelined tree of adders, each as wide as its range needs.
//
// COUNT   values, 1 or more
// BOUND   largest magnitude of a value; a value has clog2(BOUND+1)+1 bits, the sum clog2(COUNT*BOUND+1)+1
// PIPE    adder levels between registers, 1 or more
// Value i is values[i*bits +: bits]. Latency: ceil(clog2(COUNT) / PIPE) clocks (0 for COUNT = 1). No reset.
// Corners: COUNT=1 BOUND=1; COUNT=2 BOUND=1 PIPE=1; COUNT=3 PIPE=3; COUNT=256 BOUND=32768 PIPE=4
module tern_tree #(
  parameter COUNT = 8,
  parameter BOUND = 127,
  parameter PIPE  = 1
) (
  input  wire                                        clk,
  input  wire [COUNT*($clog2(BOUND+1)+1)-1:0]        values,
  output wire signed [$clog2(COUNT*BOUND+1):0]       sum
);
  localparam LEVELS = $clog2(COUNT);

  wire unused = clk;
  genvar k, i;
  generate
    // Level k adds neighbours: ceil(COUNT / 2^k) values of up to 2^k summands each come in.
    for (k = 0; k <= LEVELS; k = k + 1) begin : level
      localparam N    = (COUNT + (1 << k) - 1) >> k;
      localparam W    = $clog2(((1 << k) < COUNT ? (1 << k) : COUNT) * BOUND + 1) + 1;
      wire [N*W-1:0] v;
      if (k == 0) begin : first
        assign v = values;
      end else begin : added
        localparam M  = (COUNT + (1 << (k - 1)) - 1) >> (k - 1);
        localparam WM = $clog2(((1 << (k - 1)) < COUNT ? (1 << (k - 1)) : COUNT) * BOUND + 1) + 1;
        wire [N*W-1:0] next;
        for (i = 0; i < N; i = i + 1) begin : node
          wire signed [WM-1:0] x = level[k-1].v[2*i*WM +: WM];
          if (2 * i + 1 < M) begin : pair
            wire signed [WM-1:0] y = level[k-1].v[(2*i+1)*WM +: WM];
            assign next[i*W +: W] = x + y;
          end else begin : single
            assign next[i*W +: W] = {{W-WM{x[WM-1]}}, x};
          end
        end
        if (k % PIPE == 0 || k == LEVELS) begin : registered
          reg [N*W-1:0] held;
          always @(posedge clk) held <= next;
          assign v = held;
        end else begin : passed
          assign v = next;
        end
      end
    end
  endgenerate
  assign sum = level[LEVELS].v;
endmodule
