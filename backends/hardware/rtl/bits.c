/* bits.c: words of bits, and what is left of them. */
#include "backends/hardware/rtl/bits.h"

#include <string.h>
#include <uthash.h>

enum bit_kind { BIT_WIRE, BIT_REG, BIT_OUT };

struct known_part {
  UT_hash_handle hh;
  struct inv_part part;
  enum needs needs;
  int first, n; /* results */
  struct word x, y, all;
  int below; /* operand bits below this one are used already */
  bool used;
  int length;
  int key[];
};

struct one {
  enum bit_kind kind;
  unsigned flags;
  int64_t times;
  bit d, enable;           /* BIT_REG */
  struct known_part *cell; /* BIT_OUT */
  bool live, chained;
  int uses;
};

struct reg {
  UT_hash_handle hh;
  struct {
    bit d, enable;
    unsigned flags;
  } key;
  bit q;
};

struct bits {
  struct arena *a;
  VEC(struct one) of;
  VEC(struct known_part *) cells;
  VEC(bit) todo;
  struct known_part *cell_table;
  struct reg *reg_table;
};

/* ---- words --------------------------------------------------------------------------------------------- */

static bit new_bit(struct bits *b, struct one one) {
  vec_push(b->a, b->of, one);
  return b->of.n - 1;
}

struct bits *bits_new(struct arena *a) {
  struct bits *b = arena_new(a, struct bits);
  b->a = a;
  new_bit(b, (struct one){.times = 1});
  new_bit(b, (struct one){.times = 1});
  return b;
}

static struct word new_word(struct bits *b, int n) {
  return (struct word){n, arena_array(b->a, bit, n)};
}

static bool constant(bit x) {
  return x == BIT_0 || x == BIT_1;
}

struct word word_const(struct bits *b, int64_t value, int n) {
  struct word w = new_word(b, n);
  for (int i = 0; i < n; i++)
    w.at[i] = value >> (i < 63 ? i : 63) & 1 ? BIT_1 : BIT_0;
  return w;
}

struct word word_wires(struct bits *b, int n, int64_t times) {
  struct word w = new_word(b, n);
  for (int i = 0; i < n; i++)
    w.at[i] = new_bit(b, (struct one){.times = times});
  return w;
}

struct word word_cut(struct word w, int low, int n) {
  return (struct word){n, w.at + low};
}

struct word word_wide(struct bits *b, struct word w, int n, bool truth) {
  struct word to = new_word(b, n);
  for (int i = 0; i < n; i++)
    to.at[i] = i < w.n ? w.at[i] : truth ? BIT_0 : w.at[w.n - 1];
  return to;
}

struct word word_left(struct bits *b, struct word w, int places, int n) {
  struct word to = new_word(b, n);
  for (int i = 0; i < n; i++)
    to.at[i] = i < places ? BIT_0 : w.at[i - places < w.n ? i - places : w.n - 1];
  return to;
}

struct word word_right(struct bits *b, struct word w, int places) {
  struct word to = new_word(b, w.n);
  for (int i = 0; i < w.n; i++)
    to.at[i] = w.at[i + places < w.n ? i + places : w.n - 1];
  return to;
}

bool word_is_const(struct word w) {
  for (int i = 0; i < w.n; i++)
    if (!constant(w.at[i]))
      return false;
  return true;
}

int64_t word_times(const struct bits *b, struct word w) {
  int64_t times = 1;
  for (int i = 0; i < w.n; i++)
    times = b->of.at[w.at[i]].times > times ? b->of.at[w.at[i]].times : times;
  return times;
}

struct word word_trim(struct word w) {
  while (w.n > 1 && w.at[w.n - 1] == w.at[w.n - 2])
    w.n--;
  return w;
}

/* ---- registers and operators --------------------------------------------------------------------------- */

