/* entries.h: what a program finds in a model's table of entries, and the entries of a language model in it
 * (model.h). What a model does not have is NULL, or 0. */
#ifndef TERN_RUNTIME_ENTRIES_H
#define TERN_RUNTIME_ENTRIES_H

#include "runtime/core/base.h"
#include "runtime/model.h"

const struct tern_entry *entry_find(const struct tern_model *m, const char *name);

/* Bytes of scratch that the entry needs with so many threads; 0 for NULL. */
uint64_t entry_scratch(const struct tern_entry *e, uint32_t threads);

/* Whether the code is of this version of the runtime and has the entry `step` of a language model, with other
 * entries of those names like it. The message says what is not so. */
bool language_fits(const struct tern_model *m, struct failure *f);

const struct tern_entry *model_step(const struct tern_model *m);
const struct tern_entry *model_prefill(const struct tern_model *m);
const struct tern_entry *model_batch(const struct tern_model *m);

/* The width of a row of logits, and the bound of token ids. */
uint32_t model_vocab(const struct tern_model *m);
/* The most tokens that one prefill takes, and the most sequences that one batch takes; 0: there is none. */
uint32_t model_chunk(const struct tern_model *m);
uint32_t model_sequences(const struct tern_model *m);
/* The output of step: float32, or int32 that stand for the integer * 2^-frac. */
const struct tern_port *model_logits(const struct tern_model *m);
bool model_integers(const struct tern_model *m); /* whether logits are int32 */

#endif
