/* write_image.h: writes the weights image (runtime/core/image.h) of a planned module from a weight source.
 *
 * One tensor is in memory at a time (its codes and its packed form), so images larger than memory can be
 * made. The same module and numbers give the same bytes. */
#ifndef TERN_BACKENDS_IMAGE_WRITE_IMAGE_H
#define TERN_BACKENDS_IMAGE_WRITE_IMAGE_H

#include "ir/source.h"
#include <stdio.h>

struct image_options {
  const uint8_t *tokenizer; /* the flat block, or NULL */
  size_t tokenizer_bytes;
  int threads; /* for packing; 0: as many as the machine has */
  bool progress;
};

/* Writes at byte `at` of `out` (a seekable file; `at` a multiple of IMAGE_PAGE), header included. *bytes: its
 * size. Write errors are left on the stream for whoever closes it; false after a diagnostic. */
bool image_write(const struct module *m, const struct weight_source *source, FILE *out, uint64_t at,
                 uint64_t *bytes, const struct image_options *options);

#endif
