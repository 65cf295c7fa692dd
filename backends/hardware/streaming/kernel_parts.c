/* kernel_parts.c: the parts of a kernel's module, as print_kernel.c and print_phase.c print it: its words
 * in their order (bits.h), so that what synthesis leaves of them is known. */
#include "backends/hardware/streaming/streaming_parts.h"

#include "backends/hardware/rtl/bits.h"
#include "backends/hardware/streaming/printer.h"
#include "backends/loops/index.h"
#include "ir/curve.h"

struct filling {
  const struct hw_design *h;
  struct inv_unit *u;
  const struct hw_unit *k;
  const struct hw_phase *p;
  struct bits *b;
  bit running, on;      /* of the phase */
  bit *valid;           /* by clocks since issue */
  struct word *value;   /* of nodes, when they are made */
  struct word *counter; /* of the kernel's counters */
  struct word i, j, token, data, kept;
  VEC(struct word) shared[SHARED_COUNT][3]; /* of the users: when, and the operand */
  VEC(bit) starts[SHARED_COUNT];
  struct word result[SHARED_COUNT];
};

static const struct word none;

static int most(int a, int b) {
  return a > b ? a : b;
}

static struct word single(struct filling *f, bit x) {
  struct word w = word_wires(f->b, 1, 1);
  w.at[0] = x;
  return w;
}

/* ---- indices ------------------------------------------------------------------------------------------- */

static struct word counter_of(struct filling *f, const struct loop *loop, bool lane) {
  for (int i = 0; i < f->k->counters.n; i++) {
    const struct hw_level *v = f->k->counters.at[i];
    if (v->loop != loop)
      continue;
    struct word c = f->counter[i];
    int low = lane && v->wide ? address_bits(f->h->options.vector) : 0;
    return low ? word_left(f->b, word_wide(f->b, c, c.n + 1, true), low, c.n + 1 + low) : c;
  }
  return word_const(f->b, 0, 1);
}

static struct word index_word(struct filling *f, const struct index *x, int width, bool lane);

static struct word multiple(struct filling *f, struct word w, int64_t by) {
  int places = 0, sums = -1;
  for (; by > 1 && by % 2 == 0; by /= 2)
    places++;
  for (int64_t c = by; c > 0; c >>= 1)
    sums += (int)(c & 1);
  if (sums > 0 && !word_is_const(w)) {
    struct inv_part part = {.kind = PART_ADD, .count = sums, .bits = w.n, .other = w.n};
    w = word_op(f->b, part, NEEDS_BELOW, w.n, w, none, word_const(f->b, by, 62));
  }
  return word_left(f->b, word_wide(f->b, w, w.n + 1, true), places, w.n);
}

static struct word index_word(struct filling *f, const struct index *x, int width, bool lane) {
  struct bits *b = f->b;
  int64_t c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  struct word l = none, r = none;
  switch (x->kind) {
  case INDEX_CONST: return word_const(b, x->constant, width);
  case INDEX_VAR: return word_wide(b, counter_of(f, x->loop, lane), width, true);
  case INDEX_I: return word_wide(b, f->i, width, true);
  case INDEX_J: return word_wide(b, f->j, width, true);
  case INDEX_T:
  case INDEX_K: return word_const(b, 1, width);
  case INDEX_VALUE: return word_wires(b, width, 1);
  default: break;
  }
  l = index_word(f, x->a, width, lane);
  switch (x->kind) {
  case INDEX_ADD:
  case INDEX_SUB: r = index_word(f, x->b, width, lane); return word_add(b, 1, l, r, x->kind == INDEX_SUB);
  case INDEX_MUL: return multiple(f, l, c);
  case INDEX_DIV:
    if (c > 0 && (c & (c - 1)) == 0)
      return word_right(b, word_wide(b, l, width + unsigned_bits(c), true), unsigned_bits(c) - 1);
    break;
  case INDEX_MOD:
    if (c > 0 && (c & (c - 1)) == 0)
      return c >> (width - 1) > 1 ? l
                                  : word_wide(b, word_cut(l, 0, most(unsigned_bits(c) - 1, 1)), width, true);
    break;
  case INDEX_MIN:
  case INDEX_MAX: r = word_const(b, c, width); return word_mux(b, 1, word_less(b, 1, l, r), l, r);
  default: break;
  }
  bits_use(b, l);
  return word_wires(b, width, 1);
}

/* Of a node or a store, as its phase's counters give it. */
static struct word index_of(struct filling *f, const struct index *x, int width, bool lane) {
  return word_cut(index_word(f, x, width, lane), 0, width);
}

static struct index *in_phase(const struct filling *f, const struct index *x) {
  struct printer p = {.a = f->h->arena, .h = f->h, .u = f->k, .p = f->p};
  return index_in_phase(&p, x);
}

