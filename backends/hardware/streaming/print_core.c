/* print_core.c: the machine around the kernels: memories, the sum engine, the sequencer, results, the states'
 * window. NAME_core has plain streams; print_top.c puts AXI around it. */
#include "backends/hardware/streaming/printer.h"

#include "backends/loops/loops.h"
#include <string.h>

int sequence_bits(const struct hw_design *h) {
  return address_bits(h->options.batch);
}

int code_address_bits(const struct hw_design *h) {
  int most = 1;
  for (int i = 0; i < h->buffers.n; i++)
    if (h->buffers.at[i]->sum_in && address_bits(h->buffers.at[i]->words) > most)
      most = address_bits(h->buffers.at[i]->words);
  return most;
}

static bool is_memory(const struct hw_buffer *b) {
  return b->place == HW_SCRATCH || b->place == HW_STATE;
}

static int reads_of(const struct hw_buffer *b) {
  return b->reads > 0 ? b->reads : 1;
}

static bool any_sums(const struct hw_design *h) {
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == UNIT_SUM)
      return true;
  return false;
}

static int64_t depth_of(const struct hw_buffer *b) {
  return b->words < 2 ? 2 : b->words;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

static void print_ports(struct printer *p) {
  const struct hw_design *h = p->h;
  int sequence = sequence_bits(h);
  v_line(p, "input  wire clk,");
  v_line(p, "input  wire aresetn,");
  v_line(p, "input  wire run, // tokens are accepted");
  v_line(p, "input  wire clear, // for one clock: all states get their initial values");
  v_line(p, "output wire busy,");
  v_line(p, "output wire clearing,");
  v_comment(
      p, "tokens: a step begins when each sequence has one; last: the sequence's state is cleared after it");
  v_line(p, "input  wire [31:0] token_data,");
  v_line(p, "input  wire [%d:0] token_sequence,", sequence - 1);
  v_line(p, "input  wire token_last,");
  v_line(p, "input  wire token_valid,");
  v_line(p, "output wire token_ready,");
  v_comment(p,
            "the best tokens of each seq, best first: number in the low half, score (sign-extended) above");
  v_line(p, "output wire [63:0] best_data,");
  v_line(p, "output wire [%d:0] best_sequence,", sequence - 1);
  v_line(p, "output wire best_last,");
  v_line(p, "output wire best_valid,");
  v_line(p, "input  wire best_ready,");
  v_comment(p, "every logit, in order");
  v_line(p, "output wire [31:0] logit_data,");
  v_line(p, "output wire [%d:0] logit_sequence,", sequence - 1);
  v_line(p, "output wire logit_last,");
  v_line(p, "output wire logit_valid,");
  v_line(p, "input  wire logit_ready,");
  v_comment(p, "what of the weights is to be read: bytes from an offset into the image on");
  v_line(p, "output wire [39:0] fetch_offset,");
  v_line(p, "output wire [31:0] fetch_bytes,");
  v_line(p, "output wire fetch_valid,");
  v_line(p, "input  wire fetch_ready,");
  v_comment(p, "the weights, as they are needed");
  v_line(p, "input  wire [%d:0] w_data,", h->word_bits - 1);
  v_line(p, "input  wire w_valid,");
  v_line(p, "output wire w_ready,");
  v_comment(p, "window on the states: element state_address of state memory, answered when no step runs");
  v_line(p, "input  wire state_request,");
  v_line(p, "input  wire state_write,");
  v_line(p, "input  wire [31:0] state_address,");
  v_line(p, "input  wire [31:0] state_wdata,");
  v_line(p, "output wire [31:0] state_rdata,");
  v_line(p, "output wire state_error,");
  v_line(p, "output wire state_done,");
  v_comment(
      p, "busy, lanes busy, a word is awaited, the output is awaited, a step has ended, a token was taken");
  v_line(p, "output wire [5:0] events");
}

/* ---- units ----------------------------------------------------------------------------------------- */

static void declare_unit(struct printer *p, const struct hw_unit *u) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector;
  v_line(p, "wire %s_done;", u->name);
  if (unit_streams(u))
    v_line(p, "wire %s_w_ready;", u->name);
  if (unit_stores_logits(u)) {
    v_line(p, "wire %s_logit_valid;", u->name);
    v_line(p, "wire [%d:0] %s_logit_index;", address_bits(h->logits->elements) - 1, u->name);
    v_line(p, "wire signed [%d:0] %s_logit_data;", h->logits->bits - 1, u->name);
  }
  for (int i = 0; i < u->reads.n; i++) {
    const struct hw_buffer *b = u->reads.at[i];
    for (int k = 0; is_memory(b) && k < unit_ports(u, b); k++)
      v_line(p, "wire [%d:0] %s_%s_read%d_address;", address_bits(b->words) - 1, u->name, b->name, k);
  }
  for (int i = 0; i < u->writes.n; i++) {
    const struct hw_buffer *b = u->writes.at[i];
    if (!is_memory(b))
      continue;
    v_line(p, "wire [%d:0] %s_%s_write;", lanes - 1, u->name, b->name);
    v_line(p, "wire [%d:0] %s_%s_write_address;", address_bits(b->words) - 1, u->name, b->name);
    v_line(p, "wire [%d:0] %s_%s_write_data;", lanes * b->bits - 1, u->name, b->name);
  }
}

