// The benches of the integer operators and of top-k side by side.
`timescale 1ns / 1ps
module top;
  reg clk = 0, aresetn = 0;
  always #5 clk = !clk;
  wire [31:0] done;
  assign done[31:18] = {14{1'b1}};
  tb_mulshift #(.SEED(1)) m0 (.clk(clk), .done(done[0]));
  tb_mulshift #(.A(16), .B(8), .BITS(12), .E_MIN(1), .E_MAX(20), .SEED(2)) m1 (.clk(clk), .done(done[1]));
  tb_mulshift #(.A(32), .B(16), .BITS(16), .E_MIN(17), .E_MAX(17), .SEED(3)) m2 (.clk(clk), .done(done[2]));
  tb_mulshift #(.A(9), .B(9), .BITS(20), .E(6), .E_MIN(-5), .E_MAX(0), .SEED(4)) m3 (.clk(clk), .done(done[3]));
  tb_mulshift #(.A(8), .B(8), .BITS(32), .E_MIN(0), .E_MAX(0), .SEED(5)) m4 (.clk(clk), .done(done[4]));
  tb_mulshift #(.A(2), .B(3), .BITS(2), .E(3), .E_MIN(-2), .E_MAX(3), .SEED(6)) m5 (.clk(clk), .done(done[5]));
  tb_curve #(.SEED(1)) c0 (.clk(clk), .done(done[6]));
  tb_curve #(.A(32), .LO(-34'sd2147483648), .DOMAIN(32), .SEGMENTS(6), .VALUE(32), .BITS(32), .SEED(2)) c1 (.clk(clk), .done(done[7]));
  tb_curve #(.A(8), .LO(0), .DOMAIN(3), .SEGMENTS(3), .VALUE(9), .BITS(8), .SEED(3)) c2 (.clk(clk), .done(done[8]));
  tb_curve #(.A(20), .LO(1000), .DOMAIN(10), .SEGMENTS(0), .VALUE(17), .BITS(17), .SEED(4)) c3 (.clk(clk), .done(done[9]));
  tb_divide #(.SEED(1)) d0 (.clk(clk), .aresetn(aresetn), .done(done[10]));
  tb_divide #(.A(7), .B(5), .BITS(4), .SEED(2)) d1 (.clk(clk), .aresetn(aresetn), .done(done[11]));
  tb_divide #(.A(64), .B(33), .BITS(32), .SEED(3)) d2 (.clk(clk), .aresetn(aresetn), .done(done[12]));
  tb_root #(.SEED(1)) r0 (.clk(clk), .aresetn(aresetn), .done(done[13]));
  tb_root #(.A(63), .BITS(32), .SEED(2)) r1 (.clk(clk), .aresetn(aresetn), .done(done[14]));
  tb_root #(.A(9), .BITS(4), .SEED(3)) r2 (.clk(clk), .aresetn(aresetn), .done(done[15]));
  wire k0, k1, k2, k3;
  tb_topk #(.SEED(1)) t0 (.clk(clk), .aresetn(aresetn), .done(k0));
  tb_topk #(.K(1), .LANES(4), .WIDTH(32), .SEED(2)) t1 (.clk(clk), .aresetn(aresetn), .done(k1));
  tb_topk #(.K(7), .LANES(8), .WIDTH(6), .SEED(3)) t2 (.clk(clk), .aresetn(aresetn), .done(k2));
  tb_topk #(.K(1), .LANES(1), .WIDTH(3), .SEED(4)) t3 (.clk(clk), .aresetn(aresetn), .done(k3));
  assign done[17:16] = {k0 && k1, k2 && k3};
  initial begin
    repeat (5) @(posedge clk);
    #1 aresetn = 1;
    repeat (20000) begin
      @(posedge clk);
      if (&done) begin
        $display("all benches passed");
        $finish;
      end
    end
    $fatal(1, "not done: %b", done);
  end
endmodule
