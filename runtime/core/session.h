/* session.h: one sequence of tokens running through a model: its recurrent state, scratch memory, threads.
 *
 * A recurrent model keeps no past but its state, so a sequence costs state_bytes however long it gets, and
 * saving the state saves the sequence. */
#ifndef TERN_RUNTIME_SESSION_H
#define TERN_RUNTIME_SESSION_H

#include "runtime/core/base.h"
#include "runtime/core/image.h"
#include "runtime/model.h"

struct profile;
struct team;

struct session {
  const struct tern_model *model;
  const struct tern_entry *step, *prefill; /* prefill NULL: the model has none */
  const uint8_t *weights;
  struct team *team;
  struct profile *profile; /* counts the calls; NULL: none. The caller's */
  uint8_t *state, *scratch;
  uint32_t *tokens;    /* [chunk] aligned copy of the tokens of one call */
  uint32_t *positions; /* [chunk] of each, how many came before it */
  uint64_t context;    /* the most tokens that the sequence takes; 0: any number */
  float *logits;       /* [rows, vocab] of the last call; int32 when `raw` */
  uint32_t rows;       /* rows that `logits` has room for */
  bool raw;            /* integer logits stay as they are; else they are turned into floats */
  bool mapped;         /* the weights are a mapping of a file */
  uint32_t touched;    /* tokens since pages of the embedding were given back */
  uint32_t vocab;      /* the model's */
  uint32_t chunk;      /* most tokens a call takes; 1: only the one-token form runs */
  uint64_t identity;   /* of the image, for saved states */
  uint64_t position;   /* tokens taken since the reset */
};

/* Whether the image is made for this model; the message says how they differ. `im` may be NULL for a model
 * without weights. */
bool image_fits(const struct image *im, const struct tern_model *m, struct failure *f);
/* How many threads run the model; asked 0: its default, or as many as its size pays for. */
uint32_t session_threads(const struct tern_model *m, uint32_t asked);
/* Whether the ids are the model's. */
bool tokens_fit(const struct tern_model *m, const uint32_t *tokens, size_t n, struct failure *f);
/* Integer logits x become the floats x * 2^-logits_frac, in place; floats stay. */
void logits_to_floats(const struct tern_model *m, float *logits, size_t rows);
/* After n more tokens: gives pages of the embedding back that they touched, now and then. The weights are a
 * mapping of a file. */
void table_touch(const struct tern_model *m, const uint8_t *weights, uint32_t *touched, uint32_t n);

/* threads 0: the model's default; chunk 0: the model's. The image must fit and stay open. */
bool session_open(struct session *s, const struct tern_model *m, const struct image *im, uint32_t threads,
                  uint32_t chunk, struct failure *f);
void session_close(struct session *s);

/* The sequence takes at most so many tokens; 0: as many as the model. */
bool session_limit(struct session *s, uint64_t context, struct failure *f);

/* The state as it is before the first token. */
void session_reset(struct session *s);

/* Called after each chunk: tokens first .. first + n - 1 have run, and rows[keep, vocab] are the logits of
 * the last `keep` of them (int32 when the session is `raw`), valid during the call. False stops the run
 * there. */
typedef bool session_visit(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep);

/* Runs n tokens; keeps the logits of every position (`all`), or only of the last one, which s->logits[0,
 * vocab] then holds. Ids are checked before any runs, so a failure leaves the state as it was; a stop by
 * `visit` (may be NULL) returns false without a message. */
bool session_run(struct session *s, const uint32_t *tokens, size_t n, bool all, session_visit *visit,
                 void *context, struct failure *f);

/* The same with one token. */
bool session_step(struct session *s, uint32_t token, struct failure *f);

/* state.h */
size_t session_saved_bytes(const struct session *s);
void session_save(const struct session *s, void *bytes);
bool session_restore(struct session *s, const void *bytes, size_t n, struct failure *f);

#endif
