/* config_value.h: a value of config.json, as the reader of checkpoints gives it to the language. */
#ifndef TERN_FRONTEND_CONFIG_VALUE_H
#define TERN_FRONTEND_CONFIG_VALUE_H

#include "support/diag.h"

enum config_kind { CONFIG_NUMBER, CONFIG_BOOLEAN, CONFIG_TEXT, CONFIG_LIST, CONFIG_OBJECT, CONFIG_NULL };

struct config_value {
  enum config_kind kind;
  double number;    /* of a boolean 1 or 0 */
  const char *text; /* of a TEXT */
  const struct config_value *items;
  int n;         /* of items */
  struct loc at; /* the key's place in config.json; file 0: it has no text */
};

#endif
