/* claim.h: which files a run reads and which it writes, so that no output destroys an input or another
 * output.
 *
 * Files are told apart by device and inode, so that links, hard links and ./x are the file they lead to; an
 * output that is not there yet by its folder and its name in it. There is one list a process. The library
 * (library.h), which may be called by many threads at once, does not use it. */
#ifndef TERN_RUNTIME_CLAIM_H
#define TERN_RUNTIME_CLAIM_H

#include "runtime/core/base.h"

/* The run reads the file that `fd` is open on, called `name`. False when it is to be written too. What is not
 * a regular file is not looked at. */
bool claim_input(const char *name, int fd, struct failure *f);

/* The run writes the file at `target`, called `name`. False when it is an input, or claimed by an output.
 * `announced`: it will be opened later, when it is claimed again. */
bool claim_output(const char *name, const char *target, bool announced, struct failure *f);

/* The same of an open descriptor. */
bool claim_descriptor(const char *name, int fd, struct failure *f);

/* Gives up one output, or all of them. */
void claim_drop(const char *name);
void claim_drop_outputs(void);

#endif
