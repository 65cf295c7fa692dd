/* bench.h: running a hardware project's test bench. Paths are data: the user's reach no make, no shell and no
 * simulator; the bench reads and writes files of the project by their own names. */
#ifndef TERN_DRIVER_BENCH_H
#define TERN_DRIVER_BENCH_H

#include "driver/driver.h"

/* Runs `argv` in the project's folder; argv[0] is a program on the PATH, or with a slash a file of the
 * project, whose whole path takes its place. What it prints goes to the folder's file `log`. Whether it did
 * its work. */
bool bench_run(struct job *j, const char *dir, const char *argv[], const char *log);
/* Makes the project's file `target`. False after a diagnostic with the end of the log. */
bool bench_make(struct job *j, const char *dir, const char *target, const char *simulator);
/* The file of the project becomes `path`. False after a diagnostic. */
bool bench_take(struct job *j, const char *dir, const char *name, const char *path);
/* Whether the file that `option` names, or none, does not take the place of one that the project in `dir`, or
 * in none, has there. False after a diagnostic. */
bool bench_beside(struct job *j, const char *dir, const char *option, const char *path);
/* What a program printed; NULL after a diagnostic. */
char *bench_log(struct job *j, const char *dir, const char *log, size_t *length);

#endif
