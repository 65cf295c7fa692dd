// AXI4 memory to read from, for simulation: settable latency, bandwidth and random stalls, checks of what the master asks.
//
// ADDRESS, DATA  bits of an address and of a word
// BYTES          size; byte 0 is at address BASE. A burst that leaves it is answered with SLVERR and data 0
// Parameters LATENCY, BANDWIDTH, STALLS are defaults of the plusargs
//   +latency=N    clocks from the address to the first beat, at least 1
//   +bandwidth=N  beats in 100 clocks, 1 .. 100
//   +stalls=N     percent of the clocks in which, at random, no address is taken, and no beat is given
//   +image=FILE   contents (with LOAD = 1), byte by byte; what the file leaves is 0
// `memory` may be written by the bench. Up to 64 bursts wait. A burst that crosses 4 KiB, is of another size or type, or an
// address that changes before it is taken: $fatal. beats, bursts: how many were given and asked.
module tern_axi_memory #(
  parameter ADDRESS   = 40,
  parameter DATA      = 128,
  parameter BYTES     = 65536,
  parameter [63:0] BASE = 0,
  parameter LATENCY   = 20,
  parameter BANDWIDTH = 100,
  parameter STALLS    = 0,
  parameter LOAD      = 0,
  parameter SEED      = 1
) (
  input  wire               clk,
  input  wire               aresetn,
  input  wire [ADDRESS-1:0] araddr,
  input  wire [7:0]         arlen,
  input  wire [2:0]         arsize,
  input  wire [1:0]         arburst,
  input  wire               arvalid,
  output wire               arready,
  output reg  [DATA-1:0]    rdata,
  output reg  [1:0]         rresp,
  output reg                rlast,
  output reg                rvalid,
  input  wire               rready
);
  localparam LANES = DATA / 8;
  reg [7:0] memory [0:BYTES-1];

  integer latency, bandwidth, stalls, file, size, n;
  reg [8*512-1:0] path;
  initial begin
    if (!$value$plusargs("latency=%d", latency)) latency = LATENCY;
    if (!$value$plusargs("bandwidth=%d", bandwidth)) bandwidth = BANDWIDTH;
    if (!$value$plusargs("stalls=%d", stalls)) stalls = STALLS;
    if (latency < 1 || bandwidth < 1 || bandwidth > 100 || stalls < 0 || stalls > 99)
      $fatal(1, "tern_axi_memory: latency %0d, bandwidth %0d, stalls %0d", latency, bandwidth, stalls);
    if (LOAD != 0) begin
      for (n = 0; n < BYTES; n = n + 1) memory[n] = 0;
      if (!$value$plusargs("image=%s", path)) $fatal(1, "tern_axi_memory: no +image=FILE");
      file = $fopen(path, "rb");
      if (file == 0) $fatal(1, "tern_axi_memory: cannot open %0s", path);
      size = $fread(memory, file);
      $fclose(file);
      if (size <= 0) $fatal(1, "tern_axi_memory: cannot read %0s", path);
    end
  end

  wire stall_address, stall_beat;
  tern_stall #(.SEED(2 * SEED)) stalls_of_address (.clk(clk), .percent(stalls[6:0]), .stall(stall_address));
  tern_stall #(.SEED(2 * SEED + 1)) stalls_of_beats (.clk(clk), .percent(stalls[6:0]), .stall(stall_beat));

  // Bursts that wait: where, how long, when they came.
  reg [ADDRESS-1:0] at [0:63];
  reg [7:0]         len [0:63];
  reg [63:0]        came [0:63];
  reg [63:0]        now;
  reg [5:0]         head, tail;
  reg [7:0]         beat;
  integer           credit, i;
  reg [63:0]        offset;
  integer           beats, bursts;

  assign arready = aresetn && tail + 6'd1 != head && !stall_address;

  reg               asked;
  reg [ADDRESS+7:0] ask;
  wire [12:0]       last_byte = {1'b0, araddr[11:0]} + LANES * (arlen + 1) - 1;
  always @(posedge clk)
    if (!aresetn) asked <= 0;
    else begin
      asked <= arvalid && !arready;
      ask <= {araddr, arlen};
      if (asked && (!arvalid || ask != {araddr, arlen})) $fatal(1, "tern_axi_memory: an address was withdrawn");
      if (arvalid && (last_byte[12] || arburst != 2'b01 || 1 << arsize != LANES || araddr % LANES != 0))
        $fatal(1, "tern_axi_memory: burst of %0d at %h", arlen + 1, araddr);
    end

  wire more = head != tail && now - came[head] >= latency;
  always @(posedge clk)
    if (!aresetn) begin
      head <= 0;
      tail <= 0;
      beat <= 0;
      now <= 0;
      credit <= 0;
      rvalid <= 0;
      beats <= 0;
      bursts <= 0;
    end else begin
      now <= now + 1;
      if (arvalid && arready) begin
        at[tail] <= araddr;
        len[tail] <= arlen;
        came[tail] <= now;
        tail <= tail + 1;
        bursts <= bursts + 1;
      end
      credit <= credit + bandwidth > 200 ? 200 : credit + bandwidth;
      if (rvalid && rready) rvalid <= 0;
      if ((!rvalid || rready) && more && !stall_beat && credit + bandwidth >= 100) begin
        credit <= credit + bandwidth - 100;
        offset = at[head] - BASE + beat * LANES;
        rvalid <= 1;
        rlast <= beat == len[head];
        if (at[head] < BASE || offset + LANES > BYTES) begin
          rdata <= 0;
          rresp <= 2'b10;
        end else begin
          for (i = 0; i < LANES; i = i + 1) rdata[8*i +: 8] <= memory[offset+i];
          rresp <= 2'b00;
        end
        beats <= beats + 1;
        beat <= beat == len[head] ? 0 : beat + 1;
        if (beat == len[head]) head <= head + 1;
      end
    end
endmodule
