/* summary.h: the last word of a command that wrote something: what it wrote, how large that is, and what to
 * do with it. */
#ifndef TERN_DRIVER_SUMMARY_H
#define TERN_DRIVER_SUMMARY_H

#include "driver/driver.h"
#include "support/escape.h"

/* What was written. */
struct summary {
  const char *kind; /* as --emit names it, or "checkpoint" */
  const char *path; /* a file or a folder */
  const char *also; /* a second file beside it (--weights-file), or NULL */
  const char *use;  /* how to use it, a command or a sentence; NULL: nothing is said */
};

/* A line on standard error: "wrote tales (2.7 MB); run it: ./tales --prompt ...". */
void summary_print(struct job *j, const struct summary *s);

/* An object on standard output: kind, path, bytes, files (each with path and bytes) and, where the job has a
 * module, model, parameters, weights_bytes and params. */
bool summary_json(struct job *j, const struct summary *s);

/* How a model's output is used; NULL for text that is its own use. `path`: where it was written. */
const char *use_of_program(struct job *j, const char *path, const char *weights_file);
const char *use_of_trainer(struct job *j, const char *path);
const char *use_of_library(struct job *j, const char *path);

#endif
