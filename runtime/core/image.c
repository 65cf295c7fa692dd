/* image.c: maps a weights image from a file of its own or from an executable, or takes this program's own.
 *
 * Only the header (and the trailer) is read here; the weights are paged in when the first token needs them,
 * so that a program of any size starts at once. Every offset in the header is checked against the size of the
 * file before anything is mapped: a damaged file is refused, and nothing outside it is ever read. */
#include "runtime/core/base.h"

#include "runtime/core/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/carried.h"
#include "runtime/core/checksum.h"
#include "runtime/core/input.h"
#include "runtime/core/pages.h"
#include "runtime/model.h"

_Static_assert(sizeof(struct image_header) == 128 && sizeof(struct image_part) == 32,
               "structures of the file format have no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian and used in place");
_Static_assert(IMAGE_PAGE % TERN_ALIGN == 0, "a page boundary is aligned enough for generated code");

struct image_place {
  const char *path;
  int fd;
  uint64_t file_bytes;
  uint64_t at, end; /* where the header is, and how far the image may reach */
};

static bool read_at(int fd, void *to, size_t n, uint64_t at) {
  char *p = to;
  while (n > 0) {
    ssize_t got = pread(fd, p, n, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    p += got;
    n -= (size_t)got;
    at += (uint64_t)got;
  }
  return true;
}

static bool is_magic(const char *magic) {
  return memcmp(magic, IMAGE_MAGIC, sizeof((struct image_header *)0)->magic) == 0;
}

static bool is_other_version(const char *magic) {
  return memcmp(magic, IMAGE_MAGIC, sizeof((struct image_header *)0)->magic - 1) == 0 && !is_magic(magic);
}

static bool fail_version(const struct image_place *p, struct failure *f) {
  return fail_with(f, "%s: weights that another version of ternc packed; pack them again with this one",
                   p->path);
}

static bool find_size(struct image_place *p, struct failure *f) {
  struct stat st;
  if (fstat(p->fd, &st) < 0)
    return fail_with(f, "%s: cannot open the weights: %s", p->path, strerror(errno));
  if (!S_ISREG(st.st_mode))
    return fail_with(f, "%s: not a regular file; weights are mapped into memory, so they have to be in one",
                     p->path);
  p->file_bytes = (uint64_t)st.st_size;
  return true;
}

/* Former versions put the image behind the program, and these 16 bytes after it. */
static bool is_former_program(const struct image_place *p) {
  char trailer[16];
  return p->file_bytes >= sizeof trailer &&
         read_at(p->fd, trailer, sizeof trailer, p->file_bytes - sizeof trailer) && is_other_version(trailer);
}

/* An image at the start of the file, or an executable's segment. */
static bool find_image(struct image_place *p, struct failure *f) {
  char magic[8];
  uint64_t bytes;
  p->at = 0;
  p->end = p->file_bytes;
  if (p->file_bytes < sizeof(struct image_header) || !read_at(p->fd, magic, sizeof magic, 0))
    return fail_with(f, "%s: no weights in it: the file has %llu bytes", p->path,
                     (unsigned long long)p->file_bytes);
  if (is_magic(magic))
    return true;
  if (is_other_version(magic) || is_former_program(p))
    return fail_version(p, f);
  if (!carried_in_file(p->fd, &p->at, &bytes))
    return fail_with(f, "%s: no weights in it: neither an image nor a program that carries one", p->path);
  if (p->at % IMAGE_PAGE != 0 || p->at > p->file_bytes || bytes > p->file_bytes - p->at)
    return fail_with(
        f,
        "%s: damaged: its weights are %llu bytes from byte %llu on, but it has %llu; copy or build it "
        "again",
        p->path, (unsigned long long)bytes, (unsigned long long)p->at, (unsigned long long)p->file_bytes);
  return true;
}

/* Whether [at, at + bytes) lies in [from, to). */
static bool inside(uint64_t at, uint64_t bytes, uint64_t from, uint64_t to) {
  return at >= from && at <= to && bytes <= to - at;
}

static const char *header_fault(const struct image_header *h, uint64_t room) {
  uint64_t start = sizeof *h;
  if (!is_magic(h->magic))
    return "the image does not begin with " IMAGE_MAGIC;
  if (h->header_sum != image_header_sum(h))
    return "its header does not have its checksum";
  if (h->total_bytes < start || h->total_bytes > room)
    return "the file is shorter than the image says";
  if (!inside(h->tokenizer_at, h->tokenizer_bytes, h->tokenizer_bytes ? start : 0, h->total_bytes))
    return "the tokenizer is not inside the image";
  if (!inside(h->weights_at, h->weights_bytes, h->weights_bytes ? start : 0, h->total_bytes))
    return "the weights are not inside the image";
  if (h->weights_at % IMAGE_PAGE != 0)
    return "the weights do not start on a page boundary";
  if (h->tokenizer_bytes && h->weights_bytes && h->tokenizer_at < h->weights_at + h->weights_bytes &&
      h->weights_at < h->tokenizer_at + h->tokenizer_bytes)
    return "the tokenizer and the weights overlap";
  if (h->n_parts > room / sizeof(struct image_part) || h->names_bytes > room || h->parts_at % 8 != 0 ||
      !inside(h->parts_at, h->n_parts * sizeof(struct image_part) + h->names_bytes, start, h->total_bytes))
    return "the table of checksums is not inside the image";
  return NULL;
}

static bool check_header(const struct image_place *p, struct image_header *h, struct failure *f) {
  if (p->end - p->at < sizeof *h || !read_at(p->fd, h, sizeof *h, p->at))
    return fail_with(f, "%s: damaged: the file ends inside the image's header; copy or build it again",
                     p->path);
  const char *fault = header_fault(h, p->end - p->at);
  return !fault || fail_with(f, "%s: damaged: %s; copy or build it again", p->path, fault);
}

static void point_into(struct image *im, const uint8_t *start) {
  const struct image_header *h = im->header = (const struct image_header *)start;
  im->weights = start + h->weights_at;
  im->tokenizer = h->tokenizer_bytes ? start + h->tokenizer_at : NULL;
  im->parts = (const struct image_part *)(start + h->parts_at);
  im->names = (const char *)(im->parts + h->n_parts);
}

/* Pages of the system may be larger than those of the format, so the mapping may start before the header. */
static bool map(struct image *im, const struct image_place *p, const struct image_header *h,
                struct failure *f) {
  long page = sysconf(_SC_PAGESIZE);
  uint64_t from = p->at - p->at % (uint64_t)(page > 0 ? page : IMAGE_PAGE);
  uint64_t bytes = p->at - from + h->total_bytes;
  void *base = bytes <= SIZE_MAX ? mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, p->fd, (off_t)from)
                                 : (errno = ENOMEM, MAP_FAILED);
  if (base == MAP_FAILED)
    return fail_with(f, "%s: cannot map %llu bytes of weights: %s", p->path, (unsigned long long)bytes,
                     strerror(errno));
#ifdef MADV_HUGEPAGE
  madvise(base, (size_t)bytes, MADV_HUGEPAGE); /* where the file system has them; otherwise without effect */
#endif
  im->base = base;
  im->mapped = (size_t)bytes;
  point_into(im, (const uint8_t *)base + (p->at - from));
  return true;
}

