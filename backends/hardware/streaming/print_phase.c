/* print_phase.c: the pipeline of one phase.
 *
 * Names: pK_go, an iteration of phase K is issued; pK_v[t], one was issued t clocks ago; x_5, the value of
 * node 5 at its time, x_5_q its older values, the newest lowest. What differs from lane to lane stands in a
 * generate loop; vectors that leave it end in _all, lane 0 lowest. */
#include "backends/hardware/streaming/printer.h"

#include "backends/loops/index.h"
#include "backends/loops/lower.h"
#include "ir/curve.h"
#include <stdlib.h>
#include <string.h>

static const char *text_at(const struct printer *p, const struct hw_node *n, int time) {
  return operand_text(p->a, operand_at(p, n, time));
}

static const char *wide_at(const struct printer *p, const struct hw_node *n, int time, int width) {
  return operand_wide(p->a, operand_at(p, n, time), width);
}

int phase_stages(const struct hw_phase *p) {
  return p->depth;
}

static const char *on_text(const struct printer *p) {
  const char *name = arena_printf(p->a, "p%d_on", p->p->id);
  return from_outside(p, name, 1, true, name);
}

/* Whether an iteration was issued `time` clocks ago. */
static const char *valid_text(const struct printer *p, int time) {
  const char *name = arena_printf(p->a, time ? "p%d_v%d" : "p%d_go", p->p->id, time);
  return from_outside(p, name, 1, true, time ? arena_printf(p->a, "p%d_v[%d]", p->p->id, time) : name);
}

/* When what is ready at `time` is registered: in a phase of one iteration at that clock, to stay; else while
 * the phase runs. */
static const char *when(const struct printer *p, int time) {
  return arena_printf(p->a, "if (%s) ", p->p->single ? valid_text(p, time) : on_text(p));
}

/* ---- counters and flags ---------------------------------------------------------------------------- */

static const char *counter_name(const struct printer *p, const struct hw_level *v) {
  const char *name = arena_printf(p->a, "%s%d", v->loop->name, v->loop->id);
  return from_outside(p, name, address_bits(v->steps), true, name);
}

/* Conjunction of "the counter is at its last step" over levels from `first` on. */
static const char *at_last(const struct printer *p, int first) {
  const char *text = NULL;
  for (int k = first; k < p->p->n_levels; k++) {
    const struct hw_level *v = p->p->levels[k];
    if (v->steps == 1)
      continue;
    const char *one = arena_printf(p->a, "%s == %s", counter_name(p, v),
                                   literal(p->a, v->steps - 1, address_bits(v->steps)));
    text = text ? arena_printf(p->a, "%s && %s", text, one) : one;
  }
  return text;
}

/* A bit known at issue, `time` clocks later. NULL: always true. The bit is shifted along. */
static const char *flag_later(const struct printer *p, const char *name, const char *now, int time) {
  if (!now)
    return NULL;
  if (p->p->single || time == 0) {
    v_line(p, "wire %s = %s;", name, now);
    return name;
  }
  v_line(p, "reg [%d:1] %s;", time, name);
  if (time == 1)
    v_line(p, "always @(posedge clk) if (%s) %s[1] <= %s;", on_text(p), name, now);
  else
    v_line(p, "always @(posedge clk) if (%s) %s <= {%s[%d:1], %s};", on_text(p), name, name, time - 1, now);
  return arena_printf(p->a, "%s[%d]", name, time);
}

/* A vector known at issue, `time` clocks later. */
static const char *bits_later(const struct printer *p, const char *now, int width, int time) {
  if (p->p->single || time == 0)
    return now;
  v_line(p, "reg [%d:0] %s_q;", time * width - 1, now);
  if (time == 1)
    v_line(p, "always @(posedge clk) if (%s) %s_q <= %s;", on_text(p), now, now);
  else
    v_line(p, "always @(posedge clk) if (%s) %s_q <= {%s_q[%d:0], %s};", on_text(p), now, now,
           (time - 1) * width - 1, now);
  return time == 1 ? arena_printf(p->a, "%s_q", now)
                   : arena_printf(p->a, "%s_q[%d:%d]", now, time * width - 1, (time - 1) * width);
}

/* ---- loads ----------------------------------------------------------------------------------------- */

static const char *port_data(const struct printer *p, const struct hw_node *n) {
  return arena_printf(p->a, "%s_read%d_data", n->buffer->name, n->port);
}

static void print_address(struct printer *p, const struct hw_node *n) {
  struct index *x = index_in_phase(p, n->index);
  int lanes = p->h->options.vector;
  const char *name = node_name(p->a, p->u, n);
  index_wire(p, arena_printf(p->a, "%s_word", name), index_div(p->a, x, lanes),
             address_bits(n->buffer->words), NULL);
  if (n->whole || lanes == 1)
    return;
  struct index *lane = index_mod(p->a, x, lanes);
  const char *pick = arena_printf(p->a, "%s_lane", name);
  index_wire(p, pick, lane, address_bits(lanes), NULL);
}