static void print_unit(struct printer *p, const struct hw_unit *u) {
  const char *number = literal(p->a, u->id, address_bits(p->h->units.n));
  v_line(p, "wire %s_clk;", u->name);
  v_line(p, "tern_clock clock_%s (.clk(clk), .on(!aresetn || (state != IDLE && unit == %s)), .q(%s_clk));",
         u->name, number, u->name);
  v_line(p, "%s u_%s (.clk(%s_clk), .aresetn(aresetn), .start(start && unit == %s),", u->module, u->name,
         u->name, number);
  p->indent++;
  if (u->uses_i)
    v_line(p, ".i(row_i[%d:0]),", address_bits(u->i_count) - 1);
  if (u->uses_j)
    v_line(p, ".j(row_j[%d:0]),", address_bits(u->j_count) - 1);
  if (unit_token(u))
    v_line(p, ".token({1'b0, token}),");
  if (unit_streams(u))
    v_line(p, ".w_data(w_data), .w_valid(w_valid), .w_ready(%s_w_ready),", u->name);
  if (unit_stores_logits(u))
    v_line(p,
           ".hold(logit_hold), .logit_valid(%s_logit_valid), .logit_index(%s_logit_index), "
           ".logit_data(%s_logit_data),",
           u->name, u->name, u->name);
  for (int i = 0; i < u->reads.n; i++) {
    const struct hw_buffer *b = u->reads.at[i];
    for (int k = 0; is_memory(b) && k < unit_ports(u, b); k++)
      v_line(p, ".%s_read%d_address(%s_%s_read%d_address), .%s_read%d_data(%s_read_data[%d +: %d]),", b->name,
             k, u->name, b->name, k, b->name, k, b->name, k * p->h->options.vector * b->bits,
             p->h->options.vector * b->bits);
  }
  for (int i = 0; i < u->writes.n; i++) {
    const struct hw_buffer *b = u->writes.at[i];
    if (is_memory(b))
      v_line(
          p,
          ".%s_write(%s_%s_write), .%s_write_address(%s_%s_write_address), .%s_write_data(%s_%s_write_data),",
          b->name, u->name, b->name, b->name, u->name, b->name, b->name, u->name, b->name);
  }
  v_line(p, ".done(%s_done));", u->name);
  p->indent--;
}

/* ---- memories -------------------------------------------------------------------------------------- */

static bool writes_to(const struct hw_unit *u, const struct hw_buffer *b) {
  for (int i = 0; i < u->writes.n; i++)
    if (u->writes.at[i] == b)
      return true;
  return false;
}

/* `or` over units that write the memory of what they say, or a default. */
static const char *any_writer(const struct printer *p, const struct hw_buffer *b) {
  const char *text = NULL;
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (writes_to(u, b))
      text = arena_printf(p->a, "%s%s%s_%s_write", text ? text : "", text ? " | " : "", u->name, b->name);
  }
  return text;
}

/* A choice by the unit that runs; kernels write only while they run. */
static const char *by_unit(const struct printer *p, const struct hw_buffer *b, const char *what, int port) {
  const char *text = NULL;
  for (int i = p->h->units.n - 1; i >= 0; i--) {
    const struct hw_unit *u = p->h->units.at[i];
    bool mine = port < 0 ? writes_to(u, b) : unit_ports(u, b) > port;
    if (!mine)
      continue;
    const char *one = arena_printf(p->a, "%s_%s_%s", u->name, b->name, what);
    text = text ? arena_printf(p->a, "unit == %s ? %s : %s",
                               literal(p->a, u->id, address_bits(p->h->units.n)), one, text)
                : one;
  }
  return text;
}

static void print_writes(struct printer *p, const struct hw_buffer *b) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector, bits = address_bits(b->words);
  const char *mask = any_writer(p, b);
  const char *address = mask ? by_unit(p, b, "write_address", -1) : literal(p->a, 0, bits);
  const char *data = mask ? by_unit(p, b, "write_data", -1) : literal(p->a, 0, lanes * b->bits);
  if (!mask)
    mask = literal(p->a, 0, lanes);
  if (b->place == HW_STATE) {
    const char *init = literal(p->a, (int64_t)b->state->init, b->bits);
    v_line(p, "wire %s_clear = clear_running && clear_address < 32'd%lld;", b->name, (long long)b->words);
    v_line(p, "wire [%d:0] %s_write = %s_clear ? {%d{1'b1}} : %s_poke ? window_mask : %s;", lanes - 1,
           b->name, b->name, lanes, b->name, mask);
    v_line(p, "wire [%d:0] %s_write_address = %s_clear ? clear_address[%d:0] : %s_poke ? %s_place : %s;",
           bits - 1, b->name, b->name, bits - 1, b->name, b->name, address);
    v_line(p, "wire [%d:0] %s_write_data = %s_clear ? {%d{%s}} : %s_poke ? {%d{%s}} : %s;",
           lanes * b->bits - 1, b->name, b->name, lanes, init, b->name, lanes,
           b->bits > 32 ? "state_wdata" : arena_printf(p->a, "state_wdata[%d:0]", b->bits - 1), data);
    v_line(p,
           "wire [%d:0] %s_write_banks = %s_clear ? clear_banks : %s_poke ? window_banks : sequence_banks;",
           h->options.batch - 1, b->name, b->name, b->name);
    return;
  }
  v_line(p, "wire [%d:0] %s_write = %s;", lanes - 1, b->name, mask);
  v_line(p, "wire [%d:0] %s_write_address = %s;", bits - 1, b->name, address);
  v_line(p, "wire [%d:0] %s_write_data = %s;", lanes * b->bits - 1, b->name, data);
  v_line(p, "wire [%d:0] %s_write_banks = sequence_banks;", h->options.batch - 1, b->name);
}

