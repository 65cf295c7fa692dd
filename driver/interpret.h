/* interpret.h: the interpreter as an engine behind the runtime's command line, and float64 logits. */
#ifndef TERN_DRIVER_INTERPRET_H
#define TERN_DRIVER_INTERPRET_H

#include "driver/driver.h"
#include "runtime/core/image.h"
#include "runtime/model.h"

/* A model whose step and prefill are the interpreter's. Its image has no weights of its own: `image` stands
 * for it (tokenizer, layout) and must be passed to tern_main with the model. One interpreter serves one
 * session. */
struct interpreted {
  struct tern_model model;
  struct tern_entry entries[2]; /* step, prefill */
  struct tern_port step_ports[2], prefill_ports[2];
  struct tern_dim dims[DIMS_GIVEN];
  struct image image;
  struct image_header header;
  struct interp *interp;
  bool failed; /* a diagnostic was reported; the session's logits are then NaN, which the runtime refuses */
};

/* Rows of the logits that `step` returns. */
int64_t model_vocabulary(const struct module *m);

/* The ids of a file, checked against the model's vocabulary; in the job's arena. */
bool interpret_ids(struct job *j, const char *path, uint32_t **ids, size_t *n);

/* Logits of all tokens of a file of ids as little-endian floats or doubles [n, vocab]; `chunk` tokens a call
 * of the many-token form, 1: the one-token form. */
bool interpret_logits(struct job *j, bool float64, const char *tokens, const char *out, int chunk);

#endif
