/* nearest.h: the word that was probably meant. */
#ifndef TERN_RUNTIME_NEAREST_H
#define TERN_RUNTIME_NEAREST_H

#include "runtime/core/base.h"

/* The candidate nearest to `word` by insertions, deletions, replacements and swaps of neighbours, other than
 * the word itself and at most a third of its length away; or NULL. */
const char *nearest_word(const char *word, const char *const *candidates, int n);

#endif
