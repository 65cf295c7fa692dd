// Sum engine: sums of products of ternary weights, streamed once, with codes that stay, for SEQUENCES sequences at once.
//
// LANES      weights of a word of the stream. PACKING 0: any even number 4 .. 1024, PACKING 1: 5 * (a power of two, 4 .. 128)
// PACKING    0: 2 bits a weight, weight i in bits [2i+1:2i]: 00 = 0, 01 = +1, 11 = -1; 1: five a byte, as in tern_trits.
//            backends/verilog/words.h writes both
// WIDTH      bits of a code (signed), 2 .. 16
// SEQUENCES  sequences that share each word, 1 .. 16
// PORT       codes of a word of the code buffer, a power of two, 1 .. 64
// COLUMNS    most columns of a command
// ROWS       most rows of a command: words of the accumulator RAM
// RESULT     bits of a sum (signed); the caller proves that it suffices
// TAG        bits of a command's tag, 1 or more
// STYLE      0: adders (tern_lanes) on all families; 1: tables of partial sums in LUT RAM (fewer LUTs where there is LUT RAM)
// LOAD       codes loaded a clock, a power of two, at most PORT. Loading a chunk must not take longer than running one:
//            SEQUENCES * LANES / LOAD clocks with STYLE 0, SEQUENCES * (LANES / LOAD + 16 * ceil(LANES / 3 / LOAD)) with STYLE 1
//            (PACKING 1: LANES / 5 for LANES / 3)
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
endmodule
