/* output.h: how every file is written, by ternc and by the programs it makes: it appears under its name only
 * when it is whole, and a failure or an interruption leaves what was there before.
 *
 * A file is written beside its place under a temporary name (NAME.tmp-XXXXXX) and renamed. Of a symbolic link
 * the target is written, also one that is not there yet; the link stays. A file that is there keeps its mode.
 * "-", /dev/stdout and /dev/fd/N are written in place, as are devices and named pipes that somebody reads;
 * block devices are refused. An output that is also an input of the run, or another output, is refused
 * (claim.h). For one thread of a process. */
#ifndef TERN_RUNTIME_OUTPUT_H
#define TERN_RUNTIME_OUTPUT_H

#include "runtime/core/base.h"

#include <stdio.h>

struct temporary_file;
struct written {
  FILE *file; /* write here */
  const char *path;
  struct temporary_file *made; /* the temporary file; NULL: written in place */
  FILE *to;                    /* what `file`, a buffer, is copied to at the end; NULL: `file` is no buffer */
  bool executable;             /* set it before the close */
};

/* `seeks`: the writer goes back and forth, so what cannot seek, or has something before the first byte, gets
 * all at the end, from a buffer in the folder for temporary files. */
bool written_open(struct written *w, const char *path, bool seeks, struct failure *f);
/* Puts the file in its place, or removes what was written when `ok` is false or a write failed. */
bool written_close(struct written *w, bool ok, struct failure *f);

/* The run will write a file of this name: from here on it can be no input (claim.h). */
bool written_announce(const char *path, struct failure *f);

/* A folder, made if missing. */
bool written_folder(const char *path, struct failure *f);

/* Files that appear together: those closed between a begin and its end are put in their places at the end,
 * all of them or none; new folders go again unless all went well. Groups nest: the outermost decides. */
void written_begin(void);
bool written_end(bool ok, struct failure *f);

/* Removes all that is unfinished. May be called by a signal handler that then ends the process. */
void written_abandon(void);

/* A file without a name in $TMPDIR, or /tmp; fclose ends it. */
FILE *temporary_file(struct failure *f);

#endif
