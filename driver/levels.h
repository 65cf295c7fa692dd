/* levels.h: code for several processors in one object (runtime/core/cpu.h), as --cpu=A,B,C asks for it, the
 * least first. All share one plan of the model and one image. */
#ifndef TERN_DRIVER_LEVELS_H
#define TERN_DRIVER_LEVELS_H

#include "backends/native/native.h"
#include "driver/driver.h"

/* How many --cpu names; at least 1. */
int levels_count(const struct native_options *o);

/* Whether all of them unpack five weights a byte fast (native_fast_trits). False after a diagnostic, also for
 * names that are there twice or not in order. */
bool levels_fast_trits(struct job *j, const struct native_options *o, bool *fast);

/* The object file, at `path`; folder `dir` is for those of each level. False after a diagnostic. */
bool levels_object(struct job *j, const struct loops *l, const struct native_options *o, const char *dir,
                   const char *path);

#endif
