/* print_memories.c: the memories of the machine: what is written to each, and what is read. */
#include "backends/hardware/streaming/core.h"

static bool writes_to(const struct hw_unit *u, const struct hw_buffer *b) {
  for (int i = 0; i < u->writes.n; i++)
    if (u->writes.at[i] == b)
      return true;
  return false;
}

/* `or` over units that write the memory of what they say, or a default. */
static const char *any_writer(const struct hw_printer *p, const struct hw_buffer *b) {
  const char *text = NULL;
  for (int i = 0; i < p->h->units.n; i++) {
    const struct hw_unit *u = p->h->units.at[i];
    if (writes_to(u, b))
      text = arena_printf(p->a, "%s%s%s_%s_write", text ? text : "", text ? " | " : "", u->name, b->name);
  }
  return text;
}

/* A choice by the unit that runs; kernels write only while they run. */
static const char *by_unit(const struct hw_printer *p, const struct hw_buffer *b, const char *what,
                           int port) {
  const char *text = NULL;
  for (int i = p->h->units.n - 1; i >= 0; i--) {
    const struct hw_unit *u = p->h->units.at[i];
    bool mine = port < 0 ? writes_to(u, b) : unit_ports(u, b) > port;
    if (!mine)
      continue;
    const char *one = arena_printf(p->a, "%s_%s_%s", u->name, b->name, what);
    text = text ? arena_printf(p->a, "unit == %s ? %s : %s",
                               literal(p->a, u->id, address_bits(p->h->units.n)), one, text)
                : one;
  }
  return text;
}

static void print_writes(struct hw_printer *p, const struct hw_buffer *b) {
  const struct hw_design *h = p->h;
  int lanes = h->options.vector, bits = address_bits(b->words);
  const char *mask = any_writer(p, b);
  const char *address = mask ? by_unit(p, b, "write_address", -1) : literal(p->a, 0, bits);
  const char *data = mask ? by_unit(p, b, "write_data", -1) : literal(p->a, 0, lanes * b->bits);
  if (!mask)
    mask = literal(p->a, 0, lanes);
  if (b->place == HW_STATE) {
    const char *init = literal(p->a, (int64_t)b->state->init, b->bits);
    v_line(p, "wire %s_clear = clear_running && clear_address < 32'd%lld;", b->name, (long long)b->words);
    v_line(p, "wire [%d:0] %s_write = %s_clear ? {%d{1'b1}} : %s_poke ? window_mask : %s;", lanes - 1,
           b->name, b->name, lanes, b->name, mask);
    v_line(p, "wire [%d:0] %s_write_address = %s_clear ? clear_address[%d:0] : %s_poke ? %s_place : %s;",
           bits - 1, b->name, b->name, bits - 1, b->name, b->name, address);
    v_line(p, "wire [%d:0] %s_write_data = %s_clear ? {%d{%s}} : %s_poke ? {%d{%s}} : %s;",
           lanes * b->bits - 1, b->name, b->name, lanes, init, b->name, lanes,
           b->bits > 32 ? "state_wdata" : arena_printf(p->a, "state_wdata[%d:0]", b->bits - 1), data);
    v_line(p,
           "wire [%d:0] %s_write_banks = %s_clear ? clear_banks : %s_poke ? window_banks : sequence_banks;",
           h->options.sequences - 1, b->name, b->name, b->name);
    return;
  }
  v_line(p, "wire [%d:0] %s_write = %s;", lanes - 1, b->name, mask);
  v_line(p, "wire [%d:0] %s_write_address = %s;", bits - 1, b->name, address);
  v_line(p, "wire [%d:0] %s_write_data = %s;", lanes * b->bits - 1, b->name, data);
  v_line(p, "wire [%d:0] %s_write_banks = sequence_banks;", h->options.sequences - 1, b->name);
}

/* A port's address: that of the unit that runs; the sum engine and the states' window use port 0. */
static void print_reads(struct hw_printer *p, const struct hw_buffer *b) {
  int bits = address_bits(b->words), ports = reads_of(b);
  const char *list = "";
  for (int k = 0; k < ports; k++) {
    const char *own = by_unit(p, b, arena_printf(p->a, "read%d_address", k), k);
    if (!own)
      own = literal(p->a, 0, bits);
    if (k == 0 && b->sum_in)
      own = arena_printf(p->a, "sum_active ? code_address[%d:0] : %s", bits - 1, own);
    if (k == 0 && b->place == HW_STATE)
      own = arena_printf(p->a, "window_active ? %s_place : %s", b->name, own);
    v_line(p, "wire [%d:0] %s_read%d_address = %s;", bits - 1, b->name, k, own);
    list = arena_printf(p->a, "%s_read%d_address%s%s", b->name, k, k ? ", " : "", list);
  }
  v_line(p, "wire [%d:0] %s_read_data;", ports * p->h->options.vector * b->bits - 1, b->name);
  v_line(p,
         "tern_buffer #(.WIDTH(%d), .LANES(%d), .WORDS(%lld), .SEQUENCES(%d), .READS(%d), .SUMS(%d)) m_%s "
         "(.clk(clk),",
         b->bits, p->h->options.vector, (long long)depth_of(b), p->h->options.sequences, ports, b->sum_out,
         b->name);
  p->indent++;
  v_line(p,
         ".write(%s_write), .write_banks(%s_write_banks), .write_address(%s_write_address), "
         ".write_data(%s_write_data),",
         b->name, b->name, b->name, b->name);
  if (b->sum_out)
    v_line(p, ".sum_write(%s_sum), .sum_element(sum_element[%d:0]), .sum_data(%s_sums),", b->name,
           address_bits(depth_of(b) * p->h->options.vector) - 1, b->name);
  else
    v_line(p, ".sum_write(1'b0), .sum_element(%s), .sum_data(%s),",
           literal(p->a, 0, address_bits(depth_of(b) * p->h->options.vector)),
           literal(p->a, 0, p->h->options.sequences * b->bits));
  const char *bank = b->sum_in ? "bank" : "seq";
  if (b->place == HW_STATE)
    bank = "window_active ? window_bank : seq";
  v_line(p, ".read_address({%s}), .read_bank(%s), .read_data(%s_read_data));", list, bank, b->name);
  p->indent--;
}

void print_memory(struct hw_printer *p, const struct hw_buffer *b) {
  v_blank(p);
  v_comment(p, arena_printf(p->a, "%s%s: %lld elements of %d bits", b->place == HW_STATE ? "state " : "",
                            b->spec, (long long)(b->elements * b->instances), b->bits));
  if (b->sum_out) {
    v_line(p, "reg %s_sum;", b->name);
    v_line(p, "wire [%d:0] %s_sums;", p->h->options.sequences * b->bits - 1, b->name);
  }
  print_writes(p, b);
  print_reads(p, b);
}
