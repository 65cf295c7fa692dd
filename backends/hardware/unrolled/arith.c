/* arith.c: products, quotients, roots and choices in terms of nodes. */
#include "backends/hardware/unrolled/netlist.h"

#include <stdlib.h>
#include <string.h>

/* ---- sums of terms ----------------------------------------------------------------------------------- */

static bool earlier(const struct netlist *n, const struct net_term *a, const struct net_term *b) {
  int da = net_at(n, a->node)->depth, db = net_at(n, b->node)->depth;
  if (da != db)
    return da < db;
  return net_width(n, a->node) + a->shift < net_width(n, b->node) + b->shift;
}

/* Puts a term into term[0 .. count - 1], which is in order, behind its equals. */
static void insert_term(const struct netlist *n, struct net_term *term, int count, struct net_term t) {
  int at = count;
  while (at > 0 && earlier(n, &t, &term[at - 1])) {
    term[at] = term[at - 1];
    at--;
  }
  term[at] = t;
}

static struct net_term add_terms(struct netlist *n, struct net_term a, struct net_term b) {
  int shift = a.shift < b.shift ? a.shift : b.shift;
  ref x = net_shl(n, a.node, a.shift - shift), y = net_shl(n, b.node, b.shift - shift);
  if (a.negative == b.negative)
    return (struct net_term){net_add(n, x, y), a.negative, shift};
  return (struct net_term){a.negative ? net_sub(n, y, x) : net_sub(n, x, y), false, shift};
}

ref net_sum(struct netlist *n, const struct net_term *term, int count) {
  struct net_term *left = xmalloc(sizeof *left * (size_t)(count + 1));
  int64_t constant = 0;
  int k = 0;
  for (int i = 0; i < count; i++) {
    int64_t v;
    if (net_is_const(n, term[i].node, &v))
      constant += (term[i].negative ? -v : v) * ((int64_t)1 << term[i].shift);
    else
      insert_term(n, left, k++, term[i]);
  }
  while (k > 1) {
    struct net_term t = add_terms(n, left[0], left[1]);
    k -= 2;
    memmove(left, left + 2, sizeof *left * (size_t)k);
    insert_term(n, left, k++, t);
  }
  ref sum = net_const(n, constant);
  if (k) {
    ref x = net_shl(n, left[0].node, left[0].shift);
    sum = left[0].negative ? net_sub(n, sum, x) : net_add(n, x, sum);
  }
  free(left);
  return sum;
}

/* ---- products ---------------------------------------------------------------------------------------- */

/* a * c by the canonical signed digits of c: no two digits that are not zero stand side by side, so at most
 * half of them are. */
static ref times_constant(struct netlist *n, ref a, int64_t c) {
  struct net_term term[64];
  int count = 0;
  for (int shift = 0; c; shift++, c >>= 1)
    if (c & 1) {
      bool minus = (c & 3) == 3;
      term[count++] = (struct net_term){a, minus, shift};
      c += minus ? 1 : -1;
    }
  return net_sum(n, term, count);
}

/* a * a for a >= 0: row i is a's bit i times (the bits above it, twice, and itself once). */
static ref square(struct netlist *n, ref a) {
  struct net_term row[64];
  int w = net_width(n, a);
  int64_t hi = net_at(n, a)->hi;
  for (int i = 0; i < w; i++) {
    ref above = net_add(n, net_shl(n, net_shr(n, a, i + 1), 2), net_const(n, 1));
    row[i] = (struct net_term){net_select(n, net_bit(n, a, i), above, net_const(n, 0)), false, 2 * i};
  }
  int before = n->nodes.n;
  ref sum = net_sum(n, row, w);
  return net_bound(n, sum, before, 0, hi * hi);
}

