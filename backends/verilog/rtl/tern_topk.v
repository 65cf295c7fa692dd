// The K largest values of a stream with their indices, largest first; equal values: lower index first.
//
// K       values kept, 1 or more
// WIDTH   bits of a value (signed)
// INDEX   bits of an index
// LANES   values a word of the stream; lane i has index `in_index` + i
// Words come with growing indices. in_ready goes low only while several values of a word must be inserted, or the last word
// is being finished; random data insert about K ln(n / K) of n values.
// in_keep: lanes that count. in_last: last word; done is high from 3 clocks after the last insertion until clear (one clock),
// which forgets everything; only then are further words accepted. Results are stable while done is high: out_values,
// out_indices (entry 0 in the low bits), out_count entries that are valid (min(K, lanes kept)).
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
endmodule
