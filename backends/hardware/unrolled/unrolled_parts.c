/* unrolled_parts.c: the parts of an unrolled design, for reports and the resource model. */
#include "backends/hardware/unrolled/unrolled.h"

#include "backends/hardware/inventory.h"
#include <string.h>
#include <uthash.h>

enum { TAKEN = 62 }; /* delays that `taps` tells apart; longer ones are the last */

struct count {
  const struct unrolled *u;
  struct inv_unit **unit; /* by unit of the netlist; NULL: it is empty */
  uint64_t *inverted;     /* by node: delays (bits) whose inverse an adder takes */
  net_mask **taps;        /* by node: bits that something uses after k registers, k = 0 .. after.n */
  bool *chosen;           /* by node: nothing but choices of its stage take it */
  net_mask *own; /* by node: bits that no other node has too; those of small tables are often equal */
  int *sums;     /* by node: operands that look at bits of a sum that it adds, in whatever stage */
  bool *plain;   /* by node: somebody takes it other than as a subtrahend of its stage */
  int *zeros;    /* by node: lowest bits that are always 0; synthesis removes what only moves them */
};

/* ---- operators ----------------------------------------------------------------------------------------- */

static int operand_width(const struct netlist *n, const struct net_node *x, int i) {
  return net_width(n, x->in[i]);
}

static int widest(const struct netlist *n, const struct net_node *x) {
  int a = operand_width(n, x, 0), b = operand_width(n, x, 1);
  return a > b ? a : b;
}

static unsigned const_flag(const struct netlist *n, const struct net_node *x) {
  int64_t value;
  return net_is_const(n, x->in[0], &value) || net_is_const(n, x->in[1], &value) ? PART_CONST : 0;
}

static int least(int a, int b) {
  return a < b ? a : b;
}

static int zeros_of(const struct count *c, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  const int *z = c->zeros;
  int known = net_zeros(n, r), found = 0;
  switch (x->kind) {
  case NET_VIEW: found = x->shift + (z[x->in[0]] > x->low ? z[x->in[0]] - x->low : 0); break;
  case NET_ADD:
  case NET_SUB: found = least(z[x->in[0]], z[x->in[1]]); break;
  case NET_SELECT: found = least(z[x->in[1]], z[x->in[2]]); break;
  case NET_MUL: found = z[x->in[0]] + z[x->in[1]]; break;
  default: break;
  }
  return known > found ? known : found;
}

static void find_zeros(struct count *c) {
  c->zeros = arena_array(c->u->arena, int, c->u->net.nodes.n);
  for (ref r = 0; r < c->u->net.nodes.n; r++)
    c->zeros[r] = zeros_of(c, r);
}

static net_mask without_zeros(const struct count *c, ref r, net_mask bits) {
  return c->zeros[r] > 62 ? 0 : bits & ~(((net_mask)1 << c->zeros[r]) - 1);
}

/* A bit of a table: what it is for every entry, and of which register it is a function. */
struct table_bit {
  UT_hash_handle hh;
  int root, stage, unit, low;
  char bits[];
};

static struct table_bit *column_of(const struct count *c, ref r, int bit) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r), *in = net_at(n, x->in[0]);
  const struct net_table *t = &n->tables.at[x->table];
  struct table_bit *k = arena_alloc(c->u->arena, sizeof *k + (size_t)t->n + 1);
  k->root = net_root(n, x->in[0]);
  k->stage = x->stage;
  k->unit = x->unit;
  k->low = in->kind == NET_VIEW ? in->low : 0;
  for (int i = 0; i < t->n; i++)
    k->bits[i] = (char)('0' + (t->value[i] >> bit & 1));
  return k;
}

/* Equal bits of tables are made once, constant ones not at all. */
static void find_own(struct count *c) {
  const struct netlist *n = &c->u->net;
  struct table_bit *seen = NULL, *k, *same;
  c->own = arena_array(c->u->arena, net_mask, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    c->own[r] = without_zeros(c, r, ~(net_mask)0);
    for (int bit = 0; x->live && x->kind == NET_ROM && bit < net_width(n, r); bit++) {
      k = column_of(c, r, bit);
      size_t length = offsetof(struct table_bit, bits) - offsetof(struct table_bit, root) + strlen(k->bits);
      HASH_FIND(hh, seen, &k->root, length, same);
      if (same || !strchr(k->bits, '0') || !strchr(k->bits, '1'))
        c->own[r] &= ~((net_mask)1 << bit);
      else
        HASH_ADD_KEYPTR(hh, seen, &k->root, length, k);
    }
  }
  HASH_CLEAR(hh, seen);
}