static ref product(struct netlist *n, ref a, ref b) {
  struct net_term row[64];
  int w = net_width(n, b);
  for (int i = 0; i < w; i++)
    row[i] = (struct net_term){net_select(n, net_bit(n, b, i), a, net_const(n, 0)),
                               i == w - 1 && net_signed(n, b), i};
  const struct net_node x = *net_at(n, a), y = *net_at(n, b);
  int64_t corner[4] = {x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi}, lo = corner[0], hi = corner[0];
  for (int i = 1; i < 4; i++) {
    lo = corner[i] < lo ? corner[i] : lo;
    hi = corner[i] > hi ? corner[i] : hi;
  }
  int before = n->nodes.n;
  ref sum = net_sum(n, row, w);
  return net_bound(n, sum, before, lo, hi);
}

ref net_mul(struct netlist *n, ref a, ref b) {
  int64_t v;
  if (net_width(n, a) + net_width(n, b) > 62) {
    n->too_wide = true;
    return a;
  }
  if (net_is_const(n, a, &v))
    return times_constant(n, b, v);
  if (net_is_const(n, b, &v))
    return times_constant(n, a, v);
  if (n->multiplier == MULTIPLIER_BLOCK && net_width(n, a) > 4 && net_width(n, b) > 4)
    return net_multiplier(n, a, b);
  if (a == b) {
    ref magnitude = net_abs(n, a);
    return square(n, magnitude);
  }
  if (net_width(n, a) < net_width(n, b) || (net_width(n, a) == net_width(n, b) && a < b))
    return product(n, b, a);
  return product(n, a, b);
}

/* ---- shifts ------------------------------------------------------------------------------------------ */

/* floor(a * 2^-e) for e >= 0: a stage for each bit of e. */
static ref shift_right(struct netlist *n, ref a, ref e) {
  int bits = net_width(n, e);
  for (int i = 0; i < bits; i++)
    a = net_select(n, net_bit(n, e, i), net_shr(n, a, i < 6 ? 1 << i : 63), a);
  return a;
}

/* a * 2^by, brought into `bits` bits. What would leave them is brought to their bounds before the shift,
 * which so needs one bit more at most: -2^(bits-1-by) gives the least number exactly, and 2^(bits-1-by) more
 * than the greatest. */
static ref shift_left_saturating(struct netlist *n, ref a, int by, int bits) {
  int64_t bound = by < bits - 1 ? (int64_t)1 << (bits - 1 - by) : 1;
  if (net_width(n, a) + by > 60)
    a = net_clamp(n, a, -bound, bound);
  return net_clamp(n, net_shl(n, a, by < bits ? by : bits), -((int64_t)1 << (bits - 1)),
                   ((int64_t)1 << (bits - 1)) - 1);
}

static ref round_constant_shift(struct netlist *n, ref a, int by) {
  for (; by > 0 && net_zeros(n, a) > 0 && net_zeros(n, a) < 62; by--)
    a = net_shr(n, a, 1);
  if (by == 0)
    return a;
  const struct net_node *x = net_at(n, a);
  int64_t c;
  if (x->kind == NET_ADD && net_is_const(n, x->in[1], &c) && c == -((int64_t)1 << (by - 1)))
    return net_shr(n, x->in[0], by); /* the half that rounding adds was taken off before */
  return net_add(n, net_shr(n, a, by), net_bit(n, a, by - 1));
}

/* To the right by e where it is positive, to the left by -e where it is negative. */
static ref shift_both(struct netlist *n, ref a, ref e, int bits) {
  const struct net_node range = *net_at(n, e);
  ref right = net_clamp(n, net_add(n, e, net_const(n, -1)), 0, INT64_MAX), shifted = shift_right(n, a, right);
  ref rounded = net_add(n, net_shr(n, shifted, 1), net_bit(n, shifted, 0));
  ref is_left = net_lt(n, e, net_const(n, 1));
  ref result = net_select(n, is_left, a, rounded);
  ref left = net_clamp(n, net_sub(n, net_const(n, 0), e), 0, INT64_MAX);
  for (int i = 0; range.lo < 0 && i < net_width(n, left); i++) /* bounds that were met once stay met */
    result = net_select(n, net_bit(n, left, i), shift_left_saturating(n, result, 1 << i, bits), result);
  return result;
}

