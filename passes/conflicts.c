/* conflicts.c: groups reads and writes by their state. */
#include "passes/conflicts.h"

#include "passes/rewrite.h"
#include <string.h>

struct op_access {
  const struct op *op;
  int number; /* of the operator that it is, or stands in */
};

/* Those of one state. */
struct state_accesses {
  const char *symbol;
  VEC(struct op_access) list;
  UT_hash_handle hh;
};

struct accesses {
  struct arena *arena;
  int number;                    /* of the operator that is looked at */
  struct state_accesses *states; /* by symbol, in the order in which they come */
};

/* The table lives in the accesses' arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(a->arena, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static void note_access(struct op *op, void *data) {
  struct accesses *a = data;
  struct state_accesses *s = NULL;
  if (op->code != OP_READ && op->code != OP_SEEN && op->code != OP_APPEND_BACK && !op_changes(op->code))
    return;
  HASH_FIND_STR(a->states, op->attr.symbol, s);
  if (!s) {
    s = arena_new(a->arena, struct state_accesses);
    s->symbol = op->attr.symbol;
    HASH_ADD_KEYPTR(hh, a->states, s->symbol, strlen(s->symbol), s);
  }
  vec_push(a->arena, s->list, (struct op_access){op, a->number});
}

void each_conflict(struct arena *a, int n, struct op *const *ops, void (*pair)(void *data, int i, int j),
                   void *data) {
  struct accesses all = {.arena = a};
  for (int k = 0; k < n; k++) {
    all.number = k;
    note_access(ops[k], &all);
    if (ops[k]->body)
      walk(ops[k]->body, note_access, &all);
  }
  for (const struct state_accesses *s = all.states; s; s = s->hh.next)
    for (int j = 0; j < s->list.n; j++)
      for (int i = 0; i < j; i++) {
        struct op_access x = s->list.at[i], y = s->list.at[j];
        if (x.number != y.number && states_conflict(x.op, y.op))
          pair(data, x.number, y.number);
      }
}
