/* inventory_kernel.c: the parts of a kernel's module, as print_kernel.c and print_phase.c print them. */
#include "backends/verilog/inventory.h"

#include "backends/verilog/emit.h"
#include "ir/curve.h"

static int most(int a, int b) {
  return a > b ? a : b;
}

/* ---- indices ------------------------------------------------------------------------------------------- */

/* Sums of an index that have two varying sides; multiplications by constants are wires where these are powers
 * of two, else sums. */
static int sums_in(const struct index *x) {
  int sums = 0;
  switch (x->kind) {
  case INDEX_ADD:
  case INDEX_SUB: sums = x->a->kind != INDEX_CONST && x->b->kind != INDEX_CONST; break;
  case INDEX_MUL:
    for (int64_t c = x->b->kind == INDEX_CONST ? x->b->constant : 1; c > 1; c >>= 1)
      sums += (int)(c & 1);
    break;
  case INDEX_MIN:
  case INDEX_MAX: sums = 2; break;
  default: return 0;
  }
  return sums + (x->a ? sums_in(x->a) : 0) + (x->b ? sums_in(x->b) : 0);
}

static void put_index(struct inv_unit *u, const struct index *x, int bits, int64_t times) {
  inv_add(u, times * sums_in(x), bits, bits, 0);
}

/* ---- values -------------------------------------------------------------------------------------------- */

static void put_sum(struct inv_unit *u, const struct hw_node *n, int64_t times) {
  struct interval a = n->in[0]->range, b = n->in[1]->range;
  int wa = node_width(n->in[0]), wb = node_width(n->in[1]), full = most(wa, wb) + 1;
  struct interval exact = n->code == OP_IADD ? (struct interval){a.lo + b.lo, a.hi + b.hi}
                                             : (struct interval){a.lo - b.hi, a.hi - b.lo};
  if (bits_of(exact) < full && bits_of(exact) >= most(wa, wb))
    full--;
  bool constant = n->in[0]->kind == NODE_CONST || n->in[1]->kind == NODE_CONST;
  inv_add(u, times, full, constant ? 0 : most(wa, wb), constant ? PART_CONST : 0);
  if (n->code == OP_ISUB && n->in[1]->kind != NODE_CONST)
    inv_invert(u, times, wb);
  inv_fit(u, times, node_width(n), full);
}

static void put_extreme(struct inv_unit *u, const struct hw_node *n, int64_t times) {
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  bool constant = n->in[0]->kind == NODE_CONST || n->in[1]->kind == NODE_CONST;
  inv_less(u, times, full, constant ? PART_CONST : 0);
  inv_mux(u, times, full, 2);
  inv_fit(u, times, node_width(n), full);
}

static int within(int64_t e) {
  return e < -62 ? -62 : e > 62 ? 62 : (int)e;
}

static void put_mulshift(struct inv_unit *u, const struct hw_node *n, int64_t times) {
  const struct hw_node *e = n->in[2];
  inv_library(u, times, "tern_mulshift", "A", node_width(n->in[0]), "B", node_width(n->in[1]), "BITS",
              node_width(n), "E", node_width(e), "E_MIN", within(e->range.lo), "E_MAX", within(e->range.hi),
              NULL);
}

/* Columns of a curve's table of starts and rises that are not the same for all segments. */
static int table_columns(const int64_t *y, int segments, int value) {
  int columns = 0;
  for (int bit = 0; bit < 2 * value + 1; bit++) {
    int64_t ones = 0;
    for (int i = 0; i < segments; i++)
      ones += (bit < value ? y[i] >> bit : (y[i + 1] - y[i]) >> (bit - value)) & 1;
    columns += ones > 0 && ones < segments;
  }
  return columns;
}

static void put_curve(struct inv_unit *u, const struct hw_node *n, int64_t times) {
  struct curve_shape s = curve_shape(&n->expr->attr);
  int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1];
  int count = curve_table(&n->expr->attr, y);
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  int value = most(bits_of(r), 2);
  struct interval rise = {y[1] - y[0], y[1] - y[0]};
  for (int i = 1; i + 1 < count; i++)
    rise = interval_join(rise, (struct interval){y[i + 1] - y[i], y[i + 1] - y[i]});
  inv_library(u, times, "tern_curve", "A", node_width(n->in[0]), "DOMAIN", s.s + s.h, "SEGMENTS", s.s,
              "VALUE", value, "BITS", node_width(n), "COLUMNS", table_columns(y, count - 1, value), "RISE",
              bits_of(rise), NULL);
}

