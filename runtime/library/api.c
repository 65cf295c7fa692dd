/* api.c: the calls of library.h on top of sessions.
 *
 * Generated code needs aligned memory; callers' buffers need not be, so logits are copied out of the
 * session's rows chunk by chunk. The symbols begin with tern_ here; ternc gives them the model's name. */
#include "runtime/core/base.h"

#include "runtime/library/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/batch.h"
#include "runtime/core/cpu.h"
#include "runtime/core/entries.h"
#include "runtime/core/image.h"
#include "runtime/core/session.h"
#include "runtime/core/state.h"
#include "runtime/model.h"
#include "runtime/text/generate.h"
#include "runtime/text/tokenizer.h"

extern const struct tern_model *const tern_program_model;

struct tern_model_handle {
  const struct tern_model *model;
  struct image image;
  struct tokenizer *tokenizer; /* NULL: none */
};

struct tern_sequence {
  struct session session;
  struct failure failure; /* of the last call that failed */
};

struct tern_batch {
  struct batch batch;
  struct failure failure;
};

/* The image of the running program is a convenience: without one, only a model without weights can open. */
static bool open_image(tern_model_handle *h, const char *path, struct failure *f) {
  if (path ? !image_open(&h->image, path, f->text, sizeof f->text) : !image_carried(&h->image, f))
    return false;
  if (!h->image.header && h->model->weights_bytes > 0)
    return fail_with(f, "model %s needs its weights; pass the name of their file", h->model->name);
  return image_fits(h->image.header ? &h->image : NULL, h->model, f);
}

static bool open_tokenizer(tern_model_handle *h, struct failure *f) {
  if (!h->image.tokenizer)
    return true;
  h->tokenizer =
      tokenizer_open(h->image.tokenizer, h->image.header->tokenizer_bytes, f->text, sizeof f->text);
  return h->tokenizer != NULL;
}

tern_model_handle *tern_open(const char *weights_file, char *error, size_t error_size) {
  struct failure f = {0};
  tern_model_handle *h = calloc(1, sizeof *h);
  if (!h) {
    fail_memory(&f, sizeof *h, "the model");
  } else {
    h->model = cpu_choose(tern_program_model, NULL, &f);
    if (h->model && open_image(h, weights_file, &f) && open_tokenizer(h, &f)) {
      image_settle(&h->image, h->model);
      return h;
    }
  }
  tern_close(h);
  if (error_size)
    snprintf(error, error_size, "%s", f.text);
  return NULL;
}

void tern_close(tern_model_handle *h) {
  if (!h)
    return;
  if (h->tokenizer)
    tokenizer_close(h->tokenizer);
  image_close(&h->image);
  free(h);
}

void tern_describe(const tern_model_handle *h, struct tern_description *d) {
  const struct tern_model *m = h->model;
  *d = (struct tern_description){
      .name = m->name,
      .spec = m->spec,
      .dimensions = m->params,
      .target = m->target,
      .compiler = m->compiler,
      .parameters = m->parameters,
      .weight_bytes = m->weights_bytes,
      .state_bytes = state_fixed_bytes(m),
      .context = m->context,
      .state_bytes_of_token = state_token_bytes(m),
      .vocab = model_vocab(m),
      .chunk = model_chunk(m) ? model_chunk(m) : 1,
      .batch = model_sequences(m) ? model_sequences(m) : 1,
      .has_tokenizer = h->tokenizer != NULL,
  };
}

uint32_t tern_vocab(const tern_model_handle *h) {
  return model_vocab(h->model);
}

tern_sequence *tern_sequence_open(tern_model_handle *h, uint32_t threads, char *error, size_t error_size) {
  struct failure f = {0};
  tern_sequence *s = calloc(1, sizeof *s);
  const struct image *im = h->image.base ? &h->image : NULL;
  if (s ? session_open(&s->session, h->model, im, threads, 0, &f) : fail_memory(&f, sizeof *s, "a sequence"))
    return s;
  free(s);
  if (error_size)
    snprintf(error, error_size, "%s", f.text);
  return NULL;
}

void tern_sequence_close(tern_sequence *s) {
  if (!s)
    return;
  session_close(&s->session);
  free(s);
}

struct destination {
  float *logits;
  uint32_t vocab;
};

/* Rows of a chunk go where its kept positions belong: one after the other. */
static bool copy_rows(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  struct destination *d = context;
  size_t count = (size_t)keep * d->vocab;
  (void)first, (void)n;
  if (count) {
    memcpy(d->logits, rows, count * sizeof *rows);
    d->logits += count;
  }
  return true;
}

static int run(tern_sequence *s, const uint32_t *tokens, size_t n, bool all, float *logits) {
  struct destination to = {.logits = logits, .vocab = s->session.vocab};
  return session_run(&s->session, tokens, n, all, logits ? copy_rows : NULL, &to, &s->failure);
}

int tern_prefill(tern_sequence *s, const uint32_t *tokens, size_t n, float *logits) {
  return run(s, tokens, n, false, logits);
}

int tern_score(tern_sequence *s, const uint32_t *tokens, size_t n, float *logits) {
  return run(s, tokens, n, true, logits);
}

int tern_step(tern_sequence *s, uint32_t token, float *logits) {
  return run(s, &token, 1, false, logits);
}

int tern_sequence_context(tern_sequence *s, uint64_t context) {
  return session_limit(&s->session, context, &s->failure);
}

