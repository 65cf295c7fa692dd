/* tokens.h: ids that a command is given, as a text or in a file, and text of ids. */
#ifndef TERN_DRIVER_TOKENS_H
#define TERN_DRIVER_TOKENS_H

#include "driver/driver.h"
#include "runtime/text/tokenizer.h"

/* Reads the checkpoint's tokenizer, if it has one that can be used, into the job, and says where it does not
 * fit the module. */
void job_find_tokenizer(struct job *j);

/* The checkpoint's tokenizer. NULL after a diagnostic: `without` when there is none. */
#define NO_TOKENIZER "the checkpoint has no tokenizer; give --tokens FILE instead of --prompt"
struct tokenizer *job_tokenizer(struct job *j, const char *without);

/* In the job's arena; NULL after a diagnostic. Of a text, as a program's --prompt has them; of a
 * file, each below `vocab`. */
uint32_t *text_ids(struct job *j, const struct tokenizer *t, const char *text, size_t length, size_t *n);
uint32_t *file_ids(struct job *j, const char *path, uint32_t vocab, size_t *n);

/* Prints the text of ids and a newline. */
void print_ids(const struct tokenizer *t, const uint32_t *ids, size_t n);

#endif