/* One element of the word, for all lanes. */
static void print_scalar_load(struct printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n);
  int width = node_width(n), lanes = p->h->options.vector;
  if (lanes == 1) {
    v_line(p, "reg %s[%d:0] %s;", is_truth(n) ? "" : "signed ", width - 1, name);
    v_line(p, "always @(posedge clk) %s%s <= %s;", when(p, 2), name, port_data(p, n));
    return;
  }
  const char *lane = bits_later(p, arena_printf(p->a, "%s_lane", name), address_bits(lanes), 2);
  v_line(p, "wire [%d:0] %s_picked;", width - 1, name);
  v_line(p, "tern_pick #(.WIDTH(%d), .LANES(%d)) pick_%s (.word(%s), .lane(%s), .q(%s_picked));", width,
         lanes, name, port_data(p, n), lane, name);
  if (is_truth(n))
    v_line(p, "reg %s;", name);
  else
    v_line(p, "reg signed [%d:0] %s;", width - 1, name);
  v_line(p, "always @(posedge clk) %s%s <= %s_picked;", when(p, 2), name, name);
}

/* ---- values ---------------------------------------------------------------------------------------- */

static void declare(const struct printer *p, const struct hw_node *n, const char *kind) {
  const char *name = node_name(p->a, p->u, n);
  if (is_truth(n))
    v_line(p, "%s %s;", kind, name);
  else
    v_line(p, "%s signed [%d:0] %s;", kind, node_width(n) - 1, name);
}

static void assign(const struct printer *p, const struct hw_node *n, int time, const char *text) {
  declare(p, n, "reg");
  v_line(p, "always @(posedge clk) %s%s <= %s;", when(p, time), node_name(p->a, p->u, n), text);
}

/* Fits `full`, a signed wire of that many bits, to the node's width: saturates where bits are lost. */
static const char *fitted(const struct printer *p, const struct hw_node *n, const char *full, int bits) {
  int width = node_width(n);
  struct operand o = {.name = full, .width = bits};
  if (bits <= width)
    return operand_wide(p->a, o, width);
  struct interval r = interval_of_bits(width);
  return arena_printf(p->a, "%s > $signed(%s) ? %s : %s < $signed(%s) ? %s : %s[%d:0]", full,
                      literal(p->a, r.hi, bits), literal(p->a, r.hi, width), full, literal(p->a, r.lo, bits),
                      literal(p->a, r.lo, width), full, width - 1);
}

static int most(int a, int b) {
  return a > b ? a : b;
}

/* a + b, a - b in one more bit than the wider operand. */
static void print_sum_of(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int full = most(node_width(n->in[0]), node_width(n->in[1])) + 1;
  struct interval a = n->in[0]->range, b = n->in[1]->range;
  struct interval exact = n->code == OP_IADD ? (struct interval){a.lo + b.lo, a.hi + b.hi}
                                             : (struct interval){a.lo - b.hi, a.hi - b.lo};
  if (bits_of(exact) < full && bits_of(exact) >= most(node_width(n->in[0]), node_width(n->in[1])))
    full--;
  v_line(p, "wire signed [%d:0] %s_full = %s %c %s;", full - 1, name, wide_at(p, n->in[0], t, full),
         n->code == OP_IADD ? '+' : '-', wide_at(p, n->in[1], t, full));
  assign(p, n, t, fitted(p, n, arena_printf(p->a, "%s_full", name), full));
}

static void print_extreme(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  const char *a = wide_at(p, n->in[0], t, full), *b = wide_at(p, n->in[1], t, full);
  v_line(p, "wire signed [%d:0] %s_full = $signed(%s) %c $signed(%s) ? %s : %s;", full - 1, name, a,
         n->code == OP_IMIN ? '<' : '>', b, a, b);
  assign(p, n, t, fitted(p, n, arena_printf(p->a, "%s_full", name), full));
}

static void print_compare(struct printer *p, const struct hw_node *n, int t) {
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  const char *sign = n->code == OP_ILT ? "<" : n->code == OP_ILE ? "<=" : "==";
  assign(p, n, t,
         arena_printf(p->a, "$signed(%s) %s $signed(%s)", wide_at(p, n->in[0], t, full), sign,
                      wide_at(p, n->in[1], t, full)));
}

static void print_select(struct printer *p, const struct hw_node *n, int t) {
  int width = node_width(n);
  assign(p, n, t,
         arena_printf(p->a, "%s ? %s : %s", text_at(p, n->in[0], t), wide_at(p, n->in[1], t, width),
                      wide_at(p, n->in[2], t, width)));
}

static void print_convert(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  v_line(p, "wire signed [%d:0] %s = %s;", node_width(n) - 1, name, wide_at(p, n->in[0], t, node_width(n)));
}

