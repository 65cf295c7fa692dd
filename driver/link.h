/* link.h: from an object to what a user runs or links: the system's cc, ld, objcopy and ar do the work. */
#ifndef TERN_DRIVER_LINK_H
#define TERN_DRIVER_LINK_H

#include "driver/driver.h"

/* Links `object` with the runtime to a static executable at `out`, and puts the image behind it unless
 * image_beside names a file for it. Without a checkpoint there is no image: the program then needs
 * --weights-file. Nothing is left at `out` on failure. `dir`: for intermediate files. */
bool link_executable(struct job *j, const char *dir, const char *object, const char *out,
                     const char *image_beside);

/* Links `object` with the trainer (training/) to a static executable at `out`. */
bool link_trainer(struct job *j, const char *dir, const char *object, const char *out);

/* Writes lib<model>.a, <model>.h and (with a checkpoint) <model>.weights into folder `out`. */
bool link_library(struct job *j, const char *dir, const char *object, const char *out);

/* The object as it is. */
bool copy_object(struct job *j, const char *object, const char *out);

/* The image alone. */
bool write_image_file(struct job *j, const char *path);

#endif
