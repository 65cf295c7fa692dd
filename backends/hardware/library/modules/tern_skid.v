// Register slice of a stream: both directions are registered, one word a clock is sustained.
//
// WIDTH   bits of a word
// Latency 1 clock from s_* to m_*. Handshake as in AXI4-Stream: a word moves when valid and ready are both high; m_valid,
// once high, stays high and m_data stays the same until m_ready; s_ready does not depend on m_ready of the same clock.
// Corners: WIDTH=1; WIDTH=1025
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

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test): no word is lost, doubled, changed or reordered. A word that comes in is
  // picked at will and followed: it is `data` or `spare`, with the word before it still in front or not.
  (* anyseq *) reg pick;
  reg              started = 0, following = 0, waited = 0;
  reg              in_front = 0; // a word is in front of the followed one
  reg [WIDTH-1:0]  followed, last;
  wire             push = s_valid && s_ready;
  wire             pop = m_valid && m_ready;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    waited <= aresetn && m_valid && !m_ready;
    last <= m_data;
    if (!aresetn) following <= 0;
    else if (!following) begin
      following <= push && pick;
      followed <= s_data;
      in_front <= m_valid && !m_ready;
    end else if (pop) begin
      if (!in_front) following <= 0;
      in_front <= 0;
    end
    if (started) begin
      assert (full || !spare_full);
      if (waited) assert (m_valid && m_data == last);
      if (following) assert (in_front ? full && spare_full && spare == followed : full && data == followed);
    end
  end
`endif
endmodule