bit bit_reg(struct bits *b, bit d, bit enable, unsigned flags) {
  if (constant(d) && !(flags & PART_RESET && d == BIT_1))
    return d; /* what it holds before is not defined, or the same */
  struct reg *found, like;
  memset(&like, 0, sizeof like);
  like.key.d = d;
  like.key.enable = enable;
  like.key.flags = flags;
  HASH_FIND(hh, b->reg_table, &like.key, sizeof like.key, found);
  if (found)
    return found->q;
  struct reg *r = arena_new(b->a, struct reg);
  r->key = like.key;
  r->q = new_bit(
      b, (struct one){.kind = BIT_REG, .flags = flags, .times = b->of.at[d].times, .d = d, .enable = enable});
  HASH_ADD(hh, b->reg_table, key, sizeof r->key, r);
  return r->q;
}

struct word word_reg(struct bits *b, struct word w, bit enable) {
  struct word to = new_word(b, w.n);
  for (int i = 0; i < w.n; i++)
    to.at[i] = bit_reg(b, w.at[i], enable, 0);
  return to;
}

/* Copies the bits to the key, where they stay. */
static int *add_key(int *at, struct word *w) {
  *at++ = w->n;
  if (w->n)
    memcpy(at, w->at, (size_t)w->n * sizeof *at);
  w->at = at;
  return at + w->n;
}

struct word word_op(struct bits *b, struct inv_part part, enum needs needs, int n, struct word x,
                    struct word y, struct word all) {
  size_t most = (size_t)(10 + x.n + y.n + all.n);
  struct known_part *c = arena_alloc(b->a, sizeof *c + most * sizeof(int)), *found;
  *c = (struct known_part){.part = part, .needs = needs, .n = n, .x = x, .y = y, .all = all};
  int *at = c->key;
  *at++ = (int)part.kind;
  *at++ = (int)part.flags;
  *at++ = part.bits;
  *at++ = part.other;
  *at++ = (int)part.count;
  *at++ = (int)needs;
  *at++ = n;
  at = add_key(add_key(add_key(at, &c->x), &c->y), &c->all);
  c->length = (int)((size_t)(at - c->key) * sizeof(int));
  HASH_FIND(hh, b->cell_table, c->key, (size_t)c->length, found);
  if (!found) {
    HASH_ADD_KEYPTR(hh, b->cell_table, c->key, (size_t)c->length, c);
    vec_push(b->a, b->cells, c);
    c->first = b->of.n;
    for (int i = 0; i < n; i++)
      new_bit(b, (struct one){.kind = BIT_OUT, .times = part.count, .cell = c});
    found = c;
  }
  struct word to = new_word(b, n);
  for (int i = 0; i < n; i++)
    to.at[i] = found->first + i;
  return to;
}

static const struct word none;

static struct word inverted(struct bits *b, int64_t times, struct word w) {
  struct word to = new_word(b, w.n);
  struct inv_part part = {.kind = PART_INVERT, .count = times, .bits = 1};
  for (int i = 0; i < w.n; i++)
    to.at[i] = constant(w.at[i]) ? BIT_1 - w.at[i]
                                 : word_op(b, part, NEEDS_OWN, 1, word_cut(w, i, 1), none, none).at[0];
  return to;
}

static int64_t value_of(struct word w, bit unknown, int64_t as) {
  int64_t v = 0;
  for (int i = 0; i < w.n && i < 63; i++)
    v |= (int64_t)(w.at[i] == unknown ? as : w.at[i] == BIT_1) << i;
  return v;
}

/* The one bit that a sum depends on, where it is the sign of one operand and the other is constant; else
 * BIT_0. */
static bit only_bit(struct word x, struct word y) {
  if (!word_is_const(y) || x.n > 62)
    return BIT_0;
  for (int i = 1; i < x.n; i++)
    if (x.at[i] != x.at[0])
      return BIT_0;
  return constant(x.at[0]) ? BIT_0 : x.at[0];
}

static struct word sum_of_bit(struct bits *b, int64_t times, bit x, int64_t if_0, int64_t if_1, int n) {
  struct word to = new_word(b, n), not_x = inverted(b, times, (struct word){1, &x});
  for (int i = 0; i < n; i++) {
    bool zero = if_0 >> i & 1, one = if_1 >> i & 1;
    to.at[i] = zero == one ? (zero ? BIT_1 : BIT_0) : one ? x : not_x.at[0];
  }
  return to;
}

