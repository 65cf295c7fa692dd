// Decoder of the 5-trits-a-byte packing: bytes to pairs of bits, combinational.
//
// BYTES   bytes decoded side by side
// Of byte b, bits [8b+7:8b] = {sa, a[3:0], p[2:0]}: with a <= 13, trits (t0,t1,t2) are the balanced ternary digits of a (negated
// if sa), t0 first, and (t3,t4) those of p[1:0] + 1 (negated if p[2]); with a = 14 or 15, t3 = t4 = 0 and a's place is taken by
// {p[2:0], a[0]}. 243 of the 256 bytes are used; words.h (word_pack) writes them.
// Lane order: byte b holds lanes b, b + BYTES, b + 2 BYTES, b + 3 BYTES, b + 4 BYTES (t0 .. t4).
// codes: 2 bits a lane, 00 = 0, 01 = +1, 11 = -1 (bit 0 = not zero, bit 1 = negative).
module tern_trits #(
  parameter BYTES = 4
) (
  input  wire [8*BYTES-1:0]   bytes,
  output wire [2*5*BYTES-1:0] codes
);
endmodule
