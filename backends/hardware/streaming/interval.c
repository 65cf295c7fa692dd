/* interval.c: what the integers of a design can be, and so how wide they are.
 *
 * Every operator's result lies between its values at the ends of its operands' intervals, or within its
 * `bits`. A buffer holds at first anything that its format can; then, as long as it gets smaller, what is
 * stored in it. Each such step is sound because the one before it was. */
#include "backends/hardware/streaming/design.h"

#include "ir/curve.h"
#include "ir/integer_ops.h"

enum { NARROWINGS = 4 };

int bits_of(struct interval r) {
  int bits = 1;
  while (bits < 63 && (r.lo < -((int64_t)1 << (bits - 1)) || r.hi > ((int64_t)1 << (bits - 1)) - 1))
    bits++;
  return bits;
}

int64_t format_bits(enum memory_format f) {
  static const int bits[] = {[FORMAT_F32] = 32, [FORMAT_F16] = 16, [FORMAT_BF16] = 16, [FORMAT_I8] = 8,
                             [FORMAT_I16] = 16, [FORMAT_I32] = 32, [FORMAT_U32] = 33,  [FORMAT_BOOL] = 2};
  return bits[f];
}

struct interval interval_of_bits(int bits) {
  return (struct interval){-((int64_t)1 << (bits - 1)), ((int64_t)1 << (bits - 1)) - 1};
}

struct interval interval_of_format(enum memory_format f) {
  if (f == FORMAT_BOOL)
    return (struct interval){0, 1};
  if (f == FORMAT_U32)
    return (struct interval){0, UINT32_MAX};
  return interval_of_bits((int)format_bits(f));
}

