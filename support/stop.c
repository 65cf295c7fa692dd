/* stop.c: signals and exit. A handler runs on the main thread only: while it cleans up, that thread makes no
 * new files. */
#include "support/stop.h"

#include "runtime/core/files.h"
#include "support/process.h"
#include "support/scratch.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void clean_up(void) {
  process_abandon();
  scratch_abandon();
  written_abandon();
}

static void on_signal(int number) {
  if (gettid() != getpid()) {
    tgkill(getpid(), getpid(), number);
    return;
  }
  clean_up();
  signal(number, SIG_DFL);
  raise(number); /* comes when this returns */
}

/* LLVM's libraries end so when there is no memory: with some words of theirs. */
static void on_abort(int number) {
  static const char line[] = "ternc: error: out of memory, or a fault of the compiler: see the line above\n";
  (void)number;
  clean_up();
  _exit(write(STDERR_FILENO, line, sizeof line - 1) < 0 ? 2 : 1);
}

/* A fault belongs to the thread that has it. */
static void on_fault(int number) {
  clean_up();
  signal(number, SIG_DFL);
  raise(number);
}

static void catch (int number, void (*handler)(int)) {
  struct sigaction a = {.sa_handler = handler}, before;
  sigfillset(&a.sa_mask);
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
    sigaction(number, &a, NULL);
}

static void at_exit(void) {
  struct failure f = {0};
  bool ok = stdout_is_told() || stdout_finish(&f);
  clean_up();
  if (ok)
    return;
  fprintf(stderr, "ternc: error: %s\n", f.text);
  _exit(1);
}

void stop_prepare(void) {
  static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGXCPU, SIGUSR1, SIGUSR2};
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  streams_fill();
  signal(SIGXFSZ, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
    catch (stops[i], on_signal);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    catch (faults[i], on_fault);
  catch (SIGABRT, on_abort);
  atexit(at_exit);
}