/* Conjunction of "the counter is at its last step" over levels from `first` on. */
static bit at_last(struct filling *f, int first) {
  bit all = BIT_1;
  for (int i = first; i < f->p->n_levels; i++) {
    const struct hw_level *v = f->p->levels[i];
    if (v->steps == 1)
      continue;
    struct word c = counter_of(f, v->loop, false);
    all = bit_and(f->b, all, word_equal(f->b, 1, c, word_const(f->b, v->steps - 1, c.n)));
  }
  return all;
}

static struct word later(struct filling *f, struct word w, int clocks) {
  for (int t = 0; t < clocks && !f->p->single; t++)
    w = word_reg(f->b, w, f->on);
  return w;
}

static bit flag_later(struct filling *f, bit flag, int clocks) {
  return later(f, single(f, flag), clocks).at[0];
}

/* ---- values -------------------------------------------------------------------------------------------- */

static struct word value_at(struct filling *f, const struct hw_node *n, int time) {
  if (n->kind == NODE_CONST)
    return word_const(f->b, n->value, node_width(n));
  if (n->kind == NODE_HELD)
    return value_at(f, n->source, 0);
  if (n->kind == NODE_LOAD && n->buffer->place == HW_TOKEN)
    return f->token;
  return n->time == TIME_ALWAYS ? f->value[n->id] : later(f, f->value[n->id], time - n->time);
}

static struct word wide_at(struct filling *f, const struct hw_node *n, int time, int width) {
  return word_wide(f->b, value_at(f, n, time), width, is_truth(n));
}

/* When what is ready at `time` is registered. */
static bit when(const struct filling *f, int time) {
  return f->p->single ? f->valid[time] : f->on;
}

static struct word sum_of(struct filling *f, const struct hw_node *n, int64_t times) {
  struct interval a = n->in[0]->range, b = n->in[1]->range;
  int wa = node_width(n->in[0]), wb = node_width(n->in[1]), full = most(wa, wb) + 1;
  struct interval exact = n->code == OP_IADD ? (struct interval){a.lo + b.lo, a.hi + b.hi}
                                             : (struct interval){a.lo - b.hi, a.hi - b.lo};
  if (bits_of(exact) < full && bits_of(exact) >= most(wa, wb))
    full--;
  struct word sum = word_add(f->b, times, wide_at(f, n->in[0], n->start, full),
                             wide_at(f, n->in[1], n->start, full), n->code == OP_ISUB);
  return word_fit(f->b, times, sum, node_width(n));
}

static struct word extreme_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int full = most(node_width(n->in[0]), node_width(n->in[1]));
  struct word a = wide_at(f, n->in[0], n->start, full), b = wide_at(f, n->in[1], n->start, full);
  bit less = n->code == OP_IMIN ? word_less(f->b, times, a, b) : word_less(f->b, times, b, a);
  return word_fit(f->b, times, word_mux(f->b, times, less, a, b), node_width(n));
}

static int within(int64_t e) {
  return e < -62 ? -62 : e > 62 ? 62 : (int)e;
}

/* As tern_mulshift.v: a product that is a shift and a shift that is none are wires. */
static struct word mulshift(struct filling *f, int64_t times, struct word a, struct word b, struct word e,
                            int bits, int e_least, int e_most, bit enable) {
  struct bits *x = f->b;
  int w = a.n + b.n, right = e_most > 1 ? e_most - 1 : 0;
  int left = e_least >= 1 ? 0 : 1 - e_least < bits + 1 ? 1 - e_least : bits + 1, t = w + left;
  struct word product = word_mul(x, times, word_reg(x, a, enable), word_reg(x, b, enable)), shifted;
  product = word_reg(x, word_reg(x, product, enable), enable);
  if (e_least == e_most) {
    shifted = right ? word_right(x, product, right) : word_left(x, product, left, t);
  } else {
    int rb = right ? unsigned_bits(right) : 0, lb = left ? unsigned_bits(left) : 0;
    int64_t all = times;
    struct word e2 = word_reg(x, word_reg(x, e, enable), enable);
    times = word_times(x, e); /* lanes share what is of one exponent */
    /* limits are constants: a gate a bit; 1 - e, whose carry is e > 1, and its limit are 32-bit numbers */
    struct inv_part clamp = {.kind = PART_LESS, .flags = PART_CONST, .count = 2 * times, .bits = e.n};
    struct inv_part choose = {.kind = PART_LOGIC, .count = times, .bits = e.n, .other = 3};
    struct inv_part count = {.kind = PART_ADD, .flags = PART_CONST, .count = times, .bits = most(rb, 1)};
    struct word by = word_op(x, clamp, NEEDS_ALL, e.n, e2, none, none);
    inv_add(f->u, times, 32, 0, PART_CONST);
    if (left) {
      inv_less(f->u, times, 32, PART_CONST);
      inv_logic(f->u, times * lb, 3);
    }
    by = word_op(x, choose, NEEDS_ALL, e.n, by, none, none);
    by = word_reg(x, word_op(x, count, NEEDS_ALL, rb + lb, by, none, none), enable);
    times = all;
    shifted = product;
    if (right)
      shifted =
          word_shift(x, times, word_wide(x, product, left ? w : t, false), word_cut(by, 0, rb), true, 0);
    if (left) {
      struct word from = word_wide(x, product, t, false), places = word_cut(by, rb, lb);
      struct word up = right && left == 1 ? word_left(x, product, 1, t) /* what chooses it is the amount */
                                          : word_shift(x, times, from, places, false, right ? 0 : PART_LEFT);
      struct inv_part either = {.kind = PART_MUX, .count = times, .bits = w, .other = 2};
      shifted = right ? word_op(x, either, NEEDS_OWN, t, word_wide(x, shifted, t, false), up, none) : up;
    }
  }
  struct word t4 = word_wide(x, word_reg(x, shifted, enable), t + 1, false);
  struct word rounded = word_add(x, times, t4, word_const(x, 1, t + 1), false);
  return word_reg(x, word_clamp(x, times, word_cut(rounded, 1, t), bits), enable);
}

