/* machine_parts.c: the parts of the machine around the kernels, as print_core.c and print_top.c print it;
 * streams and schedule. */
#include "backends/hardware/streaming/streaming_parts.h"

#include "backends/hardware/streaming/printer.h"

/* ---- units that the machine has beside its kernels ----------------------------------------------------- */

struct machine_filling {
  const struct hw_design *h;
  struct inventory *v;
  struct inv_unit *top, *core, *registers, *reader, *engine, *rank, *program, *fetch;
  struct inv_unit **buffer, **unit; /* by number */
};

static bool is_memory(const struct hw_buffer *b) {
  return b->place == HW_SCRATCH || b->place == HW_STATE;
}

static const char *named(const struct machine_filling *f, const char *prefix, const char *name) {
  return arena_printf(f->h->arena, "%s%s", prefix, name);
}

static int64_t depth_of(const struct hw_buffer *b) {
  return b->words < 2 ? 2 : b->words;
}

static bool has_sums(const struct hw_design *h) {
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == HW_UNIT_SUM)
      return true;
  return false;
}

static void put_interfaces(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  f->top = inv_unit(f->v, INV_CONTROL, "top", "", h->name, "AXI around the machine");
  inv_add(f->top, 1, 40, 40, 0); /* the image's address and the command's offset */
  f->registers =
      inv_unit(f->v, INV_CONTROL, "registers", "registers", "tern_axil", "AXI4-Lite: control and counters");
  inv_library(f->registers, 1, "tern_axil", "COUNTERS", 6, NULL);
  f->reader =
      inv_unit(f->v, INV_READER, "reader", "reader", "tern_axi_reader", "AXI4 read master and its queue");
  inv_library(f->reader, 1, "tern_axi_reader", "ADDRESS", 40, "DATA", h->word_bits, "SIZE", 32, "DEPTH",
              (int)READER_DEPTH, "BURST", (int)READER_BURST, NULL);
}

/* ---- memories ------------------------------------------------------------------------------------------ */

static int writers_of(const struct hw_design *h, const struct hw_buffer *b) {
  int n = 0;
  for (int i = 0; i < h->units.n; i++)
    for (int k = 0; k < h->units.at[i]->writes.n; k++)
      n += h->units.at[i]->writes.at[k] == b;
  return n;
}

static int readers_of(const struct hw_design *h, const struct hw_buffer *b, int port) {
  int n = 0;
  for (int i = 0; i < h->units.n; i++)
    n += h->units.at[i]->kind == HW_UNIT_KERNEL && unit_ports(h->units.at[i], b) > port;
  return n;
}

/* Buses of a memory are chosen by the unit that runs, in a chain; the core has these choices. That a unit
 * runs is decoded once for all. */
static void put_choice(struct inv_unit *core, int bits, int units) {
  inv_mux(core, units - 1, bits, 2);
}

/* A state is cleared and has the window beside the units: its data are theirs or a constant. */
static void put_state_writes(struct machine_filling *f, const struct hw_buffer *b, int64_t from) {
  int lanes = f->h->options.vector, bits = address_bits(b->words), zeros = 0;
  int place = bits + (lanes > 1 ? address_bits(lanes) : 0);
  while (zeros < place && !(from >> zeros & 1))
    zeros++;
  inv_logic(f->core, lanes + 2 + f->h->options.sequences, 4);
  inv_mux(f->core, 1, bits, 3);
  inv_logic(f->core, (int64_t)lanes * b->bits, 4);
  inv_add(f->core, 1, place - zeros, 0, PART_CONST); /* its place in the window */
  inv_library(f->core, 1, "tern_pick", "WIDTH", b->bits, "LANES", lanes, NULL);
}

static void put_memory(struct machine_filling *f, const struct hw_buffer *b, int64_t from) {
  const struct hw_design *h = f->h;
  bool state = b->place == HW_STATE;
  int lanes = h->options.vector, bits = address_bits(b->words), reads = b->reads > 0 ? b->reads : 1;
  struct inv_unit *u =
      inv_unit(f->v, state ? INV_STATE : INV_BUFFER, state ? b->spec : b->name, named(f, "core.m_", b->name),
               "tern_buffer", state ? "a state of the recurrence" : "a value between units");
  u->at = state ? b->state->at : u->at;
  inv_library(u, 1, "tern_buffer", "WIDTH", b->bits, "LANES", lanes, "WORDS", (int)depth_of(b), "SEQUENCES",
              h->options.sequences, "READS", reads, "SUMS", (int)b->sum_out, NULL);
  int writers = writers_of(h, b);
  put_choice(f->core, bits + lanes * b->bits, writers);
  inv_logic(f->core, lanes, writers);
  for (int port = 0; port < reads; port++)
    put_choice(f->core, bits, readers_of(h, b, port) + (port == 0 && (b->sum_in || state)));
  if (state)
    put_state_writes(f, b, from);
  f->buffer[b->id] = u;
}

