// The K largest values of a stream with their indices, largest first; equal values: lower index first.
//
// K       values kept, 1 or more
// WIDTH   bits of a value (signed)
// INDEX   bits of an index
// LANES   values a word of the stream; lane i has index `in_index` + i
// Words come with growing indices. in_ready goes low only while several values of a word may have to be inserted, one a clock
// (of n random values about K ln(n / K) are), and after the last word. in_ready does not depend on in_valid.
// in_keep: lanes that count. in_last: last word; `done` goes high when its lanes are inserted, at most LANES + 3 clocks later, and
// stays until clear (one clock), which forgets everything; only then are further words accepted. While done is high, results are
// stable: out_values, out_indices (entry 0 in the low bits), out_count entries that are valid (min(K, lanes kept)).
// Corners: K=1 WIDTH=2 INDEX=1 LANES=1; K=64 WIDTH=32 INDEX=32 LANES=1; K=2 LANES=64; K=5 LANES=8; K=1 LANES=4
//  INDEX=3
module tern_topk #(
  parameter K     = 1,
  parameter WIDTH = 32,
  parameter INDEX = 16,
  parameter LANES = 1
) (
  input  wire                   clk,
  input  wire                   aresetn,
  input  wire                   clear,
  input  wire [LANES*WIDTH-1:0] in_values,
  input  wire [LANES-1:0]       in_keep,
  input  wire [INDEX-1:0]       in_index,
  input  wire                   in_last,
  input  wire                   in_valid,
  output wire                   in_ready,
  output wire                   done,
  output wire [$clog2(K+1)-1:0] out_count,
  output wire [K*WIDTH-1:0]     out_values,
  output wire [K*INDEX-1:0]     out_indices
);
  localparam CB = $clog2(K + 1);

  // The word whose lanes are being looked at: `pending` are those that may belong to the K largest.
  reg [LANES-1:0]       pending;
  reg [LANES*WIDTH-1:0] values;
  reg [INDEX-1:0]       index;
  reg                   ending, finished; // the last word has come; its lanes are inserted

  // The first of them, one clock later.
  reg                    insert;
  reg signed [WIDTH-1:0] value;
  reg [INDEX-1:0]        place;

  // The best so far, best first; the first `count` are valid.
  reg [K*WIDTH-1:0] best;
  reg [K*INDEX-1:0] places;
  reg [CB-1:0]      count;
  wire              filled = count == K[CB-1:0];
  wire signed [WIDTH-1:0] worst = best[(K-1)*WIDTH +: WIDTH];

  wire [LANES-1:0] rest = pending & (pending - 1'b1); // without the first
  wire [LANES-1:0] only = pending & ~rest;
  wire             accept = in_valid && in_ready;
  assign in_ready = !ending && rest == 0;
  assign done = finished;

  genvar i;
  wire [LANES-1:0] may;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : lane
      wire signed [WIDTH-1:0] v = in_values[i*WIDTH +: WIDTH];
      assign may[i] = in_keep[i] && (!filled || v > worst); // `worst` only grows: what fails now fails later
    end
  endgenerate

  integer n;
  reg [WIDTH-1:0] first_value;
  reg [INDEX-1:0] first_place;
  always @* begin
    first_value = {WIDTH{1'b0}};
    first_place = {INDEX{1'b0}};
    for (n = 0; n < LANES; n = n + 1) begin
      first_value = first_value | (values[n*WIDTH +: WIDTH] & {WIDTH{only[n]}});
      first_place = first_place | (n[INDEX-1:0] & {INDEX{only[n]}});
    end
  end

  always @(posedge clk)
    if (!aresetn || clear) begin
      pending <= 0;
      ending <= 0;
      finished <= 0;
      insert <= 0;
    end else begin
      pending <= accept ? may : rest;
      insert <= pending != 0;
      if (accept && in_last) ending <= 1;
      finished <= ending && pending == 0 && !insert;
    end
  always @(posedge clk) begin
    if (accept) begin
      values <= in_values;
      index <= in_index;
    end
    value <= first_value;
    place <= index + first_place;
  end

  // Insertion: entries that are smaller than the value move down.
  wire [K-1:0] smaller;
  generate
    for (i = 0; i < K; i = i + 1) begin : entry
      wire signed [WIDTH-1:0] mine = best[i*WIDTH +: WIDTH];
      assign smaller[i] = {{32-CB{1'b0}}, count} <= i || value > mine;
      wire [WIDTH-1:0] upper_value;
      wire [INDEX-1:0] upper_place;
      if (i == 0) begin : top
        assign upper_value = value;
        assign upper_place = place;
      end else begin : below
        assign upper_value = smaller[i-1] ? best[(i-1)*WIDTH +: WIDTH] : value;
        assign upper_place = smaller[i-1] ? places[(i-1)*INDEX +: INDEX] : place;
      end
      always @(posedge clk)
        if (insert && smaller[i]) begin
          best[i*WIDTH +: WIDTH] <= upper_value;
          places[i*INDEX +: INDEX] <= upper_place;
        end
    end
  endgenerate
  always @(posedge clk)
    if (!aresetn || clear) count <= 0;
    else if (insert && !filled) count <= count + 1'b1;

  assign out_count = count;
  assign out_values = best;
  assign out_indices = places;
endmodule
