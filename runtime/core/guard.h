/* guard.h: what a program says when the file that its weights are mapped from gets shorter, or cannot be
 * read, while it runs: without it the system ends the program with SIGBUS and no word. For programs: a
 * library leaves its host's signals alone. */
#ifndef TERN_RUNTIME_GUARD_H
#define TERN_RUNTIME_GUARD_H

#include "runtime/core/base.h"

/* From here to guard_end a fault in those bytes ends the process with one line on standard error and status
 * 1, unfinished outputs removed. `program` begins the line, `path` names the file. */
void guard_begin(const void *base, size_t bytes, const char *program, const char *path);
void guard_end(void);

#endif
