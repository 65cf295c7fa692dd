/* netlist.c: makers of nodes: folding, identities, intervals, hash-consing. */
#include "backends/verilog/unrolled/netlist.h"

#include <string.h>

#define LIMIT ((int64_t)1 << 62)

const char *node_kind_name(enum node_kind kind) {
  static const char *const names[NODE_KINDS] = {"const",  "token", "valid", "first", "last", "state",
                                                "add",    "sub",   "mul",   "not",   "lt",   "eq",
                                                "select", "clamp", "rom",   "view"};
  return names[kind];
}

void net_init(struct netlist *n, struct arena *a) {
  *n = (struct netlist){.arena = a};
  net_set_unit(n, "core", "the token, its flags, and the units");
}

void net_set_unit(struct netlist *n, const char *name, const char *what) {
  for (int i = 0; i < n->units.n; i++)
    if (strcmp(n->units.at[i].name, name) == 0) {
      n->unit = i;
      return;
    }
  n->unit = n->units.n;
  vec_push(n->arena, n->units, (struct net_unit){arena_strdup(n->arena, name), arena_strdup(n->arena, what)});
}

const struct node *net_at(const struct netlist *n, ref r) {
  return &n->nodes.at[r];
}

bool net_is_const(const struct netlist *n, ref r, int64_t *value) {
  const struct node *x = net_at(n, r);
  if (x->kind == NODE_CONST && value)
    *value = x->lo;
  return x->kind == NODE_CONST;
}

static bool is_value(const struct netlist *n, ref r, int64_t value) {
  int64_t v;
  return net_is_const(n, r, &v) && v == value;
}

int net_interval_width(int64_t lo, int64_t hi) {
  int w = 0;
  uint64_t most = (uint64_t)(lo < 0 && ~lo > hi ? ~lo : hi);
  for (; most; most >>= 1)
    w++;
  w += lo < 0;
  return w ? w : 1;
}

int net_width(const struct netlist *n, ref r) {
  const struct node *x = net_at(n, r);
  return net_interval_width(x->lo, x->hi);
}

bool net_signed(const struct netlist *n, ref r) {
  return net_at(n, r)->lo < 0;
}

static bool is_bit(const struct netlist *n, ref r) {
  const struct node *x = net_at(n, r);
  return x->lo >= 0 && x->hi <= 1;
}

/* Zeros at the lower end that a node is known to have. */
static int zeros_below(const struct netlist *n, ref r) {
  const struct node *x = net_at(n, r);
  if (x->kind == NODE_VIEW)
    return x->shift;
  return x->kind == NODE_CONST && x->lo ? __builtin_ctzll((uint64_t)x->lo) : 0;
}

int net_passed_bits(const struct netlist *n, ref r, bool *of_second) {
  const struct node *x = net_at(n, r);
  int a = zeros_below(n, x->in[0]), b = zeros_below(n, x->in[1]), w = net_width(n, r);
  *of_second = x->kind == NODE_ADD && a > b;
  int passed = *of_second ? a : b;
  return passed < w ? passed : w;
}

bool net_is_concat(const struct netlist *n, ref r) {
  bool of_second;
  int passed = net_passed_bits(n, r, &of_second);
  ref low = net_at(n, r)->in[of_second];
  return net_at(n, r)->kind == NODE_ADD && passed && !net_signed(n, low) && net_width(n, low) <= passed;
}

int net_delay(const struct netlist *n, ref r) {
  const struct node *x = net_at(n, r);
  switch (x->kind) {
  case NODE_CONST:
  case NODE_TOKEN:
  case NODE_VALID:
  case NODE_FIRST:
  case NODE_LAST:
  case NODE_STATE:
  case NODE_VIEW:
  case NODE_NOT: return 0;
  case NODE_SELECT: return !is_value(n, x->in[1], 0) && !is_value(n, x->in[2], 0) && !is_bit(n, r);
  case NODE_ADD: return !net_is_concat(n, r);
  case NODE_ROM: return n->tables.at[x->table].n > 64 ? 2 : 1;
  default: return 1;
  }
}