static int count_distinct(const int64_t *value, int n) {
  int distinct = 0;
  for (int i = 0; i < n; i++) {
    int k = 0;
    while (value[k] != value[i])
      k++;
    distinct += k == i;
  }
  return distinct;
}

/* Clearing and the window compare with the states' sizes and bounds; equal comparisons are one. */
static void put_states(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int64_t *size = arena_array(h->arena, int64_t, h->buffers.n), from = 0;
  int n = 0, bits = 0;
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (!is_memory(b))
      continue;
    put_memory(f, b, from);
    if (b->place != HW_STATE)
      continue;
    from += b->words * h->options.vector;
    size[n++] = b->words;
    bits = b->bits > bits ? b->bits : bits;
  }
  inv_less(f->core, count_distinct(size, n) + n, 32, PART_CONST);
  bits = bits < 32 ? bits : 32;
  inv_reg(f->core, 1, bits, 0); /* what is read; where no state is, its reset */
  inv_logic(f->core, n > 1 ? bits : 0, 2 * n);
}

/* ---- the sum engine ------------------------------------------------------------------------------------ */

static int64_t widest_sum(const struct hw_design *h) {
  int64_t most = 1;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind == HW_UNIT_SUM && u->skipped + u->columns > most)
      most = u->skipped + u->columns;
  }
  return most;
}

static int64_t number_of(const struct hw_unit *u, int table) {
  const int64_t of[] = {u->skipped + u->columns, u->m, u->first_word, u->out_first, u->out_step, 1};
  return u->kind == HW_UNIT_SUM ? of[table] : 0;
}

/* What the running sum is: tables by unit, and of units that are none 0. */
static void put_unit_tables(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int64_t *value = arena_array(h->arena, int64_t, h->units.n + 1);
  for (int table = 0; table < 6; table++) {
    for (int i = 0; i < h->units.n; i++)
      value[i] = number_of(h->units.at[i], table);
    inv_table(f->core, 1, value, h->units.n + 1, 32, PART_UNCLOCKED);
  }
}

static void put_engine(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int lanes = h->options.vector, code = code_address_bits(h), rows = unsigned_bits(h->most_m);
  int inputs = 0;
  f->engine =
      inv_unit(f->v, INV_SUM, "sum engine", "core.engine", "tern_sum", "sums of ternary weights times codes");
  inv_library(f->engine, 1, "tern_sum", "LANES", h->options.lanes, "PACKING",
              (int)(h->options.packing == STORE_TILE3), "WIDTH", h->code_bits, "SEQUENCES",
              h->options.sequences, "PORT", lanes, "COLUMNS", (int)widest_sum(h), "ROWS", (int)h->most_m,
              "RESULT", h->sum_bits, "TAG", 1, "ROW_BITS", rows, "CODE_ADDRESS", code, NULL);
  int element = address_bits(most_elements_out(h)), outputs = 0;
  for (int i = 0; i < h->buffers.n; i++) {
    inputs += h->buffers.at[i]->sum_in;
    outputs += h->buffers.at[i]->sum_out && is_memory(h->buffers.at[i]);
  }
  put_unit_tables(f);
  inv_logic(f->core, outputs, address_bits(h->units.n) + 1);
  inv_mux(f->core, 1, lanes * h->code_bits, inputs);
  inv_reg(f->core, 1, 5 + sequence_bits(h), PART_RESET);
  inv_reg(f->core, 1, 2 * element + h->options.sequences * h->sum_bits, 0);
  inv_add(f->core, 1, element, element, 0);
}

/* ---- control and results ------------------------------------------------------------------------------- */

