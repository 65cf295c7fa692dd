// Register slice of a stream: both directions are registered, one word a clock is sustained.
//
// WIDTH   bits of a word
// Latency 1 clock from s_* to m_*. Handshake as in AXI4-Stream: a word moves when valid and ready are both high; m_valid,
// once high, stays high and m_data stays the same until m_ready; s_ready does not depend on m_ready of the same clock.
module tern_skid #(
  parameter WIDTH = 8
) (
  input  wire             clk,
  input  wire             aresetn,
  input  wire [WIDTH-1:0] s_data,
  input  wire             s_valid,
  output wire             s_ready,
  output wire [WIDTH-1:0] m_data,
  output wire             m_valid,
  input  wire             m_ready
);
endmodule
