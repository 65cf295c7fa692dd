/* operands.c: values, constants and indices as Verilog text with exact widths. */
#include "backends/hardware/streaming/printer.h"

#include "backends/lower/index.h"
#include "backends/lower/lower.h"
#include "support/escape.h"
#include <string.h>

void v_line(const struct hw_printer *p, const char *format, ...) {
  va_list ap;
  fprintf(p->out, "%*s", 2 * p->indent, "");
  va_start(ap, format);
  vfprintf(p->out, format, ap);
  va_end(ap);
  fputc('\n', p->out);
}

void v_blank(const struct hw_printer *p) {
  fputc('\n', p->out);
}

void v_comment(const struct hw_printer *p, const char *text) {
  verilog_comment(p->out, p->a, p->indent, text);
}

/* ---- values ---------------------------------------------------------------------------------------- */

bool is_truth(const struct hw_node *n) {
  switch (n->kind) {
  case HW_NODE_HELD: return is_truth(n->source);
  case HW_NODE_ACC: return false;
  case HW_NODE_LOAD: return n->buffer->format == FORMAT_BOOL;
  case HW_NODE_CONST: return n->expr->elem == ELEM_BOOL;
  case HW_NODE_OP: return n->expr->elem == ELEM_BOOL;
  default: return n->expr->kind == EXPR_INDEX_LT;
  }
}

int node_width(const struct hw_node *n) {
  return is_truth(n) ? 1 : n->bits < 2 ? 2 : n->bits;
}

const char *node_name(struct arena *a, const struct hw_unit *u, const struct hw_node *n) {
  (void)u;
  if (n->kind == HW_NODE_HELD)
    return node_name(a, u, n->source);
  return arena_printf(a, "%s_%d", n->name ? identifier(a, n->name) : "v", n->id);
}

static const char *port_of(const struct hw_printer *p, struct lane_port port) {
  if (!p->lane)
    return port.connection;
  port.name = arena_printf(p->a, "%s_%s", port.name, port.out ? "out" : "in");
  for (int i = 0; i < p->lane->list.n; i++)
    if (strcmp(p->lane->list.at[i].name, port.name) == 0)
      return p->lane->list.at[i].name;
  vec_push(p->a, p->lane->list, port);
  return port.name;
}

const char *from_outside(const struct hw_printer *p, const char *name, int width, bool truth,
                         const char *connection) {
  return port_of(p, (struct lane_port){name, connection, width, false, truth});
}

const char *to_outside(const struct hw_printer *p, const char *name, int width, const char *connection) {
  return port_of(p, (struct lane_port){name, connection, width, true, true});
}

/* What an earlier phase left; of vectors, this lane's part. */
static const char *held_name(const struct hw_printer *p, const struct hw_node *n, const char *name) {
  int width = node_width(n);
  if (!n->wide)
    return from_outside(p, name, width, is_truth(n), name);
  const char *mine = arena_printf(p->a, "%s_held", name);
  return from_outside(p, mine, width, is_truth(n),
                      arena_printf(p->a, "%s_all[lane * %d +: %d]", name, width, width));
}

struct operand operand_at(const struct hw_printer *p, const struct hw_node *n, int time) {
  struct operand o = {.width = node_width(n), .truth = is_truth(n)};
  if (n->kind == HW_NODE_CONST) {
    o.value = n->value;
    return o;
  }
  if (n->kind == HW_NODE_LOAD && n->buffer->place == HW_TOKEN) {
    o.name = from_outside(p, "token", 33, false, "token");
    return o;
  }
  o.name = node_name(p->a, p->u, n);
  if (n->kind == HW_NODE_HELD) {
    o.name = held_name(p, n, o.name);
    return o;
  }
  if (!p->p->single && n->time != TIME_ALWAYS && time > n->time) {
    o.name = arena_printf(p->a, "%s_q", o.name);
    o.part = true;
    o.low = (time - n->time - 1) * o.width;
  }
  if (!n->wide) /* of the phase, for all lanes */
    o.name = from_outside(p, o.name, o.part ? (n->needed - n->time) * o.width : o.width, o.part || o.truth,
                          o.name);
  return o;
}

const char *operand_text(struct arena *a, struct operand o) {
  if (!o.name)
    return literal(a, o.value, o.width);
  if (!o.part)
    return o.name;
  if (o.width == 1)
    return arena_printf(a, "%s[%d]", o.name, o.low);
  return arena_printf(a, "%s[%d:%d]", o.name, o.low + o.width - 1, o.low);
}

static const char *top_bit(struct arena *a, struct operand o) {
  return arena_printf(a, "%s[%d]", o.name, o.low + o.width - 1);
}

const char *operand_wide(struct arena *a, struct operand o, int width) {
  if (!o.name)
    return literal(a, o.value, width);
  const char *text = operand_text(a, o);
  if (width <= o.width)
    return text;
  if (o.truth)
    return arena_printf(a, "{%d'd0, %s}", width - 1, text);
  return arena_printf(a, "{{%d{%s}}, %s}", width - o.width, top_bit(a, o), text);
}

/* ---- indices --------------------------------------------------------------------------------------- */

static const struct hw_level *level_of(const struct hw_phase *p, const struct loop *loop) {
  for (int k = 0; k < p->n_levels; k++)
    if (p->levels[k]->loop == loop)
      return p->levels[k];
  return NULL;
}

