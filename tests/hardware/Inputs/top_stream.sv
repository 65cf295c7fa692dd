// The benches of streams, buses and small parts side by side.
`timescale 1ns / 1ps
module top;
  reg clk = 0, aresetn = 0;
  always #5 clk = !clk;
  wire [12:0] done;
  tb_stream #(.SEED(1)) s0 (.clk(clk), .aresetn(aresetn), .done(done[0]));
  tb_stream #(.DEPTH(2), .SEED(2)) s1 (.clk(clk), .aresetn(aresetn), .done(done[1]));
  tb_stream #(.DEPTH(16), .WIDTH(33), .SEED(3)) s2 (.clk(clk), .aresetn(aresetn), .done(done[2]));
  tb_stream #(.DEPTH(64), .WIDTH(1), .SEED(4)) s3 (.clk(clk), .aresetn(aresetn), .done(done[3]));
  tb_reader #(.SEED(1)) r0 (.clk(clk), .aresetn(aresetn), .done(done[4]));
  tb_reader #(.DATA(32), .BURST(4), .DEPTH(16), .LAST(0), .SEED(2)) r1 (.clk(clk), .aresetn(aresetn), .done(done[5]));
  tb_reader #(.DATA(256), .BURST(256), .DEPTH(256), .SEED(3)) r2 (.clk(clk), .aresetn(aresetn), .done(done[6]));
  tb_reader #(.DATA(128), .BURST(1), .DEPTH(32), .SEED(4)) r3 (.clk(clk), .aresetn(aresetn), .done(done[7]));
  tb_reader #(.DATA(64), .BURST(16), .DEPTH(128), .SPEED(1), .COMMANDS(4), .SEED(5)) r4 (.clk(clk), .aresetn(aresetn), .done(done[8]));
  tb_axil #(.SEED(1)) a0 (.clk(clk), .aresetn(aresetn), .done(done[9]));
  tb_axil #(.COUNTERS(16), .SEED(2)) a1 (.clk(clk), .aresetn(aresetn), .done(done[10]));
  tb_parts #(.SEED(1)) p0 (.clk(clk), .aresetn(aresetn), .done(done[11]));
  tb_axil #(.COUNTERS(1), .SEED(3)) a2 (.clk(clk), .aresetn(aresetn), .done(done[12]));
  initial begin
    repeat (20) @(posedge clk);
    #1 aresetn = 1;
    repeat (30000) begin
      @(posedge clk);
      if (&done) begin
        $display("all benches passed");
        $finish;
      end
    end
    $fatal(1, "not done: %b", done);
  end
endmodule
