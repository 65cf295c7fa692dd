// Loader of tern_sum: takes commands and brings the codes of one chunk after the other from the code buffer.
//
// Parameters and cmd_*, code_* as in tern_sum; BITS of columns and of rows of a command are COLUMN_BITS and CHUNK_BITS.
// Beats: load, load_sequence, load_codes: LOAD codes, 0 behind the last column; LANES / LOAD beats for sequence 0, then for 1, ...
// chunk_*: what the runner must know of the chunk that is being loaded or is loaded: its rows, number of the first row, tag,
// whether it is the first and the last of its command. chunk_taken: the runner has started it, the next may be loaded.
// From cmd_valid, or chunk_taken, to the first beat: 4 clocks.
// Corners: LANES=4 WIDTH=2 PORT=1 LOAD=1 COLUMN_BITS=1 CHUNK_BITS=3 CODE_ADDRESS=1; LANES=1024 WIDTH=16 SEQUENCES=16
//  PORT=64 LOAD=64 COLUMN_BITS=32 CHUNK_BITS=32 TAG=8; LANES=16 PORT=64 LOAD=16
module tern_sum_loader #(
  parameter LANES        = 256,
  parameter WIDTH        = 8,
  parameter SEQUENCES    = 1,
  parameter PORT         = 8,
  parameter LOAD         = PORT,
  parameter COLUMN_BITS  = 12,
  parameter CHUNK_BITS   = 12,
  parameter ROW_BITS     = 24,
  parameter TAG          = 1,
  parameter CODE_ADDRESS = 16
) (
  input  wire                    clk,
  input  wire                    aresetn,
  input  wire [COLUMN_BITS-1:0]  cmd_columns,
  input  wire [CHUNK_BITS-1:0]   cmd_rows,
  input  wire [ROW_BITS-1:0]     cmd_row,
  input  wire [CODE_ADDRESS-1:0] cmd_code,
  input  wire [TAG-1:0]          cmd_tag,
  input  wire                    cmd_valid,
  output wire                    cmd_ready,
  output wire                    code_read,
  output wire [CODE_ADDRESS-1:0] code_address,
  output wire [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0] code_sequence,
  input  wire [PORT*WIDTH-1:0]   code_data,
  output reg                     load,
  output reg  [(SEQUENCES>1?$clog2(SEQUENCES):1)-1:0] load_sequence,
  output reg  [LOAD*WIDTH-1:0]   load_codes,
  output reg  [CHUNK_BITS-1:0]   chunk_rows,
  output reg  [ROW_BITS-1:0]     chunk_row,
  output reg  [TAG-1:0]          chunk_tag,
  output reg                     chunk_first,
  output reg                     chunk_last,
  input  wire                    chunk_taken
);
  localparam BEATS = LANES / LOAD;
  localparam BB    = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam SUBS  = PORT / LOAD; // beats of a word of the code buffer
  localparam SB    = SUBS > 1 ? $clog2(SUBS) : 1;
  localparam SEQ   = SEQUENCES > 1 ? $clog2(SEQUENCES) : 1;
  localparam LEFT  = COLUMN_BITS > $clog2(LANES + 1) ? COLUMN_BITS : $clog2(LANES + 1);

  localparam IDLE = 2'd0, WAITING = 2'd1, READING = 2'd2;
  reg [1:0] state;
  reg       occupied; // a chunk is being loaded, or is loaded and not yet taken

  // The command, and where its current chunk begins.
  reg [CHUNK_BITS-1:0]   rows;
  reg [ROW_BITS-1:0]     row;
  reg [TAG-1:0]          tag;
  reg                    first;
  reg [LEFT-1:0]         left; // columns from here to the command's end
  reg [CODE_ADDRESS-1:0] start_word;
  reg [SB-1:0]           start_sub;

  // The beat that is read in this clock.
  reg [SEQ-1:0]          sequence_now;
  reg [BB-1:0]           beat;
  reg [LEFT-1:0]         rest; // columns from this beat to the command's end, 0 when none
  reg [CODE_ADDRESS-1:0] word;
  reg [SB-1:0]           sub;

  wire last_beat = beat == BEATS[BB-1:0] - 1'b1;
  wire last_sequence = sequence_now == SEQUENCES[SEQ-1:0] - 1'b1;
  wire last_chunk = left <= LANES[LEFT-1:0];
  wire last_sub = sub == SUBS[SB-1:0] - 1'b1;
  wire [CODE_ADDRESS-1:0] next_word = last_sub ? word + 1'b1 : word;
  wire [SB-1:0]           next_sub = last_sub ? {SB{1'b0}} : sub + 1'b1;
  wire                    begin_chunk = state == WAITING && !occupied;

  assign cmd_ready = state == IDLE;
  assign code_read = state == READING && rest != 0;
  assign code_address = word;
  assign code_sequence = sequence_now;

  always @(posedge clk)
    if (!aresetn) begin
      state <= IDLE;
      occupied <= 0;
    end else begin
      if (begin_chunk) occupied <= 1;
      else if (chunk_taken) occupied <= 0;
      case (state)
        IDLE: if (cmd_valid) state <= WAITING;
        WAITING: if (!occupied) state <= READING;
        default: if (last_beat && last_sequence) state <= last_chunk ? IDLE : WAITING;
      endcase
    end

  always @(posedge clk) begin
    if (state == IDLE) begin
      rows <= cmd_rows;
      row <= cmd_row;
      tag <= cmd_tag;
      first <= 1;
      left <= {{LEFT-COLUMN_BITS{1'b0}}, cmd_columns};
      start_word <= cmd_code;
      start_sub <= 0;
    end
    if (begin_chunk) begin
      chunk_rows <= rows;
      chunk_row <= row;
      chunk_tag <= tag;
      chunk_first <= first;
      chunk_last <= last_chunk;
    end
    if (state == WAITING || (state == READING && last_beat)) begin // the next sequence, or the first
      beat <= 0;
      rest <= left;
      word <= start_word;
      sub <= start_sub;
      sequence_now <= state == WAITING ? {SEQ{1'b0}} : sequence_now + 1'b1;
    end else if (state == READING) begin
      beat <= beat + 1'b1;
      rest <= rest > LOAD[LEFT-1:0] ? rest - LOAD[LEFT-1:0] : {LEFT{1'b0}};
      word <= next_word;
      sub <= next_sub;
    end
    if (state == READING && last_beat && last_sequence) begin // the next chunk
      first <= 0;
      left <= left - LANES[LEFT-1:0];
      start_word <= next_word;
      start_sub <= next_sub;
    end
  end

  // One clock later the word is there: its part, with 0 behind the end.
  reg            got;
  reg [SEQ-1:0]  got_sequence;
  reg [LEFT-1:0] got_rest;
  reg [SB-1:0]   got_sub;
  always @(posedge clk) begin
    got <= aresetn && state == READING;
    load <= aresetn && got;
    got_sequence <= sequence_now;
    load_sequence <= got_sequence;
    got_rest <= rest;
    got_sub <= sub;
  end

  wire [LOAD*WIDTH-1:0] part;
  genvar i;
  generate
    if (SUBS == 1) begin : whole
      assign part = code_data;
      wire unused = &{1'b0, got_sub};
    end else begin : parts
      assign part = code_data[got_sub*LOAD*WIDTH +: LOAD*WIDTH];
    end
    for (i = 0; i < LOAD; i = i + 1) begin : lane
      always @(posedge clk)
        load_codes[i*WIDTH +: WIDTH] <= got_rest > i[LEFT-1:0] ? part[i*WIDTH +: WIDTH] : {WIDTH{1'b0}};
    end
  endgenerate

`ifdef FORMAL
  // Proved by induction (tests/hardware/proofs.test), for a runner that takes a chunk only when all its beats have come: a chunk
  // has its beats, in order, and none comes before the former chunk is taken; what chunk_* say stays until then; each beat is
  // read from its place, and its codes count up to the command's end; chunks follow each other through the command.
  localparam TOTAL = BEATS * SEQUENCES;
  reg        started = 0, was_occupied = 0;
  reg [15:0] issued, sent;    // beats read and given, of the chunk that is loaded
  reg [15:0] chunk, columns;  // number of the command's chunk; its columns
  reg [CODE_ADDRESS-1:0] code;
  reg [CHUNK_BITS-1:0] was_rows;
  reg                  was_first, was_last;
  wire [15:0] begin_at = code * PORT + chunk * LANES; // places in the buffer, in codes
  wire [15:0] place = begin_at + beat * LOAD;
  wire [15:0] start = start_word * PORT + start_sub * LOAD;
  wire [15:0] now = word * PORT + sub * LOAD;
  wire [15:0] to_end = columns - chunk * LANES;
  always @(posedge clk) begin
    started <= 1;
    if (!started) assume (!aresetn);
    if (chunk_taken) assume (occupied && state != READING && sent == TOTAL);
    assume (cmd_columns != 0 && cmd_code * PORT + cmd_columns + LANES + PORT < 16'd1 << CODE_ADDRESS);
    if (!aresetn) begin
      issued <= TOTAL;
      sent <= TOTAL;
    end else begin
      if (begin_chunk) issued <= 0;
      else if (state == READING) issued <= issued + 1'b1;
      if (begin_chunk) sent <= 0;
      else if (load) sent <= sent + 1'b1;
    end
    if (state == IDLE) begin
      chunk <= 0;
      columns <= cmd_columns;
      code <= cmd_code;
    end else if (state == READING && last_beat && last_sequence) chunk <= chunk + 1'b1;
    was_occupied <= aresetn && occupied && !chunk_taken;
    was_rows <= chunk_rows;
    was_first <= chunk_first;
    was_last <= chunk_last;
    if (started) begin
      assert (state <= READING && issued <= TOTAL && sent <= TOTAL);
      assert (issued == sent + load + got || (!occupied && !load && !got));
      assert (sequence_now < SEQUENCES && beat < BEATS && sub < SUBS || state != READING);
      if (state == READING) assert (occupied && issued == sequence_now * BEATS + beat);
      if (state != READING && occupied) assert (issued == TOTAL);
      if (load) assert (occupied && load_sequence == sent / BEATS);
      if (got) assert (occupied && got_sequence == (sent + load) / BEATS);
      if (was_occupied) assert (occupied && chunk_rows == was_rows && chunk_first == was_first && chunk_last == was_last);
      if (state != IDLE) assert (chunk * LANES < columns && left == to_end && start == begin_at && first == (chunk == 0) && start_sub < SUBS);
      if (state != IDLE) assert (columns != 0 && columns < 16'd1 << COLUMN_BITS && code * PORT + columns + LANES + PORT < 16'd1 << CODE_ADDRESS);
      if (state == READING) begin
        assert (now == place && rest == (columns > chunk * LANES + beat * LOAD ? to_end - beat * LOAD : 0));
        assert (chunk_first == (chunk == 0) && chunk_last == (columns <= (chunk + 1) * LANES) && chunk_rows == rows);
      end
    end
  end
`endif
endmodule
