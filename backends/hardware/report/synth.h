/* synth.h: Yosys and nextpnr on a project: what they count goes into the report. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_SYNTH_H
#define TERN_BACKENDS_HARDWARE_REPORT_SYNTH_H

#include "backends/hardware/report/hw_report.h"

struct synth_run {
  const char *project; /* folder with rtl/ */
  const char *scratch; /* for scripts, netlists and logs; exists */
  double limit;        /* seconds for each tool */
};

/* Yosys with the hierarchy of units kept: resources by unit. False after a diagnostic: Yosys is missing,
 * failed or took too long. */
bool synth_yosys(struct diag *d, struct hw_report *r, const struct synth_run *run);

/* Yosys without hierarchy, then nextpnr, where the device has one: clock, critical path, resources as placed.
 * Where nextpnr is not on the PATH a remark says so and true is returned. More top-level bits than the
 * package has pins are folded into shift registers by a harness, and the report says so. */
bool synth_place(struct diag *d, struct hw_report *r, const struct synth_run *run);

/* Yosys without hierarchy: the scratch folder gets netlist.json. `top` is the design's, or a module of the
 * scratch folder. After synth_yosys. */
bool synth_flat(struct diag *d, struct hw_report *r, const struct synth_run *run, const char *top);

/* ---- parsers, on their own for tests ------------------------------------------------------------------- */
/* The output of Yosys' `stat`: cells of the units' instances and of the top module. */
bool synth_parse_stat(struct hw_report *r, const char *text);
/* nextpnr's --report. False if it is no such report. */
bool synth_parse_timing(struct hw_report *r, const char *json, size_t length);
/* The unit of a cell or net of the flattened design; NULL: the top module's own. */
const struct inv_unit *synth_unit_of(const struct inventory *v, const char *name);

#endif
