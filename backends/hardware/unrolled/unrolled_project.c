/* unrolled_project.c: planning, and the folder of files. */
#include "backends/hardware/unrolled/unrolled.h"

#include "backends/hardware/unrolled/lower_step.h"
#include "support/file.h"
#include <string.h>

/* ---- planning ---------------------------------------------------------------------------------------- */

static void add_outputs(struct unrolled *u, const struct scalars *logits) {
  struct netlist *n = &u->net;
  if (u->options.best) {
    net_set_unit(n, "argmax", "the best of the logits, the lowest token of equals");
    struct net_best best = net_argmax(n, logits->at, logits->n);
    net_output(n, "best", best.index);
    net_output(n, "score", best.value);
  } else {
    for (int64_t i = 0; i < logits->n; i++)
      net_output(n, arena_printf(u->arena, "logit_%lld", (long long)i), logits->at[i]);
  }
  net_output(n, "last", net_last(n));
}

struct unrolled *unrolled_plan(struct arena *a, struct module *m, const struct weight_source *source,
                               const struct unrolled_options *options) {
  struct unrolled *u = arena_new(a, struct unrolled);
  *u = (struct unrolled){.arena = a, .module = m, .source = source, .options = *options};
  u->options.depth = options->depth > 0 ? options->depth : 1;
  u->top = verilog_design_name(a, options->name ? options->name : m->name);
  if (!func_find(m, "step")) {
    diag_error(m->diag, "the module '%s' has no function 'step' to build hardware for", m->name);
    return NULL;
  }
  struct interp *weights = interp_new(m, source, false);
  struct scalars logits;
  bool ok = weights && unrolled_lower(m, weights, a, options->multiplier, &u->net, &logits);
  interp_free(weights);
  if (!ok)
    return NULL;
  add_outputs(u, &logits);
  net_tabulate(&u->net);
  net_schedule_make(&u->net, u->options.depth, &u->schedule);
  net_emission_make(a, &u->net, &u->schedule, u->top, &u->emission);
  unrolled_streams(&u->net, &u->schedule, &u->streams);
  return u;
}

/* ---- files ------------------------------------------------------------------------------------------- */

struct unrolled_project {
  const struct unrolled *u;
  const char *dir, *library;
  VEC(const char *) rtl; /* file names without folder, in order */
};

static bool make_dir(const struct unrolled_project *p, const char *name) {
  return output_folder(p->u->module->diag, arena_printf(p->u->arena, "%s/%s", p->dir, name));
}

static bool open_file(const struct unrolled_project *p, struct output *o, const char *name) {
  return output_open(o, p->u->module->diag, arena_printf(p->u->arena, "%s/%s", p->dir, name));
}

static bool copy_file(const struct unrolled_project *p, const char *name) {
  const char *from = arena_printf(p->u->arena, "%s/%s", p->library, name);
  size_t length;
  const char *text = file_read(p->u->module->diag, p->u->arena, from, 1 << 20, &length);
  struct output o;
  if (!text || !open_file(p, &o, name))
    return false;
  fwrite(text, 1, length, o.file);
  return output_close(&o, false);
}

/* One module a file; `unit` -1: the top. */
static bool write_module(struct unrolled_project *p, int unit) {
  const struct emission *e = &p->u->emission;
  const char *name = unit < 0 ? p->u->top : net_unit_module(e, unit);
  struct output o;
  vec_push(p->u->arena, p->rtl, arena_printf(p->u->arena, "%s.v", name));
  if (!open_file(p, &o, arena_printf(p->u->arena, "rtl/%s.v", name)))
    return false;
  if (unit < 0)
    unrolled_emit_top(e, &p->u->streams, o.file);
  else if (unit == 0)
    net_emit_core(e, o.file);
  else
    net_emit_unit(e, unit, o.file);
  return output_close(&o, false);
}

static bool write_rtl(struct unrolled_project *p) {
  bool ok = write_module(p, -1) && write_module(p, 0);
  for (int unit = 1; ok && unit < p->u->net.units.n; unit++)
    ok = net_unit_is_empty(&p->u->emission, unit) || write_module(p, unit);
  vec_push(p->u->arena, p->rtl, "tern_skid.v");
  return ok && copy_file(p, "rtl/tern_skid.v");
}

