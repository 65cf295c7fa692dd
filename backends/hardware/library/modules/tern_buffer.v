// Memory of a planned value or a state: a bank a sequence, words of LANES elements, several read ports.
//
// WIDTH      bits of an element
// LANES      elements of a word, a power of two; lane i is bits [i*WIDTH +: WIDTH]
// WORDS      words of a bank, 2 or more
// SEQUENCES  banks
// READS      read ports; port r has bits [r*A +: A] of read_address, A = clog2(WORDS). Each is a copy of the memory
// SUMS       1: the sum engine writes here too
// Kernels write lanes of a word in the banks of write_banks. The sum engine writes one element in every bank, each with bits
// of its own of sum_data; the two never write in one clock. A read answers one clock after its address, from the bank
// that read_bank names in the clock of the answer.
// Corners: WIDTH=1 LANES=1 WORDS=2 SEQUENCES=1 READS=1 SUMS=0; WIDTH=32 LANES=64 WORDS=3 SEQUENCES=16 READS=3 SUMS=1;
//  WIDTH=33 LANES=1 WORDS=4096 SEQUENCES=2 READS=1 SUMS=1
module tern_buffer #(
  parameter WIDTH     = 8,
  parameter LANES     = 1,
  parameter WORDS     = 2,
  parameter SEQUENCES = 1,
  parameter READS     = 1,
  parameter SUMS      = 0
) (
  input  wire                                          clk,
  input  wire [LANES-1:0]                              write,
  input  wire [SEQUENCES-1:0]                          write_banks,
  input  wire [$clog2(WORDS)-1:0]                      write_address,
  input  wire [LANES*WIDTH-1:0]                        write_data,
  input  wire                                          sum_write,
  input  wire [$clog2(WORDS*LANES)-1:0]                sum_element,
  input  wire [SEQUENCES*WIDTH-1:0]                    sum_data,
  input  wire [READS*$clog2(WORDS)-1:0]                read_address,
  input  wire [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0]  read_bank,
  output wire [READS*LANES*WIDTH-1:0]                  read_data
);
  localparam A = $clog2(WORDS);
  localparam L = $clog2(LANES);
  localparam WORD = LANES * WIDTH;

  wire [SEQUENCES*READS*WORD-1:0] banks;
  wire [A-1:0]                    sum_word;
  wire [LANES-1:0]                sum_lane;
  generate
    if (LANES > 1) begin : many
      assign sum_word = sum_element[L+A-1:L];
      assign sum_lane = {{(LANES-1){1'b0}}, 1'b1} << sum_element[L-1:0];
    end else begin : one
      assign sum_word = sum_element;
      assign sum_lane = 1'b1;
    end
  endgenerate

  genvar s, r;
  generate
    for (s = 0; s < SEQUENCES; s = s + 1) begin : bank
      wire [LANES-1:0] lanes;
      wire [A-1:0]     address;
      wire [WORD-1:0]  data;
      if (SUMS != 0) begin : shared
        assign lanes   = sum_write ? sum_lane : write_banks[s] ? write : {LANES{1'b0}};
        assign address = sum_write ? sum_word : write_address;
        assign data    = sum_write ? {LANES{sum_data[s*WIDTH +: WIDTH]}} : write_data;
      end else begin : own
        assign lanes   = write_banks[s] ? write : {LANES{1'b0}};
        assign address = write_address;
        assign data    = write_data;
        wire unused = &{1'b0, sum_write, sum_word, sum_lane, sum_data[s*WIDTH +: WIDTH]};
      end
      for (r = 0; r < READS; r = r + 1) begin : port
        tern_ram #(.WIDTH(WIDTH), .LANES(LANES), .DEPTH(WORDS)) ram (
          .clk(clk), .write(lanes), .write_address(address), .write_data(data), .read(1'b1),
          .read_address(read_address[r*A +: A]), .read_data(banks[(s*READS+r)*WORD +: WORD]));
      end
    end
    if (SEQUENCES > 1) begin : choose
      tern_pick #(.WIDTH(READS*WORD), .LANES(SEQUENCES)) pick (.word(banks), .lane(read_bank), .q(read_data));
    end else begin : only
      assign read_data = banks;
      wire unused = &{1'b0, read_bank};
    end
  endgenerate
endmodule
