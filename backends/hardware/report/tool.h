/* tool.h: what a program of others said, and how it ended (support/process.h). */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_TOOL_H
#define TERN_BACKENDS_HARDWARE_REPORT_TOOL_H

#include "backends/hardware/report/hw_report.h"
#include "support/process.h"

/* The last line of a log that begins with "ERROR", else its last line that is not empty; "" if it has none.
 */
const char *tool_message(struct arena *a, const char *log);
/* A tool's end: notes its time in the report; false after a diagnostic that says what to do. */
bool tool_diagnose(struct diag *d, struct hw_report *r, struct process_result end, const char *name,
                   const char *package, const char *log, double limit);

#endif