struct interval interval_join(struct interval a, struct interval b) {
  return (struct interval){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

/* The operator at all combinations of its operands' ends. */
static struct interval at_ends(const struct hw_node *n) {
  struct interval r = {INT64_MAX, INT64_MIN};
  for (int corner = 0; corner < 1 << n->n_in; corner++) {
    int64_t x[3] = {0};
    for (int i = 0; i < n->n_in; i++)
      x[i] = corner >> i & 1 ? n->in[i]->range.hi : n->in[i]->range.lo;
    int64_t y = integer_ops[n->code](x[0], x[1], x[2], &n->expr->attr);
    r = interval_join(r, (struct interval){y, y});
  }
  return r;
}

static bool has(struct interval r, int64_t x) {
  return r.lo <= x && x <= r.hi;
}

/* Of |a|: where the interval has both signs, 0 is the smallest. */
static struct interval of_log(const struct hw_node *n) {
  struct interval r = at_ends(n);
  return has(n->in[0]->range, 0) ? interval_join(r, (struct interval){0, 0}) : r;
}

static struct interval of_curve(const struct hw_node *n) {
  static int64_t y[(1 << CURVE_MOST_SEGMENTS) + 1];
  int count = curve_table(&n->expr->attr, y);
  struct interval r = {y[0], y[0]};
  for (int i = 1; i < count; i++)
    r = interval_join(r, (struct interval){y[i], y[i]});
  return (struct interval){integer_saturate(r.lo, n->expr->attr.bits),
                           integer_saturate(r.hi, n->expr->attr.bits)};
}

struct interval interval_of_op(const struct hw_node *n) {
  switch (n->code) {
  case OP_SELECT: return interval_join(n->in[1]->range, n->in[2]->range);
  case OP_CONVERT: return n->in[0]->range;
  case OP_CURVE: return of_curve(n);
  case OP_ILOG2: return of_log(n);
  case OP_ILT:
  case OP_ILE:
  case OP_IEQ: return (struct interval){0, 1};
  default: return at_ends(n);
  }
}

struct interval interval_of_acc(enum accumulate how, struct interval e, int64_t count) {
  int64_t most = -e.lo > e.hi ? -e.lo : e.hi;
  if (how == ACC_MAX)
    return e;
  if (how == ACC_ABSMAX)
    return (struct interval){0, most > INT32_MAX ? INT32_MAX : most};
  if (count > ((int64_t)1 << 31) || -e.lo > ((int64_t)1 << 31) || e.hi > ((int64_t)1 << 31))
    return interval_of_bits(32);
  struct interval r = {e.lo < 0 ? e.lo * count : 0, e.hi > 0 ? e.hi * count : 0};
  return bits_of(r) > 32 ? interval_of_bits(32) : r;
}

/* ---- indices --------------------------------------------------------------------------------------- */

static int64_t most_of(const struct hw_phase *p, const struct loop *loop) {
  for (int k = 0; p && k < p->n_levels; k++)
    if (p->levels[k]->loop == loop)
      return p->levels[k]->steps - 1;
  return loop->extent->kind == INDEX_CONST ? loop->extent->constant - 1 : 0;
}

struct interval interval_of_index(const struct hw_unit *u, const struct hw_phase *p, const struct index *x) {
  int64_t c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  struct interval a = {0, 0}, b = {0, 0};
  if (x->a)
    a = interval_of_index(u, p, x->a);
  if (x->b)
    b = interval_of_index(u, p, x->b);
  switch (x->kind) {
  case INDEX_CONST: return (struct interval){x->constant, x->constant};
  case INDEX_VAR: return (struct interval){0, most_of(p, x->loop)};
  case INDEX_I: return (struct interval){0, u->i_count - 1};
  case INDEX_J: return (struct interval){0, u->j_count - 1};
  case INDEX_DIM: return (struct interval){1, 1};
  case INDEX_ADD: return (struct interval){a.lo + b.lo, a.hi + b.hi};
  case INDEX_SUB: return (struct interval){a.lo - b.hi, a.hi - b.lo};
  case INDEX_MUL: return (struct interval){c < 0 ? a.hi * c : a.lo * c, c < 0 ? a.lo * c : a.hi * c};
  case INDEX_DIV: return (struct interval){a.lo / c, a.hi / c};
  case INDEX_MOD: return (struct interval){0, a.hi < c - 1 ? a.hi : c - 1};
  case INDEX_MIN: return (struct interval){a.lo < c ? a.lo : c, a.hi < c ? a.hi : c};
  case INDEX_MAX: return (struct interval){a.lo > c ? a.lo : c, a.hi > c ? a.hi : c};
  default: return interval_of_format(FORMAT_U32);
  }
}

/* ---- a whole design -------------------------------------------------------------------------------- */

/* Iterations of the phase's loops from that of the accumulator inwards. */
static int64_t elements_of(const struct hw_phase *p, const struct hw_node *n) {
  (void)p;
  return n->acc->loop->extent->constant;
}

static void set_range(struct hw_node *n, struct interval r) {
  n->range = r;
  n->bits = bits_of(r);
}

static void range_phase(const struct hw_unit *u, const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++) {
    struct hw_node *n = p->nodes.at[i];
    switch (n->kind) {
    case HW_NODE_CONST: set_range(n, (struct interval){n->value, n->value}); break;
    case HW_NODE_INDEX:
      set_range(n, n->expr->kind == EXPR_INDEX_LT ? (struct interval){0, 1}
                                                  : interval_of_index(u, NULL, n->index));
      break;
    case HW_NODE_LOAD: set_range(n, n->buffer->range); break;
    case HW_NODE_WEIGHT: set_range(n, interval_of_format(n->expr->buffer->format)); break;
    case HW_NODE_OP: set_range(n, interval_of_op(n)); break;
    case HW_NODE_ACC: set_range(n, interval_of_acc(n->acc->how, n->element->range, elements_of(p, n))); break;
    case HW_NODE_HELD: set_range(n, n->source->range); break;
    }
  }
}

/* What a sum of a row's codes can be: all of them added, or all subtracted. */
static struct interval sum_range(const struct hw_unit *u) {
  int64_t low = -u->in->range.lo, most = low > u->in->range.hi ? low : u->in->range.hi;
  return (struct interval){-most * u->columns, most * u->columns};
}

static void range_unit(const struct hw_unit *u) {
  for (int i = 0; i < u->phases.n; i++)
    range_phase(u, u->phases.at[i]);
}

void hw_narrow(struct hw_design *h) {
  for (int round = 0; round < NARROWINGS; round++) {
    struct interval *stored = arena_array(h->arena, struct interval, h->buffers.n ? h->buffers.n : 1);
    for (int i = 0; i < h->buffers.n; i++) {
      const struct hw_buffer *b = h->buffers.at[i];
      int64_t init = b->state ? (int64_t)b->state->init : 0;
      stored[i] = b->place == HW_TOKEN ? b->range : (struct interval){init, init};
    }
    for (int i = 0; i < h->units.n; i++) {
      const struct hw_unit *u = h->units.at[i];
      range_unit(u);
      if (u->kind == HW_UNIT_SUM)
        stored[u->out->id] = interval_join(stored[u->out->id], sum_range(u));
      for (int k = 0; k < u->phases.n; k++)
        for (int s = 0; s < u->phases.at[k]->stores.n; s++) {
          const struct hw_store *st = u->phases.at[k]->stores.at[s];
          stored[st->buffer->id] = interval_join(stored[st->buffer->id], st->value->range);
        }
    }
    for (int i = 0; i < h->buffers.n; i++) {
      h->buffers.at[i]->range = stored[i];
      h->buffers.at[i]->bits = bits_of(stored[i]) < 2 ? 2 : bits_of(stored[i]);
    }
  }
  for (int i = 0; i < h->units.n; i++)
    range_unit(h->units.at[i]);
}
