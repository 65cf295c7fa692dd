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

size_t state_saved_bytes(const struct tern_model *m);
/* weights: image_identity of those that run. */
void state_save(const struct tern_model *m, uint64_t weights, const uint8_t *state, uint64_t position,
                void *bytes);
bool state_restore(const struct tern_model *m, uint64_t weights, uint8_t *state, uint64_t *position,
                   const void *bytes, size_t n, struct failure *f);

#endif