/* A port's address: that of the unit that runs; the sum engine and the states' window use port 0. */
static void print_reads(struct printer *p, const struct hw_buffer *b) {
  int bits = address_bits(b->words), ports = reads_of(b);
  const char *list = "";
  for (int k = 0; k < ports; k++) {
    const char *own = by_unit(p, b, arena_printf(p->a, "read%d_address", k), k);
    if (!own)
      own = literal(p->a, 0, bits);
    if (k == 0 && b->sum_in)
      own = arena_printf(p->a, "sum_active ? code_address[%d:0] : %s", bits - 1, own);
    if (k == 0 && b->place == HW_STATE)
      own = arena_printf(p->a, "window_active ? %s_place : %s", b->name, own);
    v_line(p, "wire [%d:0] %s_read%d_address = %s;", bits - 1, b->name, k, own);
    list = arena_printf(p->a, "%s_read%d_address%s%s", b->name, k, k ? ", " : "", list);
  }
  v_line(p, "wire [%d:0] %s_read_data;", ports * p->h->options.vector * b->bits - 1, b->name);
  v_line(p,
         "tern_buffer #(.WIDTH(%d), .LANES(%d), .WORDS(%lld), .SEQUENCES(%d), .READS(%d), .SUMS(%d)) m_%s "
         "(.clk(clk),",
         b->bits, p->h->options.vector, (long long)depth_of(b), p->h->options.batch, ports, b->sum_out,
         b->name);
  p->indent++;
  v_line(p,
         ".write(%s_write), .write_banks(%s_write_banks), .write_address(%s_write_address), "
         ".write_data(%s_write_data),",
         b->name, b->name, b->name, b->name);
  if (b->sum_out)
    v_line(p, ".sum_write(%s_sum), .sum_element(sum_element[%d:0]), .sum_data(%s_sums),", b->name,
           address_bits(depth_of(b) * p->h->options.vector) - 1, b->name);
  else
    v_line(p, ".sum_write(1'b0), .sum_element(%s), .sum_data(%s),",
           literal(p->a, 0, address_bits(depth_of(b) * p->h->options.vector)),
           literal(p->a, 0, p->h->options.batch * b->bits));
  const char *bank = b->sum_in ? "bank" : "seq";
  if (b->place == HW_STATE)
    bank = "window_active ? window_bank : seq";
  v_line(p, ".read_address({%s}), .read_bank(%s), .read_data(%s_read_data));", list, bank, b->name);
  p->indent--;
}

static void print_memory(struct printer *p, const struct hw_buffer *b) {
  v_blank(p);
  v_comment(p, arena_printf(p->a, "%s%s: %lld elements of %d bits", b->place == HW_STATE ? "state " : "",
                            b->spec, (long long)(b->elements * b->instances), b->bits));
  if (b->sum_out) {
    v_line(p, "reg %s_sum;", b->name);
    v_line(p, "wire [%d:0] %s_sums;", p->h->options.batch * b->bits - 1, b->name);
  }
  print_writes(p, b);
  print_reads(p, b);
}

/* ---- the sum engine -------------------------------------------------------------------------------- */

static int64_t most_columns(const struct hw_design *h) {
  int64_t most = 1;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind == UNIT_SUM && u->skipped + u->columns > most)
      most = u->skipped + u->columns;
  }
  return most;
}

int64_t most_elements_out(const struct hw_design *h) {
  int64_t most = 2;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    int64_t size = u->kind != UNIT_SUM          ? 0
                   : u->out->place == HW_LOGITS ? u->out->elements
                                                : depth_of(u->out) * h->options.vector;
    most = size > most ? size : most;
  }
  return most;
}

/* A table of the sums' numbers: a choice by unit. */
static void print_choice(struct printer *p, const char *name, int width,
                         int64_t (*number)(const struct hw_unit *)) {
  v_line(p, "reg [%d:0] %s;", width - 1, name);
  v_line(p, "always @*");
  v_line(p, "  case (unit)");
  for (int i = 0; i < p->h->units.n; i++)
    if (p->h->units.at[i]->kind == UNIT_SUM)
      v_line(p, "    %s: %s = %s;", literal(p->a, i, address_bits(p->h->units.n)), name,
             literal(p->a, number(p->h->units.at[i]), width));
  v_line(p, "    default: %s = %s;", name, literal(p->a, 0, width));
  v_line(p, "  endcase");
}

static int64_t columns_of(const struct hw_unit *u) {
  return u->skipped + u->columns;
}
static int64_t rows_of(const struct hw_unit *u) {
  return u->m;
}
static int64_t code_of(const struct hw_unit *u) {
  return u->first_word;
}
static int64_t first_of(const struct hw_unit *u) {
  return u->out_first;
}
static int64_t step_of(const struct hw_unit *u) {
  return u->out_step;
}
static int64_t one(const struct hw_unit *u) {
  (void)u;
  return 1;
}

/* Codes of the running sum's operand, widened to the engine's. */
static void print_codes(struct printer *p) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector, width = h->code_bits;
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (!b->sum_in)
      continue;
    v_line(p, "wire [%d:0] %s_codes;", lanes * width - 1, b->name);
    v_line(p, "generate for (code = 0; code < %d; code = code + 1) begin : %s_wide", lanes, b->name);
    if (b->bits < width)
      v_line(p,
             "  assign %s_codes[code * %d +: %d] = {{%d{%s_read_data[code * %d + %d]}}, %s_read_data[code * "
             "%d +: %d]};",
             b->name, width, width, width - b->bits, b->name, b->bits, b->bits - 1, b->name, b->bits,
             b->bits);
    else
      v_line(p, "  assign %s_codes[code * %d +: %d] = %s_read_data[code * %d +: %d];", b->name, width, width,
             b->name, b->bits, b->bits);
    v_line(p, "end endgenerate");
  }
  v_line(p, "reg [%d:0] code_data;", lanes * width - 1);
  v_line(p, "always @*");
  v_line(p, "  case (unit)");
  const struct hw_buffer *last = NULL;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind != UNIT_SUM)
      continue;
    v_line(p, "    %s: code_data = %s_codes;", literal(p->a, i, address_bits(h->units.n)), u->in->name);
    last = u->in;
  }
  v_line(p, "    default: code_data = %s_codes;", last->name);
  v_line(p, "  endcase");
}