/* Bits below the first at which there can be a carry pass. */
struct word word_add(struct bits *b, int64_t times, struct word x, struct word y, bool subtract) {
  struct word to = new_word(b, x.n);
  int low = 0;
  for (; low < x.n; low++)
    if (y.at[low] == BIT_0)
      to.at[low] = x.at[low];
    else if (!subtract && x.at[low] == BIT_0)
      to.at[low] = y.at[low];
    else if (subtract && y.at[low] == BIT_1 && x.at[low] == BIT_1)
      to.at[low] = BIT_0;
    else
      break;
  if (low == x.n)
    return to;
  x = word_cut(x, low, x.n - low);
  y = word_cut(y, low, y.n - low);
  bit only = only_bit(x, y);
  if (only != BIT_0) {
    int64_t add = value_of(y, BIT_0, 0), minus = value_of(x, only, 1);
    struct word sum = subtract ? sum_of_bit(b, times, only, -add, minus - add, x.n)
                               : sum_of_bit(b, times, only, add, minus + add, x.n);
    memcpy(to.at + low, sum.at, (size_t)sum.n * sizeof *sum.at);
    return to;
  }
  bool fixed = word_is_const(x) || word_is_const(y);
  struct inv_part part = {
      .kind = PART_ADD, .flags = fixed ? PART_CONST : 0, .count = times, .bits = x.n, .other = x.n};
  struct word sum = word_op(b, part, NEEDS_BELOW, x.n, x, subtract ? inverted(b, times, y) : y, none);
  memcpy(to.at + low, sum.at, (size_t)sum.n * sizeof *sum.at);
  return to;
}

static bit compared(struct bits *b, enum part_kind kind, int64_t times, struct word x, struct word y) {
  bool fixed = word_is_const(x) || word_is_const(y);
  struct inv_part part = {.kind = kind, .flags = fixed ? PART_CONST : 0, .count = times, .bits = x.n};
  return word_op(b, part, NEEDS_ALL, 1, x, y, none).at[0];
}

bit word_less(struct bits *b, int64_t times, struct word x, struct word y) {
  return compared(b, PART_LESS, times, x, y);
}

bit word_equal(struct bits *b, int64_t times, struct word x, struct word y) {
  return compared(b, PART_EQUAL, times, x, y);
}

struct word word_mux(struct bits *b, int64_t times, bit choice, struct word x, struct word y) {
  struct word to = new_word(b, x.n);
  struct inv_part part = {.kind = PART_MUX, .count = times, .bits = 1, .other = 2};
  for (int i = 0; i < x.n; i++)
    if (x.at[i] == y.at[i])
      to.at[i] = x.at[i];
    else if (x.at[i] == BIT_1 && y.at[i] == BIT_0)
      to.at[i] = choice;
    else
      to.at[i] =
          word_op(b, part, NEEDS_OWN, 1, word_cut(x, i, 1), word_cut(y, i, 1), (struct word){1, &choice})
              .at[0];
  return to;
}

bit bit_and(struct bits *b, bit x, bit y) {
  if (x == BIT_0 || y == BIT_1 || x == y)
    return x;
  if (y == BIT_0 || x == BIT_1)
    return y;
  struct inv_part part = {.kind = PART_LOGIC, .count = 1, .bits = 1, .other = 2};
  return word_op(b, part, NEEDS_OWN, 1, (struct word){1, &x}, (struct word){1, &y}, none).at[0];
}

struct word word_clamp(struct bits *b, int64_t times, struct word w, int n) {
  struct word top = word_trim(w);
  if (top.n <= n)
    return word_wide(b, w, n, false);
  struct inv_part part = {.kind = PART_CLAMP, .count = times, .bits = n, .other = top.n};
  return word_op(b, part, NEEDS_OWN, n, word_cut(w, 0, n), none, word_cut(w, n - 1, top.n - n + 1));
}

