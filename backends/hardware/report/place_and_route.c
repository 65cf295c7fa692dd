/* place_and_route.c: clock and critical path, by nextpnr.
 *
 * A design's buses rarely fit the pins of a package. Where they do not, a harness drives the inputs from a
 * shift register and shifts the outputs out; its registers stand between pins and design, so that paths
 * inside the design are those of the design, and the report names it. */
#include "backends/hardware/report/synth.h"
#include "backends/hardware/report/tool.h"

#include "support/file.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the harness --------------------------------------------------------------------------------------- */

struct pin {
  char name[128];
  bool input;
  int bits;
};

struct pins {
  VEC(struct pin) at;
  int inputs, outputs; /* bits, without clock and reset */
};

/* `portlist` prints "input [7:0] name". */
static bool read_ports(struct diag *d, struct hw_report *r, const struct synth_run *run, struct pins *ports) {
  size_t n;
  const char *path = arena_printf(r->arena, "%s/ports.txt", run->scratch);
  char *text = file_read(d, r->arena, path, 1 << 24, &n);
  for (char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
    struct pin p;
    char kind[16];
    int high, low;
    if (sscanf(line, "%15s [%d:%d] %127s", kind, &high, &low, p.name) != 4)
      continue;
    p.input = strcmp(kind, "input") == 0;
    p.bits = high - low + 1;
    vec_push(r->arena, ports->at, p);
    if (strcmp(p.name, "clk") != 0 && strcmp(p.name, "aresetn") != 0)
      *(p.input ? &ports->inputs : &ports->outputs) += p.bits;
  }
  return text != NULL;
}

static bool write_harness(struct diag *d, struct hw_report *r, const struct synth_run *run,
                          const struct pins *ports) {
  struct output out;
  if (!output_open(&out, d, arena_printf(r->arena, "%s/harness.v", run->scratch)))
    return false;
  int in = ports->inputs ? ports->inputs : 1, made = ports->outputs ? ports->outputs : 1;
  fprintf(out.file,
          "module harness (input clk, input aresetn, input shift_in, input load, output shift_out);\n"
          "  reg [%d:0] in;\n  reg [%d:0] out;\n  wire [%d:0] made;\n  reg reset_n;\n"
          "  assign shift_out = out[%d];\n"
          "  always @(posedge clk) begin\n    reset_n <= aresetn;\n    in <= {in, shift_in};\n"
          "    out <= load ? made : {out, 1'b0};\n  end\n  %s design (",
          in - 1, made - 1, made - 1, made - 1, r->design->top);
  int at[2] = {0, 0};
  for (int i = 0; i < ports->at.n; i++) {
    const struct pin *p = &ports->at.at[i];
    fprintf(out.file, "%s.%s(", i ? ", " : "", p->name);
    if (strcmp(p->name, "clk") == 0)
      fprintf(out.file, "clk)");
    else if (strcmp(p->name, "aresetn") == 0)
      fprintf(out.file, "reset_n)");
    else {
      int *first = &at[p->input];
      fprintf(out.file, "%s[%d:%d])", p->input ? "in" : "made", *first + p->bits - 1, *first);
      *first += p->bits;
    }
  }
  fprintf(out.file, ");\nendmodule\n");
  return output_close(&out, false);
}

/* ---- nextpnr ------------------------------------------------------------------------------------------- */

static void remark(struct hw_report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void remark(struct hw_report *r, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  vec_push(r->arena, r->remarks, arena_vprintf(r->arena, format, ap));
  va_end(ap);
}

/* nextpnr's table of what is used, "Info:  NAME:  used/ has  percent": where a design is too large it fails
 * later, with words of its own. */
static bool say_full(struct diag *d, struct hw_report *r, const char *log) {
  size_t n;
  char name[64], used_text[32], has_text[32];
  char *text = file_read(d, r->arena, log, (size_t)1 << 28, &n);
  bool full = false;
  for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
    long long used, has;
    if (sscanf(line, "Info: %63[A-Za-z0-9_]: %lld/ %lld", name, &used, &has) != 3 || used <= has)
      continue;
    diag_error(d, "the design needs %s %s (%s packed it), %s has %s, %.0f %% too many",
               with_commas(used_text, (double)used), name, r->device->family->nextpnr, r->device->name,
               with_commas(has_text, (double)has), 100.0 * (double)used / (double)has - 100);
    full = true;
  }
  return full;
}

