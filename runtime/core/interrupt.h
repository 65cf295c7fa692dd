/* interrupt.h: signals that ask for an end, as a question that long loops ask, so that they end tidily. */
#ifndef TERN_RUNTIME_INTERRUPT_H
#define TERN_RUNTIME_INTERRUPT_H

#include "runtime/core/base.h"

#include <signal.h>

enum {
  INTERRUPTED_STATUS = 130, /* what a shell reports for a program ended by SIGINT */
  CAUGHT_SIGNALS = 6
};

struct interrupts {
  struct sigaction before[CAUGHT_SIGNALS];
};

/* Catches SIGINT, SIGTERM, SIGHUP and SIGQUIT; the second one removes unfinished outputs (output.h) and ends
 * the program as usual. Ignores SIGPIPE and SIGXFSZ, so that a write fails instead, with EPIPE or EFBIG. The
 * release puts back what was there; `old` has to last until then. */
void interrupts_catch(struct interrupts *old);
void interrupts_release(const struct interrupts *old);

bool interrupted(void);

#endif
