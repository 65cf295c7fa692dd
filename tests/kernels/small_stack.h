/* small_stack.h: runs a check on a thread with as little stack as runtime/library/library.h says is enough.
 */
#ifndef TERN_TESTS_SMALL_STACK_H
#define TERN_TESTS_SMALL_STACK_H

#include <pthread.h>
#include <stdbool.h>

#ifdef __SANITIZE_ADDRESS__
enum { SMALL_STACK = 2 << 20 };
#else
enum { SMALL_STACK = 1 << 20 };
#endif

static inline void *small_stack_thread(void *check) {
  (*(void (**)(void))check)();
  return 0;
}

/* False: there is no such thread, and the check did not run. */
static inline bool on_small_stack(void (*check)(void)) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, SMALL_STACK);
  bool ok = pthread_create(&thread, &attributes, small_stack_thread, &check) == 0;
  if (ok)
    pthread_join(thread, 0);
  pthread_attr_destroy(&attributes);
  return ok;
}

#endif
