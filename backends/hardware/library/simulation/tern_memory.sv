// Memory behind an AXI4 read master, for simulation: an image read from a file.
//
// DATA   bits of a word
// WORDS  words of the image, +weights=FILE; other addresses read as 0
// +latency=N  clocks from an address to its first word (default 2); +gap=N: clocks between two words (default 0)
// seed other than 0: addresses and words wait at random
// Bursts are answered in order; up to 16 wait.
module tern_memory #(
  parameter DATA  = 128,
  parameter WORDS = 1024
) (
  input  wire            clk,
  input  wire            aresetn,
  input  wire [31:0]     seed,
  input  wire [39:0]     araddr,
  input  wire [7:0]      arlen,
  input  wire            arvalid,
  output wire            arready,
  output reg  [DATA-1:0] rdata,
  output reg             rlast,
  output reg             rvalid,
  input  wire            rready
);
  localparam BYTES = DATA / 8;
  reg [DATA-1:0] image [0:WORDS-1]; // the first byte of the file is in the upper bits

  integer file, count, latency, gap;
  reg [8*1024-1:0] path;
  initial begin
    latency = 2;
    gap = 0;
    count = 0;
    if ($value$plusargs("latency=%d", latency)) count = 0;
    if ($value$plusargs("gap=%d", gap)) count = 0;
    if ($value$plusargs("weights=%s", path)) begin
      file = $fopen(path, "rb");
      if (file != 0) count = $fread(image, file);
      if (count != WORDS * BYTES) begin
        $display("FAIL the image of the weights has %0d bytes, %0d are needed", count, WORDS * BYTES);
        $fatal(1);
      end
      $fclose(file);
    end
  end

  // bursts that wait: address, words left, and the clock from which on they may be answered
  reg [39:0] queue_address [0:15];
  reg [7:0]  queue_length [0:15];
  reg [63:0] queue_time [0:15];
  reg [4:0]  head, tail;
  reg [63:0] now;
  reg [7:0]  beat;
  integer    pause;
  reg [31:0] random;
  wire       some = head != tail;
  wire       quiet = seed == 0;
  wire [39:0] place = (queue_address[head[3:0]] / BYTES) + {32'd0, beat};
  // no always @*: Icarus would watch every word of the image
  wire [DATA-1:0] word = place < WORDS ? image[place] : {DATA{1'b0}};
  wire [DATA-1:0] swapped;
  genvar k;
  generate
    for (k = 0; k < BYTES; k = k + 1) begin : swap
      assign swapped[8*k +: 8] = word[DATA-8-8*k +: 8];
    end
  endgenerate
  reg            willing;
  assign arready = willing && tail - head != 5'd16;

  always @(posedge clk)
    if (!aresetn) begin
      head <= 0;
      tail <= 0;
      now <= 0;
      beat <= 0;
      pause <= 0;
      rvalid <= 1'b0;
      rlast <= 1'b0;
      willing <= 1'b0;
      random <= seed + 32'd12345;
    end else begin
      now <= now + 1;
      random <= random * 32'd1664525 + 32'd1013904223;
      willing <= quiet || random[31];
      if (arvalid && arready) begin
        queue_address[tail[3:0]] <= araddr;
        queue_length[tail[3:0]] <= arlen;
        queue_time[tail[3:0]] <= now + latency;
        tail <= tail + 1;
      end
      if (pause > 0) pause <= pause - 1;
      if (rvalid && rready) rvalid <= 1'b0;
      if ((!rvalid || rready) && some && now >= queue_time[head[3:0]] && pause == 0 && (quiet || random[29:28] != 0)) begin
        rvalid <= 1'b1;
        rdata <= swapped;
        rlast <= beat == queue_length[head[3:0]];
        pause <= gap;
        beat <= beat == queue_length[head[3:0]] ? 8'd0 : beat + 8'd1;
        if (beat == queue_length[head[3:0]]) head <= head + 1;
      end
    end
endmodule
