/* emission_expr.c: names and expressions. Every operand is written with exactly the width of its place, so
 * that no tool has to extend or cut anything. */
#include "backends/hardware/unrolled/emission.h"

#include <string.h>

const char *net_wire(const struct emission *e, ref root, int delay) {
  return delay ? arena_printf(e->arena, "%s_d%d", e->name[root], delay) : e->name[root];
}

const char *net_range_text(const struct emission *e, net_mask bits) {
  return bits == 1 ? "" : arena_printf(e->arena, "[%d:%d] ", net_mask_high(bits), net_mask_low(bits));
}

static const char *constant_text(const struct emission *e, uint64_t bits, int width) {
  if (width < 64)
    bits &= ((uint64_t)1 << width) - 1;
  return width == 1 || bits < 10 ? arena_printf(e->arena, "%d'd%llu", width, (unsigned long long)bits)
                                 : arena_printf(e->arena, "%d'h%llx", width, (unsigned long long)bits);
}

/* Bits low .. high of a root's wire after `delay` registers. */
static const char *slice_text(const struct emission *e, ref root, int delay, int low, int high) {
  const char *name = net_wire(e, root, delay);
  const struct net_delays *d = &e->schedule->delays[root];
  int first = delay ? net_mask_low(d->after.at[delay - 1]) : 0;
  int last = delay ? net_mask_high(d->after.at[delay - 1]) : net_width(e->net, root) - 1;
  if (low == first && high == last)
    return name;
  return low == high ? arena_printf(e->arena, "%s[%d]", name, low)
                     : arena_printf(e->arena, "%s[%d:%d]", name, high, low);
}

const char *net_bits_text(const struct emission *e, ref operand, int stage, int from, int count) {
  const struct net_node *x = net_at(e->net, operand);
  if (x->kind == NET_CONST)
    return constant_text(e, (uint64_t)(x->lo >> (from > 63 ? 63 : from)), count);
  bool is_view = x->kind == NET_VIEW;
  ref root = net_root(e->net, operand);
  int delay = stage - net_at(e->net, root)->stage;
  int low = is_view ? x->low : 0, shift = is_view ? x->shift : 0;
  int bits = is_view ? x->bits : net_width(e->net, operand);
  const char *part[3];
  int parts = 0, end = from + count;
  if (end > shift + bits) { /* above: sign or zeros */
    int extra = end - (from > shift + bits ? from : shift + bits);
    const char *sign = x->lo < 0 ? slice_text(e, root, delay, low + bits - 1, low + bits - 1) : NULL;
    part[parts++] = !sign       ? constant_text(e, 0, extra)
                    : extra > 1 ? arena_printf(e->arena, "{%d{%s}}", extra, sign)
                                : sign;
    end = shift + bits;
  }
  int first = from > shift ? from : shift;
  if (end > first)
    part[parts++] = slice_text(e, root, delay, low + first - shift, low + end - 1 - shift);
  if (from < shift)
    part[parts++] = constant_text(e, 0, (from + count < shift ? from + count : shift) - from);
  if (parts == 1)
    return part[0];
  return parts == 2 ? arena_printf(e->arena, "{%s, %s}", part[0], part[1])
                    : arena_printf(e->arena, "{%s, %s, %s}", part[0], part[1], part[2]);
}

/* ---- operators --------------------------------------------------------------------------------------- */

static const char *low_bits(const struct emission *e, ref user, int i, int count) {
  const struct net_node *x = net_at(e->net, user);
  return net_bits_text(e, x->in[i], x->stage, 0, count);
}

static const char *sum_text(const struct emission *e, ref r) {
  const struct net_node *x = net_at(e->net, r);
  bool of_second;
  int w = net_width(e->net, r), passed = net_passed_bits(e->net, r, &of_second);
  const char *low = passed ? net_bits_text(e, x->in[of_second], x->stage, 0, passed) : NULL;
  if (net_is_concat(e->net, r))
    return arena_printf(e->arena, "{%s, %s}",
                        net_bits_text(e, x->in[!of_second], x->stage, passed, w - passed), low);
  if (passed == w)
    return low;
  const char *text =
      arena_printf(e->arena, "%s %c %s", net_bits_text(e, x->in[0], x->stage, passed, w - passed),
                   x->kind == NET_ADD ? '+' : '-', net_bits_text(e, x->in[1], x->stage, passed, w - passed));
  return passed ? arena_printf(e->arena, "{%s, %s}", text, low) : text;
}

/* The width at which two operands compare, and whether as signed numbers. */
static int compare_width(const struct emission *e, ref r, bool *is_signed) {
  const struct net_node *x = net_at(e->net, r);
  bool sa = net_signed(e->net, x->in[0]), sb = net_signed(e->net, x->in[1]);
  *is_signed = sa || sb;
  int wa = net_width(e->net, x->in[0]) + (*is_signed && !sa),
      wb = net_width(e->net, x->in[1]) + (*is_signed && !sb);
  return wa > wb ? wa : wb;
}

