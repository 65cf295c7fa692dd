/* config_place.h: the place of a key in a JSON text. Jansson keeps none. */
#ifndef TERN_FRONTEND_CHECKPOINT_CONFIG_PLACE_H
#define TERN_FRONTEND_CHECKPOINT_CONFIG_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct span {
  const char *from, *to; /* of a text; NULL: nothing */
};
/* The key with its quotes: of the outermost object as it is, else as a path "a.b[2].c", as far as there is
 * one: of "a.x" it is a's place where a has no x. `text` is JSON and ends in a zero byte behind `length`. */
struct span json_key_place(const char *text, size_t length, const char *key);

#endif