/* ---- hash-consing ---------------------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}

static uint64_t hash_node(const struct node *x) {
  uint64_t h = mix(x->kind, (uint64_t)x->state);
  for (int i = 0; i < 3; i++)
    h = mix(h, (uint64_t)x->in[i]);
  h = mix(mix(h, (uint64_t)x->least), (uint64_t)x->most);
  h = mix(mix(h, (uint64_t)(x->low << 12 | x->bits << 6 | x->shift)), (uint64_t)x->table);
  return x->kind == NODE_CONST ? mix(h, (uint64_t)x->lo) : mix(h, x->lo < 0);
}

static bool same_node(const struct node *a, const struct node *b) {
  return a->kind == b->kind && memcmp(a->in, b->in, sizeof a->in) == 0 && a->least == b->least &&
         a->most == b->most && a->low == b->low && a->bits == b->bits && a->shift == b->shift &&
         a->table == b->table && a->state == b->state && (a->lo < 0) == (b->lo < 0) &&
         (a->kind != NODE_CONST || a->lo == b->lo);
}

static void grow(struct netlist *n) {
  n->n_slots = n->n_slots ? n->n_slots * 2 : 1024;
  n->slots = arena_array(n->arena, int, n->n_slots);
  for (int i = 0; i < n->nodes.n; i++) {
    uint64_t h = hash_node(&n->nodes.at[i]);
    while (n->slots[h & (uint64_t)(n->n_slots - 1)])
      h++;
    n->slots[h & (uint64_t)(n->n_slots - 1)] = i + 1;
  }
}

enum { NARROW = 256 }; /* values of a node that tables are made of */

/* The support that the operands share, if it is narrow; else the node itself. */
static ref support_of(const struct netlist *n, ref r) {
  const struct node *x = net_at(n, r);
  ref support = NO_NODE;
  for (int i = 0; i < 3 && x->in[i] != NO_NODE; i++) {
    ref s = net_at(n, x->in[i])->support;
    if (s != NO_NODE && support != NO_NODE && s != support)
      return r;
    support = s != NO_NODE ? s : support;
  }
  if (x->kind == NODE_CONST)
    return NO_NODE;
  return support != NO_NODE && net_at(n, support)->hi - net_at(n, support)->lo < NARROW ? support : r;
}

/* The node, or an equal one that is there. */
static ref add_node(struct netlist *n, struct node x) {
  if (x.lo <= -LIMIT || x.hi >= LIMIT) {
    n->too_wide = true;
    x.lo = x.lo <= -LIMIT ? 1 - LIMIT : x.lo;
    x.hi = x.hi >= LIMIT ? LIMIT - 1 : x.hi;
  }
  if (n->nodes.n * 2 >= n->n_slots)
    grow(n);
  uint64_t h = hash_node(&x);
  for (int slot; (slot = n->slots[h & (uint64_t)(n->n_slots - 1)]); h++)
    if (same_node(&n->nodes.at[slot - 1], &x))
      return slot - 1;
  x.unit = x.kind == NODE_TOKEN || x.kind == NODE_VALID || x.kind == NODE_FIRST || x.kind == NODE_LAST
               ? 0
               : n->unit;
  n->slots[h & (uint64_t)(n->n_slots - 1)] = n->nodes.n + 1;
  vec_push(n->arena, n->nodes, x);
  ref r = n->nodes.n - 1;
  int depth = 0;
  for (int i = 0; i < 3 && x.in[i] != NO_NODE; i++)
    depth = n->nodes.at[x.in[i]].depth > depth ? n->nodes.at[x.in[i]].depth : depth;
  n->nodes.at[r].depth = depth + net_delay(n, r);
  n->nodes.at[r].support = support_of(n, r);
  return r;
}

static struct node node_of(enum node_kind kind, ref a, ref b, ref c, int64_t lo, int64_t hi) {
  return (struct node){.kind = kind, .in = {a, b, c}, .lo = lo, .hi = hi};
}

static int64_t least_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t most_of(int64_t a, int64_t b) {
  return a > b ? a : b;
}

/* ---- leaves ---------------------------------------------------------------------------------------------
 */

ref net_const(struct netlist *n, int64_t value) {
  return add_node(n, node_of(NODE_CONST, NO_NODE, NO_NODE, NO_NODE, value, value));
}

ref net_token(struct netlist *n, int64_t vocabulary) {
  return vocabulary == 1 ? net_const(n, 0)
                         : add_node(n, node_of(NODE_TOKEN, NO_NODE, NO_NODE, NO_NODE, 0, vocabulary - 1));
}

