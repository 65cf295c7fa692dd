// Synchronous first-word fall-through FIFO over an inferred simple dual port RAM.
//
// WIDTH   bits of a word
// DEPTH   words it takes, a power of two, 2 or more
// STYLE   value of the attribute ram_style: "auto", "distributed", "block", "ultra"
// Latency 2 clocks from an accepted word to out_valid when empty; one word a clock in and out is sustained.
// in_ready is high while fewer than DEPTH words are held and does not depend on out_ready of the same clock; out_valid,
// once high, stays high and out_data stays the same until out_ready. count: words accepted and not yet taken.
module tern_fifo #(
  parameter WIDTH = 8,
  parameter DEPTH = 16,
  /* verilator lint_off UNUSEDPARAM */ // only the attribute ram_style reads it
  parameter STYLE = "auto"
  /* verilator lint_on UNUSEDPARAM */
) (
  input  wire                     clk,
  input  wire                     aresetn,
  input  wire [WIDTH-1:0]         in_data,
  input  wire                     in_valid,
  output wire                     in_ready,
  output wire [WIDTH-1:0]         out_data,
  output wire                     out_valid,
  input  wire                     out_ready,
  output wire [$clog2(DEPTH+1)-1:0] count
);
  localparam A = $clog2(DEPTH);
  localparam C = $clog2(DEPTH + 1);

  (* ram_style = STYLE, no_rw_check *) reg [WIDTH-1:0] memory [0:DEPTH-1];
  reg [A-1:0]     head, tail; // next to read, next to write
  reg [A:0]       waiting;    // words in `memory`, beside the one that is offered
  reg             offered;
  reg [WIDTH-1:0] word;

  wire push = in_valid && in_ready;
  wire fetch = waiting != 0 && (!offered || out_ready);

  assign count = waiting[C-1:0] + {{C-1{1'b0}}, offered};
  assign in_ready = count != DEPTH[C-1:0];
  assign out_valid = offered;
  assign out_data = word;

  always @(posedge clk) begin
    if (push) memory[tail] <= in_data;
    if (fetch) word <= memory[head];
  end

  always @(posedge clk)
    if (!aresetn) begin
      head <= 0;
      tail <= 0;
      waiting <= 0;
      offered <= 0;
    end else begin
      if (push) tail <= tail + 1'b1;
      if (fetch) head <= head + 1'b1;
      waiting <= waiting + {{A{1'b0}}, push} - {{A{1'b0}}, fetch};
      offered <= fetch || (offered && !out_ready);
    end
endmodule
