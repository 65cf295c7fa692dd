// Sum engine: sums of products of ternary weights, streamed once, with codes that stay, for SEQUENCES sequences at once.
//
// LANES      weights of a word of the stream, 4 .. 1024; PACKING 1: 5 * (a power of two)
// PACKING    0: 2 bits a weight, weight i in bits [2i+1:2i]: 00 = 0, 01 = +1, 11 = -1; 1: five a byte, as in tern_trits.
//            backends/hardware/library/weight_words.h writes both
// WIDTH      bits of a code (signed), 2 .. 16
// SEQUENCES  sequences that share each word, 1 .. 16
// PORT       codes of a word of the code buffer, a power of two, 1 .. 64
// COLUMNS    most columns of a command
// ROWS       most rows of a command, 4 or more: words of the accumulator RAM
// RESULT     bits of a sum (signed); the caller proves that it suffices
// TAG        bits of a command's tag, 1 or more
// STYLE      0: adders (tern_dot_adders), for every family; 1: tables of the sums of 2 or 3 codes in LUT RAM, for families that
//            have it; 2: tables of the sums of 4 or 5 codes in block RAM, for matrices of many rows (tern_dot_tables)
// SYMMETRIC  1: no code is -2^(WIDTH-1); tables are a bit narrower
// LOAD       codes loaded a clock, a power of two, at most PORT; LANES is a multiple of K * LOAD, with K = 1 (STYLE 0),
//            2 (STYLE 1), 4 (STYLE 2), or, with PACKING 1, 5 (STYLE 1 and 2).
//            Loading a chunk is hidden if it takes no longer than running one, that is if the rows are at least
//            SEQUENCES * LANES / LOAD + T * LANES / (K * LOAD) + 12,  T = 0 (STYLE 0), 16 (STYLE 1), 32 (STYLE 1, PACKING 1), 256 (STYLE 2)
// PIPE       adder levels between registers
//
// A command is a block of `rows` rows of a matrix of `columns` columns. Its words come in this order: for each chunk of
// LANES columns (the last one padded with zeros in the word): for each row: one word. A matrix of more than ROWS rows is several
// commands, cmd_row telling the number of the first row of each; groups of columns with sums of their own are one command each.
// Command: cmd_columns (1 .. COLUMNS), cmd_rows (1 .. ROWS), cmd_row (number of the first row, counted on in out_row),
// cmd_code (word address of column 0 in the code buffer), cmd_tag (comes out with each row). Accepted when cmd_valid and
// cmd_ready; the codes must already be in the buffer and must stay until `loading` is low again, which happens before the sums
// come out. A command may be given while the former still runs: its codes load meanwhile, and its words follow without a gap.
// Code buffer: code_read with code_address and code_sequence; code_data one clock later: PORT codes, lowest column first.
// Weights: w_data, w_valid, w_ready. w_ready does not depend on w_valid.
// Results: out_valid for one clock each row, in row order, with out_row, out_tag, out_sums (RESULT bits a sequence, sequence 0
// lowest), out_last in the last row of a command. There is no ready: a consumer that cannot take
// a row each clock raises `hold`, after which no further word is taken; at most LATENCY rows still come, LATENCY being
// clog2(LANES) + 8 at most.
// Counters: taken = a word is used in this clock (lanes busy); starved = codes are ready but no word is there; unloaded = a word is
// there but the codes of its chunk are not loaded yet. busy: a command is accepted and its last row has not come out.
// Corners: LANES=4 WIDTH=2 SEQUENCES=1 PORT=1 COLUMNS=1 ROWS=4 RESULT=2 TAG=1; LANES=1024 WIDTH=8 PORT=64 COLUMNS=65536
//  ROWS=65536 RESULT=40 TAG=8; LANES=16 WIDTH=16 SEQUENCES=16 RESULT=40; COLUMNS=256; LANES=16 PORT=64 LOAD=16;
//  LANES=5 PACKING=1 PORT=1 COLUMNS=1 ROWS=4 RESULT=2; LANES=320 PACKING=1 PORT=64 LOAD=64; LANES=64 STYLE=1;
//  LANES=64 STYLE=2 SEQUENCES=3; PACKING=1 LANES=20 STYLE=1 LOAD=4; PACKING=1 LANES=40 STYLE=2 SYMMETRIC=1; LANES=16
//  PORT=16 LOAD=1 ROWS=4 RESULT=11
module tern_sum #(
  parameter LANES     = 256,
  parameter PACKING   = 0,
  parameter WIDTH     = 8,
  parameter SEQUENCES = 1,
  parameter PORT      = 8,
  parameter COLUMNS   = 2048,
  parameter ROWS      = 2048,
  parameter RESULT    = 24,
  parameter TAG       = 1,
  parameter ROW_BITS  = 24,
  parameter CODE_ADDRESS = 16,
  parameter STYLE     = 0,
  parameter SYMMETRIC = 0,
  parameter LOAD      = PORT,
  parameter PIPE      = 1,
  parameter RAM_STYLE = "auto"
) (
  input  wire                                 clk,
  input  wire                                 aresetn,
  input  wire [$clog2(COLUMNS+1)-1:0]         cmd_columns,
  input  wire [$clog2(ROWS+1)-1:0]            cmd_rows,
  input  wire [ROW_BITS-1:0]                  cmd_row,
  input  wire [CODE_ADDRESS-1:0]              cmd_code,
  input  wire [TAG-1:0]                       cmd_tag,
  input  wire                                 cmd_valid,
  output wire                                 cmd_ready,
  output wire                                 code_read,
  output wire [CODE_ADDRESS-1:0]              code_address,
  output wire [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0] code_sequence,
  input  wire [PORT*WIDTH-1:0]                code_data,
  input  wire [(PACKING!=0?LANES/5*8:LANES*2)-1:0] w_data,
  input  wire                                 w_valid,
  output wire                                 w_ready,
  input  wire                                 hold,
  output wire                                 out_valid,
  output wire [ROW_BITS-1:0]                  out_row,
  output wire [TAG-1:0]                       out_tag,
  output wire                                 out_last,
  output wire [SEQUENCES*RESULT-1:0]          out_sums,
  output wire                                 loading,
  output wire                                 busy,
  output wire                                 taken,
  output wire                                 starved,
  output wire                                 unloaded
);
  localparam CHUNK_BITS = $clog2(ROWS + 1);
  localparam COLUMN_BITS = $clog2(COLUMNS + 1);
  localparam SEQ = SEQUENCES > 1 ? $clog2(SEQUENCES) : 1;
  localparam SUM = WIDTH + $clog2(LANES) + 1;
  localparam MARK = CHUNK_BITS + ROW_BITS + TAG + 3;

  wire                  load, full, first;
  wire [SEQ-1:0]        load_sequence;
  wire [LOAD*WIDTH-1:0] load_codes;
  wire [CHUNK_BITS-1:0] chunk_rows;
  wire [ROW_BITS-1:0]   chunk_row;
  wire [TAG-1:0]        chunk_tag;
  wire                  chunk_first, chunk_last;

  tern_sum_loader #(
    .LANES(LANES), .WIDTH(WIDTH), .SEQUENCES(SEQUENCES), .PORT(PORT), .LOAD(LOAD), .COLUMN_BITS(COLUMN_BITS),
    .CHUNK_BITS(CHUNK_BITS), .ROW_BITS(ROW_BITS), .TAG(TAG), .CODE_ADDRESS(CODE_ADDRESS)
  ) loader (
    .clk(clk), .aresetn(aresetn), .cmd_columns(cmd_columns), .cmd_rows(cmd_rows), .cmd_row(cmd_row), .cmd_code(cmd_code),
    .cmd_tag(cmd_tag), .cmd_valid(cmd_valid), .cmd_ready(cmd_ready), .code_read(code_read), .code_address(code_address),
    .code_sequence(code_sequence), .code_data(code_data), .load(load), .load_sequence(load_sequence),
    .load_codes(load_codes), .chunk_rows(chunk_rows), .chunk_row(chunk_row), .chunk_tag(chunk_tag),
    .chunk_first(chunk_first), .chunk_last(chunk_last), .chunk_taken(first));
  assign loading = !cmd_ready;

  wire [CHUNK_BITS-1:0] mark_index;
  wire [ROW_BITS-1:0]   mark_row;
  wire [TAG-1:0]        mark_tag;
  wire                  mark_first, mark_last, mark_end;

  tern_sum_runner #(.CHUNK_BITS(CHUNK_BITS), .ROW_BITS(ROW_BITS), .TAG(TAG)) runner (
    .clk(clk), .aresetn(aresetn), .full(full), .chunk_rows(chunk_rows), .chunk_row(chunk_row), .chunk_tag(chunk_tag),
    .chunk_first(chunk_first), .chunk_last(chunk_last), .w_valid(w_valid), .w_ready(w_ready), .hold(hold), .taken(taken),
    .first(first), .mark_index(mark_index), .mark_row(mark_row), .mark_tag(mark_tag), .mark_first(mark_first),
    .mark_last(mark_last), .mark_end(mark_end), .starved(starved), .unloaded(unloaded));

  wire                     a_valid;
  wire [MARK-1:0]          a_mark;
  wire [SEQUENCES*SUM-1:0] a_sums;
  wire [MARK-1:0]          mark = {mark_index, mark_row, mark_tag, mark_first, mark_last, mark_end};
  generate
    if (STYLE == 0) begin : adders
      tern_dot_adders #(
        .LANES(LANES), .PACKING(PACKING), .WIDTH(WIDTH), .SEQUENCES(SEQUENCES), .LOAD(LOAD), .PIPE(PIPE), .MARK(MARK)
      ) dot (
        .clk(clk), .aresetn(aresetn), .full(full), .load(load), .load_sequence(load_sequence), .load_codes(load_codes),
        .valid(taken), .first(first), .word(w_data), .mark(mark), .out_valid(a_valid), .out_mark(a_mark), .out_sums(a_sums));
    end else begin : tables
      tern_dot_tables #(
        .LANES(LANES), .PACKING(PACKING), .WIDTH(WIDTH), .SYMMETRIC(SYMMETRIC), .SEQUENCES(SEQUENCES), .LOAD(LOAD),
        .PIPE(PIPE), .MARK(MARK), .STYLE(STYLE)
      ) dot (
        .clk(clk), .aresetn(aresetn), .full(full), .load(load), .load_sequence(load_sequence), .load_codes(load_codes),
        .valid(taken), .first(first), .word(w_data), .mark(mark), .out_valid(a_valid), .out_mark(a_mark), .out_sums(a_sums));
    end
  endgenerate

  // Stage a: a word's sums are there, its row's accumulator is read. b: added. c: written, or given out.
  reg                     b_valid, c_valid;
  reg [MARK-1:0]          b_mark, c_mark;
  reg [SEQUENCES*SUM-1:0] b_sums;
  reg [SEQUENCES*RESULT-1:0] c_sums;
  wire [SEQUENCES*RESULT-1:0] partial;
  wire b_first = b_mark[2];
  wire c_last = c_mark[1];
  wire c_end = c_mark[0];
  always @(posedge clk) begin
    b_valid <= aresetn && a_valid;
    c_valid <= aresetn && b_valid;
    b_mark <= a_mark;
    c_mark <= b_mark;
    b_sums <= a_sums;
  end

  genvar s;
  generate
    for (s = 0; s < SEQUENCES; s = s + 1) begin : add
      wire [SUM-1:0]        x = b_sums[s*SUM +: SUM];
      wire [RESULT+SUM-1:0] wide = {{RESULT{x[SUM-1]}}, x};
      wire [RESULT-1:0]     y = b_first ? {RESULT{1'b0}} : partial[s*RESULT +: RESULT];
      always @(posedge clk) c_sums[s*RESULT +: RESULT] <= wide[RESULT-1:0] + y;
      wire unused = &{1'b0, wide[RESULT+SUM-1:RESULT]};
    end

    if (COLUMNS > LANES) begin : accumulators
      localparam RB = $clog2(ROWS);
      wire [CHUNK_BITS-1:0] a_index = a_mark[MARK-1 -: CHUNK_BITS];
      wire [CHUNK_BITS-1:0] c_index = c_mark[MARK-1 -: CHUNK_BITS];
      tern_ram #(.WIDTH(SEQUENCES * RESULT), .LANES(1), .DEPTH(ROWS), .STYLE(RAM_STYLE)) ram (
        .clk(clk), .write(c_valid && !c_last), .write_address(c_index[RB-1:0]), .write_data(c_sums),
        .read(a_valid), .read_address(a_index[RB-1:0]), .read_data(partial));
      wire unused = &{1'b0, a_index[CHUNK_BITS-1], c_index[CHUNK_BITS-1]};
    end else begin : one_chunk
      assign partial = {SEQUENCES*RESULT{1'b0}};
    end
  endgenerate

  assign out_valid = c_valid && c_last;
  assign out_last = c_end;
  assign out_sums = c_sums;
  assign {out_row, out_tag} = c_mark[3 +: ROW_BITS + TAG];

  wire unused = &{1'b0, c_mark};

  // Commands accepted whose last row has not come out.
  reg [5:0] commands;
  assign busy = commands != 0;
  always @(posedge clk)
    if (!aresetn) commands <= 0;
    else commands <= commands + {5'b0, cmd_valid && cmd_ready} - {5'b0, out_valid && out_last};
endmodule
