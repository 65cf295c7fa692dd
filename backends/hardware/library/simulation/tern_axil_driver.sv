// AXI4-Lite master for simulation: tasks write, write_bytes and read, one transaction at a time, called as instance.write(...).
//
// SEED    of the random delays of the answers' ready
// A response other than OKAY is given back in `response`. Address and data of a write come in the same clock or, at random, one
// some clocks after the other.
module tern_axil_driver #(
  parameter SEED = 1
) (
  input  wire        clk,
  output reg  [11:0] awaddr,
  output reg         awvalid,
  input  wire        awready,
  output reg  [31:0] wdata,
  output reg  [3:0]  wstrb,
  output reg         wvalid,
  input  wire        wready,
  input  wire [1:0]  bresp,
  input  wire        bvalid,
  output reg         bready,
  output reg  [11:0] araddr,
  output reg         arvalid,
  input  wire        arready,
  input  wire [31:0] rdata,
  input  wire [1:0]  rresp,
  input  wire        rvalid,
  output reg         rready
);
  reg [31:0] state = SEED * 32'h9e3779b9 + 32'h7f4a7c15;
  function [31:0] random(input unused);
    begin
      state = state ^ (state << 13);
      state = state ^ (state >> 17);
      state = state ^ (state << 5);
      random = state;
    end
  endfunction

  initial begin
    awvalid = 0;
    wvalid = 0;
    bready = 0;
    arvalid = 0;
    rready = 0;
  end

  // Signals change at the falling edge, and are looked at at the rising one: no simulator's order of processes matters.
  reg moved, address_left, data_left;
  task write_bytes(input [11:0] address, input [31:0] data, input [3:0] strobes, output [1:0] response);
    begin
      @(negedge clk);
      address_left = 1;
      data_left = 1;
      awaddr = address;
      wdata = data;
      wstrb = strobes;
      while (address_left || data_left) begin
        awvalid = address_left;
        wvalid = data_left && (wvalid || random(0) % 2 == 0);
        @(posedge clk);
        address_left = address_left && !(awvalid && awready);
        data_left = data_left && !(wvalid && wready);
        @(negedge clk);
        if (!data_left) wvalid = 0;
      end
      awvalid = 0;
      moved = 0;
      while (!moved) begin
        bready = random(0) % 2;
        @(posedge clk);
        moved = bvalid && bready;
        response = bresp;
        @(negedge clk);
      end
      bready = 0;
    end
  endtask

  task write(input [11:0] address, input [31:0] data, output [1:0] response);
    write_bytes(address, data, 4'hf, response);
  endtask

  task read(input [11:0] address, output [31:0] data, output [1:0] response);
    begin
      @(negedge clk);
      araddr = address;
      arvalid = 1;
      moved = 0;
      while (!moved) begin
        @(posedge clk);
        moved = arready;
        @(negedge clk);
      end
      arvalid = 0;
      moved = 0;
      while (!moved) begin
        rready = random(0) % 2;
        @(posedge clk);
        moved = rvalid && rready;
        data = rdata;
        response = rresp;
        @(negedge clk);
      end
      rready = 0;
    end
  endtask
endmodule