static void put_slow(struct inv_unit *u, const struct hw_phase *p, const struct hw_node *n, int64_t times) {
  int a = node_width(n->in[0]), bits = node_width(n);
  if (n->code == OP_IDIV)
    inv_library(u, times, p->single ? "tern_idiv" : "tern_idiv_pipe", "A", a, "B", node_width(n->in[1]),
                "BITS", bits, NULL);
  else
    inv_library(u, times, p->single ? "tern_isqrt" : "tern_isqrt_pipe", "A", a, "BITS", bits, NULL);
}

/* A node that shares a unit has a register of its own behind it. */
static void put_shared_user(struct inv_unit *u, const struct hw_unit *k, const struct hw_node *n,
                            enum shared_unit kind) {
  const struct hw_shared *s = &k->shared[kind];
  inv_fit(u, 1, node_width(n), kind == SHARED_ILOG2 ? address_bits(s->in[0]) + 1 : s->out);
  inv_reg(u, 1, node_width(n), PART_ENABLE);
}

static void put_op(struct inv_unit *u, const struct hw_phase *p, const struct hw_node *n, int64_t times) {
  int width = node_width(n), full = n->n_in > 1 ? most(node_width(n->in[0]), node_width(n->in[1])) : 0;
  bool constant = n->n_in > 1 && (n->in[0]->kind == NODE_CONST || n->in[1]->kind == NODE_CONST);
  switch (n->code) {
  case OP_IADD:
  case OP_ISUB: put_sum(u, n, times); break;
  case OP_IMIN:
  case OP_IMAX: put_extreme(u, n, times); break;
  case OP_ILT:
  case OP_ILE: inv_less(u, times, full, constant ? PART_CONST : 0); break;
  case OP_IEQ: inv_equal(u, times, full, constant ? PART_CONST : 0); break;
  case OP_SELECT: inv_mux(u, times, width, 2); break;
  case OP_CONVERT: return;
  case OP_MULSHIFT: put_mulshift(u, n, times); return;
  case OP_CURVE: put_curve(u, n, times); return;
  case OP_ILOG2: inv_library(u, times, "tern_lz", "A", node_width(n->in[0]), NULL); break;
  default: put_slow(u, p, n, times); return;
  }
  inv_reg(u, times, width, PART_ENABLE);
}

/* The address is registered at the port (put_ports); the word in the memory; the value here. */
static void put_load(const struct hw_design *h, struct inv_unit *u, const struct hw_phase *p,
                     const struct hw_node *n, int64_t times) {
  int lanes = h->options.vector;
  if (n->buffer->place == HW_TOKEN)
    return;
  put_index(u, n->index, address_bits(n->buffer->elements), 1);
  if (!n->whole && lanes > 1) {
    inv_library(u, 1, "tern_pick", "WIDTH", node_width(n), "LANES", lanes, NULL);
    if (!p->single)
      inv_delay(u, 1, address_bits(lanes), 2, PART_ENABLE);
  }
  inv_reg(u, times, node_width(n), PART_ENABLE);
}

static void put_combine(struct inv_unit *u, const struct hw_node *n, int64_t times, bool first) {
  int width = node_width(n);
  if (n->acc->how == ACC_SUM) {
    inv_add(u, times, width, width, 0);
    inv_logic(u, first ? times * width : 0, 2);
  } else {
    inv_less(u, times, width, 0);
    inv_mux(u, times, width, 2);
  }
}

static void put_acc(struct inv_unit *u, const struct hw_phase *p, const struct hw_node *n) {
  const struct hw_level *v = p->levels[n->acc_level - 1];
  int width = node_width(n), element = node_width(n->element) + 1, t = n->time - 1;
  int64_t times = n->across ? p->lanes : n->wide ? p->lanes : 1;
  if (n->acc->how == ACC_ABSMAX) {
    inv_invert(u, times, element);
    inv_add(u, times, element, 0, PART_CONST);
    inv_mux(u, times, element, 2);
    inv_fit(u, times, width, element);
  }
  if (n->across) {
    if (v->extent % p->lanes)
      inv_logic(u, times * width, 2);
    for (int count = p->lanes / 2; count >= 1; count /= 2) {
      put_combine(u, n, count, false);
      inv_reg(u, count, width, PART_ENABLE);
    }
    times = 1;
  }
  inv_reg(u, times, width, PART_ENABLE);
  if (v->steps > 1) {
    put_combine(u, n, times, n->acc->how == ACC_SUM);
    inv_delay(u, p->single ? 0 : 2, 1, t, PART_ENABLE);
  }
}