ref net_scale(struct netlist *n, ref a, ref e, int bits) {
  int64_t v, most = ((int64_t)1 << (bits - 1)) - 1;
  if (!net_is_const(n, e, &v))
    return net_clamp(n, shift_both(n, a, e, bits), -most - 1, most);
  return v < 0 ? shift_left_saturating(n, a, (int)-v, bits)
               : net_clamp(n, round_constant_shift(n, a, (int)v), -most - 1, most);
}

/* ---- magnitudes -------------------------------------------------------------------------------------- */

ref net_min(struct netlist *n, ref a, ref b) {
  int64_t v;
  if (net_is_const(n, a, &v))
    return net_clamp(n, b, INT64_MIN, v);
  if (net_is_const(n, b, &v))
    return net_clamp(n, a, INT64_MIN, v);
  const struct net_node x = *net_at(n, a), y = *net_at(n, b);
  int before = n->nodes.n;
  ref least = net_select(n, net_lt(n, a, b), a, b);
  return net_bound(n, least, before, INT64_MIN, x.hi < y.hi ? x.hi : y.hi);
}

ref net_max(struct netlist *n, ref a, ref b) {
  int64_t v;
  if (net_is_const(n, a, &v))
    return net_clamp(n, b, v, INT64_MAX);
  if (net_is_const(n, b, &v))
    return net_clamp(n, a, v, INT64_MAX);
  const struct net_node x = *net_at(n, a), y = *net_at(n, b);
  int before = n->nodes.n;
  ref most = net_select(n, net_lt(n, a, b), b, a);
  return net_bound(n, most, before, x.lo > y.lo ? x.lo : y.lo, INT64_MAX);
}

/* a, or -1 - a where a is negative. */
static ref fold_sign(struct netlist *n, ref a, ref sign) {
  const struct net_node x = *net_at(n, a);
  int before = n->nodes.n;
  ref folded = net_select(n, sign, net_not(n, a), a);
  return net_bound(n, folded, before, 0, x.hi > ~x.lo ? x.hi : ~x.lo);
}

ref net_abs(struct netlist *n, ref a) {
  if (!net_signed(n, a))
    return a;
  ref sign = net_bit(n, a, 63), folded = fold_sign(n, a, sign);
  const struct net_node x = *net_at(n, a);
  int before = n->nodes.n;
  ref magnitude = net_add(n, folded, sign);
  return net_bound(n, magnitude, before, 0, x.hi > -x.lo ? x.hi : -x.lo);
}

/* ---- quotients and roots ----------------------------------------------------------------------------- */

/* r >= t: r - t, bit 1; else r, bit 0. The difference is made once: its sign is the comparison. */
static ref step_down(struct netlist *n, ref r, ref t, int64_t most, ref *bit) {
  ref difference = net_sub(n, r, t);
  ref sign = net_bit(n, difference, 63);
  *bit = net_eq(n, sign, net_const(n, 0));
  int before = n->nodes.n;
  ref left = net_select(n, sign, r, difference);
  return net_bound(n, left, before, 0, most);
}

/* Restoring division, a bit of the quotient a step. floor(a / b) = -1 - floor((-1 - a) / b) for a < 0. */
ref net_div(struct netlist *n, ref a, ref b) {
  b = net_clamp(n, b, 1, INT64_MAX);
  int64_t v;
  if (net_is_const(n, b, &v) && (v & (v - 1)) == 0)
    return net_shr(n, a, __builtin_ctzll((uint64_t)v));
  ref sign = net_bit(n, a, 63);
  ref u = net_signed(n, a) ? fold_sign(n, a, sign) : a;
  ref rest = net_const(n, 0), q = net_const(n, 0);
  int64_t most = net_at(n, u)->hi / net_at(n, b)->lo;
  for (int i = net_width(n, u) - 1; i >= 0; i--) {
    ref bit, taken = net_add(n, net_shl(n, rest, 1), net_bit(n, u, i));
    rest = step_down(n, taken, b, net_at(n, b)->hi - 1, &bit);
    int before = n->nodes.n;
    q = net_add(n, net_shl(n, q, 1), bit);
    net_bound(n, q, before, 0, most >> i);
  }
  const struct net_node x = *net_at(n, q);
  int before = n->nodes.n;
  ref signed_q = net_select(n, sign, net_not(n, q), q);
  return net_bound(n, signed_q, before, net_signed(n, a) ? ~x.hi : 0, x.hi);
}

