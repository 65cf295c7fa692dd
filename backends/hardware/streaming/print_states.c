/* print_states.c: the states: their clearing, and the window through which software reads and writes them. */
#include "backends/hardware/streaming/core.h"

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
void print_clearing(struct hw_printer *p) {
  int n = p->h->options.sequences;
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
void print_window(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector, lane_bits = address_bits(lanes), bits = sequence_bits(h);
  int64_t all = state_elements(h), from = 0;
  v_blank(p);
  v_comment(p, "window on the states: sequence after sequence, state after state, words of all lanes");
  v_line(p, "reg [2:0] window; // clocks of an access");
  v_line(p, "assign window_active = |window;");
  if (all > 0)
    v_line(p, "wire [31:0] window_all = 32'd%lld;", (long long)(all * h->options.sequences));
  v_line(p, "reg [%d:0] window_bank;", bits - 1);
  v_line(p, "reg [31:0] window_element;");
  v_line(p, "wire [%d:0] window_banks = %d'd1 << window_bank;", h->options.sequences - 1,
         h->options.sequences);
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
  for (int n = 1; all > 0 && n < h->options.sequences; n++) {
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

void print_window_data(struct hw_printer *p) {
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
