/* stages.c: liveness, stages, the recurrence's loop, registers. */
#include "backends/hardware/unrolled/stages.h"

#include <limits.h>
#include <string.h>

ref net_root(const struct netlist *n, ref r) {
  return net_at(n, r)->kind == NET_VIEW ? net_at(n, r)->in[0] : r;
}

int net_operand_width(const struct netlist *n, ref user, int i) {
  const struct net_node *x = net_at(n, user);
  bool modular = x->kind == NET_ADD || x->kind == NET_SUB || x->kind == NET_NOT || x->kind == NET_CLAMP ||
                 (x->kind == NET_SELECT && i > 0);
  int all = net_width(n, x->in[i]), own = net_width(n, user);
  return modular && x->kind != NET_CLAMP && own < all ? own : all;
}

int net_mask_low(net_mask m) {
  return __builtin_ctzll(m);
}

int net_mask_high(net_mask m) {
  return 63 - __builtin_clzll(m);
}

int net_mask_count(net_mask m) {
  return __builtin_popcountll(m);
}

bool net_mask_has_holes(net_mask m) {
  m >>= net_mask_low(m);
  return (m & (m + 1)) != 0;
}

static net_mask mask_of(int low, int bits) {
  return bits <= 0 ? 0 : (~(net_mask)0 >> (64 - bits)) << low;
}

net_mask net_root_bits(const struct netlist *n, ref operand, int width) {
  const struct net_node *x = net_at(n, operand);
  if (x->kind == NET_CONST)
    return 0;
  if (x->kind != NET_VIEW)
    return mask_of(0, width);
  return mask_of(x->low, width - x->shift < x->bits ? width - x->shift : x->bits);
}

static int operands(const struct net_node *x) {
  int k = 0;
  while (k < 3 && x->in[k] != NO_NODE)
    k++;
  return k;
}

/* ---- as soon as possible ----------------------------------------------------------------------------- */

static int delay_in(const struct netlist *n, ref r, int depth) {
  int d = net_delay(n, r);
  return d < depth ? d : depth;
}

/* The earliest place of a node after its operands; leaves keep their stage. */
static void place(struct netlist *n, ref r, int depth) {
  struct net_node *x = &n->nodes.at[r];
  int stage = 0, level = 0, d = delay_in(n, r, depth);
  for (int i = 0; i < operands(x); i++) {
    const struct net_node *y = net_at(n, net_root(n, x->in[i]));
    if (y->kind == NET_CONST || y->stage < stage)
      continue;
    level = y->stage > stage || y->level > level ? y->level : level;
    stage = y->stage;
  }
  if (level + d > depth)
    stage++, level = 0;
  x->stage = stage;
  x->level = level + d;
}

static bool is_placed(const struct net_node *x) { /* not a leaf, not a view */
  return x->live && x->kind > NET_STATE && x->kind != NET_VIEW;
}

static void place_all(struct netlist *n, int depth) {
  for (ref r = 0; r < n->nodes.n; r++)
    if (is_placed(net_at(n, r)))
      place(n, r, depth);
}

static int stage_of(const struct netlist *n, ref r) {
  return net_at(n, net_root(n, r))->stage;
}

static int last_stage(const struct netlist *n) {
  int last = 0;
  for (int i = 0; i < n->outputs.n; i++) {
    int stage = stage_of(n, n->outputs.at[i].node);
    last = stage > last ? stage : last;
  }
  return last;
}

/* ---- states as late as possible ---------------------------------------------------------------------- */

struct late {
  int stage, level; /* the latest end of a node that keeps results and successors where they are */
};

static void tighten(struct late *l, int stage, int level) {
  if (stage < l->stage || (stage == l->stage && level < l->level))
    *l = (struct late){stage, level};
}

static void tighten_operands(const struct netlist *n, ref r, int depth, struct late *late) {
  const struct net_node *x = net_at(n, r);
  int start = late[r].level - delay_in(n, r, depth);
  for (int i = 0; i < operands(x); i++) {
    ref y = net_root(n, x->in[i]);
    if (start >= delay_in(n, y, depth))
      tighten(&late[y], late[r].stage, start);
    else
      tighten(&late[y], late[r].stage - 1, depth);
  }
}

/* Moves the reads of states to the latest stage that delays nothing else: that makes their loops shortest. */
static void delay_states(struct netlist *n, int depth) {
  struct late *late = arena_array(n->arena, struct late, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++)
    late[r] = (struct late){INT_MAX, depth};
  for (int i = 0; i < n->outputs.n; i++)
    tighten(&late[net_root(n, n->outputs.at[i].node)], last_stage(n), depth);
  for (int i = 0; i < n->states.n; i++) {
    ref next = n->states.at[i].next;
    if (net_at(n, next)->live)
      tighten(&late[net_root(n, next)], stage_of(n, next), depth);
  }
  for (ref r = n->nodes.n - 1; r >= 0; r--)
    if (is_placed(net_at(n, r)))
      tighten_operands(n, r, depth, late);
  for (int i = 0; i < n->states.n; i++) {
    struct net_node *x = &n->nodes.at[n->states.at[i].node];
    if (x->live && net_root(n, n->states.at[i].next) != n->states.at[i].node)
      x->stage = late[n->states.at[i].node].stage;
  }
}

