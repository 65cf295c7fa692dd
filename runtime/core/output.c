/* output.c: temporaries, and how they become files. Signals wait while the list of temporaries is behind what
 * is on disk, so that a handler finds everything that it has to remove. */
#include "runtime/core/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/claim.h"
#include "runtime/core/input.h"

/* What this run has made: a temporary file, or a folder. */
struct temporary_file {
  struct temporary_file *next; /* newest first */
  char *name;                  /* as the user gave it */
  char *target;
  char *temporary; /* NULL: a folder */
  char *aside;     /* while a group is put in place: where the former file is; NULL: there was none */
  bool whole, placed;
};

static struct temporary_file *made;
static int depth;
static bool failed; /* in the group */

static void hold_signals(sigset_t *before) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  sigset_t all;
  sigfillset(&all);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&all, faults[i]);
  pthread_sigmask(SIG_BLOCK, &all, before);
}

static void let_signals(const sigset_t *before) {
  int error = errno;
  pthread_sigmask(SIG_SETMASK, before, NULL);
  errno = error;
}

/* ---- the list ---------------------------------------------------------------------------------------- */

static void free_made(struct temporary_file *m) {
  if (!m)
    return;
  if (m->aside != m->temporary)
    free(m->aside);
  free(m->temporary);
  free(m->target);
  free(m->name);
  free(m);
}

static struct temporary_file *new_made(const char *name, const char *target) {
  struct temporary_file *m = calloc(1, sizeof *m);
  if (m) {
    m->name = strdup(name);
    m->target = strdup(target);
  }
  if (m && m->name && m->target)
    return m;
  free_made(m);
  return NULL;
}

static void link_made(struct temporary_file *m) {
  m->next = made;
  made = m;
}

static void unlink_made(struct temporary_file *m) {
  struct temporary_file **at = &made;
  while (*at != m)
    at = &(*at)->next;
  *at = m->next;
}

/* Takes away what it stands for, unless that is in place. */
static void discard(struct temporary_file *m) {
  sigset_t before;
  hold_signals(&before);
  if (!m->placed && m->temporary)
    unlink(m->temporary);
  else if (!m->placed)
    rmdir(m->target);
  unlink_made(m);
  let_signals(&before);
  claim_drop(m->name);
  free_made(m);
}

void written_abandon(void) {
  for (const struct temporary_file *m = made; m; m = m->next)
    if (m->temporary)
      unlink(m->temporary);
  for (const struct temporary_file *m = made; m; m = m->next) /* newest first: a folder after what is in it */
    if (!m->temporary)
      rmdir(m->target);
}

/* ---- opening ----------------------------------------------------------------------------------------- */

/* Where a link that is read in `path` leads. */
static char *beside(const char *path, const char *link) {
  const char *slash = strrchr(path, '/');
  size_t folder = *link == '/' || !slash ? 0 : (size_t)(slash - path) + 1;
  char *joined = malloc(folder + strlen(link) + 1);
  if (joined) {
    memcpy(joined, path, folder);
    strcpy(joined + folder, link);
  }
  return joined;
}

/* The end of a chain of links, whether there is a file or not; malloc'ed, NULL with errno. */
static char *end_of_links(const char *path) {
  enum { MOST_LINKS = 40 };
  char *at = strdup(path), link[PATH_MAX];
  for (int i = 0; at && i < MOST_LINKS; i++) {
    ssize_t n = readlink(at, link, sizeof link - 1);
    if (n < 0)
      return at;
    link[n] = 0;
    char *next = beside(at, link);
    free(at);
    at = next;
  }
  errno = at ? ELOOP : ENOMEM;
  free(at);
  return NULL;
}

/* The longest names leave no room for the ending, and are shortened. */
static char *temporary_name(const char *target) {
  enum { MOST_KEPT = 200 };
  const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
  size_t room = strlen(target) + 16;
  char *name = malloc(room);
  if (name)
    snprintf(name, room, "%.*s%.*s.tmp-XXXXXX", (int)(base - target), target, MOST_KEPT, base);
  return name;
}

static bool open_temporary(struct written *w, const char *target, struct failure *f) {
  struct temporary_file *m = new_made(w->path, target);
  sigset_t before;
  if (!m || !(m->temporary = temporary_name(target))) {
    free_made(m);
    return fail_memory(f, strlen(target), w->path);
  }
  hold_signals(&before);
  int fd = mkostemp(m->temporary, O_CLOEXEC);
  if (fd >= 0)
    link_made(m);
  let_signals(&before);
  if (fd < 0) {
    fail_write(f, w->path);
    free_made(m);
    return false;
  }
  w->made = m;
  w->file = fdopen(fd, "w+b");
  if (w->file)
    return true;
  close(fd);
  discard(m);
  return fail_memory(f, BUFSIZ, w->path);
}