/* The domain's nearest number; nothing where all values are within. */
static struct word inside(struct filling *f, int64_t times, struct word d, int domain) {
  struct word low = word_cut(d, 0, domain), above = word_cut(d, domain, d.n - domain);
  if (word_is_const(above) && above.at[0] == BIT_0)
    return low;
  struct inv_part part = {.kind = PART_MUX, .flags = PART_RESET, .count = times, .bits = domain, .other = 2};
  inv_logic(f->u, times, most(above.n, 1));
  return word_op(f->b, part, NEEDS_OWN, domain, low, none, above);
}

/* What a table gives. Columns that are the same for all its words are constants, equal ones the same bit. */
static struct word table_word(struct filling *f, int64_t times, const int64_t *value, int depth, int bits) {
  struct word to = word_wires(f->b, bits, times);
  for (int k = 0; k < bits; k++)
    for (int m = -2; m < k; m++) { /* -2, -1: constant 0, 1 */
      int same = 0;
      while (same < depth && (value[same] >> k & 1) == (m < 0 ? m + 2 : value[same] >> m & 1))
        same++;
      if (same == depth) {
        to.at[k] = m == -2 ? BIT_0 : m == -1 ? BIT_1 : to.at[m];
        break;
      }
    }
  inv_table(f->u, times, value, depth, bits, 0);
  return to;
}

/* As tern_curve.v. */
static struct word curve_of(struct filling *f, const struct hw_node *n, int64_t times) {
  struct bits *x = f->b;
  struct curve_shape s = curve_shape(&n->expr->attr);
  int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1], rises[1 << CURVE_MOST_SEGMENTS];
  int count = curve_table(&n->expr->attr, y), segments = count - 1;
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  int value = most(bits_of(r), 2), rise = value + 1, domain = s.s + s.h, h = s.h;
  for (int i = 0; i < segments; i++)
    rises[i] = y[i + 1] - y[i];
  struct word a = value_at(f, n->in[0], n->start);
  int d = most(a.n, domain + 1) + 1;
  struct word d1 =
      word_reg(x, word_add(x, times, word_wide(x, a, d, false), word_const(x, s.first, d), true), f->on);
  struct word u2 = word_reg(x, inside(f, times, d1, domain), f->on);
  bits_use(x, word_cut(u2, h, s.s));
  struct word y4 = word_reg(x, table_word(f, times, y, segments, value), f->on);
  struct word sum = word_wide(x, y4, rise + 1, false);
  if (h) {
    struct word t3 = word_wide(x, word_reg(x, word_cut(u2, 0, h), f->on), h + 1, true);
    struct word up = word_trim(table_word(f, times, rises, segments, rise));
    struct word p4 = word_reg(x, word_mul(x, times, up, t3), f->on);
    p4 = word_wide(x, p4, rise + h + 1, false);
    struct word step = word_add(x, times, p4, word_const(x, (int64_t)1 << (h - 1), p4.n), false);
    sum = word_add(x, times, sum, word_cut(step, h, rise + 1), false);
  }
  return word_reg(x, word_clamp(x, times, word_reg(x, sum, f->on), node_width(n)), f->on);
}

/* Whether a number can be negative, as far as its bits tell. */
static int negative(struct word w) {
  return w.at[w.n - 1] != BIT_0;
}

