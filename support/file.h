/* file.h: reading files, and writing them so that a failure leaves what was there: the runtime's opener and
 * writer (runtime/core/input.h, runtime/core/output.h say what they take and refuse) with diagnostics. */
#ifndef TERN_SUPPORT_FILE_H
#define TERN_SUPPORT_FILE_H

#include "runtime/core/output.h"
#include "support/diag.h"

/* Something has that name, if only a link that leads nowhere: reading it then says so. */
bool file_exists(const char *path);

/* The whole of a file, or of standard input for "-", terminated by a zero that `*length` does not count; in
 * the arena. NULL after a diagnostic. Refuses what is over `limit` bytes before it is read. */
char *file_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length);

/* The same of a text: what is none is refused by what it is, so that nothing of it reaches a terminal. */
char *text_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length);

/* A descriptor of a regular file, to be read in pieces with pread and closed by the caller; *size: its bytes.
 * -1 after a diagnostic. */
int file_open(struct diag *d, const char *path, int64_t *size);
/* The same with the reason in *fault, in the arena, instead of a diagnostic. */
int file_try(struct arena *a, const char *path, int64_t *size, const char **fault);

/* A file that a program other than this one reads in this run: no output may take its place. False after a
 * diagnostic. */
bool file_claim(struct diag *d, const char *path);

/* A file that appears under its name only when it is whole. "-" is standard output. Every error, a full disk
 * included, is reported once; output_abort removes what was written (safe on a closed one). */
struct output {
  FILE *file; /* write here */
  struct written written;
  struct diag *diag;
};
bool output_open(struct output *o, struct diag *d, const char *path);
/* For a writer that seeks in the file: what cannot seek gets everything at the end. */
bool output_open_seekable(struct output *o, struct diag *d, const char *path);
bool output_close(struct output *o, bool executable);
void output_abort(struct output *o);

/* The bytes of a regular file to `to`, whose errors show when it is closed; *bytes: how many. */
bool file_copy(struct diag *d, const char *from, FILE *to, uint64_t *bytes);
/* The same to an output of that name. */
bool output_copy(struct diag *d, const char *from, const char *path);

/* A folder, made if missing. False after a diagnostic. */
bool output_folder(struct diag *d, const char *path);

/* Files and folders that appear together, all or none: see written_begin. outputs_end returns true when `ok`
 * is and all are in place, false after a diagnostic (of whoever found `ok` false, or its own). */
void outputs_begin(void);
bool outputs_end(struct diag *d, bool ok);

/* The run will write a file of this name: reading that file from here on is refused, with both names. So a
 * mistake is told before work is done. False after a diagnostic. */
bool output_announce(struct diag *d, const char *path);

/* A file without a name for intermediate results; fclose ends it. NULL after a diagnostic. */
FILE *file_temporary(struct diag *d);

#endif