static bool write_bench(const struct unrolled_project *p, const struct unrolled_vectors *v) {
  struct output bench, tokens, results;
  if (!copy_file(p, "sim/tern_token_bench.sv") ||
      !open_file(p, &bench, arena_printf(p->u->arena, "sim/%s_bench.sv", p->u->top)))
    return false;
  unrolled_emit_bench(p->u, v->n, bench.file);
  if (!output_close(&bench, false) || !open_file(p, &tokens, "sim/tokens.hex"))
    return false;
  if (!open_file(p, &results, "sim/results.hex")) {
    output_abort(&tokens);
    return false;
  }
  if (unrolled_emit_vectors(p->u, v, tokens.file, results.file)) {
    bool ok = output_close(&tokens, false);
    return output_close(&results, false) && ok;
  }
  output_abort(&tokens);
  output_abort(&results);
  return false;
}

static bool write_manifest(const struct unrolled_project *p) {
  const struct unrolled *u = p->u;
  const struct unrolled_streams *t = &u->streams;
  struct output o;
  if (!open_file(p, &o, "manifest.json"))
    return false;
  fprintf(o.file, "{\n  \"machine\": \"unrolled\",\n  \"model\": \"%s\",\n  \"top\": \"%s\",\n",
          u->module->name, u->top);
  fprintf(o.file, "  \"depth\": %d,\n  \"latency\": %d,\n  \"interleave\": %d,\n", u->schedule.depth,
          u->schedule.latency + 2, u->schedule.interleave);
  fprintf(o.file,
          "  \"token_bits\": %d,\n  \"results\": %d,\n  \"result_bits\": %d,\n  \"result\": \"%s\",\n",
          t->token_bits, t->results, t->field, u->options.best ? "best token, score" : "logits");
  fprintf(o.file, "  \"register_bits\": %lld,\n  \"rtl\": [", (long long)u->schedule.registers);
  for (int i = 0; i < p->rtl.n; i++)
    fprintf(o.file, "%s\n    \"rtl/%s\"", i ? "," : "", p->rtl.at[i]);
  fprintf(o.file,
          "\n  ],\n  \"simulation\": [\n    \"sim/tern_token_bench.sv\",\n    \"sim/%s_bench.sv\"\n  ]\n}\n",
          u->top);
  return output_close(&o, false);
}

static bool write_makefile(const struct unrolled_project *p) {
  const char *top = p->u->top;
  struct output o;
  if (!open_file(p, &o, "Makefile"))
    return false;
  fprintf(o.file,
          "# Simulation of %s: `make` runs both simulators; STALL=30 SEED=1 for stalls on both streams.\n",
          top);
  fprintf(o.file, "RTL =");
  for (int i = 0; i < p->rtl.n; i++)
    fprintf(o.file, " \\\n  rtl/%s", p->rtl.at[i]);
  fprintf(o.file, "\nBENCH = sim/tern_token_bench.sv sim/%s_bench.sv\nSTALL = 0\nSEED = 1\n", top);
  fprintf(o.file,
          "ARGS = +tokens=sim/tokens.hex +results=sim/results.hex +stall=$(STALL) +seed=$(SEED) $(MORE)\n\n");
  fprintf(o.file, "all: icarus verilator\n\nicarus: obj/icarus\n\tvvp -N obj/icarus $(ARGS)\n\n"
                  "verilator: obj/verilator/sim\n\tobj/verilator/sim $(ARGS)\n\n");
  fprintf(
      o.file,
      "obj/icarus: $(RTL) $(BENCH)\n\tmkdir -p obj\n\tiverilog -g2012 -s %s_bench -o $@ $(BENCH) $(RTL)\n\n",
      top);
  fprintf(o.file,
          "obj/verilator/sim: $(RTL) $(BENCH)\n\tmkdir -p obj\n\tverilator --binary --timing -O3 "
          "--output-split 20000 -CFLAGS -O1 \\\n\t  --top-module %s_bench -Mdir obj/verilator -o sim "
          "$(BENCH) $(RTL)\n\n",
          top);
  fprintf(o.file,
          "lint:\n\tverilator --lint-only -Wall --top-module %s $(RTL)\n"
          "\tiverilog -g2005 -Wall -t null -s %s $(RTL)\n"
          "\tyosys -q -p \"read_verilog $(RTL); hierarchy -check -top %s; proc; check -assert\"\n\n",
          top, top, top);
  fprintf(o.file, "clean:\n\trm -rf obj\n\n.PHONY: all icarus verilator lint clean\n");
  return output_close(&o, false);
}

bool unrolled_write(const struct unrolled *u, const char *dir, const char *library,
                    const struct unrolled_vectors *vectors) {
  struct unrolled_project p = {.u = u, .dir = dir, .library = library};
  outputs_begin();
  bool ok = output_folder(u->module->diag, dir) && make_dir(&p, "rtl") && make_dir(&p, "sim") &&
            write_rtl(&p) && write_bench(&p, vectors) && write_manifest(&p) && write_makefile(&p);
  return outputs_end(u->module->diag, ok);
}
