/* value_parts.c: the words of indices and values, as print_values.c prints them. */
#include "backends/hardware/streaming/kernel_parts.h"

#include "backends/hardware/streaming/printer.h"
#include "backends/lower/index.h"
#include "ir/curve.h"

/* ---- indices ------------------------------------------------------------------------------------------- */

struct word fill_counter(struct kernel_filling *f, const struct loop *loop, bool lane) {
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

static struct word index_word(struct kernel_filling *f, const struct index *x, int width, bool lane);

static struct word multiple(struct kernel_filling *f, struct word w, int64_t by) {
  int places = 0, sums = -1;
  for (; by > 1 && by % 2 == 0; by /= 2)
    places++;
  for (int64_t c = by; c > 0; c >>= 1)
    sums += (int)(c & 1);
  if (sums > 0 && !word_is_const(w)) {
    struct inv_part part = {.kind = PART_ADD, .count = sums, .bits = w.n, .other = w.n};
    w = word_op(f->b, part, NEEDS_BELOW, w.n, w, no_word, word_const(f->b, by, 62));
  }
  return word_left(f->b, word_wide(f->b, w, w.n + 1, true), places, w.n);
}

static struct word index_word(struct kernel_filling *f, const struct index *x, int width, bool lane) {
  struct bits *b = f->b;
  int64_t c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  struct word l = no_word, r = no_word;
  switch (x->kind) {
  case INDEX_CONST: return word_const(b, x->constant, width);
  case INDEX_VAR: return word_wide(b, fill_counter(f, x->loop, lane), width, true);
  case INDEX_I: return word_wide(b, f->i, width, true);
  case INDEX_J: return word_wide(b, f->j, width, true);
  case INDEX_DIM: return word_const(b, 1, width);
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
      return c >> (width - 1) > 1
                 ? l
                 : word_wide(b, word_cut(l, 0, fill_most(unsigned_bits(c) - 1, 1)), width, true);
    break;
  case INDEX_MIN:
  case INDEX_MAX: r = word_const(b, c, width); return word_mux(b, 1, word_less(b, 1, l, r), l, r);
  default: break;
  }
  bits_use(b, l);
  return word_wires(b, width, 1);
}

/* Of a node or a store, as its phase's counters give it. */
struct word fill_index(struct kernel_filling *f, const struct index *x, int width, bool lane) {
  return word_cut(index_word(f, x, width, lane), 0, width);
}

struct index *fill_in_phase(const struct kernel_filling *f, const struct index *x) {
  struct hw_printer p = {.a = f->h->arena, .h = f->h, .u = f->k, .p = f->p};
  return index_in_phase(&p, x);
}

/* Conjunction of "the counter is at its last step" over levels from `first` on. */
bit fill_at_last(struct kernel_filling *f, int first) {
  bit all = BIT_1;
  for (int i = first; i < f->p->n_levels; i++) {
    const struct hw_level *v = f->p->levels[i];
    if (v->steps == 1)
      continue;
    struct word c = fill_counter(f, v->loop, false);
    all = bit_and(f->b, all, word_equal(f->b, 1, c, word_const(f->b, v->steps - 1, c.n)));
  }
  return all;
}

struct word fill_later(struct kernel_filling *f, struct word w, int clocks) {
  for (int t = 0; t < clocks && !f->p->single; t++)
    w = word_reg(f->b, w, f->on);
  return w;
}

bit fill_flag_later(struct kernel_filling *f, bit flag, int clocks) {
  return fill_later(f, fill_single(f, flag), clocks).at[0];
}

/* ---- values -------------------------------------------------------------------------------------------- */

static struct word fill_value(struct kernel_filling *f, const struct hw_node *n, int time) {
  if (n->kind == HW_NODE_CONST)
    return word_const(f->b, n->value, node_width(n));
  if (n->kind == HW_NODE_HELD)
    return fill_value(f, n->source, 0);
  if (n->kind == HW_NODE_LOAD && n->buffer->place == HW_TOKEN)
    return f->token;
  return n->time == TIME_ALWAYS ? f->value[n->id] : fill_later(f, f->value[n->id], time - n->time);
}

struct word fill_wide(struct kernel_filling *f, const struct hw_node *n, int time, int width) {
  return word_wide(f->b, fill_value(f, n, time), width, is_truth(n));
}

/* When what is ready at `time` is registered. */
bit fill_when(const struct kernel_filling *f, int time) {
  return f->p->single ? f->valid[time] : f->on;
}

static struct word sum_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  struct interval a = n->in[0]->range, b = n->in[1]->range;
  int wa = node_width(n->in[0]), wb = node_width(n->in[1]), full = fill_most(wa, wb) + 1;
  struct interval exact = n->code == OP_IADD ? (struct interval){a.lo + b.lo, a.hi + b.hi}
                                             : (struct interval){a.lo - b.hi, a.hi - b.lo};
  if (bits_of(exact) < full && bits_of(exact) >= fill_most(wa, wb))
    full--;
  struct word sum = word_add(f->b, times, fill_wide(f, n->in[0], n->start, full),
                             fill_wide(f, n->in[1], n->start, full), n->code == OP_ISUB);
  return word_fit(f->b, times, sum, node_width(n));
}

