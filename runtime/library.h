/* A language model compiled by ternc, as a library.
 *
 * Link the library, open the weights once, and make as many sequences over them as there are texts to follow:
 *
 *     tern_model_handle *model = tern_open("weights.img", error, sizeof error);
 *     tern_sequence *s = tern_sequence_open(model, 0, error, sizeof error);
 *     tern_prefill(s, tokens, n, logits);      // logits[tern_vocab(model)] after the last token
 *     ... pick a token ...
 *     tern_step(s, token, logits);
 *
 * A sequence's only memory is its state, of a fixed size (tern_saved_bytes), whatever the number of tokens.
 *
 * Threads: calls on different sequences may run at the same time, also over one model; calls on one sequence
 * may not. Calls on a model other than tern_close may run at any time. Each sequence has its own worker
 * threads, which sleep between calls. Results do not depend on the number of threads.
 *
 * Calls that can fail return 0 (or NULL) on failure and leave the sequence as it was; tern_error says why. */
#ifndef TERN_LIBRARY_H
#define TERN_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TERN_PUBLIC __attribute__((visibility("default")))
#else
#define TERN_PUBLIC
#endif

typedef struct tern_model_handle tern_model_handle; /* the weights, read-only, shared by its sequences */
typedef struct tern_sequence tern_sequence;         /* one text: a state, scratch memory, threads */

/* Maps a weights image (or a program that carries one). NULL: the running program's own image; a model
 * without weights needs none. On failure returns NULL and writes a message into error[error_size]. */
TERN_PUBLIC tern_model_handle *tern_open(const char *weights_file, char *error, size_t error_size);
/* Close its sequences first. NULL is fine. */
TERN_PUBLIC void tern_close(tern_model_handle *model);

/* What the model is. `dimensions` reads "vocab=2048 hidden=256 ...". */
struct tern_description {
  const char *name, *spec, *dimensions, *target, *compiler;
  uint64_t parameters, weight_bytes, state_bytes;
  uint32_t vocab; /* ids are below it; a row of logits has that many */
  uint32_t chunk; /* most tokens that run together; longer inputs are split */
  int has_tokenizer;
};
TERN_PUBLIC void tern_describe(const tern_model_handle *model, struct tern_description *description);
TERN_PUBLIC uint32_t tern_vocab(const tern_model_handle *model);

/* A sequence before its first token. threads 0: the model's default, or one a processor. */
TERN_PUBLIC tern_sequence *tern_sequence_open(tern_model_handle *model, uint32_t threads, char *error,
                                              size_t error_size);
TERN_PUBLIC void tern_sequence_close(tern_sequence *sequence); /* NULL is fine */

/* Runs n tokens; logits[vocab] of the last one, or NULL when they are not wanted. n 0 does nothing. */
TERN_PUBLIC int tern_prefill(tern_sequence *sequence, const uint32_t *tokens, size_t n, float *logits);
/* Runs n tokens; logits[n][vocab] of every one. */
TERN_PUBLIC int tern_score(tern_sequence *sequence, const uint32_t *tokens, size_t n, float *logits);
/* Runs one token; logits[vocab], or NULL. */
TERN_PUBLIC int tern_step(tern_sequence *sequence, uint32_t token, float *logits);

/* Back to before the first token. */
TERN_PUBLIC void tern_reset(tern_sequence *sequence);
/* Tokens run since then. */
TERN_PUBLIC uint64_t tern_position(const tern_sequence *sequence);

/* Saves the sequence in bytes[tern_saved_bytes], to go on later, elsewhere, or several times. Restoring
 * refuses what another model saved. */
TERN_PUBLIC size_t tern_saved_bytes(const tern_sequence *sequence);
TERN_PUBLIC void tern_save(const tern_sequence *sequence, void *bytes);
TERN_PUBLIC int tern_restore(tern_sequence *sequence, const void *bytes, size_t n);

/* Why the last failed call on this sequence failed; "" when none did. Valid until the next call on it. */
TERN_PUBLIC const char *tern_error(const tern_sequence *sequence);

/* Ids of the text; returns how many there are and writes at most `room` of them. BOS is not added. 0 without
 * a tokenizer. */
TERN_PUBLIC size_t tern_encode(const tern_model_handle *model, const char *text, size_t bytes, uint32_t *ids,
                               size_t room);
/* The text of n ids; returns how many bytes it has and writes at most `room` of them, without a final zero.
 * `first`: the ids begin the text, where the blank before the first word is dropped. One id may be a part of
 * a UTF-8 character. */
TERN_PUBLIC size_t tern_decode(const tern_model_handle *model, const uint32_t *ids, size_t n, int first,
                               char *text, size_t room);
/* Ids of the tokens that begin and end a text; -1 where there is none. */
TERN_PUBLIC int32_t tern_bos(const tern_model_handle *model);
TERN_PUBLIC int32_t tern_eos(const tern_model_handle *model);

#ifdef __cplusplus
}
#endif

#endif
