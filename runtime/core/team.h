/* team.h: a fixed number of threads that enter an entry of the model together.
 *
 * The caller is thread 0; the others wait between calls. Who waits first spins for a millisecond, which is
 * longer than the kernels of a step differ by and picking a token takes, and then sleeps; after some tens of
 * microseconds it lets others run between two looks. Where a team has more threads than processors it yields
 * a few times and sleeps. A team of one uses no synchronisation. */
#ifndef TERN_RUNTIME_TEAM_H
#define TERN_RUNTIME_TEAM_H

#include "runtime/core/base.h"

#include <pthread.h>

#include "runtime/model.h"

enum { TEAM_MOST = 256, TEAM_MOST_BY_DEFAULT = 64 };

struct team;

/* threads: 1 .. TEAM_MOST. */
struct team *team_open(uint32_t threads, struct failure *f);
void team_close(struct team *t);
uint32_t team_threads(const struct team *t);

/* Before a call, or several: starts new workers in a process that was forked after the team was opened, where
 * there are none. False when they cannot be started, or when a call is under way, as it may have been when
 * the process was forked. */
bool team_ready(struct team *t, struct failure *f);

/* Runs `run` on all threads and returns when every one has left it; sets args->barrier and args->team. A
 * team serves one call at a time. */
void team_run(struct team *t, tern_run *run, struct tern_args *args);

/* Processors that this process can keep busy (machine.h), 1 .. TEAM_MOST_BY_DEFAULT. */
uint32_t team_processors(void);

/* pthread_create, with what it returns, for a thread that blocks all signals: they are for the thread that
 * the program runs on. */
int thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *with);

#endif
