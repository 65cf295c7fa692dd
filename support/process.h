/* process.h: programs of others. Each leads a group of its own, which ends with it: when it fails, is too
 * slow, or this process is ended by a signal. Its temporary files go to the newest scratch folder. */
#ifndef TERN_SUPPORT_PROCESS_H
#define TERN_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

enum process_end { PROCESS_DONE, PROCESS_MISSING, PROCESS_FAILED, PROCESS_TIMED_OUT };

struct process_result {
  enum process_end end;
  int status; /* PROCESS_FAILED: exit status, or, negative, the signal that ended it */
  double seconds;
};

/* Runs argv[0], searched on the PATH, and waits. argv ends with NULL. `dir`: the folder it runs in; NULL:
 * this one. `log`: the file that its output and errors go to, made anew; NULL: where ours go. After `limit`
 * seconds (0: never) it is stopped. Reports nothing. */
struct process_result process_run(const char *const argv[], const char *dir, const char *log, double limit);

/* Whether a program is on the PATH. */
bool process_exists(const char *name);

/* Ends the program that runs, and all that it has started, and waits for their end. May be called by a signal
 * handler that then ends the process. */
void process_abandon(void);

#endif
