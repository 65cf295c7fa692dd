/* image.c: a weights image, alone and at the end of a program; and a tokenizer's block whose checksum is
 * right, which nobody but an attacker writes. */
#include "runtime/core/image.h"
#include "runtime/core/base.h"
#include "runtime/core/checksum.h"
#include "runtime/text/tokenizer_format.h"
#include "tests/fuzz/token_target.h"

static void open_image(const uint8_t *data, size_t n) {
  struct image im;
  struct failure f = {0};
  char error[600];
  if (!image_open(&im, fuzz_file(data, n), error, sizeof error)) {
    fuzz_check(*error);
    return;
  }
  fuzz_touch(im.weights, im.header->weights_bytes);
  if (im.tokenizer)
    fuzz_block(im.tokenizer, im.header->tokenizer_bytes, data, n, false);
  fuzz_check(image_verify(&im, &f) || *f.text);
  image_close(&im);
}

/* The same with checksums of header and parts as they should be. */
static void open_summed(const uint8_t *data, size_t n) {
  struct image_header *h = malloc(n);
  fuzz_check(h);
  memcpy(h, data, n);
  memcpy(h->magic, IMAGE_MAGIC, sizeof h->magic);
  uint64_t room = h->parts_at < n ? n - h->parts_at : 0;
  uint64_t parts =
      h->n_parts <= room / sizeof(struct image_part) ? h->n_parts * sizeof(struct image_part) : 0;
  if (h->parts_at < n && h->names_bytes <= room && parts <= room - h->names_bytes)
    h->parts_sum = checksum((const char *)h + h->parts_at, parts + h->names_bytes);
  h->header_sum = image_header_sum(h);
  open_image((const uint8_t *)h, n);
  free(h);
}

static void open_block(const uint8_t *data, size_t n) {
  size_t bytes = n / TOKENIZER_ALIGN * TOKENIZER_ALIGN;
  struct tokenizer_header *h = aligned_alloc(TOKENIZER_ALIGN, bytes);
  fuzz_check(h);
  memcpy(h, data, bytes);
  memcpy(h->magic, TOKENIZER_MAGIC, sizeof h->magic);
  h->bytes = bytes;
  h->flags &= TOKENIZER_ALL_FLAGS;
  h->checksum =
      tokenizer_checksum((const uint8_t *)h + TOKENIZER_CHECKED_FROM, bytes - TOKENIZER_CHECKED_FROM);
  fuzz_block(h, bytes, data, n, false);
  free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  open_image(data, n);
  if (n >= sizeof(struct image_header) && memcmp(data, IMAGE_MAGIC, 7) == 0)
    open_summed(data, n);
  if (n >= sizeof(struct tokenizer_header) && memcmp(data, TOKENIZER_MAGIC, 7) == 0)
    open_block(data, n);
  return 0;
}
