/* fold.c: makers of operators: constants are folded, identities applied. */
#include "backends/hardware/unrolled/netlist_impl.h"

#include <string.h>

/* ---- sums -------------------------------------------------------------------------------------------- */

static int common_zeros(const struct netlist *n, ref a, ref b) {
  int za = net_zeros_below(n, a), zb = net_zeros_below(n, b);
  return za < zb ? za : zb;
}

ref net_add(struct netlist *n, ref a, ref b) {
  int64_t va, vb;
  if (net_is_const(n, a, &va) || (!net_is_const(n, b, NULL) && b < a)) {
    ref swap = a;
    a = b, b = swap;
  }
  if (net_is_const(n, b, &vb)) {
    const struct net_node *x = net_at(n, a);
    if (net_is_const(n, a, &va))
      return net_const(n, va + vb);
    if (vb == 0)
      return a;
    if (x->kind == NET_ADD && net_is_const(n, x->in[1], &va))
      return net_add(n, x->in[0], net_const(n, va + vb));
  }
  if (a == b)
    return net_shl(n, a, 1);
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_shl(n, net_add(n, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  const struct net_node *x = net_at(n, a), *y = net_at(n, b);
  return net_node(n, node_of(NET_ADD, a, b, NO_NODE, x->lo + y->lo, x->hi + y->hi));
}

/* r * 2^e - v, where r = floor(v * 2^-e + 1/2): only the low e bits of v are in it. This and what net_eq,
 * net_select and net_round_shift know of it make rounding half to even cost little more than half up. */
static ref rounding_error(struct netlist *n, ref a, ref v) {
  int e = net_zeros_below(n, a);
  if (net_at(n, a)->kind != NET_VIEW || e == 0 || net_width(n, v) <= e || net_is_const(n, v, NULL))
    return NO_NODE;
  const struct net_node *r = net_at(n, net_shr(n, a, e));
  ref whole = net_shr(n, v, e), half = net_bit(n, v, e - 1);
  if (r->kind != NET_ADD ||
      !((r->in[0] == whole && r->in[1] == half) || (r->in[0] == half && r->in[1] == whole)))
    return NO_NODE;
  ref up = net_shl(n, half, e), low = net_low(n, v, e, false);
  int before = n->nodes.n;
  int64_t most = (int64_t)1 << (e - 1);
  struct net_node x = node_of(NET_SUB, up, low, NO_NODE, 1 - most, most);
  return net_bound(n, net_node(n, x), before, 1 - most, most);
}

ref net_sub(struct netlist *n, ref a, ref b) {
  int64_t v;
  ref error;
  if (a == b)
    return net_const(n, 0);
  if (net_is_const(n, b, &v))
    return net_add(n, a, net_const(n, -v));
  if (net_is_value(n, a, -1))
    return net_not(n, b);
  int zeros = net_is_value(n, a, 0) ? net_zeros_below(n, b) : common_zeros(n, a, b);
  if (!zeros && (error = rounding_error(n, a, b)) != NO_NODE)
    return error;
  if (zeros)
    return net_shl(n, net_sub(n, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  const struct net_node *x = net_at(n, a), *y = net_at(n, b);
  return net_node(n, node_of(NET_SUB, a, b, NO_NODE, x->lo - y->hi, x->hi - y->lo));
}

ref net_multiplier(struct netlist *n, ref a, ref b) {
  const struct net_node *x = net_at(n, a), *y = net_at(n, b);
  int64_t corner[4] = {x->lo * y->lo, x->lo * y->hi, x->hi * y->lo, x->hi * y->hi}, lo = corner[0],
          hi = corner[0];
  for (int i = 1; i < 4; i++) {
    lo = least_of(lo, corner[i]);
    hi = most_of(hi, corner[i]);
  }
  return net_node(n, node_of(NET_MUL, a < b ? a : b, a < b ? b : a, NO_NODE, lo, hi));
}

ref net_not(struct netlist *n, ref a) {
  const struct net_node *x = net_at(n, a);
  if (x->kind == NET_CONST)
    return net_const(n, ~x->lo);
  if (x->kind == NET_NOT)
    return x->in[0];
  return net_node(n, node_of(NET_NOT, a, NO_NODE, NO_NODE, ~x->hi, ~x->lo));
}

/* ---- comparisons and choices ------------------------------------------------------------------------- */

/* 1 - a of a single bit. */
static ref flip(struct netlist *n, ref a) {
  return net_select(n, a, net_const(n, 0), net_const(n, 1));
}

ref net_lt(struct netlist *n, ref a, ref b) {
  const struct net_node *x = net_at(n, a), *y = net_at(n, b);
  if (x->hi < y->lo || x->lo >= y->hi)
    return net_const(n, x->hi < y->lo);
  if (net_is_value(n, b, 0))
    return net_bit(n, a, 63);
  if (net_is_value(n, a, -1))
    return flip(n, net_bit(n, b, 63));
  if (net_is_bit(n, a) && net_is_value(n, b, 1))
    return flip(n, a);
  if (net_is_bit(n, b) && net_is_value(n, a, 0))
    return b;
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_lt(n, net_shr(n, a, zeros), net_shr(n, b, zeros));
  return net_node(n, node_of(NET_LT, a, b, NO_NODE, 0, 1));
}

/* Whether r * 2^e - v is 2^(e-1), with r as in rounding_error: whether v's low bits are a tie. NO_NODE when
 * `error` is something else. */
static ref is_tie(struct netlist *n, ref error, int64_t half) {
  const struct net_node *x = net_at(n, error);
  if (x->kind != NET_SUB || half <= 0 || (half & (half - 1)) != 0)
    return NO_NODE;
  int e = __builtin_ctzll((uint64_t)half) + 1;
  ref low = x->in[1];
  if (net_signed(n, low) || net_width(n, low) > e || x->in[0] != net_shl(n, net_bit(n, low, e - 1), e))
    return NO_NODE;
  return net_eq(n, low, net_const(n, half));
}

ref net_eq(struct netlist *n, ref a, ref b) {
  const struct net_node *x = net_at(n, a), *y = net_at(n, b);
  if (a == b)
    return net_const(n, 1);
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_eq(n, net_shr(n, a, zeros), net_shr(n, b, zeros));
  ref tie = y->kind == NET_CONST ? is_tie(n, a, y->lo) : x->kind == NET_CONST ? is_tie(n, b, x->lo) : NO_NODE;
  if (tie != NO_NODE)
    return tie;
  if (x->hi < y->lo || x->lo > y->hi)
    return net_const(n, 0);
  if (a > b)
    return net_eq(n, b, a);
  if (net_is_bit(n, a) && y->kind == NET_CONST)
    return y->lo ? a : flip(n, a);
  if (net_is_bit(n, b) && x->kind == NET_CONST)
    return x->lo ? b : flip(n, b);
  return net_node(n, node_of(NET_EQ, a, b, NO_NODE, 0, 1));
}

/* c ? (b with its low bits cleared) : b: the upper bits are b's. NO_NODE when a is something else. */
static ref clear_low(struct netlist *n, ref c, ref a, ref b) {
  int k = net_zeros_below(n, a);
  if (k == 0 || net_at(n, a)->kind != NET_VIEW || net_width(n, b) <= k ||
      a != net_shl(n, net_shr(n, b, k), k))
    return NO_NODE;
  ref low = net_select(n, c, net_const(n, 0), net_low(n, b, k, false));
  const struct net_node y = *net_at(n, b);
  int before = n->nodes.n;
  return net_bound(n, net_add(n, a, low), before, y.lo, y.hi);
}

ref net_select(struct netlist *n, ref c, ref a, ref b) {
  int64_t v;
  if (net_is_const(n, c, &v))
    return v ? a : b;
  if (a == b || (net_is_value(n, a, 1) && net_is_value(n, b, 0)))
    return a == b ? a : c;
  const struct net_node *x = net_at(n, c);
  if (x->kind == NET_SELECT && net_is_value(n, x->in[1], 0) && net_is_value(n, x->in[2], 1))
    return net_select(n, x->in[0], b, a);
  int zeros = net_is_value(n, a, 0)   ? net_zeros_below(n, b)
              : net_is_value(n, b, 0) ? net_zeros_below(n, a)
                                      : common_zeros(n, a, b);
  if (zeros)
    return net_shl(n, net_select(n, c, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  ref cleared = clear_low(n, c, a, b);
  if (cleared != NO_NODE)
    return cleared;
  const struct net_node *y = net_at(n, a), *z = net_at(n, b);
  return net_node(n, node_of(NET_SELECT, c, a, b, least_of(y->lo, z->lo), most_of(y->hi, z->hi)));
}

ref net_clamp(struct netlist *n, ref a, int64_t least, int64_t most) {
  const struct net_node *x = net_at(n, a);
  if (x->lo >= least && x->hi <= most)
    return a;
  if (x->hi <= least || x->lo >= most)
    return net_const(n, x->hi <= least ? least : most);
  if (x->kind == NET_CLAMP && least <= x->most && most >= x->least)
    return net_clamp(n, x->in[0], most_of(least, x->least), least_of(most, x->most));
  struct net_node y = node_of(NET_CLAMP, a, NO_NODE, NO_NODE, most_of(x->lo, least), least_of(x->hi, most));
  y.least = least, y.most = most;
  return net_node(n, y);
}

/* ---- tables ------------------------------------------------------------------------------------------ */

int net_table(struct netlist *n, int64_t first, int64_t count, const int64_t *value) {
  size_t bytes = sizeof *value * (size_t)count;
  for (int i = 0; i < n->tables.n; i++) {
    const struct net_table *t = &n->tables.at[i];
    if (t->first == first && t->n == count && memcmp(t->value, value, bytes) == 0)
      return i;
  }
  struct net_table t = {.first = first, .n = (int)count, .value = arena_array(n->arena, int64_t, count)};
  memcpy(t.value, value, bytes);
  vec_push(n->arena, n->tables, t);
  return n->tables.n - 1;
}

ref net_rom(struct netlist *n, ref a, const int64_t *value) {
  const struct net_node *x = net_at(n, a);
  int64_t count = x->hi - x->lo + 1, lo = value[0], hi = value[0];
  bool same = true;
  for (int64_t i = 0; i < count; i++) {
    lo = least_of(lo, value[i]);
    hi = most_of(hi, value[i]);
    same &= value[i] == x->lo + i;
  }
  if (lo == hi)
    return net_const(n, lo);
  if (same)
    return a;
  if (net_is_bit(n, a))
    return net_select(n, a, net_const(n, value[1]), net_const(n, value[0]));
  struct net_node y = node_of(NET_ROM, a, NO_NODE, NO_NODE, lo, hi);
  y.table = net_table(n, x->lo, count, value);
  return net_node(n, y);
}
