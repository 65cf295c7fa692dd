/* interrupt.h: Ctrl-C and SIGTERM as a question that long loops ask, so that they end tidily. */
#ifndef TERN_RUNTIME_INTERRUPT_H
#define TERN_RUNTIME_INTERRUPT_H

#include "base.h"

#include <signal.h>

enum { INTERRUPTED_STATUS = 130 }; /* what a shell reports for a program ended by SIGINT */

struct interrupts {
  struct sigaction before[3];
};

/* Catches SIGINT and SIGTERM (the second one ends the program as usual) and ignores SIGPIPE, so that a write
 * fails with EPIPE instead. The release puts back what was there. */
void interrupts_catch(struct interrupts *old);
void interrupts_release(const struct interrupts *old);

bool interrupted(void);

#endif
