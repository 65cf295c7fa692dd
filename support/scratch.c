/* scratch.c: a tree is removed by system calls alone, so that a signal handler can do it. */
#include "support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FOLDERS = 8 };
static char *volatile folders[MOST_FOLDERS]; /* NULL: free */

static void remove_tree(int at, const char *name);

/* Removes what one reading of the folder shows; false when that is nothing. */
static bool remove_entries(int folder) {
  char entries[2048] __attribute__((aligned(__alignof__(struct dirent64))));
  bool any = false;
  ssize_t n;
  lseek(folder, 0, SEEK_SET);
  while ((n = getdents64(folder, entries, sizeof entries)) > 0)
    for (ssize_t i = 0; i < n;) {
      const struct dirent64 *e = (const void *)(entries + i);
      if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
        remove_tree(folder, e->d_name);
        any = true;
      }
      i += e->d_reclen;
    }
  return any;
}

/* A folder may show more once something is gone, but what cannot be removed stays in it. */
static void remove_tree(int at, const char *name) {
  enum { MOST_READINGS = 16 };
  if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
    return;
  int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder >= 0)
    fchmod(folder, 0700); /* a tool may have made it read-only */
  for (int i = 0; folder >= 0 && i < MOST_READINGS && remove_entries(folder); i++)
    ;
  if (folder >= 0)
    close(folder);
  unlinkat(at, name, AT_REMOVEDIR);
}

static int place_of(const char *path) {
  for (int i = 0; i < MOST_FOLDERS; i++)
    if (path ? folders[i] && strcmp(folders[i], path) == 0 : !folders[i])
      return i;
  return -1;
}

/* $TMPDIR as an absolute path: tools run in other folders. */
static const char *base_folder(struct arena *a) {
  const char *base = getenv("TMPDIR");
  char here[PATH_MAX];
  if (!base || !*base)
    return "/tmp";
  return *base == '/' || !getcwd(here, sizeof here) ? base : arena_printf(a, "%s/%s", here, base);
}

char *scratch_make(struct diag *d, struct arena *a) {
  char *path = arena_printf(a, "%s/ternc-XXXXXX", base_folder(a)), *own = xstrdup(path);
  int place = place_of(NULL);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  bool made = place >= 0 && mkdtemp(own);
  int error = place >= 0 ? errno : EMFILE;
  if (made)
    folders[place] = own;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (made)
    return strcpy(path, own);
  diag_error(d, "%s: cannot make a folder for intermediate files: %s (set TMPDIR)", path, strerror(error));
  free(own);
  return NULL;
}

void scratch_remove(const char *path) {
  int place = path ? place_of(path) : -1;
  if (place < 0)
    return;
  char *own = folders[place];
  remove_tree(AT_FDCWD, own);
  folders[place] = NULL;
  free(own);
}

const char *scratch_newest(void) {
  int place = MOST_FOLDERS;
  while (place-- > 0)
    if (folders[place])
      return folders[place];
  return NULL;
}

void scratch_abandon(void) {
  for (int i = 0; i < MOST_FOLDERS; i++)
    if (folders[i])
      remove_tree(AT_FDCWD, folders[i]);
}
