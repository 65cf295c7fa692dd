// Test bench of a design that takes a token a clock and gives results in order: a source of tokens and a checker
// of results, for any simulator. Stops at the first difference and names it.
//
// The sequences 0 .. SEQUENCES-1 have TOKENS tokens each. Vectors, read by $readmemh, sequence after sequence:
// tokens.hex one word a token; results.hex RESULTS words of 32 bits a token, of which FIELD bits count.
//
// +tokens=FILE +results=FILE   the vectors
// +stall=N                     of 100 clocks, N in which the source pauses, and N in which no result is taken;
//                              with stalls the sequences come in random order, without them in turn
// +seed=N                      of the random numbers
// +write=FILE                  the results of sequence 0, a line of 8 hexadecimal digits each
// +dump=FILE                   a waveform (VCD)
`timescale 1ns / 1ps
/* verilator lint_off WIDTH */ // integers index what has fewer bits
module tern_token_bench #(
  parameter TOKEN_BITS = 8,
  parameter SEQUENCE_BITS = 1,
  parameter SEQUENCES = 1,
  parameter TOKENS = 1,
  parameter RESULTS = 1,
  parameter FIELD = 8,
  parameter FIRST_RESULT = "logit", // what result 0 is called in messages
  parameter RESULT = "logit"        // and the others
) (
  output reg                      aclk,
  output reg                      aresetn,
  output reg [TOKEN_BITS-1:0]     s_tdata,
  output reg [SEQUENCE_BITS:0]    s_tuser,
  output reg                      s_tlast,
  output reg                      s_tvalid,
  input  wire                     s_tready,
  input  wire [RESULTS*FIELD-1:0] m_tdata,
  input  wire [SEQUENCE_BITS-1:0] m_tuser,
  input  wire                     m_tlast,
  input  wire                     m_tvalid,
  output reg                      m_tready
);
  reg [31:0] tokens [0:SEQUENCES*TOKENS-1];
  reg [31:0] results [0:SEQUENCES*TOKENS*RESULTS-1];
  reg [8*256-1:0] file;
  integer sent [0:SEQUENCES-1];
  integer received [0:SEQUENCES-1];
  integer stall, all_sent, all_received, cycle, first_cycle, waited, turn, i, from, written;
  reg [31:0] expected;
  reg signed [FIELD-1:0] result;
  reg signed [31:0] extended;
  reg [31:0] random;
  reg held;
  reg [RESULTS*FIELD-1:0] held_data;
  reg [SEQUENCE_BITS-1:0] held_user;

  // xorshift: the same numbers in every simulator
  function [31:0] next_random(input [31:0] x);
    begin
      next_random = x ^ (x << 13);
      next_random = next_random ^ (next_random >> 17);
      next_random = next_random ^ (next_random << 5);
    end
  endfunction

  task fail;
    begin
`ifdef __ICARUS__
      $finish_and_return(1);
`else
      $fatal(1);
`endif
    end
  endtask

  initial begin
    if (!$value$plusargs("tokens=%s", file)) file = "tokens.hex";
    $readmemh(file, tokens);
    if (!$value$plusargs("results=%s", file)) file = "results.hex";
    $readmemh(file, results);
    if (!$value$plusargs("stall=%d", stall)) stall = 0;
    if (!$value$plusargs("seed=%d", random)) random = 1;
    random = next_random(random * 32'd2654435761 + 32'd12345);
    written = 0;
    if ($value$plusargs("write=%s", file)) written = $fopen(file, "w");
    if ($value$plusargs("dump=%s", file)) begin
      $dumpfile(file);
      $dumpvars;
    end
    for (i = 0; i < SEQUENCES; i = i + 1) begin
      sent[i] = 0;
      received[i] = 0;
    end
    all_sent = 0;
    all_received = 0;
    cycle = 0;
    first_cycle = 0;
    waited = 0;
    turn = 0;
    held = 0;
    aclk = 0;
    aresetn = 0;
    s_tvalid = 0;
    s_tdata = 0;
    s_tuser = 0;
    s_tlast = 0;
    m_tready = 0;
    #42 aresetn = 1;
  end
  always #5 aclk = ~aclk;

  // The source chooses what comes next; a token that is offered stays until it is taken.
  task offer;
    begin
      random = next_random(random);
      if (all_sent == SEQUENCES * TOKENS || random % 100 < stall) begin
        s_tvalid <= 0;
      end else begin
        if (stall != 0) begin
          random = next_random(random);
          turn = random % SEQUENCES;
        end
        while (sent[turn] == TOKENS) turn = (turn + 1) % SEQUENCES;
        s_tvalid <= 1;
        s_tdata <= tokens[turn * TOKENS + sent[turn]];
        s_tuser[SEQUENCE_BITS-1:0] <= turn;
        s_tuser[SEQUENCE_BITS] <= sent[turn] == 0;
        s_tlast <= sent[turn] == TOKENS - 1;
        sent[turn] = sent[turn] + 1;
        all_sent = all_sent + 1;
        turn = (turn + 1) % SEQUENCES;
      end
    end
  endtask

  task check;
    begin
      from = m_tuser;
      if (from >= SEQUENCES || received[from] == TOKENS) begin
        $display("FAIL: a result of sequence %0d in cycle %0d that nobody asked for", from, cycle);
        fail;
      end
      for (i = 0; i < RESULTS; i = i + 1) begin
        expected = results[(from * TOKENS + received[from]) * RESULTS + i];
        result = m_tdata[i*FIELD+:FIELD];
        if (written != 0 && from == 0) begin
          extended = result;
          $fdisplay(written, "%08x", extended);
        end
        if (result !== expected[FIELD-1:0]) begin
          if (i == 0)
            $display("FAIL: %0s 0 of token %0d of sequence %0d, cycle %0d, is %0d, expected %0d", FIRST_RESULT,
                     received[from], from, cycle, result, $signed(expected));
          else
            $display("FAIL: %0s %0d of token %0d of sequence %0d, cycle %0d, is %0d, expected %0d", RESULT, i,
                     received[from], from, cycle, result, $signed(expected));
          fail;
        end
      end
      if (m_tlast !== (received[from] == TOKENS - 1)) begin
        $display("FAIL: tlast of token %0d of sequence %0d, cycle %0d, is %b", received[from], from, cycle, m_tlast);
        fail;
      end
      received[from] = received[from] + 1;
      if (all_received == 0) first_cycle = cycle;
      all_received = all_received + 1;
      waited = 0;
      if (all_received == SEQUENCES * TOKENS) begin
        $display("PASS: %0d tokens of %0d sequences, %0d results each; first result in cycle %0d, last in cycle %0d",
                 all_received, SEQUENCES, RESULTS, first_cycle, cycle);
        $finish;
      end
    end
  endtask

  always @(posedge aclk)
    if (aresetn) begin
      cycle = cycle + 1;
      waited = waited + 1;
      if (!s_tvalid || s_tready) offer;
      if (held && (!m_tvalid || m_tdata !== held_data || m_tuser !== held_user)) begin
        $display("FAIL: a result changed in cycle %0d before it was taken", cycle);
        fail;
      end
      held = m_tvalid & ~m_tready;
      held_data = m_tdata;
      held_user = m_tuser;
      if (m_tvalid && m_tready) check;
      random = next_random(random);
      m_tready <= random % 100 >= stall;
      if (waited > 100000) begin
        $display("FAIL: no result for 100000 clocks, cycle %0d", cycle);
        fail;
      end
    end
endmodule
/* verilator lint_on WIDTH */
