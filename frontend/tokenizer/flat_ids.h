/* flat_ids.h: token ids as a file of nothing else: little-endian numbers of 16 or 32 bits, one after another,
 * as training reads them. A name that ends in .u16 or .u32 says which; else it is 16 bits where every id of
 * the tokenizer fits, and 32 where not. */
#ifndef TERN_FRONTEND_TOKENIZER_FLAT_IDS_H
#define TERN_FRONTEND_TOKENIZER_FLAT_IDS_H

#include "runtime/text/tokenizer.h"
#include "support/diag.h"

/* Bytes of an id by the file's name: 2 or 4; 0: it does not say, and the file may be a text. */
int flat_ids_said(const char *path);
/* Writes one; errors stay on the stream. */
void flat_ids_put(FILE *out, uint32_t id, int width);

/* Bytes of an id in a file of that name, 2 or 4; 0 after a diagnostic: the ids do not fit. */
int flat_ids_width(struct diag *d, const char *path, const struct tokenizer *t);

/* Encodes the files, each of any length where the tokenizer takes parts, with the id that ends a text between
 * two of them; *n: how many ids were written. False after a diagnostic, or when a signal asks for an end and
 * the program has it caught (runtime/core/interrupt.h). */
struct flat_ids {
  const char *const *files; /* "-": standard input */
  int n_files;
  enum tokenizer_special special;
  int width;
};
bool flat_ids_encode(struct diag *d, const struct tokenizer *t, const struct flat_ids *how, FILE *out,
                     uint64_t *n);

/* Writes the text of the ids of a file. False after a diagnostic. */
bool flat_ids_decode(struct diag *d, const struct tokenizer *t, const char *path, int width, FILE *out);

#endif
