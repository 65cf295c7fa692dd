/* tensors.c: weights by their whole paths, and whose each tensor is. The same whole path is the same tensor,
 * however often it is declared; two paths that meet in a tensor only in some iterations are refused. */
#include "frontend/language/elaborate.h"

#include <string.h>

/* ---- whose a tensor is ------------------------------------------------------------------------------- */

struct tensor_owner {
  const char *tensor, *symbol;
  struct loc at, use;
  UT_hash_handle hh;
};

/* Tables of tensors live in the compilation's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(e->arena, (bytes))
#define uthash_free(memory, size) ((void)(memory))

enum { MOST_INSTANCES = 1 << 20 };

static void same_tensor(struct elaborator *e, const struct tensor_owner *old, const struct tensor_owner *new,
                        const char *kind) {
  if (strcmp(old->symbol, new->symbol) == 0) {
    fail(e, new->at, "two iterations have the same %s '%s': its path is '%s'", kind, new->tensor,
         new->symbol);
  } else {
    fail(e, new->at,
         "the %s '%s' is one of '%s' here and one of '%s' elsewhere; places that share one have the same "
         "path, "
         "indices and all",
         kind, new->tensor, new->symbol, old->symbol);
    note(e, old->at, "the other declaration is here");
    if (old->use.file)
      note(e, old->use, "in the block that is used here");
  }
  if (new->use.file)
    note(e, new->use, "%s has its path here", strcmp(old->symbol, new->symbol) == 0 ? "it" : "this one");
}

static bool claim(struct elaborator *e, struct tensor_owner **table, const struct symbol_path *s,
                  struct loc at, const char *kind) {
  int64_t n = 1;
  for (int i = 0; i < s->n; i++)
    n = n > MOST_INSTANCES ? n : n * s->counts[i];
  if (n > MOST_INSTANCES) {
    fail(e, at, "'%s' stands for more than %d tensors", s->name, MOST_INSTANCES);
    return false;
  }
  struct tensor_owner *all = arena_array(e->arena, struct tensor_owner, n);
  for (int64_t i = 0; i < n; i++) {
    struct tensor_owner *new = &all[i], *old = NULL;
    *new = (struct tensor_owner){.tensor = symbol_instance(e->arena, s->name, s->n, s->counts, i),
                                 .symbol = s->name,
                                 .at = at,
                                 .use = e->instance->use};
    HASH_FIND_STR(*table, new->tensor, old);
    if (old) {
      same_tensor(e, old, new, kind);
      return false;
    }
    HASH_ADD_KEYPTR(hh, *table, new->tensor, strlen(new->tensor), new);
  }
  return true;
}

bool claim_weights(struct elaborator *e, const struct symbol_path *s, struct loc at) {
  return claim(e, &e->weights, s, at, "weight");
}

bool claim_states(struct elaborator *e, const struct symbol_path *s, struct loc at) {
  return claim(e, &e->states, s, at, "state");
}

/* ---- weights ----------------------------------------------------------------------------------------- */

static bool same_weight(const struct weight *w, const struct binding *b) {
  const struct scale_node *s = &b->statement->scale;
  return type_equal(w->type, b->type) && w->scale == s->kind && w->group == b->group && w->rule == s->rule;
}

static struct weight *new_weight(struct elaborator *e, const char *name, const struct binding *b,
                                 const struct symbol_path *s) {
  struct weight *w = weight_add(e->m, name, b->type);
  w->scale = b->statement->scale.kind;
  w->rule = b->statement->scale.rule;
  w->group = b->group;
  w->begins = b->begins;
  w->at = b->at;
  w->n_counts = s->n;
  memcpy(w->counts, s->counts, sizeof w->counts);
  return w;
}

/* One tensor can be a ternary matrix at one place and floats at another: then the second has a symbol of its
 * own. */
static struct weight *second_role(struct elaborator *e, const struct weight *w, const struct binding *b,
                                  const struct symbol_path *s) {
  if (!type_same_shape(w->type, b->type) || w->type.elem == b->type.elem)
    return NULL;
  const char *name =
      arena_printf(e->m->arena, "%s:%s", w->name, elem_name(b->type.elem)); /* no path has a colon */
  struct weight *role = weight_find(e->m, name);
  if (!role) {
    role = new_weight(e, name, b, s);
    role->tensor = w->name;
  }
  return role;
}

/* Fewer iterations of a weight that was met before are some of its tensors; more are tensors without one. */
static bool fits_counts(struct elaborator *e, const struct weight *w, const struct binding *b,
                        const struct symbol_path *s) {
  for (int i = 0; i < s->n; i++)
    if (s->counts[i] > w->counts[i]) {
      fail(e, b->at,
           "'%s' is declared in %lld iterations here and in %lld before; declare it where there are more "
           "first",
           s->name, (long long)s->counts[i], (long long)w->counts[i]);
      note(e, w->at, "the other declaration is here");
      return false;
    }
  return true;
}

struct item weight_item(struct elaborator *e, struct binding *b, struct loc at) {
  struct path path;
  if (b->broken || !path_join(e, b->path, b->at, &path))
    return item_poison();
  struct symbol_path s = path_symbol(e, &path);
  struct weight *w = weight_find(e->m, s.name), *role = w ? second_role(e, w, b, &s) : NULL;
  w = role ? role : w;
  if (!w) {
    b->broken = !claim_weights(e, &s, b->at);
    w = b->broken ? NULL : new_weight(e, s.name, b, &s);
  } else if (!same_weight(w, b)) {
    fail(e, b->at, "the weight '%s' is %s here and %s elsewhere%s", s.name, type_of(e, b->type),
         type_of(e, w->type), type_equal(w->type, b->type) ? ", with other scales" : "");
    note(e, w->at, "the other declaration is here");
    b->broken = true;
  } else
    b->broken = !fits_counts(e, w, b, &s);
  if (b->broken)
    return item_poison();
  e->b.at = at;
  struct op *op = build(&e->b, OP_WEIGHT, s.n, s.index, &(struct attrs){.symbol = w->name}, NULL);
  return item_value(sound(op->out[0]));
}