static void put_node(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k,
                     const struct hw_phase *p, const struct hw_node *n) {
  enum shared_unit kind = hw_shared_by(p, n);
  int64_t times = n->wide ? p->lanes : 1;
  int width = node_width(n);
  if (kind != SHARED_COUNT) {
    put_shared_user(u, k, n, kind);
    return;
  }
  switch (n->kind) {
  case NODE_LOAD: put_load(h, u, p, n, times); break;
  case NODE_WEIGHT: inv_reg(u, times, width, PART_ENABLE); break;
  case NODE_INDEX:
    put_index(u, n->index, width, 1);
    if (n->expr->kind == EXPR_INDEX_LT)
      inv_less(u, times, address_bits(n->range.hi + 2) + 8, PART_CONST);
    inv_reg(u, times, width, PART_ENABLE);
    break;
  case NODE_OP: put_op(u, p, n, times); break;
  case NODE_ACC: put_acc(u, p, n); break;
  default: return;
  }
  bool memory = n->kind != NODE_LOAD || n->buffer->place != HW_TOKEN;
  if (memory && !p->single && n->time != TIME_ALWAYS && n->needed > n->time)
    inv_delay(u, times, width, n->needed - n->time, PART_ENABLE);
}

/* ---- units that scalars share -------------------------------------------------------------------------- */

/* Operands of a shared unit are gates: each user's value and the clock in which it begins. */
static void put_operands(struct inv_unit *u, const struct hw_unit *k, enum shared_unit kind, int operands) {
  const struct hw_shared *s = &k->shared[kind];
  for (int m = 0; m < operands; m++) {
    int varying = 0;
    for (int i = 0; i < k->phases.n; i++)
      for (int x = 0; x < k->phases.at[i]->nodes.n; x++) {
        const struct hw_node *n = k->phases.at[i]->nodes.at[x];
        varying += hw_shared_by(k->phases.at[i], n) == kind && n->in[m]->kind != NODE_CONST;
      }
    inv_logic(u, varying ? s->in[m] : 0, s->users + varying);
  }
}

