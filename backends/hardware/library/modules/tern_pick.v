// One lane of a word, combinational.
//
// WIDTH   bits of a lane
// LANES   lanes of the word, 2 or more; lane i is bits [i*WIDTH +: WIDTH]. A number beyond them gives 0.
// Corners: WIDTH=1 LANES=2; WIDTH=64 LANES=3; WIDTH=1 LANES=64
module tern_pick #(
  parameter WIDTH = 8,
  parameter LANES = 2
) (
  input  wire [LANES*WIDTH-1:0]   word,
  input  wire [$clog2(LANES)-1:0] lane,
  output reg  [WIDTH-1:0]         q
);
  integer k;
  always @* begin
    q = {WIDTH{1'b0}};
    for (k = 0; k < LANES; k = k + 1)
      if (lane == k[$clog2(LANES)-1:0])
        q = word[k*WIDTH +: WIDTH];
  end
endmodule
