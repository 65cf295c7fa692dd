/* python_json.h: JSON as Python's json module writes and reads it, parsed by Jansson.
 *
 * Python writes integers of any length ("model_max_length": 1000000000000000019884624838656), NaN, Infinity
 * and -Infinity, and reads numbers beyond a double, a byte order mark, halves of surrogate pairs and a key
 * that is there twice, of which the last counts. All of that is read here too. A number that neither 64 bits
 * nor a double hold becomes an "odd number", a value of its own kind that only harms where a number is
 * needed. */
#ifndef TERN_FRONTEND_CHECKPOINT_PYTHON_JSON_H
#define TERN_FRONTEND_CHECKPOINT_PYTHON_JSON_H

#include "support/arena.h"

#include <jansson.h>

struct json_fault {
  size_t at;      /* byte of the text */
  char what[160]; /* printable */
};

/* NULL when it is not JSON. The text need not be terminated. */
json_t *json_parse(const char *text, size_t n, struct json_fault *fault);

/* An odd number as it was written ("NaN", "1e400"); NULL when the value is anything else. */
const char *json_odd_number(const json_t *v);
/* "a string", "NaN", "true": what a value is, for messages that wanted something else; in the arena. */
const char *json_kind(struct arena *a, const json_t *v);

#endif
