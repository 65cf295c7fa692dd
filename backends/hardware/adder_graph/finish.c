/* finish.c: what is done to a graph of nodes: signs, adders of three operands, order and totals. */
#include "backends/hardware/adder_graph/graph_build.h"

#include <stdlib.h>
#include <string.h>

struct users users_find(const struct adder_graph *g) {
  int n = g->inputs + g->nodes;
  struct users u = {xmalloc(sizeof(int) * (size_t)(n + 2)), xmalloc(sizeof(int) * (size_t)(3 * g->nodes + 1)),
                    xmalloc(sizeof(int) * (size_t)(n + 1))};
  memset(u.start, 0, sizeof(int) * (size_t)(n + 2));
  memset(u.outputs, 0, sizeof(int) * (size_t)(n + 1));
  for (int v = g->inputs; v < n; v++)
    for (int k = 0; k < operands(&g->value[v]); k++)
      u.start[g->value[v].in[k].value + 2]++;
  for (int v = 1; v <= n; v++)
    u.start[v + 1] += u.start[v];
  for (int v = g->inputs; v < n; v++)
    for (int k = 0; k < operands(&g->value[v]); k++)
      u.user[u.start[g->value[v].in[k].value + 1]++] = v;
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].value >= 0)
      u.outputs[g->output[j].value]++;
  return u;
}

void users_free(struct users *u) {
  free(u->start);
  free(u->user);
  free(u->outputs);
}

/* ---- signs -----------------------------------------------------------------------------------------------
 *
 * Turning a value round changes its sign in every user. A node a - b may be turned, a + b may not: unless
 * one of its operands is turned too. A search of a few steps below and above a negated output finds whether
 * the outputs that are negated become fewer. */

enum { TURNS = 64 };

struct turning {
  struct adder_graph *g;
  struct users users;
  bool *turned;
  int list[TURNS], n;
};

/* The operand's sign with what has been turned. */
static bool sign_of(const struct turning *t, int v, int k) {
  struct adder_ref r = t->g->value[v].in[k];
  return r.negative ^ t->turned[r.value] ^ t->turned[v];
}

static bool all_negative(const struct turning *t, int v) {
  return sign_of(t, v, 0) && sign_of(t, v, 1);
}

static void turn(struct turning *t, int v) {
  t->turned[v] = !t->turned[v];
  t->list[t->n++] = v;
}

static bool in_list(const struct turning *t, int v) {
  for (int i = 0; i < t->n; i++)
    if (t->list[i] == v)
      return true;
  return false;
}

static bool turn_round(struct turning *t, int v);

/* Makes node v legal by turning it or an operand; what is turned already stays. */
static bool repair(struct turning *t, int v) {
  if (!all_negative(t, v))
    return true;
  for (int k = 0; k < 2; k++)
    if (!in_list(t, t->g->value[v].in[k].value) && turn_round(t, t->g->value[v].in[k].value))
      return !all_negative(t, v);
  return !in_list(t, v) && turn_round(t, v) && !all_negative(t, v);
}

static void undo(struct turning *t, int n) {
  while (t->n > n) {
    int v = t->list[--t->n];
    t->turned[v] = !t->turned[v];
  }
}

/* Turns v and repairs what that breaks; false, with nothing changed, when it cannot. */
static bool turn_round(struct turning *t, int v) {
  int before = t->n;
  if (v < t->g->inputs || t->n == TURNS)
    return false;
  turn(t, v);
  bool ok = repair(t, v);
  for (int i = t->users.start[v]; ok && i < t->users.start[v + 1]; i++)
    ok = repair(t, t->users.user[i]);
  if (!ok)
    undo(t, before);
  return ok;
}

/* Outputs of the turned values that are negated, less those that were. */
static int more_negations(const struct turning *t) {
  int more = 0;
  for (int j = 0; j < t->g->outputs; j++) {
    struct adder_ref r = t->g->output[j];
    if (r.value >= 0 && in_list(t, r.value))
      more += (r.negative ^ t->turned[r.value]) - (r.negative ^ t->turned[r.value] ^ 1);
  }
  return more;
}

/* The list is as consistent as its repairs; a node may have been repaired before a later turn. */
static bool is_legal(const struct turning *t) {
  for (int i = 0; i < t->n; i++) {
    int v = t->list[i];
    if (all_negative(t, v))
      return false;
    for (int k = t->users.start[v]; k < t->users.start[v + 1]; k++)
      if (all_negative(t, t->users.user[k]))
        return false;
  }
  return true;
}

static void apply_turns(struct turning *t) {
  struct adder_graph *g = t->g;
  for (int v = g->inputs; v < g->inputs + g->nodes; v++) {
    bool negative[2] = {sign_of(t, v, 0), sign_of(t, v, 1)};
    struct adder_ref *in = g->value[v].in;
    in[0].negative = negative[0];
    in[1].negative = negative[1];
    if (negative[0]) {
      struct adder_ref swap = in[0];
      in[0] = in[1];
      in[1] = swap;
    }
  }
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].value >= 0)
      g->output[j].negative ^= t->turned[g->output[j].value];
}

void build_signs(struct adder_graph *g) {
  struct turning t = {.g = g, .users = users_find(g)};
  t.turned = xmalloc(sizeof *t.turned * (size_t)(g->inputs + g->nodes));
  memset(t.turned, 0, sizeof *t.turned * (size_t)(g->inputs + g->nodes));
  for (int j = 0; j < g->outputs; j++) {
    struct adder_ref r = g->output[j];
    t.n = 0;
    if (r.value < 0 || !(r.negative ^ t.turned[r.value]) || !turn_round(&t, r.value))
      continue;
    if (!is_legal(&t) || more_negations(&t) >= 0)
      undo(&t, 0);
  }
  apply_turns(&t);
  users_free(&t.users);
  free(t.turned);
}

