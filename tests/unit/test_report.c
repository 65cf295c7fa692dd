/* test_report.c: the resource model, what tools print, rates and energy, the renderings, and what is said
 * when a design does not fit. Designs are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/hardware/report/activity.h"
#include "backends/hardware/report/resource_model.h"
#include "backends/hardware/report/synth.h"
#include "backends/hardware/report/tool.h"
#include "support/file.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;

static int teardown(void **state) {
  (void)state;
  arena_free(&arena);
  return 0;
}

/* Messages of a diag, as text. */
struct said {
  struct diag diag;
  char *text;
  size_t bytes;
};

static void listen(struct said *s) {
  *s = (struct said){0};
  s->diag.out = open_memstream(&s->text, &s->bytes);
}

static void assert_said(struct said *s, const char *part) {
  fflush(s->diag.out);
  if (!strstr(s->text, part))
    fail_msg("expected '%s' in:\n%s", part, s->text);
}

static void hush(struct said *s) {
  fclose(s->diag.out);
  free(s->text);
  diag_free(&s->diag);
}

static const struct device *device(const char *name) {
  for (int i = 0; i < n_devices; i++)
    if (strcmp(devices[i].name, name) == 0)
      return &devices[i];
  fail_msg("no device %s", name);
  return NULL;
}

/* ---- the tables ---------------------------------------------------------------------------------------- */

static void devices_have_what_their_family_has(void **state) {
  (void)state;
  for (int i = 0; i < n_devices; i++) {
    const struct device *d = &devices[i];
    assert_true(d->has[RES_LUT] > 0 && d->has[RES_FF] > 0 && d->has[RES_BRAM] > 0);
    assert_true(*d->source != '\0');
    assert_true(d->gbytes == 0 || d->memory->bit.high > 0);
    for (int r = 0; r < RESOURCES; r++)
      assert_true(d->has[r] == 0 || *d->family->resource[r] != '\0');
    for (int k = 0; k < i; k++)
      assert_string_not_equal(d->name, devices[k].name);
  }
}

static void unknown_devices_have_neighbours(void **state) {
  (void)state;
  struct said s;
  listen(&s);
  assert_null(device_find(&s.diag, "ice40-hx8"));
  assert_said(&s, "did you mean 'ice40-hx8k'?");
  assert_ptr_equal(device_find(&s.diag, "KV260"), device("kv260"));
  assert_ptr_equal(device_find(&s.diag, "hx8k"), device("ice40-hx8k"));
  hush(&s);
}

static void assert_cell(const char *family, const char *type, int what, double amount) {
  for (int i = 0; i < FAMILIES; i++)
    if (strcmp(families[i].name, family) == 0) {
      enum resource r = RESOURCES;
      double a = 0;
      bool known = device_cell(&families[i], type, &r, &a);
      assert_int_equal(known, what >= 0);
      assert_true(!known || ((int)r == what && a == amount));
      return;
    }
  fail_msg("no family %s", family);
}

static void cells_count_by_their_longest_prefix(void **state) {
  (void)state;
  assert_cell("xcup", "LUT6", RES_LUT, 1);
  assert_cell("xcup", "RAM32M16", RES_LUT, 8);
  assert_cell("xcup", "RAM32M", RES_LUT, 4);
  assert_cell("xcup", "RAMB18E2", RES_BRAM, 0.5);
  assert_cell("xcup", "CARRY4", -1, 0);
  assert_cell("ecp5", "CCU2C", RES_LUT, 2);
  assert_cell("ice40", "SB_DFFESR", RES_FF, 1);
  assert_cell("ice40", "SB_CARRY", -1, 0);
  assert_cell("gowin", "SDPX9", RES_BRAM, 1);
  assert_cell("cyclonev", "MISTRAL_ALUT_ARITH", RES_LUT, 1);
}

/* ---- the model ----------------------------------------------------------------------------------------- */

static struct inv_unit *unit(void) {
  struct inventory *v = inventory_new(&arena, INV_STREAMING, "m", "m");
  return inv_unit(v, INV_KERNEL, "k", "core.k", "k", NULL);
}