struct word word_fit(struct bits *b, int64_t times, struct word w, int n) {
  if (w.n <= n)
    return word_wide(b, w, n, false);
  /* all that fit the same value to the same bits share the comparisons */
  struct inv_part compare = {.kind = PART_FIT, .flags = PART_CONST, .count = times, .bits = n, .other = w.n};
  struct inv_part part = {.kind = PART_FIT, .count = times, .bits = n};
  return word_op(b, part, NEEDS_OWN, n, word_cut(w, 0, n), none,
                 word_op(b, compare, NEEDS_ALL, 2, w, none, none));
}

/* The number of places of a power of two; -1: it is none. */
static int places_of(struct word w) {
  int places = -1;
  for (int i = 0; i < w.n; i++)
    if (w.at[i] != BIT_0 && (w.at[i] != BIT_1 || places >= 0))
      return -1;
    else if (w.at[i] == BIT_1)
      places = i;
  return places == w.n - 1 ? -1 : places; /* on top it is a sign */
}

struct word word_mul(struct bits *b, int64_t times, struct word x, struct word y) {
  int n = x.n + y.n, px = places_of(x), py = places_of(y);
  if (py >= 0)
    return word_left(b, x, py, n);
  if (px >= 0)
    return word_left(b, y, px, n);
  x = word_trim(x);
  y = word_trim(y);
  struct inv_part part = {.kind = PART_MUL, .count = times, .bits = x.n, .other = y.n};
  return word_wide(b, word_op(b, part, NEEDS_ALL, x.n + y.n, x, y, none), n, false);
}

/* Choices of the stages between bits that differ; bits that are constant or the sign pass through many.
 * `free` are those of what comes in from outside that are a gate before or behind another choice: where the
 * later of two stages alone looks at the earlier, and zeros before a choice between two shifts. */
static int64_t count_choices(struct bits *b, struct word w, int amount, bool right, bool chosen_after,
                             int64_t *free) {
  int64_t choices = 0;
  struct word from = word_wide(b, w, w.n, false), to = new_word(b, w.n);
  bool *filled = arena_array(b->a, bool, w.n);
  bit fresh = b->of.n, outside = right ? w.at[w.n - 1] : BIT_0;
  for (int k = 0; k < amount; k++) {
    int64_t step = (int64_t)1 << k;
    for (int i = 0; i < w.n; i++) {
      int64_t at = right ? i + step : i - step;
      bit other = at < 0 ? BIT_0 : from.at[at < w.n ? at : w.n - 1];
      bool chosen = from.at[i] != other, comes_in = chosen && other == outside;
      bool alone = right ? i < step : i + step >= w.n;
      to.at[i] = chosen ? fresh++ : other;
      choices += chosen;
      *free += comes_in && (chosen_after || (filled[i] && alone));
      filled[i] = comes_in;
    }
    memcpy(from.at, to.at, (size_t)w.n * sizeof *to.at);
  }
  return choices;
}

struct word word_shift(struct bits *b, int64_t times, struct word w, struct word by, bool right,
                       unsigned flags) {
  struct inv_part part = {.kind = PART_SHIFT, .flags = flags, .count = times, .bits = w.n, .other = by.n};
  part.depth = count_choices(b, w, by.n, right, !right && !(flags & PART_LEFT), &part.free);
  return word_op(b, part, NEEDS_ALL, w.n, w, none, by);
}

/* ---- what is looked at --------------------------------------------------------------------------------- */

static void look_at(struct bits *b, bit x) {
  struct one *o = &b->of.at[x];
  o->uses++;
  if (o->live)
    return;
  o->live = true;
  vec_push(b->a, b->todo, x);
}

static void look_at_word(struct bits *b, struct word w) {
  for (int i = 0; i < w.n; i++)
    look_at(b, w.at[i]);
}

