// Bench of tern_axil with tern_axil_driver: every kind of register and of bad access, at random, against a model; counters against
// counts of the events; a state memory that answers after a random time.
module tb_axil #(
  parameter COUNTERS = 4, ACCESSES = 300, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  localparam WORDS = 20;
  wire [11:0] awaddr, araddr;
  wire [31:0] wdata, rdata, state_address, state_wdata;
  wire [3:0]  wstrb;
  wire [1:0]  bresp, rresp;
  wire awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready, run, clear_state, clear_error,
       state_request, state_write;
  wire [63:0] weights_address;
  reg  busy = 0, bus_error = 0, clearing = 0, state_error = 0, state_done = 0;
  reg  [COUNTERS-1:0] events = 0;
  reg  [31:0] state_rdata = 0;
  tern_axil_driver #(.SEED(SEED)) driver (
    .clk(clk), .awaddr(awaddr), .awvalid(awvalid), .awready(awready), .wdata(wdata), .wstrb(wstrb), .wvalid(wvalid),
    .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready), .araddr(araddr), .arvalid(arvalid),
    .arready(arready), .rdata(rdata), .rresp(rresp), .rvalid(rvalid), .rready(rready));
  tern_axil #(
    .COUNTERS(COUNTERS), .VERSION(7), .LANES(256), .VECTOR(8), .BATCH(3), .LAYOUT(32'hcafe0123), .STATE_WORDS(WORDS)
  ) dut (
    .clk(clk), .aresetn(aresetn), .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
    .s_axil_wdata(wdata), .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp),
    .s_axil_bvalid(bvalid), .s_axil_bready(bready), .s_axil_araddr(araddr), .s_axil_arvalid(arvalid),
    .s_axil_arready(arready), .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready),
    .run(run), .clear_state(clear_state), .clear_error(clear_error), .weights_address(weights_address), .busy(busy),
    .bus_error(bus_error), .clearing(clearing), .events(events), .state_request(state_request), .state_write(state_write),
    .state_address(state_address), .state_wdata(state_wdata), .state_rdata(state_rdata), .state_error(state_error),
    .state_done(state_done));

  // State memory, events, pulses.
  reg [31:0] memory [0:WORDS-1];
  reg [31:0] model_memory [0:WORDS-1];
  reg [63:0] counts [0:COUNTERS-1];
  integer i, states_cleared = 0, errors_cleared = 0;
  reg counting = 1;
  initial
    for (i = 0; i < WORDS; i = i + 1) begin
      memory[i] = i;
      model_memory[i] = i;
    end
  initial for (i = 0; i < COUNTERS; i = i + 1) counts[i] = 0;
  always @(posedge clk) begin
    state_done <= state_request && !state_done && below(4) == 0;
    state_error <= state_address >= WORDS;
    state_rdata <= state_address < WORDS ? memory[state_address] : 32'hx;
    if (state_request && state_done && state_write && state_address < WORDS) memory[state_address] <= state_wdata;
    states_cleared <= states_cleared + (aresetn && clear_state);
    errors_cleared <= errors_cleared + (aresetn && clear_error);
    events <= counting ? random(0) : 0;
    for (i = 0; i < COUNTERS; i = i + 1) if (aresetn && events[i]) counts[i] = counts[i] + 1;
  end

  // The model of the registers.
  reg        model_run = 0;
  reg [31:0] model_weights = 0, model_weights_h = 0, model_at = 0, data, want, high;
  reg [1:0]  response;
  reg [3:0]  strobes;
  reg [11:0] address;
  reg [6:0]  c;
  integer n, cleared = 0, fixed = 0, pick;
  function [31:0] merge(input [31:0] was, input [31:0] now);
    merge = {strobes[3] ? now[31:24] : was[31:24], strobes[2] ? now[23:16] : was[23:16],
             strobes[1] ? now[15:8] : was[15:8], strobes[0] ? now[7:0] : was[7:0]};
  endfunction
  task check(input ok);
    if (!ok) $fatal(1, "tb_axil: address %h strobes %b: data %h, not %h; response %b", address, strobes, data, want, response);
  endtask

  initial begin
    done = 0;
    strobes = 4'hf;
    @(posedge clk);
    while (!aresetn) @(posedge clk);
    for (n = 0; n < ACCESSES; n = n + 1) begin
      pick = below(16);
      address = pick < 12 ? 4 * below(12) : pick == 12 ? random(0) : pick == 13 ? 12'h080 + 4 * below(40) : 12'h024;
      data = random(0);
      if (address == 12'h020) data = below(WORDS + 2);
      strobes = below(4) == 0 ? random(0) : 4'hf;
      want = data;
      if (below(2) == 0) begin
        driver.write_bytes(address, data, strobes, response);
        case (address)
          12'h000: begin
            check(response == 0);
            if (strobes[0]) begin
              model_run = data[0];
              cleared = cleared + data[1];
              fixed = fixed + data[3];
            end
          end
          12'h010: model_weights = merge(model_weights, data);
          12'h014: model_weights_h = merge(model_weights_h, data);
          12'h020: model_at = merge(model_at, data);
          12'h024: begin
            check(response == (strobes == 4'hf && model_at < WORDS ? 0 : 2));
            if (strobes == 4'hf) begin
              if (model_at < WORDS) model_memory[model_at] = data;
              model_at = model_at + 1;
            end
          end
          default: check(response == 2);
        endcase
        if (address == 12'h010 || address == 12'h014 || address == 12'h020) check(response == 0);
      end else begin
        driver.read(address, data, response);
        want = 0;
        case (address)
          12'h000: want = model_run;
          12'h004: want = {clearing, bus_error, busy};
          12'h008: want = "TERN";
          12'h00c: want = 7;
          12'h010: want = model_weights;
          12'h014: want = model_weights_h;
          12'h018: want = {8'd3, 8'd8, 16'd256};
          12'h01c: want = 32'hcafe0123;
          12'h020: want = model_at;
          12'h024: begin
            want = model_at < WORDS ? model_memory[model_at] : 0;
            if (model_at >= WORDS) check(response == 2 && data == 0);
            model_at = model_at + 1;
          end
          12'h028: want = WORDS;
          default:
            if (address >= 12'h080 && address < 12'h080 + 8 * COUNTERS && address % 4 == 0) check(response == 0);
            else check(response == 2 && data == 0);
        endcase
        if (address < 12'h02c && address % 4 == 0 && !(address == 12'h024 && want == 0)) check(response == 0 && data == want);
      end
      if (below(10) == 0) begin
        busy = random(0);
        bus_error = random(0);
        clearing = random(0);
      end
      if (weights_address !== {model_weights_h, model_weights} || run !== model_run) $fatal(1, "tb_axil: outputs");
    end

    // Counters: cleared, counted, stopped, read in halves; then with high halves that differ.
    counting = 0;
    repeat (3) @(posedge clk);
    address = 0;
    driver.write(12'h000, 32'h4, response);
    repeat (3) @(posedge clk);
    for (i = 0; i < COUNTERS; i = i + 1) counts[i] = 0;
    counting = 1;
    repeat (300) @(posedge clk);
    counting = 0;
    repeat (3) @(posedge clk);
    for (n = 0; n < COUNTERS; n = n + 1) begin
      c = n;
      address = 12'h080 + 8 * c;
      driver.read(address, data, response);
      want = counts[n][31:0];
      check(response == 0 && data == want && data > 0);
      driver.read(address + 12'h4, high, response);
      data = high;
      want = 0;
      check(response == 0 && data == want);
    end
    if (states_cleared != cleared || errors_cleared != fixed) $fatal(1, "tb_axil: pulses");
    done = 1;
  end
endmodule