void tern_reset(tern_sequence *s) {
  session_reset(&s->session);
}

uint64_t tern_position(const tern_sequence *s) {
  return s->session.position;
}

size_t tern_saved_bytes(const tern_sequence *s) {
  return session_saved_bytes(&s->session);
}

void tern_save(const tern_sequence *s, void *bytes) {
  session_save(&s->session, bytes);
}

int tern_restore(tern_sequence *s, const void *bytes, size_t n) {
  return session_restore(&s->session, bytes, n, &s->failure);
}

const char *tern_error(const tern_sequence *s) {
  return s->failure.text;
}

tern_batch *tern_batch_open(tern_model_handle *h, uint32_t sequences, uint32_t threads, char *error,
                            size_t error_size) {
  struct failure f = {0};
  tern_batch *b = calloc(1, sizeof *b);
  const struct image *im = h->image.base ? &h->image : NULL;
  if (b ? batch_open(&b->batch, h->model, im, sequences, threads, &f) : fail_memory(&f, sizeof *b, "a batch"))
    return b;
  free(b);
  if (error_size)
    snprintf(error, error_size, "%s", f.text);
  return NULL;
}

void tern_batch_close(tern_batch *b) {
  if (!b)
    return;
  batch_close(&b->batch);
  free(b);
}

int tern_batch_step(tern_batch *b, const uint32_t *which, const uint32_t *tokens, uint32_t n, float *logits) {
  return batch_step(&b->batch, which, tokens, n, logits, &b->failure);
}

int tern_batch_reset(tern_batch *b, uint32_t sequence) {
  if (!batch_has(&b->batch, sequence, &b->failure))
    return false;
  batch_reset(&b->batch, sequence);
  return true;
}

uint64_t tern_batch_position(const tern_batch *b, uint32_t sequence) {
  return sequence < b->batch.sequences ? b->batch.positions[sequence] : 0;
}

size_t tern_batch_saved_bytes(const tern_batch *b) {
  uint64_t most = 0;
  for (uint32_t i = 0; i < b->batch.sequences; i++)
    most = b->batch.positions[i] > most ? b->batch.positions[i] : most;
  return state_saved_bytes(b->batch.model, most);
}

int tern_batch_save(tern_batch *b, uint32_t sequence, void *bytes) {
  const struct batch *s = &b->batch;
  if (!batch_has(s, sequence, &b->failure))
    return false;
  state_save(s->model, s->identity, batch_state(s, sequence), s->positions[sequence], bytes);
  return true;
}

int tern_batch_restore(tern_batch *b, uint32_t sequence, const void *bytes, size_t n) {
  const struct batch *s = &b->batch;
  return batch_has(s, sequence, &b->failure) && state_restore(s->model, s->identity, batch_state(s, sequence),
                                                              &s->positions[sequence], bytes, n, &b->failure);
}

const char *tern_batch_error(const tern_batch *b) {
  return b->failure.text;
}

/* Writes what fits of n ids, which are freed. */
static size_t hand_over(uint32_t *all, size_t n, uint32_t *ids, size_t room) {
  size_t written = n < room ? n : room;
  if (written)
    memcpy(ids, all, written * sizeof *ids);
  free(all);
  return n;
}

size_t tern_encode(const tern_model_handle *h, const char *text, size_t bytes, uint32_t *ids, size_t room) {
  uint32_t *all = NULL;
  bool some = h->tokenizer && bytes;
  size_t n = some ? tokenizer_encode(h->tokenizer, text, bytes, TOKENIZER_SPECIAL_NEVER, &all) : 0;
  return hand_over(all, n, ids, room);
}

size_t tern_encode_prompt(const tern_model_handle *h, const char *text, size_t bytes, int special,
                          uint32_t *ids, size_t room) {
  uint32_t *all = NULL;
  size_t n = 0;
  struct failure f = {0};
  struct text_rules rules = {.special = special < 0   ? TOKENIZER_SPECIAL_AUTO
                                        : special > 0 ? TOKENIZER_SPECIAL_ALWAYS
                                                      : TOKENIZER_SPECIAL_NEVER};
  if (!h->tokenizer || !tokens_of_text(h->tokenizer, &rules, text, bytes, &all, &n, &f))
    n = 0;
  return hand_over(all, n, ids, room);
}

size_t tern_decode(const tern_model_handle *h, const uint32_t *ids, size_t n, int first, char *text,
                   size_t room) {
  size_t total = 0;
  for (size_t i = 0; h->tokenizer && i < n; i++) {
    size_t bytes = 0;
    if (ids[i] >= tokenizer_size(h->tokenizer))
      continue; /* rows of logits may be wider than the tokenizer */
    const char *piece = tokenizer_piece(h->tokenizer, ids[i], first && total == 0, &bytes);
    if (total < room && bytes)
      memcpy(text + total, piece, bytes < room - total ? bytes : room - total);
    total += bytes;
  }
  return total;
}

int32_t tern_bos(const tern_model_handle *h) {
  return h->tokenizer ? tokenizer_bos(h->tokenizer) : -1;
}

int32_t tern_eos(const tern_model_handle *h) {
  return h->tokenizer ? tokenizer_eos(h->tokenizer) : -1;
}

int tern_is_end(const tern_model_handle *h, uint32_t id) {
  return h->tokenizer && tokenizer_is_end(h->tokenizer, id);
}
