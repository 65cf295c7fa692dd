/* text_parts.h: a text of any length, read and used up in parts. */
#ifndef TERN_FRONTEND_TOKENIZER_TEXT_PARTS_H
#define TERN_FRONTEND_TOKENIZER_TEXT_PARTS_H

#include "runtime/text/tokenizer.h"
#include "support/diag.h"

/* Does something with a part, and says in *used how many bytes of it are done with: all of a last one. False
 * after a diagnostic. */
typedef bool part_user(void *context, const struct tokenizer_part *part, size_t *used);

/* Reads a file, or standard input for "-", from its beginning to its end. `whole`: as one part. Special
 * tokens are looked for as `special` says. False after a diagnostic. */
bool text_parts(struct diag *d, const char *path, enum tokenizer_special special, bool whole, part_user *use,
                void *context);

#endif
