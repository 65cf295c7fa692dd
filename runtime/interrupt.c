/* interrupt.c: a signal handler can only reach a global, so here is the runtime's one. */
#include "interrupt.h"

#include <string.h>

static volatile sig_atomic_t caught;

static const int numbers[] = {SIGINT, SIGTERM, SIGPIPE};
_Static_assert(sizeof numbers / sizeof *numbers ==
                   sizeof((struct interrupts *)0)->before / sizeof(struct sigaction),
               "every signal's former action is kept");

static void on_signal(int number) {
  (void)number;
  caught = 1;
}

void interrupts_catch(struct interrupts *old) {
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  caught = 0;
  sigemptyset(&stop.sa_mask);
  sigemptyset(&ignore.sa_mask);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], numbers[i] == SIGPIPE ? &ignore : &stop, &old->before[i]);
    if (old->before[i].sa_handler == SIG_IGN) /* started in the background, or by nohup */
      sigaction(numbers[i], &ignore, NULL);
  }
}

void interrupts_release(const struct interrupts *old) {
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    sigaction(numbers[i], &old->before[i], NULL);
}

bool interrupted(void) {
  return caught != 0;
}
