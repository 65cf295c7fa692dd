// AXI4 read master: commands (address, bytes) in, the words of memory out, in order.
//
// ADDRESS bits of an address
// DATA    bits of a word of the bus and of the stream: 32, 64, ... 1024
// SIZE    bits of a command's length in bytes
// DEPTH   words of the FIFO between bus and stream, a power of two, at least 16
// BURST   longest burst in beats, a power of two, 1 .. 256, at most DEPTH; a burst never crosses a 4 KiB boundary
// LAST    1: m_last is high with the last word of each command (a bit more in the FIFO); 0: m_last is 0
// STYLE   ram_style of the FIFO
//
// Commands: cmd_address is a multiple of DATA/8 (low bits are ignored), cmd_bytes is rounded up to whole words; a command
// of no bytes moves nothing. A command is accepted before the data of the former ones have come, so bursts follow each other.
// Bus: bursts are requested only when the FIFO has room for all their beats, beside all that is already requested, so that
// m_axi_rready is always high and the bus never waits for the design. Several bursts are outstanding (32 with LAST); a burst
// is requested each second clock at most, and ends at an address that is a multiple of BURST words, or with its command. All have the same
// (implicit) ID: data come in order.
// Stream: data, last, valid, ready; valid once high stays, data stay.
// error is set by a response other than OKAY and EXOKAY and kept until clear_error; the words are passed on all the same.
// busy: a command is being requested, beats are outstanding, or words wait in the FIFO.
// Corners: DATA=32 BURST=1 DEPTH=16 ADDRESS=12 SIZE=3; DATA=1024 BURST=32 DEPTH=512 LAST=1 ADDRESS=64 SIZE=32;
//  DATA=32 BURST=256 DEPTH=1024
module tern_axi_reader #(
  parameter ADDRESS = 40,
  parameter DATA    = 128,
  parameter SIZE    = 32,
  parameter DEPTH   = 512,
  parameter BURST   = 64,
  parameter LAST    = 0,
  parameter STYLE   = "auto"
) (
  input  wire               clk,
  input  wire               aresetn,
  input  wire [ADDRESS-1:0] cmd_address,
  input  wire [SIZE-1:0]    cmd_bytes,
  input  wire               cmd_valid,
  output wire               cmd_ready,
  output wire [DATA-1:0]    m_data,
  output wire               m_last,
  output wire               m_valid,
  input  wire               m_ready,
  output wire               busy,
  output reg                error,
  input  wire               clear_error,
  output wire [ADDRESS-1:0] m_axi_araddr,
  output wire [7:0]         m_axi_arlen,
  output wire [2:0]         m_axi_arsize,
  output wire [1:0]         m_axi_arburst,
  output wire [3:0]         m_axi_arcache,
  output wire [2:0]         m_axi_arprot,
  output wire               m_axi_arvalid,
  input  wire               m_axi_arready,
  input  wire [DATA-1:0]    m_axi_rdata,
  input  wire [1:0]         m_axi_rresp,
  input  wire               m_axi_rlast,
  input  wire               m_axi_rvalid,
  output wire               m_axi_rready
);
  localparam SHIFT = $clog2(DATA / 8);              // address bits within a word
  localparam PAGE  = 4096 / (DATA / 8);             // words of 4 KiB
  localparam MOST  = BURST < PAGE ? BURST : PAGE;   // beats of a burst: it ends where the address is a multiple of them
  localparam LB    = $clog2(MOST + 1);
  localparam RB    = $clog2(DEPTH + 1);
  localparam WB    = SIZE - SHIFT + 1;              // bits of a number of words

  // The command that is being requested: what is left of it.
  reg                     active;
  reg [ADDRESS-SHIFT-1:0] next;
  reg [WB-1:0]            left;
  // Its next burst, and the words of the FIFO that are neither filled nor requested.
  reg                     planned;
  reg [LB-1:0]            beats;
  reg [RB-1:0]            room;
  // The burst that is offered to the bus.
  reg                     arvalid;
  reg [ADDRESS-SHIFT-1:0] araddr;
  reg [7:0]               arlen;

  wire [SIZE:0]  rounded = {1'b0, cmd_bytes} + {{SIZE+1-SHIFT{1'b0}}, {SHIFT{1'b1}}};
  wire [LB-1:0]  to_end;
  generate
    if (MOST > 1) begin : aligned
      assign to_end = MOST[LB-1:0] - {1'b0, next[LB-2:0]};
    end else begin : single
      assign to_end = 1'b1;
    end
  endgenerate
  wire           whole = left > {{WB-LB{1'b0}}, to_end};
  wire           queue_ready;
  wire           issue = planned && {{RB-LB{1'b0}}, beats} <= room && queue_ready && (!arvalid || m_axi_arready);
  wire           pop = m_valid && m_ready;
  wire [8:0]     beats_wide = {{9-LB{1'b0}}, beats};

  assign cmd_ready = !active;
  always @(posedge clk)
    if (!aresetn) begin
      active <= 0;
      planned <= 0;
      arvalid <= 0;
      room <= DEPTH[RB-1:0];
    end else begin
      if (!active) active <= cmd_valid && rounded[SIZE:SHIFT] != 0;
      else if (issue && left == {{WB-LB{1'b0}}, beats}) active <= 0;
      planned <= active && !issue;
      if (issue) arvalid <= 1;
      else if (m_axi_arready) arvalid <= 0;
      room <= room - (issue ? {{RB-LB{1'b0}}, beats} : {RB{1'b0}}) + {{RB-1{1'b0}}, pop};
    end

  always @(posedge clk) begin
    if (!active) begin
      next <= cmd_address[ADDRESS-1:SHIFT];
      left <= rounded[SIZE:SHIFT];
    end else if (issue) begin
      next <= next + {{ADDRESS-SHIFT-LB{1'b0}}, beats};
      left <= left - {{WB-LB{1'b0}}, beats};
    end
    beats <= whole ? to_end : left[LB-1:0];
    if (issue) begin
      araddr <= next;
      arlen <= beats_wide[7:0] - 1'b1;
    end
  end

  assign m_axi_arvalid = arvalid;
  assign m_axi_araddr = {araddr, {SHIFT{1'b0}}};
  assign m_axi_arlen = arlen;
  assign m_axi_arsize = SHIFT[2:0];
  assign m_axi_arburst = 2'b01;
  assign m_axi_arcache = 4'b0011;
  assign m_axi_arprot = 3'b000;

  // Beats. With LAST, a queue tells which bursts end a command.
  wire fifo_ready, last;
  wire [RB-1:0] held;
  generate
    if (LAST != 0) begin : marks
      wire        ends, ends_valid;
      wire [5:0]  outstanding;
      tern_fifo #(.WIDTH(1), .DEPTH(32), .STYLE("distributed")) queue (
        .clk(clk), .aresetn(aresetn), .in_data(left == {{WB-LB{1'b0}}, beats}), .in_valid(issue), .in_ready(queue_ready),
        .out_data(ends), .out_valid(ends_valid), .out_ready(m_axi_rvalid && m_axi_rlast), .count(outstanding));
      assign last = ends && m_axi_rlast;
      tern_fifo #(.WIDTH(DATA + 1), .DEPTH(DEPTH), .STYLE(STYLE)) fifo (
        .clk(clk), .aresetn(aresetn), .in_data({last, m_axi_rdata}), .in_valid(m_axi_rvalid), .in_ready(fifo_ready),
        .out_data({m_last, m_data}), .out_valid(m_valid), .out_ready(m_ready), .count(held));
      wire unused = &{1'b0, outstanding, ends_valid};
    end else begin : plain
      assign queue_ready = 1'b1;
      assign last = 1'b0;
      assign m_last = last;
      tern_fifo #(.WIDTH(DATA), .DEPTH(DEPTH), .STYLE(STYLE)) fifo (
        .clk(clk), .aresetn(aresetn), .in_data(m_axi_rdata), .in_valid(m_axi_rvalid), .in_ready(fifo_ready),
        .out_data(m_data), .out_valid(m_valid), .out_ready(m_ready), .count(held));
      wire unused = m_axi_rlast;
    end
  endgenerate
  assign m_axi_rready = 1'b1; // there is room for what was requested

  always @(posedge clk)
    if (!aresetn) error <= 0;
    else error <= (error && !clear_error) || (m_axi_rvalid && m_axi_rresp[1]);

  assign busy = active || arvalid || room != DEPTH[RB-1:0];
  wire unused = &{1'b0, fifo_ready, held, beats_wide[8], rounded[SHIFT-1:0], cmd_address[SHIFT-1:0], m_axi_rresp[0]};

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test), for LAST = 0 and a bus that answers only what was asked: a beat always finds
  // room; requests are stable, stay within 4 KiB, and are together what the command asked, in order.
  reg          started = 0, waited = 0;
  reg [RB-1:0] asked = 0; // beats that the bus has accepted and not yet given
  reg [WB-1:0] done = 0;  // words of the command that are requested
  reg [WB-1:0] all;
  reg [ADDRESS-SHIFT-1:0] start, last_address;
  reg [7:0]    last_length;
  wire [ADDRESS-SHIFT-1:0] here = start + done;
  wire [RB-1:0] offered = arvalid ? arlen + 1'b1 : 1'b0;
  localparam PB = 12 - SHIFT; // bits of a word's place within 4 KiB
  wire [PB:0] last_word = {1'b0, araddr[PB-1:0]} + arlen;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    if (asked == 0 || !aresetn) assume (!m_axi_rvalid);
    asked <= aresetn ? asked + (m_axi_arready ? offered : 1'b0) - m_axi_rvalid : 1'b0;
    waited <= aresetn && arvalid && !m_axi_arready;
    last_address <= araddr;
    last_length <= arlen;
    if (!active) begin
      done <= 0;
      all <= rounded[SIZE:SHIFT];
      start <= cmd_address[ADDRESS-1:SHIFT];
    end else if (issue) done <= done + beats;
    if (started) begin
      assert (asked + offered + held + room == DEPTH && held <= DEPTH && room <= DEPTH && asked <= DEPTH);
      if (m_axi_rvalid) assert (fifo_ready);
      if (waited) assert (arvalid && araddr == last_address && arlen == last_length);
      if (arvalid) assert (!last_word[PB] && arlen < MOST);
      if (active) assert (left != 0 && done < all && left == all - done && next == here);
      if (planned) assert (active && beats == (whole ? to_end : left[LB-1:0]));
      if (issue) assert (beats <= left && beats != 0 && beats <= MOST);
    end
  end
`endif
endmodule
