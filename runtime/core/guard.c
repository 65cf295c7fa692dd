/* guard.c: the handler, and the line it prints, made beforehand. */
#include "runtime/core/guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/output.h"

static struct {
  const char *begin, *end;
  struct sigaction before;
  char line[640];
} guarded;

/* Another fault is the business of whoever was there before: it comes again when this returns. */
static void on_fault(int number, siginfo_t *info, void *context) {
  const char *at = info->si_addr;
  (void)context;
  if (at < guarded.begin || at >= guarded.end) {
    sigaction(number, &guarded.before, NULL);
    return;
  }
  written_abandon();
  ssize_t n = write(STDERR_FILENO, guarded.line, strlen(guarded.line));
  _exit(n < 0 ? 2 : 1);
}

void guard_begin(const void *base, size_t bytes, const char *program, const char *path) {
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  guarded.begin = base;
  guarded.end = guarded.begin + bytes;
  snprintf(guarded.line, sizeof guarded.line,
           "%.100s: error: %.300s: the weights cannot be read any more: the file was cut short or replaced "
           "while in use, or its disk failed\n",
           program, path);
  sigemptyset(&fault.sa_mask);
  sigaction(SIGBUS, &fault, &guarded.before);
}

void guard_end(void) {
  if (guarded.begin)
    sigaction(SIGBUS, &guarded.before, NULL);
  guarded.begin = guarded.end = NULL;
}
