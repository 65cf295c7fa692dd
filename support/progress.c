/* progress.c: draws "title [####....]  42 %, 7 s left" over itself with a carriage return, or "stage ...". */
#include "support/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };
static const int64_t second = 1000000000, shortest_wait = 100000000;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * second + t.tv_nsec;
}

static void draw(const struct progress *p, int64_t time) {
  double part = p->total ? (double)p->done / (double)p->total : 1;
  if (part > 1)
    part = 1;
  int filled = (int)(part * BAR_WIDTH);
  fprintf(stderr, "\r%s [%.*s%.*s] %3d %%", p->title, filled, "##############################",
          BAR_WIDTH - filled, "..............................", (int)(part * 100));
  if (part > 0.01) /* before that the estimate jumps about */
    fprintf(stderr, ", %.0f s left", (double)(time - p->started) / 1e9 * (1 - part) / part);
  fputs("\033[K", stderr);
  fflush(stderr);
}

static bool staged; /* a stage is on the screen */

void progress_stage(const char *text) {
  enum { WIDTH = 76 }; /* a longer line would break, and could not be erased */
  if (!isatty(STDERR_FILENO))
    return;
  fprintf(stderr, "\r\033[K%.*s ...\r", WIDTH, text);
  fflush(stderr);
  staged = true;
}

void progress_clear(void) {
  if (staged)
    fputs("\r\033[K", stderr);
  staged = false;
}

void progress_start(struct progress *p, const char *title, uint64_t total) {
  progress_clear();
  *p = (struct progress){.title = title, .total = total, .started = now(), .visible = isatty(STDERR_FILENO)};
}

void progress_add(struct progress *p, uint64_t amount) {
  p->done += amount;
  if (!p->visible)
    return;
  int64_t time = now();
  if (time - (p->drawn ? p->drawn : p->started) < shortest_wait)
    return;
  p->drawn = time;
  draw(p, time);
}

void progress_end(struct progress *p) {
  if (p->visible && p->drawn) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
  }
  p->visible = false;
}
