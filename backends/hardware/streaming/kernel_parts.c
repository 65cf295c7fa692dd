/* kernel_parts.c: the parts of a kernel's module, as print_kernel.c and print_phase.c print it: its words
 * in their order (bits.h), so that what synthesis leaves of them is known. */
#include "backends/hardware/streaming/kernel_parts.h"

#include "backends/hardware/streaming/printer.h"
#include "backends/hardware/streaming/streaming_parts.h"
#include "backends/lower/index.h"

int fill_most(int a, int b) {
  return a > b ? a : b;
}

struct word fill_single(struct kernel_filling *f, bit x) {
  struct word w = word_wires(f->b, 1, 1);
  w.at[0] = x;
  return w;
}

/* Iterations on their way, and the last of them, which is what closes the phase. */
static void begin_phase(struct kernel_filling *f, const struct hw_phase *p) {
  bit last = p->single ? BIT_1 : BIT_0;
  f->p = p;
  f->on = word_wires(f->b, 1, 1).at[0];
  f->valid = arena_array(f->h->arena, bit, p->depth + 1);
  f->valid[0] = word_wires(f->b, 1, 1).at[0];
  if (last == BIT_0)
    last = fill_at_last(f, p->n_outer);
  last = bit_and(f->b, f->valid[0], last);
  for (int t = 1; t <= p->depth; t++) {
    f->valid[t] = bit_reg(f->b, f->valid[t - 1], BIT_1, PART_RESET);
    last = bit_reg(f->b, last, BIT_1, PART_RESET);
  }
  bits_use(f->b, fill_single(f, last));
}

/* ---- units that scalars share -------------------------------------------------------------------------- */

/* How many bits of an operand choose among the same as bit `i`, from the first user to user `k`. */
static int count_alike(const struct kernel_filling *f, enum shared_unit kind, int m, int i, int k) {
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
static int users_before_reset(const struct kernel_filling *f, enum shared_unit kind, int m, int i) {
  int users = f->starts[kind].n;
  while (users > 0 && f->shared[kind][m].at[users - 1].at[i] == BIT_0)
    users--;
  return users;
}

/* An operand of a shared unit: the bit of the last user that begins, else 0, chosen by gates in a row. Bits
 * that choose among the same up to some user, as signs do, have the gates up to there in common. */
static struct word operand(struct kernel_filling *f, enum shared_unit kind, int m) {
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
      struct word chain = fill_single(f, *before);
      *before =
          word_op(f->b, part, NEEDS_ALL, 1, chain, no_word, word_wide(f->b, inputs, inputs.n, true)).at[0];
      inputs.n = 0;
    }
  }
  return to;
}

