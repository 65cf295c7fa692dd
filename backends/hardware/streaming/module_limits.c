/* module_limits.c: the widths that the headers of rtl/ document, held against a planned design: nothing is
 * printed that a module does not take. */
#include "backends/hardware/streaming/printer.h"

struct limit {
  enum opcode code;
  int in, out; /* most bits of an operand, of the result */
};

static const struct limit limits[] = {
    {OP_MULSHIFT, 32, 32}, {OP_CURVE, 33, 33}, {OP_IDIV, 64, 64}, {OP_ISQRT, 64, 64}, {OP_ILOG2, 64, 32}};
enum { LIMITS = sizeof limits / sizeof *limits, MOST_CODE_BITS = 16 };

static bool node_fits(struct diag *d, const struct hw_node *n) {
  for (int i = 0; i < LIMITS; i++) {
    int widest = 0, out = node_width(n);
    if (n->kind != HW_NODE_OP || limits[i].code != n->code)
      continue;
    for (int k = 0; k < n->n_in; k++)
      widest = node_width(n->in[k]) > widest ? node_width(n->in[k]) : widest;
    if (widest <= limits[i].in && out <= limits[i].out)
      continue;
    diag_at(d, SEVERITY_ERROR, n->expr->at,
            "'%s' has operands of %d bits and a result of %d here; the streaming machine's takes %d and %d. "
            "Fewer bits (--fixed-bits) fit",
            op_info[n->code].text, widest, out, limits[i].in, limits[i].out);
    return false;
  }
  return true;
}

static bool sum_fits(struct diag *d, const struct hw_unit *u) {
  if (u->in->bits <= MOST_CODE_BITS)
    return true;
  diag_at(d, SEVERITY_ERROR, u->kernel->at,
          "a ternary sum of codes of %d bits; the streaming machine's sum engine takes %d. Quantise to fewer "
          "bits",
          u->in->bits, MOST_CODE_BITS);
  return false;
}

bool hw_within_limits(const struct hw_design *h, struct diag *d) {
  bool ok = true;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind == HW_UNIT_SUM)
      ok &= sum_fits(d, u);
    for (int k = 0; k < u->phases.n; k++)
      for (int n = 0; n < u->phases.at[k]->nodes.n; n++)
        ok &= node_fits(d, u->phases.at[k]->nodes.at[n]);
  }
  return ok;
}
