// Clock of a unit that stands still for most of the time. q follows clk while `on` is high.
//
// Without the macro TERN_GATED_CLOCKS q is clk and `on` is not looked at: the unit's registers are written so that they keep
// what matters by themselves. That is right for FPGAs. With it there is the usual gate of a latch and an AND, for ASICs (their
// tools put a cell of the library there) and for simulation, which then spends no time on units that stand still.
// Corners: none
module tern_clock (
  input  wire clk,
  input  wire on,
  output wire q
);
`ifdef TERN_GATED_CLOCKS
  reg open; // changes only while clk is low
  always @(negedge clk) open <= on;
  assign q = clk & open;
`else
  wire unused = &{1'b0, on};
  assign q = clk;
`endif
endmodule