enum { MOST_OPTIONS = 8 };

static bool run_nextpnr(struct diag *d, struct hw_report *r, const struct synth_run *run) {
  const struct family *f = r->device->family;
  const char *log = arena_printf(r->arena, "%s/place.log", run->scratch);
  const char *argv[16 + MOST_OPTIONS] = {f->nextpnr};
  int n = 1;
  for (char *word = strtok(arena_strdup(r->arena, r->device->pnr), " "); word && n <= MOST_OPTIONS;
       word = strtok(NULL, " "))
    argv[n++] = word;
  const char *rest[] = {"--json",
                        "netlist.json",
                        "--report",
                        "timing.json",
                        "--seed",
                        "1",
                        "--freq",
                        arena_printf(r->arena, "%.6g", r->design->clock_mhz),
                        "--timing-allow-fail"};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    argv[n++] = rest[i];
  argv[n] = NULL;
  struct process_result end = process_run(argv, run->scratch, log, run->limit);
  if (end.end == PROCESS_FAILED && say_full(d, r, log))
    return false;
  return tool_diagnose(d, r, end, f->nextpnr, *f->package ? f->package : f->nextpnr, log, run->limit);
}

bool synth_place(struct diag *d, struct hw_report *r, const struct synth_run *run) {
  const struct family *f = r->device->family;
  struct pins ports = {0};
  if (!*f->nextpnr || !r->device->pnr) {
    remark(r, "Not placed: no open tool places %s; take the project to the vendor's.", f->title);
    return true;
  }
  if (!process_exists(f->nextpnr)) {
    remark(r, "Not placed: '%s' is not on the PATH%s%s.", f->nextpnr,
           *f->package ? "; Debian's package is " : " and Debian has no package of it", f->package);
    return true;
  }
  if (!read_ports(d, r, run, &ports))
    return false;
  r->timing.harness = r->device->pins > 0 && ports.inputs + ports.outputs + 2 > r->device->pins;
  const char *top = r->timing.harness ? "harness" : r->design->top;
  if ((r->timing.harness && !write_harness(d, r, run, &ports)) || !synth_flat(d, r, run, top) ||
      !run_nextpnr(d, r, run))
    return false;
  size_t n;
  char *text = file_read(d, r->arena, arena_printf(r->arena, "%s/timing.json", run->scratch), 1 << 28, &n);
  if (!text)
    return false;
  if (!synth_parse_timing(r, text, n)) {
    diag_error(d, "%s ran, but its report has no clock", f->nextpnr);
    return false;
  }
  if (r->timing.harness)
    remark(r,
           "Placed inside a harness: the top module has %d bits of ports and the package %d pins; the clock "
           "is that of paths between registers, the harness's %d registers are in the placed counts.",
           ports.inputs + ports.outputs + 2, r->device->pins, ports.inputs + ports.outputs + 1);
  return true;
}

/* ---- its report ---------------------------------------------------------------------------------------- */

/* A name of the flattened design without the harness's instance. */
static const char *inside(const char *name) {
  return strncmp(name, "design.", 7) == 0 ? name + 7 : name;
}

const struct inv_unit *synth_unit_of(const struct inventory *v, const char *name) {
  const struct inv_unit *best = NULL;
  size_t longest = 0;
  name = inside(name);
  for (int i = 0; i < v->units.n; i++) {
    const char *path = v->units.at[i]->path;
    size_t n = strlen(path);
    if ((n == 0 && !best) || (n > longest && strncmp(name, path, n) == 0 && name[n] == '.')) {
      best = v->units.at[i];
      longest = n;
    }
  }
  return best;
}

