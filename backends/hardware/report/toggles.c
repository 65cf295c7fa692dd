/* toggles.c: runs a project's test bench in Verilator with every toggle counted.
 *
 * Verilator 5.006's own main() does not write the counts, and takes instances of a module together unless
 * told not to, so that a main() of ours is linked. */
#include "backends/hardware/report/activity.h"
#include "backends/hardware/report/tool.h"

#include "support/file.h"
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char main_text[] = "#include \"Vbench.h\"\n"
                                "#include \"verilated.h\"\n"
                                "#include \"verilated_cov.h\"\n"
                                "int main(int argc, char **argv) {\n"
                                "  VerilatedContext context;\n"
                                "  context.commandArgs(argc, argv);\n"
                                "  context.coveragep()->forcePerInstance(true);\n"
                                "  Vbench bench{&context};\n"
                                "  while (!context.gotFinish()) {\n"
                                "    bench.eval();\n"
                                "    if (!bench.eventsPending()) break;\n"
                                "    context.time(bench.nextTimeSlot());\n"
                                "  }\n"
                                "  bench.final();\n"
                                "  context.coveragep()->write(argv[1]);\n"
                                "  return 0;\n"
                                "}\n";

typedef VEC(const char *) words;

/* The project's files of a kind, in order of their names. */
static void add_files(struct arena *a, words *w, const char *project, const char *pattern) {
  glob_t found;
  if (glob(arena_printf(a, "%s/%s", project, pattern), 0, NULL, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++)
      vec_push(a, *w, arena_strdup(a, found.gl_pathv[i]));
  globfree(&found);
}

static bool build(struct diag *d, struct hw_report *r, const struct synth_run *run, const char *project) {
  struct arena *a = r->arena;
  static const char *const options[] = {
      "verilator", "--cc",        "--exe",    "--build",   "--timing",   "-O3",        "--x-assign",
      "fast",      "--x-initial", "fast",     "-Wno-lint", "-Wno-style", "-Wno-fatal", "--coverage-toggle",
      "-CFLAGS",   "-O1",         "--prefix", "Vbench",    "--Mdir",     "toggles",    "--top-module"};
  words w = {0};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    vec_push(a, w, options[i]);
  vec_push(a, w, r->design->bench);
  add_files(a, &w, project, "sim/*.vlt");
  add_files(a, &w, project, "sim/*.sv");
  add_files(a, &w, project, "rtl/*.v");
  vec_push(a, w, "main.cpp");
  vec_push(a, w, NULL);
  const char *log = arena_printf(a, "%s/toggles.log", run->scratch);
  struct process_result end = process_run(w.at, run->scratch, log, run->limit);
  return tool_diagnose(d, r, end, "verilator", "verilator g++ make", log, run->limit);
}

/* Clocks of a step, from what the test bench of either machine says of all of them. */
static int64_t clocks_of_step(const struct hw_report *r, const char *text) {
  long long steps, clocks, tokens, first, last;
  const char *streaming = strstr(text, "steps "), *unrolled = strstr(text, "PASS: ");
  if (streaming && sscanf(streaming, "steps %lld cycles %lld", &steps, &clocks) == 2 && steps > 0)
    return (clocks + steps / 2) / steps;
  if (unrolled &&
      sscanf(
          unrolled,
          "PASS: %lld tokens of %*d sequences, %*d results each; first result in cycle %lld, last in cycle "
          "%lld",
          &tokens, &first, &last) == 3 &&
      tokens > 0)
    return ((last - first + 1) * r->design->sequences + tokens / 2) / tokens;
  return 0;
}

static bool read_clocks(struct diag *d, struct hw_report *r, const char *log) {
  size_t length;
  const char *text = file_read(d, r->arena, log, 1 << 28, &length);
  r->simulated_cycles = text ? clocks_of_step(r, text) : 0;
  if (text && !r->simulated_cycles)
    diag_error(d, "%s: the test bench does not say how many clocks it took", log);
  return r->simulated_cycles > 0;
}

static bool simulate(struct diag *d, struct hw_report *r, const struct synth_run *run, const char *project,
                     const char *counts) {
  struct arena *a = r->arena;
  char *program = realpath(arena_printf(a, "%s/toggles/Vbench", run->scratch), NULL);
  words w = {0};
  vec_push(a, w, arena_strdup(a, program ? program : "Vbench"));
  vec_push(a, w, counts);
  for (const char *const *word = r->design->bench_run; *word; word++)
    vec_push(a, w, *word);
  vec_push(a, w, NULL);
  free(program);
  const char *log = arena_printf(a, "%s/simulation.log", run->scratch);
  struct process_result end = process_run(w.at, project, log, run->limit);
  if (end.end == PROCESS_MISSING)
    end = (struct process_result){PROCESS_FAILED, 127, 0};
  return tool_diagnose(d, r, end, "the test bench", "verilator", log, run->limit) && read_clocks(d, r, log);
}

bool activity_simulate(struct diag *d, struct hw_report *r, const struct synth_run *run) {
  struct output out;
  char *project = realpath(run->project, NULL), *scratch = realpath(run->scratch, NULL);
  const char *counts = arena_printf(r->arena, "%s/coverage.dat", scratch ? scratch : run->scratch);
  bool ok = output_open(&out, d, arena_printf(r->arena, "%s/main.cpp", run->scratch));
  if (ok) {
    fputs(main_text, out.file);
    ok = output_close(&out, false);
  }
  ok = ok && project && build(d, r, run, project) && simulate(d, r, run, project, counts) &&
       activity_read(d, r, counts);
  free(project);
  free(scratch);
  return ok;
}