/* Bits at which an operand of a sum of `bits` bits may be other than 0: with a sign, all from its zeros on.
 */
static int live_bits(const struct count *c, ref r, int bits, int passed) {
  const struct netlist *n = &c->u->net;
  int64_t value;
  if (net_is_const(n, r, &value))
    return 0;
  int to = net_signed(n, r) ? bits : least(net_width(n, r), bits);
  int from = c->zeros[r] > passed ? c->zeros[r] : passed;
  return to > from ? to - from : 0;
}

/* Whether an operand comes out of logic of the stage, which then makes its inverse just as well. */
static bool from_logic(const struct count *c, const struct net_node *x, int i) {
  const struct netlist *n = &c->u->net;
  const struct net_node *root = net_at(n, net_root(n, x->in[i]));
  return root->stage == x->stage &&
         (root->kind == NET_SELECT || root->kind == NET_CLAMP || root->kind == NET_ROM);
}

/* Subtrahends are inverted once for all adders that take the same register. */
static void invert(struct count *c, struct inv_unit *u, const struct net_node *x) {
  const struct netlist *n = &c->u->net;
  ref root = net_root(n, x->in[1]);
  int delay = x->stage - net_at(n, root)->stage;
  uint64_t bit = (uint64_t)1 << (delay < TAKEN ? delay : TAKEN);
  if (net_at(n, x->in[1])->kind == NET_CONST || (c->inverted[root] & bit))
    return;
  if (from_logic(c, x, 1) && !c->plain[root])
    return;
  c->inverted[root] |= bit;
  inv_invert(u, 1, operand_width(n, x, 1));
}

/* The lowest bit of a sum at which two operands meet. */
static int passed_bits(const struct count *c, const struct net_node *x) {
  int a = c->zeros[x->in[0]], b = c->zeros[x->in[1]];
  return x->kind == NET_ADD && a > b ? a : b;
}

/* Whether a bit is added to a sum that nobody else looks at: it is that sum's carry. */
static bool is_carry(const struct count *c, const struct net_node *x) {
  const struct netlist *n = &c->u->net;
  for (int i = 0; x->kind == NET_ADD && i < 2; i++) {
    const struct net_node *view = net_at(n, x->in[i]);
    ref root = net_root(n, x->in[i]);
    const struct net_node *sum = net_at(n, root);
    int low = view->kind == NET_VIEW ? view->low : 0;
    if (net_width(n, x->in[1 - i]) == 1 && !net_signed(n, x->in[1 - i]) && sum->kind == NET_ADD &&
        sum->stage == x->stage && low == passed_bits(c, sum) && c->sums[root] == 1)
      return true;
  }
  return false;
}

/* What is above the highest bit that is used goes; below the zeros of one operand the other one passes. */
static void put_sum(struct count *c, struct inv_unit *u, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  net_mask used = without_zeros(c, r, c->u->schedule.delays[r].used);
  int passed = passed_bits(c, x);
  int bits = used ? net_mask_high(used) + 1 : 0;
  if (net_is_concat(n, r) || bits <= passed || is_carry(c, x))
    return;
  int a = live_bits(c, x->in[0], bits, passed), b = live_bits(c, x->in[1], bits, passed);
  int both = least(least(a, b), widest(n, x) - passed);
  inv_add(u, 1, bits - passed, both, const_flag(n, x));
  if (x->kind == NET_SUB)
    invert(c, u, x);
}

/* Whether a choice between a value and a constant goes into the LUTs of the choices that take it. */
static bool is_absorbed(const struct count *c, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  int64_t value;
  return c->chosen[r] && (net_is_const(n, x->in[1], &value) || net_is_const(n, x->in[2], &value));
}

/* Whether a choice keeps a state that stands in the register behind it: that is the register's enable. */
static bool is_hold(const struct count *c, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  for (int i = 1; i < 3; i++) {
    const struct net_node *s = net_at(n, x->in[i]);
    if (s->kind == NET_STATE && s->stage == x->stage && net_root(n, n->states.at[s->state - 1].next) == r &&
        net_schedule_arrival(n, &c->u->schedule, s->state - 1) == x->stage + 1)
      return true;
  }
  return false;
}

