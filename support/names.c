/* names.c: a table of the names that are taken; each knows from which number on to look for a free one. */
#include "support/names.h"

#include <string.h>
#include <uthash.h>

/* The table lives in the arena of `n`. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(n->arena, (bytes))
#define uthash_free(memory, size) ((void)(memory))

struct name_entry {
  const char *name;
  bool taken;              /* by itself; else it is there for the names that are made of it */
  int next;                /* all numbers from 2 to before it are taken */
  struct name_entry *base; /* NULL: not made of another name */
  int number;
  UT_hash_handle hh;
};

static struct name_entry *entry_of(struct names *n, const char *name) {
  struct name_entry *e = NULL;
  HASH_FIND_STR(n->table, name, e);
  if (e)
    return e;
  e = arena_new(n->arena, struct name_entry);
  *e = (struct name_entry){.name = arena_strdup(n->arena, name), .next = 2};
  HASH_ADD_KEYPTR(hh, n->table, e->name, strlen(e->name), e);
  return e;
}

static void take(struct names *n, struct name_entry *e, struct name_entry *base, int number) {
  e->taken = true;
  e->base = base;
  e->number = number;
  vec_push(n->arena, n->order, e);
}

void names_take(struct names *n, const char *name) {
  struct name_entry *e = entry_of(n, name);
  if (!e->taken)
    take(n, e, NULL, 0);
}

const char *names_fresh(struct names *n, const char *base, const char *between,
                        bool (*reserved)(const char *name)) {
  struct name_entry *b = entry_of(n, base), *e = b;
  int i = 0;
  if (e->taken || (reserved && reserved(base)))
    for (i = b->next;; i++) {
      e = entry_of(n, arena_printf(n->arena, "%s%s%d", base, between, i));
      if (!e->taken && !(reserved && reserved(e->name)))
        break;
    }
  if (i)
    b->next = i + 1;
  take(n, e, i ? b : NULL, i);
  return e->name;
}

int names_count(const struct names *n) {
  return n->order.n;
}

void names_leave(struct names *n, int count) {
  while (n->order.n > count) {
    struct name_entry *e = n->order.at[--n->order.n];
    e->taken = false;
    if (e->base && e->number < e->base->next)
      e->base->next = e->number;
  }
}
