// All benches of tern_sum side by side.
`timescale 1ns / 1ps
module top;
  reg clk = 0, aresetn = 0;
  always #5 clk = !clk;
  localparam N = 10;
  wire [N-1:0] done;
  tb_sum #(.SEED(1)) t0 (.clk(clk), .aresetn(aresetn), .done(done[0]));
  tb_sum #(.LANES(20), .WIDTH(16), .SEQUENCES(3), .LOAD(4), .PORT(16), .COLUMNS(70), .SEED(2)) t1 (
    .clk(clk), .aresetn(aresetn), .done(done[1]));
  tb_sum #(.LANES(20), .PACKING(1), .LOAD(4), .PORT(16), .COLUMNS(100), .SEED(3)) t2 (
    .clk(clk), .aresetn(aresetn), .done(done[2]));
  tb_sum #(.LANES(16), .STYLE(1), .LOAD(4), .SEQUENCES(2), .COLUMNS(50), .SEED(4)) t3 (
    .clk(clk), .aresetn(aresetn), .done(done[3]));
  tb_sum #(.LANES(40), .PACKING(1), .STYLE(1), .LOAD(4), .COLUMNS(100), .SYMMETRIC(1), .COMMANDS(8), .SEED(5)) t4 (
    .clk(clk), .aresetn(aresetn), .done(done[4]));
  tb_sum #(.LANES(16), .STYLE(2), .LOAD(4), .SEQUENCES(3), .COLUMNS(40), .COMMANDS(6), .SEED(6)) t5 (
    .clk(clk), .aresetn(aresetn), .done(done[5]));
  tb_sum #(.LANES(20), .PACKING(1), .STYLE(2), .LOAD(2), .COLUMNS(50), .PIPE(2), .COMMANDS(6), .SEED(7)) t6 (
    .clk(clk), .aresetn(aresetn), .done(done[6]));
  tb_sum #(.LANES(16), .LOAD(8), .COLUMNS(64), .ROWS(20), .SPEED(1), .COMMANDS(6), .SEED(8)) t7 (
    .clk(clk), .aresetn(aresetn), .done(done[7]));
  tb_sum #(.LANES(16), .STYLE(1), .LOAD(4), .COLUMNS(64), .ROWS(56), .SPEED(1), .COMMANDS(4), .SEED(9)) t8 (
    .clk(clk), .aresetn(aresetn), .done(done[8]));
  tb_sum #(.LANES(24), .WIDTH(5), .LOAD(1), .PORT(1), .COLUMNS(24), .PIPE(3), .SEED(10)) t9 (
    .clk(clk), .aresetn(aresetn), .done(done[9]));
  initial begin
    repeat (5) @(posedge clk);
    #1 aresetn = 1;
    repeat (200000) begin
      @(posedge clk);
      if (&done) begin
        $display("all benches passed");
        $finish;
      end
    end
    $fatal(1, "not done: %b", done);
  end
endmodule