/* A limit on one side before a register is the register's set and reset. */
static void put_clamp(struct count *c, struct inv_unit *u, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r), *in = net_at(n, x->in[0]);
  const struct net_delays *d = &c->u->schedule.delays[r];
  int from = operand_width(n, x, 0), to = net_interval_width(x->least, x->most);
  bool powers = x->most == ((int64_t)1 << (to - 1)) - 1 && x->least == -x->most - 1;
  bool one_sided = x->least <= in->lo || x->most >= in->hi;
  if (powers && one_sided && d->after.n > 0 && !c->taps[r][0])
    inv_logic(u, 1, from - to + 1);
  else if (powers)
    inv_clamp(u, 1, to, from);
  else {
    inv_less(u, (x->least > n->nodes.at[x->in[0]].lo) + (x->most < n->nodes.at[x->in[0]].hi), from,
             PART_CONST);
    inv_mux(u, 1, to, 2);
  }
}

/* Whether the register behind a table can be its memory's own. */
static bool is_clocked(const struct count *c, ref r) {
  const struct net_delays *d = &c->u->schedule.delays[r];
  return net_at(&c->u->net, r)->kind == NET_ROM && d->after.n > 0 && !c->taps[r][0] &&
         d->after.at[0] == d->used;
}

/* A table can be a block RAM where its result or its operand is a register. */
static unsigned table_flags(const struct count *c, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  if (is_clocked(c, r))
    return 0;
  return x->stage > net_at(n, net_root(n, x->in[0]))->stage ? PART_ADDRESSED : PART_UNCLOCKED;
}

/* Tables of one operand, stage and unit are one memory (emission.c); what counts is its bits. A register
 * behind it is the memory's own. */
/* As a memory it has a word for every address; what it does not need of them costs no logic. */
static void put_table(struct count *c, struct inv_unit *u, ref r, int used) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  unsigned flags = table_flags(c, r);
  int64_t words = flags & PART_UNCLOCKED ? n->tables.at[x->table].n : (int64_t)1 << net_width(n, x->in[0]);
  inv_rom(u, 1, words, used, 1, flags);
}

static void put_node(struct count *c, struct inv_unit *u, ref r) {
  const struct netlist *n = &c->u->net;
  const struct net_node *x = net_at(n, r);
  int used = net_mask_count(c->own[r] & c->u->schedule.delays[r].used);
  switch (x->kind) {
  case NET_ADD:
  case NET_SUB: put_sum(c, u, r); break;
  case NET_MUL:
    inv_mul(u, 1, operand_width(n, x, 0) - c->zeros[x->in[0]], operand_width(n, x, 1) - c->zeros[x->in[1]],
            0);
    break;
  case NET_LT:
    inv_less(u, 1, widest(n, x),
             const_flag(n, x) | (from_logic(c, x, 1) || from_logic(c, x, 0) ? PART_INVERTED : 0));
    break;
  case NET_EQ:
    inv_equal(u, 1, widest(n, x) - least(c->zeros[x->in[0]], c->zeros[x->in[1]]), const_flag(n, x));
    break;
  case NET_SELECT: inv_mux(u, !is_absorbed(c, r) && !is_hold(c, r), used, 2); break;
  case NET_CLAMP: put_clamp(c, u, r); break;
  case NET_ROM: put_table(c, u, r, used); break;
  default: break;
  }
}

/* ---- users -------------------------------------------------------------------------------------------- */

static void use(struct count *c, ref operand, const struct net_node *user) {
  const struct netlist *n = &c->u->net;
  ref root = net_root(n, operand);
  if (!user || user->kind != NET_SELECT || user->stage != net_at(n, root)->stage)
    c->chosen[root] = false;
}

static void find_chosen(struct count *c) {
  const struct netlist *n = &c->u->net;
  c->chosen = arena_array(c->u->arena, bool, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++)
    c->chosen[r] = net_at(n, r)->kind == NET_SELECT;
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    for (int i = 0; x->live && x->kind != NET_VIEW && i < 3 && x->in[i] != NO_NODE; i++)
      use(c, x->in[i], x);
  }
  for (int i = 0; i < n->outputs.n; i++)
    use(c, n->outputs.at[i].node, NULL);
  for (int i = 0; i < n->states.n; i++)
    if (net_at(n, n->states.at[i].node)->live)
      use(c, n->states.at[i].next, NULL);
}