static void print_mulshift(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  const struct hw_node *e = n->in[2];
  int64_t least = e->range.lo < -62 ? -62 : e->range.lo > 62 ? 62 : e->range.lo;
  int64_t top = e->range.hi > 62 ? 62 : e->range.hi < -62 ? -62 : e->range.hi;
  declare(p, n, "wire");
  v_line(p, "tern_mulshift #(.A(%d), .B(%d), .BITS(%d), .E(%d), .E_MIN(%lld), .E_MAX(%lld))",
         node_width(n->in[0]), node_width(n->in[1]), node_width(n), node_width(e), (long long)least,
         (long long)top);
  v_line(p, "  op_%s (.clk(clk), .enable(%s), .a(%s), .b(%s), .e(%s), .q(%s));", name, on_text(p),
         text_at(p, n->in[0], t), text_at(p, n->in[1], t), text_at(p, e, t), name);
}

static void print_curve(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  struct curve_shape s = curve_shape(&n->expr->attr);
  int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1];
  int count = curve_table(&n->expr->attr, y);
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  int value = most(bits_of(r), 2);
  declare(p, n, "wire");
  fprintf(
      p->out,
      "%*stern_curve #(.A(%d), .LO(%s40'd%lld), .DOMAIN(%d), .SEGMENTS(%d), .VALUE(%d), .BITS(%d), .TABLE({",
      2 * p->indent, "", node_width(n->in[0]), s.first < 0 ? "-" : "",
      (long long)(s.first < 0 ? -s.first : s.first), s.s + s.h, s.s, value, node_width(n));
  for (int i = count - 1; i >= 0; i--) /* entry 0 in the low bits */
    fprintf(p->out, "%s%s", (count - 1 - i) % 16 == 0 ? "\n      " : "",
            arena_printf(p->a, "%s%s", literal(p->a, y[i], value), i ? ", " : ""));
  fprintf(p->out, "}))\n");
  v_line(p, "  op_%s (.clk(clk), .enable(%s), .a(%s), .q(%s));", name, on_text(p), text_at(p, n->in[0], t),
         name);
}

/* One bit a clock where there is one iteration, else pipelined. */
static void print_slow(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  bool div = n->code == OP_IDIV;
  const char *module = div ? "tern_idiv" : "tern_isqrt";
  const char *width = div ? arena_printf(p->a, ".A(%d), .B(%d)", node_width(n->in[0]), node_width(n->in[1]))
                          : arena_printf(p->a, ".A(%d)", node_width(n->in[0]));
  const char *in = arena_printf(p->a, ".a(%s)", text_at(p, n->in[0], t));
  if (div)
    in = arena_printf(p->a, "%s, .b(%s)", in, text_at(p, n->in[1], t));
  declare(p, n, "wire");
  if (p->p->single) {
    v_line(p, "wire %s_unused_ready, %s_unused_valid;", name, name);
    v_line(p, "%s #(%s, .BITS(%d)) op_%s (.clk(clk), .aresetn(aresetn), .start(%s),", module, width,
           node_width(n), name, valid_text(p, t));
    v_line(p, "  .ready(%s_unused_ready), .valid(%s_unused_valid), %s, .q(%s));", name, name, in, name);
  } else {
    v_line(p, "%s_pipe #(%s, .BITS(%d)) op_%s (.clk(clk), .enable(%s), %s, .q(%s));", module, width,
           node_width(n), name, on_text(p), in, name);
  }
}

static void print_log2(struct printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int a = node_width(n->in[0]), q = address_bits(a);
  v_line(p, "wire [%d:0] %s_q0;", q - 1, name);
  v_line(p, "tern_lz #(.A(%d)) op_%s (.a(%s), .q(%s_q0));", a, name, text_at(p, n->in[0], t), name);
  v_line(p, "wire signed [%d:0] %s_full = {1'b0, %s_q0};", q, name, name);
  assign(p, n, t, fitted(p, n, arena_printf(p->a, "%s_full", name), q + 1));
}

static const char *const shared_names[] = {
    [SHARED_MULSHIFT] = "mul", [SHARED_IDIV] = "div", [SHARED_ISQRT] = "sqrt", [SHARED_ILOG2] = "log"};

/* Its operands go to the kernel's unit at their time; here is the register of the result. */
static void print_shared_user(struct printer *p, const struct hw_node *n, enum shared_unit kind) {
  const struct hw_shared *s = &p->u->shared[kind];
  const char *q = arena_printf(p->a, "%s_q", shared_names[kind]);
  int bits = kind == SHARED_ILOG2 ? address_bits(s->in[0]) + 1 : s->out;
  assign(p, n, n->start + s->latency, fitted(p, n, q, bits));
}