static struct word extreme_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int full = fill_most(node_width(n->in[0]), node_width(n->in[1]));
  struct word a = fill_wide(f, n->in[0], n->start, full), b = fill_wide(f, n->in[1], n->start, full);
  bit less = n->code == OP_IMIN ? word_less(f->b, times, a, b) : word_less(f->b, times, b, a);
  return word_fit(f->b, times, word_mux(f->b, times, less, a, b), node_width(n));
}

static int within(int64_t e) {
  return e < -62 ? -62 : e > 62 ? 62 : (int)e;
}

/* As tern_mulshift.v: a product that is a shift and a shift that is none are wires. */
struct word fill_mulshift(struct kernel_filling *f, int64_t times, struct word a, struct word b,
                          struct word e, int bits, int e_least, int e_most, bit enable) {
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
    struct inv_part count = {.kind = PART_ADD, .flags = PART_CONST, .count = times, .bits = fill_most(rb, 1)};
    struct word by = word_op(x, clamp, NEEDS_ALL, e.n, e2, no_word, no_word);
    inv_add(f->u, times, 32, 0, PART_CONST);
    if (left) {
      inv_less(f->u, times, 32, PART_CONST);
      inv_logic(f->u, times * lb, 3);
    }
    by = word_op(x, choose, NEEDS_ALL, e.n, by, no_word, no_word);
    by = word_reg(x, word_op(x, count, NEEDS_ALL, rb + lb, by, no_word, no_word), enable);
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
      shifted = right ? word_op(x, either, NEEDS_OWN, t, word_wide(x, shifted, t, false), up, no_word) : up;
    }
  }
  struct word t4 = word_wide(x, word_reg(x, shifted, enable), t + 1, false);
  struct word rounded = word_add(x, times, t4, word_const(x, 1, t + 1), false);
  return word_reg(x, word_clamp(x, times, word_cut(rounded, 1, t), bits), enable);
}

/* The domain's nearest number; nothing where all values are within. */
static struct word inside(struct kernel_filling *f, int64_t times, struct word d, int domain) {
  struct word low = word_cut(d, 0, domain), above = word_cut(d, domain, d.n - domain);
  if (word_is_const(above) && above.at[0] == BIT_0)
    return low;
  struct inv_part part = {.kind = PART_MUX, .flags = PART_RESET, .count = times, .bits = domain, .other = 2};
  inv_logic(f->u, times, fill_most(above.n, 1));
  return word_op(f->b, part, NEEDS_OWN, domain, low, no_word, above);
}

/* What a table gives. Columns that are the same for all its words are constants, equal ones the same bit. */
static struct word table_word(struct kernel_filling *f, int64_t times, const int64_t *value, int depth,
                              int bits) {
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
static struct word curve_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  struct bits *x = f->b;
  struct curve_shape s = curve_shape(&n->expr->attr);
  int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1], rises[1 << CURVE_MOST_SEGMENTS];
  int count = curve_table(&n->expr->attr, y), segments = count - 1;
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  int value = fill_most(bits_of(r), 2), rise = value + 1, domain = s.s + s.h, h = s.h;
  for (int i = 0; i < segments; i++)
    rises[i] = y[i + 1] - y[i];
  struct word a = fill_value(f, n->in[0], n->start);
  int d = fill_most(a.n, domain + 1) + 1;
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
int fill_negative(struct word w) {
  return w.at[w.n - 1] != BIT_0;
}

static struct word slow_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  bool loop = f->p->single;
  int a = node_width(n->in[0]), bits = node_width(n), sign = fill_negative(fill_value(f, n->in[0], n->start));
  for (int i = 0; i < n->n_in; i++)
    bits_use(f->b, fill_value(f, n->in[i], n->start));
  if (n->code == OP_IDIV)
    inv_library(f->u, times, loop ? "tern_idiv" : "tern_idiv_pipe", "A", a, "B", node_width(n->in[1]), "BITS",
                bits, "NEGATIVE", sign, "VARIES", !word_is_const(fill_value(f, n->in[0], n->start)), NULL);
  else
    inv_library(f->u, times, loop ? "tern_isqrt" : "tern_isqrt_pipe", "A", a, "BITS", bits, NULL);
  return word_wires(f->b, bits, times);
}

static struct word log_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int a = node_width(n->in[0]), q = address_bits(a);
  struct word x = fill_value(f, n->in[0], n->start);
  bits_use(f->b, x);
  inv_library(f->u, times, "tern_lz", "A", a, "NEGATIVE", fill_negative(x), NULL);
  return word_fit(f->b, times, word_wide(f->b, word_wires(f->b, q, times), q + 1, true), node_width(n));
}

