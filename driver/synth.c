/* synth.c: `ternc synth`: a model as hardware on a device: what it takes, how fast it is, what it costs. */
#include "driver/accelerator.h"

#include "backends/hardware/report/activity.h"
#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/report/synth.h"
#include "support/file.h"
#include "support/scratch.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_DEVICE = 4000, KEY_LIST, KEY_ESTIMATE, KEY_JSON, KEY_HTML, KEY_LIMIT, KEY_NO_PLACE, KEY_TOGGLES };

struct synth {
  struct job job;
  struct hardware hardware;
  const char *device, *output, *json, *html, *toggles;
  bool estimate, no_place, simulate, quiet;
  int limit; /* seconds for a tool */
};

/* ---- the command line ---------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What to report on:", 1},
    {"device", KEY_DEVICE, "NAME", 0, "an FPGA of the table", 1},
    {"list-devices", KEY_LIST, 0, 0, "prints the table of FPGAs", 1},
    {"estimate", KEY_ESTIMATE, 0, 0, "runs no tools: Tern's resource model alone, in milliseconds", 1},
    {"no-place", KEY_NO_PLACE, 0, 0, "runs Yosys, but not nextpnr", 1},
    {"time-limit", KEY_LIMIT, "SECONDS", 0, "for each tool (default 1800)", 1},
    {"toggles", KEY_TOGGLES, "FILE", OPTION_ARG_OPTIONAL,
     "counts toggles for the energy in a simulation of the project; or takes those in FILE, the coverage.dat "
     "of a simulation of the project built with verilator --coverage-toggle",
     1},
    {"output", 'o', "DIR", 0, "keeps the project, and writes report.txt, report.json and report.html there",
     1},
    {"json", KEY_JSON, "FILE", 0,
     "writes the report as JSON to FILE, which the other commands' --json does not take: '-' is standard "
     "output, in "
     "place of the text",
     1},
    {"html", KEY_HTML, "FILE", 0, "writes the report as a page with a drawing of the units", 1},
    {"quiet", 'q', 0, 0, "does not print the report as text, nor what took how long", 1},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct synth *s = state->input;
  char *end;
  long n;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &s->job;
    state->child_inputs[1] = &s->hardware;
    break;
  case KEY_DEVICE: s->device = arg; break;
  case KEY_LIST: device_list(stdout); exit(fflush(stdout) ? 1 : 0);
  case KEY_ESTIMATE: s->estimate = true; break;
  case KEY_NO_PLACE: s->no_place = true; break;
  case KEY_JSON: s->json = arg; break;
  case KEY_HTML: s->html = arg; break;
  case KEY_TOGGLES:
    s->toggles = arg;
    s->simulate = !arg;
    break;
  case KEY_LIMIT:
    n = strtol(arg, &end, 10);
    if (!*arg || *end || n < 1 || n > 1000000)
      argp_error(state, "--time-limit takes a number of seconds, got '%s'", arg);
    s->limit = (int)n;
    break;
  case 'o': s->output = arg; break;
  case 'q': s->quiet = true; break;
  case ARGP_KEY_ARG:
    if (s->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    s->job.options.spec = arg;
    break;
  case ARGP_KEY_END:
    if (!s->job.options.spec && !s->job.options.weights)
      argp_error(
          state,
          "a SPEC (a .tern file) is expected, or --weights DIR whose config.json tells of a shipped one");
    if (!s->device)
      argp_error(state, "--device NAME is expected (--list-devices shows them)");
    if (s->estimate && s->simulate)
      argp_error(state, "--estimate runs no tools; give --toggles a FILE");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* ---- the report's files -------------------------------------------------------------------------------- */

static bool write_report(struct synth *s, const struct hw_report *r, const char *path,
                         void (*print)(const struct hw_report *, FILE *)) {
  struct output out;
  if (!output_open(&out, &s->job.diag, path))
    return false;
  print(r, out.file);
  return output_close(&out, false);
}

