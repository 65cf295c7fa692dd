/* call.h: the arguments of a call of a language model's form: its ports, tokens and logits (and rows), and
 * sizes. */
#ifndef TERN_TESTS_RANDOM_CALL_H
#define TERN_TESTS_RANDOM_CALL_H

#include "runtime/model.h"

enum { CALL_TOKENS, CALL_LOGITS, CALL_ROWS, CALL_PORTS }; /* the ports of a form, in their order */

struct form_call {
  void *ports[CALL_PORTS];
  uint32_t sizes[TERN_MOST_DIMS];
};

/* Lets args->ports and args->sizes lead to *c, filled for n tokens and the logits of `keep` of them. rows:
 * numbers of sequences, NULL in a form that has no such port. */
static inline void form_call(struct form_call *c, struct tern_args *args, const uint32_t *tokens,
                             void *logits, const uint32_t *rows, uint32_t n, uint32_t keep) {
  *c = (struct form_call){{(void *)tokens, logits, (void *)rows},
                          {[TERN_T] = n, [TERN_K] = keep, [TERN_B] = n}};
  args->ports = c->ports;
  args->sizes = c->sizes;
}

#endif