static void print_op(struct printer *p, const struct hw_node *n) {
  int t = n->start;
  enum shared_unit kind = hw_shared_by(p->p, n);
  if (kind != SHARED_COUNT) {
    print_shared_user(p, n, kind);
    return;
  }
  switch (n->code) {
  case OP_IADD:
  case OP_ISUB: print_sum_of(p, n, t); break;
  case OP_IMIN:
  case OP_IMAX: print_extreme(p, n, t); break;
  case OP_ILT:
  case OP_ILE:
  case OP_IEQ: print_compare(p, n, t); break;
  case OP_SELECT: print_select(p, n, t); break;
  case OP_CONVERT: print_convert(p, n, t); break;
  case OP_MULSHIFT: print_mulshift(p, n, t); break;
  case OP_CURVE: print_curve(p, n, t); break;
  case OP_ILOG2: print_log2(p, n, t); break;
  default: print_slow(p, n, t); break;
  }
}

static const char *record_bits(const struct printer *p, const struct hw_node *n) {
  int width = (int)format_bits(n->expr->buffer->format);
  if (!n->wide)
    return arena_printf(p->a, "p%d_record[%lld +: %d]", p->p->id, (long long)n->field, width);
  const char *name = arena_printf(p->a, "%s_field", node_name(p->a, p->u, n));
  return from_outside(
      p, name, width, true,
      arena_printf(p->a, "p%d_record[%lld + lane * %d +: %d]", p->p->id, (long long)n->field, width, width));
}

/* In a lane, the variable of the wide loop is an element's number, counter and lane together; elsewhere it is
 * the counter, which `index_in_phase` scales. */
static void print_index_node(struct printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n), *lane = n->wide ? "LANE_in" : NULL;
  const struct index *x = n->wide ? n->index : index_in_phase(p, n->index);
  if (n->expr->kind != EXPR_INDEX_LT) {
    int width = node_width(n);
    index_wire(p, arena_printf(p->a, "%s_now", name), x, width, lane);
    assign(p, n, 0, arena_printf(p->a, "%s_now", name));
    return;
  }
  const struct index *bound = n->wide ? n->expr->bound : index_in_phase(p, n->expr->bound);
  struct interval r = interval_of_index(p->u, NULL, n->index);
  struct interval s = interval_of_index(p->u, NULL, n->expr->bound);
  int width = unsigned_bits((r.hi > s.hi ? r.hi : s.hi) * 2 + p->h->options.vector);
  index_wire(p, arena_printf(p->a, "%s_now", name), x, width, lane);
  assign(p, n, 0, arena_printf(p->a, "%s_now < %s", name, hw_index_text(p, bound, width, lane)));
}

/* Keeps old values of the node as long as somebody looks at them. */
static void print_delays(struct printer *p, const struct hw_node *n) {
  int width = node_width(n), count = n->needed - n->time;
  if (p->p->single || n->time == TIME_ALWAYS || count <= 0)
    return;
  const char *name = node_name(p->a, p->u, n);
  v_line(p, "reg [%d:0] %s_q;", count * width - 1, name);
  if (count == 1)
    v_line(p, "always @(posedge clk) if (%s) %s_q <= %s;", on_text(p), name, name);
  else
    v_line(p, "always @(posedge clk) if (%s) %s_q <= {%s_q[%d:0], %s};", on_text(p), name, name,
           (count - 1) * width - 1, name);
}

/* For later phases. */
static void print_kept(struct printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n);
  int width = node_width(n);
  v_line(p, "assign %s = %s;",
         to_outside(p, arena_printf(p->a, "%s_kept", name), width,
                    arena_printf(p->a, "%s_all[lane * %d +: %d]", name, width, width)),
         name);
}

static void print_node(struct printer *p, const struct hw_node *n) {
  switch (n->kind) {
  case NODE_LOAD:
    if (n->buffer->place == HW_TOKEN)
      return;
    if (n->whole)
      assign(p, n, 2,
             from_outside(
                 p, arena_printf(p->a, "%s_mine", port_data(p, n)), node_width(n), true,
                 arena_printf(p->a, "%s[lane * %d +: %d]", port_data(p, n), node_width(n), node_width(n))));
    else
      print_scalar_load(p, n);
    break;
  case NODE_WEIGHT: assign(p, n, 0, record_bits(p, n)); break;
  case NODE_INDEX: print_index_node(p, n); break;
  case NODE_OP: print_op(p, n); break;
  default: return;
  }
  print_delays(p, n);
  if (n->held && n->wide)
    print_kept(p, n);
}

/* ---- accumulators ---------------------------------------------------------------------------------- */

static const char *acc_identity(const struct printer *p, const struct hw_node *n, int width) {
  return n->acc->how == ACC_MAX ? literal(p->a, interval_of_bits(width).lo, width) : literal(p->a, 0, width);
}

/* The element as the accumulator takes it, in the accumulator's width. */
static const char *acc_element(struct printer *p, const struct hw_node *n) {
  const struct hw_node *e = n->element;
  int t = n->time - n->latency, width = node_width(n), bits = node_width(e) + 1;
  if (n->acc->how != ACC_ABSMAX)
    return wide_at(p, e, t, width);
  const char *name = node_name(p->a, p->u, n), *x = wide_at(p, e, t, bits);
  v_line(p, "wire signed [%d:0] %s_abs = $signed(%s) < 0 ? -$signed(%s) : $signed(%s);", bits - 1, name, x, x,
         x);
  return fitted(p, n, arena_printf(p->a, "%s_abs", name), bits);
}

