/* team.c: threads that meet. Both the start of a call and a barrier inside one are a `gate`: a counter that
 * waiting threads watch, first by spinning, then asleep on a condition variable.
 *
 * No wake-up is lost: a waiter counts itself as a sleeper before it looks at the counter for the last time,
 * the opener moves the counter before it looks for sleepers, and all four accesses are sequentially
 * consistent, so at least one of the two sees the other. */
#include "runtime/core/team.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/machine.h"

enum {
  SPIN_US = 1000,    /* a wake-up takes up to 200 where a virtual machine's processor has to be woken too */
  ALONE_US = 50,     /* of these, without letting others run */
  SPINS_A_LOOK = 32, /* pauses between two looks at the clock */
  YIELDS = 4,        /* instead of spinning, where threads share processors */
  STACK_BYTES = 2 << 20 /* the same on every libc */
};

struct gate {
  _Alignas(64) _Atomic uint32_t turn; /* apart from its neighbours: every waiter reads this line */
  _Atomic uint32_t sleepers;
};

struct team {
  struct gate calls, meetings;
  _Alignas(64) _Atomic uint32_t arrived;
  _Atomic uint32_t joined; /* gives each worker its number */
  uint32_t threads, started;
  bool crowded; /* more threads than processors */
  bool running; /* in a call, as the caller sees it */
  pid_t owner;  /* whose threads the workers are; a forked child has none */
  pthread_mutex_t lock;
  pthread_cond_t opened;
  tern_run *run; /* of the present call; NULL: leave */
  const struct tern_args *args;
  pthread_t workers[TEAM_MOST];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

static bool is_open(struct gate *g, uint32_t seen) {
  return atomic_load_explicit(&g->turn, memory_order_acquire) != seen;
}

/* True when the gate opened within the time; does not sleep. */
static bool spin(const struct team *t, struct gate *g, uint32_t seen) {
  for (int i = 0; t->crowded && i < YIELDS; i++) {
    if (is_open(g, seen))
      return true;
    sched_yield();
  }
  for (double end = 0; !t->crowded;) {
    for (int i = 0; i < SPINS_A_LOOK; i++) {
      if (is_open(g, seen))
        return true;
      pause_briefly();
    }
    double now = seconds_now();
    end = end > 0 ? end : now + SPIN_US * 1e-6;
    if (now >= end)
      break;
    if (now >= end - (SPIN_US - ALONE_US) * 1e-6)
      sched_yield();
  }
  return is_open(g, seen);
}

static void gate_wait(struct team *t, struct gate *g, uint32_t seen) {
  if (spin(t, g, seen))
    return;
  pthread_mutex_lock(&t->lock);
  atomic_fetch_add(&g->sleepers, 1);
  while (atomic_load(&g->turn) == seen)
    pthread_cond_wait(&t->opened, &t->lock);
  atomic_fetch_sub(&g->sleepers, 1);
  pthread_mutex_unlock(&t->lock);
}

static void gate_open(struct team *t, struct gate *g) {
  atomic_fetch_add(&g->turn, 1);
  if (atomic_load(&g->sleepers) == 0)
    return;
  pthread_mutex_lock(&t->lock);
  pthread_cond_broadcast(&t->opened);
  pthread_mutex_unlock(&t->lock);
}

/* The last to arrive opens the gate. The turn cannot move between reading it and arriving, because it takes
 * this thread's arrival to move it. */
static void team_barrier(void *team) {
  struct team *t = team;
  uint32_t seen = atomic_load(&t->meetings.turn);
  if (atomic_fetch_add(&t->arrived, 1) + 1 == t->threads) {
    atomic_store(&t->arrived, 0);
    gate_open(t, &t->meetings);
  } else {
    gate_wait(t, &t->meetings, seen);
  }
}

static void *work(void *team) {
  struct team *t = team;
  uint32_t thread = atomic_fetch_add(&t->joined, 1) + 1;
  for (uint32_t call = 0;; call++) {
    gate_wait(t, &t->calls, call);
    if (!t->run)
      return NULL;
    t->run(t->args, thread, t->threads);
    team_barrier(t);
  }
}

void team_run(struct team *t, tern_run *run, struct tern_args *args) {
  args->team = t;
  args->barrier = t->threads > 1 ? team_barrier : NULL;
  t->running = true;
  if (t->threads == 1) {
    run(args, 0, 1);
  } else {
    t->run = run;
    t->args = args;
    gate_open(t, &t->calls);
    run(args, 0, t->threads);
    team_barrier(t);
  }
  t->running = false;
}

int thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *with) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(thread, attributes, run, with);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return error;
}

/* Those that wait between calls. */
static void stop_workers(struct team *t) {
  t->run = NULL;
  gate_open(t, &t->calls);
  for (uint32_t i = 0; i < t->started; i++)
    pthread_join(t->workers[i], NULL);
  t->started = 0;
}

/* As if no thread had ever been: the lock may be one that a worker of the parent held. */
static void begin(struct team *t) {
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->opened, NULL);
  atomic_store(&t->calls.turn, 0);
  atomic_store(&t->calls.sleepers, 0);
  atomic_store(&t->meetings.turn, 0);
  atomic_store(&t->meetings.sleepers, 0);
  atomic_store(&t->arrived, 0);
  atomic_store(&t->joined, 0);
  t->started = 0;
}

static bool start_workers(struct team *t, struct failure *f) {
  pthread_attr_t attributes;
  begin(t);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int error = 0;
  while (t->started + 1 < t->threads && error == 0) {
    error = thread_start(&t->workers[t->started], &attributes, work, t);
    t->started += error == 0;
  }
  pthread_attr_destroy(&attributes);
  t->owner = getpid();
  if (error == 0)
    return true;
  fail_with(f, "cannot start thread %u: %s; ask for fewer threads", t->started + 2, strerror(error));
  stop_workers(t);
  t->owner = 0;
  return false;
}

struct team *team_open(uint32_t threads, struct failure *f) {
  if (threads < 1 || threads > TEAM_MOST) {
    fail_with(f, "%u threads: from 1 to %d are possible", threads, TEAM_MOST);
    return NULL;
  }
  struct team *t = aligned_zeros(sizeof *t);
  if (!t) {
    fail_memory(f, sizeof *t, "the team of threads");
    return NULL;
  }
  t->threads = threads;
  t->crowded = threads > team_processors();
  if (start_workers(t, f))
    return t;
  free(t);
  return NULL;
}

bool team_ready(struct team *t, struct failure *f) {
  if (t->running)
    return fail_with(
        f, "a call is in the middle of this state, of another thread or of the process that this one was "
           "forked from; open a sequence for each");
  return t->threads == 1 || t->owner == getpid() || start_workers(t, f);
}

void team_close(struct team *t) {
  if (!t)
    return;
  if (t->owner == getpid()) {
    stop_workers(t);
    pthread_cond_destroy(&t->opened);
    pthread_mutex_destroy(&t->lock);
  }
  free(t);
}

uint32_t team_threads(const struct team *t) {
  return t->threads;
}

uint32_t team_processors(void) {
  uint32_t n = machine_processors("");
  return n > TEAM_MOST_BY_DEFAULT ? TEAM_MOST_BY_DEFAULT : n;
}
