/* netlist.h: a model's step as a graph of scalars, for the unrolled machine.
 *
 * Every element of every value is a node with an interval that holds all values it can take; a wire is
 * exactly as wide as its interval needs (two's complement when the interval has negative numbers, unsigned
 * otherwise). Makers fold constants, apply identities and return an existing node where an equal one was made
 * before (hash-consing), so that what the matrices, rows and blocks of a model share is there once.
 *
 * Shifts, single bits and low bits cost nothing in hardware: they are VIEWs, and a view's operand is never a
 * view. Nodes are in topological order: operands come before users, except the loop of a STATE.
 *
 * Numbers stay below 2^62 in magnitude; a maker that would leave that range notes it in `too_wide`, and the
 * builder reports it at the operator. */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_NETLIST_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_NETLIST_H

#include "support/arena.h"
#include <stdbool.h>
#include <stdint.h>

enum net_node_kind {
  NET_CONST,  /* lo == hi */
  NET_TOKEN,  /* the token that entered: 0 .. vocabulary - 1 */
  NET_VALID,  /* 1: there is a token; 0: a bubble */
  NET_FIRST,  /* 1: the token is the first of its sequence */
  NET_LAST,   /* 1: the token is the last of its sequence; only handed on */
  NET_STATE,  /* what the sequence's last token left in a state's element */
  NET_ADD,    /* in[0] + in[1] */
  NET_SUB,    /* in[0] - in[1] */
  NET_MUL,    /* in[0] * in[1], one multiplier */
  NET_NOT,    /* -1 - in[0]: every bit inverted */
  NET_LT,     /* in[0] < in[1] */
  NET_EQ,     /* in[0] == in[1] */
  NET_SELECT, /* in[0] ? in[1] : in[2] */
  NET_CLAMP,  /* in[0] brought into least .. most */
  NET_ROM,    /* tables[table], indexed by in[0] from its interval's lower end */
  NET_VIEW,   /* bits low .. low + bits - 1 of in[0], then `shift` zeros below */
  NET_KINDS
};
const char *node_kind_name(enum net_node_kind kind);

typedef int ref; /* a node's number */
enum { NO_NODE = -1 };

struct net_node {
  enum net_node_kind kind;
  ref in[3];
  int64_t lo, hi;
  int64_t least, most;  /* CLAMP */
  int low, bits, shift; /* VIEW */
  int table;            /* ROM */
  int state;            /* STATE: its number + 1 */
  ref support;          /* the one narrow node that its value depends on; itself when there is no such node;
                           NO_NODE for constants */
  int depth;            /* logic levels from the leaves, were there no registers */
  int unit;             /* the unit that was current when it was made */
  const char *name;     /* from the spec, with the element's number: "h_3"; may be NULL */
  /* schedule: */
  bool live;
  int stage; /* it is computed in this stage, from registered operands of the stage or of others */
  int level; /* logic levels of the stage that are used when it is there; 0: it comes from a register */
};

struct net_table {
  int64_t first; /* the operand of entry 0 */
  int n;
  int64_t *value;
};

struct net_state {
  const char *name; /* "layers.0.h" and the element: "layers_0_h_3" */
  int zeros;        /* node, next and init are the element's value without this many zeros below */
  ref node;         /* NET_STATE */
  ref value;        /* what the step sees: node, or the initial value when the token is the first */
  ref next;         /* what the step leaves; a bubble leaves the old state */
  int64_t init;
};

struct net_unit {
  const char *name; /* an identifier, unique: the path of a block or weight of the spec */
  const char *what; /* a line for the module's header */
};

struct net_output {
  const char *name;
  ref node;
};

enum net_multiplier {
  MULTIPLIER_LOGIC, /* products are sums of partial products, each in a level of its own */
  MULTIPLIER_BLOCK  /* products are `*`, for devices with multipliers */
};

struct netlist {
  struct arena *arena;
  enum net_multiplier multiplier;
  int unit; /* given to the nodes made; 0: the core, which has the token and its flags */
  bool too_wide;
  VEC(struct net_node) nodes;
  VEC(struct net_table) tables;
  VEC(struct net_state) states;
  VEC(struct net_unit) units;
  VEC(struct net_output) outputs;
  int *slots; /* hash table of node numbers + 1 */
  int n_slots;
};

void net_init(struct netlist *n, struct arena *a);
/* A unit of this name is current from now on; the same name is the same unit. */
void net_set_unit(struct netlist *n, const char *name, const char *what);

/* ---- nodes: netlist.c ---- */
const struct net_node *net_at(const struct netlist *n, ref r);
bool net_is_const(const struct netlist *n, ref r, int64_t *value);
/* Bits of a wire that holds lo .. hi; signed when lo < 0. At least 1. */
int net_interval_width(int64_t lo, int64_t hi);
int net_width(const struct netlist *n, ref r);
bool net_signed(const struct netlist *n, ref r);
/* Zeros at the lower end that a node is known to have; 62 for the constant 0. */
int net_zeros(const struct netlist *n, ref r);
/* Logic levels of a node: 0 for views, inverters, gates (a select with a zero) and additions that only put
 * bits side by side, 1 for the rest, 2 for tables of more than 64 entries. */
