/* carry.h: the weights image as a segment of the executable (runtime/core/carried.h).
 *
 * The linker makes the segment without contents, a page at IMAGE_ADDRESS, and so reads and copies nothing of
 * size; then the image is written behind what was linked, and the headers of segment and section are told
 * where it is. As a section that is loaded, strip and objcopy keep it. */
#ifndef TERN_DRIVER_CARRY_H
#define TERN_DRIVER_CARRY_H

#include "driver/driver.h"

/* An assembler source in folder `dir` that makes room for the segment, to be linked with CARRY_OPTION. NULL
 * after a diagnostic. */
const char *carry_place(struct job *j, const char *dir);
extern const char CARRY_OPTION[];

/* Writes the job's image into `program`, `bytes` of an executable that was linked so and can be read and
 * sought in. False after a diagnostic; errors of writing are left on the stream. */
bool carry_image(struct job *j, FILE *program, uint64_t bytes);

#endif