static void print_sum_results(struct printer *p) {
  const struct hw_design *h = p->h;
  int element = address_bits(most_elements_out(h));
  v_comment(p, "sums go to their places one by one, all sequences at once");
  v_line(p, "reg [%d:0] sum_next;", element - 1);
  v_line(p, "reg [%d:0] sum_element;", element - 1);
  v_line(p, "reg [%d:0] sum_data;", h->options.batch * h->sum_bits - 1);
  v_line(p, "reg sum_valid;");
  v_line(p, "reg sum_last;");
  v_line(p, "always @(posedge clk) begin");
  p->indent++;
  v_line(p, "sum_valid <= aresetn && sum_out_valid;");
  v_line(p, "sum_last <= aresetn && sum_out_valid && sum_out_last;");
  v_line(p, "sum_done <= aresetn && sum_last;");
  v_line(p, "sum_data <= sum_out;");
  v_line(p, "sum_element <= sum_next;");
  v_line(p, "if (start)");
  v_line(p, "  sum_next <= sum_first;");
  v_line(p, "else if (sum_out_valid)");
  v_line(p, "  sum_next <= sum_next + sum_step;");
  p->indent--;
  v_line(p, "end");
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (!b->sum_out || b->place == HW_LOGITS)
      continue;
    v_line(p, "always @*");
    v_line(p, "  case (unit)");
    for (int k = 0; k < h->units.n; k++)
      if (h->units.at[k]->kind == UNIT_SUM && h->units.at[k]->out == b)
        v_line(p, "    %s: %s_sum = sum_valid;", literal(p->a, k, address_bits(h->units.n)), b->name);
    v_line(p, "    default: %s_sum = 1'b0;", b->name);
    v_line(p, "  endcase");
    for (int n = 0; n < h->options.batch; n++)
      v_line(p, "assign %s_sums[%d:%d] = sum_data[%d:%d];", b->name, (n + 1) * b->bits - 1, n * b->bits,
             n * h->sum_bits + b->bits - 1, n * h->sum_bits);
  }
}

static void declare_sums(struct printer *p) {
  const struct hw_design *h = p->h;
  int element = address_bits(most_elements_out(h));
  v_blank(p);
  v_comment(p, "the sum engine: what the running sum is");
  print_choice(p, "sum_columns", unsigned_bits(most_columns(h)), columns_of);
  print_choice(p, "sum_rows", unsigned_bits(h->most_m), rows_of);
  print_choice(p, "sum_code", code_address_bits(h), code_of);
  print_choice(p, "sum_first", element, first_of);
  print_choice(p, "sum_step", element, step_of);
  print_choice(p, "sum_is_unit", 1, one);
  v_line(p, "reg sum_active;");
  v_line(p, "reg sum_asked;");
  v_line(p, "wire sum_ready;");
  v_line(p, "wire sum_w_ready;");
  v_line(p, "wire sum_out_valid;");
  v_line(p, "wire sum_out_last;");
  v_line(p, "wire [%d:0] sum_out;", h->options.batch * h->sum_bits - 1);
  v_line(p, "wire sum_taken;");
  v_line(p, "wire [%d:0] code_address;", code_address_bits(h) - 1);
  v_line(p, "wire [%d:0] code_sequence;", sequence_bits(h) - 1);
  v_line(p, "reg [%d:0] code_bank;", sequence_bits(h) - 1);
  v_line(p, "always @(posedge clk) code_bank <= code_sequence;");
  v_line(p, "wire [%d:0] bank = sum_active ? code_bank : seq;", sequence_bits(h) - 1);
  v_line(p, "genvar code;");
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (!aresetn) begin");
  v_line(p, "    sum_active <= 1'b0;");
  v_line(p, "    sum_asked <= 1'b0;");
  v_line(p, "  end else if (start && sum_is_unit) begin");
  v_line(p, "    sum_active <= 1'b1;");
  v_line(p, "    sum_asked <= 1'b1;");
  v_line(p, "  end else begin");
  v_line(p, "    if (sum_ready)");
  v_line(p, "      sum_asked <= 1'b0;");
  v_line(p, "    if (sum_done)");
  v_line(p, "      sum_active <= 1'b0;");
  v_line(p, "  end");
  print_sum_results(p);
}

static void print_engine(struct printer *p) {
  const struct hw_design *h = p->h;
  v_blank(p);
  print_codes(p);
  v_line(p, "wire unused_read, unused_tag, unused_loading, unused_busy, unused_starved, unused_unloaded;");
  v_line(p, "wire [%d:0] unused_row_out;", unsigned_bits(h->most_m) - 1);
  v_line(p,
         "tern_sum #(.LANES(%d), .PACKING(%d), .WIDTH(%d), .SEQUENCES(%d), .PORT(%d), .LOAD(%d), "
         ".COLUMNS(%lld), "
         ".ROWS(%lld),",
         h->options.lanes, h->options.packing == STORE_TILE3, h->code_bits, h->options.batch,
         h->options.vector, hw_load(h), (long long)most_columns(h), (long long)h->most_m);
  v_line(p, "  .RESULT(%d), .TAG(1), .ROW_BITS(%d), .CODE_ADDRESS(%d)) engine (.clk(clk), .aresetn(aresetn),",
         h->sum_bits, unsigned_bits(h->most_m), code_address_bits(h));
  p->indent++;
  v_line(p,
         ".cmd_columns(sum_columns), .cmd_rows(sum_rows), .cmd_row(%s), .cmd_code(sum_code), .cmd_tag(1'b0),",
         literal(p->a, 0, unsigned_bits(h->most_m)));
  v_line(p, ".cmd_valid(sum_asked), .cmd_ready(sum_ready),");
  v_line(p, ".code_read(unused_read), .code_address(code_address), .code_sequence(code_sequence), "
            ".code_data(code_data),");
  v_line(p, ".w_data(w_data), .w_valid(w_valid && sum_active), .w_ready(sum_w_ready), .hold(%s),",
         "logit_hold");
  v_line(p, ".out_valid(sum_out_valid), .out_row(unused_row_out), .out_tag(unused_tag), "
            ".out_last(sum_out_last), .out_sums(sum_out),");
  v_line(p, ".loading(unused_loading), .busy(unused_busy), .taken(sum_taken), .starved(unused_starved), "
            ".unloaded(unused_unloaded));");
  p->indent--;
}

