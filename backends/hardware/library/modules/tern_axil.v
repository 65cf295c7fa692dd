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
// One transaction at a time, writes and reads in turn; AW and W are accepted together. Latency: 2 clocks from valid to the
// answer, without the state port's time. A write to STATE_DATA without all four strobes: SLVERR, no effect.
// Corners: COUNTERS=1; COUNTERS=16
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
  localparam CONTROL = 6'h0, STATUS = 6'h1, ID = 6'h2, VERSION_AT = 6'h3, WEIGHTS = 6'h4, WEIGHTS_H = 6'h5, SHAPE = 6'h6,
             LAYOUT_AT = 6'h7, STATE_ADDRESS = 6'h8, STATE_DATA = 6'h9, STATE_WORDS_AT = 6'ha;

  // One transaction at a time: accepted (ready is high for one clock), perhaps waiting for the state port, answered.
  localparam IDLE = 3'd0, WRITE = 3'd1, READ = 3'd2, STATE_WRITE = 3'd3, STATE_READ = 3'd4, ANSWER_WRITE = 3'd5,
             ANSWER_READ = 3'd6;
  reg [2:0]  phase;
  reg        wrote; // the last transaction was a write: a read that waits goes first
  reg        fails;
  reg [31:0] answer;

  wire want_write = s_axil_awvalid && s_axil_wvalid;
  wire want_read = s_axil_arvalid;

  wire [11:0] address = phase == WRITE ? s_axil_awaddr : s_axil_araddr;
  wire        aligned = address[1:0] == 0;
  wire        window = address[11:7] == 0 && aligned;
  wire [5:0]  number = {1'b0, address[6:2]}; // of a register in the window
  wire        counter = address[11:8] == 0 && address[7] && aligned && {1'b0, address[6:3]} < COUNTERS[4:0];
  wire        state_data = window && number == STATE_DATA;

  assign s_axil_awready = phase == WRITE;
  assign s_axil_wready = phase == WRITE;
  assign s_axil_arready = phase == READ;
  assign s_axil_bvalid = phase == ANSWER_WRITE;
  assign s_axil_rvalid = phase == ANSWER_READ;
  assign s_axil_bresp = {fails, 1'b0};
  assign s_axil_rresp = {fails, 1'b0};
  assign s_axil_rdata = answer;

  // Registers.
  reg        running;
  reg [31:0] weights, weights_high, state_at;
  reg        pulse_state, pulse_counters, pulse_error;
  reg [31:0] data; // for the state memory
  assign run = running;
  assign clear_state = pulse_state;
  assign clear_error = pulse_error;
  assign weights_address = {weights_high, weights};
  assign state_request = phase == STATE_WRITE || phase == STATE_READ;
  assign state_write = phase == STATE_WRITE;
  assign state_address = state_at;
  assign state_wdata = data;

  function [31:0] merge(input [31:0] was, input [31:0] now, input [3:0] strobes);
    merge = {strobes[3] ? now[31:24] : was[31:24], strobes[2] ? now[23:16] : was[23:16],
             strobes[1] ? now[15:8] : was[15:8], strobes[0] ? now[7:0] : was[7:0]};
  endfunction

  wire writable = window && (number == CONTROL || number == WEIGHTS || number == WEIGHTS_H || number == STATE_ADDRESS);
  wire readable = window && number <= STATE_WORDS_AT;
  wire control = phase == WRITE && window && number == CONTROL && s_axil_wstrb[0];

  always @(posedge clk)
    if (!aresetn) begin
      phase <= IDLE;
      wrote <= 0;
      running <= 0;
      pulse_state <= 0;
      pulse_counters <= 0;
      pulse_error <= 0;
      weights <= 0;
      weights_high <= 0;
      state_at <= 0;
    end else begin
      pulse_state <= control && s_axil_wdata[1];
      pulse_counters <= control && s_axil_wdata[2];
      pulse_error <= control && s_axil_wdata[3];
      case (phase)
        IDLE:
          if (want_write && !(want_read && wrote)) phase <= WRITE;
          else if (want_read) phase <= READ;
        WRITE: begin
          wrote <= 1;
          phase <= state_data && &s_axil_wstrb ? STATE_WRITE : ANSWER_WRITE;
          if (control) running <= s_axil_wdata[0];
          if (window && number == WEIGHTS) weights <= merge(weights, s_axil_wdata, s_axil_wstrb);
          if (window && number == WEIGHTS_H) weights_high <= merge(weights_high, s_axil_wdata, s_axil_wstrb);
          if (window && number == STATE_ADDRESS) state_at <= merge(state_at, s_axil_wdata, s_axil_wstrb);
        end
        READ: begin
          wrote <= 0;
          phase <= state_data ? STATE_READ : ANSWER_READ;
        end
        STATE_WRITE, STATE_READ:
          if (state_done) begin
            phase <= phase == STATE_WRITE ? ANSWER_WRITE : ANSWER_READ;
            state_at <= state_at + 1'b1;
          end
        ANSWER_WRITE: if (s_axil_bready) phase <= IDLE;
        default: if (s_axil_rready) phase <= IDLE;
      endcase
    end

  // Counters; of all but the addressed one a chain of ORs gets 0. `high`: high half of the one whose low half was read last.
  reg [31:0] high;
  genvar i;
  generate
    for (i = 0; i < COUNTERS; i = i + 1) begin : count
      reg [63:0] value;
      wire [63:0] so_far;
      wire [63:0] masked = address[6:3] == i[3:0] ? value : 64'b0;
      always @(posedge clk)
        if (!aresetn || pulse_counters) value <= 0;
        else if (events[i]) value <= value + 1'b1;
      if (i == 0) begin : first
        assign so_far = masked;
      end else begin : later
        assign so_far = count[i-1].so_far | masked;
      end
    end
  endgenerate
  wire [63:0] picked = count[COUNTERS-1].so_far;

  always @(posedge clk) begin
    if (phase == WRITE) begin
      data <= s_axil_wdata;
      fails <= !writable;
    end
    if (phase == READ) begin
      fails <= !readable && !counter;
      answer <= 0;
      if (counter) begin
        answer <= address[2] ? high : picked[31:0];
        if (!address[2]) high <= picked[63:32];
      end else if (window)
        case (number)
          CONTROL: answer <= {31'b0, running};
          STATUS: answer <= {29'b0, clearing, bus_error, busy};
          ID: answer <= 32'h5445524e;
          VERSION_AT: answer <= VERSION;
          WEIGHTS: answer <= weights;
          WEIGHTS_H: answer <= weights_high;
          SHAPE: answer <= {BATCH, VECTOR, LANES};
          LAYOUT_AT: answer <= LAYOUT;
          STATE_ADDRESS: answer <= state_at;
          STATE_WORDS_AT: answer <= STATE_WORDS;
          default: answer <= 0;
        endcase
    end
    if (state_request && state_done) begin
      fails <= state_error;
      answer <= state_error ? 32'b0 : state_rdata;
    end
  end

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test): answers and requests of the state port stay until they are taken; each
  // write and each read has one answer, and one state request at most; ready comes for an address and its data together.
  reg        started = 0, b_waits = 0, r_waits = 0, state_waits = 0;
  reg        write_open = 0, read_open = 0, state_open = 0; // accepted and not answered; its state request is not done
  reg [1:0]  was_bresp, was_rresp;
  reg [31:0] was_rdata, was_address, was_wdata;
  reg        was_write;
  reg        aw_waits = 0, ar_waits = 0, w_waits = 0;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    // The master keeps what it asks.
    if (aw_waits) assume (s_axil_awvalid);
    if (w_waits) assume (s_axil_wvalid);
    if (ar_waits) assume (s_axil_arvalid);
    aw_waits <= aresetn && s_axil_awvalid && !s_axil_awready;
    w_waits <= aresetn && s_axil_wvalid && !s_axil_wready;
    ar_waits <= aresetn && s_axil_arvalid && !s_axil_arready;
    b_waits <= aresetn && s_axil_bvalid && !s_axil_bready;
    r_waits <= aresetn && s_axil_rvalid && !s_axil_rready;
    state_waits <= aresetn && state_request && !state_done;
    was_bresp <= s_axil_bresp;
    was_rresp <= s_axil_rresp;
    was_rdata <= s_axil_rdata;
    was_address <= state_address;
    was_wdata <= state_wdata;
    was_write <= state_write;
    if (!aresetn) begin
      write_open <= 0;
      read_open <= 0;
      state_open <= 0;
    end else begin
      if (s_axil_awvalid && s_axil_awready) write_open <= 1;
      else if (s_axil_bvalid && s_axil_bready) write_open <= 0;
      if (s_axil_arvalid && s_axil_arready) read_open <= 1;
      else if (s_axil_rvalid && s_axil_rready) read_open <= 0;
      if ((phase == WRITE || phase == READ) && state_data && (phase == READ || &s_axil_wstrb)) state_open <= 1;
      else if (state_request && state_done) state_open <= 0;
    end
    if (started) begin
      assert (phase <= ANSWER_READ);
      if (b_waits) assert (s_axil_bvalid && s_axil_bresp == was_bresp);
      if (r_waits) assert (s_axil_rvalid && s_axil_rresp == was_rresp && s_axil_rdata == was_rdata);
      if (state_waits)
        assert (state_request && state_write == was_write && state_address == was_address && (!state_write || state_wdata == was_wdata));
      assert (s_axil_awready == s_axil_wready);
      if (s_axil_awready) assert (s_axil_awvalid && s_axil_wvalid && !write_open && !read_open);
      if (s_axil_arready) assert (s_axil_arvalid && !write_open && !read_open);
      assert (write_open == (phase == STATE_WRITE || phase == ANSWER_WRITE));
      assert (read_open == (phase == STATE_READ || phase == ANSWER_READ));
      assert (state_open == state_request);
    end
  end
`endif
endmodule
