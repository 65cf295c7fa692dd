// Lanes of the sum engine behind shift registers, so that a small device has pins enough to place them.
module pins #(
  parameter LANES = 16,
  parameter LOAD  = 2,
  parameter STYLE = 0,
  parameter SUM   = 8 + $clog2(LANES) + 1
) (
  input  wire           clk,
  input  wire           reset,
  input  wire           bit_in,
  input  wire           first_in,
  input  wire           valid_in,
  input  wire           load_in,
  output reg            full_out,
  output reg            valid_out,
  output reg  [SUM-1:0] sum_out
);
  reg [2*LANES-1:0] word;
  reg [8*LOAD-1:0]  codes;
  reg               first, valid, load, aresetn;
  wire              full, out_valid, out_mark;
  wire [SUM-1:0]    sum;
  always @(posedge clk) begin
    word <= {word[2*LANES-2:0], bit_in};
    codes <= {codes[8*LOAD-2:0], word[2*LANES-1]};
    first <= first_in;
    valid <= valid_in;
    load <= load_in;
    aresetn <= !reset;
    full_out <= full;
    valid_out <= out_valid;
    sum_out <= sum;
  end
  generate
    if (STYLE == 0) begin : adders
      tern_dot_adders #(.LANES(LANES), .LOAD(LOAD)) dot (
        .clk(clk), .aresetn(aresetn), .full(full), .load(load), .load_sequence(1'b0), .load_codes(codes), .valid(valid),
        .first(first), .word(word), .mark(1'b0), .out_valid(out_valid), .out_mark(out_mark), .out_sums(sum));
    end else begin : tables
      tern_dot_tables #(.LANES(LANES), .LOAD(LOAD), .STYLE(STYLE)) dot (
        .clk(clk), .aresetn(aresetn), .full(full), .load(load), .load_sequence(1'b0), .load_codes(codes), .valid(valid),
        .first(first), .word(word), .mark(1'b0), .out_valid(out_valid), .out_mark(out_mark), .out_sums(sum));
    end
  endgenerate
endmodule