/* ---- checksums ----------------------------------------------------------------------------------------- */

uint64_t image_header_sum(const struct image_header *h) {
  return checksum(h, offsetof(struct image_header, header_sum));
}

static bool part_is_whole(const struct image *im, const struct image_part *p, struct failure *f) {
  const uint8_t *start = (const uint8_t *)im->header;
  return checksum(start + p->at, p->bytes) == p->sum ||
         fail_with(f,
                   "damaged: '%s' does not have its checksum (%llu bytes from byte %llu of the image on); "
                   "copy or build it again",
                   im->names + p->name, (unsigned long long)p->bytes, (unsigned long long)p->at);
}

/* Places and names first: what has the right checksum was made so, but nothing outside is read in any case.
 */
static bool check_parts(const struct image *im, struct failure *f) {
  const struct image_header *h = im->header;
  bool ok = checksum(im->parts, h->n_parts * sizeof *im->parts + h->names_bytes) == h->parts_sum &&
            (h->n_parts == 0 || (h->names_bytes > 0 && im->names[h->names_bytes - 1] == 0));
  for (uint64_t i = 0; ok && i < h->n_parts; i++)
    ok = inside(im->parts[i].at, im->parts[i].bytes, sizeof *h, h->total_bytes) &&
         im->parts[i].name < h->names_bytes;
  return ok ||
         fail_with(f, "damaged: its table of checksums is not as it was written; copy or build it again");
}