static void look_into(struct bits *b, struct known_part *c, int place) {
  bool first = !c->used;
  c->used = true;
  if (first)
    look_at_word(b, c->all);
  if (c->needs == NEEDS_OWN) {
    for (int k = 0; k < 2; k++) {
      struct word w = k ? c->y : c->x;
      if (place < w.n)
        look_at(b, w.at[place]);
    }
    return;
  }
  int to = c->needs == NEEDS_ALL ? (c->x.n > c->y.n ? c->x.n : c->y.n) : place + 1;
  for (; c->below < to; c->below++) {
    if (c->below < c->x.n)
      look_at(b, c->x.at[c->below]);
    if (c->below < c->y.n)
      look_at(b, c->y.at[c->below]);
  }
}

void bits_use(struct bits *b, struct word w) {
  look_at_word(b, w);
  while (b->todo.n) {
    bit x = b->todo.at[--b->todo.n];
    struct one *o = &b->of.at[x];
    if (o->kind == BIT_REG) {
      look_at(b, o->d);
      look_at(b, o->enable);
    } else if (o->kind == BIT_OUT) {
      look_into(b, o->cell, x - o->cell->first);
    }
  }
}

/* ---- parts --------------------------------------------------------------------------------------------- */

/* A choice of a constant, or a saturation by comparisons, before a register becomes its reset: such registers
 * are no shift registers. */
static bool is_reset(const struct bits *b, bit d) {
  const struct one *o = &b->of.at[d];
  if (o->kind != BIT_OUT)
    return false;
  const struct known_part *c = o->cell;
  return c->part.kind == PART_FIT || (c->part.flags & PART_RESET) ||
         (c->part.kind == PART_MUX && c->y.n && (constant(c->x.at[0]) || constant(c->y.at[0])));
}

static bool continues(const struct bits *b, const struct one *r) {
  const struct one *d = &b->of.at[r->d];
  return d->kind == BIT_REG && d->uses == 1 && d->enable == r->enable && !(d->flags & PART_RESET) &&
         !(r->flags & PART_RESET) && !is_reset(b, d->d);
}

static void put_rows(struct bits *b, struct inv_unit *u) {
  for (int i = 0; i < b->of.n; i++)
    if (b->of.at[i].kind == BIT_REG && b->of.at[i].live && continues(b, &b->of.at[i]))
      b->of.at[b->of.at[i].d].chained = true;
  for (int i = 0; i < b->of.n; i++) {
    const struct one *r = &b->of.at[i];
    if (r->kind != BIT_REG || !r->live || r->chained)
      continue;
    unsigned flags = r->flags | (r->enable == BIT_1 ? 0 : PART_ENABLE);
    int stages = 1;
    for (; continues(b, r); stages++)
      r = &b->of.at[r->d];
    flags |= b->of.at[r->d].kind == BIT_OUT ? 0 : PART_LONE;
    if (stages > 1)
      inv_delay(u, r->times, 1, stages, flags);
    else
      inv_reg(u, r->times, 1, flags);
  }
}

static void put_cell(const struct bits *b, struct inv_unit *u, const struct known_part *c) {
  struct inv_part part = c->part;
  int live = 0, high = 0;
  for (int i = 0; i < c->n; i++)
    if (b->of.at[c->first + i].live) {
      live++;
      high = i + 1;
    }
  if (!live)
    return;
  switch (part.kind) {
  case PART_ADD:
    part.bits = high;
    part.other = 0;
    for (int i = 0; i < high; i++)
      part.other += !constant(c->x.at[i]) && !constant(c->y.at[i]);
    break;
  case PART_MUX: /* constants go into the register's reset */
    if (c->n > 1)
      part.bits = live;
    else if (constant(c->x.at[0]) || constant(c->y.at[0]))
      return;
    break;
  case PART_CLAMP:
    part.other -= part.bits - live;
    part.bits = live;
    break;
  case PART_FIT: part.bits = part.flags & PART_CONST ? part.bits : live; break;
  default: break;
  }
  inv_put(u, part);
}

void bits_put(struct bits *b, struct inv_unit *u) {
  for (int i = 0; i < b->cells.n; i++)
    put_cell(b, u, b->cells.at[i]);
  put_rows(b, u);
  HASH_CLEAR(hh, b->cell_table);
  HASH_CLEAR(hh, b->reg_table);
}