/* ---- the sequencer --------------------------------------------------------------------------------- */

static const char *any_done(const struct printer *p) {
  const char *text = any_sums(p->h) ? "sum_done" : NULL;
  for (int i = 0; i < p->h->units.n; i++)
    if (p->h->units.at[i]->kind == UNIT_KERNEL)
      text = arena_printf(p->a, "%s%s%s_done", text ? text : "", text ? " || " : "", p->h->units.at[i]->name);
  return text;
}

/* A bit a unit: chosen by the unit that runs. */
static void print_flag(struct printer *p, const char *name, bool (*has)(const struct hw_unit *)) {
  v_line(p, "reg %s;", name);
  v_line(p, "always @*");
  v_line(p, "  case (unit)");
  for (int i = 0; i < p->h->units.n; i++)
    if (has(p->h->units.at[i]))
      v_line(p, "    %s: %s = 1'b1;", literal(p->a, i, address_bits(p->h->units.n)), name);
  v_line(p, "    default: %s = 1'b0;", name);
  v_line(p, "  endcase");
}

static bool runs_once(const struct hw_unit *u) {
  return u->kind == UNIT_SUM;
}

static bool gives_logits(const struct hw_unit *u) {
  return unit_stores_logits(u);
}

static void print_tokens(struct printer *p) {
  int n = p->h->options.batch;
  v_comment(p, "the sequences' tokens");
  v_line(p, "reg [31:0] token_of [0:%d];", n - 1);
  v_line(p, "reg [%d:0] token_ends; // their sequences end with them", n - 1);
  if (n == 1) {
    v_line(p, "wire unused_sequence = &{1'b0, token_sequence};");
    v_line(p, "wire token_room = !token_there[0];");
  } else {
    v_line(p, "wire token_room = !token_there[token_sequence];");
  }
  v_line(p, "assign token_ready = run && token_room && !clearing;");
  v_line(p, "wire [31:0] token = token_of[%s];", n == 1 ? "0" : "seq");
  v_line(p, "wire unused_token = &{1'b0, token};");
  if (n > 1) {
    const char *list = "";
    for (int k = 0; k < n; k++)
      list = arena_printf(p->a, "token_of[%d]%s%s", k, k ? ", " : "", list);
    v_line(p, "wire [%d:0] token_list = {%s};", 32 * n - 1, list);
  }
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (token_valid && token_ready)");
  v_line(p, "    token_of[%s] <= token_data;", n == 1 ? "0" : "token_sequence");
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (!aresetn) begin");
  v_line(p, "    token_there <= %d'd0;", n);
  v_line(p, "    token_ends <= %d'd0;", n);
  v_line(p, "  end else if (step_end) begin");
  v_line(p, "    token_there <= %d'd0;", n);
  v_line(p, "  end else if (token_valid && token_ready) begin");
  v_line(p, "    token_there[%s] <= 1'b1;", n == 1 ? "0" : "token_sequence");
  v_line(p, "    token_ends[%s] <= token_last;", n == 1 ? "0" : "token_sequence");
  v_line(p, "  end");
}

static void print_sequencer(struct printer *p) {
  const struct hw_design *h = p->h;
  int rows = address_bits(h->rows.n), bits = sequence_bits(h);
  v_line(p, "reg [%d:0] row;", rows - 1);
  v_line(p, "wire [15:0] row_i;");
  v_line(p, "wire [15:0] row_j;");
  v_line(p, "wire unused_row = &{1'b0, row_i, row_j};");
  v_line(p, "wire [%d:0] sequence_banks = %d'd1 << seq;", h->options.batch - 1, h->options.batch);
  print_flag(p, "once", runs_once);
  print_flag(p, "gives_logits", gives_logits);
  v_line(p, "wire run_end = state == WAIT ? (%s) && !gives_logits : state == RESULT && results_out;",
         any_done(p));
  v_line(p, "wire row_end = run_end && (once || seq == %s);", literal(p->a, h->options.batch - 1, bits));
  v_line(p, "assign step_begin = state == IDLE && &token_there && !clearing && !window_active;");
  v_line(p, "assign step_end = row_end && row == %s;", literal(p->a, h->rows.n - 1, rows));
  v_line(p, "wire [%d:0] next_row = step_end || state == IDLE ? %s : row_end ? row + %s : row;", rows - 1,
         literal(p->a, 0, rows), literal(p->a, 1, rows));
  v_line(p, "%s_program rom (.clk(clk), .row(next_row), .unit(unit), .i(row_i), .j(row_j));", h->name);
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (!aresetn) begin");
  v_line(p, "  state <= IDLE;");
  v_line(p, "  row <= %s;", literal(p->a, 0, rows));
  v_line(p, "  seq <= %s;", literal(p->a, 0, bits));
  v_line(p, "end else begin");
  p->indent++;
  v_line(p, "row <= next_row;");
  v_line(p, "case (state)");
  v_line(p, "  IDLE: if (step_begin) state <= ISSUE;");
  v_line(p, "  ISSUE: state <= WAIT;");
  v_line(p, "  default:");
  v_line(p, "    if (run_end) begin");
  v_line(p, "      state <= step_end ? IDLE : ISSUE;");
  v_line(p, "      seq <= row_end ? %s : seq + %s;", literal(p->a, 0, bits), literal(p->a, 1, bits));
  v_line(p, "    end else if (state == WAIT && (%s)) begin", any_done(p));
  v_line(p, "      state <= RESULT;");
  v_line(p, "    end");
  v_line(p, "endcase");
  p->indent--;
  v_line(p, "end");
  p->indent--;
}

