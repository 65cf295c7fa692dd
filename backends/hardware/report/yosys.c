/* yosys.c: resources by unit, counted by Yosys.
 *
 * `uniquify` names the module of every instance after its path, so that a unit's module is found by the
 * unit's path; units keep their hierarchy, all else is flattened. Between mapping of registers and of LUTs
 * identical cells are joined: Yosys 0.23 otherwise leaves an inverter a register where reset is active low.
 */
#include "backends/hardware/report/synth.h"
#include "backends/hardware/report/tool.h"

#include "support/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the scripts --------------------------------------------------------------------------------------- */

static void print_synth(const struct hw_report *r, const char *top, FILE *out) {
  const char *synth = r->device->family->synth;
  fprintf(out, "%s -top %s -run begin:map_luts\n", synth, top);
  fprintf(out, "opt_merge\n");
  fprintf(out, "%s -top %s -run map_luts:\n", synth, top);
}

static bool write_units_script(struct diag *d, const struct hw_report *r, const struct synth_run *run) {
  struct output out;
  if (!output_open(&out, d, arena_printf(r->arena, "%s/units.ys", run->scratch)))
    return false;
  fprintf(out.file, "read_verilog rtl/*.v\nhierarchy -check -top %s\n", r->design->top);
  fprintf(out.file, "tee -o ports.txt portlist %s\nuniquify\n", r->design->top);
  for (int i = 0; i < r->design->units.n; i++)
    if (*r->design->units.at[i]->path)
      fprintf(out.file, "setattr -mod -set keep_hierarchy 1 %s.%s\n", r->design->top,
              r->design->units.at[i]->path);
  print_synth(r, r->design->top, out.file);
  fprintf(out.file, "tee -o stat.txt stat -top %s\n", r->design->top);
  return output_close(&out, false);
}

static bool write_flat_script(struct diag *d, const struct hw_report *r, const struct synth_run *run,
                              const char *top) {
  struct output out;
  if (!output_open(&out, d, arena_printf(r->arena, "%s/flat.ys", run->scratch)))
    return false;
  fprintf(out.file, "read_verilog rtl/*.v\n");
  if (strcmp(top, r->design->top) != 0)
    fprintf(out.file, "read_verilog %s.v\n", top);
  fprintf(out.file, "hierarchy -check -top %s\n", top);
  print_synth(r, top, out.file);
  fprintf(out.file, "write_json netlist.json\n");
  return output_close(&out, false);
}

/* ---- running it ---------------------------------------------------------------------------------------- */

bool tool_diagnose(struct diag *d, struct hw_report *r, struct process_result end, const char *name,
                   const char *package, const char *log, double limit) {
  switch (end.end) {
  case PROCESS_DONE:
    vec_push(r->arena, r->tools, (struct tool_use){.name = name, .seconds = end.seconds});
    return true;
  case PROCESS_MISSING:
    diag_error(d, "'%s' is not on the PATH; install it (Debian: apt-get install %s), or use --estimate", name,
               package);
    return false;
  case PROCESS_TIMED_OUT:
    diag_error(d, "'%s' was stopped after %.0f s; give it more with --time-limit, or use --estimate", name,
               limit);
    return false;
  default:
    if (end.status < 0)
      diag_error(d, "'%s' was ended by signal %d after %.0f s", name, -end.status, end.seconds);
    else
      diag_error(d, "'%s' failed (status %d): %s", name, end.status, tool_message(r->arena, log));
    return false;
  }
}

/* The tools work in the scratch folder, where rtl is the project's. */
static bool link_project(struct diag *d, struct hw_report *r, const struct synth_run *run) {
  const char *link = arena_printf(r->arena, "%s/rtl", run->scratch);
  char *project = realpath(run->project, NULL);
  bool ok = project && (symlink(arena_printf(r->arena, "%s/rtl", project), link) == 0 || errno == EEXIST);
  if (!ok)
    diag_error(d, "%s: %s", project ? link : run->project, strerror(errno));
  free(project);
  return ok;
}

static bool run_yosys(struct diag *d, struct hw_report *r, const struct synth_run *run, const char *script) {
  const char *file = arena_printf(r->arena, "%s.ys", script);
  const char *log = arena_printf(r->arena, "%s/%s.log", run->scratch, script);
  const char *argv[] = {"yosys", "-q", "-s", file, NULL};
  struct process_result end = process_run(argv, run->scratch, log, run->limit);
  return tool_diagnose(d, r, end, "yosys", "yosys", log, run->limit);
}

bool synth_yosys(struct diag *d, struct hw_report *r, const struct synth_run *run) {
  size_t n;
  if (!link_project(d, r, run) || !write_units_script(d, r, run) || !run_yosys(d, r, run, "units"))
    return false;
  const char *path = arena_printf(r->arena, "%s/stat.txt", run->scratch);
  char *text = file_read(d, r->arena, path, (size_t)1 << 28, &n);
  if (!text)
    return false;
  if (synth_parse_stat(r, text))
    return true;
  diag_error(d, "yosys ran, but its statistics have no module '%s'", r->design->top);
  return false;
}

bool synth_flat(struct diag *d, struct hw_report *r, const struct synth_run *run, const char *top) {
  return write_flat_script(d, r, run, top) && run_yosys(d, r, run, "flat");
}

/* ---- its statistics ------------------------------------------------------------------------------------ */

/* The unit whose module this is: TOP or TOP.PATH; -1: none. */
static int unit_of_module(const struct hw_report *r, const char *module) {
  size_t n = strlen(r->design->top);
  if (strncmp(module, r->design->top, n) != 0 || (module[n] && module[n] != '.'))
    return -1;
  const char *path = module[n] ? module + n + 1 : "";
  for (int i = 0; i < r->design->units.n; i++)
    if (strcmp(r->design->units.at[i]->path, path) == 0)
      return i;
  return -1;
}

/* Statistics do not tell which flip-flops share cells with LUTs: as many as in the model do not. */
static void count_cells(struct unit_report *u) {
  double lone = u->model.of[RES_CELL] - u->model.of[RES_LUT];
  if (u->model.of[RES_CELL] > 0)
    u->synthesised.of[RES_CELL] = u->synthesised.of[RES_LUT] + lone;
}

bool synth_parse_stat(struct hw_report *r, const char *text) {
  int unit = -1;
  bool any = false, inside = false;
  r->total.synthesised = (struct resources){0};
  for (int i = 0; i < r->units.n; i++)
    r->units.at[i].synthesised = (struct resources){0};
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    char name[512], type[512];
    long long count;
    if (sscanf(line, "=== %511s ===", name) == 1) {
      inside = strcmp(name, "design") != 0;
      unit = inside ? unit_of_module(r, name) : -1;
      any = any || strcmp(name, r->design->top) == 0;
      if (unit >= 0)
        r->units.at[unit].has_synthesised = true;
      continue;
    }
    enum resource what;
    double amount;
    if (!inside || strncmp(line, "     ", 5) != 0 || sscanf(line, "%511s %lld", type, &count) != 2 ||
        !device_cell(r->device->family, type, &what, &amount))
      continue;
    r->total.synthesised.of[what] += amount * (double)count;
    if (unit >= 0)
      r->units.at[unit].synthesised.of[what] += amount * (double)count;
  }
  for (int i = 0; i <= r->units.n; i++)
    count_cells(i < r->units.n ? &r->units.at[i] : &r->total);
  r->total.has_synthesised = any;
  return any;
}
