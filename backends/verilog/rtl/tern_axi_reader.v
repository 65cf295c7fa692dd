// AXI4 read master: commands (address, bytes) in, the words of memory out, in order.
//
// ADDRESS bits of an address
// DATA    bits of a word of the bus and of the stream: 32, 64, ... 1024
// SIZE    bits of a command's length in bytes
// DEPTH   words of the FIFO between bus and stream, a power of two, at least 16
// BURST   longest burst in beats, a power of two, 1 .. 256, at most DEPTH; a burst never crosses a 4 KiB boundary
// STYLE   ram_style of the FIFO
//
// Commands: cmd_address is a multiple of DATA/8 (low bits are ignored), cmd_bytes is rounded up to whole words; a command
// of no bytes moves nothing. A command is accepted before the data of the former ones have come, so bursts follow each other.
// Bus: bursts are requested only when the FIFO has room for all their beats, beside all that is already requested, so that
// m_axi_rready is always high and the bus never waits for the design. Several bursts are outstanding. All have the same
// (implicit) ID: data come in order.
// Stream: data, last (last word of its command), valid, ready; valid once high stays, data stay. 
// error is set by a response other than OKAY and EXOKAY and kept until clear_error; the words are passed on all the same.
// busy: a command is being requested, beats are outstanding, or words wait in the FIFO.
module tern_axi_reader #(
  parameter ADDRESS = 40,
  parameter DATA    = 128,
  parameter SIZE    = 32,
  parameter DEPTH   = 512,
  parameter BURST   = 64,
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
endmodule