uint64_t image_identity(const struct image *im) {
  return im && im->header ? im->header->parts_sum : 0;
}

bool image_verify(const struct image *im, struct failure *f) {
  for (uint64_t i = 0; i < im->header->n_parts; i++)
    if (!part_is_whole(im, &im->parts[i], f))
      return false;
  return true;
}

/* A tokenizer is small, and read whole anyway. */
static bool check(const struct image *im, struct failure *f) {
  if (!check_parts(im, f))
    return false;
  if (im->header->total_bytes < IMAGE_CHECKED)
    return image_verify(im, f);
  for (uint64_t i = 0; i < im->header->n_parts; i++)
    if (im->parts[i].at == im->header->tokenizer_at && !part_is_whole(im, &im->parts[i], f))
      return false;
  return true;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static bool check_mapped(struct image *im, const char *path, struct failure *f) {
  struct failure why = {0};
  if (check(im, &why))
    return true;
  image_close(im);
  return fail_with(f, "%s: %s", path, why.text);
}

int image_open(struct image *im, const char *path, char *error, size_t error_size) {
  struct failure f = {0};
  struct image_header h;
  struct image_place p = {.path = path, .fd = input_descriptor(path, &f)};
  *im = (struct image){0};
  bool ok = p.fd >= 0 && find_size(&p, &f) && find_image(&p, &f) && check_header(&p, &h, &f) &&
            map(im, &p, &h, &f) && check_mapped(im, path, &f);
  if (p.fd >= 0)
    close(p.fd);
  if (!ok && error_size)
    snprintf(error, error_size, "%s", f.text);
  return ok;
}

/* What the system has mapped with this program's code. */
static bool take_carried(struct image *im, const uint8_t *at, uint64_t bytes, struct failure *f) {
  static const char path[] = "this program";
  if (bytes < sizeof(struct image_header) || !carried_readable(at) || !carried_readable(at + bytes - 1))
    return fail_with(f, "%s: damaged: its file is shorter than it was built; copy or build it again", path);
  const struct image_header *h = (const struct image_header *)at;
  if (is_other_version(h->magic))
    return fail_version(&(struct image_place){.path = path}, f);
  const char *fault = header_fault(h, bytes);
  if (fault)
    return fail_with(f, "%s: damaged: %s; copy or build it again", path, fault);
  im->base = at;
  im->mapped = (size_t)bytes;
  im->carried = true;
  point_into(im, at);
  return check_mapped(im, path, f);
}

bool image_carried(struct image *im, struct failure *f) {
  const uint8_t *at;
  uint64_t bytes;
  *im = (struct image){0};
  return !carried_here(&at, &bytes) || take_carried(im, at, bytes, f);
}

void image_close(struct image *im) {
  pages_close(im->pages);
  if (im->base && !im->carried)
    munmap((void *)(uintptr_t)im->base, im->mapped);
  *im = (struct image){0};
}

void image_settle(struct image *im, const struct tern_model *m) {
  if (!im->base)
    return;
#ifdef MADV_WILLNEED
  madvise((void *)(uintptr_t)im->base, im->mapped, MADV_WILLNEED);
#endif
  uint8_t *weights = (uint8_t *)(uintptr_t)im->weights, *table = weights + m->table_at;
  im->pages = pages_move(weights, weights + m->weights_bytes, table, table + m->table_bytes);
}

bool image_is_settled(const struct image *im) {
  return pages_are_moved(im->pages);
}
