// Synchronous first-word fall-through FIFO over an inferred simple dual port RAM.
//
// WIDTH   bits of a word
// DEPTH   words it takes, a power of two, 2 or more
// STYLE   value of the attribute ram_style: "auto", "distributed", "block", "ultra"
// Latency 2 clocks from an accepted word to out_valid when empty; one word a clock in and out is sustained.
// in_ready is high while fewer than DEPTH words are held and does not depend on out_ready of the same clock; out_valid,
// once high, stays high and out_data stays the same until out_ready. count: words accepted and not yet taken.
// Corners: WIDTH=1 DEPTH=2; WIDTH=1025 DEPTH=1024
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

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test): no word is lost, doubled, changed or reordered, the count is right. A word
  // that comes in is picked at will and followed, by its place in the RAM and the words in front of it.
  (* anyseq *) reg pick;
  reg              started = 0, following = 0, waited = 0;
  reg              in_memory;
  reg [A-1:0]      place;
  reg [A:0]        front; // words in front of the followed one
  reg [WIDTH-1:0]  followed, last;
  wire             pop = out_valid && out_ready;
  wire [A-1:0]     distance = place - head;
  wire [A-1:0]     span = tail - head;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    waited <= aresetn && out_valid && !out_ready;
    last <= out_data;
    if (!aresetn) following <= 0;
    else if (!following) begin
      following <= push && pick;
      followed <= in_data;
      in_memory <= 1;
      place <= tail;
      front <= {1'b0, span} + (waiting == DEPTH ? DEPTH : 0) + offered - pop;
    end else begin
      if (fetch && distance == 0) in_memory <= 0;
      front <= front - pop;
      if (pop && front == 0) following <= 0;
    end
    if (started) begin
      assert (waiting + offered <= DEPTH);
      assert (waiting[A-1:0] == span);
      assert (count == waiting + offered);
      if (waited) assert (out_valid && out_data == last);
      if (following && in_memory) assert (distance < waiting && front == distance + offered && memory[place] == followed);
      if (following && !in_memory) assert (front == 0 && offered && word == followed);
    end
  end
`endif
endmodule