/* In a lane: its part of the vector that the tree takes; lanes beyond the loop's end give the identity. */
static void print_acc_part(struct printer *p, const struct hw_node *n) {
  const struct hw_level *v = p->p->levels[n->acc_level - 1];
  const char *name = node_name(p->a, p->u, n), *element = acc_element(p, n);
  int width = node_width(n), lanes = p->p->lanes;
  int64_t rest = v->extent % lanes;
  const char *mine = to_outside(p, arena_printf(p->a, "%s_part", name), width,
                                arena_printf(p->a, "%s_all[lane * %d +: %d]", name, width, width));
  const char *out = arena_printf(p->a, "%s_beyond", name);
  if (rest)
    v_line(
        p, "assign %s = %s ? %s : %s;", mine,
        from_outside(p, out, 1, true, arena_printf(p->a, "%s_tail && lane >= %lld", name, (long long)rest)),
        acc_identity(p, n, width), element);
  else
    v_line(p, "assign %s = %s;", mine, element);
}

static void print_combine(const struct printer *p, const struct hw_node *n, const char *a, const char *b,
                          const char *to) {
  if (n->acc->how == ACC_SUM)
    v_line(p, "%s <= %s + %s;", to, a, b);
  else
    v_line(p, "%s <= $signed(%s) > $signed(%s) ? %s : %s;", to, a, b, a, b);
}

/* Pairs of lanes, pairs of pairs, ...; the name of the last. */
static const char *print_tree(struct printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n), *from = arena_printf(p->a, "%s_all", name);
  int width = node_width(n), step = 0;
  for (int count = p->p->lanes / 2; count >= 1; count /= 2) {
    const char *to = arena_printf(p->a, "%s_t%d", name, ++step);
    const char *k = count > 1 ? "k" : "0";
    v_line(p, "reg [%d:0] %s;", count * width - 1, to);
    if (count > 1)
      v_line(p, "integer %s_k;", to);
    v_line(p, "always @(posedge clk)");
    p->indent++;
    v_line(p, "if (%s)", on_text(p));
    if (count > 1) {
      v_line(p, "for (%s_k = 0; %s_k < %d; %s_k = %s_k + 1)", to, to, count, to, to);
      k = arena_printf(p->a, "%s_k", to);
      p->indent++;
    }
    print_combine(p, n, arena_printf(p->a, "%s[2 * %s * %d +: %d]", from, k, width, width),
                  arena_printf(p->a, "%s[(2 * %s + 1) * %d +: %d]", from, k, width, width),
                  arena_printf(p->a, "%s[%s * %d +: %d]", to, k, width, width));
    p->indent -= count > 1 ? 2 : 1;
    from = to;
  }
  return from;
}

/* The register itself: the first element of a run of its loop replaces what it holds. */
static void print_acc(struct printer *p, const struct hw_node *n, const char *element) {
  const char *name = node_name(p->a, p->u, n);
  const struct hw_level *v = p->p->levels[n->acc_level - 1];
  int t = n->time - 1;
  const char *counter = counter_name(p, v);
  const char *first = v->steps == 1 ? NULL : arena_printf(p->a, "%s == 0", counter);
  first = flag_later(p, arena_printf(p->a, "%s_first", name), first, t);
  const char *on = flag_later(p, arena_printf(p->a, "%s_on", name), at_last(p, n->acc_level), t);
  declare(p, n, "reg");
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (%s%s%s) begin", valid_text(p, t), on ? " && " : "", on ? on : "");
  p->indent++;
  if (!first) {
    v_line(p, "%s <= %s;", name, element);
  } else {
    v_line(p, "if (%s)", first);
    v_line(p, "  %s <= %s;", name, element);
    v_line(p, "else");
    p->indent++;
    print_combine(p, n, name, element, name);
    p->indent--;
  }
  p->indent--;
  v_line(p, "end");
  p->indent--;
  print_delays(p, n);
  if (n->held && n->wide)
    print_kept(p, n);
}

/* ---- stores ---------------------------------------------------------------------------------------- */

const char *store_name(struct arena *a, const struct hw_phase *p, const struct hw_store *s) {
  return arena_printf(a, "p%d_%s", p->id, s->buffer->name);
}

