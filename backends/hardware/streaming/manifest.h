/* manifest.h: what host programs and people read of a design: manifest.json, and the project's Makefile. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_MANIFEST_H
#define TERN_BACKENDS_HARDWARE_STREAMING_MANIFEST_H

#include "backends/hardware/streaming/design.h"

void manifest_print(const struct hw_design *h, FILE *out);
/* rtl, sim: the project's files, with blanks between. */
void makefile_print(const struct hw_design *h, const struct hw_vectors *v, const char *rtl, const char *sim,
                    struct arena *a, FILE *out);

#endif
