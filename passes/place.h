/* place.h: puts buffers with known lifetimes into one arena. Pure: knows nothing of the IR. */
#ifndef TERN_PASSES_PLACE_H
#define TERN_PASSES_PLACE_H

#include <stdint.h>

struct lifetime {
  int64_t bytes;
  int first, last; /* the buffer is live from step `first` to step `last`, both included */
  int64_t offset;  /* out: a multiple of the alignment */
};

int64_t place_align(int64_t bytes, int64_t align); /* rounded up to a multiple of it */
/* Gives each buffer an offset so that no two that are live at the same time overlap; returns the arena's
 * size. First fit, largest first (then earliest): within some percent of the most that is ever live at once.
 * The same input gives the same offsets. */
int64_t place(struct lifetime *buffers, int n, int64_t align);

#endif
