/* interrupt.c: a signal handler can only reach globals, so here are the runtime's. */
#include "runtime/core/interrupt.h"

#include <string.h>

#include "runtime/core/output.h"

static volatile sig_atomic_t caught;
static const struct interrupts *former; /* while signals are caught */

static const struct {
  int number;
  bool ignore;
} rows[] = {{SIGINT, false},  {SIGTERM, false}, {SIGHUP, false},
            {SIGQUIT, false}, {SIGPIPE, true},  {SIGXFSZ, true}};
_Static_assert(sizeof rows / sizeof *rows == CAUGHT_SIGNALS, "every signal's former action is kept");

static void on_signal(int number) {
  if (caught++ == 0)
    return;
  written_abandon();
  for (int i = 0; i < CAUGHT_SIGNALS; i++)
    if (rows[i].number == number)
      sigaction(number, &former->before[i], NULL);
  raise(number); /* comes when this returns */
}

void interrupts_catch(struct interrupts *old) {
  struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
  caught = 0;
  former = old;
  sigfillset(&stop.sa_mask);
  sigemptyset(&ignore.sa_mask);
  for (int i = 0; i < CAUGHT_SIGNALS; i++) {
    sigaction(rows[i].number, rows[i].ignore ? &ignore : &stop, &old->before[i]);
    if (old->before[i].sa_handler == SIG_IGN) /* started in the background, or by nohup */
      sigaction(rows[i].number, &ignore, NULL);
  }
}

void interrupts_release(const struct interrupts *old) {
  for (int i = 0; i < CAUGHT_SIGNALS; i++)
    sigaction(rows[i].number, &old->before[i], NULL);
}

bool interrupted(void) {
  return caught != 0;
}
