// Bench of tern_sum: random commands back to back, codes and words against sums computed here, random stalls of words, results
// and commands. With SPEED 1 nothing stalls, and the words must be taken without a gap once the first is.
module tb_sum #(
  parameter LANES = 16, PACKING = 0, WIDTH = 8, SEQUENCES = 1, PORT = 8, COLUMNS = 64, ROWS = 32, RESULT = 24, STYLE = 0,
  parameter SYMMETRIC = 0, LOAD = PORT, PIPE = 1, COMMANDS = 12, SPEED = 0, MIN_ROWS = 1, SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  localparam WORD  = PACKING != 0 ? LANES / 5 * 8 : LANES * 2;
  localparam CODES = (COLUMNS + PORT - 1) / PORT + 1; // words of a command's codes
  localparam QUEUE = 1 << $clog2((COLUMNS / LANES + 1) * ROWS * 4);
  localparam SEQ   = SEQUENCES > 1 ? $clog2(SEQUENCES) : 1;
  localparam CB    = $clog2(COLUMNS + 1);
  localparam RB    = $clog2(ROWS + 1);

  reg  [CB-1:0] cmd_columns;
  reg  [RB-1:0] cmd_rows;
  reg  [23:0]   cmd_row;
  reg  [15:0]   cmd_code;
  reg  [7:0]    cmd_tag;
  reg           cmd_valid;
  wire          cmd_ready, code_read, w_ready, out_valid, out_last, loading, busy, taken, starved, unloaded;
  wire [15:0]   code_address;
  wire [SEQ-1:0] code_sequence;
  reg  [PORT*WIDTH-1:0] code_data;
  wire          w_valid;
  reg           stall_w, hold;
  wire [23:0]   out_row;
  wire [7:0]    out_tag;
  wire [SEQUENCES*RESULT-1:0] out_sums;

  reg [WORD-1:0] words [0:QUEUE-1];
  integer        words_head = 0, words_tail = 0;
  assign w_valid = words_head != words_tail && !stall_w;
  wire [WORD-1:0] w_data = w_valid ? words[words_head % QUEUE] : {WORD{1'bx}};

  tern_sum #(
    .LANES(LANES), .PACKING(PACKING), .WIDTH(WIDTH), .SEQUENCES(SEQUENCES), .PORT(PORT), .COLUMNS(COLUMNS), .ROWS(ROWS),
    .RESULT(RESULT), .TAG(8), .STYLE(STYLE), .SYMMETRIC(SYMMETRIC), .LOAD(LOAD), .PIPE(PIPE)
  ) dut (
    .clk(clk), .aresetn(aresetn), .cmd_columns(cmd_columns), .cmd_rows(cmd_rows), .cmd_row(cmd_row), .cmd_code(cmd_code),
    .cmd_tag(cmd_tag), .cmd_valid(cmd_valid), .cmd_ready(cmd_ready), .code_read(code_read), .code_address(code_address),
    .code_sequence(code_sequence), .code_data(code_data), .w_data(w_data), .w_valid(w_valid), .w_ready(w_ready),
    .hold(hold), .out_valid(out_valid), .out_row(out_row), .out_tag(out_tag), .out_last(out_last), .out_sums(out_sums),
    .loading(loading), .busy(busy), .taken(taken), .starved(starved), .unloaded(unloaded));

  // The code buffer holds the codes of two commands; what a command does not use is unknown.
  reg [WIDTH-1:0] codes [0:SEQUENCES*2*CODES*PORT-1];
  integer i;
  always @(posedge clk)
    if (code_read)
      for (i = 0; i < PORT; i = i + 1)
        code_data[i*WIDTH +: WIDTH] <= codes[(code_sequence * 2 * CODES + code_address) * PORT + i];
    else if (below(4) == 0) code_data <= {PORT*WIDTH{1'bx}};

  // What must come out.
  reg [SEQUENCES*RESULT-1:0] sums [0:QUEUE-1];
  reg [32:0]                 rows [0:QUEUE-1]; // number, tag, last
  integer sums_head = 0, sums_tail = 0;

  // Weights of a command, in rows of whole chunks.
  localparam PADDED = (COLUMNS + LANES - 1) / LANES * LANES;
  reg signed [1:0] w [0:ROWS*PADDED-1];

  // The byte of five trits.
  function [7:0] trits(input integer t0, input integer t1, input integer t2, input integer t3, input integer t4);
    integer v, p;
    reg     s;
    reg [3:0] m;
    begin
      v = t0 + 3 * t1 + 9 * t2;
      p = t3 + 3 * t4;
      s = v < 0;
      m = v < 0 ? -v : v;
      if (p == 0) trits = {s, 3'b111, m[0], m[3:1]};
      else begin
        trits = {s, m, p < 0 ? 3'b100 : 3'b000};
        p = (p < 0 ? -p : p) - 1;
        trits[1:0] = p[1:0];
      end
    end
  endfunction

  integer command = 0, columns, chunks, r, c, k, j, s, half, base, kind;
  reg [WORD-1:0] word;
  integer sum;
  reg [SEQUENCES*RESULT-1:0] all;
  reg signed [WIDTH-1:0] code;
  task make;
    begin
      kind = below(8); // of the codes: mostly random, some all extreme
      half = command % 2;
      columns = SPEED ? COLUMNS : below(4) == 0 ? COLUMNS : 1 + below(COLUMNS);
      cmd_rows <= SPEED ? ROWS[RB-1:0] : below(3) == 0 ? 1 : MIN_ROWS + below(ROWS - MIN_ROWS + 1);
      if (!SPEED && below(3) == 0) cmd_rows <= 1 + below(4);
      cmd_columns <= columns[CB-1:0];
      cmd_row <= random(0);
      cmd_code <= half * CODES;
      cmd_tag <= random(0);
      for (s = 0; s < SEQUENCES; s = s + 1)
        for (i = 0; i < CODES * PORT; i = i + 1) begin
          code = kind == 0 ? {1'b1, {WIDTH-1{1'b0}}} : kind == 1 ? {1'b0, {WIDTH-1{1'b1}}} : random(0);
          if (SYMMETRIC != 0 && code == {1'b1, {WIDTH-1{1'b0}}}) code = code + 1'b1;
          codes[(s*2+half)*CODES*PORT+i] = i < columns ? code : {WIDTH{1'bx}};
        end
    end
  endtask
  task expect_all;
    begin
      kind = below(8);
      chunks = (columns + LANES - 1) / LANES;
      base = (command % 2) * CODES * PORT;
      for (r = 0; r < cmd_rows; r = r + 1) begin
        for (c = 0; c < chunks * LANES; c = c + 1) w[r*PADDED+c] = c >= columns ? 0 : kind == 0 ? 1 : kind == 1 ? -1 : below(3) - 1;
        for (s = 0; s < SEQUENCES; s = s + 1) begin
          sum = 0;
          for (c = 0; c < columns; c = c + 1) begin
            code = codes[s*2*CODES*PORT+base+c];
            sum = sum + w[r*PADDED+c] * code;
          end
          all[s*RESULT +: RESULT] = sum[RESULT-1:0];
        end
        sums[sums_tail % QUEUE] = all;
        rows[sums_tail % QUEUE] = {cmd_row + r[23:0], cmd_tag, r == cmd_rows - 1};
        sums_tail = sums_tail + 1;
      end
      for (k = 0; k < chunks; k = k + 1)
        for (r = 0; r < cmd_rows; r = r + 1) begin
          base = r * PADDED + k * LANES;
          if (PACKING != 0)
            for (j = 0; j < LANES / 5; j = j + 1)
              word[8*j +: 8] = trits(w[base+j], w[base+j+LANES/5], w[base+j+LANES/5*2], w[base+j+LANES/5*3], w[base+j+LANES/5*4]);
          else
            for (j = 0; j < LANES; j = j + 1) word[2*j +: 2] = w[base+j];
          words[words_tail % QUEUE] = word;
          words_tail = words_tail + 1;
        end
    end
  endtask

  integer cycles = 0, takens = 0, first_taken = 0, last_taken = 0;
  reg     made = 0;
  initial begin
    done = 0;
    cmd_valid = 0;
    stall_w = 0;
    hold = 0;
    code_data = 0;
  end
  always @(posedge clk)
    if (aresetn) begin
      cycles <= cycles + 1;
      stall_w <= !SPEED && below(4) == 0;
      hold <= !SPEED && below(5) == 0;
      // A command is made as soon as there is room in the buffer and in the queues, that is when the former's codes are loaded.
      if (cmd_valid) begin
        if (cmd_ready) begin
          cmd_valid <= 0;
          command <= command + 1;
        end
      end else if (made) begin
        expect_all;
        made <= 0;
        cmd_valid <= 1;
      end else if (command < COMMANDS && !loading && sums_tail - sums_head < ROWS && (SPEED || below(3) == 0)) begin
        make;
        made <= 1;
      end
      if (w_valid && w_ready) begin
        words_head <= words_head + 1;
        takens <= takens + 1;
        last_taken <= cycles;
        if (takens == 0) first_taken <= cycles;
      end
      if (taken != (w_valid && w_ready) || (starved && w_valid) || (unloaded && (!w_valid || w_ready)))
        $fatal(1, "tb_sum: counters");
      if (out_valid) begin
        if (sums_head == sums_tail) $fatal(1, "tb_sum: a row that nobody asked for");
        if ({out_row, out_tag, out_last} !== rows[sums_head % QUEUE]) $fatal(1, "tb_sum: row %0d tag %0d", out_row, out_tag);
        if (out_sums !== sums[sums_head % QUEUE])
          $fatal(1, "tb_sum: LANES %0d PACKING %0d STYLE %0d row %0d: %h, not %h", LANES, PACKING, STYLE, out_row, out_sums, sums[sums_head % QUEUE]);
        sums_head <= sums_head + 1;
      end
      if (!done && command == COMMANDS && !busy && !cmd_valid) begin
        if (sums_head != sums_tail || words_head != words_tail) $fatal(1, "tb_sum: not busy, but rows are missing");
        if (SPEED && last_taken - first_taken + 1 != takens) $fatal(1, "tb_sum: %0d words in %0d clocks", takens, last_taken - first_taken + 1);
        $display("tb_sum: LANES %0d PACKING %0d STYLE %0d SEQUENCES %0d: %0d rows in %0d clocks", LANES, PACKING, STYLE, SEQUENCES, sums_tail, cycles);
        done <= 1;
      end
    end
endmodule