static void put_sequencer(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  struct inv_unit *core = f->core;
  int rows = address_bits(h->rows.n), units = address_bits(h->units.n), sequences = h->options.sequences;
  f->program = inv_unit(f->v, INV_CONTROL, "program", "core.rom", named(f, h->name, "__program"),
                        "what a step runs, one after another");
  int64_t *row = arena_array(h->arena, int64_t, h->rows.n);
  for (int k = 0; k < h->rows.n; k++)
    row[k] = h->rows.at[k].unit->id | h->rows.at[k].i << 16 | h->rows.at[k].j << 32;
  inv_table(f->program, 1, row, h->rows.n, 48, 0);
  inv_reg(core, 1, rows + 2 + sequence_bits(h), PART_RESET);
  inv_add(core, 1, rows, 0, PART_CONST);
  inv_mux(core, 1, rows, 2);
  inv_equal(core, 1, rows, PART_CONST);
  inv_logic(core, 1, h->units.n);
  inv_logic(core, h->units.n, units + 1); /* starts */
  inv_logic(core, 30, 4);                 /* states, enables, handshakes */
  inv_reg(core, sequences, 32, PART_ENABLE);
  inv_reg(core, 1, 2 * sequences, PART_RESET);
  inv_mux(core, 1, 32, sequences);
  inv_reg(core, 1, 2 * sequences + 1 + 32, PART_RESET); /* clearing */
  inv_add(core, 1, 32, 0, PART_CONST);
  inv_logic(core, 32, 2);
  inv_equal(core, 1, 32, PART_CONST);
  inv_reg(core, 1, 3 + 32 + (sequences > 1 ? sequence_bits(h) : 0), 0); /* the window */
  inv_less(core, sequences, 32, PART_CONST);
  inv_add(core, sequences - 1, 32, 0, PART_CONST);
  inv_mux(core, sequences - 1, 32 + sequence_bits(h), 2);
}

/* What the commands' numbers have in common, bit by bit: columns that differ are registers, equal ones once;
 * the lowest that are always 0 stay 0 behind a product. */
struct command_columns {
  int distinct, zeros;
};

static struct command_columns columns_of(const int64_t *value, int n) {
  struct command_columns c = {0, 63};
  uint64_t any = 0;
  for (int i = 0; i < n; i++)
    any |= (uint64_t)value[i];
  for (int k = 0; k < 63; k++) {
    bool varies = false, seen = false;
    for (int i = 1; i < n; i++)
      varies |= (value[i] >> k & 1) != (value[0] >> k & 1);
    for (int m = 0; m < k && varies && !seen; m++) {
      seen = true;
      for (int i = 0; i < n; i++)
        seen &= (value[i] >> k & 1) == (value[i] >> m & 1);
    }
    c.distinct += varies && !seen;
    if (c.zeros == 63 && any >> k & 1)
      c.zeros = k;
  }
  return c;
}

static void put_fetch(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int most = h->prefix_rows * h->options.sequences + 1, n = 0, token = unsigned_bits(h->table_rows - 1);
  int64_t *from = arena_array(h->arena, int64_t, most), *size = arena_array(h->arena, int64_t, most), at = 0;
  for (int k = 0; k < h->prefix_rows; k++) {
    const struct hw_unit *u = h->rows.at[k].unit;
    for (int i = 0; i < (u->kind == HW_UNIT_SUM ? 1 : h->options.sequences) && u->words; i++, n++) {
      from[n] = at * h->word_bits / 8;
      size[n] = u->words * h->word_bits / 8;
    }
    at += u->words * h->table_rows;
  }
  if (h->linear_words) {
    from[n] = at * h->word_bits / 8;
    size[n++] = h->linear_words * h->word_bits / 8;
  }
  struct command_columns first = columns_of(from, n), length = columns_of(size, n);
  int64_t largest = 1;
  for (int i = 0; i < n; i++)
    largest = size[i] > largest ? size[i] : largest;
  int zeros = first.zeros < length.zeros ? first.zeros : length.zeros;
  f->fetch = inv_unit(f->v, INV_CONTROL, "fetch", "core.fetch", named(f, h->name, "__fetch"),
                      "which of the weights a step reads");
  inv_reg(f->fetch, 1, address_bits(n + 1) + 1, PART_RESET);
  inv_reg(f->fetch, 1, length.distinct + (h->prefix_rows ? 40 - zeros : first.distinct), PART_ENABLE);
  if (h->prefix_rows) {
    inv_logic(f->fetch, 32, 2 * h->options.sequences); /* a sequence's token, or 0 */
    inv_less(f->fetch, 1, 32, PART_CONST);
    inv_mux(f->fetch, 1, token, 2);
    inv_mul(f->fetch, 1, token, unsigned_bits(largest), 0);
    inv_add(f->fetch, 1, 40, 0, PART_CONST);
  }
  inv_table(f->fetch, 1, from, n, 40, PART_UNCLOCKED);
  inv_table(f->fetch, 1, size, n, 32, PART_UNCLOCKED);
}

