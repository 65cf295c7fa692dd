/* corpus.h: the ids that a model is trained on, and which of them a step reads.
 *
 * Ids are windows of `length` + 1: the first `length` are read, the last `length` predicted. An epoch is
 * every window once, in an order that depends on the seed and the epoch alone, so a step knows its windows
 * from its number, and a run that goes on reads what it would have read. */
#ifndef TERN_TRAINING_CORPUS_H
#define TERN_TRAINING_CORPUS_H

#include "runtime/text/tokenizer.h"
#include "support/diag.h"

/* A file of ids, which may be larger than memory. Whatever happens to the file in the meantime, corpus_id
 * gives ids of the model, and corpus_can_be_read says that something happened. */
struct corpus {
  const char *name; /* for messages */
  int fd;           /* -1: none */
  int width;        /* bytes of an id, 2 or 4, little-endian */
  uint32_t vocab;   /* bound of ids */
  uint64_t n;       /* ids */
  uint64_t bytes;   /* of their text; 0: unknown */
  uint64_t sum;     /* checksum of the ids, to tell it from others */
  uint32_t *ids;    /* ids first .. first + held - 1 */
  uint64_t first, held;
  const char *fault; /* why it cannot be read any more; NULL: it can */
};

/* Files that end in .u16 or .u32 are flat ids (frontend/tokenizer/flat_ids.h), all others texts ("-":
 * standard input) for the tokenizer `t`; between two files stands the id that ends a text, where the
 * tokenizer has one. Ids must be below `vocab`. t may be NULL where no text is among them. False after a
 * diagnostic, or when a signal asks for an end (runtime/core/interrupt.h). */
bool corpus_open(struct corpus *c, struct diag *d, const char *const *files, int n, const struct tokenizer *t,
                 uint32_t vocab);
void corpus_close(struct corpus *c);

uint32_t corpus_id(void *corpus, uint64_t i);
/* False after a diagnostic: since it was opened, the file has become another one. */
bool corpus_can_be_read(const struct corpus *c, struct diag *d);

/* Where window number k of the whole training begins, among the first n ids; n > length. */
uint64_t corpus_window(uint64_t seed, uint64_t n, uint64_t length, uint64_t k);

#endif