/* A node that shares a unit has a register of its own behind it. */
static struct word shared_user(struct kernel_filling *f, const struct hw_node *n, enum shared_unit kind) {
  const struct hw_shared *s = &f->k->shared[kind];
  for (int m = 0; m < n->n_in; m++)
    vec_push(f->h->arena, f->shared[kind][m], fill_wide(f, n->in[m], n->start, s->in[m]));
  vec_push(f->h->arena, f->starts[kind], f->valid[n->start]);
  bool log = kind == SHARED_ILOG2;
  int bits = log ? address_bits(s->in[0]) : s->out;
  if (!f->result[kind].n)
    f->result[kind] = word_wide(f->b, word_wires(f->b, bits, 1), bits + log, log);
  struct word w = word_fit(f->b, 1, f->result[kind], node_width(n));
  return word_reg(f->b, w, f->valid[n->start + s->latency]);
}

static struct word op_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int t = n->start, width = node_width(n);
  int full = n->n_in > 1 ? fill_most(node_width(n->in[0]), node_width(n->in[1])) : 0;
  struct word w = no_word;
  switch (n->code) {
  case OP_IADD:
  case OP_ISUB: w = sum_of(f, n, times); break;
  case OP_IMIN:
  case OP_IMAX: w = extreme_of(f, n, times); break;
  case OP_ILT:
  case OP_ILE:
    w = fill_single(f,
                    word_less(f->b, times, fill_wide(f, n->in[0], t, full), fill_wide(f, n->in[1], t, full)));
    break;
  case OP_IEQ:
    w = fill_single(
        f, word_equal(f->b, times, fill_wide(f, n->in[0], t, full), fill_wide(f, n->in[1], t, full)));
    break;
  case OP_SELECT:
    w = word_mux(f->b, times, fill_value(f, n->in[0], t).at[0], fill_wide(f, n->in[1], t, width),
                 fill_wide(f, n->in[2], t, width));
    break;
  case OP_CONVERT: return fill_wide(f, n->in[0], t, width);
  case OP_MULSHIFT:
    return fill_mulshift(f, times, fill_value(f, n->in[0], t), fill_value(f, n->in[1], t),
                         fill_value(f, n->in[2], t), width, within(n->in[2]->range.lo),
                         within(n->in[2]->range.hi), f->on);
  case OP_CURVE: return curve_of(f, n, times);
  case OP_ILOG2: w = log_of(f, n, times); break;
  default: return slow_of(f, n, times);
  }
  return word_reg(f->b, w, fill_when(f, t));
}

/* The address is registered at the port (put_ports); the word in the memory; the value here. */
static struct word load_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int lanes = f->h->options.vector, width = node_width(n);
  struct word data = word_wires(f->b, width, times);
  if (!n->whole && lanes > 1) {
    struct index *lane = index_mod(f->h->arena, fill_in_phase(f, n->index), lanes);
    bits_use(f->b, fill_later(f, fill_index(f, lane, address_bits(lanes), false), 2));
    inv_library(f->u, 1, "tern_pick", "WIDTH", width, "LANES", lanes, NULL);
  }
  return word_reg(f->b, data, fill_when(f, 2));
}

static struct word weight_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int width = (int)format_bits(n->expr->buffer->format), before = (f->p->words - 1) * f->h->word_bits;
  struct word w = word_wires(f->b, width, times);
  for (int64_t at = n->field; at < n->field + times * width; at++)
    if (times > 1 && at < before)
      bits_use(f->b, word_cut(f->kept, (int)at, 1));
    else if (times == 1)
      w.at[at - n->field] = at < before ? f->kept.at[at] : f->data.at[at - before];
  return word_reg(f->b, word_wide(f->b, w, node_width(n), false), fill_when(f, 0));
}

static struct word index_node(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  const struct index *x = n->wide ? n->index : fill_in_phase(f, n->index); /* as print_index_node */
  if (n->expr->kind != EXPR_INDEX_LT)
    return word_reg(f->b, fill_index(f, x, node_width(n), n->wide), fill_when(f, 0));
  struct interval r = interval_of_index(f->k, NULL, n->index),
                  s = interval_of_index(f->k, NULL, n->expr->bound);
  int width = unsigned_bits((r.hi > s.hi ? r.hi : s.hi) * 2 + f->h->options.vector);
  struct word bound =
      fill_index(f, n->wide ? n->expr->bound : fill_in_phase(f, n->expr->bound), width, n->wide);
  bit less = word_less(f->b, times, fill_index(f, x, width, n->wide), bound);
  return word_reg(f->b, fill_single(f, less), fill_when(f, 0));
}

void fill_node(struct kernel_filling *f, const struct hw_node *n) {
  enum shared_unit kind = hw_shared_by(f->p, n);
  int64_t times = n->wide ? f->p->lanes : 1;
  struct word *to = &f->value[n->id];
  if (kind != SHARED_COUNT) {
    *to = shared_user(f, n, kind);
    return;
  }
  switch (n->kind) {
  case HW_NODE_LOAD:
    if (n->buffer->place != HW_TOKEN)
      *to = load_of(f, n, times);
    break;
  case HW_NODE_WEIGHT: *to = weight_of(f, n, times); break;
  case HW_NODE_INDEX: *to = index_node(f, n, times); break;
  case HW_NODE_OP: *to = op_of(f, n, times); break;
  case HW_NODE_ACC: *to = fill_accumulator(f, n); break;
  default: break;
  }
}