static void put_results(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int index = address_bits(h->logits->elements), bits = h->logits->bits, k = h->options.topk;
  f->rank = inv_unit(f->v, INV_TOP_K, "rank", "core.rank", "tern_topk", "the best tokens");
  inv_library(f->rank, 1, "tern_topk", "K", k, "WIDTH", bits, "INDEX", index, "LANES", 1, NULL);
  struct inv_unit *queue =
      inv_unit(f->v, INV_TOP_K, "logits", "core.logits", "tern_fifo", "logits on their way out");
  inv_library(queue, 1, "tern_fifo", "WIDTH", bits + 1, "DEPTH", h->logit_room, NULL);
  inv_mux(f->core, 1, bits + index, k);
  inv_reg(f->core, 1, 3 + address_bits(k), PART_RESET); /* clocks since the end, and which of the best */
  inv_logic(f->core, 3 + address_bits(k), 4);
  inv_equal(f->core, 1, index, PART_CONST);
  inv_less(f->core, 1, unsigned_bits(h->logit_room), PART_CONST);
  inv_stream(f->v, f->rank, NULL, "best tokens", 64, (int64_t)k * h->options.sequences, true);
  inv_stream(f->v, queue, NULL, "logits", bits, h->logits->elements * h->options.sequences, true);
}

/* ---- kernels, schedule, streams ------------------------------------------------------------------------ */

static void put_units(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *k = h->units.at[i];
    int64_t times = k->kind == HW_UNIT_SUM ? k->runs : k->runs * h->options.sequences;
    struct inv_unit *u = f->engine;
    if (k->kind == HW_UNIT_KERNEL) {
      u = inv_unit(f->v, INV_KERNEL, k->name, named(f, "core.u_", k->name), k->module, NULL);
      u->at = k->kernel->at;
      inventory_kernel(h, u, k);
    }
    f->unit[i] = u;
    u->runs += times;
    u->cycles += times * (k->cycles + ROW_OVERHEAD);
    u->busy += times * k->busy;
    u->weight_bytes += times * k->words * h->word_bits / 8;
  }
}

/* Words of a step that a unit reads from a buffer or writes to it. */
static int64_t words_read(const struct hw_design *h, const struct hw_unit *k, const struct hw_buffer *b) {
  int64_t words = 0;
  for (int i = 0; i < k->phases.n; i++)
    for (int x = 0; x < k->phases.at[i]->nodes.n; x++)
      if (k->phases.at[i]->nodes.at[x]->kind == HW_NODE_LOAD && k->phases.at[i]->nodes.at[x]->buffer == b)
        words += k->phases.at[i]->iterations * k->phases.at[i]->runs;
  return words * k->runs * h->options.sequences;
}

static int64_t words_written(const struct hw_design *h, const struct hw_unit *k, const struct hw_buffer *b) {
  int64_t words = 0;
  for (int i = 0; i < k->phases.n; i++)
    for (int s = 0; s < k->phases.at[i]->stores.n; s++)
      if (k->phases.at[i]->stores.at[s]->buffer == b)
        words += k->phases.at[i]->iterations * k->phases.at[i]->runs;
  return words * k->runs * h->options.sequences;
}

static void connect(struct machine_filling *f, struct inv_unit *from, struct inv_unit *to,
                    struct inv_unit *memory, const struct hw_buffer *b, int64_t words, int bits) {
  inv_stream(f->v, from, to, b->spec, bits, words, false);
  memory->ram_bits += words * bits;
}

