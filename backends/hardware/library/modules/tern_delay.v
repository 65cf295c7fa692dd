// A value delayed by a number of clocks (a shift register; tools may map it to LUTs when RESET is 0).
//
// WIDTH   bits of the value
// CYCLES  clocks of delay, 0 or more, counted in clocks with `enable` high; 0 is a wire
// RESET   1: the stages are cleared by aresetn (for valid bits); 0: they hold whatever they hold (aresetn is unused)
// Corners: WIDTH=1 CYCLES=0; WIDTH=64 CYCLES=0 RESET=1; WIDTH=1 CYCLES=2 RESET=1; WIDTH=64 CYCLES=100
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
  generate
    if (CYCLES == 0) begin : wired
      wire unused = &{1'b0, clk, aresetn, enable};
      assign q = d;
    end else begin : shifted
      reg [CYCLES*WIDTH-1:0] stages; // the newest in the low bits
      wire [(CYCLES+1)*WIDTH-1:0] next = {stages, d};
      assign q = stages[(CYCLES-1)*WIDTH +: WIDTH];
      if (RESET != 0) begin : cleared
        always @(posedge clk)
          if (!aresetn) stages <= 0;
          else if (enable) stages <= next[CYCLES*WIDTH-1:0];
      end else begin : kept
        wire unused = &{1'b0, aresetn};
        always @(posedge clk)
          if (enable) stages <= next[CYCLES*WIDTH-1:0];
      end
      wire unused_out = &{1'b0, next[CYCLES*WIDTH +: WIDTH]};
    end
  endgenerate
endmodule
