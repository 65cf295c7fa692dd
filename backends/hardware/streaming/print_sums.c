/* print_sums.c: the sum engine: which sum it computes, its codes, and the way of its results. */
#include "backends/hardware/streaming/core.h"

static int64_t most_columns(const struct hw_design *h) {
  int64_t most = 1;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind == HW_UNIT_SUM && u->skipped + u->columns > most)
      most = u->skipped + u->columns;
  }
  return most;
}

int64_t most_elements_out(const struct hw_design *h) {
  int64_t most = 2;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    int64_t size = u->kind != HW_UNIT_SUM       ? 0
                   : u->out->place == HW_LOGITS ? u->out->elements
                                                : depth_of(u->out) * h->options.vector;
    most = size > most ? size : most;
  }
  return most;
}

/* A table of the sums' numbers: a choice by unit. */
static void print_choice(struct hw_printer *p, const char *name, int width,
                         int64_t (*number)(const struct hw_unit *)) {
  v_line(p, "reg [%d:0] %s;", width - 1, name);
  v_line(p, "always @*");
  v_line(p, "  case (unit)");
  for (int i = 0; i < p->h->units.n; i++)
    if (p->h->units.at[i]->kind == HW_UNIT_SUM)
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
static void print_codes(struct hw_printer *p) {
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
    if (u->kind != HW_UNIT_SUM)
      continue;
    v_line(p, "    %s: code_data = %s_codes;", literal(p->a, i, address_bits(h->units.n)), u->in->name);
    last = u->in;
  }
  v_line(p, "    default: code_data = %s_codes;", last->name);
  v_line(p, "  endcase");
}

static void print_sum_results(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int element = address_bits(most_elements_out(h));
  v_comment(p, "sums go to their places one by one, all sequences at once");
  v_line(p, "reg [%d:0] sum_next;", element - 1);
  v_line(p, "reg [%d:0] sum_element;", element - 1);
  v_line(p, "reg [%d:0] sum_data;", h->options.sequences * h->sum_bits - 1);
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
      if (h->units.at[k]->kind == HW_UNIT_SUM && h->units.at[k]->out == b)
        v_line(p, "    %s: %s_sum = sum_valid;", literal(p->a, k, address_bits(h->units.n)), b->name);
    v_line(p, "    default: %s_sum = 1'b0;", b->name);
    v_line(p, "  endcase");
    for (int n = 0; n < h->options.sequences; n++)
      v_line(p, "assign %s_sums[%d:%d] = sum_data[%d:%d];", b->name, (n + 1) * b->bits - 1, n * b->bits,
             n * h->sum_bits + b->bits - 1, n * h->sum_bits);
  }
}

void declare_sums(struct hw_printer *p) {
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
  v_line(p, "wire [%d:0] sum_out;", h->options.sequences * h->sum_bits - 1);
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

void print_engine(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_blank(p);
  print_codes(p);
  v_line(p, "wire unused_read, unused_tag, unused_loading, unused_busy, unused_starved, unused_unloaded;");
  v_line(p, "wire [%d:0] unused_row_out;", unsigned_bits(h->most_m) - 1);
  v_line(p,
         "tern_sum #(.LANES(%d), .PACKING(%d), .WIDTH(%d), .SEQUENCES(%d), .PORT(%d), .LOAD(%d), "
         ".COLUMNS(%lld), "
         ".ROWS(%lld),",
         h->options.lanes, h->options.packing == STORE_TILE3, h->code_bits, h->options.sequences,
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

void print_sum_logits(struct hw_printer *p) {
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (u->kind != HW_UNIT_SUM || u->out->place != HW_LOGITS)
      continue;
    int bits = p->h->logits->bits;
    v_line(p, "wire sum_logit_valid = sum_valid;");
    v_line(p, "wire [%d:0] sum_logit_index = sum_element[%d:0];", address_bits(p->h->logits->elements) - 1,
           address_bits(p->h->logits->elements) - 1);
    v_line(p, "wire signed [%d:0] sum_logit_data = sum_data[%d:0];", bits - 1, bits - 1);
    return;
  }
}