int net_schedule_arrival(const struct netlist *n, const struct schedule *s, int state) {
  return net_at(n, n->states.at[state].node)->stage + s->interleave;
}

static int loop_length(const struct netlist *n) {
  int longest = 1;
  for (int i = 0; i < n->states.n; i++) {
    const struct net_state *s = &n->states.at[i];
    int length = stage_of(n, s->next) - net_at(n, s->node)->stage + 1;
    if (net_at(n, s->node)->live && length > longest)
      longest = length;
  }
  return longest;
}

/* ---- fewer registers --------------------------------------------------------------------------------- */

/* edge[first[r] .. first[r + 1] - 1]: the users of root r. */
struct root_users {
  int *first, *edge;
};

static void find_users(const struct netlist *n, struct root_users *u) {
  u->first = arena_array(n->arena, int, n->nodes.n + 2);
  for (int pass = 0; pass < 2; pass++) {
    for (ref r = 0; r < n->nodes.n; r++) {
      const struct net_node *x = net_at(n, r);
      for (int i = 0; is_placed(x) && i < operands(x); i++) {
        ref y = net_root(n, x->in[i]);
        if (pass == 0)
          u->first[y + 2]++;
        else
          u->edge[u->first[y + 1]++] = r;
      }
    }
    if (pass == 0) {
      for (ref r = 0; r < n->nodes.n; r++)
        u->first[r + 2] += u->first[r + 1];
      u->edge = arena_array(n->arena, int, u->first[n->nodes.n + 1] + 1);
    }
  }
}

/* The latest stage in which the users still get the node in time: in a user's own stage where its levels
 * allow, else the stage before; fixed users (results, states) want a register between. */
static int latest_stage(const struct netlist *n, const struct schedule *s, const struct root_users *u, ref r,
                        const int *fixed) {
  int latest = fixed[r] - 1, d = delay_in(n, r, s->depth);
  for (int e = u->first[r]; e < u->first[r + 1]; e++) {
    const struct net_node *x = net_at(n, u->edge[e]);
    int start = x->level - delay_in(n, u->edge[e], s->depth);
    int stage = start >= d ? x->stage : x->stage - 1;
    latest = stage < latest ? stage : latest;
  }
  return latest;
}

/* The latest use of root y by others than r. */
static int last_without(const struct netlist *n, const struct root_users *u, ref y, ref r, const int *at) {
  int last = at[y] == INT_MAX ? 0 : at[y];
  for (int e = u->first[y]; e < u->first[y + 1]; e++)
    if (u->edge[e] != r && net_at(n, u->edge[e])->stage > last)
      last = net_at(n, u->edge[e])->stage;
  return last;
}

/* Moves a node to stage `to` when that saves register bits: its own against those of its operands. */
static bool move_later(struct netlist *n, const struct schedule *s, struct root_users *u, ref r, int to,
                       const int *fixed) {
  struct net_node *x = &n->nodes.at[r];
  int64_t gain = (int64_t)net_width(n, r) * (to - x->stage);
  for (int i = 0; i < operands(x); i++) {
    ref y = net_root(n, x->in[i]);
    if (net_at(n, y)->kind == NET_CONST)
      continue;
    int others = last_without(n, u, y, r, fixed), now = others > x->stage ? others : x->stage;
    gain -= (int64_t)net_width(n, y) * ((others > to ? others : to) - now);
  }
  if (gain <= 0)
    return false;
  x->stage = to;
  x->level = delay_in(n, r, s->depth);
  return true;
}

static void save_registers(struct netlist *n, struct schedule *s) {
  struct root_users u;
  find_users(n, &u);
  int *fixed = arena_array(n->arena, int, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++)
    fixed[r] = INT_MAX;
  for (int i = 0; i < n->outputs.n; i++)
    fixed[net_root(n, n->outputs.at[i].node)] = s->latency;
  for (int i = 0; i < n->states.n; i++) {
    ref next = net_root(n, n->states.at[i].next);
    int arrival = net_schedule_arrival(n, s, i);
    if (arrival < fixed[next])
      fixed[next] = arrival;
  }
  bool moved = true;
  for (int pass = 0; moved && pass < 4; pass++) {
    moved = false;
    for (ref r = n->nodes.n - 1; r >= 0; r--) {
      const struct net_node *x = net_at(n, r);
      int to = is_placed(x) ? latest_stage(n, s, &u, r, fixed) : 0;
      if (is_placed(x) && to > x->stage && to < INT_MAX - 1)
        moved |= move_later(n, s, &u, r, to, fixed);
    }
  }
}

