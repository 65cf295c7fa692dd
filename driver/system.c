/* system.c: the world outside: installed files, other programs, intermediate files. */
#include "driver/driver.h"

#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *tern_file(struct job *j, const char *relative) {
  const char *home = getenv("TERN_HOME");
  if (!home || !*home) {
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = 0;
    for (int up = 0; up < 2; up++) { /* bin/ternc */
      char *slash = strrchr(exe, '/');
      if (slash)
        *slash = 0;
    }
    home = arena_strdup(&j->arena, exe);
  }
  const char *path = arena_printf(&j->arena, "%s/%s", home, relative);
  if (access(path, R_OK) == 0)
    return path;
  diag_error(&j->diag,
             "%s: cannot read: %s; it is installed with ternc (set TERN_HOME to the folder that has bin/, "
             "lib/tern/ and share/tern/)",
             path, strerror(errno));
  return NULL;
}

bool run_program(struct diag *d, const char *const argv[]) {
  pid_t child;
  int error = posix_spawnp(&child, argv[0], NULL, NULL, (char *const *)argv, environ), status;
  if (error) {
    diag_error(d, "cannot run '%s': %s%s", argv[0], strerror(error),
               error == ENOENT ? "; install it (Debian: apt-get install gcc binutils)" : "");
    return false;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return false;
  if (status == 0)
    return true;
  diag_error(d, "'%s' failed (%s %d); its messages are above", argv[0],
             WIFEXITED(status) ? "status" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  return false;
}

char *scratch_begin(struct job *j) {
  const char *base = getenv("TMPDIR");
  char *dir = arena_printf(&j->arena, "%s/ternc-XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(dir)) {
    diag_error(&j->diag, "%s: cannot make a folder for intermediate files: %s (set TMPDIR)", dir,
               strerror(errno));
    return NULL;
  }
  return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

void scratch_end(char *dir) {
  if (dir)
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
