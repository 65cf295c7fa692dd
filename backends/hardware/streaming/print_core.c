/* print_core.c: the machine around the kernels: NAME__core, with plain streams; print_top.c puts AXI around
 * it. */
#include "backends/hardware/streaming/core.h"

int sequence_bits(const struct hw_design *h) {
  return address_bits(h->options.sequences);
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

int reads_of(const struct hw_buffer *b) {
  return b->reads > 0 ? b->reads : 1;
}

bool any_sums(const struct hw_design *h) {
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == HW_UNIT_SUM)
      return true;
  return false;
}

int64_t depth_of(const struct hw_buffer *b) {
  return b->words < 2 ? 2 : b->words;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

static void print_ports(struct hw_printer *p) {
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

static void declare_unit(struct hw_printer *p, const struct hw_unit *u) {
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

static void print_unit(struct hw_printer *p, const struct hw_unit *u) {
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

/* ---- the module ------------------------------------------------------------------------------------ */

static void print_streams(struct hw_printer *p) {
  const char *ready = any_sums(p->h) ? "sum_active && sum_w_ready" : NULL;
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (u->kind == HW_UNIT_KERNEL && unit_streams(u))
      ready = arena_printf(p->a, "%s%s%s_w_ready", ready ? ready : "", ready ? " || " : "", u->name);
  }
  v_line(p, "assign w_ready = %s;", ready ? ready : "1'b0");
  v_line(p, "assign busy = state != IDLE || |token_there;");
  v_line(p,
         "assign events = {token_valid && token_ready, step_end, best_valid && !best_ready, w_ready && "
         "!w_valid, %s, state != IDLE};",
         any_sums(p->h) ? "sum_taken" : "1'b0");
}

/* What several parts look at. */
static void declare_shared(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_line(p, "localparam IDLE = 2'd0, ISSUE = 2'd1, WAIT = 2'd2, RESULT = 2'd3;");
  v_line(p, "reg  [1:0] state;");
  v_line(p, "wire start = state == ISSUE;");
  v_line(p, "wire [%d:0] unit; // that runs", address_bits(h->units.n) - 1);
  v_line(p, "reg  [%d:0] seq; // that it runs for", sequence_bits(h) - 1);
  v_line(p, "reg  [%d:0] token_there;", h->options.sequences - 1);
  v_line(p, "wire step_begin;");
  v_line(p, "wire step_end;");
  v_line(p, "wire results_out;");
  v_line(p, "wire window_active;");
  v_line(p, "wire logit_hold;");
  if (any_sums(h))
    v_line(p, "reg  sum_done;");
}

void print_core(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_comment(
      p, arena_printf(
             p->a,
             "%s__core: the streaming machine of %s: %d ternary lanes, %d elements a clock, %d %s. A step of "
             "all sequences takes %lld clocks, and one more for each clock in which a word or the output is "
             "awaited.",
             h->name, h->module->name, h->options.lanes, h->options.vector, h->options.sequences,
             h->options.sequences == 1 ? "seq" : "sequences", (long long)h->step_cycles));
  v_line(p, "module %s__core (", h->name);
  p->indent++;
  print_ports(p);
  p->indent--;
  v_line(p, ");");
  p->indent++;
  declare_shared(p);
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == HW_UNIT_KERNEL)
      declare_unit(p, h->units.at[i]);
  v_blank(p);
  print_sequencer(p);
  v_blank(p);
  print_next_tokens(p);
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
    if (h->units.at[i]->kind == HW_UNIT_KERNEL)
      print_unit(p, h->units.at[i]);
  print_results(p);
  v_blank(p);
  print_window_data(p);
  v_line(p, "%s__fetch fetch (.clk(clk), .aresetn(aresetn), .begin_step(step_begin),", h->name);
  v_line(p, "  .tokens({%s}),", h->options.sequences == 1 ? "token_of[0]" : "token_list");
  v_line(p, "  .offset(fetch_offset), .bytes(fetch_bytes), .valid(fetch_valid), .ready(fetch_ready));");
  print_streams(p);
  p->indent--;
  v_line(p, "endmodule");
}
