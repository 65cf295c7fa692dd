/* print_stores.c: what a phase writes to memories, and its logits. */
#include "backends/hardware/streaming/phase.h"

#include "backends/lower/index.h"

const char *store_name(struct arena *a, const struct hw_phase *p, const struct hw_store *s) {
  return arena_printf(a, "p%d_%s", p->id, s->buffer->name);
}

/* Write enables, address and data at the store's time: NAME_write, NAME_address, NAME_data. */
void print_store(struct hw_printer *p, const struct hw_store *s) {
  const char *name = store_name(p->a, p->p, s);
  int lanes = p->h->options.vector, t = s->time, width = s->buffer->bits;
  struct index *x = index_in_phase(p, s->index);
  const char *valid = arena_printf(p->a, "p%d_v[%d]", p->p->id, t);
  const char *on = phase_flag_later(p, arena_printf(p->a, "%s_on", name), phase_at_last(p, s->level), t);
  if (on)
    valid = arena_printf(p->a, "%s && %s", valid, on);
  v_line(p, "wire %s_valid = %s;", name, valid);
  if (s->buffer->place == HW_LOGITS) {
    const char *word = arena_printf(p->a, "%s_index", name);
    int bits = address_bits(s->buffer->elements);
    index_wire(p, word, x, bits, NULL);
    v_line(p, "wire [%d:0] %s_at = %s;", bits - 1, name, phase_bits_later(p, word, bits, t));
    v_line(p, "wire signed [%d:0] %s_data = %s;", width - 1, name, phase_wide(p, s->value, t, width));
    return;
  }
  const char *word = arena_printf(p->a, "%s_word", name);
  int bits = address_bits(s->buffer->words);
  index_wire(p, word, index_div(p->a, x, lanes), bits, NULL);
  v_line(p, "wire [%d:0] %s_address = %s;", bits - 1, name, phase_bits_later(p, word, bits, t));
  if (s->whole) {
    int k = 0;
    while (!p->p->levels[k]->wide)
      k++;
    const struct hw_level *v = p->p->levels[k];
    int64_t rest = v->extent % lanes;
    const char *last = v->steps == 1 ? "1'b1"
                                     : arena_printf(p->a, "%s == %s", phase_counter(p, v),
                                                    literal(p->a, v->steps - 1, address_bits(v->steps)));
    if (rest) {
      const char *tail = phase_flag_later(p, arena_printf(p->a, "%s_tail", name), last, t);
      v_line(p, "wire [%d:0] %s_mask = %s ? %s : {%d{1'b1}};", lanes - 1, name, tail,
             arena_printf(p->a, "{{%d{1'b0}}, {%lld{1'b1}}}", (int)(lanes - rest), (long long)rest), lanes);
    } else {
      v_line(p, "wire [%d:0] %s_mask = {%d{1'b1}};", lanes - 1, name, lanes);
    }
    if (!s->value->wide)
      v_line(p, "wire [%d:0] %s_data = {%d{%s}};", lanes * width - 1, name, lanes,
             phase_wide(p, s->value, t, width));
    return;
  }
  if (lanes == 1) {
    v_line(p, "wire %s_mask = 1'b1;", name);
  } else {
    const char *lane = arena_printf(p->a, "%s_lane", name);
    index_wire(p, lane, index_mod(p->a, x, lanes), address_bits(lanes), NULL);
    v_line(p, "wire [%d:0] %s_mask = %s << %s;", lanes - 1, name, literal(p->a, 1, lanes),
           phase_bits_later(p, lane, address_bits(lanes), t));
  }
  v_line(p, "wire [%d:0] %s_data = {%d{%s}};", lanes * width - 1, name, lanes,
         phase_wide(p, s->value, t, width));
}

bool store_in_lanes(const struct hw_store *s) {
  return s->whole && s->value->wide;
}