static struct word slow_of(struct filling *f, const struct hw_node *n, int64_t times) {
  bool loop = f->p->single;
  int a = node_width(n->in[0]), bits = node_width(n), sign = negative(value_at(f, n->in[0], n->start));
  for (int i = 0; i < n->n_in; i++)
    bits_use(f->b, value_at(f, n->in[i], n->start));
  if (n->code == OP_IDIV)
    inv_library(f->u, times, loop ? "tern_idiv" : "tern_idiv_pipe", "A", a, "B", node_width(n->in[1]), "BITS",
                bits, "NEGATIVE", sign, "VARIES", !word_is_const(value_at(f, n->in[0], n->start)), NULL);
  else
    inv_library(f->u, times, loop ? "tern_isqrt" : "tern_isqrt_pipe", "A", a, "BITS", bits, NULL);
  return word_wires(f->b, bits, times);
}

static struct word log_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int a = node_width(n->in[0]), q = address_bits(a);
  struct word x = value_at(f, n->in[0], n->start);
  bits_use(f->b, x);
  inv_library(f->u, times, "tern_lz", "A", a, "NEGATIVE", negative(x), NULL);
  return word_fit(f->b, times, word_wide(f->b, word_wires(f->b, q, times), q + 1, true), node_width(n));
}

/* A node that shares a unit has a register of its own behind it. */
static struct word shared_user(struct filling *f, const struct hw_node *n, enum shared_unit kind) {
  const struct hw_shared *s = &f->k->shared[kind];
  for (int m = 0; m < n->n_in; m++)
    vec_push(f->h->arena, f->shared[kind][m], wide_at(f, n->in[m], n->start, s->in[m]));
  vec_push(f->h->arena, f->starts[kind], f->valid[n->start]);
  bool log = kind == SHARED_ILOG2;
  int bits = log ? address_bits(s->in[0]) : s->out;
  if (!f->result[kind].n)
    f->result[kind] = word_wide(f->b, word_wires(f->b, bits, 1), bits + log, log);
  struct word w = word_fit(f->b, 1, f->result[kind], node_width(n));
  return word_reg(f->b, w, f->valid[n->start + s->latency]);
}

static struct word op_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int t = n->start, width = node_width(n);
  int full = n->n_in > 1 ? most(node_width(n->in[0]), node_width(n->in[1])) : 0;
  struct word w = none;
  switch (n->code) {
  case OP_IADD:
  case OP_ISUB: w = sum_of(f, n, times); break;
  case OP_IMIN:
  case OP_IMAX: w = extreme_of(f, n, times); break;
  case OP_ILT:
  case OP_ILE:
    w = single(f, word_less(f->b, times, wide_at(f, n->in[0], t, full), wide_at(f, n->in[1], t, full)));
    break;
  case OP_IEQ:
    w = single(f, word_equal(f->b, times, wide_at(f, n->in[0], t, full), wide_at(f, n->in[1], t, full)));
    break;
  case OP_SELECT:
    w = word_mux(f->b, times, value_at(f, n->in[0], t).at[0], wide_at(f, n->in[1], t, width),
                 wide_at(f, n->in[2], t, width));
    break;
  case OP_CONVERT: return wide_at(f, n->in[0], t, width);
  case OP_MULSHIFT:
    return mulshift(f, times, value_at(f, n->in[0], t), value_at(f, n->in[1], t), value_at(f, n->in[2], t),
                    width, within(n->in[2]->range.lo), within(n->in[2]->range.hi), f->on);
  case OP_CURVE: return curve_of(f, n, times);
  case OP_ILOG2: w = log_of(f, n, times); break;
  default: return slow_of(f, n, times);
  }
  return word_reg(f->b, w, when(f, t));
}

/* The address is registered at the port (put_ports); the word in the memory; the value here. */
static struct word load_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int lanes = f->h->options.vector, width = node_width(n);
  struct word data = word_wires(f->b, width, times);
  if (!n->whole && lanes > 1) {
    struct index *lane = index_mod(f->h->arena, in_phase(f, n->index), lanes);
    bits_use(f->b, later(f, index_of(f, lane, address_bits(lanes), false), 2));
    inv_library(f->u, 1, "tern_pick", "WIDTH", width, "LANES", lanes, NULL);
  }
  return word_reg(f->b, data, when(f, 2));
}

static struct word weight_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int width = (int)format_bits(n->expr->buffer->format), before = (f->p->words - 1) * f->h->word_bits;
  struct word w = word_wires(f->b, width, times);
  for (int64_t at = n->field; at < n->field + times * width; at++)
    if (times > 1 && at < before)
      bits_use(f->b, word_cut(f->kept, (int)at, 1));
    else if (times == 1)
      w.at[at - n->field] = at < before ? f->kept.at[at] : f->data.at[at - before];
  return word_reg(f->b, word_wide(f->b, w, node_width(n), false), when(f, 0));
}

