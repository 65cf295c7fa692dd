// Decoder of the 5-trits-a-byte packing: bytes to pairs of bits. Latency 1 clock, bytes every clock, no reset.
//
// BYTES   bytes decoded side by side
// Of byte b, bits [8b+7:8b] = {sa, a[3:0], p[2:0]}: with a <= 13, trits (t0,t1,t2) are the balanced ternary digits of a (negated
// if sa), t0 first, and (t3,t4) those of p[1:0] + 1 (negated if p[2]); with a = 14 or 15, t3 = t4 = 0 and a's place is taken by
// {p[2:0], a[0]}. 243 of the 256 bytes are used; weight_words.h (word_pack) writes them.
// Lane order: byte b holds lanes b, b + BYTES, b + 2 BYTES, b + 3 BYTES, b + 4 BYTES (t0 .. t4).
// codes: 2 bits a lane, 00 = 0, 01 = +1, 11 = -1 (bit 0 = not zero, bit 1 = negative).
// Corners: BYTES=1; BYTES=128
module tern_trits #(
  parameter BYTES = 4
) (
  input  wire                 clk,
  input  wire [8*BYTES-1:0]   bytes,
  output wire [2*5*BYTES-1:0] codes
);
  genvar b, i;
  generate
    for (b = 0; b < BYTES; b = b + 1) begin : decode
      wire [7:0] x = bytes[8*b +: 8];
      reg        zero; // the pair is 0
      reg  [3:0] a;
      reg  [1:0] p;
      reg  [1:0] negative;
      always @(posedge clk) begin
        zero <= &x[6:4];
        a <= {&x[6:4] ? x[2:0] : x[6:4], x[3]};
        p <= x[1:0];
        negative <= {x[2], x[7]};
      end
      // Digits in balanced ternary, two bits each, the last one first: of a, and of p + 1.
      wire [15:0] is = 16'd1 << a;
      wire [5:0]  triple = {1'b0, |is[13:5], |is[7:5], |is[7:2] || |is[13:11],
                            is[2] || is[5] || is[8] || is[11], !(is[0] || is[3] || is[6] || is[9] || is[12])};
      wire [3:0]  pair = {1'b0, p != 0, p == 1, p != 2};
      wire [9:0]  t = {zero ? 4'b0 : pair, triple};
      wire [4:0]  sign = {{2{negative[1]}}, {3{negative[0]}}};
      for (i = 0; i < 5; i = i + 1) begin : lane
        assign codes[2*(b+i*BYTES) +: 2] = {t[2*i] & (t[2*i+1] ^ sign[i]), t[2*i]};
      end
      wire unused = &{1'b0, is[15:14], is[1]};
    end
  endgenerate
endmodule
