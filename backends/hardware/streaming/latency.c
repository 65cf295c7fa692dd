/* latency.c: when each node of a phase has its value, and how long phases take.
 *
 * Latencies are those of the modules in rtl/, whose headers state them, and of what print_kernel.c prints: a
 * load's address, the memory and the kernel's input are registered, so are a field of the stream and an
 * index, sums, comparisons and choices. */
#include "backends/hardware/streaming/design.h"
#include "backends/lower/index.h"

enum { LOAD_LATENCY = 3, MULSHIFT_LATENCY = 5, CURVE_LATENCY = 6 };

static int at_least(int x, int least) {
  return x > least ? x : least;
}

static int log2_of(int n) {
  int bits = 0;
  while (1 << bits < n)
    bits++;
  return bits;
}

enum shared_unit hw_shared_by(const struct hw_phase *p, const struct hw_node *n) {
  if (!p->single || n->wide || n->kind != HW_NODE_OP)
    return SHARED_COUNT;
  switch (n->code) {
  case OP_MULSHIFT: return SHARED_MULSHIFT;
  case OP_IDIV: return SHARED_IDIV;
  case OP_ISQRT: return SHARED_ISQRT;
  case OP_ILOG2: return SHARED_ILOG2;
  default: return SHARED_COUNT;
  }
}

static int shared_latency(enum shared_unit kind, const struct hw_shared *s) {
  switch (kind) {
  case SHARED_MULSHIFT: return MULSHIFT_LATENCY;
  case SHARED_IDIV: return s->in[0] + 3;
  case SHARED_ISQRT: return s->in[0] / 2 + 2;
  default: return 0;
  }
}

static int64_t shift_bound(int64_t e) {
  return e < -62 ? -62 : e > 62 ? 62 : e;
}

/* Makes the kernel's shared units wide enough for the node. */
static void share(struct hw_shared *s, const struct hw_node *n) {
  for (int i = 0; i < n->n_in; i++)
    s->in[i] = at_least(s->in[i], at_least(n->in[i]->bits, 2));
  s->out = at_least(s->out, at_least(n->bits, 2));
  if (n->code == OP_MULSHIFT) {
    int64_t lo = shift_bound(n->in[2]->range.lo), hi = shift_bound(n->in[2]->range.hi);
    s->e_least = s->users && s->e_least < lo ? s->e_least : lo;
    s->e_most = s->users && s->e_most > hi ? s->e_most : hi;
  }
  s->users++;
}

static void find_shared(struct hw_unit *u) {
  for (int i = 0; i < u->phases.n; i++)
    for (int k = 0; k < u->phases.at[i]->nodes.n; k++) {
      enum shared_unit kind = hw_shared_by(u->phases.at[i], u->phases.at[i]->nodes.at[k]);
      if (kind != SHARED_COUNT)
        share(&u->shared[kind], u->phases.at[i]->nodes.at[k]);
    }
  for (int kind = 0; kind < SHARED_COUNT; kind++)
    u->shared[kind].latency = shared_latency((enum shared_unit)kind, &u->shared[kind]);
}

/* The first clock from `from` on at which no other node of the phase keeps the unit: divisions and roots keep
 * it until their result is there. */
static int free_from(const struct hw_unit *u, const struct hw_phase *p, const struct hw_node *n, int from) {
  enum shared_unit kind = hw_shared_by(p, n);
  bool slow = kind == SHARED_IDIV || kind == SHARED_ISQRT;
  int keeps = slow ? u->shared[kind].latency : 1;
  for (int i = 0; i < p->nodes.n && p->nodes.at[i] != n; i++) {
    const struct hw_node *o = p->nodes.at[i];
    if (hw_shared_by(p, o) == kind && from < o->start + keeps && o->start < from + keeps) {
      from = o->start + keeps;
      i = -1; /* and past those before it */
    }
  }
  return from;
}

static int op_latency(const struct hw_node *n) {
  int a = at_least(n->in[0]->bits, 2);
  switch (n->code) {
  case OP_CONVERT: return 0;
  case OP_MULSHIFT: return MULSHIFT_LATENCY;
  case OP_CURVE: return CURVE_LATENCY;
  case OP_IDIV: return a + 3;
  case OP_ISQRT: return a / 2 + 2; /* ceil((a - 1) / 2) + 2 */
  default: return 1;
  }
}

static void need(struct hw_node *n, int time) {
  if (n->time != TIME_ALWAYS && n->needed < time)
    n->needed = time;
}