/* Digit by digit: with the root so far q and the rest r, the next bit is 1 when 4 q + 1 fits in 4 r + the
 * next two bits; then r <= 2 q. */
ref net_sqrt(struct netlist *n, ref a) {
  a = net_clamp(n, a, 0, INT64_MAX);
  ref rest = net_const(n, 0), q = net_const(n, 0);
  for (int i = (net_width(n, a) - 1) / 2; i >= 0; i--) {
    ref pair = net_add(n, net_shl(n, net_bit(n, a, 2 * i + 1), 1), net_bit(n, a, 2 * i)), bit;
    ref taken = net_add(n, net_shl(n, rest, 2), pair);
    ref trial = net_add(n, net_shl(n, q, 2), net_const(n, 1));
    rest = step_down(n, taken, trial, 4 * net_at(n, q)->hi + 2, &bit);
    q = net_add(n, net_shl(n, q, 1), bit);
  }
  return q;
}

/* Halves the width that the highest bit can be in, a bit of the logarithm a step. */
ref net_log2(struct netlist *n, ref a) {
  ref x = net_abs(n, a), result = net_const(n, 0);
  for (int by = 32; by; by /= 2) {
    ref above = net_shr(n, x, by);
    ref some = net_eq(n, net_eq(n, above, net_const(n, 0)), net_const(n, 0));
    int64_t below = ((int64_t)1 << by) - 1, hi = net_at(n, x)->hi;
    int before = n->nodes.n;
    x = net_select(n, some, above, net_low(n, x, by, false));
    net_bound(n, x, before, 0, (hi >> by) > below ? hi >> by : below);
    result = net_add(n, net_shl(n, result, 1), some);
  }
  return result;
}

/* ---- choices ----------------------------------------------------------------------------------------- */

static ref choose_bit(struct netlist *n, ref i, int bit, const ref *value, int64_t count) {
  if (bit < 0 || count == 1)
    return value[0];
  int64_t half = (int64_t)1 << bit;
  if (count <= half)
    return choose_bit(n, i, bit - 1, value, count);
  ref low = choose_bit(n, i, bit - 1, value, half);
  ref high = choose_bit(n, i, bit - 1, value + half, count - half);
  return net_select(n, net_bit(n, i, bit), high, low);
}

ref net_choose(struct netlist *n, ref i, const ref *value, int64_t count) {
  const struct net_node x = *net_at(n, i);
  int64_t v, *entry = xmalloc(sizeof *entry * (size_t)count);
  if (net_is_const(n, i, &v)) {
    free(entry);
    return value[v];
  }
  bool constant = true;
  for (int64_t k = 0; k < count && constant; k++)
    constant = net_is_const(n, value[k], &entry[k]);
  ref r = constant && x.lo >= 0 && x.hi < count ? net_rom(n, i, entry + x.lo)
                                                : choose_bit(n, i, net_width(n, i) - 1, value, count);
  free(entry);
  return r;
}

struct net_best net_argmax(struct netlist *n, const ref *value, int64_t count) {
  if (count == 1)
    return (struct net_best){value[0], net_const(n, 0)};
  int64_t half = count / 2;
  struct net_best a = net_argmax(n, value, half), b = net_argmax(n, value + half, count - half);
  ref right = net_lt(n, a.value, b.value);
  ref index = net_add(n, b.index, net_const(n, half));
  return (struct net_best){net_max(n, a.value, b.value), net_select(n, right, index, a.index)};
}