/* Write enables, address and data at the store's time: NAME_write, NAME_address, NAME_data. */
static void print_store(struct printer *p, const struct hw_store *s) {
  const char *name = store_name(p->a, p->p, s);
  int lanes = p->h->options.vector, t = s->time, width = s->buffer->bits;
  struct index *x = index_in_phase(p, s->index);
  const char *valid = arena_printf(p->a, "p%d_v[%d]", p->p->id, t);
  const char *on = flag_later(p, arena_printf(p->a, "%s_on", name), at_last(p, s->level), t);
  if (on)
    valid = arena_printf(p->a, "%s && %s", valid, on);
  v_line(p, "wire %s_valid = %s;", name, valid);
  if (s->buffer->place == HW_LOGITS) {
    const char *word = arena_printf(p->a, "%s_index", name);
    int bits = address_bits(s->buffer->elements);
    index_wire(p, word, x, bits, NULL);
    v_line(p, "wire [%d:0] %s_at = %s;", bits - 1, name, bits_later(p, word, bits, t));
    v_line(p, "wire signed [%d:0] %s_data = %s;", width - 1, name, wide_at(p, s->value, t, width));
    return;
  }
  const char *word = arena_printf(p->a, "%s_word", name);
  int bits = address_bits(s->buffer->words);
  index_wire(p, word, index_div(p->a, x, lanes), bits, NULL);
  v_line(p, "wire [%d:0] %s_address = %s;", bits - 1, name, bits_later(p, word, bits, t));
  if (s->whole) {
    int k = 0;
    while (!p->p->levels[k]->wide)
      k++;
    const struct hw_level *v = p->p->levels[k];
    int64_t rest = v->extent % lanes;
    const char *last = v->steps == 1 ? "1'b1"
                                     : arena_printf(p->a, "%s == %s", counter_name(p, v),
                                                    literal(p->a, v->steps - 1, address_bits(v->steps)));
    if (rest) {
      const char *tail = flag_later(p, arena_printf(p->a, "%s_tail", name), last, t);
      v_line(p, "wire [%d:0] %s_mask = %s ? %s : {%d{1'b1}};", lanes - 1, name, tail,
             arena_printf(p->a, "{{%d{1'b0}}, {%lld{1'b1}}}", (int)(lanes - rest), (long long)rest), lanes);
    } else {
      v_line(p, "wire [%d:0] %s_mask = {%d{1'b1}};", lanes - 1, name, lanes);
    }
    if (!s->value->wide)
      v_line(p, "wire [%d:0] %s_data = {%d{%s}};", lanes * width - 1, name, lanes,
             wide_at(p, s->value, t, width));
    return;
  }
  if (lanes == 1) {
    v_line(p, "wire %s_mask = 1'b1;", name);
  } else {
    const char *lane = arena_printf(p->a, "%s_lane", name);
    index_wire(p, lane, index_mod(p->a, x, lanes), address_bits(lanes), NULL);
    v_line(p, "wire [%d:0] %s_mask = %s << %s;", lanes - 1, name, literal(p->a, 1, lanes),
           bits_later(p, lane, address_bits(lanes), t));
  }
  v_line(p, "wire [%d:0] %s_data = {%d{%s}};", lanes * width - 1, name, lanes,
         wide_at(p, s->value, t, width));
}

static bool store_in_lanes(const struct hw_store *s) {
  return s->whole && s->value->wide;
}

/* ---- the phase ------------------------------------------------------------------------------------- */

/* Vectors that lanes fill. */
static void declare_vectors(struct printer *p) {
  int lanes = p->p->lanes;
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    bool leaves = (n->held && n->wide && n->kind != NODE_HELD) || (n->kind == NODE_ACC && n->across);
    if (leaves)
      v_line(p, "wire [%d:0] %s_all;", lanes * node_width(n) - 1, node_name(p->a, p->u, n));
    if (n->kind == NODE_ACC && n->across && p->p->levels[n->acc_level - 1]->extent % lanes) {
      const struct hw_level *v = p->p->levels[n->acc_level - 1];
      const char *last = v->steps == 1 ? "1'b1"
                                       : arena_printf(p->a, "%s == %s", counter_name(p, v),
                                                      literal(p->a, v->steps - 1, address_bits(v->steps)));
      const char *name = arena_printf(p->a, "%s_tails", node_name(p->a, p->u, n));
      const char *tail = flag_later(p, name, last, n->time - n->latency);
      v_line(p, "wire %s_tail = %s;", node_name(p->a, p->u, n), tail);
    }
  }
  for (int i = 0; i < p->p->stores.n; i++) {
    const struct hw_store *s = p->p->stores.at[i];
    if (store_in_lanes(s))
      v_line(p, "wire [%d:0] %s_data;", lanes * s->buffer->bits - 1, store_name(p->a, p->p, s));
  }
}

static bool in_lanes(const struct hw_node *n) {
  return n->wide || (n->kind == NODE_ACC && n->across);
}

static bool any_lanes(const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++)
    if (in_lanes(p->nodes.at[i]) && p->nodes.at[i]->kind != NODE_HELD)
      return true;
  for (int i = 0; i < p->stores.n; i++)
    if (store_in_lanes(p->stores.at[i]))
      return true;
  return false;
}

static bool needs_lane_number(const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++)
    if (p->nodes.at[i]->kind == NODE_INDEX && p->nodes.at[i]->wide)
      return true;
  return false;
}

bool phase_has_lanes(const struct hw_phase *p) {
  return any_lanes(p);
}