FILE *temporary_file(struct failure *f) {
  const char *folder = getenv("TMPDIR");
  char path[PATH_MAX];
  sigset_t before;
  snprintf(path, sizeof path, "%s/ternc-XXXXXX", folder && *folder ? folder : "/tmp");
  hold_signals(&before);
  int fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0)
    unlink(path);
  let_signals(&before);
  FILE *file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
  if (!file)
    fail_with(f, "%s: cannot make a temporary file: %s (set TMPDIR to a folder with room)", path,
              strerror(errno));
  if (!file && fd >= 0)
    close(fd);
  return file;
}

/* Writes to `to`, at once or from a buffer. */
static bool write_to(struct written *w, FILE *to, bool seeks, struct failure *f) {
  w->file = seeks ? temporary_file(f) : to;
  w->to = seeks ? to : NULL;
  if (!w->file && to != stdout)
    fclose(to);
  return w->file != NULL;
}

static bool open_descriptor(struct written *w, int fd, bool seeks, struct failure *f) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return fail_write(f, w->path);
  if (!claim_descriptor(w->path, fd, f))
    return false;
  int own = fd == STDOUT_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
  FILE *to = own == STDOUT_FILENO ? stdout : own >= 0 ? fdopen(own, "wb") : NULL;
  if (to)
    return write_to(w, to, seeks, f);
  fail_write(f, w->path);
  if (own >= 0)
    close(own);
  return false;
}

/* A device, or a pipe that somebody reads. */
static bool open_in_place(struct written *w, const char *target, mode_t mode, bool seeks, struct failure *f) {
  if (S_ISDIR(mode) || S_ISBLK(mode) || S_ISSOCK(mode))
    return fail_with(f, "%s: cannot write: is a %s", w->path,
                     S_ISDIR(mode)   ? "directory"
                     : S_ISBLK(mode) ? "block device"
                                     : "socket");
  int fd = open(target, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENXIO && S_ISFIFO(mode))
    return fail_with(f, "%s: cannot write: is a named pipe that no program reads from", w->path);
  FILE *to = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "wb") : NULL;
  if (to)
    return write_to(w, to, seeks, f);
  fail_write(f, w->path);
  if (fd >= 0)
    close(fd);
  return false;
}

static bool open_named(struct written *w, bool seeks, struct failure *f) {
  struct stat st;
  char *target = end_of_links(w->path);
  if (!target)
    return fail_write(f, w->path);
  bool ok = stat(target, &st) == 0 && !S_ISREG(st.st_mode)
                ? open_in_place(w, target, st.st_mode, seeks, f)
                : claim_output(w->path, target, false, f) && open_temporary(w, target, f);
  free(target);
  return ok;
}

bool written_open(struct written *w, const char *path, bool seeks, struct failure *f) {
  *w = (struct written){.path = path};
  int fd = descriptor_named(path, STDOUT_FILENO);
  bool ok = fd >= 0 ? open_descriptor(w, fd, seeks, f)
            : *path ? open_named(w, seeks, f)
                    : fail_with(f, "an output has an empty name");
  failed |= !ok;
  return ok;
}

bool written_announce(const char *path, struct failure *f) {
  struct stat st;
  char *target = descriptor_named(path, STDOUT_FILENO) < 0 ? end_of_links(path) : NULL;
  bool ok =
      !target || (stat(target, &st) == 0 && !S_ISREG(st.st_mode)) || claim_output(path, target, true, f);
  free(target);
  return ok;
}

/* ---- closing ----------------------------------------------------------------------------------------- */

/* All that was written has arrived. Where an earlier write failed, errno is long gone: one more at the end
 * tells why. */
static bool flushed(FILE *file) {
  errno = 0;
  bool ok = fflush(file) == 0 && !ferror(file);
  if (!ok && !errno && (lseek(fileno(file), 0, SEEK_END), write(fileno(file), "", 1) >= 0))
    errno = EIO;
  return ok;
}

static bool copy(FILE *from, FILE *to) {
  char *buffer = malloc(1 << 16);
  size_t n = 1;
  bool ok = buffer && fseeko(from, 0, SEEK_SET) == 0;
  while (ok && (n = fread(buffer, 1, 1 << 16, from)) > 0)
    ok = fwrite(buffer, 1, n, to) == n;
  ok = ok && !ferror(from);
  free(buffer);
  return ok;
}

