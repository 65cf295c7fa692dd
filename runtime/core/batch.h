/* batch.h: sequences of one model that step together, so that one pass over the weights serves many.
 *
 * Their states lie one after another; a call of generated code gets the numbers of those that step. More
 * sequences than the model was compiled for take several calls, and one alone takes the one-token form: the
 * logits are the same bits in any case. */
#ifndef TERN_RUNTIME_BATCH_H
#define TERN_RUNTIME_BATCH_H

#include "runtime/core/base.h"
#include "runtime/core/image.h"
#include "runtime/model.h"

struct batch {
  const struct tern_model *model;
  const struct tern_entry *step, *together; /* of one sequence, of several; NULL: the model has none */
  const uint8_t *weights;
  struct team *team;
  struct profile *profile; /* as in struct session */
  uint32_t sequences;
  uint32_t most;  /* that one call takes; 1: only the one-token form runs */
  uint8_t *state; /* [sequences] of state_bytes */
  uint8_t *scratch;
  uint32_t *call;      /* [3][most] aligned tokens, sequences and positions of one call */
  float *logits;       /* [most, vocab] of one call */
  uint64_t *positions; /* [sequences] tokens taken since the reset */
  bool *busy;          /* [sequences] scratch: in the present step */
  uint64_t identity;   /* of the image, for saved states */
  bool mapped;         /* as in struct session */
  uint32_t touched;
};

/* sequences: 1 or more; threads 0: the model's default. The image must fit and stay open. */
bool batch_open(struct batch *b, const struct tern_model *m, const struct image *im, uint32_t sequences,
                uint32_t threads, struct failure *f);
void batch_close(struct batch *b);

/* Token i goes to the sequence of that number (which: NULL stands for 0 .. n-1); no number twice. The logits,
 * floats, go to logits[n, vocab], or nowhere when it is NULL. A failure leaves all states as they were. */
bool batch_step(struct batch *b, const uint32_t *which, const uint32_t *tokens, uint32_t n, float *logits,
                struct failure *f);

/* One sequence of it. */
bool batch_has(const struct batch *b, uint32_t sequence, struct failure *f);
void batch_reset(struct batch *b, uint32_t sequence);
uint8_t *batch_state(const struct batch *b, uint32_t sequence);

#endif
