/* edit.c: moving, replacing, searching and cloning operators. */
#include "ir/raw.h"

#include <string.h>

void op_unlink(struct op *op) {
  struct block *b = op->block;
  if (!b)
    return;
  *(op->prev ? &op->prev->next : &b->first) = op->next;
  *(op->next ? &op->next->prev : &b->last) = op->prev;
  op->prev = op->next = NULL;
  op->block = NULL;
}

/* Links op into b before `next` (at the end: NULL); its results are then defined there. */
static void link_op(struct op *op, struct block *b, struct op *next) {
  op_unlink(op);
  op->block = b;
  op->next = next;
  op->prev = next ? next->prev : b->last;
  *(op->prev ? &op->prev->next : &b->first) = op;
  *(next ? &next->prev : &b->last) = op;
  for (int i = 0; i < op->n_out; i++)
    op->out[i]->block = b;
}

void op_move_before(struct op *op, struct op *place) {
  if (op != place)
    link_op(op, place->block, place);
}

void op_move_end(struct op *op, struct block *b) {
  link_op(op, b, NULL);
}

void walk(struct block *b, void (*f)(struct op *op, void *data), void *data) {
  for (struct op *op = b->first, *next; op; op = next) {
    next = op->next;
    f(op, data);
    if (op->block == b && op->body)
      walk(op->body, f, data);
  }
}

struct use_pair {
  const struct value *old;
  struct value *new;
  int count;
};

static void replace_in_op(struct op *op, void *data) {
  struct use_pair *pair = data;
  for (int i = 0; i < op->n_in; i++)
    if (op->in[i] == pair->old)
      op->in[i] = pair->new;
}

void replace_uses(struct block *in, struct value *old, struct value *new) {
  walk(in, replace_in_op, &(struct use_pair){.old = old, .new = new});
}

static void count_in_op(struct op *op, void *data) {
  struct use_pair *pair = data;
  for (int i = 0; i < op->n_in; i++)
    pair->count += op->in[i] == pair->old;
}

int count_uses(const struct block *in, const struct value *v) {
  struct use_pair pair = {.old = v};
  walk((struct block *)in, count_in_op, &pair); /* count_in_op changes nothing */
  return pair.count;
}

bool value_defined_inside(const struct value *v, const struct block *b) {
  const struct block *at = v->block;
  while (at && at != b)
    at = at->parent ? at->parent->block : NULL;
  return at != NULL;
}

/* ---- maps of values ---------------------------------------------------------------------------------- */

enum { FEW = 8 }; /* this many entries are searched one by one */

struct mapped {
  const struct value *value;
  int place; /* of its newest entry */
  UT_hash_handle hh;
};

/* The table lives in the caller's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(a, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static void note_place(struct arena *a, struct value_map *map, int place) {
  struct mapped *e = NULL;
  HASH_FIND_PTR(map->table, &map->from.at[place], e);
  if (!e) {
    e = arena_new(a, struct mapped);
    e->value = map->from.at[place];
    HASH_ADD_PTR(map->table, value, e);
  }
  e->place = place;
}

void map_put(struct arena *a, struct value_map *map, struct value *from, struct value *to) {
  vec_push(a, map->from, from);
  vec_push(a, map->to, to);
  int n = map->from.n;
  for (int i = map->table ? n - 1 : 0; n > FEW && i < n; i++)
    note_place(a, map, i);
}

/* The place of the newest entry, or -1. */
static int map_find(const struct value_map *map, const struct value *v) {
  int i = map->from.n - 1;
  const struct mapped *e = NULL;
  if (map->table) {
    HASH_FIND_PTR(map->table, &v, e);
    return e ? e->place : -1;
  }
  while (i >= 0 && map->from.at[i] != v)
    i--;
  return i;
}

/* The newest entry counts: a value that was mapped again stands for its last replacement. */
struct value *map_value(const struct value_map *map, struct value *v) {
  int i = map_find(map, v);
  return i < 0 ? v : map->to.at[i];
}

bool map_has(const struct value_map *map, const struct value *v) {
  return map_find(map, v) >= 0;
}

struct capture {
  struct arena *arena;
  const struct block *body;
  struct value_map found;
};

static void capture_in_op(struct op *op, void *data) {
  struct capture *c = data;
  for (int i = 0; i < op->n_in; i++)
    if (!value_defined_inside(op->in[i], c->body) && !map_has(&c->found, op->in[i]))
      map_put(c->arena, &c->found, op->in[i], op->in[i]);
}

int captured_values(struct arena *a, const struct op *region, struct value ***out) {
  struct capture c = {.arena = a, .body = region->body};
  walk(region->body, capture_in_op, &c);
  *out = c.found.from.at;
  return c.found.from.n;
}

/* ---- copies ------------------------------------------------------------------------------------------ */

static void map_pair(struct arena *a, struct value_map *map, struct value *from, struct value *to) {
  to->name = from->name;
  to->at = from->at;
  to->frac = from->frac;
  map_put(a, map, from, to);
}

static void clone_body(struct module *m, const struct block *from, struct block *to, struct value_map *map) {
  for (int i = 0; i < from->n_args; i++)
    map_pair(m->arena, map, from->args[i], block_arg(m, to, from->args[i]->type, NULL));
  struct builder inner = builder_end(m, to);
  for (const struct op *op = from->first; op; op = op->next)
    op_clone(&inner, op, map);
}

/* Not by build(): the copy is as valid as the original, whose body may not be complete. */
struct op *op_clone(struct builder *b, const struct op *op, struct value_map *map) {
  struct arena *a = b->m->arena;
  struct value **in = arena_array(a, struct value *, op->n_in);
  for (int i = 0; i < op->n_in; i++)
    in[i] = map_value(map, op->in[i]);
  struct op *copy = op_raw(b, op->code, op->n_in, in, &op->attr);
  copy->at = op->at;
  struct type *types = arena_array(a, struct type, op->n_out);
  for (int i = 0; i < op->n_out; i++)
    types[i] = op->out[i]->type;
  op_set_results(b->m, copy, op->n_out, types);
  if (op->body)
    clone_body(b->m, op->body, copy->body, map);
  for (int i = 0; i < op->n_out; i++)
    map_pair(a, map, op->out[i], copy->out[i]);
  return copy;
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

_Static_assert(sizeof(void *) != 8 || sizeof(struct attrs) == 128, "same_attrs compares every member");

static bool same_attrs(const struct attrs *a, const struct attrs *b) {
  return same_text(a->symbol, b->symbol) && same_text(a->name, b->name) &&
         memcmp(&a->value, &b->value, sizeof a->value) == 0 && memcmp(&a->eps, &b->eps, sizeof a->eps) == 0 &&
         a->axis == b->axis && a->begin == b->begin && a->end == b->end &&
         memcmp(a->perm, b->perm, sizeof a->perm) == 0 && a->count == b->count && a->bits == b->bits &&
         a->frac == b->frac && a->round == b->round && a->group == b->group && a->curve == b->curve &&
         a->out_frac == b->out_frac && a->segments == b->segments && a->reverse == b->reverse;
}

bool op_same(const struct op *a, const struct op *b) {
  if (a->code != b->code || a->body || b->body || a->n_in != b->n_in || a->n_out != b->n_out ||
      !same_attrs(&a->attr, &b->attr))
    return false;
  for (int i = 0; i < a->n_in; i++)
    if (a->in[i] != b->in[i])
      return false;
  for (int i = 0; i < a->n_out; i++)
    if (!type_equal(a->out[i]->type, b->out[i]->type) || a->out[i]->frac != b->out[i]->frac)
      return false;
  return true;
}
