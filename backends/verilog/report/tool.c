/* tool.c: other people's programs. A program that is stopped takes its children with it: it leads a group of
 * its own, and dies with ternc. */
#include "backends/verilog/report/tool.h"

#include "support/file.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CANNOT_EXEC = 127, CANNOT_START = 126 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void child(const char *const argv[], const char *dir, const char *log) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666), in = open("/dev/null", O_RDONLY);
  if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(dir) < 0)
    _exit(CANNOT_START);
  execvp(argv[0], (char *const *)argv);
  _exit(CANNOT_EXEC);
}

bool tool_exists(const char *name) {
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

struct tool_result tool_run(const char *const argv[], const char *dir, const char *log, double limit) {
  struct tool_result r = {TOOL_MISSING, 0, 0};
  if (!tool_exists(argv[0]))
    return r;
  double started = now();
  pid_t pid = fork();
  if (pid < 0) {
    r.end = TOOL_FAILED;
    r.status = errno;
    return r;
  }
  if (pid == 0)
    child(argv, dir, log);
  setpgid(pid, pid); /* whichever of the two comes first */
  int status = 0;
  bool stopped = false;
  for (useconds_t pause = 2000; waitpid(pid, &status, WNOHANG) == 0;) {
    if (!stopped && now() - started > limit) {
      stopped = true;
      kill(-pid, SIGKILL);
    }
    usleep(pause);
    pause = pause < 100000 ? pause * 2 : pause;
  }
  r.seconds = now() - started;
  r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  r.end = stopped ? TOOL_TIMED_OUT : r.status == 0 ? TOOL_DONE : TOOL_FAILED;
  return r;
}

const char *tool_message(struct arena *a, const char *log) {
  struct diag quiet = {0};
  size_t n;
  quiet.out = fopen("/dev/null", "w");
  char *text = file_read(&quiet, a, log, (size_t)1 << 28, &n);
  if (quiet.out)
    fclose(quiet.out);
  diag_free(&quiet);
  const char *last = "", *error = NULL;
  for (char *line = text, *next; line && *line; line = next) {
    size_t length = strcspn(line, "\n");
    next = line + length + (line[length] == '\n');
    line[length] = '\0';
    if (strncmp(line, "ERROR", 5) == 0)
      error = line;
    if (line[strspn(line, " \t")])
      last = line;
  }
  return error ? error : last;
}
