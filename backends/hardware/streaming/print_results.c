/* print_results.c: the way of the logits: to the ranking, out of the machine, and the best tokens after them.
 */
#include "backends/hardware/streaming/core.h"

static const char *logit_of(const struct hw_printer *p, const char *what) {
  const char *text = NULL;
  for (int i = p->h->units.n - 1; i >= 0; i--) {
    const struct hw_unit *u = p->h->units.at[i];
    if (!unit_stores_logits(u))
      continue;
    const char *one = arena_printf(p->a, "%s_logit_%s", u->kind == HW_UNIT_SUM ? "sum" : u->name, what);
    text = text ? arena_printf(p->a, "unit == %s ? %s : %s", literal(p->a, i, address_bits(p->h->units.n)),
                               one, text)
                : one;
  }
  return text;
}

/* The ranking: the best of the logits while they pass by. */
static void print_ranking(struct hw_printer *p) {
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
}

/* Each logit through a FIFO, which has room for those that are on their way when a unit is stopped. */
static void print_logits(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int bits = h->logits->bits, room = h->logit_room;
  v_blank(p);
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
}

/* The number and the score of the best token whose turn it is. */
static void print_pick(struct hw_printer *p) {
  int index = address_bits(p->h->logits->elements), bits = p->h->logits->bits, k = p->h->options.topk;
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
}

static void print_best(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int index = address_bits(h->logits->elements), bits = h->logits->bits, k = h->options.topk;
  int room = h->logit_room;
  v_blank(p);
  v_comment(p, "the best tokens, when all logits are out");
  int kb = address_bits(k);
  v_line(p, "reg [%d:0] best;", kb - 1);
  v_line(p, "wire [%d:0] best_index;", index - 1);
  v_line(p, "wire [%d:0] best_value;", bits - 1);
  print_pick(p);
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

void print_results(struct hw_printer *p) {
  print_ranking(p);
  print_logits(p);
  print_best(p);
}
