// A value delayed by a number of clocks (a shift register; tools may map it to LUTs when RESET is 0).
//
// WIDTH   bits of the value
// CYCLES  clocks of delay, 0 or more, counted in clocks with `enable` high; 0 is a wire
// RESET   1: the stages are cleared by aresetn (for valid bits); 0: they hold whatever they hold (aresetn is unused)
module tern_delay #(
  parameter WIDTH  = 1,
  parameter CYCLES = 1,
  parameter RESET  = 0
) (
  input  wire             clk,
  input  wire             aresetn,
  input  wire             enable,
  input  wire [WIDTH-1:0] d,
  output wire [WIDTH-1:0] q
);
endmodule
