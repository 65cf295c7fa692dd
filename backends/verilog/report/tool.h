/* tool.h: runs a program of others in a folder, with a time limit and its output in a file. */
#ifndef TERN_BACKENDS_VERILOG_REPORT_TOOL_H
#define TERN_BACKENDS_VERILOG_REPORT_TOOL_H

#include "backends/verilog/report/report.h"

enum tool_end { TOOL_DONE, TOOL_MISSING, TOOL_FAILED, TOOL_TIMED_OUT };

struct tool_result {
  enum tool_end end;
  int status; /* TOOL_FAILED: exit status, or, negative, the signal that ended it */
  double seconds;
};

/* argv[0] is searched on the PATH; argv ends with NULL. Output and errors go to the file `log`; the program
 * runs in `dir`. After `limit` seconds it is stopped with all its children. Reports nothing. */
struct tool_result tool_run(const char *const argv[], const char *dir, const char *log, double limit);
/* Whether a program is on the PATH. */
bool tool_exists(const char *name);
/* The last line of a log that begins with "ERROR", else its last line that is not empty; "" if it has none.
 */
const char *tool_message(struct arena *a, const char *log);
/* A tool's end: notes its time in the report; false after a diagnostic that says what to do. */
bool tool_diagnose(struct diag *d, struct hw_report *r, struct tool_result end, const char *name,
                   const char *package, const char *log, double limit);

#endif
