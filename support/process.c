/* process.c: one at a time: a group of processes. What a program has started becomes ours when it ends before
 * them (ternc is a subreaper), so that their end can be waited for. */
#include "support/process.h"

#include "support/arena.h"
#include "support/progress.h"
#include "support/scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CANNOT_EXEC = 127, CANNOT_START = 126 };

static volatile pid_t running; /* the leader of the group; 0: none */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool process_exists(const char *name) {
  const char *path = getenv("PATH");
  if (strchr(name, '/'))
    return access(name, X_OK) == 0;
  while (path && *path) {
    size_t n = strcspn(path, ":");
    char full[4096];
    if (n > 0 && snprintf(full, sizeof full, "%.*s/%s", (int)n, path, name) < (int)sizeof full &&
        access(full, X_OK) == 0)
      return true;
    path += n + (path[n] == ':');
  }
  return false;
}

/* Our environment, with TMPDIR the newest scratch folder. */
static char **environment(struct arena *a) {
  const char *folder = scratch_newest();
  if (!folder)
    return environ;
  VEC(char *) all = {0};
  for (char **e = environ; *e; e++)
    if (strncmp(*e, "TMPDIR=", 7) != 0)
      vec_push(a, all, *e);
  vec_push(a, all, arena_printf(a, "TMPDIR=%s", folder));
  vec_push(a, all, NULL);
  return all.at;
}

static _Noreturn void child(const char *const argv[], char **env, const char *dir, const char *log,
                            const sigset_t *signals) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int s = 1; s < SIGRTMIN; s++) { /* caught ones would run our handler until exec */
    struct sigaction a;
    if (sigaction(s, NULL, &a) == 0 && a.sa_handler != SIG_IGN)
      signal(s, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, signals, NULL);
  int out = log ? open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666) : 1, in = open("/dev/null", O_RDONLY);
  if (out < 0 || in < 0 || dup2(in, 0) < 0 || (log && (dup2(out, 1) < 0 || dup2(out, 2) < 0)) ||
      (dir && chdir(dir) < 0))
    _exit(CANNOT_START);
  execvpe(argv[0], (char *const *)argv, env);
  _exit(CANNOT_EXEC);
}

static pid_t start(const char *const argv[], const char *dir, const char *log) {
  struct arena a = {0};
  char **env = environment(&a);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t pid = fork();
  if (pid == 0)
    child(argv, env, dir, log, &before);
  if (pid > 0) {
    setpgid(pid, pid); /* whichever of the two comes first */
    running = pid;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  arena_free(&a);
  return pid;
}

/* On a terminal: which program runs, and for how many seconds by now. */
static void show(const char *name, double seconds) {
  char text[80];
  snprintf(text, sizeof text, seconds < 1 ? "running %.40s" : "running %.40s, %.0f s", name, floor(seconds));
  progress_stage(text);
}

/* Waits; true when the limit stopped it. */
static bool await(const char *name, pid_t pid, double limit, int *status) {
  double started = now(), shown = 0;
  bool stopped = false;
  pid_t got;
  show(name, 0);
  for (useconds_t pause = 2000; (got = waitpid(pid, status, limit > 0 ? WNOHANG : 0)) <= 0;) {
    if (got < 0 && errno != EINTR)
      break;
    if (limit > 0 && now() - started >= shown + 1)
      show(name, shown = floor(now() - started));
    if (!stopped && limit > 0 && now() - started > limit) {
      stopped = true;
      kill(-pid, SIGKILL);
    }
    usleep(pause);
    pause = pause < 100000 ? pause * 2 : pause;
  }
  return stopped;
}

struct process_result process_run(const char *const argv[], const char *dir, const char *log, double limit) {
  struct process_result r = {PROCESS_MISSING, 0, 0};
  if (!process_exists(argv[0]))
    return r;
  double started = now();
  pid_t pid = start(argv, dir, log);
  if (pid < 0) {
    r.end = PROCESS_FAILED;
    r.status = errno;
    return r;
  }
  int status = 0;
  bool stopped = await(argv[0], pid, limit, &status);
  progress_clear();
  r.seconds = now() - started;
  r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  r.end = stopped ? PROCESS_TIMED_OUT : r.status == 0 ? PROCESS_DONE : PROCESS_FAILED;
  if (r.end != PROCESS_DONE)
    process_abandon();
  running = 0;
  return r;
}

void process_abandon(void) {
  pid_t group = running;
  if (!group)
    return;
  kill(-group, SIGKILL);
  while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
    ;
}
