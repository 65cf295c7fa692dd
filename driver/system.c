/* system.c: the world outside: installed files, other programs. */
#include "driver/driver.h"

#include "support/file.h"
#include "support/process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *tern_place(struct job *j, const char *relative) {
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
  return arena_printf(&j->arena, "%s/%s", home, relative);
}

const char *tern_library(struct job *j) {
  return tern_place(j, "share/tern");
}

const char *tern_file(struct job *j, const char *relative) {
  const char *path = tern_place(j, relative);
  struct stat st;
  if (access(path, R_OK) == 0)
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && !file_claim(&j->diag, path) ? NULL : path;
  diag_error(&j->diag,
             "%s: cannot read: %s; it is installed with ternc (set TERN_HOME to the folder that has bin/, "
             "lib/tern/ and share/tern/)",
             path, strerror(errno));
  return NULL;
}

bool run_program(struct diag *d, const char *const argv[]) {
  struct process_result r = process_run(argv, NULL, NULL, 0);
  if (r.end == PROCESS_MISSING)
    diag_error(d, "cannot run '%s': it is not on the PATH; install it (Debian: apt-get install gcc binutils)",
               argv[0]);
  else if (r.end != PROCESS_DONE)
    diag_error(d, "'%s' failed (%s %d); its messages are above", argv[0], r.status < 0 ? "signal" : "status",
               r.status < 0 ? -r.status : r.status);
  return r.end == PROCESS_DONE;
}
