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
 * A sequence's only memory is its state. It is of a fixed size (tern_saved_bytes), whatever the number of
 * tokens; only that of a model with attention over all of them grows by state_bytes_of_token each, up to its
 * context.
 *
 * A program that follows many texts at a time steps them together, so that the weights are read once for all:
 *
 *     tern_batch *b = tern_batch_open(model, 8, 0, error, sizeof error);
 *     tern_save(s, bytes), tern_batch_restore(b, 3, bytes, n);   // a prompt that a sequence has read
 *     tern_batch_step(b, which, tokens, n, logits);              // which of the 8, and a token for each
 *
 * Threads: calls on different sequences may run at the same time, also over one model; calls on one sequence
 * may not. Calls on a model other than tern_close may run at any time. Each sequence has its own worker
 * threads, which sleep between calls that are more than a millisecond apart. Results do not depend on the
 * number of threads. A call takes up to 1 MiB of the caller's stack.
 *
 * After fork() the child may go on with models, sequences and batches that the parent has opened, from where
 * they were, and closes its own: it starts threads of its own when it first needs them. Only a sequence or
 * batch that another thread was in a call on at that moment is of no use there, and its calls fail.
 *
 * Soon after tern_open a thread puts large weights into huge pages, which takes as long as reading and
 * copying them; they are then memory of this process, and no longer shared with others that map the same
 * file. TERN_HUGE_PAGES=0 in the environment keeps the mapping.
 *
 * tern_open looks at the processor before any compiled code runs, and refuses one that lacks what the library
 * was compiled for; of several levels (ternc build --cpu=A,B) it takes the best that runs, or the one that
 * TERN_CPU_LEVEL in the environment names.
 *
 * The weights are mapped from their file, and a signal (SIGBUS) ends the process when that gets shorter: put
 * new weights in its place by renaming a file over it, never by writing into it.
 *
 * Calls that can fail return 0 (or NULL) on failure and leave the sequence as it was; tern_error says why. */
#ifndef tern_library_h
#define tern_library_h

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
typedef struct tern_batch tern_batch;               /* several texts that step together */

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
  uint32_t batch; /* most sequences that step together; larger batches are split. 1: each by itself */
  int has_tokenizer;
  uint64_t context;              /* the most tokens of a sequence; 0: any number */
  uint64_t state_bytes_of_token; /* that each token adds to the state_bytes of a sequence */
};
TERN_PUBLIC void tern_describe(const tern_model_handle *model, struct tern_description *description);
TERN_PUBLIC uint32_t tern_vocab(const tern_model_handle *model);

/* A sequence before its first token. threads 0: the model's default, or as many as pay, at
 * most one a processor that the process may use (affinity, CPU quota of a container). */
TERN_PUBLIC tern_sequence *tern_sequence_open(tern_model_handle *model, uint32_t threads, char *error,
                                              size_t error_size);
/* The sequence takes at most so many tokens, of the model's context; 0: as many as that. Memory follows the
 * tokens that it has had, whatever this says. */
TERN_PUBLIC int tern_sequence_context(tern_sequence *sequence, uint64_t context);
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
 * refuses what another model saved, or the same with other weights. */
TERN_PUBLIC size_t tern_saved_bytes(const tern_sequence *sequence);
TERN_PUBLIC void tern_save(const tern_sequence *sequence, void *bytes);
TERN_PUBLIC int tern_restore(tern_sequence *sequence, const void *bytes, size_t n);

/* Why the last failed call on this sequence failed; "" when none did. Valid until the next call on it. */
TERN_PUBLIC const char *tern_error(const tern_sequence *sequence);

/* Sequences 0 .. sequences-1, each before its first token. There may be more than step together (batch of
 * tern_description). threads 0: the model's default, or one a processor. The rules for calls on a sequence
 * hold for calls on a batch. */
TERN_PUBLIC tern_batch *tern_batch_open(tern_model_handle *model, uint32_t sequences, uint32_t threads,
                                        char *error, size_t error_size);
TERN_PUBLIC void tern_batch_close(tern_batch *batch); /* NULL is fine */

/* Runs one token of each of n sequences: tokens[i] in the sequence which[i], no sequence twice; NULL stands
 * for 0 .. n-1. logits[n][vocab], or NULL. The others keep their states. The logits are the same bits as
 * tern_step gives. The time is that of n sequences, wherever they lie: one that sits out costs nothing. */
TERN_PUBLIC int tern_batch_step(tern_batch *batch, const uint32_t *which, const uint32_t *tokens, uint32_t n,
                                float *logits);

/* As for a sequence, of sequence number `sequence`; saved bytes go from one to the other. */
TERN_PUBLIC int tern_batch_reset(tern_batch *batch, uint32_t sequence);
TERN_PUBLIC uint64_t tern_batch_position(const tern_batch *batch, uint32_t sequence); /* 0: no such one */
TERN_PUBLIC size_t tern_batch_saved_bytes(const tern_batch *batch);
TERN_PUBLIC int tern_batch_save(tern_batch *batch, uint32_t sequence, void *bytes);
TERN_PUBLIC int tern_batch_restore(tern_batch *batch, uint32_t sequence, const void *bytes, size_t n);
TERN_PUBLIC const char *tern_batch_error(const tern_batch *batch);

/* Ids of the text; returns how many there are and writes at most `room` of them. BOS is not added, and
 * special tokens ("</s>") are plain text. 0 without a tokenizer. */
TERN_PUBLIC size_t tern_encode(const tern_model_handle *model, const char *text, size_t bytes, uint32_t *ids,
                               size_t room);
/* The same of a prompt, as a program's --prompt has it: with what the checkpoint puts in front, and with
 * special tokens where `special` is 1, without them where it is 0; -1: where the text is chat text. An empty
 * prompt is BOS. */
TERN_PUBLIC size_t tern_encode_prompt(const tern_model_handle *model, const char *text, size_t bytes,
                                      int special, uint32_t *ids, size_t room);
/* The text of n ids; returns how many bytes it has and writes at most `room` of them, without a final zero.
 * `first`: the ids begin the text, where the blank before the first word is dropped. One id may be a part of
 * a UTF-8 character. */
TERN_PUBLIC size_t tern_decode(const tern_model_handle *model, const uint32_t *ids, size_t n, int first,
                               char *text, size_t room);
/* Ids of the tokens that begin and end a text, of several that end it the first; -1 where there is none. */
TERN_PUBLIC int32_t tern_bos(const tern_model_handle *model);
TERN_PUBLIC int32_t tern_eos(const tern_model_handle *model);
/* Whether a text ends with this id. */
TERN_PUBLIC int tern_is_end(const tern_model_handle *model, uint32_t id);

#ifdef __cplusplus
}
#endif

#endif
