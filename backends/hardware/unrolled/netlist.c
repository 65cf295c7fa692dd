/* netlist.c: nodes: intervals, hash-consing, leaves, views, liveness. */
#include "backends/hardware/unrolled/netlist_impl.h"

#include <string.h>

#define LIMIT ((int64_t)1 << 62)

const char *node_kind_name(enum net_node_kind kind) {
  static const char *const names[NET_KINDS] = {"const",  "token", "valid", "first", "last", "state",
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

const struct net_node *net_at(const struct netlist *n, ref r) {
  return &n->nodes.at[r];
}

bool net_is_const(const struct netlist *n, ref r, int64_t *value) {
  const struct net_node *x = net_at(n, r);
  if (x->kind == NET_CONST && value)
    *value = x->lo;
  return x->kind == NET_CONST;
}

bool net_is_value(const struct netlist *n, ref r, int64_t value) {
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
  const struct net_node *x = net_at(n, r);
  return net_interval_width(x->lo, x->hi);
}

bool net_signed(const struct netlist *n, ref r) {
  return net_at(n, r)->lo < 0;
}

bool net_is_bit(const struct netlist *n, ref r) {
  const struct net_node *x = net_at(n, r);
  return x->lo >= 0 && x->hi <= 1;
}

/* Zeros at the lower end that a node is known to have. */
int net_zeros_below(const struct netlist *n, ref r) {
  const struct net_node *x = net_at(n, r);
  if (x->kind == NET_VIEW)
    return x->shift;
  return x->kind == NET_CONST && x->lo ? __builtin_ctzll((uint64_t)x->lo) : 0;
}

int net_passed_bits(const struct netlist *n, ref r, bool *of_second) {
  const struct net_node *x = net_at(n, r);
  int a = net_zeros_below(n, x->in[0]), b = net_zeros_below(n, x->in[1]), w = net_width(n, r);
  *of_second = x->kind == NET_ADD && a > b;
  int passed = *of_second ? a : b;
  return passed < w ? passed : w;
}

bool net_is_concat(const struct netlist *n, ref r) {
  bool of_second;
  if (net_at(n, r)->kind != NET_ADD) /* others may have no second operand */
    return false;
  int passed = net_passed_bits(n, r, &of_second);
  ref low = net_at(n, r)->in[of_second];
  return passed && !net_signed(n, low) && net_width(n, low) <= passed;
}

int net_delay(const struct netlist *n, ref r) {
  const struct net_node *x = net_at(n, r);
  switch (x->kind) {
  case NET_CONST:
  case NET_TOKEN:
  case NET_VALID:
  case NET_FIRST:
  case NET_LAST:
  case NET_STATE:
  case NET_VIEW:
  case NET_NOT: return 0;
  case NET_SELECT: return !net_is_value(n, x->in[1], 0) && !net_is_value(n, x->in[2], 0) && !net_is_bit(n, r);
  case NET_ADD: return !net_is_concat(n, r);
  case NET_ROM: return n->tables.at[x->table].n > 64 ? 2 : 1;
  default: return 1;
  }
}

/* ---- hash-consing ------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}

static uint64_t hash_node(const struct net_node *x) {
  uint64_t h = mix(x->kind, (uint64_t)x->state);
  for (int i = 0; i < 3; i++)
    h = mix(h, (uint64_t)x->in[i]);
  h = mix(mix(h, (uint64_t)x->least), (uint64_t)x->most);
  h = mix(mix(h, (uint64_t)(x->low << 12 | x->bits << 6 | x->shift)), (uint64_t)x->table);
  return x->kind == NET_CONST ? mix(h, (uint64_t)x->lo) : mix(h, x->lo < 0);
}

static bool same_node(const struct net_node *a, const struct net_node *b) {
  return a->kind == b->kind && memcmp(a->in, b->in, sizeof a->in) == 0 && a->least == b->least &&
         a->most == b->most && a->low == b->low && a->bits == b->bits && a->shift == b->shift &&
         a->table == b->table && a->state == b->state && (a->lo < 0) == (b->lo < 0) &&
         (a->kind != NET_CONST || a->lo == b->lo);
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
  const struct net_node *x = net_at(n, r);
  ref support = NO_NODE;
  for (int i = 0; i < 3 && x->in[i] != NO_NODE; i++) {
    ref s = net_at(n, x->in[i])->support;
    if (s != NO_NODE && support != NO_NODE && s != support)
      return r;
    support = s != NO_NODE ? s : support;
  }
  if (x->kind == NET_CONST)
    return NO_NODE;
  return support != NO_NODE && net_at(n, support)->hi - net_at(n, support)->lo < NARROW ? support : r;
}

/* The node, or an equal one that is there. */
ref net_node(struct netlist *n, struct net_node x) {
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
  x.unit =
      x.kind == NET_TOKEN || x.kind == NET_VALID || x.kind == NET_FIRST || x.kind == NET_LAST ? 0 : n->unit;
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

/* ---- leaves ------------------------------------------------------------------------------------------ */

ref net_const(struct netlist *n, int64_t value) {
  return net_node(n, node_of(NET_CONST, NO_NODE, NO_NODE, NO_NODE, value, value));
}

ref net_token(struct netlist *n, int64_t vocabulary) {
  return vocabulary == 1 ? net_const(n, 0)
                         : net_node(n, node_of(NET_TOKEN, NO_NODE, NO_NODE, NO_NODE, 0, vocabulary - 1));
}

ref net_valid(struct netlist *n) {
  return net_node(n, node_of(NET_VALID, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

ref net_first(struct netlist *n) {
  return net_node(n, node_of(NET_FIRST, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

ref net_last(struct netlist *n) {
  return net_node(n, node_of(NET_LAST, NO_NODE, NO_NODE, NO_NODE, 0, 1));
}

int net_state(struct netlist *n, const char *name, int64_t lo, int64_t hi, int64_t init, int zeros) {
  struct net_node x =
      node_of(NET_STATE, NO_NODE, NO_NODE, NO_NODE, least_of(lo, init) >> zeros, most_of(hi, init) >> zeros);
  int number = n->states.n;
  x.state = number + 1;
  ref r = net_node(n, x);
  vec_push(
      n->arena, n->states,
      (struct net_state){
          .name = arena_strdup(n->arena, name), .node = r, .next = r, .init = init >> zeros, .zeros = zeros});
  net_name(n, r, name, -1);
  ref value = lo == init && hi == init
                  ? net_const(n, init) /* it is never anything else */
                  : net_shl(n, net_select(n, net_first(n), net_const(n, init >> zeros), r), zeros);
  n->states.at[number].value = value;
  return number;
}

void net_state_next(struct netlist *n, int state, ref next) {
  const struct net_state s = n->states.at[state];
  n->states.at[state].next = net_select(n, net_valid(n), net_shr(n, next, s.zeros), s.node);
}

int net_zeros(const struct netlist *n, ref r) {
  int64_t v;
  return net_is_const(n, r, &v) && v == 0 ? 62 : net_zeros_below(n, r);
}

/* ---- views ------------------------------------------------------------------------------------------- */

static ref make_view(struct netlist *n, ref root, int low, int bits, int shift, int64_t lo, int64_t hi) {
  if (lo == hi)
    return net_const(n, lo);
  int needed = net_interval_width(lo, hi) - shift;
  bits = bits < needed ? bits : needed;
  const struct net_node *r = net_at(n, root);
  if (low == 0 && shift == 0 && bits == net_width(n, root) && (lo < 0) == (r->lo < 0))
    return root;
  struct net_node x = node_of(NET_VIEW, root, NO_NODE, NO_NODE, lo, hi);
  x.low = low, x.bits = bits, x.shift = shift;
  return net_node(n, x);
}

/* Any node as a view: its root and bits. */
static struct net_node as_view(const struct netlist *n, ref a) {
  struct net_node x = *net_at(n, a);
  if (x.kind == NET_VIEW)
    return x;
  x.in[0] = a;
  x.low = x.shift = 0;
  x.bits = net_width(n, a);
  return x;
}

ref net_shl(struct netlist *n, ref a, int by) {
  struct net_node x = as_view(n, a);
  if (by == 0)
    return a;
  if (by > 61 || x.lo <= -(LIMIT >> by) || x.hi >= LIMIT >> by) {
    n->too_wide = true;
    return a;
  }
  if (x.kind == NET_CONST)
    return net_const(n, x.lo * ((int64_t)1 << by));
  return make_view(n, x.in[0], x.low, x.bits, x.shift + by, x.lo * ((int64_t)1 << by),
                   x.hi * ((int64_t)1 << by));
}

ref net_shr(struct netlist *n, ref a, int by) {
  struct net_node x = as_view(n, a);
  by = by > 63 ? 63 : by;
  if (by == 0)
    return a;
  if (x.kind == NET_CONST)
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
  struct net_node x = as_view(n, a);
  if (x.kind == NET_CONST)
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
  struct net_node x = as_view(n, a);
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

ref net_bound(struct netlist *n, ref r, int before, int64_t lo, int64_t hi) {
  struct net_node *x = &n->nodes.at[r];
  if (r < before || x->kind == NET_CONST || x->kind == NET_VIEW)
    return r;
  x->lo = most_of(x->lo, lo);
  x->hi = least_of(x->hi, hi);
  return r;
}

void net_become_rom(struct netlist *n, ref r, ref a, const int64_t *value) {
  const struct net_node *x = net_at(n, a);
  struct net_node *y = &n->nodes.at[r];
  y->kind = NET_ROM;
  y->in[0] = a;
  y->in[1] = y->in[2] = NO_NODE;
  y->table = net_table(n, x->lo, x->hi - x->lo + 1, value);
}

/* ---- liveness ---------------------------------------------------------------------------------------- */

static void mark(struct netlist *n, ref r) {
  VEC(ref) work = {0};
  vec_push(n->arena, work, r);
  while (work.n) {
    struct net_node *x = &n->nodes.at[work.at[--work.n]];
    if (x->live)
      continue;
    x->live = true;
    for (int i = 0; i < 3 && x->in[i] != NO_NODE; i++)
      vec_push(n->arena, work, x->in[i]);
    if (x->kind == NET_STATE)
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

/* ---- results and names ------------------------------------------------------------------------------- */

void net_output(struct netlist *n, const char *name, ref r) {
  vec_push(n->arena, n->outputs, (struct net_output){arena_strdup(n->arena, name), r});
}

void net_name(struct netlist *n, ref r, const char *name, int64_t i) {
  struct net_node *x = &n->nodes.at[r];
  if (x->kind == NET_VIEW)
    x = &n->nodes.at[x->in[0]];
  if (x->name || x->kind == NET_CONST)
    return;
  x->name = i < 0 ? arena_strdup(n->arena, name) : arena_printf(n->arena, "%s_%lld", name, (long long)i);
}