static void look_at(struct count *c, ref operand, int width, bool subtrahend) {
  const struct netlist *n = &c->u->net;
  ref root = net_root(n, operand);
  const struct net_node *x = net_at(n, root);
  c->plain[root] |= !subtrahend;
  if (x->kind == NET_ADD)
    c->sums[root] += net_root_bits(n, operand, width) >> passed_bits(c, x) != 0;
}

static void find_looks(struct count *c) {
  const struct netlist *n = &c->u->net;
  c->sums = arena_array(c->u->arena, int, n->nodes.n);
  c->plain = arena_array(c->u->arena, bool, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    for (int i = 0; x->live && x->kind != NET_VIEW && i < 3 && x->in[i] != NO_NODE; i++)
      look_at(c, x->in[i], net_operand_width(n, r, i),
              x->kind == NET_SUB && i == 1 && net_at(n, net_root(n, x->in[1]))->stage == x->stage);
  }
  for (int i = 0; i < n->outputs.n; i++)
    look_at(c, n->outputs.at[i].node, net_width(n, n->outputs.at[i].node), false);
  for (int i = 0; i < n->states.n; i++)
    if (net_at(n, n->states.at[i].node)->live)
      look_at(c, n->states.at[i].next, net_width(n, n->states.at[i].node), false);
}

/* ---- registers ----------------------------------------------------------------------------------------- */

static void tap(struct count *c, ref operand, int width, int stage) {
  const struct netlist *n = &c->u->net;
  ref root = net_root(n, operand);
  int delay = stage - net_at(n, root)->stage;
  if (delay >= 0 && delay <= c->u->schedule.delays[root].after.n)
    c->taps[root][delay] |= net_root_bits(n, operand, width);
}

static void find_taps(struct count *c) {
  const struct netlist *n = &c->u->net;
  const struct schedule *s = &c->u->schedule;
  for (ref r = 0; r < n->nodes.n; r++)
    c->taps[r] = arena_array(c->u->arena, net_mask, s->delays[r].after.n + 1);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    for (int i = 0; x->live && x->kind != NET_VIEW && i < 3 && x->in[i] != NO_NODE; i++)
      tap(c, x->in[i], net_operand_width(n, r, i), x->stage);
  }
  for (int i = 0; i < n->outputs.n; i++)
    tap(c, n->outputs.at[i].node, net_width(n, n->outputs.at[i].node), s->latency);
  for (int i = 0; i < n->states.n; i++)
    if (net_at(n, n->states.at[i].node)->live)
      tap(c, n->states.at[i].next, net_width(n, n->states.at[i].node), net_schedule_arrival(n, s, i));
}

/* Whether a node's first register is behind logic of its own. */
static bool makes_logic(const struct netlist *n, ref r) {
  switch (net_at(n, r)->kind) {
  case NET_TOKEN:
  case NET_VALID:
  case NET_FIRST:
  case NET_LAST:
  case NET_STATE:
  case NET_VIEW: return false;
  default: return !net_is_concat(n, r);
  }
}

/* Bits that go through the same number of registers from one use to the next are one shift register. */
static void put_registers(struct count *c, struct inv_unit *u, ref r) {
  const struct net_delays *d = &c->u->schedule.delays[r];
  int longest = d->after.n;
  int *bits[2] = {arena_array(c->u->arena, int, longest + 1), arena_array(c->u->arena, int, longest + 1)};
  for (int bit = 0; bit < 64; bit++)
    for (int k = 1, run = 0; k <= longest && (d->after.at[k - 1] & c->own[r]) >> bit & 1; k++) {
      run++;
      bool last = k == longest || !(d->after.at[k] >> bit & 1);
      if (last || (c->taps[r][k] >> bit & 1)) {
        if (k == run && is_clocked(c, r))
          run--;
        bits[k > run || !makes_logic(&c->u->net, r)][run]++;
        run = 0;
      }
    }
  for (int run = 1; run <= longest; run++) {
    inv_delay(u, 1, bits[0][run], run, PART_ENABLE);
    inv_delay(u, 1, bits[1][run], run, PART_ENABLE | PART_LONE);
  }
}

static void put_valid(struct count *c, struct inv_unit *u, ref r) {
  inv_reg(u, 1, c->u->schedule.delays[r].after.n, PART_ENABLE | PART_RESET);
}

/* ---- the top module ------------------------------------------------------------------------------------ */

