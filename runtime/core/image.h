/* image.h: the file format of a weights image, and how to open one.
 *
 * An image is one little-endian block: this header, the tokenizer, the weights on a page boundary
 * (IMAGE_PAGE), so that they can be mapped and used in place, and a table of checksums. It stands alone
 * (`--weights-file`), or in the executable that runs it (carried.h). ternc's packer writes it; the runtime
 * maps it.
 */
#ifndef TERN_RUNTIME_IMAGE_H
#define TERN_RUNTIME_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC "TERNIMG3" /* the last letter counts versions of the format */
enum { IMAGE_PAGE = 4096, IMAGE_CHECKED = 64 << 20 };

/* All offsets are from the start of the header; the header starts on an IMAGE_PAGE boundary of the file. */
struct image_header {
  char magic[8];
  uint64_t layout; /* hash of the weights layout, equal to tern_model.layout */
  uint64_t tokenizer_at,
      tokenizer_bytes; /* the tokenizer's tables (tokenizer.h); 0 bytes when there is none */
  uint64_t weights_at, weights_bytes;
  uint64_t total_bytes;
  uint64_t parts_at, n_parts; /* struct image_part [n_parts], and after them: */
  uint64_t names_bytes;       /* names, each with a zero at its end */
  uint64_t parts_sum;         /* of parts and names: tells these weights from all others */
  uint64_t reserved[4];
  uint64_t header_sum; /* of the bytes before it */
};

/* A run of bytes that belongs to one weight, or to the tokenizer, and its checksum (checksum.h). A large
 * weight has several. */
struct image_part {
  uint64_t at, bytes, sum;
  uint64_t name; /* offset in the names */
};

struct failure;
struct pages;
struct tern_model;

struct image {
  const uint8_t *base;
  size_t mapped; /* bytes mapped at base */
  const struct image_header *header;
  const uint8_t *weights, *tokenizer;
  const struct image_part *parts; /* [header->n_parts] */
  const char *names;
  struct pages *pages; /* being moved; NULL: not */
  bool carried;        /* in this program's own segment, and not to be unmapped */
};

/* Maps the image in `path` (an image file, or an executable that carries one). Read-only and shared; not
 * copied. Its header, its tables and its tokenizer are held against their checksums, and all of it when it
 * has less than IMAGE_CHECKED bytes; image_verify checks the rest. On failure returns 0 and writes a message
 * without a newline into `error`. */
int image_open(struct image *im, const char *path, char *error, size_t error_size);
/* The image of the running program, checked in the same way; im->header is NULL when it carries none. False
 * when what it carries is damaged. */
bool image_carried(struct image *im, struct failure *f);
void image_close(struct image *im);

/* Reads all of the image and compares checksums. False with the name of the first weight that differs,
 * without that of the file. */
bool image_verify(const struct image *im, struct failure *f);
/* Tells these weights from others: equal when all of their checksums are. 0 without an image (NULL). */
uint64_t image_identity(const struct image *im);
/* What header_sum has to be. */
uint64_t image_header_sum(const struct image_header *h);

/* The weights of this model will be read soon, again and again: tells the system, and lets them be put into
 * huge pages (pages.h), all but the embedding. Returns at once. Without it a file that is not in memory yet
 * comes in small pieces, as pages are touched. */
void image_settle(struct image *im, const struct tern_model *m);
/* Whether that is done, or not being done. */
bool image_is_settled(const struct image *im);

#endif
