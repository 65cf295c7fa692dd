/* varying.c: what of step depends on the token, by itself or through a state; and who uses and writes what.
 */
#include "passes/forms/varying.h"

#include "passes/rewrite.h"

#include <string.h>

struct batched *batch_made(const struct batching *b, const struct value *v) {
  return &b->made.at[v->id];
}

bool batch_varies(const struct batching *b, const struct value *v) {
  return batch_made(b, v)->varies;
}

static void number(struct batching *b, int n, struct value *const *values) {
  for (int i = 0; i < n; i++) {
    values[i]->id = b->made.n;
    vec_push(&b->scratch, b->made, (struct batched){0});
  }
}

static void number_results(struct op *op, void *data) {
  number(data, op->n_out, op->out);
  if (op->body)
    number(data, op->body->n_args, op->body->args);
}

/* The table lives in the scratch arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(&b->scratch, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static void note_write(struct batching *b, const struct op *op) {
  struct writes *w = NULL;
  HASH_FIND_STR(b->writes, op->attr.symbol, w);
  if (!w) {
    w = arena_new(&b->scratch, struct writes);
    w->symbol = op->attr.symbol;
    HASH_ADD_KEYPTR(hh, b->writes, w->symbol, strlen(w->symbol), w);
  }
  vec_push(&b->scratch, w->list, op);
}

static void note_uses(struct op *op, void *data) {
  struct batching *b = data;
  for (int i = 0; i < op->n_in; i++)
    vec_push(&b->scratch, batch_made(b, op->in[i])->users, op);
  if (op->code == OP_WRITE)
    note_write(b, op);
}

/* ---- what depends on the token ----------------------------------------------------------------------- */

static void mark(struct batching *b, const struct value *v, bool yes) {
  struct batched *m = batch_made(b, v);
  if (yes && !m->varies)
    m->varies = b->changed = true;
}

/* A state that nothing writes is the same for all tokens of a sequence. */
bool batch_is_written(const struct batching *b, const struct op *read) {
  const struct writes *w = NULL;
  HASH_FIND_STR(b->writes, read->attr.symbol, w);
  for (int i = 0; w && i < w->list.n; i++)
    if (states_conflict(read, w->list.at[i]))
      return true;
  return false;
}

struct shared_state {
  const struct batching *b;
  const struct value *index; /* of the repeat */
  bool found;
};

static void find_shared(struct op *op, void *data) {
  struct shared_state *s = data;
  bool written = op->code == OP_WRITE || (op->code == OP_READ && batch_is_written(s->b, op)), own = false;
  for (int i = op_changes(op->code); i < op->n_in; i++)
    own |= op->in[i] == s->index;
  s->found |= written && !own;
}

bool batch_is_serial(const struct batching *b, const struct op *repeat) {
  if (b->sequences || repeat->code != OP_REPEAT)
    return false;
  struct shared_state s = {.b = b, .index = repeat->body->args[0]};
  walk(repeat->body, find_shared, &s);
  return s.found;
}

/* What a repeat carries varies when it does at any time. */
static void mark_carried(struct batching *b, const struct op *repeat) {
  bool serial = batch_is_serial(b, repeat);
  for (int i = 0; i < repeat->n_in; i++) {
    const struct value *argument = repeat->body->args[1 + i];
    bool yes = serial || batch_varies(b, repeat->in[i]) || batch_varies(b, repeat->body->last->in[i]);
    mark(b, argument, yes);
    mark(b, repeat->out[i], yes);
  }
}

static void mark_results(struct op *op, void *data) {
  struct batching *b = data;
  if (op->code == OP_REPEAT) {
    mark_carried(b, op);
    return;
  }
  bool yes = op->code == OP_POSITION || op->code == OP_SEEN || op->code == OP_AGE ||
             (op->code == OP_READ && (b->sequences || batch_is_written(b, op)));
  for (int i = 0; i < op->n_in; i++)
    yes |= batch_varies(b, op->in[i]);
  for (int i = 0; i < op->n_out; i++)
    mark(b, op->out[i], yes);
}

void batch_find_varying(struct batching *b, struct func *step) {
  number(b, step->body->n_args, step->body->args);
  walk(step->body, number_results, b);
  walk(step->body, note_uses, b);
  for (int i = 0; i < step->body->n_args; i++)
    batch_made(b, step->body->args[i])->varies = true;
  do {
    b->changed = false;
    walk(step->body, mark_results, b);
  } while (b->changed);
}
