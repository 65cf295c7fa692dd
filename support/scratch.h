/* scratch.h: folders for intermediate files. */
#ifndef TERN_SUPPORT_SCRATCH_H
#define TERN_SUPPORT_SCRATCH_H

#include "support/diag.h"

/* A new folder in $TMPDIR, or /tmp; its absolute path, in the arena. NULL after a diagnostic. */
char *scratch_make(struct diag *d, struct arena *a);
/* Removes it with all in it; NULL is none. */
void scratch_remove(const char *path);

/* The newest one that is there, or NULL. */
const char *scratch_newest(void);

/* Removes all of them. May be called by a signal handler that then ends the process. */
void scratch_abandon(void);

#endif
