/* manifest.c: manifest.json and the Makefile. */
#include "backends/hardware/streaming/manifest.h"

#include "backends/hardware/streaming/printer.h"
#include "backends/lower/facts.h"
#include "ir/layout.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *number(int64_t x) {
  return json_integer((json_int_t)x);
}

static void set(json_t *o, const char *key, json_t *value) {
  json_object_set_new(o, key, value);
}

static json_t *registers(void) {
  static const struct {
    const char *name;
    int address;
    const char *what;
  } rows[] = {
      {"control", 0x000, "bit 0 run, bit 1 clear states, bit 2 clear counters, bit 3 clear error"},
      {"status", 0x004, "bit 0 busy, bit 1 bus error, bit 2 states are being cleared"},
      {"id", 0x008, "0x5445524e"},
      {"version", 0x00c, "of the register map"},
      {"weights", 0x010, "address of weights.bin in memory, low half"},
      {"weights_high", 0x014, "high half"},
      {"shape", 0x018, "lanes in bits 15:0, vector in 23:16, sequences in 31:24"},
      {"layout", 0x01c, "equal to layout below"},
      {"state_address", 0x020, "word of state_data, grows with each access"},
      {"state_data", 0x024, "a state's element"},
      {"state_words", 0x028, "words of all sequences"},
      {"cycles", 0x080, "64 bits: clocks in which a step ran"},
      {"lanes_busy", 0x088, "64 bits: clocks in which all lanes had a word"},
      {"awaited", 0x090, "64 bits: clocks in which a word of the weights was awaited"},
      {"output_awaited", 0x098, "64 bits: clocks in which the output was not taken"},
      {"steps", 0x0a0, "64 bits"},
      {"tokens", 0x0a8, "64 bits: tokens taken"},
  };
  json_t *list = json_array();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *o = json_object();
    set(o, "name", json_string(rows[i].name));
    set(o, "address", number(rows[i].address));
    set(o, "what", json_string(rows[i].what));
    json_array_append_new(list, o);
  }
  return list;
}

static json_t *memories(const struct hw_design *h) {
  static const char *const places[] = {"value", "kernel", "state", "token", "logits"};
  json_t *list = json_array();
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (b->place == HW_TOKEN || b->place == HW_LOGITS)
      continue;
    json_t *o = json_object();
    set(o, "name", json_string(b->name));
    set(o, "place", json_string(places[b->place]));
    set(o, "spec", json_string(b->spec));
    set(o, "bits", number(b->bits));
    set(o, "elements", number(b->elements * b->instances));
    set(o, "words", number(b->words));
    set(o, "copies", number(b->reads > 0 ? b->reads : 1));
    set(o, "memory_bits",
        number(b->words * h->options.vector * b->bits * h->options.sequences *
               (b->reads > 0 ? b->reads : 1)));
    json_array_append_new(list, o);
  }
  return list;
}

static json_t *states(const struct hw_design *h) {
  json_t *list = json_array();
  int64_t from = 0;
  for (int i = 0; i < h->buffers.n; i++) {
    const struct hw_buffer *b = h->buffers.at[i];
    if (b->place != HW_STATE)
      continue;
    json_t *o = json_object();
    set(o, "name", json_string(b->spec));
    set(o, "address", number(from));
    set(o, "instances", number(b->instances));
    set(o, "stride", number(b->instance_words * h->options.vector));
    set(o, "elements", number(b->elements));
    set(o, "bits", number(b->bits));
    json_array_append_new(list, o);
    from += b->words * h->options.vector;
  }
  return list;
}

static json_t *units(const struct hw_design *h) {
  json_t *list = json_array();
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    json_t *o = json_object();
    set(o, "name", json_string(u->name));
    set(o, "kind", json_string(u->kind == HW_UNIT_SUM ? "sum" : "kernel"));
    set(o, "spec", json_string(u->kind == HW_UNIT_SUM ? u->weight->name : kernel_title(u->kernel)));
    set(o, "line", number(u->kernel->at.line));
    set(o, "cycles", number(u->cycles));
    set(o, "words", number(u->words));
    set(o, "runs", number(u->runs * (u->kind == HW_UNIT_SUM ? 1 : h->options.sequences)));
    json_array_append_new(list, o);
  }
  return list;
}

static int64_t busy_cycles(const struct hw_design *h) {
  int64_t n = 0;
  for (int i = 0; i < h->units.n; i++)
    n += h->units.at[i]->busy * h->units.at[i]->runs;
  return n;
}