static void put_top(const struct unrolled *u, struct inv_unit *top) {
  const struct unrolled_streams *t = &u->streams;
  int turns = u->schedule.interleave > 1 ? 2 * t->sequence_bits : 0;
  inv_library(top, 1, "tern_skid", "WIDTH", t->results * t->field + t->sequence_bits + 1, NULL);
  inv_reg(top, 1, t->token_bits + 3, PART_ENABLE);
  inv_reg(top, 1, turns, PART_ENABLE | PART_RESET);
  inv_logic(top, turns, 4);
  inv_equal(top, 1, t->sequence_bits, 0);
}

/* ---- the design ---------------------------------------------------------------------------------------- */

static int bits_between(const struct unrolled *u, int from, int to) {
  const struct ports *p = &u->emission.ports[to];
  int bits = 0;
  for (int i = 0; i < p->in.n; i++)
    if (net_at(&u->net, p->in.at[i].root)->unit == from)
      bits += net_mask_count(p->in.at[i].bits);
  return bits;
}

static void put_streams(const struct count *c, struct inventory *v, const struct inv_unit *top) {
  const struct unrolled *u = c->u;
  const struct unrolled_streams *t = &u->streams;
  int n = u->net.units.n;
  inv_stream(v, NULL, top, "tokens", t->token_bits + t->sequence_bits + 2, 1, true);
  inv_stream(v, top, NULL, "results", t->results * t->field + t->sequence_bits + 1, 1, true);
  inv_stream(v, top, c->unit[0], "token", t->token_bits + 3, 1, false);
  for (int from = 0; from < n; from++)
    for (int to = 0; to < n; to++) {
      int bits = from == to ? 0 : bits_between(u, from, to);
      if (bits && c->unit[from] && c->unit[to])
        inv_stream(v, c->unit[from], c->unit[to], "values", bits, 1, false);
    }
}

static int64_t state_bits(const struct unrolled *u) {
  int64_t bits = 0;
  for (int i = 0; i < u->net.states.n; i++)
    if (net_at(&u->net, u->net.states.at[i].node)->live)
      bits += net_width(&u->net, u->net.states.at[i].node);
  return bits;
}

struct inventory *unrolled_inventory(const struct unrolled *u, double clock_mhz) {
  struct arena *a = u->arena;
  const struct netlist *n = &u->net;
  struct inventory *v = inventory_new(a, INV_UNROLLED, u->module->name, u->top);
  struct count c = {.u = u};
  c.unit = arena_array(a, struct inv_unit *, n->units.n);
  c.inverted = arena_array(a, uint64_t, n->nodes.n);
  c.taps = arena_array(a, net_mask *, n->nodes.n);
  find_zeros(&c);
  find_own(&c);
  find_chosen(&c);
  find_looks(&c);
  find_taps(&c);
  struct inv_unit *top =
      inv_unit(v, INV_CONTROL, "streams", "", u->top, "tokens in, results out, whose turn it is");
  put_top(u, top);
  for (int i = 0; i < n->units.n; i++) {
    if (i > 0 && net_unit_is_empty(&u->emission, i))
      continue;
    const char *name = n->units.at[i].name, *module = net_unit_module(&u->emission, i);
    const char *path = i == 0 ? "u_core" : arena_printf(a, "u_core.u_%s", name);
    c.unit[i] = inv_unit(v, i == 0 ? INV_CONTROL : INV_LAYER, i == 0 ? "core" : name, path, module,
                         n->units.at[i].what);
  }
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    if (!x->live || x->kind == NET_VIEW || x->kind == NET_CONST || !c.unit[x->unit])
      continue;
    put_node(&c, c.unit[x->unit], r);
    if (x->kind == NET_VALID)
      put_valid(&c, c.unit[x->unit], r);
    else
      put_registers(&c, c.unit[x->unit], r);
  }
  put_streams(&c, v, top);
  static const char *const run[] = {"+tokens=sim/tokens.hex", "+results=sim/results.hex", "+stall=0",
                                    "+seed=1", NULL};
  v->bench = arena_printf(a, "%s_bench", u->top);
  v->bench_run = run;
  v->clock_mhz = clock_mhz;
  v->sequences = u->schedule.interleave;
  v->step_cycles = u->schedule.interleave;
  v->latency = u->schedule.latency + 2;
  v->state_bytes = (state_bits(u) * v->sequences + 7) / 8;
  return v;
}