/* From the time when the last operand is there, and the shared unit is free. */
static void time_op(const struct hw_unit *u, const struct hw_phase *p, struct hw_node *n) {
  int from = 0;
  enum shared_unit kind = hw_shared_by(p, n);
  for (int i = 0; i < n->n_in; i++)
    from = at_least(from, n->in[i]->time);
  n->latency = kind == SHARED_COUNT ? op_latency(n) : u->shared[kind].latency + 1;
  n->start = kind == SHARED_COUNT ? from : free_from(u, p, n, from);
  n->time = n->start + n->latency;
  for (int i = 0; i < n->n_in; i++)
    need(n->in[i], n->start);
}

static void time_acc(const struct hw_phase *p, struct hw_node *n) {
  int from = at_least(n->element->time, 1);
  need(n->element, from);
  n->latency = (n->across ? log2_of(p->lanes) : 0) + 1;
  n->time = from + n->latency;
}

static void time_node(const struct hw_unit *u, const struct hw_phase *p, struct hw_node *n) {
  switch (n->kind) {
  case HW_NODE_CONST:
  case HW_NODE_HELD: n->time = TIME_ALWAYS; break;
  case HW_NODE_INDEX:
  case HW_NODE_WEIGHT: n->time = n->latency = 1; break;
  case HW_NODE_LOAD: n->time = n->latency = LOAD_LATENCY; break;
  case HW_NODE_OP: time_op(u, p, n); break;
  case HW_NODE_ACC: time_acc(p, n); break;
  }
  n->needed = n->time;
  n->late = n->across || (n->element && n->element->late);
  for (int i = 0; i < n->n_in; i++)
    n->late |= n->in[i]->late;
}

/* Loads of one place share a port. */
static void give_ports(struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++) {
    struct hw_node *n = p->nodes.at[i];
    if (n->kind != HW_NODE_LOAD)
      continue;
    n->port = 0;
    for (int k = 0; k < i; k++) {
      const struct hw_node *o = p->nodes.at[k];
      if (o->kind != HW_NODE_LOAD || o->buffer != n->buffer)
        continue;
      if (o->whole == n->whole && index_equal(o->index, n->index)) {
        n->port = o->port;
        break;
      }
      n->port = at_least(n->port, o->port + 1);
    }
    n->buffer->reads = at_least(n->buffer->reads, n->port + 1);
  }
}

static void lay_out_record(const struct hw_design *h, struct hw_phase *p) {
  p->record_bits = 0;
  for (int i = 0; i < p->nodes.n; i++) {
    struct hw_node *n = p->nodes.at[i];
    if (n->kind != HW_NODE_WEIGHT)
      continue;
    n->field = p->record_bits;
    p->record_bits += format_bits(n->expr->buffer->format) * (n->wide ? p->lanes : 1);
  }
  p->words = (int)((p->record_bits + h->word_bits - 1) / h->word_bits);
}

static void time_phase(const struct hw_design *h, const struct hw_unit *u, struct hw_phase *p) {
  p->depth = 1;
  for (int i = 0; i < p->nodes.n; i++)
    time_node(u, p, p->nodes.at[i]);
  for (int i = 0; i < p->nodes.n; i++) {
    const struct hw_node *n = p->nodes.at[i];
    if (n->held || n->kind == HW_NODE_ACC)
      p->depth = at_least(p->depth, n->time);
  }
  for (int i = 0; i < p->stores.n; i++) {
    struct hw_store *s = p->stores.at[i];
    s->time = at_least(s->value->time, 1);
    need(s->value, s->time);
    p->depth = at_least(p->depth, s->time + 1);
  }
  give_ports(p);
  lay_out_record(h, p);
  p->cycles = p->iterations * at_least(p->words, 1) + p->depth;
}

static void add_buffer(struct hw_design *h, struct hw_unit *u, struct hw_buffer *b, bool write) {
  if (b->place == HW_TOKEN || b->place == HW_LOGITS)
    return;
  for (int i = 0; i < (write ? u->writes.n : u->reads.n); i++)
    if ((write ? u->writes.at[i] : u->reads.at[i]) == b)
      return;
  if (write)
    vec_push(h->arena, u->writes, b);
  else
    vec_push(h->arena, u->reads, b);
}

void hw_time_kernel(struct hw_design *h, struct hw_unit *u) {
  u->cycles = KERNEL_OVERHEAD;
  find_shared(u);
  u->words = 0;
  for (int i = 0; i < u->phases.n; i++) {
    struct hw_phase *p = u->phases.at[i];
    time_phase(h, u, p);
    u->cycles += p->runs * p->cycles;
    u->words += p->runs * p->iterations * p->words;
    for (int k = 0; k < p->nodes.n; k++)
      if (p->nodes.at[k]->kind == HW_NODE_LOAD)
        add_buffer(h, u, p->nodes.at[k]->buffer, false);
    for (int k = 0; k < p->stores.n; k++)
      add_buffer(h, u, p->stores.at[k]->buffer, true);
  }
}
