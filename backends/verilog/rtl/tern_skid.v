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
  reg [WIDTH-1:0] data, spare; // what is offered, and what came while it was not taken
  reg             full, spare_full;

  assign s_ready = !spare_full;
  assign m_valid = full;
  assign m_data = data;

  always @(posedge clk) begin
    if (!full || m_ready) data <= spare_full ? spare : s_data;
    if (!spare_full) spare <= s_data;
  end

  always @(posedge clk)
    if (!aresetn) begin
      full <= 0;
      spare_full <= 0;
    end else begin
      if (!full || m_ready) begin
        full <= spare_full || s_valid;
        spare_full <= 0;
      end else if (s_valid) spare_full <= 1;
    end
endmodule
