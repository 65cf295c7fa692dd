// Dot products of tern_sum, made of adders (STYLE 0): codes in registers, twice, and tern_lanes for each sequence.
//
// Parameters as in tern_sum; MARK: bits that go along with a word.
// Loading, once the former codes are in use: LANES / LOAD beats of LOAD codes for sequence 0, in column order, then for sequence 1, ...
// (load, load_sequence, load_codes). full: all codes of the next chunk are there.
// Words: valid, first (first word of a chunk: only when full is high; makes the loaded codes those in use, and full low), word,
// mark. Answer: out_valid, out_mark, out_sums (SUM bits a sequence) a fixed number of clocks later.
// Corners: LANES=4 WIDTH=2 LOAD=1; LANES=128 WIDTH=16 SEQUENCES=2 LOAD=64; LANES=5 PACKING=1 LOAD=1; LANES=320
//  PACKING=1 LOAD=64 PIPE=4; LANES=16 MARK=40 SEQUENCES=16
module tern_dot_adders #(
  parameter LANES     = 256,
  parameter PACKING   = 0,
  parameter WIDTH     = 8,
  parameter SEQUENCES = 1,
  parameter LOAD      = 8,
  parameter PIPE      = 1,
  parameter MARK      = 1,
  parameter SUM       = WIDTH + $clog2(LANES) + 1
) (
  input  wire                                      clk,
  input  wire                                      aresetn,
  output wire                                      full,
  input  wire                                      load,
  input  wire [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0] load_sequence,
  input  wire [LOAD*WIDTH-1:0]                     load_codes,
  input  wire                                      valid,
  input  wire                                      first,
  input  wire [(PACKING!=0?LANES/5*8:LANES*2)-1:0] word,
  input  wire [MARK-1:0]                           mark,
  output wire                                      out_valid,
  output wire [MARK-1:0]                           out_mark,
  output wire [SEQUENCES*SUM-1:0]                  out_sums
);
  localparam BEATS   = LANES / LOAD;
  localparam TOTAL   = BEATS * SEQUENCES;
  localparam COUNT   = $clog2(TOTAL + 1);
  localparam TREE    = $clog2((LANES + 3) / 4);
  localparam DECODE  = PACKING != 0 ? 1 : 0; // the decoder's clock
  localparam LATENCY = (TREE + 3) / PIPE + 2 + DECODE;
  localparam SEQ     = SEQUENCES > 1 ? $clog2(SEQUENCES) : 1;

  // Beats that have come for the next chunk.
  reg [COUNT-1:0] beats;
  assign full = beats == TOTAL[COUNT-1:0];
  always @(posedge clk)
    if (!aresetn) beats <= 0;
    else if (valid && first) beats <= 0;
    else if (load) beats <= beats + 1'b1;

  // Weights of the word, two bits a lane in column order.
  wire [2*LANES-1:0] weights;
  wire               take;
  generate
    if (PACKING != 0) begin : trits
      reg taken;
      always @(posedge clk) taken <= valid && first;
      tern_trits #(.BYTES(LANES / 5)) decoder (.clk(clk), .bytes(word), .codes(weights));
      assign take = taken;
    end else begin : pairs
      assign weights = word;
      assign take = valid && first;
    end
  endgenerate

  genvar s;
  generate
    for (s = 0; s < SEQUENCES; s = s + 1) begin : one
      reg  [LANES*WIDTH-1:0]        next; // codes of the next chunk, shifted in from the top
      wire [(LANES+LOAD)*WIDTH-1:0] shifted = {load_codes, next};
      always @(posedge clk)
        if (load && load_sequence == s[SEQ-1:0]) next <= shifted[LOAD*WIDTH +: LANES*WIDTH];
      wire unused = &{1'b0, shifted[0 +: LOAD*WIDTH]};
      tern_lanes #(.LANES(LANES), .WIDTH(WIDTH), .PIPE(PIPE)) lanes (
        .clk(clk), .take(take), .weights(weights), .codes(next), .sum(out_sums[s*SUM +: SUM]));
    end
  endgenerate

  tern_delay #(.WIDTH(1), .CYCLES(LATENCY), .RESET(1)) delay_valid (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d(valid), .q(out_valid));
  tern_delay #(.WIDTH(MARK), .CYCLES(LATENCY)) delay_mark (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d(mark), .q(out_mark));
endmodule
