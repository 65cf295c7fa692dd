/* phase_text.c: values, counters and flags of a phase's pipeline as Verilog text. */
#include "backends/hardware/streaming/phase.h"

const char *phase_text(const struct hw_printer *p, const struct hw_node *n, int time) {
  return operand_text(p->a, operand_at(p, n, time));
}

const char *phase_wide(const struct hw_printer *p, const struct hw_node *n, int time, int width) {
  return operand_wide(p->a, operand_at(p, n, time), width);
}

int phase_stages(const struct hw_phase *p) {
  return p->depth;
}

const char *phase_on(const struct hw_printer *p) {
  const char *name = arena_printf(p->a, "p%d_on", p->p->id);
  return from_outside(p, name, 1, true, name);
}

/* Whether an iteration was issued `time` clocks ago. */
const char *phase_valid(const struct hw_printer *p, int time) {
  const char *name = arena_printf(p->a, time ? "p%d_v%d" : "p%d_go", p->p->id, time);
  return from_outside(p, name, 1, true, time ? arena_printf(p->a, "p%d_v[%d]", p->p->id, time) : name);
}

/* When what is ready at `time` is registered: in a phase of one iteration at that clock, to stay; else while
 * the phase runs. */
const char *phase_when(const struct hw_printer *p, int time) {
  return arena_printf(p->a, "if (%s) ", p->p->single ? phase_valid(p, time) : phase_on(p));
}

/* ---- counters and flags ---------------------------------------------------------------------------- */

const char *phase_counter(const struct hw_printer *p, const struct hw_level *v) {
  const char *name = arena_printf(p->a, "%s%d", v->loop->name, v->loop->id);
  return from_outside(p, name, address_bits(v->steps), true, name);
}

/* Conjunction of "the counter is at its last step" over levels from `first` on. */
const char *phase_at_last(const struct hw_printer *p, int first) {
  const char *text = NULL;
  for (int k = first; k < p->p->n_levels; k++) {
    const struct hw_level *v = p->p->levels[k];
    if (v->steps == 1)
      continue;
    const char *one = arena_printf(p->a, "%s == %s", phase_counter(p, v),
                                   literal(p->a, v->steps - 1, address_bits(v->steps)));
    text = text ? arena_printf(p->a, "%s && %s", text, one) : one;
  }
  return text;
}

/* A bit known at issue, `time` clocks later. NULL: always true. The bit is shifted along. */
const char *phase_flag_later(const struct hw_printer *p, const char *name, const char *now, int time) {
  if (!now)
    return NULL;
  if (p->p->single || time == 0) {
    v_line(p, "wire %s = %s;", name, now);
    return name;
  }
  v_line(p, "reg [%d:1] %s;", time, name);
  if (time == 1)
    v_line(p, "always @(posedge clk) if (%s) %s[1] <= %s;", phase_on(p), name, now);
  else
    v_line(p, "always @(posedge clk) if (%s) %s <= {%s[%d:1], %s};", phase_on(p), name, name, time - 1, now);
  return arena_printf(p->a, "%s[%d]", name, time);
}

/* A vector known at issue, `time` clocks later. */
const char *phase_bits_later(const struct hw_printer *p, const char *now, int width, int time) {
  if (p->p->single || time == 0)
    return now;
  v_line(p, "reg [%d:0] %s_q;", time * width - 1, now);
  if (time == 1)
    v_line(p, "always @(posedge clk) if (%s) %s_q <= %s;", phase_on(p), now, now);
  else
    v_line(p, "always @(posedge clk) if (%s) %s_q <= {%s_q[%d:0], %s};", phase_on(p), now, now,
           (time - 1) * width - 1, now);
  return time == 1 ? arena_printf(p->a, "%s_q", now)
                   : arena_printf(p->a, "%s_q[%d:%d]", now, time * width - 1, (time - 1) * width);
}
