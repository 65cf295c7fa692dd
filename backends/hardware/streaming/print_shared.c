/* print_shared.c: the units that a kernel's phases of scalars share. */
#include "backends/hardware/streaming/phase.h"

void declare_shared_units(struct hw_printer *p) {
  for (int kind = 0; kind < SHARED_COUNT; kind++) {
    const struct hw_shared *s = &p->u->shared[kind];
    if (!s->users)
      continue;
    int bits = kind == SHARED_ILOG2 ? address_bits(s->in[0]) + 1 : s->out;
    v_line(p, "wire signed [%d:0] %s_q;", bits - 1, shared_unit_names[kind]);
  }
}

/* Operands of the node that begins in this clock. */
static const char *print_operands(struct hw_printer *p, enum shared_unit kind, int operands) {
  const struct hw_shared *s = &p->u->shared[kind];
  const char *name = shared_unit_names[kind], *start = NULL;
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
      const char *now = phase_valid(p, n->start);
      start = start ? arena_printf(p->a, "%s || %s", start, now) : now;
      v_line(p, "  if (%s) begin", now);
      for (int m = 0; m < operands; m++)
        v_line(p, "    %s_%c = %s;", name, "abe"[m], phase_wide(p, n->in[m], n->start, s->in[m]));
      v_line(p, "  end");
    }
  v_line(p, "end");
  return start;
}

void print_shared_units(struct hw_printer *p) {
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
