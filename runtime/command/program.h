/* program.h: the program that a built model is, as a function. */
#ifndef TERN_RUNTIME_PROGRAM_H
#define TERN_RUNTIME_PROGRAM_H

#include "runtime/core/image.h"
#include "runtime/model.h"

/* What a host (the just-in-time runner) puts in place of a built program's own; all may be NULL. */
struct tern_host {
  const struct image *image; /* the weights; NULL: those at the end of /proc/self/exe */
  const char *name;          /* the program's name in messages; NULL: from argv[0] */
};

/* Does what the command line asks for; the result is the exit status: 0, 1 after an error that has been
 * printed, 130 when interrupted. `host` may be NULL. --weights-file goes before the host's image. */
int tern_main(const struct tern_model *m, int argc, char **argv, const struct tern_host *host);

#endif