static void put_shared(struct inv_unit *u, const struct hw_unit *k) {
  const struct hw_shared *mul = &k->shared[SHARED_MULSHIFT], *div = &k->shared[SHARED_IDIV];
  const struct hw_shared *root = &k->shared[SHARED_ISQRT], *log = &k->shared[SHARED_ILOG2];
  if (mul->users) {
    put_operands(u, k, SHARED_MULSHIFT, 3);
    inv_library(u, 1, "tern_mulshift", "A", mul->in[0], "B", mul->in[1], "BITS", mul->out, "E", mul->in[2],
                "E_MIN", (int)mul->e_least, "E_MAX", (int)mul->e_most, NULL);
  }
  if (div->users) {
    put_operands(u, k, SHARED_IDIV, 2);
    inv_library(u, 1, "tern_idiv", "A", div->in[0], "B", div->in[1], "BITS", div->out, NULL);
  }
  if (root->users) {
    put_operands(u, k, SHARED_ISQRT, 1);
    inv_library(u, 1, "tern_isqrt", "A", root->in[0], "BITS", root->out, NULL);
  }
  if (log->users) {
    put_operands(u, k, SHARED_ILOG2, 1);
    inv_library(u, 1, "tern_lz", "A", log->in[0], NULL);
  }
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static int stores_to(const struct hw_unit *k, const struct hw_buffer *b) {
  int n = 0;
  for (int i = 0; i < k->phases.n; i++)
    for (int s = 0; s < k->phases.at[i]->stores.n; s++)
      n += k->phases.at[i]->stores.at[s]->buffer == b;
  return n;
}

static int port_users(const struct hw_unit *k, const struct hw_buffer *b, int port) {
  int users = 0;
  for (int i = 0; i < k->phases.n; i++) {
    bool uses = false;
    for (int x = 0; x < k->phases.at[i]->nodes.n; x++) {
      const struct hw_node *n = k->phases.at[i]->nodes.at[x];
      uses = uses || (n->kind == NODE_LOAD && n->buffer == b && n->port == port);
    }
    users += uses;
  }
  return users;
}

static void put_ports(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k) {
  int lanes = h->options.vector;
  for (int i = 0; i < k->reads.n; i++) {
    const struct hw_buffer *b = k->reads.at[i];
    int bits = address_bits(b->words), ports = unit_ports(k, b);
    for (int port = 0; port < ports; port++) {
      inv_reg(u, 1, bits, 0);
      inv_mux(u, 1, bits, port_users(k, b, port));
    }
    if (b->place == HW_LOCAL)
      inv_library(u, ports, "tern_ram", "WIDTH", b->bits, "LANES", lanes, "DEPTH", most((int)b->words, 2),
                  NULL);
  }
  for (int i = 0; i < k->writes.n; i++) {
    const struct hw_buffer *b = k->writes.at[i];
    int bits = address_bits(b->words) + lanes * b->bits, stores = stores_to(k, b);
    inv_reg(u, 1, lanes, PART_RESET);
    inv_reg(u, 1, bits, PART_ENABLE);
    inv_mux(u, 1, bits + lanes, stores);
    inv_logic(u, stores, 3);
  }
  if (unit_stores_logits(k)) {
    inv_reg(u, 1, 1, PART_RESET);
    inv_reg(u, 1, address_bits(h->logits->elements) + h->logits->bits, PART_ENABLE);
  }
}

static void put_store(const struct hw_design *h, struct inv_unit *u, const struct hw_phase *p,
                      const struct hw_store *s) {
  int lanes = h->options.vector, t = p->single ? 0 : s->time;
  if (s->buffer->place == HW_LOGITS) {
    put_index(u, s->index, address_bits(s->buffer->elements), 1);
    inv_delay(u, 1, address_bits(s->buffer->elements), t, PART_ENABLE);
    return;
  }
  put_index(u, s->index, address_bits(s->buffer->elements), 1);
  inv_delay(u, 1, address_bits(s->buffer->words), t, PART_ENABLE);
  if (!s->whole && lanes > 1) {
    inv_delay(u, 1, address_bits(lanes), t, PART_ENABLE);
    inv_logic(u, lanes, address_bits(lanes));
  }
}

/* ---- control ------------------------------------------------------------------------------------------- */

static void put_control(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k) {
  int phases = k->phases.n, words = 0;
  inv_reg(u, 1, 3 + address_bits(phases), PART_RESET);
  for (int i = 0; i < k->counters.n; i++) {
    const struct hw_level *v = k->counters.at[i];
    if (v->steps <= 1)
      continue;
    int bits = address_bits(v->steps);
    inv_reg(u, 1, bits, PART_RESET | PART_ENABLE);
    inv_add(u, 1, bits, 0, PART_CONST);
    inv_equal(u, 1, bits, PART_CONST);
    inv_logic(u, bits, 3);
  }
  for (int i = 0; i < phases; i++) {
    const struct hw_phase *p = k->phases.at[i];
    inv_reg(u, p->single ? 1 : 2, p->depth, PART_RESET); /* the one iteration is the last */
    inv_logic(u, 4, 4);
    words = most(words, p->words);
  }
  inv_mux(u, 1, address_bits(phases) + 1, phases);
  if (words > 1) {
    inv_reg(u, 1, (words - 1) * h->word_bits, PART_ENABLE);
    inv_reg(u, 1, address_bits(words), PART_RESET);
    inv_add(u, 1, address_bits(words), 0, PART_CONST);
    inv_logic(u, words - 1, address_bits(words) + 1);
  }
}

void inventory_kernel(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k) {
  put_control(h, u, k);
  for (int i = 0; i < k->phases.n; i++) {
    const struct hw_phase *p = k->phases.at[i];
    for (int n = 0; n < p->nodes.n; n++)
      put_node(h, u, k, p, p->nodes.at[n]);
    for (int s = 0; s < p->stores.n; s++)
      put_store(h, u, p, p->stores.at[s]);
  }
  put_shared(u, k);
  put_ports(h, u, k);
}