/* ---- results --------------------------------------------------------------------------------------- */

static const char *logit_of(const struct printer *p, const char *what) {
  const char *text = NULL;
  for (int i = p->h->units.n - 1; i >= 0; i--) {
    const struct hw_unit *u = p->h->units.at[i];
    if (!unit_stores_logits(u))
      continue;
    const char *one = arena_printf(p->a, "%s_logit_%s", u->kind == UNIT_SUM ? "sum" : u->name, what);
    text = text ? arena_printf(p->a, "unit == %s ? %s : %s", literal(p->a, i, address_bits(p->h->units.n)),
                               one, text)
                : one;
  }
  return text;
}

static void print_results(struct printer *p) {
  const struct hw_design *h = p->h;
  int index = address_bits(h->logits->elements), bits = h->logits->bits, k = h->options.topk;
  v_blank(p);
  v_comment(p, "logits: to the ranking, and out");
  v_line(p, "wire out_valid = %s;", logit_of(p, "valid"));
  v_line(p, "wire [%d:0] out_index = %s;", index - 1, logit_of(p, "index"));
  v_line(p, "wire signed [%d:0] out_value = %s;", bits - 1, logit_of(p, "data"));
  v_line(p, "wire out_last = out_index == %s;", literal(p->a, h->logits->elements - 1, index));
  v_line(p, "wire ranked;");
  v_line(p, "wire rank_ready;");
  v_line(p, "wire unused_rank = &{1'b0, rank_ready};");
  v_line(p, "wire [%d:0] unused_count;", unsigned_bits(k) - 1);
  v_line(p, "wire [%d:0] rank_values;", k * bits - 1);
  v_line(p, "wire [%d:0] rank_indices;", k * index - 1);
  v_line(p,
         "tern_topk #(.K(%d), .WIDTH(%d), .INDEX(%d), .LANES(1)) rank (.clk(clk), .aresetn(aresetn), "
         ".clear(results_out),",
         k, bits, index);
  v_line(p, "  .in_values(out_value), .in_keep(1'b1), .in_index(out_index), .in_last(out_last), "
            ".in_valid(out_valid),");
  v_line(p, "  .in_ready(rank_ready), .done(ranked), .out_count(unused_count), .out_values(rank_values), "
            ".out_indices(rank_indices));");
  v_blank(p);
  int room = h->logit_room;
  v_line(p, "wire [%d:0] logits_held;", unsigned_bits(room) - 1);
  v_line(p, "wire logits_ready;");
  v_line(p, "wire unused_logits = &{1'b0, logits_ready};");
  v_line(p, "wire [%d:0] logit_word;", bits);
  v_line(p, "tern_fifo #(.WIDTH(%d), .DEPTH(%d)) logits (.clk(clk), .aresetn(aresetn),", bits + 1, room);
  v_line(p, "  .in_data({out_last, out_value}), .in_valid(out_valid), .in_ready(logits_ready),");
  v_line(p,
         "  .out_data(logit_word), .out_valid(logit_valid), .out_ready(logit_ready), .count(logits_held));");
  v_comment(p, "what is on its way fits beside what is held");
  v_line(p, "assign logit_hold = logits_held > %s;", literal(p->a, room - h->in_flight, unsigned_bits(room)));
  v_line(p, "assign logit_data = %s;",
         bits < 32
             ? arena_printf(p->a, "{{%d{logit_word[%d]}}, logit_word[%d:0]}", 32 - bits, bits - 1, bits - 1)
             : "logit_word[31:0]");
  v_line(p, "assign logit_last = logit_word[%d];", bits);
  v_line(p, "assign logit_sequence = seq;");
  v_blank(p);
  v_comment(p, "the best tokens, when all logits are out");
  int kb = address_bits(k);
  v_line(p, "reg [%d:0] best;", kb - 1);
  v_line(p, "wire [%d:0] best_index;", index - 1);
  v_line(p, "wire [%d:0] best_value;", bits - 1);
  if (k > 1) {
    v_line(
        p,
        "tern_pick #(.WIDTH(%d), .LANES(%d)) pick_index (.word(rank_indices), .lane(best), .q(best_index));",
        index, k);
    v_line(
        p,
        "tern_pick #(.WIDTH(%d), .LANES(%d)) pick_value (.word(rank_values), .lane(best), .q(best_value));",
        bits, k);
  } else {
    v_line(p, "assign best_index = rank_indices;");
    v_line(p, "assign best_value = rank_values;");
  }
  v_line(p, "reg [2:0] settled; // clocks since the unit has ended: then the ranking is done");
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (state != RESULT)");
  v_line(p, "    settled <= 3'd0;");
  v_line(p, "  else if (settled != 3'd%d)", RESULT_OVERHEAD);
  v_line(p, "    settled <= settled + 3'd1;");
  v_line(p, "assign best_valid = state == RESULT && settled == 3'd%d && ranked && logits_held == %s;",
         RESULT_OVERHEAD, literal(p->a, 0, unsigned_bits(room)));
  v_line(p, "assign best_last = best == %s;", literal(p->a, k - 1, kb));
  v_line(p, "assign best_sequence = seq;");
  v_line(p, "assign best_data = {%s, {%d'd0, best_index}};",
         bits < 32 ? arena_printf(p->a, "{%d{best_value[%d]}}, best_value", 32 - bits, bits - 1)
                   : "best_value",
         32 - index);
  v_line(p, "assign results_out = best_valid && best_ready && best_last;");
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (!aresetn || results_out)");
  v_line(p, "    best <= %s;", literal(p->a, 0, kb));
  v_line(p, "  else if (best_valid && best_ready)");
  v_line(p, "    best <= best + %s;", literal(p->a, 1, kb));
}