static void put_streams(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  int sequences = h->options.sequences, wide = h->options.vector;
  int64_t words[2] = {0, 0};
  inv_stream(f->v, NULL, f->reader, "weights", h->word_bits, h->step_words, true);
  inv_stream(f->v, NULL, f->core, "tokens", 32, sequences, true);
  inv_stream(f->v, f->fetch, f->reader, "commands", 72, 0, true);
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *k = h->units.at[i];
    words[k->kind == HW_UNIT_SUM] += k->words * k->runs * (k->kind == HW_UNIT_SUM ? 1 : sequences);
    for (int r = 0; r < k->reads.n; r++)
      if (is_memory(k->reads.at[r]))
        connect(f, f->buffer[k->reads.at[r]->id], f->unit[i], f->buffer[k->reads.at[r]->id], k->reads.at[r],
                words_read(h, k, k->reads.at[r]), wide * k->reads.at[r]->bits);
    for (int w = 0; w < k->writes.n; w++)
      if (is_memory(k->writes.at[w]))
        connect(f, f->unit[i], f->buffer[k->writes.at[w]->id], f->buffer[k->writes.at[w]->id],
                k->writes.at[w], words_written(h, k, k->writes.at[w]), wide * k->writes.at[w]->bits);
    if (unit_stores_logits(k))
      inv_stream(f->v, f->unit[i], f->rank, "logits", h->logits->bits, h->logits->elements * sequences,
                 false);
  }
  if (f->engine)
    inv_stream(f->v, f->reader, f->engine, "ternary weights", h->word_bits, words[1], true);
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == HW_UNIT_KERNEL && h->units.at[i]->words)
      inv_stream(f->v, f->reader, f->unit[i], "weights", h->word_bits,
                 h->units.at[i]->words * h->units.at[i]->runs * sequences, true);
}

/* The engine's memories: codes come in once a chunk, sums go out once a row. */
static void put_sum_streams(struct machine_filling *f) {
  const struct hw_design *h = f->h;
  for (int b = 0; b < h->buffers.n; b++) {
    const struct hw_buffer *m = h->buffers.at[b];
    int64_t in = 0, out = 0;
    for (int i = 0; i < h->units.n; i++) {
      const struct hw_unit *k = h->units.at[i];
      if (k->kind == HW_UNIT_SUM && k->in == m)
        in += k->runs * k->chunks * h->options.lanes / h->options.vector * h->options.sequences;
      if (k->kind == HW_UNIT_SUM && k->out == m)
        out += k->runs * k->m;
    }
    if (in)
      connect(f, f->buffer[b], f->engine, f->buffer[b], m, in, h->options.vector * m->bits);
    if (out && is_memory(m))
      connect(f, f->engine, f->buffer[b], f->buffer[b], m, out, h->options.sequences * m->bits);
  }
}

static int64_t memory_bytes(const struct hw_design *h, enum hw_place place) {
  int64_t bits = 0;
  for (int i = 0; i < h->buffers.n; i++)
    if (h->buffers.at[i]->place == place)
      bits += h->buffers.at[i]->words * h->options.vector * h->buffers.at[i]->bits * h->options.sequences;
  return (bits + 7) / 8;
}

static int64_t ternary_weights(const struct hw_design *h) {
  int64_t n = 0;
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kind == HW_UNIT_SUM)
      n += h->units.at[i]->runs * h->units.at[i]->m * h->units.at[i]->columns;
  return n;
}

struct inventory *hw_inventory(const struct hw_design *h) {
  struct machine_filling f = {.h = h, .v = inventory_new(h->arena, INV_STREAMING, h->module->name, h->name)};
  struct inventory *v = f.v;
  f.buffer = arena_array(h->arena, struct inv_unit *, h->buffers.n);
  f.unit = arena_array(h->arena, struct inv_unit *, h->units.n);
  put_interfaces(&f);
  f.core = inv_unit(v, INV_CONTROL, "sequencer", "core", named(&f, h->name, "__core"),
                    "runs units one after another, joins them with memories");
  put_sequencer(&f);
  put_fetch(&f);
  if (has_sums(h))
    put_engine(&f);
  put_states(&f);
  put_units(&f);
  put_results(&f);
  put_streams(&f);
  put_sum_streams(&f);
  static const char *const run[] = {"+tokens=vectors/tokens.txt", "+expected=vectors/expected.bin",
                                    "+weights=weights.bin", "+generate=0", NULL};
  v->bench = named(&f, h->name, "_tb");
  v->bench_run = run;
  v->clock_mhz = h->options.clock_mhz;
  v->lanes = h->options.lanes;
  v->vector = h->options.vector;
  v->sequences = h->options.sequences;
  v->word_bits = h->word_bits;
  v->step_cycles = v->latency = h->step_cycles;
  v->busy_cycles = f.engine ? f.engine->busy : 0;
  v->weight_bytes = h->step_words * h->word_bits / 8;
  v->image_bytes = h->image_words * h->word_bits / 8;
  v->state_bytes = memory_bytes(h, HW_STATE);
  v->activation_bytes = memory_bytes(h, HW_SCRATCH) + memory_bytes(h, HW_LOCAL);
  v->weights = v->parameters = ternary_weights(h);
  return v;
}