/* All but `layout`. */
static json_t *describe(const struct hw_design *h) {
  json_t *o = json_object();
  set(o, "model", json_string(h->module->name));
  set(o, "top", json_string(h->name));
  set(o, "machine", json_string("streaming"));
  set(o, "lanes", number(h->options.lanes));
  set(o, "vector", number(h->options.vector));
  set(o, "sequences", number(h->options.sequences));
  set(o, "best_tokens", number(h->options.topk));
  set(o, "packing", json_string(h->options.packing == STORE_TILE3 ? "1.6bit" : "2bit"));
  set(o, "word_bits", number(h->word_bits));
  set(o, "clock_mhz", number(h->options.clock_mhz));
  set(o, "vocab", number(h->vocab));
  set(o, "logit_bits", number(h->logits->bits));
  set(o, "image_bytes", number(h->image_words * h->word_bits / 8));
  set(o, "table_rows", number(h->table_rows));
  set(o, "table_row_bytes", number(h->prefix_words * h->word_bits / 8));
  set(o, "step_cycles", number(h->step_cycles));
  set(o, "step_bytes", number(h->step_words * h->word_bits / 8));
  set(o, "step_lanes_busy", number(busy_cycles(h)));
  set(o, "state_words", number(state_elements(h) * h->options.sequences));
  set(o, "state_words_sequence", number(state_elements(h)));
  set(o, "registers", registers());
  set(o, "states", states(h));
  set(o, "memories", memories(h));
  set(o, "units", units(h));
  return o;
}

uint32_t design_layout(const struct hw_design *h) {
  json_t *o = describe(h);
  char *text = or_die(json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER));
  uint64_t x = state_hash(h->module) ^ text_hash(text, strlen(text));
  free(text);
  json_decref(o);
  return (uint32_t)(x ^ x >> 32);
}

void manifest_print(const struct hw_design *h, FILE *out) {
  json_t *o = describe(h);
  set(o, "layout", number(design_layout(h)));
  json_dumpf(o, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  fputc('\n', out);
  json_decref(o);
}

void makefile_print(const struct hw_design *h, const struct hw_vectors *v, const char *rtl, const char *sim,
                    struct arena *a, FILE *out) {
  const char *n = h->name;
  fprintf(out,
          "# %s: simulation and checks of the design.\n"
          "#   make verilator | icarus   runs the test bench on vectors/ (ARGS=\"+stalls=1\" and others: see "
          "sim/%s_tb.sv)\n"
          "#   make lint                 verilator, iverilog and yosys read the design\n"
          "TOP = %s\n"
          "RTL = %s\n"
          "SIM = %s\n"
          "VLT = sim/tern.vlt\n"
          "ARGS =\n"
          "GATED = -DTERN_GATED_CLOCKS\n"
          "RUN = +tokens=vectors/tokens.txt +expected=vectors/expected.bin +weights=weights.bin "
          "+generate=%lld%s $(ARGS)\n"
          "VERILATOR = verilator --cc --exe --main --timing -O3 $(GATED) --x-assign fast "
          "--x-initial fast "
          "-Wno-fatal -Wno-lint -Wno-style --top-module $(TOP)_tb\n"
          "\n"
          "verilator: build/verilator/V$(TOP)_tb\n"
          "\tbuild/verilator/V$(TOP)_tb $(RUN)\n"
          "\n"
          "icarus: build/$(TOP).vvp\n"
          "\tvvp -n build/$(TOP).vvp $(RUN)\n"
          "\n"
          "build/verilator/V$(TOP)_tb: $(RTL) $(SIM)\n"
          "\tmkdir -p build\n"
          "\t$(VERILATOR) --Mdir build/verilator $(VLT) $(SIM) $(RTL)\n"
          "\t$(MAKE) -C build/verilator -f V$(TOP)_tb.mk VM_PARALLEL_BUILDS=0 OPT_FAST=-O1 OPT_SLOW=-O0\n"
          "\n"
          "build/trace/V$(TOP)_tb: $(RTL) $(SIM)\n"
          "\tmkdir -p build\n"
          "\t$(VERILATOR) --trace -DTRACE --Mdir build/trace $(VLT) $(SIM) $(RTL)\n"
          "\t$(MAKE) -C build/trace -f V$(TOP)_tb.mk VM_PARALLEL_BUILDS=0 OPT_FAST=-O1 OPT_SLOW=-O0\n"
          "\n"
          "build/$(TOP).vvp: $(RTL) $(SIM)\n"
          "\tmkdir -p build\n"
          "\tiverilog -g2012 $(GATED) -DTRACE -s $(TOP)_tb -o $@ $(SIM) $(RTL)\n"
          "\n"
          "lint:\n"
          "\tverilator --lint-only -Wall --top-module $(TOP) $(RTL)\n"
          "\tiverilog -g2005 -Wall -s $(TOP) -o /dev/null $(RTL)\n"
          "\tyosys -q -p \"read_verilog $(RTL); hierarchy -check -top $(TOP); proc; check -assert\"\n"
          "\n"
          "clean:\n"
          "\trm -rf build\n"
          "\n"
          ".PHONY: verilator icarus lint clean\n",
          n, n, n, rtl, sim, (long long)(v ? v->generate : 0),
          v && v->ends ? arena_printf(a, " +ends=%lld", (long long)v->ends) : "");
}
