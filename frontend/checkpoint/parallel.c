/* parallel.c: threads that take the next unit from a counter until there are none; the caller is one of them.
 */
#include "frontend/checkpoint/parallel.h"
#include "support/arena.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 256 };

struct crew {
  int64_t units;
  _Atomic int64_t next;
  size_t scratch_bytes;
  parallel_work *work;
  void *context;
};

static void *take_units(void *p) {
  struct crew *c = p;
  void *scratch = xmalloc(c->scratch_bytes);
  memset(scratch, 0, c->scratch_bytes);
  for (int64_t unit; (unit = atomic_fetch_add(&c->next, 1)) < c->units;)
    c->work(c->context, unit, scratch);
  free(scratch);
  return NULL;
}

void parallel_run(int64_t units, int threads, size_t scratch_bytes, parallel_work *work, void *context) {
  struct crew c = {.units = units, .scratch_bytes = scratch_bytes, .work = work, .context = context};
  pthread_t helpers[MOST_THREADS];
  int started = 0;
  int wanted = threads > MOST_THREADS ? MOST_THREADS : threads;
  while (started + 1 < wanted && started + 1 < units &&
         pthread_create(&helpers[started], NULL, take_units, &c) == 0)
    started++;
  take_units(&c);
  while (started)
    pthread_join(helpers[--started], NULL);
}
