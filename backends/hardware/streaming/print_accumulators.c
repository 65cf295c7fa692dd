/* print_accumulators.c: sums and extremes over a loop's iterations, and over the lanes by a tree. */
#include "backends/hardware/streaming/phase.h"

static const char *acc_identity(const struct hw_printer *p, const struct hw_node *n, int width) {
  return n->acc->how == ACC_MAX ? literal(p->a, interval_of_bits(width).lo, width) : literal(p->a, 0, width);
}

/* The element as the accumulator takes it, in the accumulator's width. */
const char *acc_element(struct hw_printer *p, const struct hw_node *n) {
  const struct hw_node *e = n->element;
  int t = n->time - n->latency, width = node_width(n), bits = node_width(e) + 1;
  if (n->acc->how != ACC_ABSMAX)
    return phase_wide(p, e, t, width);
  const char *name = node_name(p->a, p->u, n), *x = phase_wide(p, e, t, bits);
  v_line(p, "wire signed [%d:0] %s_abs = $signed(%s) < 0 ? -$signed(%s) : $signed(%s);", bits - 1, name, x, x,
         x);
  return phase_fitted(p, n, arena_printf(p->a, "%s_abs", name), bits);
}

/* In a lane: its part of the vector that the tree takes; lanes beyond the loop's end give the identity. */
void print_acc_part(struct hw_printer *p, const struct hw_node *n) {
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

static void print_combine(const struct hw_printer *p, const struct hw_node *n, const char *a, const char *b,
                          const char *to) {
  if (n->acc->how == ACC_SUM)
    v_line(p, "%s <= %s + %s;", to, a, b);
  else
    v_line(p, "%s <= $signed(%s) > $signed(%s) ? %s : %s;", to, a, b, a, b);
}

/* Pairs of lanes, pairs of pairs, ...; the name of the last. */
const char *print_tree(struct hw_printer *p, const struct hw_node *n) {
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
    v_line(p, "if (%s)", phase_on(p));
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
void print_acc(struct hw_printer *p, const struct hw_node *n, const char *element) {
  const char *name = node_name(p->a, p->u, n);
  const struct hw_level *v = p->p->levels[n->acc_level - 1];
  int t = n->time - 1;
  const char *counter = phase_counter(p, v);
  const char *first = v->steps == 1 ? NULL : arena_printf(p->a, "%s == 0", counter);
  first = phase_flag_later(p, arena_printf(p->a, "%s_first", name), first, t);
  const char *on = phase_flag_later(p, arena_printf(p->a, "%s_on", name), phase_at_last(p, n->acc_level), t);
  phase_declare(p, n, "reg");
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (%s%s%s) begin", phase_valid(p, t), on ? " && " : "", on ? on : "");
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
