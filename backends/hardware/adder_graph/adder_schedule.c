/* adder_schedule.c: which stage of the pipeline a node is in, and the registers that follow from it.
 *
 * Every node starts as early as it can. Then nodes move, one at a time, to the place between their operands
 * and their users where the fewest register bits are needed: two narrow operands that live on anyway are
 * better joined late, two that end here early. This repeats until nothing moves. */
#include "backends/hardware/adder_graph/graph_build.h"

#include <stdlib.h>

enum { ROUNDS = 20 };

struct scheduler {
  struct adder_graph *g;
  struct adder_schedule *s;
  struct users users;
  int *level; /* of nodes, from 1: its place in the chain of adders */
};

int adder_graph_output_width(const struct adder_graph *g, int j) {
  struct adder_ref r = g->output[j];
  if (r.value < 0)
    return 1;
  const struct adder_value *v = &g->value[r.value];
  return r.negative ? signed_width(-v->hi, -v->lo) : v->width;
}

static int stage_of(const struct scheduler *c, int v) {
  return v < c->g->inputs ? 0 : (c->level[v] + c->s->levels - 1) / c->s->levels;
}

static int last_of(const struct scheduler *c, int v, const bool *plain) {
  int last = stage_of(c, v) - 1;
  for (int i = c->users.start[v]; i < c->users.start[v + 1]; i++) {
    int use = stage_of(c, c->users.user[i]) - 1;
    last = use > last ? use : last;
  }
  if (plain[v])
    last = c->s->stages;
  else if (c->users.outputs[v] && last < c->s->stages - 1)
    last = c->s->stages - 1; /* up to where it is negated */
  return last;
}

static int64_t registers_of(const struct scheduler *c, int v, const bool *plain) {
  return (int64_t)c->g->value[v].width * (last_of(c, v, plain) - stage_of(c, v) + 1);
}

/* Registers of v in a row of which only the last is read, in each row three or more: what becomes a shift
 * register where LUTs can be one. */
static void count_chains(const struct scheduler *c, int v, const bool *plain) {
  int last = c->s->last[v], row = 0;
  for (int k = c->s->stage[v]; k <= last; k++) {
    bool read = (plain[v] || c->users.outputs[v]) && k == last;
    for (int i = c->users.start[v]; i < c->users.start[v + 1] && !read; i++)
      read = stage_of(c, c->users.user[i]) == k + 1;
    row++;
    if (!read)
      continue;
    if (row >= ADDER_SHIFT_LENGTH) {
      c->s->shifts += c->g->value[v].width;
      c->s->shift_bits += (int64_t)row * c->g->value[v].width;
    }
    row = 0;
  }
}

/* Register bits that depend on where v is. */
static int64_t bits_around(const struct scheduler *c, int v, const bool *plain) {
  int64_t bits = registers_of(c, v, plain);
  for (int k = 0; k < operands(&c->g->value[v]); k++)
    bits += registers_of(c, c->g->value[v].in[k].value, plain);
  return bits;
}

static int earliest(const struct scheduler *c, int v) {
  int level = 1;
  for (int k = 0; k < operands(&c->g->value[v]); k++) {
    int in = c->g->value[v].in[k].value;
    if (in >= c->g->inputs && c->level[in] >= level)
      level = c->level[in] + 1;
  }
  return level;
}

static int latest(const struct scheduler *c, int v) {
  int level = c->s->stages * c->s->levels;
  for (int i = c->users.start[v]; i < c->users.start[v + 1]; i++)
    if (c->level[c->users.user[i]] <= level)
      level = c->level[c->users.user[i]] - 1;
  return level;
}

static bool move_node(struct scheduler *c, int v, const bool *plain) {
  int from = earliest(c, v), to = latest(c, v), best = c->level[v], before = best;
  int64_t least = bits_around(c, v, plain);
  for (int level = from; level <= to; level++) {
    c->level[v] = level;
    int64_t bits = bits_around(c, v, plain);
    if (bits < least) {
      least = bits;
      best = level;
    }
  }
  c->level[v] = best;
  return best != before;
}

static void move_nodes(struct scheduler *c, const bool *plain) {
  int first = c->g->inputs, n = c->g->nodes;
  for (int round = 0; round < ROUNDS; round++) {
    bool moved = false;
    for (int i = 0; i < n; i++)
      moved |= move_node(c, round & 1 ? first + i : first + n - 1 - i, plain);
    if (!moved)
      break;
  }
}

struct adder_schedule *adder_graph_schedule(struct adder_graph *g, int levels) {
  int values = g->inputs + g->nodes;
  struct adder_schedule *s = arena_new(&g->arena, struct adder_schedule);
  struct scheduler c = {g, s, users_find(g), arena_array(&g->arena, int, values)};
  bool *plain = arena_array(&g->arena, bool, values); /* some output is the value itself */
  s->levels = levels;
  s->stage = arena_array(&g->arena, int, values);
  s->last = arena_array(&g->arena, int, values);
  for (int v = g->inputs; v < values; v++) {
    c.level[v] = earliest(&c, v);
    if (stage_of(&c, v) > s->stages)
      s->stages = stage_of(&c, v);
  }
  for (int j = 0; j < g->outputs; j++) {
    if (g->output[j].value < 0)
      continue;
    plain[g->output[j].value] |= !g->output[j].negative;
    if (g->output[j].negative)
      s->register_bits += adder_graph_output_width(g, j);
  }
  s->latency = s->stages + 1;
  move_nodes(&c, plain);
  for (int v = 0; v < values; v++) {
    s->stage[v] = stage_of(&c, v);
    s->last[v] = last_of(&c, v, plain);
    s->register_bits += registers_of(&c, v, plain);
    count_chains(&c, v, plain);
  }
  users_free(&c.users);
  return s;
}

/* ---- cost --------------------------------------------------------------------------------------------- */

const struct adder_family adder_families[] = {
    {"xcup", "Xilinx 7 series, UltraScale, UltraScale+", "LUT6", 0.90, 0.925, true},
    {"ecp5", "Lattice ECP5", "LUT4", 1.045, 1.066, false},
};
const int n_adder_families = sizeof adder_families / sizeof *adder_families;

int64_t adder_graph_logic_bits(const struct adder_graph *g) {
  int64_t bits = g->adder_bits;
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].negative)
      bits += adder_graph_output_width(g, j);
  return bits;
}

struct adder_cells adder_graph_cells(const struct adder_graph *g, const struct adder_schedule *s,
                                     const struct adder_family *f) {
  double bits = (double)adder_graph_logic_bits(g);
  int64_t shifts = f->shifts ? s->shifts : 0;
  return (struct adder_cells){
      .luts_low = (int64_t)(bits * f->low + 0.5) + shifts,
      .luts_high = (int64_t)(bits * f->high + 0.5) + shifts,
      .shifts = shifts,
      .ffs = s->register_bits - (f->shifts ? s->shift_bits : 0),
  };
}