static void put_shared(struct kernel_filling *f) {
  const struct hw_unit *k = f->k;
  const struct hw_shared *mul = &k->shared[SHARED_MULSHIFT], *div = &k->shared[SHARED_IDIV];
  const struct hw_shared *root = &k->shared[SHARED_ISQRT], *log = &k->shared[SHARED_ILOG2];
  if (mul->users)
    bits_use(f->b, fill_mulshift(f, 1, operand(f, SHARED_MULSHIFT, 0), operand(f, SHARED_MULSHIFT, 1),
                                 operand(f, SHARED_MULSHIFT, 2), mul->out, (int)mul->e_least,
                                 (int)mul->e_most, f->running));
  if (div->users) {
    struct word dividend = operand(f, SHARED_IDIV, 0);
    bits_use(f->b, dividend);
    bits_use(f->b, operand(f, SHARED_IDIV, 1));
    inv_library(f->u, 1, "tern_idiv", "A", div->in[0], "B", div->in[1], "BITS", div->out, "NEGATIVE",
                fill_negative(dividend), NULL);
  }
  if (root->users) {
    bits_use(f->b, operand(f, SHARED_ISQRT, 0));
    inv_library(f->u, 1, "tern_isqrt", "A", root->in[0], "BITS", root->out, NULL);
  }
  if (log->users) {
    struct word of = operand(f, SHARED_ILOG2, 0);
    bits_use(f->b, of);
    inv_library(f->u, 1, "tern_lz", "A", log->in[0], "NEGATIVE", fill_negative(of), NULL);
  }
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static const struct hw_phase *phase_of_load(const struct hw_unit *k, const struct hw_buffer *b, int port,
                                            int *from, const struct hw_node **load) {
  for (; *from < k->phases.n; ++*from) {
    const struct hw_phase *p = k->phases.at[*from];
    for (int x = 0; x < p->nodes.n; x++) {
      const struct hw_node *n = p->nodes.at[x];
      if (n->kind == HW_NODE_LOAD && n->buffer == b && n->port == port) {
        *load = n;
        ++*from;
        return p;
      }
    }
  }
  return NULL;
}

static void put_read_port(struct kernel_filling *f, const struct hw_buffer *b, int port) {
  int bits = address_bits(b->words), users = 0, from = 0;
  struct word address = no_word;
  const struct hw_node *n;
  while ((f->p = phase_of_load(f->k, b, port, &from, &n))) {
    struct word one =
        fill_index(f, index_div(f->h->arena, fill_in_phase(f, n->index), f->h->options.vector), bits, false);
    bit chosen = word_wires(f->b, 1, 1).at[0];
    address = users++ ? word_mux(f->b, 1, chosen, one, address) : one;
  }
  bits_use(f->b, word_reg(f->b, address, BIT_1));
}

static struct word store_data(struct kernel_filling *f, const struct hw_store *s, int t, int64_t *times) {
  *times = s->whole && s->value->wide ? f->p->lanes : 1;
  return fill_wide(f, s->value, t, s->buffer->bits);
}

/* What a phase writes: a bit for "now", the address, the data of a lane; masks that are not all ones. */
struct phase_write {
  bit valid;
  struct word address, data, mask;
};

static struct phase_write written_by(struct kernel_filling *f, const struct hw_store *s) {
  int lanes = f->h->options.vector, t = s->time;
  int64_t times;
  struct index *x = fill_in_phase(f, s->index);
  struct phase_write w = {.valid =
                              bit_and(f->b, f->valid[t], fill_flag_later(f, fill_at_last(f, s->level), t))};
  w.data = store_data(f, s, t, &times);
  if (s->buffer->place == HW_LOGITS) {
    w.address = fill_later(f, fill_index(f, x, address_bits(s->buffer->elements), false), t);
    return w;
  }
  w.address = fill_later(
      f, fill_index(f, index_div(f->h->arena, x, lanes), address_bits(s->buffer->words), false), t);
  w.mask = word_const(f->b, -1, lanes);
  if (s->whole) {
    int i = 0;
    while (!f->p->levels[i]->wide)
      i++;
    const struct hw_level *v = f->p->levels[i];
    int64_t rest = v->extent % lanes;
    struct word c = fill_counter(f, v->loop, false);
    bit last = v->steps == 1 ? BIT_1 : word_equal(f->b, 1, c, word_const(f->b, v->steps - 1, c.n));
    for (int64_t lane = rest; rest && lane < lanes; lane++)
      w.mask.at[lane] = last == BIT_1 ? BIT_0 : fill_flag_later(f, last, t);
  } else if (lanes > 1) {
    struct word lane =
        fill_later(f, fill_index(f, index_mod(f->h->arena, x, lanes), address_bits(lanes), false), t);
    struct inv_part part = {.kind = PART_LOGIC, .count = 1, .bits = 1, .other = lane.n + 1};
    for (int i = 0; i < lanes && !word_is_const(lane); i++)
      w.mask.at[i] = word_op(f->b, part, NEEDS_ALL, 1, no_word, word_const(f->b, i, 8), lane).at[0];
  }
  return w;
}

static void put_write_port(struct kernel_filling *f, const struct phase_write *w, int n, bool lanes) {
  bit valid = BIT_0;
  struct word all = word_wide(f->b, w[0].address, w[0].address.n + w[0].data.n, true), mask = no_word;
  for (int i = 0; i < w[0].data.n; i++)
    all.at[w[0].address.n + i] = w[0].data.at[i];
  for (int k = 0; k < n; k++) {
    struct word own = word_const(f->b, 0, lanes ? w[k].mask.n : 1);
    for (int i = 0; i < own.n; i++)
      own.at[i] = bit_and(f->b, w[k].valid, lanes ? w[k].mask.at[i] : BIT_1);
    struct inv_part part = {.kind = PART_LOGIC, .count = 1, .bits = 1, .other = 2};
    struct word when = fill_single(f, w[k].valid), before = fill_single(f, valid);
    valid = k ? word_op(f->b, part, NEEDS_OWN, 1, when, before, no_word).at[0] : w[k].valid;
    for (int i = 0; k && i < all.n; i++) {
      bit d = i < w[k].address.n ? w[k].address.at[i] : w[k].data.at[i - w[k].address.n];
      all.at[i] = word_mux(f->b, 1, w[k].valid, fill_single(f, d), fill_single(f, all.at[i])).at[0];
    }
    mask = k ? word_mux(f->b, 1, w[k].valid, own, mask) : own;
  }
  bits_use(f->b, word_reg(f->b, all, valid));
  bits_use(f->b, word_reg(f->b, mask, BIT_1));
}

/* ---- control ------------------------------------------------------------------------------------------- */

static void put_control(struct kernel_filling *f) {
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
    words = fill_most(words, k->phases.at[i]->words);
  }
  inv_mux(f->u, 1, phases > 1 ? address_bits(phases) + 1 : 0, phases);
  if (words > 1) {
    inv_reg(f->u, 1, address_bits(words), PART_RESET);
    inv_add(f->u, 1, address_bits(words), 0, PART_CONST);
    inv_logic(f->u, words - 1, address_bits(words) + 1);
  }
}

static void begin(struct kernel_filling *f) {
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
    words = fill_most(words, k->phases.at[i]->words);
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

static void put_writes(struct kernel_filling *f, bit **valid) {
  const struct hw_unit *k = f->k;
  struct phase_write *w = arena_array(f->h->arena, struct phase_write, k->phases.n);
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
  struct kernel_filling f = {.h = h, .u = u, .k = k};
  bit **valid = arena_array(h->arena, bit *, 2 * k->phases.n);
  begin(&f);
  put_control(&f);
  for (int i = 0; i < k->phases.n; i++) {
    begin_phase(&f, k->phases.at[i]);
    valid[2 * i] = f.valid;
    valid[2 * i + 1] = arena_array(h->arena, bit, 1);
    *valid[2 * i + 1] = f.on;
    for (int n = 0; n < f.p->nodes.n; n++)
      fill_node(&f, f.p->nodes.at[n]);
  }
  put_shared(&f);
  put_writes(&f, valid);
  for (int i = 0; i < k->reads.n; i++) {
    const struct hw_buffer *b = k->reads.at[i];
    for (int port = 0; port < unit_ports(k, b); port++)
      put_read_port(&f, b, port);
    if (b->place == HW_LOCAL)
      inv_library(u, unit_ports(k, b), "tern_ram", "WIDTH", b->bits, "LANES", h->options.vector, "DEPTH",
                  fill_most((int)b->words, 2), NULL);
  }
  bits_put(f.b, u);
}
