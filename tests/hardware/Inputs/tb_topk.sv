// Bench of tern_topk: streams of random values (many equal) with gaps, against a selection made here; a second run after clear.
module tb_topk #(
  parameter K = 4, WIDTH = 8, INDEX = 16, LANES = 1, WORDS = 40, RUNS = 6, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  localparam CB = $clog2(K + 1);
  reg  clear = 0, in_last = 0, in_valid = 0;
  reg  [LANES*WIDTH-1:0] in_values = 0;
  reg  [LANES-1:0] in_keep = 0;
  reg  [INDEX-1:0] in_index = 0;
  wire in_ready, ended;
  wire [CB-1:0] count;
  wire [K*WIDTH-1:0] values;
  wire [K*INDEX-1:0] indices;
  tern_topk #(.K(K), .WIDTH(WIDTH), .INDEX(INDEX), .LANES(LANES)) dut (
    .clk(clk), .aresetn(aresetn), .clear(clear), .in_values(in_values), .in_keep(in_keep), .in_index(in_index),
    .in_last(in_last), .in_valid(in_valid), .in_ready(in_ready), .done(ended), .out_count(count), .out_values(values),
    .out_indices(indices));

  reg signed [WIDTH-1:0] value [0:WORDS*LANES-1];
  reg                    kept [0:WORDS*LANES-1];
  integer run = 0, sent = 0, i, j, best, n, words, clocks = 0;
  reg [WIDTH-1:0] v;
  task check;
    begin
      n = 0;
      for (j = 0; j < K; j = j + 1) begin
        best = -1;
        for (i = 0; i < words * LANES; i = i + 1)
          if (kept[i] && (best < 0 || value[i] > value[best])) best = i;
        if (best >= 0) begin
          if (values[j*WIDTH +: WIDTH] !== value[best] || indices[j*INDEX +: INDEX] !== best[INDEX-1:0])
            $fatal(1, "tb_topk: K %0d LANES %0d, place %0d: value %0d of %0d, not %0d of %0d", K, LANES, j,
                   $signed(values[j*WIDTH +: WIDTH]), indices[j*INDEX +: INDEX], value[best], best);
          kept[best] = 0;
          n = n + 1;
        end
      end
      if (count != n) $fatal(1, "tb_topk: %0d values, not %0d", count, n);
    end
  endtask
  initial done = 0;
  always @(posedge clk)
    if (aresetn) begin
      clocks <= clocks + 1;
      clear <= 0;
      if (in_valid && in_ready) in_valid <= 0;
      if (sent == 0 && !in_valid) words = run % 3 == 2 ? 1 : 1 + below(WORDS);
      if (!in_valid || in_ready) begin
        if (sent < words && !ended && !clear && (run == 0 || below(3) != 0)) begin
          in_valid <= 1;
          in_index <= sent * LANES;
          in_last <= sent + 1 == words;
          for (i = 0; i < LANES; i = i + 1) begin
            v = run % 2 == 0 ? random(0) : below(3) - 1;
            value[sent*LANES+i] = v;
            kept[sent*LANES+i] = run < 2 || below(2);
            in_values[i*WIDTH +: WIDTH] <= v;
            in_keep[i] <= kept[sent*LANES+i];
          end
          sent <= sent + 1;
        end
      end
      if (ended && !clear && below(3) == 0) begin
        check;
        clear <= 1;
        sent <= 0;
        run <= run + 1;
        if (run + 1 == RUNS) done <= 1;
      end
    end
endmodule
