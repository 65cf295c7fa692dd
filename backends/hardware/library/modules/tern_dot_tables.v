// Dot products of tern_sum, looked up: the bits of a group of weights address a table of all sums of its codes (STYLE 1 and 2).
//
// Ports and parameters as in tern_dot_adders, but STYLE and SYMMETRIC. A group of weights and its table, twice (one in use, one being built):
//   STYLE 1 (LUT RAM):   PACKING 0: 2 weights, 16 sums;  PACKING 1: a byte is a group of 3 weights, 32 sums, and one of 2, 16 sums
//   STYLE 2 (block RAM): PACKING 0: 4 weights, 256 sums; PACKING 1: a byte of 5 weights, 256 sums
// LANES is a multiple of LOAD times K = 2, 4 or 5 weights. After the codes have come, LOAD groups are built at a time, a sum of each
// a clock: 16, 32 or 256 clocks for each LANES / (K * LOAD).
// Corners: LANES=4 WIDTH=2 LOAD=1; LANES=4 STYLE=2 WIDTH=2 LOAD=1; LANES=40 PACKING=1 STYLE=2 SYMMETRIC=1 WIDTH=16
//  SEQUENCES=3; LANES=160 PACKING=1 STYLE=1 LOAD=32; LANES=128 STYLE=1 LOAD=64 PIPE=4
module tern_dot_tables #(
  parameter LANES     = 256,
  parameter PACKING   = 0,
  parameter WIDTH     = 8,
  parameter SYMMETRIC = 0,
  parameter SEQUENCES = 1,
  parameter LOAD      = 8,
  parameter PIPE      = 1,
  parameter MARK      = 1,
  parameter STYLE     = 1,
  parameter SUM       = WIDTH + $clog2(LANES) + 1
) (
  input  wire                                      clk,
  input  wire                                      aresetn,
  output wire                                      full,
  input  wire                                      load,
  input  wire [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0] load_sequence,
  input  wire [LOAD*WIDTH-1:0]                     load_codes,
  input  wire                                      valid,
  input  wire                                      first,
  input  wire [(PACKING!=0?LANES/5*8:LANES*2)-1:0] word,
  input  wire [MARK-1:0]                           mark,
  output wire                                      out_valid,
  output wire [MARK-1:0]                           out_mark,
  output wire [SEQUENCES*SUM-1:0]                  out_sums
);
  localparam K       = PACKING != 0 ? 5 : STYLE == 2 ? 4 : 2;      // weights of a group
  localparam SPLIT   = PACKING != 0 && STYLE != 2 ? 1 : 0;         // a group has two tables
  localparam GROUPS  = LANES / K;
  localparam DEPTH   = GROUPS / LOAD;                              // groups that a builder makes
  localparam ENTRY   = STYLE == 2 ? 8 : SPLIT != 0 ? 5 : 4;        // bits of a table's address, without the bank
  localparam MOST    = (1 << (WIDTH - 1)) - SYMMETRIC;             // largest magnitude of a code
  localparam VA      = $clog2((SPLIT != 0 ? 3 : K) * MOST + 1) + 1;
  localparam VB      = SPLIT != 0 ? $clog2(2 * MOST + 1) + 1 : 1;
  localparam V       = $clog2(K * MOST + 1) + 1;
  localparam TREE    = $clog2(GROUPS * K * MOST + 1) + 1;
  localparam LATENCY = 2 + SPLIT + ($clog2(GROUPS) + PIPE - 1) / PIPE;
  localparam DECODE  = PACKING != 0 ? 1 : 0;
  localparam BUILD   = (K == 5 && SPLIT == 0 ? 4 : 3) / PIPE + 2 + DECODE; // clocks from an entry to its sum
  localparam SEQ     = SEQUENCES > 1 ? $clog2(SEQUENCES) : 1;
  localparam DB      = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam KB      = $clog2(K);

  // Loading: `chain` counts the codes of a group, `depth` the beats of a chain. Building: `depth` counts groups, `entry` the
  // sums of a group. drain: the sums of the last group are on their way.
  localparam LOADING = 2'd0, BUILDING = 2'd1, DRAINING = 2'd2, FULL = 2'd3;
  reg [1:0]       state;
  reg [DB-1:0]    depth;
  reg [KB-1:0]    chain;
  reg [ENTRY-1:0] entry;
  wire last_depth = depth == DEPTH[DB-1:0] - 1'b1;
  wire last_chain = chain == K[KB-1:0] - 1'b1;
  wire building = state == BUILDING;
  wire move = building && &entry;
  wire written;

  assign full = state == FULL;

  always @(posedge clk)
    if (!aresetn) begin
      state <= LOADING;
      depth <= 0;
      chain <= 0;
      entry <= 0;
    end else begin
      if (load || move) depth <= last_depth ? {DB{1'b0}} : depth + 1'b1;
      if (load && last_depth) chain <= last_chain ? {KB{1'b0}} : chain + 1'b1;
      if (building) entry <= entry + 1'b1;
      case (state)
        LOADING: if (load && last_depth && last_chain && load_sequence == SEQUENCES[SEQ-1:0] - 1'b1) state <= BUILDING;
        BUILDING: if (move && last_depth) state <= DRAINING;
        DRAINING: if (written) state <= FULL;
        FULL:
          if (valid && first) begin
            state <= LOADING;
                end
      endcase
    end

  // The word's clock: the bank in use changes with the first word of a chunk.
  reg                             bank;
  reg [(PACKING!=0?LANES/5*8:LANES*2)-1:0] held;
  always @(posedge clk) begin
    held <= word;
    if (!aresetn) bank <= 0;
    else if (valid && first) bank <= !bank;
  end

  // Entries become weights of a group, go through the builders, and their sums are written behind them.
  wire [2*K-1:0] weights;
  wire           take;
  generate
    if (PACKING == 0) begin : pairs
      assign weights = entry;
      assign take = building && entry == 0;
    end else begin : trits
      reg taken;
      always @(posedge clk) taken <= building && entry == 0;
      assign take = taken;
      if (SPLIT != 0) begin : split
        wire [9:0] a, b;
        tern_trits #(.BYTES(1)) decode_a (.clk(clk), .bytes({entry, 3'b0}), .codes(a));
        tern_trits #(.BYTES(1)) decode_b (.clk(clk), .bytes({1'b0, {3{entry[3]}}, 1'b0, entry[2:0]}), .codes(b));
        assign weights = {b[9:6], a[5:0]};
        wire unused = &{1'b0, a[9:6], b[5:0]};
      end else begin : whole
        tern_trits #(.BYTES(1)) decode (.clk(clk), .bytes(entry), .codes(weights));
      end
    end
  endgenerate

  wire             write;
  wire [ENTRY-1:0] write_entry;
  wire [DB-1:0]    write_depth;
  tern_delay #(.WIDTH(1), .CYCLES(BUILD), .RESET(1)) delay_write (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d(building), .q(write));
  tern_delay #(.WIDTH(ENTRY + DB), .CYCLES(BUILD)) delay_entry (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d({entry, depth}), .q({write_entry, write_depth}));
  assign written = write && &write_entry && write_depth == DEPTH[DB-1:0] - 1'b1;

  // Builder s of sequence q makes groups s, s + LOAD, s + 2 LOAD, ...
  wire [LOAD*SEQUENCES*VA-1:0] sums_a;
  wire [LOAD*SEQUENCES*VB-1:0] sums_b;
  genvar s, q, g, j;
  generate
    for (s = 0; s < LOAD; s = s + 1) begin : section
      for (q = 0; q < SEQUENCES; q = q + 1) begin : one
        wire [K-1:0] shift = {K{move}} | ({{K-1{1'b0}}, load && load_sequence == q[SEQ-1:0]} << chain);
        tern_builder #(.K(K), .SPLIT(SPLIT), .DEPTH(DEPTH), .WIDTH(WIDTH), .VA(VA), .VB(VB), .PIPE(PIPE)) builder (
          .clk(clk), .shift(shift), .code(load_codes[s*WIDTH +: WIDTH]), .take(take), .weights(weights),
          .sum_a(sums_a[(s*SEQUENCES+q)*VA +: VA]), .sum_b(sums_b[(s*SEQUENCES+q)*VB +: VB]));
      end
    end
  endgenerate

  // Tables: what a group adds to each sequence, one clock after the word's clock (two with SPLIT).
  wire [GROUPS*SEQUENCES*V-1:0] values;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : group
      localparam HERE = g / LOAD;
      wire             write_here = write && write_depth == HERE[DB-1:0];
      wire [ENTRY-1:0] address;
      wire [SEQUENCES*VA-1:0] va;
      tern_ram #(.WIDTH(SEQUENCES * VA), .LANES(1), .DEPTH(2 << ENTRY), .STYLE(STYLE == 2 ? "block" : "distributed")) table_a (
        .clk(clk), .write(write_here), .write_address({!bank, write_entry}),
        .write_data(sums_a[(g%LOAD)*SEQUENCES*VA +: SEQUENCES*VA]),
        .read(1'b1), .read_address({bank, address}), .read_data(va));
      if (PACKING == 0) begin : pairs
        for (j = 0; j < K; j = j + 1) begin : lane
          assign address[2*j +: 2] = held[2*(j*GROUPS+g) +: 2];
        end
      end else if (SPLIT == 0) begin : whole
        assign address = held[8*g +: 8];
      end
      if (SPLIT != 0) begin : split
        wire [7:0] x = held[8*g +: 8];
        wire       zero = &x[6:4];
        wire [SEQUENCES*VB-1:0] vb;
        assign address = {x[7], zero ? x[2:0] : x[6:4], x[3]};
        tern_ram #(.WIDTH(SEQUENCES * VB), .LANES(1), .DEPTH(32), .STYLE("distributed")) table_b (
          .clk(clk), .write(write_here), .write_address({!bank, write_entry[3:0]}),
          .write_data(sums_b[(g%LOAD)*SEQUENCES*VB +: SEQUENCES*VB]),
          .read(1'b1), .read_address({bank, zero, x[2:0]}), .read_data(vb));
        for (q = 0; q < SEQUENCES; q = q + 1) begin : one
          reg signed [V-1:0] both;
          wire signed [VA-1:0] a = va[q*VA +: VA];
          wire signed [VB-1:0] b = vb[q*VB +: VB];
          always @(posedge clk) both <= a + b;
          assign values[(q*GROUPS+g)*V +: V] = both;
        end
      end else begin : one_table
        for (q = 0; q < SEQUENCES; q = q + 1) begin : one
          assign values[(q*GROUPS+g)*V +: V] = va[q*VA +: VA];
        end
      end
    end

    for (q = 0; q < SEQUENCES; q = q + 1) begin : add
      wire signed [TREE-1:0] total;
      tern_tree #(.COUNT(GROUPS), .BOUND(K * MOST), .PIPE(PIPE)) tree (
        .clk(clk), .values(values[q*GROUPS*V +: GROUPS*V]), .sum(total));
      assign out_sums[q*SUM +: SUM] = {{SUM-TREE{total[TREE-1]}}, total};
    end
    if (SPLIT == 0) begin : unsplit
      wire unused = &{1'b0, sums_b};
    end
  endgenerate

  tern_delay #(.WIDTH(1), .CYCLES(LATENCY), .RESET(1)) delay_valid (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d(valid), .q(out_valid));
  tern_delay #(.WIDTH(MARK), .CYCLES(LATENCY)) delay_mark (
    .clk(clk), .aresetn(aresetn), .enable(1'b1), .d(mark), .q(out_mark));
endmodule
