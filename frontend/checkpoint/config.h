/* config.h: config.json and the other JSON files of a checkpoint, with places for what is wrong in them. */
#ifndef TERN_FRONTEND_CHECKPOINT_CONFIG_H
#define TERN_FRONTEND_CHECKPOINT_CONFIG_H

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/python_json.h"

struct config {
  json_t *root; /* an object; owned */
  const char *name, *text;
  size_t length;
  uint16_t source; /* file number for diagnostics; 0: made up by options, it has no text */
};

/* False after a diagnostic. */
bool config_read(struct diag *d, struct arena *a, const char *path, struct config *config);
void config_free(struct config *config);

/* See checkpoint_config. */
enum config_result config_find(struct diag *d, struct arena *a, const struct config *config, const char *key,
                               struct config_value *value);
/* A number of the outermost object. */
enum config_result config_number(struct diag *d, const struct config *config, const char *key, double *value);
/* A whole number from least to most; `otherwise` when it is absent or null, and when that is negative, an
 * error. */
bool config_integer(struct diag *d, const struct config *config, const char *key, int64_t least, int64_t most,
                    int64_t otherwise, int64_t *value);

/* An error at the place of a key's value. */
void config_error(struct diag *d, const struct config *config, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
