/* print_values.c: the values of a phase's nodes: loads, fields of the record, indices and operators. */
#include "backends/hardware/streaming/phase.h"

#include "backends/lower/index.h"
#include "backends/lower/lower.h"
#include "ir/curve.h"
#include <stdlib.h>
#include <string.h>

/* ---- loads ----------------------------------------------------------------------------------------- */

static const char *port_data(const struct hw_printer *p, const struct hw_node *n) {
  return arena_printf(p->a, "%s_read%d_data", n->buffer->name, n->port);
}

void print_address(struct hw_printer *p, const struct hw_node *n) {
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
static void print_scalar_load(struct hw_printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n);
  int width = node_width(n), lanes = p->h->options.vector;
  if (lanes == 1) {
    v_line(p, "reg %s[%d:0] %s;", is_truth(n) ? "" : "signed ", width - 1, name);
    v_line(p, "always @(posedge clk) %s%s <= %s;", phase_when(p, 2), name, port_data(p, n));
    return;
  }
  const char *lane = phase_bits_later(p, arena_printf(p->a, "%s_lane", name), address_bits(lanes), 2);
  v_line(p, "wire [%d:0] %s_picked;", width - 1, name);
  v_line(p, "tern_pick #(.WIDTH(%d), .LANES(%d)) pick_%s (.word(%s), .lane(%s), .q(%s_picked));", width,
         lanes, name, port_data(p, n), lane, name);
  if (is_truth(n))
    v_line(p, "reg %s;", name);
  else
    v_line(p, "reg signed [%d:0] %s;", width - 1, name);
  v_line(p, "always @(posedge clk) %s%s <= %s_picked;", phase_when(p, 2), name, name);
}

/* ---- values ---------------------------------------------------------------------------------------- */

void phase_declare(const struct hw_printer *p, const struct hw_node *n, const char *kind) {
  const char *name = node_name(p->a, p->u, n);
  if (is_truth(n))
    v_line(p, "%s %s;", kind, name);
  else
    v_line(p, "%s signed [%d:0] %s;", kind, node_width(n) - 1, name);
}

static void assign(const struct hw_printer *p, const struct hw_node *n, int time, const char *text) {
  phase_declare(p, n, "reg");
  v_line(p, "always @(posedge clk) %s%s <= %s;", phase_when(p, time), node_name(p->a, p->u, n), text);
}

/* Fits `full`, a signed wire of that many bits, to the node's width: saturates where bits are lost. */
const char *phase_fitted(const struct hw_printer *p, const struct hw_node *n, const char *full, int bits) {
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
static void print_sum_of(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int full = most(node_width(n->in[0]), node_width(n->in[1])) + 1;
  struct interval a = n->in[0]->range, b = n->in[1]->range;
  struct interval exact = n->code == OP_IADD ? (struct interval){a.lo + b.lo, a.hi + b.hi}
                                             : (struct interval){a.lo - b.hi, a.hi - b.lo};
  if (bits_of(exact) < full && bits_of(exact) >= most(node_width(n->in[0]), node_width(n->in[1])))
    full--;
  v_line(p, "wire signed [%d:0] %s_full = %s %c %s;", full - 1, name, phase_wide(p, n->in[0], t, full),
         n->code == OP_IADD ? '+' : '-', phase_wide(p, n->in[1], t, full));
  assign(p, n, t, phase_fitted(p, n, arena_printf(p->a, "%s_full", name), full));
}

static void print_extreme(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  const char *a = phase_wide(p, n->in[0], t, full), *b = phase_wide(p, n->in[1], t, full);
  v_line(p, "wire signed [%d:0] %s_full = $signed(%s) %c $signed(%s) ? %s : %s;", full - 1, name, a,
         n->code == OP_IMIN ? '<' : '>', b, a, b);
  assign(p, n, t, phase_fitted(p, n, arena_printf(p->a, "%s_full", name), full));
}

static void print_compare(struct hw_printer *p, const struct hw_node *n, int t) {
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  const char *sign = n->code == OP_ILT ? "<" : n->code == OP_ILE ? "<=" : "==";
  assign(p, n, t,
         arena_printf(p->a, "$signed(%s) %s $signed(%s)", phase_wide(p, n->in[0], t, full), sign,
                      phase_wide(p, n->in[1], t, full)));
}

static void print_select(struct hw_printer *p, const struct hw_node *n, int t) {
  int width = node_width(n);
  assign(p, n, t,
         arena_printf(p->a, "%s ? %s : %s", phase_text(p, n->in[0], t), phase_wide(p, n->in[1], t, width),
                      phase_wide(p, n->in[2], t, width)));
}

static void print_convert(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  v_line(p, "wire signed [%d:0] %s = %s;", node_width(n) - 1, name,
         phase_wide(p, n->in[0], t, node_width(n)));
}

static void print_mulshift(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  const struct hw_node *e = n->in[2];
  int64_t least = e->range.lo < -62 ? -62 : e->range.lo > 62 ? 62 : e->range.lo;
  int64_t top = e->range.hi > 62 ? 62 : e->range.hi < -62 ? -62 : e->range.hi;
  phase_declare(p, n, "wire");
  v_line(p, "tern_mulshift #(.A(%d), .B(%d), .BITS(%d), .E(%d), .E_MIN(%lld), .E_MAX(%lld))",
         node_width(n->in[0]), node_width(n->in[1]), node_width(n), node_width(e), (long long)least,
         (long long)top);
  v_line(p, "  op_%s (.clk(clk), .enable(%s), .a(%s), .b(%s), .e(%s), .q(%s));", name, phase_on(p),
         phase_text(p, n->in[0], t), phase_text(p, n->in[1], t), phase_text(p, e, t), name);
}

static void print_curve(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  struct curve_shape s = curve_shape(&n->expr->attr);
  int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1];
  int count = curve_table(&n->expr->attr, y);
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  int value = most(bits_of(r), 2);
  phase_declare(p, n, "wire");
  fprintf(
      p->out,
      "%*stern_curve #(.A(%d), .LO(%s40'd%lld), .DOMAIN(%d), .SEGMENTS(%d), .VALUE(%d), .BITS(%d), .TABLE({",
      2 * p->indent, "", node_width(n->in[0]), s.first < 0 ? "-" : "",
      (long long)(s.first < 0 ? -s.first : s.first), s.s + s.h, s.s, value, node_width(n));
  for (int i = count - 1; i >= 0; i--) /* entry 0 in the low bits */
    fprintf(p->out, "%s%s", (count - 1 - i) % 16 == 0 ? "\n      " : "",
            arena_printf(p->a, "%s%s", literal(p->a, y[i], value), i ? ", " : ""));
  fprintf(p->out, "}))\n");
  v_line(p, "  op_%s (.clk(clk), .enable(%s), .a(%s), .q(%s));", name, phase_on(p),
         phase_text(p, n->in[0], t), name);
}