struct index *index_in_phase(const struct hw_printer *p, const struct index *x) {
  struct arena *a = p->a;
  const struct hw_level *v;
  struct index *y = x->a ? index_in_phase(p, x->a) : NULL;
  int64_t c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  switch (x->kind) {
  case INDEX_VAR:
    v = level_of(p->p, x->loop);
    return index_scale(a, x, v && v->wide ? p->h->options.vector : 1);
  case INDEX_DIM: return index_const(a, 1);
  case INDEX_ADD: return index_sum(a, y, 1, index_in_phase(p, x->b));
  case INDEX_SUB: return index_sum(a, y, -1, index_in_phase(p, x->b));
  case INDEX_MUL: return index_scale(a, y, c);
  case INDEX_DIV: return index_div(a, y, c);
  case INDEX_MOD: return index_mod(a, y, c);
  case INDEX_MIN: return index_clamp(a, y, -INDEX_FAR, c);
  case INDEX_MAX: return index_clamp(a, y, c, INDEX_FAR);
  default: return (struct index *)x;
  }
}

static bool is_power(int64_t x) {
  return x > 0 && (x & (x - 1)) == 0;
}

static const char *counter_text(const struct hw_printer *p, const struct hw_level *v, int width,
                                const char *lane) {
  const char *name = arena_printf(p->a, "%s%d", v->loop->name, v->loop->id);
  name = v->steps == 1 ? "1'd0" : from_outside(p, name, address_bits(v->steps), true, name);
  int bits = address_bits(v->steps), low = lane && v->wide ? address_bits(p->h->options.vector) : 0;
  const char *both = low ? arena_printf(p->a, "{%s, %s}", name, lane) : name;
  if (width > bits + low)
    return arena_printf(p->a, low ? "{%d'd0, %s, %s}" : "{%d'd0, %s}", width - bits - low, name, lane);
  return both;
}

static const char *leaf_text(const struct hw_printer *p, const char *name, int64_t count, int width) {
  int bits = address_bits(count);
  name = from_outside(p, name, bits, true, name);
  return width > bits ? arena_printf(p->a, "{%d'd0, %s}", width - bits, name) : name;
}

/* Bits in which nothing of the index overflows; where a part can be negative, or is compared, as signed. */
static int needed_bits(const struct hw_printer *p, const struct index *x, bool lane) {
  struct interval r = interval_of_index(p->u, lane ? NULL : p->p, x);
  bool compared = x->kind == INDEX_MIN || x->kind == INDEX_MAX;
  int bits = unsigned_bits(r.hi > 0 ? r.hi : 1) + (r.lo < 0 || compared);
  if (r.lo < 0 && bits_of(r) > bits)
    bits = bits_of(r);
  int a = x->a ? needed_bits(p, x->a, lane) : 0, b = x->b ? needed_bits(p, x->b, lane) : 0;
  const struct hw_level *v = lane && x->kind == INDEX_VAR ? level_of(p->p, x->loop) : NULL;
  if (v && v->wide) /* all lanes of the last step */
    bits = address_bits(v->steps) + address_bits(p->h->options.vector);
  bits = a + compared > bits ? a + compared : bits;
  return b > bits ? b : bits;
}

const char *hw_index_text(const struct hw_printer *p, const struct index *x, int width, const char *lane) {
  struct arena *a = p->a;
  int64_t c = x->b && x->b->kind == INDEX_CONST ? x->b->constant : 0;
  switch (x->kind) {
  case INDEX_CONST: return literal(a, x->constant, width);
  case INDEX_VAR: return counter_text(p, level_of(p->p, x->loop), width, lane);
  case INDEX_I: return leaf_text(p, "i", p->u->i_count, width);
  case INDEX_J: return leaf_text(p, "j", p->u->j_count, width);
  case INDEX_DIM: return literal(a, 1, width);
  default: break;
  }
  const char *left = hw_index_text(p, x->a, width, lane);
  switch (x->kind) {
  case INDEX_ADD: return arena_printf(a, "(%s + %s)", left, hw_index_text(p, x->b, width, lane));
  case INDEX_SUB: return arena_printf(a, "(%s - %s)", left, hw_index_text(p, x->b, width, lane));
  case INDEX_MUL:
    if (is_power(c))
      return arena_printf(a, "(%s << %d)", left, unsigned_bits(c) - 1);
    return arena_printf(a, "(%s * %s)", left, literal(a, c, width));
  case INDEX_DIV:
    if (is_power(c))
      return arena_printf(a, "(%s >> %d)", left, unsigned_bits(c) - 1);
    return arena_printf(a, "(%s / %s)", left, literal(a, c, width));
  case INDEX_MOD:
    if (is_power(c))
      return arena_printf(a, "(%s & %s)", left, literal(a, c - 1, width));
    return arena_printf(a, "(%s %% %s)", left, literal(a, c, width));
  default: break;
  }
  const char *right = literal(a, c, width);
  return arena_printf(a, "(($signed(%s) %s $signed(%s)) ? %s : %s)", left, x->kind == INDEX_MIN ? "<" : ">",
                      right, left, right);
}

void index_wire(const struct hw_printer *p, const char *name, const struct index *x, int width,
                const char *lane) {
  int need = needed_bits(p, x, lane);
  if (need <= width) {
    v_line(p, "wire [%d:0] %s = %s;", width - 1, name, hw_index_text(p, x, width, lane));
    return;
  }
  v_line(p, "/* verilator lint_off UNUSED */ // the upper bits are 0");
  v_line(p, "wire [%d:0] %s_full = %s;", need - 1, name, hw_index_text(p, x, need, lane));
  v_line(p, "/* verilator lint_on UNUSED */");
  v_line(p, "wire [%d:0] %s = %s_full[%d:0];", width - 1, name, name, width - 1);
}