static struct word index_node(struct filling *f, const struct hw_node *n, int64_t times) {
  const struct index *x = n->wide ? n->index : in_phase(f, n->index); /* as print_index_node */
  if (n->expr->kind != EXPR_INDEX_LT)
    return word_reg(f->b, index_of(f, x, node_width(n), n->wide), when(f, 0));
  struct interval r = interval_of_index(f->k, NULL, n->index),
                  s = interval_of_index(f->k, NULL, n->expr->bound);
  int width = unsigned_bits((r.hi > s.hi ? r.hi : s.hi) * 2 + f->h->options.vector);
  struct word bound = index_of(f, n->wide ? n->expr->bound : in_phase(f, n->expr->bound), width, n->wide);
  bit less = word_less(f->b, times, index_of(f, x, width, n->wide), bound);
  return word_reg(f->b, single(f, less), when(f, 0));
}

/* ---- accumulators -------------------------------------------------------------------------------------- */

static struct word combined(struct filling *f, const struct hw_node *n, int64_t times, struct word a,
                            struct word b) {
  if (n->acc->how == ACC_SUM)
    return word_add(f->b, times, a, b, false);
  return word_mux(f->b, times, word_less(f->b, times, b, a), a, b);
}

static struct word element_of(struct filling *f, const struct hw_node *n, int64_t times) {
  int t = n->time - n->latency, width = node_width(n), bits = node_width(n->element) + 1;
  if (n->acc->how != ACC_ABSMAX)
    return wide_at(f, n->element, t, width);
  struct word e = wide_at(f, n->element, t, bits), zero = word_const(f->b, 0, bits);
  struct word minus = word_add(f->b, times, zero, e, true);
  return word_fit(f->b, times, word_mux(f->b, times, e.at[bits - 1], minus, e), width);
}

static struct word acc_of(struct filling *f, const struct hw_node *n) {
  const struct hw_level *v = f->p->levels[n->acc_level - 1];
  int width = node_width(n), t = n->time - 1;
  int64_t times = n->across || n->wide ? f->p->lanes : 1;
  struct word element = element_of(f, n, times);
  if (n->across) {
    int64_t rest = v->extent % f->p->lanes;
    if (rest) {
      inv_logic(f->u, (times - rest) * width, 2);
      bit last = v->steps == 1 ? BIT_1 : at_last(f, n->acc_level - 1);
      bits_use(f->b, single(f, flag_later(f, last, n->time - n->latency)));
    }
    bits_use(f->b, element);
    for (int count = f->p->lanes / 2; count >= 1; count /= 2) {
      struct word a = word_wires(f->b, width, count), b = word_wires(f->b, width, count);
      element = word_reg(f->b, combined(f, n, count, a, b), f->on);
      bits_use(f->b, element);
    }
    times = 1;
  }
  bit on = bit_and(f->b, f->valid[t], flag_later(f, at_last(f, n->acc_level), t));
  if (v->steps <= 1)
    return word_reg(f->b, element, on);
  struct word c = counter_of(f, v->loop, false), own = word_wires(f->b, width, times);
  bit first = flag_later(f, word_equal(f->b, 1, c, word_const(f->b, 0, c.n)), t);
  struct word next =
      combined(f, n, times, n->acc->how == ACC_SUM ? own : element, n->acc->how == ACC_SUM ? element : own);
  if (n->acc->how == ACC_SUM) { /* what it held is masked in the adder's LUTs, or before them */
    inv_logic(f->u, times * width, 2);
    bits_use(f->b, single(f, first));
  } else {
    bits_use(f->b, single(f, first));
  }
  return word_reg(f->b, next, on);
}

/* ---- the phase ----------------------------------------------------------------------------------------- */

static void make_node(struct filling *f, const struct hw_node *n) {
  enum shared_unit kind = hw_shared_by(f->p, n);
  int64_t times = n->wide ? f->p->lanes : 1;
  struct word *to = &f->value[n->id];
  if (kind != SHARED_COUNT) {
    *to = shared_user(f, n, kind);
    return;
  }
  switch (n->kind) {
  case NODE_LOAD:
    if (n->buffer->place != HW_TOKEN)
      *to = load_of(f, n, times);
    break;
  case NODE_WEIGHT: *to = weight_of(f, n, times); break;
  case NODE_INDEX: *to = index_node(f, n, times); break;
  case NODE_OP: *to = op_of(f, n, times); break;
  case NODE_ACC: *to = acc_of(f, n); break;
  default: break;
  }
}

/* Iterations on their way, and the last of them, which is what closes the phase. */
static void begin_phase(struct filling *f, const struct hw_phase *p) {
  bit last = p->single ? BIT_1 : BIT_0;
  f->p = p;
  f->on = word_wires(f->b, 1, 1).at[0];
  f->valid = arena_array(f->h->arena, bit, p->depth + 1);
  f->valid[0] = word_wires(f->b, 1, 1).at[0];
  if (last == BIT_0)
    last = at_last(f, p->n_outer);
  last = bit_and(f->b, f->valid[0], last);
  for (int t = 1; t <= p->depth; t++) {
    f->valid[t] = bit_reg(f->b, f->valid[t - 1], BIT_1, PART_RESET);
    last = bit_reg(f->b, last, BIT_1, PART_RESET);
  }
  bits_use(f->b, single(f, last));
}