static bool write_all(struct synth *s, const struct hw_report *r) {
  struct arena *a = &s->job.arena;
  bool silent = s->quiet || (s->json && strcmp(s->json, "-") == 0);
  bool ok = silent || write_report(s, r, "-", report_text);
  if (s->json)
    ok = ok && write_report(s, r, s->json, report_json);
  if (s->html)
    ok = ok && write_report(s, r, s->html, report_html);
  if (s->output)
    ok = ok && write_report(s, r, arena_printf(a, "%s/report.txt", s->output), report_text) &&
         write_report(s, r, arena_printf(a, "%s/report.json", s->output), report_json) &&
         write_report(s, r, arena_printf(a, "%s/report.html", s->output), report_html);
  return ok;
}

static bool write_reports(struct synth *s, const struct hw_report *r) {
  outputs_begin();
  return outputs_end(&s->job.diag, write_all(s, r));
}

/* ---- the work ------------------------------------------------------------------------------------------ */

/* Yosys and nextpnr on the written project. What the tools leave behind goes with the scratch folder. */
static bool run_tools(struct synth *s, struct hw_report *r, const char *project) {
  struct diag *d = &s->job.diag;
  char *scratch = scratch_make(&s->job.diag, &s->job.arena);
  struct synth_run run = {.project = project, .scratch = scratch, .limit = s->limit};
  bool ok = scratch && (!s->simulate || activity_simulate(d, r, &run)) && synth_yosys(d, r, &run) &&
            (s->no_place || !report_fits(r) || synth_place(d, r, &run));
  scratch_remove(scratch);
  return ok;
}

static bool with_tools(struct synth *s, struct hw_report *r, const struct accelerator *h) {
  char *scratch = s->output ? NULL : scratch_make(&s->job.diag, &s->job.arena);
  const char *project = s->output ? s->output : scratch;
  bool ok = project && output_folder(&s->job.diag, project) && h->machine->write(&s->job, h, project) &&
            run_tools(s, r, project);
  scratch_remove(scratch);
  return ok;
}

/* What the tools took, beside the model; not in the report, whose bytes are the same every time. */
static void say_times(struct synth *s, const struct hw_report *r) {
  const char *text = arena_printf(r->arena, "the model took %.2g ms", r->model_seconds * 1e3);
  for (int i = 0; i < r->tools.n; i++)
    text = arena_printf(r->arena, "%s, %s %.1f s", text, r->tools.at[i].name, r->tools.at[i].seconds);
  if (r->tools.n && !s->quiet)
    diag_note(&s->job.diag, "%s", text);
}

/* A design that the model finds far too large is not given to the tools: they would take long to say the
 * same. */
static bool work(struct synth *s) {
  struct job *j = &s->job;
  const struct device *device = device_find(&j->diag, s->device);
  const struct machine *machine = device ? machine_for(j, &s->hardware) : NULL;
  struct accelerator h = {.machine = machine};
  if (!machine || !machine->plan(j, &s->hardware.options, &h))
    return false;
  struct hw_report *r = report_new(&j->arena, h.inventory, device);
  if (s->toggles && !activity_read(&j->diag, r, s->toggles))
    return false;
  if (s->estimate || !report_close(r)) {
    if (s->output && !output_folder(&s->job.diag, s->output))
      return false;
  } else if (!with_tools(s, r, &h))
    return false;
  say_times(s, r);
  report_rates(r);
  bool written = write_reports(s, r), fits = report_check(&j->diag, r);
  if (!fits && machine->narrower)
    machine->narrower(&j->diag, &h, r);
  return fits && written;
}

static const struct argp_child children[] = {
    {&compile_hardware_argp, 0, NULL, 0}, {&hardware_argp, 0, NULL, 0}, {0}};
const struct argp synth_argp = {
    options,  parse, "[SPEC]", "Reports on a model as hardware on an FPGA. " SPEC_LEFT_OUT,
    children, NULL,  NULL};

int synth_main(int argc, char **argv) {
  struct synth s = {.limit = 1800};
  job_start(&s.job);
  argp_parse(&synth_argp, argc, argv, 0, NULL, &s);
  return job_end(&s.job, work(&s) ? 0 : 1);
}
