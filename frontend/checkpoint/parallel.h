/* parallel.h: independent units of work over threads. */
#ifndef TERN_FRONTEND_CHECKPOINT_PARALLEL_H
#define TERN_FRONTEND_CHECKPOINT_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

/* Called once a unit, in any order, by any thread; scratch is that thread's own, zeroed when the thread
 * starts. */
typedef void parallel_work(void *context, int64_t unit, void *scratch);

/* Does units 0 .. units - 1, and returns when all are done. With threads that cannot be started it does with
 * fewer. */
void parallel_run(int64_t units, int threads, size_t scratch_bytes, parallel_work *work, void *context);

#endif