static const char *compare_text(const struct emission *e, ref r) {
  bool is_signed;
  int w = compare_width(e, r, &is_signed);
  const char *a = low_bits(e, r, 0, w), *b = low_bits(e, r, 1, w);
  if (net_at(e->net, r)->kind == NET_EQ)
    return arena_printf(e->arena, "%s == %s", a, b);
  return arena_printf(e->arena, is_signed ? "$signed(%s) < $signed(%s)" : "%s < %s", a, b);
}

static const char *product_text(const struct emission *e, ref r) {
  int w = net_width(e->net, r);
  bool is_signed =
      net_signed(e->net, net_at(e->net, r)->in[0]) || net_signed(e->net, net_at(e->net, r)->in[1]);
  return arena_printf(e->arena, is_signed ? "$signed(%s) * $signed(%s)" : "%s * %s", low_bits(e, r, 0, w),
                      low_bits(e, r, 1, w));
}

static const char *select_text(const struct emission *e, ref r) {
  const struct net_node *x = net_at(e->net, r);
  int w = net_width(e->net, r);
  int64_t a = -1, b = -1;
  bool ca = net_is_const(e->net, x->in[1], &a), cb = net_is_const(e->net, x->in[2], &b);
  const char *c = low_bits(e, r, 0, 1);
  if (w == 1 && ca && cb) /* 0 : 1; the other way round it is the condition itself */
    return arena_printf(e->arena, "~%s", c);
  bool gate_a = cb && b == 0, gate_b = ca && a == 0;
  if (gate_a || gate_b) {
    const char *m = w == 1 ? arena_printf(e->arena, "%s%s", gate_b ? "~" : "", c)
                           : arena_printf(e->arena, "{%d{%s%s}}", w, gate_b ? "~" : "", c);
    return arena_printf(e->arena, "%s & %s", m, low_bits(e, r, gate_a ? 1 : 2, w));
  }
  return arena_printf(e->arena, "%s ? %s : %s", c, low_bits(e, r, 1, w), low_bits(e, r, 2, w));
}

static int power(int64_t v) { /* k where v == 2^k, else -1 */
  return v > 0 && (v & (v - 1)) == 0 ? __builtin_ctzll((uint64_t)v) : -1;
}

/* The condition under which a clamp's operand is above `most`, or below `least`: looks at the upper bits
 * where the bound is a power of two. */
static const char *beyond_text(const struct emission *e, ref r, bool above) {
  const struct net_node *x = net_at(e->net, r);
  int w = net_width(e->net, x->in[0]);
  bool is_signed = net_signed(e->net, x->in[0]);
  const char *sign = net_bits_text(e, x->in[0], x->stage, w - 1, 1);
  int k = above ? power(x->most + 1) : power(-x->least), upper = w - is_signed - k;
  if (above && k >= 0 && upper > 0) {
    const char *bits = net_bits_text(e, x->in[0], x->stage, k, upper);
    return is_signed ? arena_printf(e->arena, "~%s & |%s", sign, bits) : arena_printf(e->arena, "|%s", bits);
  }
  if (!above && x->least == 0)
    return sign;
  if (!above && k >= 0 && upper > 0)
    return arena_printf(e->arena, "%s & ~&%s", sign, net_bits_text(e, x->in[0], x->stage, k, upper));
  int wide = is_signed ? w : w + 1;
  return arena_printf(e->arena, "$signed(%s) %c $signed(%s)", net_bits_text(e, x->in[0], x->stage, 0, wide),
                      above ? '>' : '<', constant_text(e, (uint64_t)(above ? x->most : x->least), wide));
}

static const char *clamp_text(const struct emission *e, ref r) {
  const struct net_node *x = net_at(e->net, r), *y = net_at(e->net, x->in[0]);
  int w = net_width(e->net, r);
  const char *text = net_bits_text(e, x->in[0], x->stage, 0, w);
  if (y->hi > x->most)
    text = arena_printf(e->arena, "(%s) ? %s : %s", beyond_text(e, r, true),
                        constant_text(e, (uint64_t)x->most, w), text);
  if (y->lo < x->least)
    text = arena_printf(e->arena, "(%s) ? %s : %s", beyond_text(e, r, false),
                        constant_text(e, (uint64_t)x->least, w), text);
  return text;
}

const char *net_node_text(const struct emission *e, ref r) {
  switch (net_at(e->net, r)->kind) {
  case NET_ADD:
  case NET_SUB: return sum_text(e, r);
  case NET_MUL: return product_text(e, r);
  case NET_NOT: return arena_printf(e->arena, "~%s", low_bits(e, r, 0, net_width(e->net, r)));
  case NET_LT:
  case NET_EQ: return compare_text(e, r);
  case NET_SELECT: return select_text(e, r);
  default: return clamp_text(e, r);
  }
}
