/* eval.c: what a netlist computes, node by node. */
#include "backends/hardware/unrolled/netlist.h"

#include <string.h>

static int64_t view(const struct netlist *n, ref r, int64_t of) {
  const struct net_node *x = net_at(n, r);
  uint64_t bits = (uint64_t)of >> x->low;
  if (x->bits < 64) {
    uint64_t sign = (uint64_t)1 << (x->bits - 1);
    bits &= 2 * sign - 1;
    if (x->lo < 0)
      bits = (bits ^ sign) - sign;
  }
  return (int64_t)(bits << x->shift);
}

int64_t net_node_value(const struct netlist *n, ref r, const int64_t *value, int64_t token, bool first,
                       const int64_t *state) {
  const struct net_node *x = net_at(n, r);
  const int64_t *v = value;
  int64_t a = x->in[0] != NO_NODE ? v[x->in[0]] : 0, b = x->in[1] != NO_NODE ? v[x->in[1]] : 0;
  switch (x->kind) {
  case NET_CONST: return x->lo;
  case NET_TOKEN: return token;
  case NET_VALID: return 1;
  case NET_FIRST: return first;
  case NET_LAST: return 0;
  case NET_STATE: return state[x->state - 1];
  case NET_ADD: return a + b;
  case NET_SUB: return a - b;
  case NET_MUL: return a * b;
  case NET_NOT: return ~a;
  case NET_LT: return a < b;
  case NET_EQ: return a == b;
  case NET_SELECT: return a ? b : v[x->in[2]];
  case NET_CLAMP: return a < x->least ? x->least : a > x->most ? x->most : a;
  case NET_ROM: return n->tables.at[x->table].value[a - n->tables.at[x->table].first];
  default: return view(n, r, a);
  }
}

void net_eval(const struct netlist *n, int64_t token, bool first, int64_t *state, int64_t *value) {
  for (ref r = 0; r < n->nodes.n; r++)
    value[r] = net_node_value(n, r, value, token, first, state);
  for (int i = 0; i < n->states.n; i++)
    state[i] = value[n->states.at[i].next];
}
