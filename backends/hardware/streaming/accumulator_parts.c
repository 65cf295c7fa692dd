/* accumulator_parts.c: the words of accumulators, as print_accumulators.c prints them. */
#include "backends/hardware/streaming/kernel_parts.h"

#include "backends/hardware/streaming/printer.h"

static struct word combined(struct kernel_filling *f, const struct hw_node *n, int64_t times, struct word a,
                            struct word b) {
  if (n->acc->how == ACC_SUM)
    return word_add(f->b, times, a, b, false);
  return word_mux(f->b, times, word_less(f->b, times, b, a), a, b);
}

static struct word element_of(struct kernel_filling *f, const struct hw_node *n, int64_t times) {
  int t = n->time - n->latency, width = node_width(n), bits = node_width(n->element) + 1;
  if (n->acc->how != ACC_ABSMAX)
    return fill_wide(f, n->element, t, width);
  struct word e = fill_wide(f, n->element, t, bits), zero = word_const(f->b, 0, bits);
  struct word minus = word_add(f->b, times, zero, e, true);
  return word_fit(f->b, times, word_mux(f->b, times, e.at[bits - 1], minus, e), width);
}

struct word fill_accumulator(struct kernel_filling *f, const struct hw_node *n) {
  const struct hw_level *v = f->p->levels[n->acc_level - 1];
  int width = node_width(n), t = n->time - 1;
  int64_t times = n->across || n->wide ? f->p->lanes : 1;
  struct word element = element_of(f, n, times);
  if (n->across) {
    int64_t rest = v->extent % f->p->lanes;
    if (rest) {
      inv_logic(f->u, (times - rest) * width, 2);
      bit last = v->steps == 1 ? BIT_1 : fill_at_last(f, n->acc_level - 1);
      bits_use(f->b, fill_single(f, fill_flag_later(f, last, n->time - n->latency)));
    }
    bits_use(f->b, element);
    for (int count = f->p->lanes / 2; count >= 1; count /= 2) {
      struct word a = word_wires(f->b, width, count), b = word_wires(f->b, width, count);
      element = word_reg(f->b, combined(f, n, count, a, b), f->on);
      bits_use(f->b, element);
    }
    times = 1;
  }
  bit on = bit_and(f->b, f->valid[t], fill_flag_later(f, fill_at_last(f, n->acc_level), t));
  if (v->steps <= 1)
    return word_reg(f->b, element, on);
  struct word c = fill_counter(f, v->loop, false), own = word_wires(f->b, width, times);
  bit first = fill_flag_later(f, word_equal(f->b, 1, c, word_const(f->b, 0, c.n)), t);
  struct word next =
      combined(f, n, times, n->acc->how == ACC_SUM ? own : element, n->acc->how == ACC_SUM ? element : own);
  if (n->acc->how == ACC_SUM) { /* what it held is masked in the adder's LUTs, or before them */
    inv_logic(f->u, times * width, 2);
    bits_use(f->b, fill_single(f, first));
  } else {
    bits_use(f->b, fill_single(f, first));
  }
  return word_reg(f->b, next, on);
}
