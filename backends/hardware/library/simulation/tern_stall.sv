// Random stalls for simulation: `stall` is high in about `percent` of 100 clocks, in runs of a few clocks as well as single ones.
//
// SEED    numbers that differ make sequences that differ; the sequence is the same in every simulator
module tern_stall #(
  parameter SEED = 1
) (
  input  wire       clk,
  input  wire [6:0] percent,
  output reg        stall
);
  reg  [31:0] state = SEED * 32'h9e3779b9 + 32'h7f4a7c15;
  wire [31:0] a = state ^ (state << 13);
  wire [31:0] b = a ^ (a >> 17);
  wire [31:0] next = b ^ (b << 5);
  initial stall = 0;
  always @(posedge clk) begin
    state <= next;
    if (next[31:30] == 0 || percent == 0 || percent >= 100) stall <= {25'b0, percent} > next[15:0] % 100;
  end
endmodule