const char *lane_module(struct arena *a, const struct hw_unit *u, const struct hw_phase *p) {
  return arena_printf(a, "%s_p%d_lane", u->module, p->id);
}

/* What is done in each lane; p->lane collects what goes in and out. */
static void print_lane_body(struct printer *p) {
  if (needs_lane_number(p->p)) {
    int bits = address_bits(p->p->lanes);
    from_outside(p, "LANE", bits, true,
                 arena_printf(p->a, "p%d_lane_number[lane * %d +: %d]", p->p->id, bits, bits));
  }
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    if (n->kind == NODE_ACC && n->across)
      print_acc_part(p, n);
    else if (n->kind == NODE_ACC && n->wide)
      print_acc(p, n, acc_element(p, n));
    else if (n->wide)
      print_node(p, n);
  }
  for (int i = 0; i < p->p->stores.n; i++) {
    const struct hw_store *s = p->p->stores.at[i];
    int width = s->buffer->bits;
    if (!store_in_lanes(s))
      continue;
    const char *name = store_name(p->a, p->p, s);
    const char *to = to_outside(p, arena_printf(p->a, "%s_mine", name), width,
                                arena_printf(p->a, "%s_data[lane * %d +: %d]", name, width, width));
    v_line(p, "assign %s = %s;", to, wide_at(p, s->value, s->time, width));
  }
}

/* The lane's text goes to memory first: only then its ports are known. */
static char *lane_text(struct printer *p, struct lane_ports *ports) {
  char *text = NULL;
  size_t length;
  FILE *out = p->out, *memory = or_die(open_memstream(&text, &length));
  p->out = memory;
  p->lane = ports;
  print_lane_body(p);
  p->lane = NULL;
  p->out = out;
  return or_die(fclose(memory) == 0 ? text : NULL);
}

static const char *range_text(const struct printer *p, int width, bool truth) {
  if (truth && width == 1)
    return "";
  return arena_printf(p->a, "%s[%d:0] ", truth ? "" : "signed ", width - 1);
}

void print_lane(struct printer *p, const struct hw_unit *u, const struct hw_phase *phase) {
  struct lane_ports ports = {0};
  p->u = u;
  p->p = phase;
  p->indent = 1;
  char *text = lane_text(p, &ports);
  p->indent = 0;
  const char *name = lane_module(p->a, u, phase);
  v_comment(p, arena_printf(p->a, "%s: one of %d lanes of phase %d of %s, a pipeline of %d clocks.", name,
                            phase->lanes, phase->id, u->name, phase->depth));
  v_line(p, "module %s (", name);
  v_line(p, "  input  wire clk,");
  v_line(p, "  input  wire aresetn,");
  for (int i = 0; i < ports.list.n; i++) {
    const struct lane_port *port = &ports.list.at[i];
    v_line(p, "  %s wire %s%s%s", port->out ? "output" : "input ", range_text(p, port->width, port->truth),
           port->name, i + 1 < ports.list.n ? "," : "");
  }
  v_line(p, ");");
  fputs(text, p->out);
  v_line(p, "  wire unused = &{1'b0, clk, aresetn};");
  v_line(p, "endmodule");
  free(text);
}

static void print_lanes(struct printer *p) {
  struct lane_ports ports = {0};
  int lanes = p->p->lanes, id = p->p->id, bits = address_bits(lanes);
  free(lane_text(p, &ports));
  if (needs_lane_number(p->p)) {
    const char *list = "";
    for (int k = 0; k < lanes; k++)
      list = arena_printf(p->a, "%s%s%s", literal(p->a, k, bits), k ? ", " : "", list);
    v_line(p, "wire [%d:0] p%d_lane_number = {%s};", bits * lanes - 1, id, list);
  }
  v_line(p, "genvar lane%d;", id);
  v_line(p, "generate for (lane%d = 0; lane%d < %d; lane%d = lane%d + 1) begin : p%d_lane", id, id, lanes, id,
         id, id);
  p->indent++;
  v_line(p, "localparam lane = lane%d;", id);
  v_line(p, "%s one (.clk(clk), .aresetn(aresetn),", lane_module(p->a, p->u, p->p));
  for (int i = 0; i < ports.list.n; i++) {
    const struct lane_port *port = &ports.list.at[i];
    v_line(p, "  .%s(%s)%s", port->name, port->connection, i + 1 < ports.list.n ? "," : ");");
  }
  p->indent--;
  v_line(p, "end endgenerate");
}

static void print_scalars(struct printer *p, bool after) {
  for (int i = 0; i < p->p->nodes.n; i++) {
    const struct hw_node *n = p->p->nodes.at[i];
    if (n->wide || n->late != after)
      continue;
    if (n->kind == NODE_ACC)
      print_acc(p, n, n->across ? print_tree(p, n) : acc_element(p, n));
    else
      print_node(p, n);
  }
}