/* ---- units that scalars share -------------------------------------------------------------------------- */

/* How many bits of an operand choose among the same as bit `i`, from the first user to user `k`. */
static int count_alike(const struct filling *f, enum shared_unit kind, int m, int i, int k) {
  const struct word *of = f->shared[kind][m].at;
  int alike = 0;
  for (int other = 0; other < of->n; other++) {
    int same = 0;
    while (same <= k && of[same].at[other] == of[same].at[i])
      same++;
    alike += same > k;
  }
  return alike;
}

/* Users from which on the register behind an operand has 0 in bit `i`: that is its reset. */
static int users_before_reset(const struct filling *f, enum shared_unit kind, int m, int i) {
  int users = f->starts[kind].n;
  while (users > 0 && f->shared[kind][m].at[users - 1].at[i] == BIT_0)
    users--;
  return users;
}

/* An operand of a shared unit: the bit of the last user that begins, else 0, chosen by gates in a row. Bits
 * that choose among the same up to some user, as signs do, have the gates up to there in common. */
static struct word operand(struct filling *f, enum shared_unit kind, int m) {
  int users = f->starts[kind].n, width = f->k->shared[kind].in[m];
  struct word to = word_const(f->b, 0, width), inputs = word_wires(f->b, 2 * users, 1);
  for (int i = 0; i < width; i++) {
    bit *before = &to.at[i];
    if (users == 1 && (kind == SHARED_IDIV || kind == SHARED_ISQRT)) {
      *before =
          f->shared[kind][m].at[0].at[i]; /* they take it when they start, and that is this user's time */
      continue;
    }
    int last = kind == SHARED_MULSHIFT ? users_before_reset(f, kind, m, i) : users;
    inputs.n = 0;
    for (int k = 0; k < last; k++) {
      bit x = f->shared[kind][m].at[k].at[i];
      if (x == *before && !inputs.n)
        continue;
      if (k + 1 == last && last < users && *before == BIT_0 && !inputs.n) {
        *before = x; /* 0 otherwise, which is the reset too */
        continue;
      }
      inputs.at[inputs.n++] = f->starts[kind].at[k];
      if (x != BIT_0 && x != BIT_1)
        inputs.at[inputs.n++] = x;
      if (k + 1 < last && count_alike(f, kind, m, i, k) == count_alike(f, kind, m, i, k + 1))
        continue;
      struct inv_part part = {
          .kind = PART_LOGIC, .count = 1, .bits = 1, .other = inputs.n + (*before != BIT_0)};
      struct word chain = single(f, *before);
      *before = word_op(f->b, part, NEEDS_ALL, 1, chain, none, word_wide(f->b, inputs, inputs.n, true)).at[0];
      inputs.n = 0;
    }
  }
  return to;
}