/* One bit a clock where there is one iteration, else pipelined. */
static void print_slow(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  bool div = n->code == OP_IDIV;
  const char *module = div ? "tern_idiv" : "tern_isqrt";
  const char *width = div ? arena_printf(p->a, ".A(%d), .B(%d)", node_width(n->in[0]), node_width(n->in[1]))
                          : arena_printf(p->a, ".A(%d)", node_width(n->in[0]));
  const char *in = arena_printf(p->a, ".a(%s)", phase_text(p, n->in[0], t));
  if (div)
    in = arena_printf(p->a, "%s, .b(%s)", in, phase_text(p, n->in[1], t));
  phase_declare(p, n, "wire");
  if (p->p->single) {
    v_line(p, "wire %s_unused_ready, %s_unused_valid;", name, name);
    v_line(p, "%s #(%s, .BITS(%d)) op_%s (.clk(clk), .aresetn(aresetn), .start(%s),", module, width,
           node_width(n), name, phase_valid(p, t));
    v_line(p, "  .ready(%s_unused_ready), .valid(%s_unused_valid), %s, .q(%s));", name, name, in, name);
  } else {
    v_line(p, "%s_pipe #(%s, .BITS(%d)) op_%s (.clk(clk), .enable(%s), %s, .q(%s));", module, width,
           node_width(n), name, phase_on(p), in, name);
  }
}

static void print_log2(struct hw_printer *p, const struct hw_node *n, int t) {
  const char *name = node_name(p->a, p->u, n);
  int a = node_width(n->in[0]), q = address_bits(a);
  v_line(p, "wire [%d:0] %s_q0;", q - 1, name);
  v_line(p, "tern_lz #(.A(%d)) op_%s (.a(%s), .q(%s_q0));", a, name, phase_text(p, n->in[0], t), name);
  v_line(p, "wire signed [%d:0] %s_full = {1'b0, %s_q0};", q, name, name);
  assign(p, n, t, phase_fitted(p, n, arena_printf(p->a, "%s_full", name), q + 1));
}

const char *const shared_unit_names[] = {
    [SHARED_MULSHIFT] = "mul", [SHARED_IDIV] = "div", [SHARED_ISQRT] = "sqrt", [SHARED_ILOG2] = "log"};

/* Its operands go to the kernel's unit at their time; here is the register of the result. */
static void print_shared_user(struct hw_printer *p, const struct hw_node *n, enum shared_unit kind) {
  const struct hw_shared *s = &p->u->shared[kind];
  const char *q = arena_printf(p->a, "%s_q", shared_unit_names[kind]);
  int bits = kind == SHARED_ILOG2 ? address_bits(s->in[0]) + 1 : s->out;
  assign(p, n, n->start + s->latency, phase_fitted(p, n, q, bits));
}

static void print_op(struct hw_printer *p, const struct hw_node *n) {
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

static const char *record_bits(const struct hw_printer *p, const struct hw_node *n) {
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
static void print_index_node(struct hw_printer *p, const struct hw_node *n) {
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
void print_delays(struct hw_printer *p, const struct hw_node *n) {
  int width = node_width(n), count = n->needed - n->time;
  if (p->p->single || n->time == TIME_ALWAYS || count <= 0)
    return;
  const char *name = node_name(p->a, p->u, n);
  v_line(p, "reg [%d:0] %s_q;", count * width - 1, name);
  if (count == 1)
    v_line(p, "always @(posedge clk) if (%s) %s_q <= %s;", phase_on(p), name, name);
  else
    v_line(p, "always @(posedge clk) if (%s) %s_q <= {%s_q[%d:0], %s};", phase_on(p), name, name,
           (count - 1) * width - 1, name);
}

/* For later phases. */
void print_kept(struct hw_printer *p, const struct hw_node *n) {
  const char *name = node_name(p->a, p->u, n);
  int width = node_width(n);
  v_line(p, "assign %s = %s;",
         to_outside(p, arena_printf(p->a, "%s_kept", name), width,
                    arena_printf(p->a, "%s_all[lane * %d +: %d]", name, width, width)),
         name);
}

void print_node(struct hw_printer *p, const struct hw_node *n) {
  switch (n->kind) {
  case HW_NODE_LOAD:
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
  case HW_NODE_WEIGHT: assign(p, n, 0, record_bits(p, n)); break;
  case HW_NODE_INDEX: print_index_node(p, n); break;
  case HW_NODE_OP: print_op(p, n); break;
  default: return;
  }
  print_delays(p, n);
  if (n->held && n->wide)
    print_kept(p, n);
}