ref net_valid(struct netlist *n) {
  return add_node(n, node_of(NODE_VALID, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

ref net_first(struct netlist *n) {
  return add_node(n, node_of(NODE_FIRST, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

ref net_last(struct netlist *n) {
  return add_node(n, node_of(NODE_LAST, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

int net_state(struct netlist *n, const char *name, int64_t lo, int64_t hi, int64_t init, int zeros) {
  struct node x =
      node_of(NODE_STATE, NO_NODE, NO_NODE, NO_NODE, least_of(lo, init) >> zeros, most_of(hi, init) >> zeros);
  int number = n->states.n;
  x.state = number + 1;
  ref r = add_node(n, x);
  vec_push(
      n->arena, n->states,
      (struct net_state){
          .name = arena_strdup(n->arena, name), .node = r, .next = r, .init = init >> zeros, .zeros = zeros});
  net_name(n, r, name, -1);
  ref value = net_shl(n, net_select(n, net_first(n), net_const(n, init >> zeros), r), zeros);
  n->states.at[number].value = value;
  return number;
}

void net_state_next(struct netlist *n, int state, ref next) {
  const struct net_state s = n->states.at[state];
  n->states.at[state].next = net_select(n, net_valid(n), net_shr(n, next, s.zeros), s.node);
}

int net_zeros(const struct netlist *n, ref r) {
  int64_t v;
  return net_is_const(n, r, &v) && v == 0 ? 62 : zeros_below(n, r);
}

/* ---- views ----------------------------------------------------------------------------------------------
 */

static ref make_view(struct netlist *n, ref root, int low, int bits, int shift, int64_t lo, int64_t hi) {
  if (lo == hi)
    return net_const(n, lo);
  int needed = net_interval_width(lo, hi) - shift;
  bits = bits < needed ? bits : needed;
  const struct node *r = net_at(n, root);
  if (low == 0 && shift == 0 && bits == net_width(n, root) && (lo < 0) == (r->lo < 0))
    return root;
  struct node x = node_of(NODE_VIEW, root, NO_NODE, NO_NODE, lo, hi);
  x.low = low, x.bits = bits, x.shift = shift;
  return add_node(n, x);
}

/* Any node as a view: its root and bits. */
static struct node as_view(const struct netlist *n, ref a) {
  struct node x = *net_at(n, a);
  if (x.kind == NODE_VIEW)
    return x;
  x.in[0] = a;
  x.low = x.shift = 0;
  x.bits = net_width(n, a);
  return x;
}

ref net_shl(struct netlist *n, ref a, int by) {
  struct node x = as_view(n, a);
  if (by == 0)
    return a;
  if (by > 61 || x.lo <= -(LIMIT >> by) || x.hi >= LIMIT >> by) {
    n->too_wide = true;
    return a;
  }
  if (x.kind == NODE_CONST)
    return net_const(n, x.lo * ((int64_t)1 << by));
  return make_view(n, x.in[0], x.low, x.bits, x.shift + by, x.lo * ((int64_t)1 << by),
                   x.hi * ((int64_t)1 << by));
}

ref net_shr(struct netlist *n, ref a, int by) {
  struct node x = as_view(n, a);
  by = by > 63 ? 63 : by;
  if (by == 0)
    return a;
  if (x.kind == NODE_CONST)
    return net_const(n, x.lo >> by);
  int64_t lo = x.lo >> by, hi = x.hi >> by;
  if (x.shift >= by)
    return make_view(n, x.in[0], x.low, x.bits, x.shift - by, lo, hi);
  int drop = by - x.shift;
  if (drop >= x.bits)
    drop = x.bits - 1; /* the sign alone; without one lo == hi */
  return make_view(n, x.in[0], x.low + drop, x.bits - drop, 0, lo, hi);
}

ref net_bit(struct netlist *n, ref a, int i) {
  struct node x = as_view(n, a);
  if (x.kind == NODE_CONST)
    return net_const(n, x.lo >> (i > 63 ? 63 : i) & 1);
  int at = i - x.shift;
  if (at < 0 || (at >= x.bits && x.lo >= 0))
    return net_const(n, 0);
  if (x.hi < 0 && at >= x.bits - 1)
    return net_const(n, 1);
  at = at >= x.bits ? x.bits - 1 : at;
  return make_view(n, x.in[0], x.low + at, 1, 0, 0, 1);
}

ref net_low(struct netlist *n, ref a, int bits, bool is_signed) {
  struct node x = as_view(n, a);
  int64_t half = (int64_t)1 << (bits - 1), lo = is_signed ? -half : 0,
          hi = is_signed ? half - 1 : 2 * half - 1;
  if (x.lo >= lo && x.hi <= hi)
    return a;
  if (x.shift >= bits)
    return net_const(n, 0);
  if (x.shift + x.bits >= bits)
    return make_view(n, x.in[0], x.low, bits - x.shift, x.shift, lo, hi);
  /* Unsigned bits of a number that may be negative and is narrower: the sign is spread by an addition. */
  ref spread = net_select(n, net_lt(n, a, net_const(n, 0)), net_const(n, 2 * half), net_const(n, 0));
  return net_add(n, a, spread);
}

/* ---- sums -----------------------------------------------------------------------------------------------
 */

static int common_zeros(const struct netlist *n, ref a, ref b) {
  int za = zeros_below(n, a), zb = zeros_below(n, b);
  return za < zb ? za : zb;
}

ref net_add(struct netlist *n, ref a, ref b) {
  int64_t va, vb;
  if (net_is_const(n, a, &va) || (!net_is_const(n, b, NULL) && b < a)) {
    ref swap = a;
    a = b, b = swap;
  }
  if (net_is_const(n, b, &vb)) {
    const struct node *x = net_at(n, a);
    if (net_is_const(n, a, &va))
      return net_const(n, va + vb);
    if (vb == 0)
      return a;
    if (x->kind == NODE_ADD && net_is_const(n, x->in[1], &va))
      return net_add(n, x->in[0], net_const(n, va + vb));
  }
  if (a == b)
    return net_shl(n, a, 1);
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_shl(n, net_add(n, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  const struct node *x = net_at(n, a), *y = net_at(n, b);
  return add_node(n, node_of(NODE_ADD, a, b, NO_NODE, x->lo + y->lo, x->hi + y->hi));
}

/* r * 2^e - v, where r = floor(v * 2^-e + 1/2): only the low e bits of v are in it. This and what net_eq,
 * net_select and net_round_shift know of it make rounding half to even cost little more than half up. */
static ref rounding_error(struct netlist *n, ref a, ref v) {
  int e = zeros_below(n, a);
  if (net_at(n, a)->kind != NODE_VIEW || e == 0 || net_width(n, v) <= e || net_is_const(n, v, NULL))
    return NO_NODE;
  const struct node *r = net_at(n, net_shr(n, a, e));
  ref whole = net_shr(n, v, e), half = net_bit(n, v, e - 1);
  if (r->kind != NODE_ADD ||
      !((r->in[0] == whole && r->in[1] == half) || (r->in[0] == half && r->in[1] == whole)))
    return NO_NODE;
  ref up = net_shl(n, half, e), low = net_low(n, v, e, false);
  int before = n->nodes.n;
  int64_t most = (int64_t)1 << (e - 1);
  struct node x = node_of(NODE_SUB, up, low, NO_NODE, 1 - most, most);
  return net_bound(n, add_node(n, x), before, 1 - most, most);
}

ref net_sub(struct netlist *n, ref a, ref b) {
  int64_t v;
  ref error;
  if (a == b)
    return net_const(n, 0);
  if (net_is_const(n, b, &v))
    return net_add(n, a, net_const(n, -v));
  if (is_value(n, a, -1))
    return net_not(n, b);
  int zeros = is_value(n, a, 0) ? zeros_below(n, b) : common_zeros(n, a, b);
  if (!zeros && (error = rounding_error(n, a, b)) != NO_NODE)
    return error;
  if (zeros)
    return net_shl(n, net_sub(n, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  const struct node *x = net_at(n, a), *y = net_at(n, b);
  return add_node(n, node_of(NODE_SUB, a, b, NO_NODE, x->lo - y->hi, x->hi - y->lo));
}

ref net_multiplier(struct netlist *n, ref a, ref b) {
  const struct node *x = net_at(n, a), *y = net_at(n, b);
  int64_t corner[4] = {x->lo * y->lo, x->lo * y->hi, x->hi * y->lo, x->hi * y->hi}, lo = corner[0],
          hi = corner[0];
  for (int i = 1; i < 4; i++) {
    lo = least_of(lo, corner[i]);
    hi = most_of(hi, corner[i]);
  }
  return add_node(n, node_of(NODE_MUL, a < b ? a : b, a < b ? b : a, NO_NODE, lo, hi));
}

ref net_not(struct netlist *n, ref a) {
  const struct node *x = net_at(n, a);
  if (x->kind == NODE_CONST)
    return net_const(n, ~x->lo);
  if (x->kind == NODE_NOT)
    return x->in[0];
  return add_node(n, node_of(NODE_NOT, a, NO_NODE, NO_NODE, ~x->hi, ~x->lo));
}

/* ---- comparisons and choices ----------------------------------------------------------------------------
 */

/* 1 - a of a single bit. */
static ref flip(struct netlist *n, ref a) {
  return net_select(n, a, net_const(n, 0), net_const(n, 1));
}

ref net_lt(struct netlist *n, ref a, ref b) {
  const struct node *x = net_at(n, a), *y = net_at(n, b);
  if (x->hi < y->lo || x->lo >= y->hi)
    return net_const(n, x->hi < y->lo);
  if (is_value(n, b, 0))
    return net_bit(n, a, 63);
  if (is_value(n, a, -1))
    return flip(n, net_bit(n, b, 63));
  if (is_bit(n, a) && is_value(n, b, 1))
    return flip(n, a);
  if (is_bit(n, b) && is_value(n, a, 0))
    return b;
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_lt(n, net_shr(n, a, zeros), net_shr(n, b, zeros));
  return add_node(n, node_of(NODE_LT, a, b, NO_NODE, 0, 1));
}

/* Whether r * 2^e - v is 2^(e-1), with r as in rounding_error: whether v's low bits are a tie. NO_NODE when
 * `error` is something else. */
static ref is_tie(struct netlist *n, ref error, int64_t half) {
  const struct node *x = net_at(n, error);
  if (x->kind != NODE_SUB || half <= 0 || (half & (half - 1)) != 0)
    return NO_NODE;
  int e = __builtin_ctzll((uint64_t)half) + 1;
  ref low = x->in[1];
  if (net_signed(n, low) || net_width(n, low) > e || x->in[0] != net_shl(n, net_bit(n, low, e - 1), e))
    return NO_NODE;
  return net_eq(n, low, net_const(n, half));
}

ref net_eq(struct netlist *n, ref a, ref b) {
  const struct node *x = net_at(n, a), *y = net_at(n, b);
  if (a == b)
    return net_const(n, 1);
  int zeros = common_zeros(n, a, b);
  if (zeros)
    return net_eq(n, net_shr(n, a, zeros), net_shr(n, b, zeros));
  ref tie = y->kind == NODE_CONST   ? is_tie(n, a, y->lo)
            : x->kind == NODE_CONST ? is_tie(n, b, x->lo)
                                    : NO_NODE;
  if (tie != NO_NODE)
    return tie;
  if (x->hi < y->lo || x->lo > y->hi)
    return net_const(n, 0);
  if (a > b)
    return net_eq(n, b, a);
  if (is_bit(n, a) && y->kind == NODE_CONST)
    return y->lo ? a : flip(n, a);
  if (is_bit(n, b) && x->kind == NODE_CONST)
    return x->lo ? b : flip(n, b);
  return add_node(n, node_of(NODE_EQ, a, b, NO_NODE, 0, 1));
}

/* c ? (b with its low bits cleared) : b: the upper bits are b's. NO_NODE when a is something else. */
static ref clear_low(struct netlist *n, ref c, ref a, ref b) {
  int k = zeros_below(n, a);
  if (k == 0 || net_at(n, a)->kind != NODE_VIEW || net_width(n, b) <= k ||
      a != net_shl(n, net_shr(n, b, k), k))
    return NO_NODE;
  ref low = net_select(n, c, net_const(n, 0), net_low(n, b, k, false));
  const struct node y = *net_at(n, b);
  int before = n->nodes.n;
  return net_bound(n, net_add(n, a, low), before, y.lo, y.hi);
}

ref net_select(struct netlist *n, ref c, ref a, ref b) {
  int64_t v;
  if (net_is_const(n, c, &v))
    return v ? a : b;
  if (a == b || (is_value(n, a, 1) && is_value(n, b, 0)))
    return a == b ? a : c;
  const struct node *x = net_at(n, c);
  if (x->kind == NODE_SELECT && is_value(n, x->in[1], 0) && is_value(n, x->in[2], 1))
    return net_select(n, x->in[0], b, a);
  int zeros = is_value(n, a, 0)   ? zeros_below(n, b)
              : is_value(n, b, 0) ? zeros_below(n, a)
                                  : common_zeros(n, a, b);
  if (zeros)
    return net_shl(n, net_select(n, c, net_shr(n, a, zeros), net_shr(n, b, zeros)), zeros);
  ref cleared = clear_low(n, c, a, b);
  if (cleared != NO_NODE)
    return cleared;
  const struct node *y = net_at(n, a), *z = net_at(n, b);
  return add_node(n, node_of(NODE_SELECT, c, a, b, least_of(y->lo, z->lo), most_of(y->hi, z->hi)));
}

ref net_clamp(struct netlist *n, ref a, int64_t least, int64_t most) {
  const struct node *x = net_at(n, a);
  if (x->lo >= least && x->hi <= most)
    return a;
  if (x->hi <= least || x->lo >= most)
    return net_const(n, x->hi <= least ? least : most);
  if (x->kind == NODE_CLAMP && least <= x->most && most >= x->least)
    return net_clamp(n, x->in[0], most_of(least, x->least), least_of(most, x->most));
  struct node y = node_of(NODE_CLAMP, a, NO_NODE, NO_NODE, most_of(x->lo, least), least_of(x->hi, most));
  y.least = least, y.most = most;
  return add_node(n, y);
}

/* ---- tables ---------------------------------------------------------------------------------------------
 */

static int find_table(struct netlist *n, int64_t first, int64_t count, const int64_t *value) {
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
  const struct node *x = net_at(n, a);
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
  if (is_bit(n, a))
    return net_select(n, a, net_const(n, value[1]), net_const(n, value[0]));
  struct node y = node_of(NODE_ROM, a, NO_NODE, NO_NODE, lo, hi);
  y.table = find_table(n, x->lo, count, value);
  return add_node(n, y);
}

ref net_bound(struct netlist *n, ref r, int before, int64_t lo, int64_t hi) {
  struct node *x = &n->nodes.at[r];
  if (r < before || x->kind == NODE_CONST || x->kind == NODE_VIEW)
    return r;
  x->lo = most_of(x->lo, lo);
  x->hi = least_of(x->hi, hi);
  return r;
}

void net_become_rom(struct netlist *n, ref r, ref a, const int64_t *value) {
  const struct node *x = net_at(n, a);
  struct node *y = &n->nodes.at[r];
  y->kind = NODE_ROM;
  y->in[0] = a;
  y->in[1] = y->in[2] = NO_NODE;
  y->table = find_table(n, x->lo, x->hi - x->lo + 1, value);
}

/* ---- liveness --------------------------------------------------------------------------------------------
 */

static void mark(struct netlist *n, ref r) {
  VEC(ref) work = {0};
  vec_push(n->arena, work, r);
  while (work.n) {
    struct node *x = &n->nodes.at[work.at[--work.n]];
    if (x->live)
      continue;
    x->live = true;
    for (int i = 0; i < 3 && x->in[i] != NO_NODE; i++)
      vec_push(n->arena, work, x->in[i]);
    if (x->kind == NODE_STATE)
      vec_push(n->arena, work, n->states.at[x->state - 1].next);
  }
}

void net_mark_live(struct netlist *n) {
  for (ref r = 0; r < n->nodes.n; r++)
    n->nodes.at[r].live = false;
  for (int i = 0; i < n->outputs.n; i++)
    mark(n, n->outputs.at[i].node);
  mark(n, net_valid(n)); /* results say whether they are some */
}

/* ---- results and names ----------------------------------------------------------------------------------
 */

void net_output(struct netlist *n, const char *name, ref r) {
  vec_push(n->arena, n->outputs, (struct net_output){arena_strdup(n->arena, name), r});
}

void net_name(struct netlist *n, ref r, const char *name, int64_t i) {
  struct node *x = &n->nodes.at[r];
  if (x->kind == NODE_VIEW)
    x = &n->nodes.at[x->in[0]];
  if (x->name || x->kind == NODE_CONST)
    return;
  x->name = i < 0 ? arena_strdup(n->arena, name) : arena_printf(n->arena, "%s_%lld", name, (long long)i);
}
