// Bench of tern_ram, tern_delay, tern_tree, tern_sat, tern_trits (all 243 bytes) and tern_lanes by itself.
module tb_parts #(
  parameter SEED = 1
) (
  input  wire clk,
  input  wire aresetn,
  output reg  done
);
  `include "random.vh"
  // RAM: 3 lanes of 5 bits, 11 words.
  reg  [2:0]  write = 0;
  reg  [3:0]  write_address = 0, read_address = 0;
  reg  [14:0] write_data = 0, answer;
  reg         read = 0, known = 0;
  wire [14:0] read_data;
  reg  [14:0] model [0:10];
  tern_ram #(.WIDTH(5), .LANES(3), .DEPTH(11)) ram (
    .clk(clk), .write(write), .write_address(write_address), .write_data(write_data), .read(read),
    .read_address(read_address), .read_data(read_data));
  // Delays of 0, 1 and 3 clocks.
  reg  [6:0] d = 0;
  reg        enable = 0;
  reg  [6:0] past [0:2];
  wire [6:0] q0, q1, q3;
  tern_delay #(.WIDTH(7), .CYCLES(0)) delay0 (.clk(clk), .aresetn(aresetn), .enable(enable), .d(d), .q(q0));
  tern_delay #(.WIDTH(7), .CYCLES(1), .RESET(1)) delay1 (.clk(clk), .aresetn(aresetn), .enable(enable), .d(d), .q(q1));
  tern_delay #(.WIDTH(7), .CYCLES(3)) delay3 (.clk(clk), .aresetn(aresetn), .enable(enable), .d(d), .q(q3));
  // Tree: 11 values of -9 .. 9, registers each second level: 2 clocks.
  reg  [11*5-1:0] values = 0;
  wire signed [7:0] tree_sum;
  integer tree_want [0:1];
  tern_tree #(.COUNT(11), .BOUND(9), .PIPE(2)) tree (.clk(clk), .values(values), .sum(tree_sum));
  // Saturation.
  reg signed [8:0] wide = 0;
  wire signed [3:0] narrow;
  wire signed [11:0] wider;
  tern_sat #(.IN(9), .OUT(4)) sat (.a(wide), .q(narrow));
  tern_sat #(.IN(9), .OUT(12)) sat_wider (.a(wide), .q(wider));
  // Trits: two bytes.
  reg  [15:0] bytes = 0;
  wire [19:0] codes;
  reg  [19:0] codes_want = 0;
  tern_trits #(.BYTES(2)) decoder (.clk(clk), .bytes(bytes), .codes(codes));
  // Lanes: 7 of 4 bits, codes change with `take`; latency floor((1 + 3) / 1) + 2 clocks.
  reg  [13:0] weights = 0;
  reg  [27:0] next = 0, used = 0;
  reg         take = 0;
  wire signed [7:0] lanes_sum;
  integer lanes_want [0:5];
  tern_lanes #(.LANES(7), .WIDTH(4)) lanes (.clk(clk), .take(take), .weights(weights), .codes(next), .sum(lanes_sum));

  integer i, t, n = 0, v, total, since = 0, taken = 0;
  integer trit [0:4];
  reg     s;
  reg [3:0] m;
  reg [7:0] byte_of;
  reg signed [3:0] code;
  initial begin
    done = 0;
    for (i = 0; i < 11; i = i + 1) model[i] = 0;
  end
  always @(posedge clk)
    if (!aresetn) begin
      write <= 3'b111; // zeros everywhere
      write_address <= write_address == 10 ? 0 : write_address + 1;
    end else begin
      n <= n + 1;
      // RAM
      if (known && read_data !== answer) $fatal(1, "tb_parts: ram %h, not %h", read_data, answer);
      if (read) begin
        answer = model[read_address];
        known <= 1;
      end
      for (i = 0; i < 3; i = i + 1) if (write[i]) model[write_address][5*i +: 5] = write_data[5*i +: 5];
      write <= random(0);
      write_address <= below(11);
      write_data <= random(0);
      read <= below(3) != 0;
      read_address <= below(11);
      // Delays
      if (q0 !== d || (n > 8 && (q1 !== past[0] || q3 !== past[2]))) $fatal(1, "tb_parts: delay");
      if (enable) begin
        past[2] = past[1];
        past[1] = past[0];
        past[0] = d;
      end
      d <= random(0);
      enable <= n < 8 || below(3) != 0;
      // Tree
      if (n > 4 && tree_sum != tree_want[1]) $fatal(1, "tb_parts: tree %0d, not %0d", tree_sum, tree_want[1]);
      tree_want[1] = tree_want[0];
      total = 0;
      for (i = 0; i < 11; i = i + 1) begin
        code = 0;
        v = $signed(values[5*i +: 5]);
        total = total + v;
        v = n % 8 == 0 ? 9 : n % 8 == 1 ? -9 : below(19) - 9;
        values[5*i +: 5] <= v[4:0];
      end
      tree_want[0] = total;
      // Saturation
      if (narrow != (wide > 7 ? 7 : wide < -8 ? -8 : wide) || wider != wide) $fatal(1, "tb_parts: sat of %0d", wide);
      wide <= wide + 1;
      // Trits: byte 0 is random, byte 1 runs through all
      if (n > 2 && codes !== codes_want) $fatal(1, "tb_parts: trits %h, not %h", codes, codes_want);
      codes_want = {10'b0, 10'b0};
      for (t = 0; t < 2; t = t + 1) begin
        v = t == 0 ? below(243) : n % 243;
        for (i = 0; i < 5; i = i + 1) begin
          trit[i] = v % 3 - 1;
          v = v / 3;
          codes_want[2*(t+2*i) +: 2] = trit[i];
        end
        v = trit[0] + 3 * trit[1] + 9 * trit[2];
        s = v < 0;
        m = v < 0 ? -v : v;
        v = trit[3] + 3 * trit[4];
        byte_of = v == 0 ? {s, 3'b111, m[0], m[3:1]} : {s, m, v < 0, 2'b00};
        if (v != 0) byte_of[1:0] = (v < 0 ? -v : v) - 1;
        trits_next[8*t +: 8] = byte_of;
      end
      bytes <= trits_next;
      codes_later = codes_next;
      codes_next = codes_want;
      codes_want = codes_later;
      // Lanes
      if (taken > 7 && lanes_sum != lanes_want[5]) $fatal(1, "tb_parts: lanes %0d, not %0d", lanes_sum, lanes_want[5]);
      for (i = 5; i > 0; i = i - 1) lanes_want[i] = lanes_want[i-1];
      if (take) used = next;
      total = 0;
      for (i = 0; i < 7; i = i + 1) begin
        code = used[4*i +: 4];
        total = total + (weights[2*i] ? (weights[2*i+1] ? -code : code) : 0);
      end
      lanes_want[0] = total;
      if (take || taken > 0) taken <= taken + 1;
      since <= take ? 0 : since + 1;
      take <= !take && since > 3 && below(4) == 0;
      if (!take && since > 2) next <= n % 16 == 5 ? {7{4'h8}} : random(0); // not in the 2 clocks behind take
      weights <= random(0);
      if (n == 1000) done <= 1;
    end
  reg [15:0] trits_next;
  reg [19:0] codes_next, codes_later;
endmodule
