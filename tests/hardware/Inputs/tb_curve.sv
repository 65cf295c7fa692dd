// Bench of tern_curve: a table of random entries against the definition, inputs in, at the ends of and outside the domain.
module tb_curve #(
  parameter signed [33:0] LO = -100,
  parameter A = 16, DOMAIN = 8, SEGMENTS = 2, VALUE = 12, BITS = 10, COUNT = 400, SEED = 1
) (
  input  wire clk,
  output reg  done
);
  `include "random.vh"
  localparam N = (1 << SEGMENTS) + 1;
  function [N*VALUE-1:0] table_of(input [31:0] seed);
    integer i;
    reg [31:0] r;
    begin
      r = seed;
      for (i = 0; i < N; i = i + 1) begin
        r = r * 1664525 + 1013904223;
        table_of[i*VALUE +: VALUE] = {1'b0, r} >> (32 - VALUE);
        if (i % 5 == 3) table_of[i*VALUE +: VALUE] = {1'b1, {VALUE-1{1'b0}}};
        if (i % 5 == 4) table_of[i*VALUE +: VALUE] = {1'b0, {VALUE-1{1'b1}}};
      end
    end
  endfunction
  localparam [N*VALUE-1:0] TABLE = table_of(SEED);

  reg signed [A-1:0] a = 0;
  reg                enable = 0;
  wire signed [BITS-1:0] q;
  tern_curve #(.A(A), .LO(LO), .DOMAIN(DOMAIN), .SEGMENTS(SEGMENTS), .VALUE(VALUE), .BITS(BITS), .TABLE(TABLE)) dut (
    .clk(clk), .enable(enable), .a(a), .q(q));

  localparam H = DOMAIN - SEGMENTS;
  reg signed [VALUE-1:0] y0, y1;
  reg signed [95:0] u, t, k, x, most, one;
  function [BITS-1:0] expected(input unused);
    begin
      one = 1;
      u = a;
      u = u - LO;
      if (u < 0) u = 0;
      if (u > (one <<< DOMAIN) - 1) u = (one <<< DOMAIN) - 1;
      k = u >>> H;
      t = u & ((one <<< H) - 1);
      y0 = TABLE >> (k * VALUE);
      y1 = TABLE >> ((k + 1) * VALUE);
      x = y1;
      x = (x - y0) * t;
      if (H > 0) x = x + (one <<< (H - 1));
      x = (x >>> H) + y0;
      most = (one <<< (BITS - 1)) - 1;
      if (x > most) x = most;
      if (x < -most - 1) x = -most - 1;
      expected = x[BITS-1:0];
    end
  endfunction

  reg [BITS-1:0] want [0:5];
  integer i, fed = 0;
  initial done = 0;
  always @(posedge clk) begin
    enable <= below(5) != 0;
    if (enable) begin
      if (fed >= 6 && q !== want[5]) $fatal(1, "tb_curve: A %0d SEGMENTS %0d: %0d, not %0d", A, SEGMENTS, q, $signed(want[5]));
      for (i = 5; i > 0; i = i - 1) want[i] = want[i-1];
      want[0] = expected(0);
      fed <= fed + 1;
      case (below(4))
        0: a <= random(0);
        1: a <= LO + below(5) - 2;
        2: a <= LO + (34'd1 << DOMAIN) + below(5) - 3;
        default: a <= LO + (random(0) & ((34'd1 << DOMAIN) - 1));
      endcase
      if (fed == COUNT) done <= 1;
    end
  end
endmodule
