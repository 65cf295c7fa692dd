/* corpus.c: texts and flat ids to one mapped list of ids. */
#include "training/corpus.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/tokenizer/flat_ids.h"
#include "runtime/core/checksum.h"
#include "runtime/core/input.h"
#include "support/file.h"

/* ---- which windows ----------------------------------------------------------------------------------- */

/* splitmix64's finaliser. */
static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* A permutation of 0 .. n - 1: a Feistel network of four rounds on an even number of bits, walked until it
 * falls below n (Black and Rogaway 2002, Ciphers with arbitrary finite domains). */
static uint64_t permuted(uint64_t key, uint64_t n, uint64_t i) {
  int half = 1;
  while (half < 32 && (uint64_t)1 << 2 * half < n)
    half++;
  uint64_t mask = ((uint64_t)1 << half) - 1;
  do {
    uint64_t left = i >> half, right = i & mask;
    for (uint64_t round = 0; round < 4; round++) {
      uint64_t next = left ^ (mix(key + round * 0x9e3779b97f4a7c15u + right) & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

uint64_t corpus_window(uint64_t seed, uint64_t n, uint64_t length, uint64_t k) {
  uint64_t windows = (n - 1) / length, left = (n - 1) % length, epoch = k / windows;
  uint64_t key = mix(mix(seed + 0x9e3779b97f4a7c15u) + epoch);
  uint64_t shift = mix(key + 1) % (left + 1); /* windows of another epoch are cut elsewhere */
  return shift + permuted(key, windows, k % windows) * length;
}

/* ---- ids --------------------------------------------------------------------------------------------- */

uint32_t corpus_id(const void *corpus, uint64_t i) {
  const struct corpus *c = corpus;
  const uint8_t *p = c->ids + i * (uint64_t)c->width;
  return c->width == 2 ? (uint32_t)p[0] | (uint32_t)p[1] << 8
                       : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int width_of(const char *path) {
  size_t n = strlen(path);
  const char *end = n > 4 ? path + n - 4 : "";
  return strcmp(end, ".u16") == 0 ? 2 : strcmp(end, ".u32") == 0 ? 4 : 0;
}

static void put_id(FILE *out, uint32_t id, int width) {
  for (int i = 0; i < width; i++)
    putc_unlocked((int)(id >> 8 * i & 0xFF), out);
}

/* Maps what the descriptor is open on, which `name` calls in messages. */
static bool map(struct corpus *c, struct diag *d, int fd, const char *name) {
  struct stat st;
  if (fstat(fd, &st) != 0 || st.st_size == 0 || st.st_size % c->width) {
    diag_error(
        d, st.st_size ? "%s: it ends within an id of %d bits; is it whole?" : "%s: there is nothing in it",
        name, 8 * c->width);
    return false;
  }
  void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (p == MAP_FAILED) {
    diag_error(d, "%s: cannot be mapped: %s", name, strerror(errno));
    return false;
  }
  c->ids = p;
  c->mapped = (size_t)st.st_size;
  c->n = c->mapped / (size_t)c->width;
  return true;
}

static bool map_file(struct corpus *c, struct diag *d, const char *path) {
  int64_t size;
  int fd = file_open(d, path, &size);
  c->width = width_of(path);
  bool ok = fd >= 0 && map(c, d, fd, path);
  if (fd >= 0)
    close(fd);
  return ok;
}

/* ---- several files to one ---------------------------------------------------------------------------- */

static bool copy_ids(struct diag *d, const char *path, FILE *out) {
  struct corpus one = {0};
  if (!map_file(&one, d, path))
    return false;
  for (uint64_t i = 0; i < one.n; i++)
    put_id(out, corpus_id(&one, i), 4);
  corpus_close(&one);
  return true;
}

static bool add_file(struct diag *d, const char *path, const struct tokenizer *t, FILE *out) {
  uint64_t n = 0;
  if (width_of(path))
    return copy_ids(d, path, out);
  if (!t) {
    diag_error(
        d,
        "%s: is taken for a text, and there is no tokenizer for it; give --tokenizer DIR, or ids in a file "
        "whose name ends in .u16 or .u32",
        input_name(path));
    return false;
  }
  return flat_ids_encode(d, t, &(struct flat_ids){&path, 1, TOKENIZER_SPECIAL_ALWAYS, 4}, out, &n);
}

static bool join(struct corpus *c, struct diag *d, const char *const *files, int n,
                 const struct tokenizer *t) {
  FILE *out = file_temporary(d);
  int32_t end = t ? tokenizer_eos(t) : -1;
  bool ok = out != NULL;
  for (int i = 0; ok && i < n; i++) {
    if (i && end >= 0)
      put_id(out, (uint32_t)end, 4);
    ok = add_file(d, files[i], t, out);
  }
  if (ok && (fflush(out) != 0 || ferror(out))) {
    diag_error(
        d, "the ids of the text cannot be written to the folder for temporary files ($TMPDIR, or /tmp): %s",
        strerror(errno));
    ok = false;
  }
  c->width = 4;
  ok = ok && map(c, d, fileno(out), input_name(files[0]));
  if (out)
    fclose(out);
  return ok;
}

/* ---- checks ------------------------------------------------------------------------------------------ */

/* Every id is the model's; counts the bytes that they stand for. */
static bool look_through(struct corpus *c, struct diag *d, const char *name, const struct tokenizer *t,
                         uint32_t vocab) {
  for (uint64_t i = 0; i < c->n; i++) {
    uint32_t id = corpus_id(c, i);
    size_t bytes = 0;
    if (id >= vocab) {
      diag_error(
          d,
          "%s: id %llu is %u, and the model has ids from 0 to %u; is it the tokenizer of this model, and are "
          "ids %d bits wide (names say so: .u16, .u32)?",
          name, (unsigned long long)i, id, vocab - 1, 8 * c->width);
      return false;
    }
    if (t && id < tokenizer_size(t))
      tokenizer_piece(t, id, i == 0, &bytes);
    c->bytes += bytes;
  }
  if (c->n < 2) {
    diag_error(d, "%s: has one id, and there is nothing to predict from it", name);
    return false;
  }
  c->sum = checksum(c->ids, c->mapped);
  return true;
}

bool corpus_open(struct corpus *c, struct diag *d, const char *const *files, int n, const struct tokenizer *t,
                 uint32_t vocab) {
  *c = (struct corpus){0};
  bool one = n == 1 && width_of(files[0]);
  if ((one ? map_file(c, d, files[0]) : join(c, d, files, n, t)) &&
      look_through(c, d, input_name(files[0]), t, vocab))
    return true;
  corpus_close(c);
  return false;
}

void corpus_close(struct corpus *c) {
  if (c->ids)
    munmap((void *)c->ids, c->mapped);
  *c = (struct corpus){0};
}
