/* activity.h: how often bits change, from a simulation. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_ACTIVITY_H
#define TERN_BACKENDS_HARDWARE_REPORT_ACTIVITY_H

#include "backends/hardware/report/synth.h"

/* Reads the coverage.dat that a simulation built with `verilator --coverage-toggle` writes, and sets the
 * activity of each unit: toggles a bit and clock, the mean over the signals of its instance. The clock's own
 * toggles tell how many clocks there were. False after a diagnostic. */
bool activity_read(struct diag *d, struct hw_report *r, const char *path);
/* The same from text. `name` is used in diagnostics. */
bool activity_parse(struct diag *d, struct hw_report *r, const char *name, const char *text);

/* Builds the project's test bench with Verilator so that toggles are counted, runs it on the project's
 * vectors, reads the counts, and takes the clocks of a step into the report. False after a diagnostic. */
bool activity_simulate(struct diag *d, struct hw_report *r, const struct synth_run *run);

#endif
