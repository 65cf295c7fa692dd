// Bench of tern_axi_reader with tern_axi_memory: random commands, a reader that stalls, words against the memory's contents;
// with SPEED 1 nothing stalls, and a long command must come at almost a word a clock.
module tb_reader #(
  parameter DATA = 64, SIZE = 20, DEPTH = 64, BURST = 16, LAST = 1, BYTES = 16384, COMMANDS = 24, SPEED = 0, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  localparam LANES = DATA / 8;
  reg  [19:0]     cmd_address = 0;
  reg  [SIZE-1:0] cmd_bytes = 0;
  reg             cmd_valid = 0, m_ready = 0, clear_error = 0;
  wire            cmd_ready, m_last, m_valid, busy, error;
  wire [DATA-1:0] m_data;
  wire [19:0]     araddr;
  wire [7:0]      arlen;
  wire [2:0]      arsize, arprot;
  wire [1:0]      arburst, rresp;
  wire [3:0]      arcache;
  wire            arvalid, arready, rlast, rvalid, rready;
  wire [DATA-1:0] rdata;
  tern_axi_reader #(.ADDRESS(20), .DATA(DATA), .SIZE(SIZE), .DEPTH(DEPTH), .BURST(BURST), .LAST(LAST)) dut (
    .clk(clk), .aresetn(aresetn), .cmd_address(cmd_address), .cmd_bytes(cmd_bytes), .cmd_valid(cmd_valid),
    .cmd_ready(cmd_ready), .m_data(m_data), .m_last(m_last), .m_valid(m_valid), .m_ready(m_ready), .busy(busy),
    .error(error), .clear_error(clear_error), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize),
    .m_axi_arburst(arburst), .m_axi_arcache(arcache), .m_axi_arprot(arprot), .m_axi_arvalid(arvalid),
    .m_axi_arready(arready), .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rlast(rlast), .m_axi_rvalid(rvalid),
    .m_axi_rready(rready));
  tern_axi_memory #(
    .ADDRESS(20), .DATA(DATA), .BYTES(BYTES), .BASE(4096), .LATENCY(SPEED ? 20 : 3), .STALLS(SPEED ? 0 : 40), .SEED(SEED)
  ) memory (
    .clk(clk), .aresetn(aresetn), .araddr(araddr), .arlen(arlen), .arsize(arsize), .arburst(arburst), .arvalid(arvalid),
    .arready(arready), .rdata(rdata), .rresp(rresp), .rlast(rlast), .rvalid(rvalid), .rready(rready));

  // Words to come: address and last.
  reg [19:0] at [0:4095];
  reg        ends [0:4095];
  reg        failed = 0, fail_expected = 0;
  integer head = 0, tail = 0, command = 0, i, n, words = 0, first = 0, cycles = 0, address, bytes, quiet = 0, stalled = 0;
  reg [DATA-1:0] want;
  initial begin
    done = 0;
    for (i = 0; i < BYTES; i = i + 1) memory.memory[i] = random(0);
  end
  always @(posedge clk)
    if (aresetn) begin
      cycles <= cycles + 1;
      // Long times without reading, so that the FIFO fills up.
      if (stalled > 0) stalled <= stalled - 1;
      else if (!SPEED && below(100) == 0) stalled <= 3 * DEPTH;
      m_ready <= SPEED || (stalled == 0 && below(4) != 0);
      if (!rready) $fatal(1, "tb_reader: the bus waits");
      if (cmd_valid && cmd_ready) begin
        n = (cmd_bytes + LANES - 1) / LANES;
        address = cmd_address / LANES * LANES;
        for (i = 0; i < n; i = i + 1) begin
          at[tail%4096] = address + i * LANES;
          ends[tail%4096] = i == n - 1;
          tail = tail + 1;
        end
        if (n > 0 && (address < 4096 || address + n * LANES > 4096 + BYTES)) fail_expected = 1;
        cmd_valid <= 0;
        command <= command + 1;
      end
      if ((!cmd_valid || cmd_ready) && command + cmd_valid < COMMANDS && tail - head < 1000 && !fail_expected) begin
        cmd_valid <= SPEED || below(3) == 0;
        bytes = SPEED ? 4096 : below(3) == 0 ? below(3 * LANES) : below(2000);
        address = below(BYTES / 2) + (below(12) == 0 && !SPEED ? BYTES : 4096);
        cmd_bytes <= bytes[SIZE-1:0];
        cmd_address <= address;
      end
      // Errors: of a response not OKAY, until they are cleared.
      clear_error <= 0;
      if (fail_expected && head == tail && !busy && !cmd_valid) begin
        if (!error && !clear_error) begin
          if (!failed) $fatal(1, "tb_reader: no error");
          fail_expected = 0;
          failed <= 0;
        end else if (below(5) == 0) begin
          clear_error <= 1;
          failed <= 1;
        end
      end else if (error && !fail_expected && !clear_error) $fatal(1, "tb_reader: error");
      if (m_valid && m_ready) begin
        if (head == tail) $fatal(1, "tb_reader: a word that nobody asked for");
        for (i = 0; i < LANES; i = i + 1)
          want[8*i +: 8] = at[head%4096] < 4096 || at[head%4096] + LANES > 4096 + BYTES ? 0 : memory.memory[at[head%4096]-4096+i];
        // A burst that leaves the memory fails as a whole.
        if (m_data !== want && !(fail_expected && m_data == 0))
          $fatal(1, "tb_reader: DATA %0d word at %h: %h, not %h", DATA, at[head%4096], m_data, want);
        if (m_last !== (LAST != 0 && ends[head%4096])) $fatal(1, "tb_reader: last at %h", at[head%4096]);
        head <= head + 1;
        words <= words + 1;
        if (words == 0) first <= cycles;
      end
      if (command == COMMANDS && !busy && !done) begin
        quiet <= quiet + 1;
        if (quiet == 20) begin
          if (head != tail) $fatal(1, "tb_reader: not busy, but words are missing");
          if (SPEED && words * 100 < (cycles - first) * 90) $fatal(1, "tb_reader: %0d words in %0d clocks", words, cycles - first);
          done <= 1;
        end
      end
    end
endmodule
