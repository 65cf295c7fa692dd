/* base.h: what every file of the runtime starts from: the system's interfaces, and how a failure is told.
 *
 * Functions that can fail for a reason a user can act on return false and leave one line in a struct failure:
 * what is wrong and what to do about it, without a newline and without the program's name, which only
 * tern_main knows. The library never prints a failure itself and never ends the process. */
#ifndef TERN_RUNTIME_BASE_H
#define TERN_RUNTIME_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* POSIX 2008, and sched_getaffinity where there is one */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure {
  bool quiet; /* nobody is left to read a message: the reader of a pipe has gone */
  char text[512];
};

/* Writes the message, one that is too long (a path may be) without its middle; always returns false, so that
 * a caller can `return fail_with(f, ...)`. */
bool fail_with(struct failure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The failure of a write to `path`, from errno: EPIPE on standard output is quiet. Returns false. */
bool fail_write(struct failure *f, const char *path);
/* Whether that has happened to standard output, so that its end has nothing new to tell. */
bool stdout_is_told(void);

bool fail_memory(struct failure *f, uint64_t bytes, const char *what);

/* Zeroed memory, TERN_ALIGN-aligned as generated code expects; NULL when there is none. free() releases it.
 */
void *aligned_zeros(uint64_t bytes);
/* The same without zeros, so that pages which are never used are never made. */
void *aligned_room(uint64_t bytes);

/* Bytes that a line "NAME: number kB" of a file under /proc tells; 0 when there is none. */
uint64_t proc_bytes(const char *path, const char *name);

/* Seconds of a clock that only goes forward. */
double seconds_now(void);

#endif
