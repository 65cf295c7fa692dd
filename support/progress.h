/* progress.h: what is being done, for work that takes seconds: a line that names the stage, or a bar where
 * the amount of work is known. Both are drawn on standard error when that is a terminal, bars at most ten
 * times a second, and erased at the end; elsewhere nothing is ever written. */
#ifndef TERN_SUPPORT_PROGRESS_H
#define TERN_SUPPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
  const char *title;
  uint64_t total, done;   /* in any one unit: bytes, weights */
  int64_t started, drawn; /* nanoseconds of the monotonic clock; drawn 0: nothing on the screen */
  bool visible;
};

/* Only one bar at a time, and only one thread may move it. `title` is not copied. */
void progress_start(struct progress *p, const char *title, uint64_t total);
void progress_add(struct progress *p, uint64_t amount);
void progress_end(struct progress *p);

/* The stage that begins now, e.g. "compiling the code"; it takes the place of the one before. The cursor
 * stays at the start of the line, so that what another program writes there covers it. */
void progress_stage(const char *text);
/* Erases the stage. Whoever writes to the terminal calls it first; diagnostics do. */
void progress_clear(void);

#endif