/* Scalars, lanes, then what comes of accumulators over the lanes: names are declared before they are used. */
void print_phase(struct printer *p, const struct hw_phase *phase) {
  p->p = phase;
  for (int i = 0; i < phase->nodes.n; i++)
    if (phase->nodes.at[i]->kind == NODE_LOAD && phase->nodes.at[i]->buffer->place != HW_TOKEN)
      print_address(p, phase->nodes.at[i]);
  declare_vectors(p);
  print_scalars(p, false);
  if (phase_has_lanes(phase))
    print_lanes(p);
  print_scalars(p, true);
  for (int i = 0; i < phase->stores.n; i++)
    print_store(p, phase->stores.at[i]);
}

/* ---- units that scalars share ---------------------------------------------------------------------- */

void declare_shared_units(struct printer *p) {
  for (int kind = 0; kind < SHARED_COUNT; kind++) {
    const struct hw_shared *s = &p->u->shared[kind];
    if (!s->users)
      continue;
    int bits = kind == SHARED_ILOG2 ? address_bits(s->in[0]) + 1 : s->out;
    v_line(p, "wire signed [%d:0] %s_q;", bits - 1, shared_names[kind]);
  }
}

/* Operands of the node that begins in this clock. */
static const char *print_operands(struct printer *p, enum shared_unit kind, int operands) {
  const struct hw_shared *s = &p->u->shared[kind];
  const char *name = shared_names[kind], *start = NULL;
  for (int k = 0; k < operands; k++)
    v_line(p, "reg signed [%d:0] %s_%c;", s->in[k] - 1, name, "abe"[k]);
  v_line(p, "always @* begin");
  for (int k = 0; k < operands; k++)
    v_line(p, "  %s_%c = %s;", name, "abe"[k], literal(p->a, 0, s->in[k]));
  for (int i = 0; i < p->u->phases.n; i++)
    for (int k = 0; k < p->u->phases.at[i]->nodes.n; k++) {
      const struct hw_node *n = p->u->phases.at[i]->nodes.at[k];
      p->p = p->u->phases.at[i];
      if (hw_shared_by(p->p, n) != kind)
        continue;
      const char *now = valid_text(p, n->start);
      start = start ? arena_printf(p->a, "%s || %s", start, now) : now;
      v_line(p, "  if (%s) begin", now);
      for (int m = 0; m < operands; m++)
        v_line(p, "    %s_%c = %s;", name, "abe"[m], wide_at(p, n->in[m], n->start, s->in[m]));
      v_line(p, "  end");
    }
  v_line(p, "end");
  return start;
}

void print_shared_units(struct printer *p) {
  const struct hw_shared *mul = &p->u->shared[SHARED_MULSHIFT], *div = &p->u->shared[SHARED_IDIV];
  const struct hw_shared *root = &p->u->shared[SHARED_ISQRT], *log = &p->u->shared[SHARED_ILOG2];
  if (mul->users || div->users || root->users || log->users)
    v_comment(p, "units that the phases of scalars share");
  if (mul->users) {
    print_operands(p, SHARED_MULSHIFT, 3);
    v_line(p, "tern_mulshift #(.A(%d), .B(%d), .BITS(%d), .E(%d), .E_MIN(%lld), .E_MAX(%lld))", mul->in[0],
           mul->in[1], mul->out, mul->in[2], (long long)mul->e_least, (long long)mul->e_most);
    v_line(p, "  mul (.clk(clk), .enable(running), .a(mul_a), .b(mul_b), .e(mul_e), .q(mul_q));");
  }
  if (div->users) {
    const char *start = print_operands(p, SHARED_IDIV, 2);
    v_line(p, "wire div_unused_ready, div_unused_valid;");
    v_line(p, "tern_idiv #(.A(%d), .B(%d), .BITS(%d)) div (.clk(clk), .aresetn(aresetn), .start(%s),",
           div->in[0], div->in[1], div->out, start);
    v_line(p, "  .ready(div_unused_ready), .a(div_a), .b(div_b), .valid(div_unused_valid), .q(div_q));");
  }
  if (root->users) {
    const char *start = print_operands(p, SHARED_ISQRT, 1);
    v_line(p, "wire sqrt_unused_ready, sqrt_unused_valid;");
    v_line(p, "tern_isqrt #(.A(%d), .BITS(%d)) sqrt (.clk(clk), .aresetn(aresetn), .start(%s),", root->in[0],
           root->out, start);
    v_line(p, "  .ready(sqrt_unused_ready), .a(sqrt_a), .valid(sqrt_unused_valid), .q(sqrt_q));");
  }
  if (log->users) {
    print_operands(p, SHARED_ILOG2, 1);
    int bits = address_bits(log->in[0]);
    v_line(p, "wire [%d:0] log_q0;", bits - 1);
    v_line(p, "tern_lz #(.A(%d)) log (.a(log_a), .q(log_q0));", log->in[0]);
    v_line(p, "assign log_q = {1'b0, log_q0};");
  }
}
