/* adder_graph.c: `ternc adder-graph`: one ternary matrix as additions and subtractions: figures, JSON,
 * Verilog. */
#include "driver/driver.h"

#include "backends/hardware/adder_graph/adder_graph.h"
#include "driver/matrix.h"
#include "support/file.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_DEPTH = 1000, KEY_BITS, KEY_STAGE, KEY_EFFORT, KEY_THREE, KEY_EMIT, KEY_JSON, KEY_NAME };

struct adder {
  struct job job;
  const char *input, *output, *name;
  int depth, bits, stage, effort;
  bool three_input, verilog, json;
  int8_t *matrix;
  struct adder_graph *graph;
  struct adder_schedule *schedule;
  double seconds;
};

static const struct argp_option options[] = {
    {"depth", KEY_DEPTH, "N", 0, "no output is more than N adders deep (default: the least possible + 1)", 0},
    {"input-bits", KEY_BITS, "N", 0, "width of the signed inputs, 1 .. 32 (default 8)", 0},
    {"stage", KEY_STAGE, "N", 0, "a register after every N adders in a row (default 1)", 0},
    {"effort", KEY_EFFORT, "N", 0, "0: greedy only; 1 (default): about two seconds; N: N times as long", 0},
    {"three-input", KEY_THREE, 0, 0, "adders of three operands, for devices whose LUTs have room for them",
     0},
    {"emit", KEY_EMIT, "verilog", 0, "writes modules and a test bench into the folder -o names", 0},
    {"name", KEY_NAME, "NAME", 0, "of the Verilog module (default adder_graph)", 0},
    {"json", KEY_JSON, 0, 0, "prints the figures as JSON", 0},
    {"output", 'o', "DIR", 0, "folder to write to, made if missing", 0},
    {0}};

static int number(struct argp_state *state, const char *option, const char *arg, int least, int most) {
  char *end;
  errno = 0;
  long n = strtol(arg, &end, 10);
  if (!*arg || *end || errno || n < least || n > most)
    argp_error(state, "--%s takes a number %d .. %d, got '%s'", option, least, most, arg);
  return (int)n;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct adder *a = state->input;
  switch (key) {
  case KEY_DEPTH: a->depth = number(state, "depth", arg, 1, ADDER_MAX_DEPTH); break;
  case KEY_BITS: a->bits = number(state, "input-bits", arg, 1, ADDER_MAX_INPUT_BITS); break;
  case KEY_STAGE: a->stage = number(state, "stage", arg, 1, ADDER_MAX_DEPTH); break;
  case KEY_EFFORT: a->effort = number(state, "effort", arg, 0, ADDER_MAX_EFFORT); break;
  case KEY_THREE: a->three_input = true; break;
  case KEY_JSON: a->json = true; break;
  case KEY_EMIT:
    if (strcmp(arg, "verilog") != 0)
      argp_error(state, "--emit takes verilog, got '%s'", arg);
    a->verilog = true;
    break;
  case KEY_NAME:
    if (!adder_graph_is_name(arg))
      argp_error(state, "--name takes letters, digits and _, and no keyword of Verilog, got '%s'", arg);
    a->name = arg;
    break;
  case 'o': a->output = arg; break;
  case ARGP_KEY_ARG:
    if (a->input)
      argp_error(state, "one FILE is expected; '%s' is a second one", arg);
    a->input = arg;
    break;
  case ARGP_KEY_END:
    if (!a->input)
      argp_error(state, "a FILE with a matrix is expected");
    if (a->verilog != (a->output != NULL))
      argp_error(state, a->verilog ? "--emit needs -o DIR" : "-o is the folder of --emit verilog");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* ---- figures ------------------------------------------------------------------------------------------ */

static int nonzero(const struct adder *a) {
  int n = 0;
  for (int i = 0; i < a->graph->inputs * a->graph->outputs; i++)
    n += a->matrix[i] != 0;
  return n;
}

static void print_text(const struct adder *a, FILE *out) {
  const struct adder_graph *g = a->graph;
  fprintf(out, "matrix         %d inputs, %d outputs, %d entries not 0\n", g->inputs, g->outputs, nonzero(a));
  fprintf(out, "adders         %d\n", g->nodes);
  if (a->three_input)
    fprintf(out, "three-input    %d of them\n", g->three_input);
  fprintf(out, "adder bits     %lld\n", (long long)g->adder_bits);
  fprintf(out, "negations      %d\n", g->negations);
  fprintf(out, "depth          %d\n", g->depth);
  fprintf(out, "latency        %d clocks, a register after every %d adders\n", a->schedule->latency,
          a->stage);
  fprintf(out, "register bits  %lld\n", (long long)a->schedule->register_bits);
  for (int f = 0; f < n_adder_families && !a->three_input; f++) {
    const struct adder_family *family = &adder_families[f];
    struct adder_cells c = adder_graph_cells(g, a->schedule, family);
    fprintf(out, "%-14s %lld .. %lld %s, %lld FF (%s)\n", family->name, (long long)c.luts_low,
            (long long)c.luts_high, family->lut, (long long)c.ffs, family->title);
  }
  fprintf(out, "seconds        %.2f\n", a->seconds);
}

static json_t *family_json(const struct adder *a, const struct adder_family *f) {
  struct adder_cells c = adder_graph_cells(a->graph, a->schedule, f);
  return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "title", f->title, "lut", f->lut, "luts_low",
                   (json_int_t)c.luts_low, "luts_high", (json_int_t)c.luts_high, "shift_luts",
                   (json_int_t)c.shifts, "ff", (json_int_t)c.ffs);
}

static bool print_json(const struct adder *a, FILE *out) {
  const struct adder_graph *g = a->graph;
  json_t *families = json_object();
  for (int f = 0; f < n_adder_families && !a->three_input; f++)
    json_object_set_new(families, adder_families[f].name, family_json(a, &adder_families[f]));
  json_t *root =
      json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:i, s:i, s:i, s:i, s:I, s:f, s:o}", "inputs", g->inputs,
                "outputs", g->outputs, "nonzero", nonzero(a), "adders", g->nodes, "three_input",
                g->three_input, "adder_bits", (json_int_t)g->adder_bits, "negations", g->negations, "depth",
                g->depth, "adders_per_stage", a->stage, "latency", a->schedule->latency, "register_bits",
                (json_int_t)a->schedule->register_bits, "seconds", a->seconds, "families", families);
  bool ok = root && json_dumpf(root, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
  json_decref(root);
  return ok;
}

