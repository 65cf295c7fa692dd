/* print_sequencer.c: the sequencer, which starts one unit after another, and the tokens that a step begins
 * with. */
#include "backends/hardware/streaming/core.h"

static const char *any_done(const struct hw_printer *p) {
  const char *text = any_sums(p->h) ? "sum_done" : NULL;
  for (int i = 0; i < p->h->units.n; i++)
    if (p->h->units.at[i]->kind == HW_UNIT_KERNEL)
      text = arena_printf(p->a, "%s%s%s_done", text ? text : "", text ? " || " : "", p->h->units.at[i]->name);
  return text;
}

/* A bit a unit: chosen by the unit that runs. */
static void print_flag(struct hw_printer *p, const char *name, bool (*has)(const struct hw_unit *)) {
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
  return u->kind == HW_UNIT_SUM;
}

static bool gives_logits(const struct hw_unit *u) {
  return unit_stores_logits(u);
}

void print_next_tokens(struct hw_printer *p) {
  int n = p->h->options.sequences;
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

void print_sequencer(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int rows = address_bits(h->rows.n), bits = sequence_bits(h);
  v_line(p, "reg [%d:0] row;", rows - 1);
  v_line(p, "wire [15:0] row_i;");
  v_line(p, "wire [15:0] row_j;");
  v_line(p, "wire unused_row = &{1'b0, row_i, row_j};");
  v_line(p, "wire [%d:0] sequence_banks = %d'd1 << seq;", h->options.sequences - 1, h->options.sequences);
  print_flag(p, "once", runs_once);
  print_flag(p, "gives_logits", gives_logits);
  v_line(p, "wire run_end = state == WAIT ? (%s) && !gives_logits : state == RESULT && results_out;",
         any_done(p));
  v_line(p, "wire row_end = run_end && (once || seq == %s);", literal(p->a, h->options.sequences - 1, bits));
  v_line(p, "assign step_begin = state == IDLE && &token_there && !clearing && !window_active;");
  v_line(p, "assign step_end = row_end && row == %s;", literal(p->a, h->rows.n - 1, rows));
  v_line(p, "wire [%d:0] next_row = step_end || state == IDLE ? %s : row_end ? row + %s : row;", rows - 1,
         literal(p->a, 0, rows), literal(p->a, 1, rows));
  v_line(p, "%s__program rom (.clk(clk), .row(next_row), .unit(unit), .i(row_i), .j(row_j));", h->name);
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
