/* input.h: how everything that a user names for reading is opened, by ternc and by the programs it makes.
 *
 * Regular files (links are followed), and what the shell has opened for the program, whatever that is: "-",
 * /dev/stdin, /dev/fd/N and /proc/self/fd/N (`<(command)`). Other named pipes, sockets and devices are
 * refused at once, without waiting for whoever is at their other end; /dev/null is an empty file. */
#ifndef TERN_RUNTIME_INPUT_H
#define TERN_RUNTIME_INPUT_H

#include "runtime/core/base.h"

/* The descriptor that a path names, `standard` for "-"; -1: it names a file. */
int descriptor_named(const char *path, int standard);

/* "-" as a user would call it, or the path. */
const char *input_name(const char *path);

/* A descriptor to read from, which the caller closes; -1 after a failure. The file is claimed (claim.h). */
int input_open(const char *path, struct failure *f);
/* The same without a claim, for the library: any thread may call it. */
int input_descriptor(const char *path, struct failure *f);

/* The bytes of an input, malloc'ed and followed by a zero byte that *n does not count. One of more than
 * `most` bytes is refused, by its size before anything is read. False without a message when a signal asks
 * for an end (interrupt.h). */
bool input_read(const char *path, uint64_t most, char **bytes, size_t *n, struct failure *f);

#endif
