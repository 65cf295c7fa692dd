/* state.h: the recurrent state of one sequence: its start, and saving it.
 *
 * A saved sequence is a header that names the model's state and its weights, then the state. Restoring
 * refuses the bytes of another model, also of the same with other weights, and leaves the sequence as it was.
 */
#ifndef TERN_RUNTIME_STATE_H
#define TERN_RUNTIME_STATE_H

#include "runtime/core/base.h"
#include "runtime/model.h"

/* As it is before the first token. */
void state_reset(const struct tern_model *m, uint8_t *state);
/* One run of initial values. */
void state_fill(uint8_t *state, const struct tern_fill *fill);

/* Memory of the states of so many sequences, in which every byte is 0; NULL: there is none. Rows of pasts
 * take room only once they are written. state_free takes it back. */
uint8_t *state_new(const struct tern_model *m, uint64_t sequences);
void state_free(const struct tern_model *m, uint8_t *states, uint64_t sequences);
/* Bytes of a sequence's state before its first token, and what each token adds to them. */
uint64_t state_fixed_bytes(const struct tern_model *m);
uint64_t state_token_bytes(const struct tern_model *m);
/* Whether n more tokens fit a sequence that has had `position`; context 0: any number does. */
bool context_fits(const struct tern_model *m, uint64_t context, uint64_t position, uint64_t n,
                  struct failure *f);

/* After `position` tokens; of a model with histories the more, the more tokens there are. */
size_t state_saved_bytes(const struct tern_model *m, uint64_t position);
/* weights: image_identity of those that run. */
void state_save(const struct tern_model *m, uint64_t weights, const uint8_t *state, uint64_t position,
                void *bytes);
bool state_restore(const struct tern_model *m, uint64_t weights, uint8_t *state, uint64_t *position,
                   const void *bytes, size_t n, struct failure *f);

#endif
