// Piecewise linear table of a function of an integer: the operator `curve` of the IR (docs/ir.md).
//
// A        bits of a (signed)
// LO       start of the domain in units of a (lo * 2^frac); signed, -2^DOMAIN .. 2^DOMAIN - 1
// DOMAIN   log2 of the domain's length in units of a (w + frac), 0 .. 35
// SEGMENTS log2 of the segments (s <= DOMAIN), 0 .. 12
// VALUE    bits of a table entry (signed), 2 .. 33
// BITS     bits of q (signed)
// TABLE    2^s + 1 entries of VALUE bits, entry 0 in the low bits: {y[2^s], ..., y[1], y[0]}
// u = clamp(a - LO, 0, 2^DOMAIN - 1); k, t = the high and low bits of u; q = sat(y[k] + (((y[k+1] - y[k]) * t + half) >> h))
// with h = DOMAIN - SEGMENTS, half = h ? 2^(h-1) : 0.
// Latency 6 clocks, one result a clock; `enable` low stops all stages. No reset.
// Corners: DOMAIN=0 SEGMENTS=0 A=2 VALUE=2 BITS=2; DOMAIN=1 SEGMENTS=0 A=2; DOMAIN=1 SEGMENTS=1 A=32; DOMAIN=35
//  SEGMENTS=12 A=2 VALUE=33 BITS=33; DOMAIN=35 SEGMENTS=0 A=32; DOMAIN=12 SEGMENTS=12 A=33; DOMAIN=2
module tern_curve #(
  parameter               A        = 16,
  parameter signed [39:0] LO       = 0,
  parameter               DOMAIN   = 8,
  parameter               SEGMENTS = 2,
  parameter               VALUE    = 16,
  parameter               BITS     = 16,
  parameter [((1<<SEGMENTS)+1)*VALUE-1:0] TABLE = 0
) (
  input  wire                   clk,
  input  wire                   enable,
  input  wire signed [A-1:0]    a,
  output wire signed [BITS-1:0] q
);
  localparam H    = DOMAIN - SEGMENTS;                 // bits within a segment
  localparam N    = 1 << SEGMENTS;
  localparam KB   = SEGMENTS > 0 ? SEGMENTS : 1;
  localparam HB   = H > 0 ? H : 1;
  localparam DB   = DOMAIN > 0 ? DOMAIN : 1;
  localparam DW   = (A > DOMAIN + 1 ? A : DOMAIN + 1) + 1; // bits of a - LO
  localparam RISE = VALUE + 1;                         // bits of the difference of two entries
  localparam P    = RISE + HB + 1;                     // bits of its product with t

  // A segment's start and rise.
  reg [RISE+VALUE-1:0] segment [0:N-1];
  integer n;
  initial
    for (n = 0; n < N; n = n + 1)
      segment[n] = {{TABLE[(n+1)*VALUE+VALUE-1], TABLE[(n+1)*VALUE +: VALUE]} - {TABLE[n*VALUE+VALUE-1], TABLE[n*VALUE +: VALUE]},
                    TABLE[n*VALUE +: VALUE]};

  reg signed [DW-1:0]     d1;
  reg [DB-1:0]            u2;
  reg [HB-1:0]            t3;
  reg [RISE+VALUE-1:0]    segment3;
  reg signed [P-1:0]      p4;
  reg signed [VALUE-1:0]  y4;
  reg signed [RISE:0]     s5;
  reg signed [BITS-1:0]   q6;

  wire [KB-1:0] k2;
  wire [HB-1:0] t2;
  generate
    if (SEGMENTS > 0) begin : several
      assign k2 = u2[DOMAIN-1 -: KB];
    end else begin : one
      assign k2 = 1'b0;
    end
    if (H > 0) begin : part
      assign t2 = u2[HB-1:0];
    end else begin : exact
      assign t2 = 1'b0;
    end
  endgenerate

  wire signed [DW-1:0]   wide_a = {{DW-A{a[A-1]}}, a};
  wire signed [DW-1:0]   wide_lo = LO[DW-1:0];
  wire                   over = !d1[DW-1] && d1[DW-2:DOMAIN] != 0;
  wire signed [RISE-1:0] rise3 = segment3[VALUE +: RISE];
  wire signed [HB:0]     t3_signed = {1'b0, t3};
  wire signed [P-1:0]    half = H > 0 ? {{P-1{1'b0}}, 1'b1} << (HB - 1) : {P{1'b0}};
  wire signed [P-1:0]    step = (p4 + half) >>> H;
  wire signed [BITS-1:0] clamped;
  tern_sat #(.IN(RISE + 1), .OUT(BITS)) sat (.a(s5), .q(clamped));

  always @(posedge clk)
    if (enable) begin
      d1 <= wide_a - wide_lo;
      u2 <= d1[DW-1] ? {DB{1'b0}} : over ? {DB{1'b1}} : d1[DB-1:0];
      t3 <= t2;
      segment3 <= segment[k2];
      p4 <= rise3 * t3_signed;
      y4 <= segment3[VALUE-1:0];
      s5 <= {{2{y4[VALUE-1]}}, y4} + step[RISE:0];
      q6 <= clamped;
    end
  assign q = q6;
  wire unused = &{1'b0, step[P-1:RISE], u2};
endmodule
