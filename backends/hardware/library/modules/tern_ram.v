// Simple dual port RAM: one write port with an enable a lane, one registered read port.
//
// WIDTH   bits of a lane
// LANES   lanes of a word; lane i is bits [i*WIDTH +: WIDTH]
// DEPTH   words, 2 or more
// STYLE   value of the attribute ram_style: "auto", "distributed", "block", "ultra"
// A read answers one clock after `read`; without `read` the answer stays. A word that is read in the clock in which it is
// written gives its old contents in simulation, and must not be counted on: vendors' RAMs differ.
// Contents are undefined until written.
// Corners: WIDTH=1 LANES=1 DEPTH=2; WIDTH=33 LANES=64 DEPTH=3
module tern_ram #(
  parameter WIDTH = 8,
  parameter LANES = 1,
  parameter DEPTH = 16,
  /* verilator lint_off UNUSEDPARAM */ // only the attribute ram_style reads it
  parameter STYLE = "auto"
  /* verilator lint_on UNUSEDPARAM */
) (
  input  wire                     clk,
  input  wire [LANES-1:0]         write,
  input  wire [$clog2(DEPTH)-1:0] write_address,
  input  wire [LANES*WIDTH-1:0]   write_data,
  input  wire                     read,
  input  wire [$clog2(DEPTH)-1:0] read_address,
  output reg  [LANES*WIDTH-1:0]   read_data
);
  (* ram_style = STYLE, no_rw_check *) reg [LANES*WIDTH-1:0] memory [0:DEPTH-1];

  integer i;
  always @(posedge clk) begin
    for (i = 0; i < LANES; i = i + 1)
      if (write[i]) memory[write_address][i*WIDTH +: WIDTH] <= write_data[i*WIDTH +: WIDTH];
    if (read) read_data <= memory[read_address];
  end
endmodule
