// Runner of tern_sum: takes the words of the weight stream for the chunks that are loaded, row by row.
//
// Parameters and w_*, hold, taken, starved, unloaded as in tern_sum.
// full: the codes of the next chunk are there, chunk_*: what it is (tern_sum_loader). With each word that is taken: first (of its
// chunk; the dot product makes the loaded codes those in use, the loader may load the next), and the word's mark: index in
// the accumulator RAM, number of the row, tag, whether the chunk is the first and the last of its command, and whether the row
// is the last.
// A row's accumulator is read 3 clocks after it was read for the chunk before, at the earliest: the
// chunk after one of few rows waits.
// Corners: CHUNK_BITS=3 ROW_BITS=3 TAG=1; CHUNK_BITS=17 ROW_BITS=24 TAG=32
module tern_sum_runner #(
  parameter CHUNK_BITS = 12,
  parameter ROW_BITS   = 24,
  parameter TAG        = 1
) (
  input  wire                  clk,
  input  wire                  aresetn,
  input  wire                  full,
  input  wire [CHUNK_BITS-1:0] chunk_rows,
  input  wire [ROW_BITS-1:0]   chunk_row,
  input  wire [TAG-1:0]        chunk_tag,
  input  wire                  chunk_first,
  input  wire                  chunk_last,
  input  wire                  w_valid,
  output wire                  w_ready,
  input  wire                  hold,
  output wire                  taken,
  output wire                  first,
  output wire [CHUNK_BITS-1:0] mark_index,
  output wire [ROW_BITS-1:0]   mark_row,
  output wire [TAG-1:0]        mark_tag,
  output wire                  mark_first,
  output wire                  mark_last,
  output wire                  mark_end,
  output wire                  starved,
  output wire                  unloaded
);
  // The chunk that is running, when running is high: index and number of its next row.
  reg                  running;
  reg [CHUNK_BITS-1:0] rows, index;
  reg [ROW_BITS-1:0]   row;
  reg [TAG-1:0]        tag;
  reg                  in_first, in_last;

  // Words taken in the last two clocks, while the chunk before has fewer than 4 rows.
  reg       few;
  reg [1:0] recent;
  wire      start = full && !(few && recent != 0);

  assign w_ready = !hold && (running || start);
  assign taken = w_valid && w_ready;
  assign first = taken && !running;
  assign starved = w_ready && !w_valid;
  assign unloaded = w_valid && !hold && !running && !start;

  assign mark_index = running ? index : {CHUNK_BITS{1'b0}};
  assign mark_row = running ? row : chunk_row;
  assign mark_tag = running ? tag : chunk_tag;
  assign mark_first = running ? in_first : chunk_first;
  assign mark_last = running ? in_last : chunk_last;
  assign mark_end = mark_index == (running ? rows : chunk_rows) - 1'b1;

  always @(posedge clk)
    if (!aresetn) begin
      running <= 0;
      recent <= 0;
      few <= 0;
    end else begin
      recent <= {recent[0], taken};
      if (taken) running <= !mark_end;
      if (first) few <= {2'b00, chunk_rows} >> 2 == 0;
    end

  always @(posedge clk) begin
    if (first) begin
      rows <= chunk_rows;
      tag <= chunk_tag;
      in_first <= chunk_first;
      in_last <= chunk_last;
    end
    if (taken) begin
      index <= mark_index + 1'b1;
      row <= mark_row + 1'b1;
    end
  end

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test), for a loader that keeps chunk_* while full is high: a chunk takes exactly its
  // rows, in order; and an accumulator that is read (any one, `spot`) was read 3 clocks before or earlier.
  (* anyconst *) wire [CHUNK_BITS-1:0] spot;
  reg                  started = 0, was_full = 0;
  reg [1:0]            age = 3; // clocks since `spot` was read, at most 3
  reg [CHUNK_BITS-1:0] was_rows, count, of;
  reg [ROW_BITS-1:0]   was_row, base;
  wire [CHUNK_BITS:0]  reach = age + spot;
  wire [1:0]           quiet = recent[0] ? 1 : recent[1] ? 2 : 3;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    assume (chunk_rows != 0 && !(&chunk_rows));
    if (was_full) assume (full && chunk_rows == was_rows && chunk_row == was_row);
    was_full <= aresetn && full && !first;
    was_rows <= chunk_rows;
    was_row <= chunk_row;
    if (!aresetn) age <= 3;
    else if (taken && mark_index == spot) age <= 1;
    else if (age != 3) age <= age + 1'b1;
    if (first) begin
      of <= chunk_rows;
      base <= chunk_row;
      count <= 1;
    end else if (taken) count <= count + 1'b1;
    if (started && aresetn) begin
      if (taken && mark_index == spot) assert (age == 3);
      if (first) assert (full && mark_index == 0 && mark_row == chunk_row);
      if (taken) assert (mark_end == (mark_index + 1'b1 == (running ? of : chunk_rows)));
      if (running) assert (index == count && count < of && rows == of && row == base + count && of != 0 && !(&of));
      if (running) assert (few == (of < 4));
      assert (!(starved && unloaded) && !(taken && (starved || unloaded)) && (taken == (w_valid && w_ready)));
      // What the spacing rests on.
      assert (age >= quiet);
      if (running) assert (spot >= index ? reach >= 3 + index : age == 3 || age >= index - spot);
      if (!running && !few) assert (reach >= 3);
    end
  end
`endif
endmodule
