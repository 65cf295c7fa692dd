// Synchronous first-word fall-through FIFO over an inferred simple dual port RAM.
//
// WIDTH   bits of a word
// DEPTH   words it takes, a power of two, 2 or more
// STYLE   value of the attribute ram_style: "auto", "distributed", "block", "ultra"
// Latency 2 clocks from an accepted word to out_valid when empty; one word a clock in and out is sustained.
// in_ready is high while fewer than DEPTH words are held and does not depend on out_ready of the same clock; out_valid,
// once high, stays high and out_data stays the same until out_ready. count: words accepted and not yet taken.
module tern_fifo #(
  parameter WIDTH = 8,
  parameter DEPTH = 16,
  parameter STYLE = "auto"
) (
  input  wire                     clk,
  input  wire                     aresetn,
  input  wire [WIDTH-1:0]         in_data,
  input  wire                     in_valid,
  output wire                     in_ready,
  output wire [WIDTH-1:0]         out_data,
  output wire                     out_valid,
  input  wire                     out_ready,
  output wire [$clog2(DEPTH+1)-1:0] count
);
endmodule
