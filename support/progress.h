/* progress.h: a progress bar for work that takes seconds. It is drawn on standard error when that is a
 * terminal, at most ten times a second, and erased at the end; elsewhere nothing is ever written. */
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

#endif
