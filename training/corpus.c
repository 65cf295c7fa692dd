/* corpus.c: texts and flat ids to one file of ids, read as they are needed. */
#include "training/corpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/checkpoint/random_values.h"
#include "frontend/tokenizer/flat_ids.h"
#include "runtime/core/checksum.h"
#include "runtime/core/input.h"
#include "runtime/core/interrupt.h"
#include "support/file.h"

/* ---- which windows ----------------------------------------------------------------------------------- */

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
      uint64_t next = left ^ (random_mix(key + round * 0x9e3779b97f4a7c15u + right) & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

uint64_t corpus_window(uint64_t seed, uint64_t n, uint64_t length, uint64_t k) {
  uint64_t windows = (n - 1) / length, left = (n - 1) % length, epoch = k / windows;
  uint64_t key = random_mix(random_mix(seed + 0x9e3779b97f4a7c15u) + epoch);
  uint64_t shift = random_mix(key + 1) % (left + 1); /* windows of another epoch are cut elsewhere */
  return shift + permuted(key, windows, k % windows) * length;
}

/* ---- ids --------------------------------------------------------------------------------------------- */

enum { BLOCK = 1 << 14 }; /* ids that are read at once */

static uint32_t number_at(const uint8_t *p, int width) {
  return width == 2 ? (uint32_t)p[0] | (uint32_t)p[1] << 8
                    : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Up to n bytes of the file; fewer where it ends, or with c->fault where it cannot be read. */
static size_t read_bytes(struct corpus *c, uint8_t *to, size_t n, uint64_t at) {
  size_t done = 0;
  while (done < n) {
    ssize_t some = pread(c->fd, to + done, n - done, (off_t)(at + done));
    if (some < 0 && errno == EINTR)
      continue;
    if (some < 0)
      c->fault = strerror(errno);
    if (some <= 0)
      break;
    done += (size_t)some;
  }
  return done;
}

/* The ids from number `first` on into the block. */
static void read_block(struct corpus *c, uint64_t first) {
  uint8_t bytes[BLOCK * sizeof(uint32_t)];
  uint64_t wanted = c->n - first < BLOCK ? c->n - first : BLOCK;
  size_t width = (size_t)c->width, n = read_bytes(c, bytes, wanted * width, first * width) / width;
  c->first = first;
  c->held = wanted;
  for (size_t i = 0; i < wanted; i++)
    c->ids[i] = i < n ? number_at(bytes + i * width, c->width) : 0;
  if (n < wanted && !c->fault)
    c->fault = "it has become shorter";
}

uint32_t corpus_id(void *corpus, uint64_t i) {
  struct corpus *c = corpus;
  if (i - c->first >= c->held)
    read_block(c, i);
  uint32_t id = c->ids[i - c->first];
  if (id < c->vocab)
    return id;
  c->fault = "it has other ids than before";
  return 0;
}

bool corpus_can_be_read(const struct corpus *c, struct diag *d) {
  if (c->fault)
    diag_error(d, "%s: cannot be read any more: %s", c->name, c->fault);
  return !c->fault;
}

/* Takes what the descriptor is open on, which messages call `name`. */
static bool take_file(struct corpus *c, struct diag *d, int fd, const char *name) {
  struct stat st = {0};
  *c = (struct corpus){.fd = fd, .width = c->width, .name = name, .vocab = UINT32_MAX};
  c->ids = malloc(BLOCK * sizeof *c->ids);
  if (fstat(fd, &st) != 0)
    diag_error(d, "%s: cannot be read: %s", name, strerror(errno));
  else if (st.st_size == 0 || st.st_size % c->width)
    diag_error(
        d, st.st_size ? "%s: it ends within an id of %d bits; is it whole?" : "%s: there is nothing in it",
        name, 8 * c->width);
  else if (!c->ids)
    diag_error(d, "%s: there is no memory to read it", name);
  else
    c->n = (uint64_t)st.st_size / (uint64_t)c->width;
  return c->n > 0;
}

static bool open_file(struct corpus *c, struct diag *d, const char *path) {
  int64_t size;
  int fd = file_open(d, path, &size);
  c->width = flat_ids_said(path);
  return fd >= 0 && take_file(c, d, fd, path);
}

/* ---- several files to one ---------------------------------------------------------------------------- */

static bool copy_ids(struct diag *d, const char *path, FILE *out) {
  struct corpus one = {.fd = -1};
  bool ok = open_file(&one, d, path);
  for (uint64_t i = 0; ok && i < one.n && !one.fault; i++)
    flat_ids_put(out, corpus_id(&one, i), 4);
  ok = ok && corpus_can_be_read(&one, d);
  corpus_close(&one);
  return ok;
}

static bool add_file(struct diag *d, const char *path, const struct tokenizer *t, FILE *out) {
  uint64_t n = 0;
  if (flat_ids_said(path))
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
      flat_ids_put(out, (uint32_t)end, 4);
    ok = add_file(d, files[i], t, out);
  }
  if (ok && (fflush(out) != 0 || ferror(out))) {
    diag_error(
        d, "the ids of the text cannot be written to the folder for temporary files ($TMPDIR, or /tmp): %s",
        strerror(errno));
    ok = false;
  }
  c->width = 4;
  ok = ok && take_file(c, d, dup(fileno(out)), input_name(files[0]));
  if (out)
    fclose(out);
  return ok;
}

/* ---- checks ------------------------------------------------------------------------------------------ */

static bool is_of_model(const struct corpus *c, struct diag *d, uint64_t i, uint32_t id, uint32_t vocab) {
  if (id >= vocab)
    diag_error(
        d,
        "%s: id %llu is %u, and the model has ids from 0 to %u; is it the tokenizer of this model, and are "
        "ids %d bits wide (names say so: .u16, .u32)?",
        c->name, (unsigned long long)i, id, vocab - 1, 8 * c->width);
  return id < vocab;
}

/* Every id is the model's; counts the bytes that they stand for. False after a diagnostic, or when a signal
 * asks for an end. */
static bool look_through(struct corpus *c, struct diag *d, const struct tokenizer *t, uint32_t vocab) {
  uint64_t sums[2] = {0};
  for (uint64_t first = 0; first < c->n && !c->fault; first += c->held) {
    read_block(c, first);
    for (uint64_t i = 0; i < c->held; i++) {
      size_t bytes = 0;
      if (!is_of_model(c, d, first + i, c->ids[i], vocab))
        return false;
      if (t && c->ids[i] < tokenizer_size(t))
        tokenizer_piece(t, c->ids[i], first + i == 0, &bytes);
      c->bytes += bytes;
    }
    sums[1] = checksum(c->ids, c->held * sizeof *c->ids);
    sums[0] = checksum(sums, sizeof sums);
    if (interrupted())
      return false;
  }
  c->sum = sums[0];
  c->vocab = vocab;
  if (c->n < 2)
    diag_error(d, "%s: has one id, and there is nothing to predict from it", c->name);
  return corpus_can_be_read(c, d) && c->n >= 2;
}

bool corpus_open(struct corpus *c, struct diag *d, const char *const *files, int n, const struct tokenizer *t,
                 uint32_t vocab) {
  *c = (struct corpus){.fd = -1};
  bool one = n == 1 && flat_ids_said(files[0]);
  if ((one ? open_file(c, d, files[0]) : join(c, d, files, n, t)) && look_through(c, d, t, vocab))
    return true;
  corpus_close(c);
  return false;
}

void corpus_close(struct corpus *c) {
  if (c->fd >= 0)
    close(c->fd);
  free(c->ids);
  *c = (struct corpus){.fd = -1};
}