static void assert_cost(const char *family, const struct inv_unit *u, double lut, double ff, double bram,
                        double dsp) {
  for (int i = 0; i < FAMILIES; i++)
    if (strcmp(families[i].name, family) == 0) {
      struct resources r = model_unit(&families[i], u);
      double got[] = {r.of[RES_LUT], r.of[RES_FF], r.of[RES_BRAM], r.of[RES_DSP]},
             want[] = {lut, ff, bram, dsp};
      for (int k = 0; k < 4; k++)
        if (got[k] < want[k] - 0.501 || got[k] > want[k] + 0.501)
          fail_msg("%s: %g LUT, %g FF, %g RAM, %g DSP instead of %g, %g, %g, %g", family, got[0], got[1],
                   got[2], got[3], lut, ff, bram, dsp);
    }
}

/* Numbers of Yosys 0.23 for the part alone: 16 bits + 16 bits, in a register. */
static void an_adder_costs_what_yosys_counts(void **state) {
  (void)state;
  struct inv_unit *u = unit();
  inv_add(u, 1, 16, 15, 0);
  inv_reg(u, 1, 16, 0);
  assert_cost("xcup", u, 15, 16, 0, 0);
  assert_cost("ecp5", u, 16, 16, 0, 0);
  assert_cost("nexus", u, 18, 16, 0, 0);
  assert_cost("ice40", u, 16, 16, 0, 0);
  assert_cost("gowin", u, 16, 16, 0, 0);
  assert_cost("cyclonev", u, 16, 16, 0, 0);
}

static void shift_registers_are_luts_where_there_are_any(void **state) {
  (void)state;
  struct inv_unit *u = unit();
  inv_delay(u, 1, 8, 17, 0);
  assert_cost("xc7", u, 8, 8, 0, 0);
  assert_cost("ecp5", u, 0, 136, 0, 0);
  struct inv_unit *two = unit();
  inv_delay(two, 1, 8, 2, 0);
  assert_cost("xc7", two, 0, 16, 0, 0);
}

static void products_take_blocks(void **state) {
  (void)state;
  struct inv_unit *u = unit();
  inv_mul(u, 1, 24, 24, 0);
  assert_cost("xcup", u, 31, 0, 0, 2);
  assert_cost("cyclonev", u, 0, 0, 0, 1);
  struct inv_unit *small = unit();
  inv_mul(small, 1, 16, 16, 96);
  assert_cost("xc7", small, 0, 0, 0, 1);
  assert_cost("xcup", small, 0, 96, 0, 1);
  assert_cost("ice40", small, 750, 96, 0, 0);
}