/* ---- states ---------------------------------------------------------------------------------------- */

int64_t state_elements(const struct hw_design *h) {
  int64_t n = 0;
  for (int i = 0; i < h->buffers.n; i++)
    if (h->buffers.at[i]->place == HW_STATE)
      n += h->buffers.at[i]->words * h->options.vector;
  return n;
}

static int64_t deepest_state(const struct hw_design *h) {
  int64_t most = 1;
  for (int i = 0; i < h->buffers.n; i++)
    if (h->buffers.at[i]->place == HW_STATE && h->buffers.at[i]->words > most)
      most = h->buffers.at[i]->words;
  return most;
}

/* Clearing: after reset, on request, and of the sequences whose last token the step took. */
static void print_clearing(struct printer *p) {
  int n = p->h->options.batch;
  v_blank(p);
  v_comment(p, "states get their initial values, word after word");
  v_line(p, "reg [%d:0] clear_wanted;", n - 1);
  v_line(p, "reg [%d:0] clear_banks;", n - 1);
  v_line(p, "reg clear_running;");
  v_line(p, "reg [31:0] clear_address;");
  v_line(p, "assign clearing = clear_running || |clear_wanted;");
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (!aresetn) begin");
  v_line(p, "  clear_wanted <= {%d{1'b1}};", n);
  v_line(p, "  clear_running <= 1'b0;");
  v_line(p, "  clear_banks <= %d'd0;", n);
  v_line(p, "  clear_address <= 32'd0;");
  v_line(p, "end else if (clear_running) begin");
  v_line(p, "  clear_address <= clear_address + 32'd1;");
  v_line(p, "  if (clear_address == 32'd%lld) clear_running <= 1'b0;", (long long)deepest_state(p->h) - 1);
  v_line(p, "  if (clear) clear_wanted <= {%d{1'b1}};", n);
  v_line(p, "end else if (clear) begin");
  v_line(p, "  clear_wanted <= {%d{1'b1}};", n);
  v_line(p, "end else if (step_end) begin");
  v_line(p, "  clear_wanted <= clear_wanted | token_ends;");
  v_line(p, "end else if (|clear_wanted && state == IDLE && !window_active) begin");
  v_line(p, "  clear_running <= 1'b1;");
  v_line(p, "  clear_address <= 32'd0;");
  v_line(p, "  clear_banks <= clear_wanted;");
  v_line(p, "  clear_wanted <= %d'd0;", n);
  v_line(p, "end");
  p->indent--;
}

/* The window: which memory, word and lane an element's number means. */
static void print_window(struct printer *p) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector, lane_bits = address_bits(lanes), bits = sequence_bits(h);
  int64_t all = state_elements(h), from = 0;
  v_blank(p);
  v_comment(p, "window on the states: sequence after sequence, state after state, words of all lanes");
  v_line(p, "reg [2:0] window; // clocks of an access");
  v_line(p, "assign window_active = |window;");
  if (all > 0)
    v_line(p, "wire [31:0] window_all = 32'd%lld;", (long long)(all * h->options.batch));
  v_line(p, "reg [%d:0] window_bank;", bits - 1);
  v_line(p, "reg [31:0] window_element;");
  v_line(p, "wire [%d:0] window_banks = %d'd1 << window_bank;", h->options.batch - 1, h->options.batch);
  if (lanes > 1)
    v_line(p, "wire [%d:0] window_mask = %d'd1 << window_element[%d:0];", lanes - 1, lanes, lane_bits - 1);
  else
    v_line(p, "wire window_mask = 1'b1;");
  v_line(p,
         "wire unused_window = &{1'b0, state_wdata, state_write, clear_banks, window_element, window_banks, "
         "window_mask};"); /* without states */
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (!aresetn)");
  v_line(p, "  window <= 3'd0;");
  v_line(p, "else if (window == 3'd0)");
  v_line(p, "  window <= {2'd0, state_request && state == IDLE && !clearing && !(&token_there)};");
  v_line(p, "else");
  v_line(p, "  window <= window == 3'd4 ? 3'd0 : window + 3'd1;");
  p->indent--;
  v_line(p, "always @(posedge clk) begin");
  v_line(p, "  window_bank <= %s;", literal(p->a, 0, bits));
  v_line(p, "  window_element <= state_address;");
  for (int n = 1; all > 0 && n < h->options.batch; n++) {
    v_line(p, "  if (state_address >= 32'd%lld) begin", (long long)(n * all));
    v_line(p, "    window_bank <= %s;", literal(p->a, n, bits));
    v_line(p, "    window_element <= state_address - 32'd%lld;", (long long)(n * all));
    v_line(p, "  end");
  }
  v_line(p, "end");
  v_line(p, "assign state_error = %s;", all > 0 ? "state_address >= window_all" : "1'b1");
  v_line(p, "assign state_done = window == 3'd4;");
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (b->place != HW_STATE)
      continue;
    int64_t size = b->words * lanes;
    v_line(p, "wire [31:0] %s_from = window_element - 32'd%lld;", b->name, (long long)from);
    const char *low = from ? arena_printf(p->a, "window_element >= 32'd%lld && ", (long long)from) : "";
    v_line(p, "wire %s_here = %swindow_element < 32'd%lld;", b->name, low, (long long)(from + size));
    v_line(p, "wire [%d:0] %s_place = %s_from[%d:%d];", address_bits(b->words) - 1, b->name, b->name,
           address_bits(b->words) + (lanes > 1 ? lane_bits : 0) - 1, lanes > 1 ? lane_bits : 0);
    v_line(p, "wire unused_%s_from = &{1'b0, %s_from};", b->name, b->name);
    v_line(p, "wire %s_poke = window == 3'd2 && state_write && %s_here && !state_error;", b->name, b->name);
    from += size;
  }
}