static bool print_figures(struct adder *a) {
  struct output out;
  if (!output_open(&out, &a->job.diag, "-"))
    return false;
  if (!a->json)
    print_text(a, out.file);
  else if (!print_json(a, out.file)) {
    output_abort(&out);
    return false;
  }
  return output_close(&out, false);
}

/* ---- Verilog ------------------------------------------------------------------------------------------ */

static bool write_file(struct adder *a, const struct adder_file *f) {
  struct output out;
  if (!output_open(&out, &a->job.diag, arena_printf(&a->job.arena, "%s/%s", a->output, f->name)))
    return false;
  f->write(f, out.file);
  return output_close(&out, false);
}

static bool write_verilog(struct adder *a) {
  int n;
  const struct adder_file *file = adder_graph_verilog(a->graph, a->schedule, a->matrix, a->name, &n);
  bool ok = output_folder(&a->job.diag, a->output);
  for (int i = 0; i < n && ok; i++)
    ok = write_file(a, &file[i]);
  return ok;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool work(struct adder *a) {
  struct diag *d = &a->job.diag;
  int rows, columns;
  a->matrix = matrix_read(d, &a->job.arena, a->input, ADDER_MAX_SIDE, &rows, &columns);
  if (!a->matrix)
    return false;
  struct adder_options o = {
      .input_bits = a->bits, .depth = a->depth, .effort = a->effort, .three_input = a->three_input};
  double start = now();
  a->graph = adder_graph_build(d, a->matrix, rows, columns, &o);
  a->seconds = now() - start;
  if (!a->graph)
    return false;
  a->schedule = adder_graph_schedule(a->graph, a->stage);
  outputs_begin();
  bool ok = outputs_end(d, (!a->verilog || write_verilog(a)) && print_figures(a));
  adder_graph_free(a->graph);
  return ok;
}

const struct argp adder_graph_argp = {
    options,
    parse,
    "FILE",
    "Turns a constant ternary matrix into additions and subtractions with shared partial sums.\v"
    "FILE: a line with the numbers of rows (inputs) and columns (outputs), then the rows, entries -1, 0, 1.",
    NULL,
    NULL,
    NULL};

int adder_graph_main(int argc, char **argv) {
  struct adder a = {.name = "adder_graph", .bits = 8, .stage = 1, .effort = 1};
  job_start(&a.job);
  argp_parse(&adder_graph_argp, argc, argv, 0, NULL, &a);
  return job_end(&a.job, work(&a) ? 0 : 1);
}
