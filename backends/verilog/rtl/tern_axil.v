// AXI4-Lite slave: control, status, performance counters, weights' address, and a window on the state memory.
//
// COUNTERS  performance counters, 1 .. 16
// VERSION, LANES, VECTOR, BATCH, LAYOUT: constants that software reads (see the map)
//
// Registers, 32 bits each, at byte addresses (docs/hardware.md has the same table):
//   0x000 CONTROL   rw  bit 0 run: tokens are accepted; bit 1 clear_state (reads 0): pulse, states get their initial
//                       values; bit 2 clear_counters (reads 0): pulse; bit 3 clear_error (reads 0): pulse
//   0x004 STATUS    ro  bit 0 busy: a step is running or tokens wait; bit 1 bus_error; bit 2 clearing: states are being cleared
//   0x008 ID        ro  0x5445524e ("TERN")
//   0x00c VERSION   ro  VERSION
//   0x010 WEIGHTS   rw  address of the weight image, low half
//   0x014 WEIGHTS_H rw  address of the weight image, high half
//   0x018 SHAPE     ro  LANES in bits 15:0, VECTOR in 23:16, BATCH in 31:24
//   0x01c LAYOUT    ro  LAYOUT, a hash of model and options: software compares it with the image's before it starts
//   0x020 STATE_ADDRESS rw  word that STATE_DATA reads or writes next; grows by 1 with each
//   0x024 STATE_DATA    rw  the state memory's word at STATE_ADDRESS (all four strobes; SLVERR beyond the memory's end)
//   0x028 STATE_WORDS   ro  words of the state memory
//   0x080 + 8 i     ro  counter i, low half; reading it also latches the high half
//   0x084 + 8 i     ro  counter i, high half as latched by the last read of a low half
// Any other address, an address that is no multiple of 4, a write to a ro register: SLVERR, no effect.
//
// Counters: counter i (64 bits) grows by one in each clock in which events[i] is high.
// State port: state_request is held, with state_write, state_address and state_wdata stable, until state_done is high for
// one clock, which comes with state_rdata and state_error. The design may take any number of clocks (it may wait until no
// step is running).
// One transaction of each direction at a time. Latency: read 2 clocks, write 2 clocks, without the state port's time.
module tern_axil #(
  parameter        COUNTERS    = 4,
  parameter [31:0] VERSION     = 1,
  parameter [15:0] LANES       = 256,
  parameter [7:0]  VECTOR      = 8,
  parameter [7:0]  BATCH       = 1,
  parameter [31:0] LAYOUT      = 0,
  parameter [31:0] STATE_WORDS = 0
) (
  input  wire                clk,
  input  wire                aresetn,
  input  wire [11:0]         s_axil_awaddr,
  input  wire                s_axil_awvalid,
  output wire                s_axil_awready,
  input  wire [31:0]         s_axil_wdata,
  input  wire [3:0]          s_axil_wstrb,
  input  wire                s_axil_wvalid,
  output wire                s_axil_wready,
  output wire [1:0]          s_axil_bresp,
  output wire                s_axil_bvalid,
  input  wire                s_axil_bready,
  input  wire [11:0]         s_axil_araddr,
  input  wire                s_axil_arvalid,
  output wire                s_axil_arready,
  output wire [31:0]         s_axil_rdata,
  output wire [1:0]          s_axil_rresp,
  output wire                s_axil_rvalid,
  input  wire                s_axil_rready,
  output wire                run,
  output wire                clear_state,
  output wire                clear_error,
  output wire [63:0]         weights_address,
  input  wire                busy,
  input  wire                bus_error,
  input  wire                clearing,
  input  wire [COUNTERS-1:0] events,
  output wire                state_request,
  output wire                state_write,
  output wire [31:0]         state_address,
  output wire [31:0]         state_wdata,
  input  wire [31:0]         state_rdata,
  input  wire                state_error,
  input  wire                state_done
);
endmodule