static void put_shared(struct filling *f) {
  const struct hw_unit *k = f->k;
  const struct hw_shared *mul = &k->shared[SHARED_MULSHIFT], *div = &k->shared[SHARED_IDIV];
  const struct hw_shared *root = &k->shared[SHARED_ISQRT], *log = &k->shared[SHARED_ILOG2];
  if (mul->users)
    bits_use(f->b, mulshift(f, 1, operand(f, SHARED_MULSHIFT, 0), operand(f, SHARED_MULSHIFT, 1),
                            operand(f, SHARED_MULSHIFT, 2), mul->out, (int)mul->e_least, (int)mul->e_most,
                            f->running));
  if (div->users) {
    struct word dividend = operand(f, SHARED_IDIV, 0);
    bits_use(f->b, dividend);
    bits_use(f->b, operand(f, SHARED_IDIV, 1));
    inv_library(f->u, 1, "tern_idiv", "A", div->in[0], "B", div->in[1], "BITS", div->out, "NEGATIVE",
                negative(dividend), NULL);
  }
  if (root->users) {
    bits_use(f->b, operand(f, SHARED_ISQRT, 0));
    inv_library(f->u, 1, "tern_isqrt", "A", root->in[0], "BITS", root->out, NULL);
  }
  if (log->users) {
    struct word of = operand(f, SHARED_ILOG2, 0);
    bits_use(f->b, of);
    inv_library(f->u, 1, "tern_lz", "A", log->in[0], "NEGATIVE", negative(of), NULL);
  }
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static const struct hw_phase *phase_of_load(const struct hw_unit *k, const struct hw_buffer *b, int port,
                                            int *from, const struct hw_node **load) {
  for (; *from < k->phases.n; ++*from) {
    const struct hw_phase *p = k->phases.at[*from];
    for (int x = 0; x < p->nodes.n; x++) {
      const struct hw_node *n = p->nodes.at[x];
      if (n->kind == NODE_LOAD && n->buffer == b && n->port == port) {
        *load = n;
        ++*from;
        return p;
      }
    }
  }
  return NULL;
}

static void put_read_port(struct filling *f, const struct hw_buffer *b, int port) {
  int bits = address_bits(b->words), users = 0, from = 0;
  struct word address = none;
  const struct hw_node *n;
  while ((f->p = phase_of_load(f->k, b, port, &from, &n))) {
    struct word one =
        index_of(f, index_div(f->h->arena, in_phase(f, n->index), f->h->options.vector), bits, false);
    bit chosen = word_wires(f->b, 1, 1).at[0];
    address = users++ ? word_mux(f->b, 1, chosen, one, address) : one;
  }
  bits_use(f->b, word_reg(f->b, address, BIT_1));
}

static struct word store_data(struct filling *f, const struct hw_store *s, int t, int64_t *times) {
  *times = s->whole && s->value->wide ? f->p->lanes : 1;
  return wide_at(f, s->value, t, s->buffer->bits);
}

/* What a phase writes: a bit for "now", the address, the data of a lane; masks that are not all ones. */
struct written {
  bit valid;
  struct word address, data, mask;
};

static struct written written_by(struct filling *f, const struct hw_store *s) {
  int lanes = f->h->options.vector, t = s->time;
  int64_t times;
  struct index *x = in_phase(f, s->index);
  struct written w = {.valid = bit_and(f->b, f->valid[t], flag_later(f, at_last(f, s->level), t))};
  w.data = store_data(f, s, t, &times);
  if (s->buffer->place == HW_LOGITS) {
    w.address = later(f, index_of(f, x, address_bits(s->buffer->elements), false), t);
    return w;
  }
  w.address =
      later(f, index_of(f, index_div(f->h->arena, x, lanes), address_bits(s->buffer->words), false), t);
  w.mask = word_const(f->b, -1, lanes);
  if (s->whole) {
    int i = 0;
    while (!f->p->levels[i]->wide)
      i++;
    const struct hw_level *v = f->p->levels[i];
    int64_t rest = v->extent % lanes;
    struct word c = counter_of(f, v->loop, false);
    bit last = v->steps == 1 ? BIT_1 : word_equal(f->b, 1, c, word_const(f->b, v->steps - 1, c.n));
    for (int64_t lane = rest; rest && lane < lanes; lane++)
      w.mask.at[lane] = last == BIT_1 ? BIT_0 : flag_later(f, last, t);
  } else if (lanes > 1) {
    struct word lane = later(f, index_of(f, index_mod(f->h->arena, x, lanes), address_bits(lanes), false), t);
    struct inv_part part = {.kind = PART_LOGIC, .count = 1, .bits = 1, .other = lane.n + 1};
    for (int i = 0; i < lanes && !word_is_const(lane); i++)
      w.mask.at[i] = word_op(f->b, part, NEEDS_ALL, 1, none, word_const(f->b, i, 8), lane).at[0];
  }
  return w;
}

static void put_write_port(struct filling *f, const struct written *w, int n, bool lanes) {
  bit valid = BIT_0;
  struct word all = word_wide(f->b, w[0].address, w[0].address.n + w[0].data.n, true), mask = none;
  for (int i = 0; i < w[0].data.n; i++)
    all.at[w[0].address.n + i] = w[0].data.at[i];
  for (int k = 0; k < n; k++) {
    struct word own = word_const(f->b, 0, lanes ? w[k].mask.n : 1);
    for (int i = 0; i < own.n; i++)
      own.at[i] = bit_and(f->b, w[k].valid, lanes ? w[k].mask.at[i] : BIT_1);
    struct inv_part part = {.kind = PART_LOGIC, .count = 1, .bits = 1, .other = 2};
    struct word when = single(f, w[k].valid), before = single(f, valid);
    valid = k ? word_op(f->b, part, NEEDS_OWN, 1, when, before, none).at[0] : w[k].valid;
    for (int i = 0; k && i < all.n; i++) {
      bit d = i < w[k].address.n ? w[k].address.at[i] : w[k].data.at[i - w[k].address.n];
      all.at[i] = word_mux(f->b, 1, w[k].valid, single(f, d), single(f, all.at[i])).at[0];
    }
    mask = k ? word_mux(f->b, 1, w[k].valid, own, mask) : own;
  }
  bits_use(f->b, word_reg(f->b, all, valid));
  bits_use(f->b, word_reg(f->b, mask, BIT_1));
}

/* ---- control ------------------------------------------------------------------------------------------- */

static void put_control(struct filling *f) {
  const struct hw_unit *k = f->k;
  int phases = k->phases.n, words = 0;
  inv_reg(f->u, 1, 3 + (phases > 1 ? address_bits(phases) : 0), PART_RESET);
  for (int i = 0; i < k->counters.n; i++) {
    const struct hw_level *v = k->counters.at[i];
    if (v->steps <= 1)
      continue;
    int bits = address_bits(v->steps);
    inv_reg(f->u, 1, bits, PART_RESET | PART_ENABLE);
    inv_add(f->u, 1, bits, 0, PART_CONST);
    inv_equal(f->u, 1, bits, PART_CONST);
    inv_logic(f->u, bits, 3);
  }
  for (int i = 0; i < phases; i++) {
    inv_logic(f->u, 4, 4);
    words = most(words, k->phases.at[i]->words);
  }
  inv_mux(f->u, 1, phases > 1 ? address_bits(phases) + 1 : 0, phases);
  if (words > 1) {
    inv_reg(f->u, 1, address_bits(words), PART_RESET);
    inv_add(f->u, 1, address_bits(words), 0, PART_CONST);
    inv_logic(f->u, words - 1, address_bits(words) + 1);
  }
}

static void begin(struct filling *f) {
  const struct hw_unit *k = f->k;
  struct arena *a = f->h->arena;
  int words = 1, bits = f->h->word_bits;
  f->b = bits_new(a);
  f->running = word_wires(f->b, 1, 1).at[0];
  f->value = arena_array(a, struct word, k->n_nodes);
  f->counter = arena_array(a, struct word, k->counters.n);
  for (int i = 0; i < k->counters.n; i++)
    f->counter[i] = k->counters.at[i]->steps > 1 ? word_wires(f->b, address_bits(k->counters.at[i]->steps), 1)
                                                 : word_const(f->b, 0, 1);
  f->i = word_wires(f->b, address_bits(k->i_count), 1);
  f->j = word_wires(f->b, address_bits(k->j_count), 1);
  f->token = word_wires(f->b, 33, 1);
  for (int i = 0; i < k->phases.n; i++)
    words = most(words, k->phases.at[i]->words);
  f->data = word_wires(f->b, bits, 1);
  f->kept = word_wires(f->b, 0, 1);
  if (words > 1) { /* words of the record that came before its last, each with an enable of its own */
    f->kept = word_wires(f->b, (words - 1) * bits, 1);
    for (int w = 0; w + 1 < words; w++) {
      bit enable = word_wires(f->b, 1, 1).at[0];
      for (int i = 0; i < bits; i++)
        f->kept.at[w * bits + i] = bit_reg(f->b, f->data.at[i], enable, 0);
    }
  }
}

static void put_writes(struct filling *f, bit **valid) {
  const struct hw_unit *k = f->k;
  struct written *w = arena_array(f->h->arena, struct written, k->phases.n);
  for (int i = 0; i < k->writes.n + 1; i++) {
    const struct hw_buffer *b = i < k->writes.n ? k->writes.at[i] : f->h->logits;
    int n = 0;
    for (int x = 0; x < k->phases.n; x++) {
      f->p = k->phases.at[x];
      f->valid = valid[2 * x];
      f->on = *valid[2 * x + 1];
      for (int s = 0; s < f->p->stores.n && n <= x; s++)
        if (f->p->stores.at[s]->buffer == b)
          w[n++] = written_by(f, f->p->stores.at[s]);
    }
    if (n)
      put_write_port(f, w, n, b->place != HW_LOGITS);
  }
}

void inventory_kernel(const struct hw_design *h, struct inv_unit *u, const struct hw_unit *k) {
  struct filling f = {.h = h, .u = u, .k = k};
  bit **valid = arena_array(h->arena, bit *, 2 * k->phases.n);
  begin(&f);
  put_control(&f);
  for (int i = 0; i < k->phases.n; i++) {
    begin_phase(&f, k->phases.at[i]);
    valid[2 * i] = f.valid;
    valid[2 * i + 1] = arena_array(h->arena, bit, 1);
    *valid[2 * i + 1] = f.on;
    for (int n = 0; n < f.p->nodes.n; n++)
      make_node(&f, f.p->nodes.at[n]);
  }
  put_shared(&f);
  put_writes(&f, valid);
  for (int i = 0; i < k->reads.n; i++) {
    const struct hw_buffer *b = k->reads.at[i];
    for (int port = 0; port < unit_ports(k, b); port++)
      put_read_port(&f, b, port);
    if (b->place == HW_LOCAL)
      inv_library(u, unit_ports(k, b), "tern_ram", "WIDTH", b->bits, "LANES", h->options.vector, "DEPTH",
                  most((int)b->words, 2), NULL);
  }
  bits_put(f.b, u);
}
