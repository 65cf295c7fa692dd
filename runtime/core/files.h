/* files.h: the texts and token ids that a program reads (input.h), and the end of what it prints. */
#ifndef TERN_RUNTIME_FILES_H
#define TERN_RUNTIME_FILES_H

#include "runtime/core/input.h"
#include "runtime/core/output.h"

enum { LARGEST_INPUT = 1 << 30 }; /* bytes of a text or of ids */

/* The bytes of a file, malloc'ed and followed by a zero byte that *n does not count. */
bool read_whole(const char *path, char **bytes, size_t *n, struct failure *f);

/* Decimal ids separated by white space; each must be below `bound`. `*ids` is malloc'ed. */
bool read_ids(const char *path, uint32_t bound, uint32_t **ids, size_t *n, struct failure *f);

/* Standard streams that the program was started without are opened so that using them fails: else the first
 * file that it opens would take their place. */
void streams_fill(void);

/* Passes what was printed to standard output on; false with a message when some of it was lost. */
bool stdout_finish(struct failure *f);

#endif