/* ---- three operands --------------------------------------------------------------------------------------
 *
 * From the inputs down, each node takes in one operand that it alone uses and that has two operands itself,
 * the widest of them; among trees no other choice joins more. */

static int to_take_in(const struct adder_graph *g, const struct users *u, const struct adder_value *v) {
  int best = -1;
  for (int k = 0; k < 2; k++) {
    int w = v->in[k].value;
    if (w < g->inputs || operands(&g->value[w]) != 2 || u->outputs[w] || u->start[w + 1] - u->start[w] != 1)
      continue;
    const struct adder_value *in = g->value[w].in[0].value >= 0 ? &g->value[w] : NULL;
    bool any_plus = !v->in[!k].negative || !(in->in[0].negative ^ v->in[k].negative) ||
                    !(in->in[1].negative ^ v->in[k].negative);
    if (any_plus && (best < 0 || in->width > g->value[v->in[best].value].width))
      best = k;
  }
  return best;
}

void build_three_input(struct adder_graph *g) {
  struct users u = users_find(g);
  for (int i = g->inputs; i < g->inputs + g->nodes; i++) {
    struct adder_value *v = &g->value[i];
    int k = to_take_in(g, &u, v);
    if (k < 0)
      continue;
    const struct adder_value *w = &g->value[v->in[k].value];
    struct adder_ref a = w->in[0], b = w->in[1], c = v->in[!k];
    a.negative ^= v->in[k].negative;
    b.negative ^= v->in[k].negative;
    struct adder_ref in[3] = {a, b, c};
    int first = !in[0].negative ? 0 : !in[1].negative ? 1 : 2;
    v->in[0] = in[first];
    v->in[1] = in[first == 0 ? 1 : 0];
    v->in[2] = in[first == 2 ? 1 : 2];
  }
  users_free(&u);
}

/* ---- order and totals --------------------------------------------------------------------------------- */

static void mark_used(const struct adder_graph *g, bool *used, int v) {
  if (v < 0 || used[v])
    return;
  used[v] = true;
  for (int k = 0; v >= g->inputs && k < operands(&g->value[v]); k++)
    mark_used(g, used, g->value[v].in[k].value);
}

static void measure(const struct adder_graph *g, struct adder_value *v) {
  v->lo = v->hi = v->depth = 0;
  for (int k = 0; k < operands(v); k++) {
    const struct adder_value *in = &g->value[v->in[k].value];
    v->lo += v->in[k].negative ? -in->hi : in->lo;
    v->hi += v->in[k].negative ? -in->lo : in->hi;
    v->depth = v->depth > in->depth ? v->depth : in->depth;
  }
  v->depth++;
  v->width = (int16_t)signed_width(v->lo, v->hi);
}

static int by_key(const void *p, const void *q) {
  uint64_t a = *(const uint64_t *)p, b = *(const uint64_t *)q;
  return a < b ? -1 : a > b;
}

/* Used nodes by depth; to[v] is the new place. */
static void sort_nodes(struct adder_graph *g, const bool *used) {
  int n = 0, all = g->inputs + g->nodes;
  uint64_t *order = xmalloc(sizeof *order * (size_t)(g->nodes + 1));
  int *to = xmalloc(sizeof *to * (size_t)all);
  struct adder_value *value = arena_array(&g->arena, struct adder_value, all);
  for (int v = g->inputs; v < all; v++)
    if (used[v])
      order[n++] = (uint64_t)g->value[v].depth << 32 | (uint64_t)v;
  qsort(order, (size_t)n, sizeof *order, by_key);
  memcpy(value, g->value, sizeof *value * (size_t)g->inputs);
  for (int v = 0; v < g->inputs; v++)
    to[v] = v;
  for (int i = 0; i < n; i++) {
    to[(uint32_t)order[i]] = g->inputs + i;
    value[g->inputs + i] = g->value[(uint32_t)order[i]];
  }
  for (int v = g->inputs; v < g->inputs + n; v++)
    for (int k = 0; k < operands(&value[v]); k++)
      value[v].in[k].value = to[value[v].in[k].value];
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].value >= 0)
      g->output[j].value = to[g->output[j].value];
  g->value = value;
  g->nodes = n;
  free(order);
  free(to);
}

void build_finish(struct adder_graph *g) {
  bool *used = xmalloc(sizeof *used * (size_t)(g->inputs + g->nodes));
  memset(used, 0, sizeof *used * (size_t)(g->inputs + g->nodes));
  for (int j = 0; j < g->outputs; j++)
    mark_used(g, used, g->output[j].value);
  for (int v = g->inputs; v < g->inputs + g->nodes; v++)
    measure(g, &g->value[v]);
  sort_nodes(g, used);
  free(used);
  g->adder_bits = g->depth = g->negations = g->three_input = 0;
  for (int v = g->inputs; v < g->inputs + g->nodes; v++) {
    g->adder_bits += g->value[v].width;
    g->three_input += operands(&g->value[v]) == 3;
  }
  for (int j = 0; j < g->outputs; j++) {
    if (g->output[j].value < 0)
      continue;
    int depth = g->value[g->output[j].value].depth;
    g->depth = depth > g->depth ? depth : g->depth;
    g->negations += g->output[j].negative;
  }
}
