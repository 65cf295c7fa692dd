/* names.h: names that are unique in a scope: a hint, or the hint with the least number from 2 on that is
 * free. */
#ifndef TERN_SUPPORT_NAMES_H
#define TERN_SUPPORT_NAMES_H

#include "support/arena.h"
#include <stdbool.h>

struct name_entry;
struct names {
  struct arena *arena;
  struct name_entry *table;
  VEC(struct name_entry *) order; /* the newest last */
};

/* "x", "x2", "x3"; with between "_" "x", "x_2". `reserved` has a say too, unless it is NULL. In the arena. */
const char *names_fresh(struct names *n, const char *base, const char *between,
                        bool (*reserved)(const char *name));
/* Takes a name as it is; nothing when it is taken. */
void names_take(struct names *n, const char *name);
/* How many there are; and all but the first of them are free again. */
int names_count(const struct names *n);
void names_leave(struct names *n, int count);

#endif