/* The signal as the Verilog has it: without what Yosys appends, without the path of its unit. */
static const char *signal_name(struct arena *a, const struct inv_unit *u, const char *net) {
  net = inside(net);
  size_t skip = u ? strlen(u->path) : 0;
  if (skip && strncmp(net, u->path, skip) == 0 && net[skip] == '.')
    net += skip + 1;
  static const char *const suffixes[] = {"_SB_", "_LUT4_", "_TRELLIS_", "_CCU2", "$"};
  size_t n = strlen(net);
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    const char *cut = strstr(net, suffixes[i]);
    if (cut && cut > net && (size_t)(cut - net) < n)
      n = (size_t)(cut - net);
  }
  return *net == '$' ? "" : arena_strndup(a, net, n);
}

static void add_segment(struct hw_report *r, const struct inv_unit *u, const char *net, double ns,
                        bool routing) {
  struct timing *t = &r->timing;
  if (t->path.n == 0 || t->path.at[t->path.n - 1].unit != u)
    vec_push(r->arena, t->path, (struct path_step){.unit = u, .signal = ""});
  struct path_step *s = &t->path.at[t->path.n - 1];
  *(routing ? &s->routing_ns : &s->logic_ns) += ns;
  s->cells += !routing;
  const char *name = net ? signal_name(r->arena, u, net) : "";
  if (*name)
    s->signal = name;
  t->critical_ns += ns;
}

static void read_path(struct hw_report *r, const json_t *path) {
  for (size_t i = 0; i < json_array_size(path); i++) {
    const json_t *s = json_array_get(path, i);
    const char *cell = json_string_value(json_object_get(json_object_get(s, "from"), "cell"));
    const char *net = json_string_value(json_object_get(s, "net"));
    const char *type = json_string_value(json_object_get(s, "type"));
    const char *place = net && *inside(net) != '$' ? net : cell;
    int steps = r->timing.path.n;
    if (!place || !type)
      continue;
    /* a cell that the tool has named stays in the unit of the one before */
    const struct inv_unit *unit =
        *inside(place) == '$' && steps ? r->timing.path.at[steps - 1].unit : synth_unit_of(r->design, place);
    add_segment(r, unit, net, json_number_value(json_object_get(s, "delay")), strcmp(type, "routing") == 0);
  }
}

/* The path between registers of the clock that has the lowest fmax. */
static void find_path(struct hw_report *r, const json_t *paths, const char *clock) {
  const char *edge = arena_printf(r->arena, "posedge %s", clock);
  for (size_t i = 0; i < json_array_size(paths); i++) {
    const json_t *p = json_array_get(paths, i);
    const char *from = json_string_value(json_object_get(p, "from"));
    const char *to = json_string_value(json_object_get(p, "to"));
    if (from && to && strcmp(from, edge) == 0 && strcmp(to, edge) == 0) {
      read_path(r, json_object_get(p, "path"));
      return;
    }
  }
}

static void read_used(struct hw_report *r, json_t *used) {
  static const struct {
    const char *name;
    enum resource what;
  } names[] = {{"ICESTORM_LC", RES_CELL},     {"ICESTORM_RAM", RES_BRAM}, {"ICESTORM_DSP", RES_DSP},
               {"ICESTORM_SPRAM", RES_LARGE}, {"TRELLIS_COMB", RES_LUT},  {"TRELLIS_FF", RES_FF},
               {"DP16KD", RES_BRAM},          {"MULT18X18D", RES_DSP},    {"OXIDE_COMB", RES_LUT},
               {"OXIDE_FF", RES_FF},          {"OXIDE_EBR", RES_BRAM}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    r->timing.placed.of[names[i].what] +=
        json_number_value(json_object_get(json_object_get(used, names[i].name), "used"));
}

bool synth_parse_timing(struct hw_report *r, const char *json, size_t length) {
  json_error_t error;
  json_t *root = json_loadb(json, length, 0, &error), *value;
  const char *clock, *slowest = NULL;
  double mhz = INFINITY;
  json_object_foreach(json_object_get(root, "fmax"), clock, value) {
    double achieved = json_number_value(json_object_get(value, "achieved"));
    if (achieved > 0 && achieved < mhz) {
      mhz = achieved;
      slowest = clock;
    }
  }
  if (slowest) {
    r->timing.label = LABEL_PLACED;
    r->timing.mhz = mhz;
    find_path(r, json_object_get(root, "critical_paths"), slowest);
    read_used(r, json_object_get(root, "utilization"));
  }
  json_decref(root);
  return slowest != NULL;
}