int net_delay(const struct netlist *n, ref r);
/* Low bits of a sum or difference that are its second operand's own, because the first one has zeros there
 * (or the first one's own: *of_second false). The adder is that much narrower. */
int net_passed_bits(const struct netlist *n, ref r, bool *of_second);
/* Whether nothing is left to add above them. */
bool net_is_concat(const struct netlist *n, ref r);

ref net_const(struct netlist *n, int64_t value);
ref net_token(struct netlist *n, int64_t vocabulary);
ref net_valid(struct netlist *n);
ref net_first(struct netlist *n);
ref net_last(struct netlist *n);
/* A state's element within lo .. hi, a multiple of 2^zeros as init is; returns its number. net_state_next
 * closes the loop. */
int net_state(struct netlist *n, const char *name, int64_t lo, int64_t hi, int64_t init, int zeros);
void net_state_next(struct netlist *n, int state, ref next);
ref net_add(struct netlist *n, ref a, ref b);
ref net_sub(struct netlist *n, ref a, ref b);
ref net_multiplier(struct netlist *n, ref a, ref b); /* one NET_MUL */
ref net_not(struct netlist *n, ref a);
ref net_lt(struct netlist *n, ref a, ref b);
ref net_eq(struct netlist *n, ref a, ref b);
ref net_select(struct netlist *n, ref c, ref a, ref b);
ref net_clamp(struct netlist *n, ref a, int64_t least, int64_t most);
ref net_shl(struct netlist *n, ref a, int by);
ref net_shr(struct netlist *n, ref a, int by);                   /* floor */
ref net_bit(struct netlist *n, ref a, int i);                    /* of the two's complement: 0 or 1 */
ref net_low(struct netlist *n, ref a, int bits, bool is_signed); /* the low bits as a number */
/* value[i] for a = lo + i, where lo .. hi is a's interval; value has hi - lo + 1 entries and is copied. */
ref net_rom(struct netlist *n, ref a, const int64_t *value);
/* Narrows the interval of a node that was made just now, where more is known of it than its operator tells.
 */
ref net_bound(struct netlist *n, ref r, int before, int64_t lo, int64_t hi);
/* Turns node r, whatever it was, into a table of node a, which stands before it. */
void net_become_rom(struct netlist *n, ref r, ref a, const int64_t *value);
/* Marks what outputs depend on, through states. */
void net_mark_live(struct netlist *n);
void net_output(struct netlist *n, const char *name, ref r);
/* Names the node that holds a value, unless it has a name: element `i` of a value that the spec calls `name`;
 * i < 0: the name alone. */
void net_name(struct netlist *n, ref r, const char *name, int64_t i);

/* ---- arithmetic in terms of nodes: arith.c ---- */
struct net_term {
  ref node;
  bool negative;
  int shift; /* node * 2^shift */
};
/* Sum of the terms, a tree that takes what is ready earliest and narrowest first. */
ref net_sum(struct netlist *n, const struct net_term *term, int count);
ref net_mul(struct netlist *n, ref a, ref b);
/* floor(a * 2^-e + 1/2) brought into `bits` bits, e within -62 .. 62; a single adder where e is constant. */
ref net_scale(struct netlist *n, ref a, ref e, int bits);
ref net_min(struct netlist *n, ref a, ref b);
ref net_max(struct netlist *n, ref a, ref b);
ref net_abs(struct netlist *n, ref a);
ref net_div(struct netlist *n, ref a, ref b);                              /* floor(a / max(b, 1)) */
ref net_sqrt(struct netlist *n, ref a);                                    /* floor(sqrt(max(a, 0))) */
ref net_log2(struct netlist *n, ref a);                                    /* floor(log2(max(|a|, 1))) */
ref net_choose(struct netlist *n, ref i, const ref *value, int64_t count); /* value[i] */
struct net_best {
  ref value, index;
};
struct net_best net_argmax(struct netlist *n, const ref *value,
                           int64_t count); /* the lowest index of equals */

/* ---- evaluation: eval.c ---- */
/* Values of all nodes for one token; value[] has room for nodes.n, state[] the states' elements, replaced by
 * what the token leaves. */
void net_eval(const struct netlist *n, int64_t token, bool first, int64_t *state, int64_t *value);

/* Of one node, from its operands' values. */
int64_t net_node_value(const struct netlist *n, ref r, const int64_t *value, int64_t token, bool first,
                       const int64_t *state);

/* ---- tables: tabulate.c ---- */
/* Makes tables of nodes that depend on one narrow number only (struct net_node: support) where that takes
 * fewer LUTs than the operators between. Outputs and states are there; no maker may be called afterwards. */
void net_tabulate(struct netlist *n);
/* LUTs of four inputs for a table of `count` numbers of `width` bits, as distinct functions of four inputs
 * and multiplexers above them. */
int net_table_luts(const int64_t *value, int64_t count, int width);

#endif
