/* random_config.h: what --random was asked for, as a config.json and as sizes. */
#ifndef TERN_FRONTEND_CHECKPOINT_RANDOM_CONFIG_H
#define TERN_FRONTEND_CHECKPOINT_RANDOM_CONFIG_H

#include "frontend/checkpoint/config.h"

struct random_config {
  struct config config; /* its text, when it has one, is what is written again */
  int64_t hidden, layers, inner, vocabulary;
  bool lower_bounds;
  enum dtype dtype;
};

/* `text` as checkpoint_random's `config`. False after diagnostics; config_free(&r->config) in either case. */
bool random_config_read(struct diag *d, struct arena *a, const char *text, struct random_config *r);

#endif