static void print_window_data(struct printer *p) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector;
  const char *text = "32'd0";
  for (int i = h->buffers.n - 1; i >= 0; i--) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (b->place != HW_STATE)
      continue;
    v_line(p, "wire [%d:0] %s_element;", b->bits - 1, b->name);
    if (lanes > 1)
      v_line(p,
             "tern_pick #(.WIDTH(%d), .LANES(%d)) pick_%s (.word(%s_read_data[%d:0]), "
             ".lane(window_element[%d:0]), .q(%s_element));",
             b->bits, lanes, b->name, b->name, lanes * b->bits - 1, address_bits(lanes) - 1, b->name);
    else
      v_line(p, "assign %s_element = %s_read_data[%d:0];", b->name, b->name, b->bits - 1);
    const char *wide = b->bits < 32 ? arena_printf(p->a, "{{%d{%s_element[%d]}}, %s_element}", 32 - b->bits,
                                                   b->name, b->bits - 1, b->name)
                                    : arena_printf(p->a, "%s_element", b->name);
    text = arena_printf(p->a, "%s_here ? %s : %s", b->name, wide, text);
  }
  v_line(p, "reg [31:0] window_data;");
  v_line(p, "always @(posedge clk) window_data <= %s;", text);
  v_line(p, "assign state_rdata = window_data;");
}

/* ---- the module ------------------------------------------------------------------------------------ */

static void print_streams(struct printer *p) {
  const char *ready = any_sums(p->h) ? "sum_active && sum_w_ready" : NULL;
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (u->kind == UNIT_KERNEL && unit_streams(u))
      ready = arena_printf(p->a, "%s%s%s_w_ready", ready ? ready : "", ready ? " || " : "", u->name);
  }
  v_line(p, "assign w_ready = %s;", ready ? ready : "1'b0");
  v_line(p, "assign busy = state != IDLE || |token_there;");
  v_line(p,
         "assign events = {token_valid && token_ready, step_end, best_valid && !best_ready, w_ready && "
         "!w_valid, %s, state != IDLE};",
         any_sums(p->h) ? "sum_taken" : "1'b0");
}

static void print_sum_logits(struct printer *p) {
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (u->kind != UNIT_SUM || u->out->place != HW_LOGITS)
      continue;
    int bits = p->h->logits->bits;
    v_line(p, "wire sum_logit_valid = sum_valid;");
    v_line(p, "wire [%d:0] sum_logit_index = sum_element[%d:0];", address_bits(p->h->logits->elements) - 1,
           address_bits(p->h->logits->elements) - 1);
    v_line(p, "wire signed [%d:0] sum_logit_data = sum_data[%d:0];", bits - 1, bits - 1);
    return;
  }
}

/* What several parts look at. */
static void declare_shared(struct printer *p) {
  const struct hw_design *h = p->h;
  v_line(p, "localparam IDLE = 2'd0, ISSUE = 2'd1, WAIT = 2'd2, RESULT = 2'd3;");
  v_line(p, "reg  [1:0] state;");
  v_line(p, "wire start = state == ISSUE;");
  v_line(p, "wire [%d:0] unit; // that runs", address_bits(h->units.n) - 1);
  v_line(p, "reg  [%d:0] seq; // that it runs for", sequence_bits(h) - 1);
  v_line(p, "reg  [%d:0] token_there;", h->options.batch - 1);
  v_line(p, "wire step_begin;");
  v_line(p, "wire step_end;");
  v_line(p, "wire results_out;");
  v_line(p, "wire window_active;");
  v_line(p, "wire logit_hold;");
  if (any_sums(h))
    v_line(p, "reg  sum_done;");
}

void print_core(struct printer *p) {
  const struct hw_design *h = p->h;
  v_comment(
      p, arena_printf(
             p->a,
             "%s_core: the streaming machine of %s: %d ternary lanes, %d elements a clock, %d %s. A step of "
             "all sequences takes %lld clocks, and one more for each clock in which a word or the output is "
             "awaited.",
             h->name, h->module->name, h->options.lanes, h->options.vector, h->options.batch,
             h->options.batch == 1 ? "seq" : "sequences", (long long)h->step_cycles));
  v_line(p, "module %s_core (", h->name);
  p->indent++;
  print_ports(p);
  p->indent--;
  v_line(p, ");");
  p->indent++;
  declare_shared(p);
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == UNIT_KERNEL)
      declare_unit(p, h->units.at[i]);
  v_blank(p);
  print_sequencer(p);
  v_blank(p);
  print_tokens(p);
  if (any_sums(h))
    declare_sums(p);
  print_clearing(p);
  print_window(p);
  for (int i = 0; i < h->buffers.n; i++)
    if (is_memory(h->buffers.at[i]))
      print_memory(p, h->buffers.at[i]);
  if (any_sums(h))
    print_engine(p);
  print_sum_logits(p);
  v_blank(p);
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == UNIT_KERNEL)
      print_unit(p, h->units.at[i]);
  print_results(p);
  v_blank(p);
  print_window_data(p);
  v_line(p, "%s_fetch fetch (.clk(clk), .aresetn(aresetn), .begin_step(step_begin),", h->name);
  v_line(p, "  .tokens({%s}),", h->options.batch == 1 ? "token_of[0]" : "token_list");
  v_line(p, "  .offset(fetch_offset), .bytes(fetch_bytes), .valid(fetch_valid), .ready(fetch_ready));");
  print_streams(p);
  p->indent--;
  v_line(p, "endmodule");
}
