/* learner.h: a model that is being trained: its memory, and what a step of training calls (runtime/model.def,
 * struct tern_training; passes/training).
 *
 * All weights, gradients, moments and what a call keeps live in three blocks: `weights`, `state`, `scratch`.
 * Gradients begin as 0 and add up call by call until learner_update. */
#ifndef TERN_TRAINING_LEARNER_H
#define TERN_TRAINING_LEARNER_H

#include "runtime/core/base.h"
#include "runtime/core/team.h"
#include "runtime/model.h"

struct learner {
  const struct tern_model *model;
  const struct tern_training *about;
  struct team *team;
  uint8_t *weights, *state, *scratch;
  uint64_t scratch_bytes;
  uint32_t chunk; /* most tokens of a call */
  uint32_t vocab; /* bound of token ids */
  uint32_t *tokens, *targets, *positions;
  float *share;    /* [chunk] each: the ports of a call */
  uint32_t *seeds; /* [n_seeds]: what an update rounds by */
  uint64_t n_seeds;
  uint8_t *starts; /* [parts of a sequence, sequence_bytes]: its states where each part began */
  uint64_t sequence_bytes, starts_bytes;
};

/* Bytes of each of the blocks, before anything is allocated. */
uint64_t learner_scratch(const struct tern_model *m, uint32_t threads);
/* Of the states of a kind; of those that are kept between the parts of a sequence of so many tokens. */
uint64_t learner_bytes(const struct tern_training *about, enum tern_region_kind kind);
uint64_t learner_starts(const struct tern_model *m, uint64_t length);

/* Weights are 0, and so is all else. False with a message: the model cannot be trained, or there is no memory
 * for it. */
bool learner_open(struct learner *l, const struct tern_model *m, uint32_t threads, struct failure *f);
void learner_close(struct learner *l);

/* Instances of a tensor, and the elements of one. */
uint64_t tensor_instances(const struct tern_tensor *t);
uint64_t tensor_elements(const struct tern_tensor *t);
/* The numbers of an instance, [elements] of type t->elem. */
void *learner_tensor(const struct learner *l, const struct tern_tensor *t, uint64_t instance);
/* `count` numbers of an instance from number `first` on, as float32; and back, rounded half to even where
 * they are kept as bfloat16. */
void learner_read(const struct learner *l, const struct tern_tensor *t, uint64_t instance, uint64_t first,
                  uint64_t count, float *out);
void learner_write(struct learner *l, const struct tern_tensor *t, uint64_t instance, uint64_t first,
                   uint64_t count, const float *in);
/* For loops over an instance: how many numbers from `first` on are taken at a time. */
enum { TENSOR_PIECE = 4096 };
uint64_t tensor_piece(const struct tern_tensor *t, uint64_t first);
/* An instance of a state; region: its number in about->regions. */
void *learner_region(const struct learner *l, int region, uint64_t instance);

/* The ids of a sequence: n + 1 of them, of which the first n are read and the last n are to be predicted. */
struct passage {
  uint32_t (*id)(void *self, uint64_t i);
  void *self;
  uint64_t first, n;
};

/* Both end early when a signal asks for an end (runtime/core/interrupt.h): what they gave is then of no
 * value.
 */

/* Sum over the sequence of share * -log p of each token after the first (nats). It begins with the model's
 * first state. */
double learner_loss(struct learner *l, const struct passage *s, float share);
/* The same, and adds its derivative to the gradients. A sequence may be longer than a call: it goes forward
 * once more in parts, and the derivative is exact. False: there is no memory for the states of so many parts.
 */
bool learner_backward(struct learner *l, const struct passage *s, float share, double *loss,
                      struct failure *f);

/* The sum of the squares of all gradients. */
double learner_squares(struct learner *l);

/* What learner_update does to the weights: AdamW (arXiv 1711.05101), gradients first scaled by `clip`. */
struct adamw_rates {
  double rate, beta1, beta2, epsilon, decay, clip;
  uint64_t step; /* from 1 */
  uint64_t seed; /* by which, and by the step, what is kept in few bits is rounded (docs/numerics.md) */
};
/* Whether the model updates the matrices of each layer on the way back (ternc's --gradients layer). Then
 * learner_step does what learner_backward does, for a sequence of one call, with the rates of the update that
 * follows, and adds to *squares those of gradients that are used up; learner_squares has the rest. There is
 * no way back from it: the update must follow. */
bool learner_consumes(const struct learner *l);
double learner_step(struct learner *l, const struct passage *s, float share, const struct adamw_rates *r,
                    double *squares);

/* New weights and ternary codes; gradients become 0. */
void learner_update(struct learner *l, const struct adamw_rates *r);
/* Codes of the ternary matrices from their numbers: when these were changed by anyone else. */
void learner_ternarize(struct learner *l);
/* Gradients become 0 and no update happens. */
void learner_forget(struct learner *l);

#endif