static void memories_take_what_is_cheaper(void **state) {
  (void)state;
  static const struct {
    int64_t depth;
    int bits;
    const char *family;
    double lut, ff, bram;
  } rows[] = {{1024, 32, "xcup", 0, 0, 1},  {512, 8, "xcup", 0, 0, 0.5},  {64, 16, "xcup", 24, 16, 0},
              {64, 32, "ecp5", 0, 0, 1},    {16, 16, "ecp5", 16, 16, 0},  {1024, 16, "ice40", 0, 0, 4},
              {16, 8, "ice40", 0, 0, 1},    {4096, 16, "nexus", 0, 0, 4}, {1024, 16, "cyclonev", 0, 0, 2},
              {32, 8, "cyclonev", 8, 8, 0}, {512, 32, "gowin", 0, 0, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct inv_unit *u = unit();
    inv_ram(u, 1, rows[i].depth, rows[i].bits, 1, 1, 0);
    assert_cost(rows[i].family, u, rows[i].lut, rows[i].ff, rows[i].bram, 0);
  }
}

/* A column that is constant, one that is another's, one that is an address bit cost no LUT. */
static void tables_cost_what_they_hold(void **state) {
  (void)state;
  int64_t value[64];
  for (int i = 0; i < 64; i++)
    value[i] = 1 | (i % 3 == 0) << 1 | (i % 3 == 0) << 2 | (i & 1) << 3;
  struct inv_unit *u = unit();
  inv_table(u, 1, value, 64, 8, 0);
  assert_cost("ecp5", u, 6, 2, 0, 0); /* four sub-tables of 16, of which three differ, and three choices */
  assert_cost("xcup", u, 1, 2, 0, 0);
  struct inv_unit *half = unit();
  for (int i = 0; i < 64; i++)
    value[i] = i < 32 ? 0 : value[i];
  inv_table(half, 2, value, 64, 2, PART_UNCLOCKED);
  assert_cost("xcup", half, 2, 0, 0, 0);
}

/* 32 bits to 6, as two comparisons and a choice. Yosys 0.23, for the part alone before a register: 68, 40,
 * 72, 77, 28, 83. */
static void a_saturation_costs_what_yosys_counts(void **state) {
  (void)state;
  static const struct {
    const char *family;
    double lut;
  } rows[] = {{"ecp5", 67},    {"ice40", 40},  {"nexus", 71},
              {"gowin", 77.5}, {"xcup", 27.5}, {"cyclonev", 84.5}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct inv_unit *u = unit();
    inv_put(u, (struct inv_part){.kind = PART_FIT, .flags = PART_CONST, .count = 1, .bits = 6, .other = 32});
    inv_put(u, (struct inv_part){.kind = PART_FIT, .count = 1, .bits = 6});
    assert_cost(rows[i].family, u, rows[i].lut, 0, 0, 0);
  }
}

static void library_modules_are_taken_apart(void **state) {
  (void)state;
  static const char *const names[] = {"tern_skid",      "tern_delay",      "tern_ram",  "tern_pick",
                                      "tern_buffer",    "tern_fifo",       "tern_idiv", "tern_lz",
                                      "tern_idiv_pipe", "tern_isqrt",      "tern_topk", "tern_isqrt_pipe",
                                      "tern_axil",      "tern_axi_reader", "tern_sum"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct inv_unit *u = unit();
    inv_library(u, 1, names[i], NULL);
    for (int f = 0; f < FAMILIES; f++) {
      struct resources r = model_unit(&families[f], u);
      if (r.of[RES_LUT] + r.of[RES_FF] + r.of[RES_BRAM] <= 0)
        fail_msg("%s costs nothing on %s", names[i], families[f].name);
    }
  }
  struct inv_unit *none = unit();
  inv_library(none, 1, "tern_nothing", NULL);
  assert_cost("xcup", none, 0, 0, 0, 0);
}

/* The reference design of the project's notes: every multiplier lane of the sum engine adds a weight, at no
 * more than 15.4 LUTs, and wider codes or more sequences cost more. */
static void lanes_cost_what_they_promise(void **state) {
  (void)state;
  struct inv_unit *u[3];
  for (int i = 0; i < 3; i++) {
    u[i] = unit();
    inv_library(u[i], 1, "tern_sum", "LANES", 256, "WIDTH", i == 1 ? 12 : 8, "SEQUENCES", i == 2 ? 2 : 1,
                "PORT", 8, "RESULT", 24, NULL);
  }
  double base = model_unit(&families[FAMILY_xcup], u[0]).of[RES_LUT];
  assert_true(base / 256 < 15.4);
  for (int i = 1; i < 3; i++)
    assert_true(model_unit(&families[FAMILY_xcup], u[i]).of[RES_LUT] > base * 1.2);
}

/* ---- a design by hand ---------------------------------------------------------------------------------- */

static struct inventory *machine(void) {
  struct inventory *v = inventory_new(&arena, INV_STREAMING, "toy", "toy");
  struct inv_unit *top = inv_unit(v, INV_CONTROL, "top", "", "toy", "the \"whole\" <machine>");
  struct inv_unit *sum = inv_unit(v, INV_SUM, "sum engine", "core.engine", "tern_sum", NULL);
  struct inv_unit *norm = inv_unit(v, INV_KERNEL, "norm", "core.norm", "norm", NULL);
  struct inv_unit *state = inv_unit(v, INV_STATE, "h", "core.h", "tern_buffer", NULL);
  inv_reg(top, 1, 100, 0);
  inv_add(sum, 1000, 10, 9, 0);
  inv_mul(norm, 4, 16, 16, 0);
  inv_ram(state, 1, 1024, 36, 1, 1, PART_BLOCK);
  sum->cycles = 900, sum->busy = 850, sum->runs = 3;
  norm->cycles = 100, norm->runs = 2;
  inv_stream(v, NULL, sum, "weights", 128, 850, true);
  inv_stream(v, sum, norm, "sums", 24, 0, false);
  inv_stream(v, norm, NULL, "tokens", 32, 1, true);
  v->clock_mhz = 100;
  v->lanes = 64, v->vector = 8, v->sequences = 2, v->word_bits = 128;
  v->step_cycles = v->latency = 1000;
  v->busy_cycles = 850;
  v->weight_bytes = 850 * 16;
  v->state_bytes = 4608;
  v->parameters = 54400;
  return v;
}

static void rates_follow_from_clocks_and_bytes(void **state) {
  (void)state;
  struct hw_report *r = report_new(&arena, machine(), device("kv260"));
  assert_true(r->rates.tokens > 199999 && r->rates.tokens < 200001); /* 2 sequences, 1000 clocks at 100 MHz */
  assert_false(r->rates.memory_bound);                               /* 1.36 GB/s of 19.2 */
  assert_true(r->rates.gbytes_needed > 1.359 && r->rates.gbytes_needed < 1.361);
  /* 6800 bytes a token at 15 to 20 pJ a bit */
  assert_true(r->energy.memory.low > 0.8e-6 && r->energy.memory.high < 1.1e-6);
  assert_true(r->energy.total.low < r->energy.total.nominal &&
              r->energy.total.nominal < r->energy.total.high);
  struct inventory *fast = machine();
  fast->clock_mhz = 200;
  r = report_new(&arena, fast, device("xc7a35t"));
  assert_true(r->rates.memory_bound); /* 2.72 GB/s of 1.6 */
  assert_true(r->rates.gbytes_used > 1.599 && r->rates.gbytes_used < 1.601);
  assert_true(r->rates.tokens > 235293 && r->rates.tokens < 235295); /* 2 tokens in 13600 bytes */
}

static void what_does_not_fit_is_named(void **state) {
  (void)state;
  struct inventory *v = machine();
  inv_add(v->units.at[1], 1000, 10, 9, 0);
  inv_ram(v->units.at[3], 1, 262144, 36, 1, 1, PART_BLOCK);
  struct hw_report *r = report_new(&arena, v, device("ecp5-25"));
  struct said s;
  listen(&s);
  v->state_bytes = 1179648;
  assert_false(report_check(&s.diag, r));
  assert_true(s.diag.errors >= 1);
  assert_said(
      &s,
      "the design needs 514 EBR 18K (model), ecp5-25 has 56, 818 % too many; the largest part, 514, is 'h'");
  assert_said(&s, "state of 1,179,648 bytes");
  assert_said(&s, "it fits on no Lattice ECP5 of the table, but on");
  hush(&s);
  listen(&s);
  assert_true(report_check(&s.diag, report_new(&arena, machine(), device("kv260"))));
  hush(&s);
}

/* ---- what tools print ---------------------------------------------------------------------------------- */

static const char stat_text[] =
    "\n\n3. Printing statistics.\n\n=== toy ===\n\n   Number of cells:     3\n"
    "     FDRE                          100\n     toy.core.engine                 1\n\n"
    "=== toy.core.engine ===\n\n   Number of cells:  9\n     CARRY4             250\n"
    "     LUT2                         9000\n     RAMB18E2     1\n\n=== design hierarchy ===\n\n"
    "   toy                               1\n     LUT2                         9000\n";

static void statistics_are_read_by_unit(void **state) {
  (void)state;
  struct hw_report *r = report_new(&arena, machine(), device("kv260"));
  assert_true(synth_parse_stat(r, stat_text));
  assert_true(r->total.has_synthesised);
  assert_int_equal((int)r->total.synthesised.of[RES_LUT], 9000);
  assert_int_equal((int)r->units.at[0].synthesised.of[RES_FF], 100);
  assert_int_equal((int)r->units.at[1].synthesised.of[RES_LUT], 9000);
  assert_true(r->units.at[1].synthesised.of[RES_BRAM] == 0.5);
  assert_false(r->units.at[2].has_synthesised);
  assert_false(synth_parse_stat(r, "ERROR: out of everything\n"));
}

static const char timing_text[] =
    "{\"critical_paths\": [{\"from\": \"<async>\", \"to\": \"posedge clk\", \"path\": []},"
    "{\"from\": \"posedge clk$glb\", \"to\": \"posedge clk$glb\", \"path\": ["
    "{\"type\": \"clk-to-q\", \"delay\": 0.5, \"from\": {\"cell\": \"design.core.norm.q_SB_DFF_Q_LC\"}},"
    "{\"type\": \"routing\", \"delay\": 1.0, \"net\": \"design.core.norm.q[3]\", \"from\": {\"cell\": "
    "\"x\"}},"
    "{\"type\": \"logic\", \"delay\": 0.25, \"from\": {\"cell\": \"design.core.norm.y_SB_LUT4_O_LC\"}},"
    "{\"type\": \"routing\", \"delay\": 2.0, \"net\": \"design.core.h.d_SB_LUT4_O_I2[1]\", \"from\": "
    "{\"cell\": \"x\"}},"
    "{\"type\": \"setup\", \"delay\": 0.25, \"from\": {\"cell\": \"design.core.h.ram\"}}]}],"
    "\"fmax\": {\"clk$glb\": {\"achieved\": 250.0, \"constraint\": 100.0}},"
    "\"utilization\": {\"ICESTORM_LC\": {\"available\": 7680, \"used\": 4000}}}";

static void the_longest_path_is_told_by_units(void **state) {
  (void)state;
  struct hw_report *r = report_new(&arena, machine(), device("ice40-hx8k"));
  assert_true(synth_parse_timing(r, timing_text, strlen(timing_text)));
  assert_int_equal(r->timing.label, LABEL_PLACED);
  assert_true(r->timing.mhz == 250.0 && r->timing.critical_ns == 4.0);
  assert_int_equal(r->timing.path.n, 2);
  assert_string_equal(r->timing.path.at[0].unit->name, "norm");
  assert_string_equal(r->timing.path.at[1].unit->name, "h");
  assert_string_equal(r->timing.path.at[1].signal, "d");
  assert_true(r->timing.path.at[0].logic_ns == 0.75 && r->timing.path.at[0].routing_ns == 1.0);
  assert_int_equal((int)r->timing.placed.of[RES_CELL], 4000);
  report_rates(r);
  assert_true(r->rates.placed_clock && r->rates.clock_mhz == 250.0);
  assert_false(synth_parse_timing(r, "{\"fmax\": {}}", 12));
  assert_false(synth_parse_timing(r, "not json", 8));
}

#define POINT(module, signal, scope, count)                                                                  \
  "C '\1f\2x.v\1l\0021\1page\2v_toggle/" module "\1o\2" signal "\1h\2" scope "' " count "\n"

static void toggles_are_read_by_unit(void **state) {
  (void)state;
  static const char text[] = "# SystemC::Coverage-3\n" POINT("toy", "clk", "TOP.tb.dut", "200")
      POINT("toy", "a", "TOP.tb.dut", "50") POINT("norm", "q[0]", "TOP.tb.dut.core.norm", "100")
          POINT("norm", "q[1]", "TOP.tb.dut.core.norm", "0")
              POINT("norm", "m[1][2]", "TOP.tb.dut.core.norm", "9999") POINT("tb", "z", "TOP.tb", "77");
  struct hw_report *r = report_new(&arena, machine(), device("kv260"));
  struct said s;
  listen(&s);
  assert_true(activity_parse(&s.diag, r, "coverage.dat", text));
  assert_true(r->units.at[0].activity == 0.5); /* 50 in 100 clocks */
  assert_true(r->units.at[2].activity == 0.5); /* 100 of two bits in 100 clocks */
  assert_true(r->units.at[1].activity == 0);
  report_rates(r);
  assert_true(r->energy.simulated);
  assert_false(
      activity_parse(&s.diag, r, "other.dat", "# SystemC::Coverage-3\n" POINT("x", "clk", "TOP", "2")));
  assert_said(&s, "other.dat: has no toggles of the module 'toy'");
  hush(&s);
}

/* ---- tools --------------------------------------------------------------------------------------------- */

static void tools_end_in_words(void **state) {
  (void)state;
  char dir[] = "/tmp/tern-report-XXXXXX";
  assert_non_null(mkdtemp(dir));
  const char *log = arena_printf(&arena, "%s/log", dir);
  const char *fails[] = {"sh", "-c", "echo first; echo ERROR: no such gate; echo last; exit 3", NULL};
  const char *sleeps[] = {"sh", "-c", "sleep 20 & sleep 20", NULL}, *missing[] = {"tern-no-such-tool", NULL};
  struct hw_report *r = report_new(&arena, machine(), device("kv260"));
  struct said s;
  listen(&s);
  struct process_result end = process_run(fails, dir, log, 10);
  assert_int_equal(end.end, PROCESS_FAILED);
  assert_false(tool_diagnose(&s.diag, r, end, "yosys", "yosys", log, 10));
  assert_said(&s, "'yosys' failed (status 3): ERROR: no such gate");
  end = process_run(sleeps, dir, log, 0.2);
  assert_int_equal(end.end, PROCESS_TIMED_OUT);
  assert_true(end.seconds < 5);
  assert_false(tool_diagnose(&s.diag, r, end, "yosys", "yosys", log, 0.2));
  assert_said(&s, "was stopped after");
  assert_int_equal(process_run(missing, dir, log, 10).end, PROCESS_MISSING);
  assert_false(
      tool_diagnose(&s.diag, r, process_run(missing, dir, log, 10), "nextpnr-x", "nextpnr-x", log, 10));
  assert_said(&s, "apt-get install nextpnr-x");
  hush(&s);
  unlink(log);
  rmdir(dir);
}

/* ---- renderings ---------------------------------------------------------------------------------------- */

static char *render(const struct hw_report *r, void (*print)(const struct hw_report *, FILE *)) {
  char *text;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  print(r, out);
  fclose(out);
  char *kept = arena_strdup(&arena, text);
  free(text);
  return kept;
}

static void assert_in(const char *text, const char *part) {
  if (!strstr(text, part))
    fail_msg("expected '%s' in:\n%s", part, text);
}

static struct hw_report *full_report(void) {
  struct hw_report *r = report_new(&arena, machine(), device("kv260"));
  assert_true(synth_parse_stat(r, stat_text));
  assert_true(synth_parse_timing(r, timing_text, strlen(timing_text)));
  report_rates(r);
  return r;
}

static void text_labels_its_figures(void **state) {
  (void)state;
  const char *text = render(full_report(), report_text);
  assert_in(text, "sum engine");
  assert_in(text, "model of LUT6");
  assert_in(text, "1,000 clocks (schedule)");
  assert_in(text, "all 64 lanes busy in 850 of them, 85.0 %");
  assert_in(text, "Timing (placed-and-routed)");
  assert_in(text, "(projected)");
  assert_in(text, "Energy a token (estimate");
  assert_int_equal(text[strlen(text) - 1], '\n');
}

static void json_can_be_read(void **state) {
  (void)state;
  const struct hw_report *r = full_report();
  const char *text = render(r, report_json);
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  assert_non_null(root);
  json_t *units = json_object_get(root, "units");
  assert_int_equal(json_array_size(units), 4);
  assert_string_equal(json_string_value(json_object_get(json_array_get(units, 1), "name")), "sum engine");
  assert_true(json_is_null(json_object_get(json_array_get(units, 2), "synthesised")));
  assert_true(json_number_value(json_object_get(json_object_get(root, "rates"), "clock_mhz")) == 250.0);
  json_decref(root);
  assert_string_equal(text, render(r, report_json));
}

/* Every element that is opened is closed, in order; text is escaped; nothing comes from elsewhere. */
static void assert_page(const char *page) {
  static const char *const empty[] = {"meta", "!doctype", "br"};
  char open[64][16];
  int depth = 0;
  for (const char *p = strchr(page, '<'); p; p = strchr(p + 1, '<')) {
    bool closes = p[1] == '/';
    char name[16] = "";
    sscanf(p + 1 + closes, "%15[a-z0-9!]", name);
    bool alone = false;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
      alone = alone || strcmp(name, empty[i]) == 0;
    const char *end = strchr(p, '>');
    assert_non_null(end);
    if (alone || end[-1] == '/')
      continue;
    if (closes) {
      assert_true(depth > 0);
      assert_string_equal(open[--depth], name);
    } else {
      assert_true(depth < 64);
      strcpy(open[depth++], name);
    }
  }
  assert_int_equal(depth, 0);
  assert_null(strstr(page, "http://"));
  assert_null(strstr(page, "https://"));
  assert_null(strstr(page, "<script"));
  assert_null(strstr(page, "nan"));
}

static void the_page_is_whole(void **state) {
  (void)state;
  const char *page = render(full_report(), report_html);
  assert_page(page);
  assert_in(page, "the &quot;whole&quot; &lt;machine&gt;");
  assert_in(page, "<svg");
  assert_in(page, "Published FPGA designs");
  assert_page(render(report_new(&arena, machine(), device("ice40-hx1k")), report_html));
}

static void an_unrolled_design_is_drawn_too(void **state) {
  (void)state;
  struct inventory *v = inventory_new(&arena, INV_UNROLLED, "edge", "edge");
  struct inv_unit *a = inv_unit(v, INV_LAYER, "a", "core.a", "edge_a", NULL);
  struct inv_unit *b = inv_unit(v, INV_LAYER, "b", "core.b", "edge_b", NULL);
  inv_add(a, 10, 8, 7, 0);
  inv_add(b, 10, 8, 7, 0);
  inv_stream(v, a, b, "values", 80, 1, false);
  inv_stream(v, b, a, "values", 8, 1, false);
  v->clock_mhz = 100;
  v->sequences = 5, v->step_cycles = 5, v->latency = 12;
  struct hw_report *r = report_new(&arena, v, device("ice40-hx8k"));
  assert_true(r->rates.tokens > 99999999 && r->rates.tokens < 100000001);
  assert_page(render(r, report_html));
  assert_in(render(r, report_text), "5 sequences take turns; latency 12 clocks");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(devices_have_what_their_family_has),
      cmocka_unit_test(unknown_devices_have_neighbours),
      cmocka_unit_test(cells_count_by_their_longest_prefix),
      cmocka_unit_test(an_adder_costs_what_yosys_counts),
      cmocka_unit_test(shift_registers_are_luts_where_there_are_any),
      cmocka_unit_test(products_take_blocks),
      cmocka_unit_test(memories_take_what_is_cheaper),
      cmocka_unit_test(tables_cost_what_they_hold),
      cmocka_unit_test(a_saturation_costs_what_yosys_counts),
      cmocka_unit_test(library_modules_are_taken_apart),
      cmocka_unit_test(lanes_cost_what_they_promise),
      cmocka_unit_test(rates_follow_from_clocks_and_bytes),
      cmocka_unit_test(what_does_not_fit_is_named),
      cmocka_unit_test(statistics_are_read_by_unit),
      cmocka_unit_test(the_longest_path_is_told_by_units),
      cmocka_unit_test(toggles_are_read_by_unit),
      cmocka_unit_test(tools_end_in_words),
      cmocka_unit_test(text_labels_its_figures),
      cmocka_unit_test(json_can_be_read),
      cmocka_unit_test(the_page_is_whole),
      cmocka_unit_test(an_unrolled_design_is_drawn_too),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
