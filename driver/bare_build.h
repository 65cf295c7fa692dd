/* bare_build.h: a model as C for chips. */
#ifndef TERN_DRIVER_BARE_BUILD_H
#define TERN_DRIVER_BARE_BUILD_H

#include "driver/driver.h"

/* Writes the folder: NAME.c, NAME.h and, with `apart`, NAME.weights. *use: what the chip must have for it.
 * Needs a checkpoint; false after a diagnostic. */
bool bare_write(struct job *j, const char *path, bool apart, const char **use);

#endif