/* The mode of the file that is there, else what the user lets new files have. */
static bool set_mode(const struct written *w) {
  struct stat st;
  mode_t mask = umask(0);
  umask(mask);
  mode_t mode = stat(w->made->target, &st) == 0 ? st.st_mode & 0777 : 0666 & ~mask;
  if (w->executable)
    mode |= (mode & 0444) >> 2;
  return fchmod(fileno(w->file), mode) == 0;
}

/* Closes `file` unless it is standard output; `ok` stays true only with it, and errno says why not. */
static bool closed(FILE *file, bool ok) {
  int error = errno;
  bool now = file == stdout || fclose(file) == 0;
  errno = ok ? errno : error;
  return ok && now;
}

static bool finish(struct written *w, bool ok) {
  bool whole = ok && flushed(w->file) && (!w->made || set_mode(w));
  if (w->to && whole)
    whole = copy(w->file, w->to) && flushed(w->to);
  if (w->to)
    whole = closed(w->to, whole);
  return closed(w->file, whole);
}

static bool place_all(struct failure *f);

bool written_close(struct written *w, bool ok, struct failure *f) {
  bool whole = finish(w, ok);
  if (ok && !whole)
    fail_write(f, w->path);
  if (w->made && !whole)
    discard(w->made);
  else if (w->made)
    w->made->whole = true;
  if (whole && w->made && !depth)
    whole = place_all(f);
  if (!depth)
    claim_drop(w->path);
  failed |= !whole;
  *w = (struct written){0};
  return whole;
}

bool written_folder(const char *path, struct failure *f) {
  struct stat st;
  struct temporary_file *m = new_made(path, path);
  sigset_t before;
  if (!m)
    return fail_memory(f, strlen(path), path);
  hold_signals(&before);
  bool new = mkdir(path, 0777) == 0;
  int error = errno;
  if (new && depth)
    link_made(m);
  else
    free_made(m);
  let_signals(&before);
  if (new || (error == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
    return true;
  failed = true;
  return fail_with(f, "%s: cannot make the folder: %s", path, strerror(error));
}

/* ---- groups ------------------------------------------------------------------------------------------ */

/* The former file goes aside and the new one takes its place: in one step where the file system can. */
static bool replace(struct temporary_file *m) {
#ifdef RENAME_EXCHANGE
  if (renameat2(AT_FDCWD, m->temporary, AT_FDCWD, m->target, RENAME_EXCHANGE) == 0) {
    m->aside = m->temporary;
    return true;
  }
#endif
  size_t room = strlen(m->temporary) + 8;
  char *aside = malloc(room);
  if (!aside)
    return false;
  snprintf(aside, room, "%s.old", m->temporary);
  bool moved = rename(m->target, aside) == 0;
  if (moved && rename(m->temporary, m->target) == 0) {
    m->aside = aside;
    return true;
  }
  int error = errno;
  if (moved)
    rename(aside, m->target);
  free(aside);
  errno = error;
  return false;
}

static bool place(struct temporary_file *m, bool alone) {
  struct stat st;
  bool there = lstat(m->target, &st) == 0;
  if (there && S_ISDIR(st.st_mode)) {
    errno = EISDIR;
    return false;
  }
  return m->placed = there && !alone ? replace(m) : rename(m->temporary, m->target) == 0;
}

static void put_back(struct temporary_file *m) {
  int error = errno;
  if (m->aside)
    rename(m->aside, m->target);
  else
    unlink(m->target);
  m->placed = false;
  errno = error;
}

/* Every whole file gets its name, or none does. */
static bool place_all(struct failure *f) {
  sigset_t before;
  int files = 0;
  bool ok = true;
  struct temporary_file *m;
  for (m = made; m; m = m->next)
    files += m->whole;
  hold_signals(&before);
  for (m = made; m && ok; m = m->next)
    if (m->whole && !(ok = place(m, files == 1)))
      fail_write(f, m->name);
  for (m = made; m && !ok; m = m->next)
    if (m->placed)
      put_back(m);
  for (m = made; m && ok; m = m->next)
    if (m->aside)
      unlink(m->aside);
  for (struct temporary_file *next = made; (m = next);) {
    next = m->next;
    m->placed |= ok && !m->temporary; /* a folder stays */
    if (m->whole || m->placed)
      discard(m);
  }
  let_signals(&before);
  return ok;
}

void written_begin(void) {
  if (depth++ == 0)
    failed = false;
}

bool written_end(bool ok, struct failure *f) {
  failed |= !ok;
  if (--depth)
    return ok;
  ok = !failed && place_all(f);
  while (made)
    discard(made);
  claim_drop_outputs();
  return ok;
}