/* ---- registers --------------------------------------------------------------------------------------- */

/* Operand `r` is used in `stage`, those bits of its root. */
static void use_bits(const struct netlist *n, struct schedule *s, ref r, net_mask bits, int stage) {
  ref root = net_root(n, r);
  struct net_delays *d = &s->delays[root];
  if (!bits)
    return;
  d->used |= bits;
  for (int k = 1; k <= stage - net_at(n, root)->stage; k++) {
    if (k > d->after.n)
      vec_push(n->arena, d->after, 0);
    d->after.at[k - 1] |= bits;
  }
}

static void use(const struct netlist *n, struct schedule *s, ref r, int width, int stage) {
  use_bits(n, s, r, net_root_bits(n, r, width), stage);
}

/* A limit at 0 from below looks at the sign and at the bits that stay. */
static bool use_of_sign(const struct netlist *n, struct schedule *s, ref r) {
  const struct net_node *x = net_at(n, r), *y = net_at(n, x->in[0]);
  if (x->kind != NET_CLAMP || x->least != 0 || y->hi > x->most || y->lo >= 0)
    return false;
  int whole = net_width(n, x->in[0]);
  net_mask sign = net_root_bits(n, x->in[0], whole) & ~net_root_bits(n, x->in[0], whole - 1);
  use_bits(n, s, x->in[0], sign | net_root_bits(n, x->in[0], net_width(n, r)), x->stage);
  return true;
}

static void find_registers(struct netlist *n, struct schedule *s) {
  s->delays = arena_array(n->arena, struct net_delays, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++) {
    const struct net_node *x = net_at(n, r);
    for (int i = 0; is_placed(x) && i < operands(x) && !use_of_sign(n, s, r); i++)
      use(n, s, x->in[i], net_operand_width(n, r, i), x->stage);
  }
  for (int i = 0; i < n->outputs.n; i++)
    use(n, s, n->outputs.at[i].node, net_width(n, n->outputs.at[i].node), s->latency);
  for (int i = 0; i < n->states.n; i++)
    if (net_at(n, n->states.at[i].node)->live) {
      ref next = n->states.at[i].next;
      int own = net_width(n, n->states.at[i].node), all = net_width(n, next);
      use(n, s, next, own < all ? own : all, net_schedule_arrival(n, s, i));
    }
  use(n, s, net_valid(n), 1, s->latency);
  for (ref r = 0; r < n->nodes.n; r++)
    for (int k = 0; k < s->delays[r].after.n; k++)
      s->registers += net_mask_count(s->delays[r].after.at[k]);
}

/* ---- the shortest interleave ------------------------------------------------------------------------- */

static void states_at_once(struct netlist *n, int depth) {
  for (int i = 0; i < n->states.n; i++)
    n->nodes.at[n->states.at[i].node].stage = 0;
  place_all(n, depth);
}

/* Whether the loops close with this interleave: each state is read no earlier than its successor arrives,
 * which moves what depends on it, and so on until nothing moves. */
static bool closes(struct netlist *n, int depth, int interleave, int latest) {
  states_at_once(n, depth);
  for (int round = 0; round < n->states.n + 2; round++) {
    bool moved = false;
    for (int i = 0; i < n->states.n; i++) {
      struct net_node *x = &n->nodes.at[n->states.at[i].node];
      int arrives = stage_of(n, n->states.at[i].next) + 1 - interleave;
      if (!x->live || arrives <= x->stage)
        continue;
      if (arrives > latest)
        return false;
      x->stage = arrives;
      moved = true;
    }
    if (!moved)
      return true;
    place_all(n, depth);
  }
  return false;
}

static void place_shortest(struct netlist *n, int depth) {
  states_at_once(n, depth);
  int latest = 2 * last_stage(n) + 64;
  delay_states(n, depth);
  place_all(n, depth);
  int most = loop_length(n), least = 1; /* `most` is known to close */
  while (least < most) {
    int middle = (least + most) / 2;
    if (closes(n, depth, middle, latest))
      most = middle;
    else
      least = middle + 1;
  }
  closes(n, depth, most, latest);
  delay_states(n, depth);
  place_all(n, depth);
}

void net_schedule_make(struct netlist *n, int depth, struct schedule *s) {
  *s = (struct schedule){.depth = depth};
  net_mark_live(n);
  place_shortest(n, depth);
  s->interleave = loop_length(n);
  s->latency = last_stage(n) + 1;
  save_registers(n, s);
  find_registers(n, s);
}
