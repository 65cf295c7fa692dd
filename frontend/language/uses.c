/* uses.c: blocks as values: by name, with dimensions and constants given, chosen by a condition; and `use`,
 * which declares instances of them. */
#include "frontend/language/elaborate.h"

#include <string.h>

/* ---- dimensions of a block --------------------------------------------------------------------------- */

static bool is_const(const struct block_node *b, const char *name) {
  for (int i = 0; i < b->consts.n; i++)
    if (strcmp(b->consts.at[i]->name.text, name) == 0)
      return true;
  return false;
}

const struct dimension *dimension_named(const struct block_node *b, const char *name) {
  for (int i = 0; i < b->dims.n; i++)
    if (strcmp(b->dims.at[i].name, name) == 0)
      return &b->dims.at[i];
  return NULL;
}

static void add_dimensions(struct elaborator *e, struct block_node *b, const struct type_node *t,
                           bool of_result) {
  for (int i = 0; i < t->dims.n; i++) {
    const struct node *n = t->dims.at[i];
    if (n->kind == NODE_NAME && !is_const(b, n->text) && !dimension_named(b, n->text) &&
        !program_param(e->program, b->file, n->text))
      vec_push(e->arena, b->dims, (struct dimension){n->text, n->at, of_result});
  }
}

/* The bare names in the types of arguments, then those of results. */
static void find_dimensions(struct elaborator *e, struct block_node *b) {
  if (b->dims.n > 0)
    return;
  for (int i = 0; i < b->params.n; i++)
    add_dimensions(e, b, b->params.at[i]->type, false);
  for (int i = 0; i < b->results.n; i++)
    add_dimensions(e, b, b->results.at[i], true);
}

/* ---- what a block is given
 * --------------------------------------------------------------------------------------------- */

const struct given *given_named(const struct block_ref *ref, const char *name) {
  for (int i = 0; i < ref->given.n; i++)
    if (strcmp(ref->given.at[i].name, name) == 0)
      return &ref->given.at[i];
  return NULL;
}

void block_note(struct elaborator *e, const struct block_ref *ref) {
  if (!ref->of)
    return;
  note(e, ref->at, "'%s' stands for it here", ref->as);
  note(e, ref->of->at, "'%s' is given here", ref->of->as);
}

/* A name in the block's types that looks like a dimension and is a param. */
static void captured_note(struct elaborator *e, const struct block_node *b, const struct type_node *t) {
  for (int i = 0; i < t->dims.n; i++) {
    const struct node *n = t->dims.at[i];
    const struct param_node *p = n->kind == NODE_NAME ? program_param(e->program, b->file, n->text) : NULL;
    if (p)
      note(e, p->name.at, "'%s' is this parameter, not a dimension of the block", n->text);
  }
}

/* The numbers of one side of [in -> out], for the dimensions of that side in order. */
static bool give_side(struct elaborator *e, struct block_ref *ref, const struct bindings *given,
                      bool of_result) {
  const node_list *numbers = of_result ? &given->out : &given->in;
  const struct block_node *b = ref->block;
  int k = 0;
  bool ok = true;
  for (int i = 0; i < b->dims.n; i++) {
    int64_t size;
    if (b->dims.at[i].of_result != of_result || k++ >= numbers->n)
      continue;
    const struct node *n = numbers->at[k - 1];
    if (eval_whole(e, n, "a dimension", 1, &size))
      vec_push(e->arena, ref->given, (struct given){b->dims.at[i].name, item_number((double)size), n->at});
    else
      ok = false;
  }
  if (k == numbers->n)
    return ok;
  fail(e, given->at, "the block '%s' has %d dimension%s of its %s, not %d", b->name.text, k,
       k == 1 ? "" : "s", of_result ? "results alone" : "arguments", numbers->n);
  note(e, b->at, "it is declared here");
  block_note(e, ref);
  for (int i = 0; !of_result && i < b->params.n; i++)
    captured_note(e, b, b->params.at[i]->type);
  for (int i = 0; of_result && i < b->results.n; i++)
    captured_note(e, b, b->results.at[i]);
  return false;
}

static void unknown_given(struct elaborator *e, const struct block_ref *ref, const struct argument *a) {
  const struct block_node *b = ref->block;
  VEC(const char *) names = {0};
  for (int i = 0; i < b->consts.n; i++)
    vec_push(e->arena, names, b->consts.at[i]->name.text);
  for (int i = 0; i < b->dims.n; i++)
    vec_push(e->arena, names, b->dims.at[i].name);
  fail(e, a->at, "the block '%s' has no dimension or constant '%s'%s", b->name.text, a->name,
       suggestion(e, a->name, names.at, names.n));
  note(e, b->at, "it is declared here");
  block_note(e, ref);
}

/* A constant is a number unless its default is something else. */
static bool give_named(struct elaborator *e, struct block_ref *ref, const struct argument *a) {
  const struct block_node *b = ref->block;
  const struct given *before = given_named(ref, a->name);
  if (!is_const(b, a->name) && !dimension_named(b, a->name)) {
    unknown_given(e, ref, a);
    return false;
  }
  if (before) {
    fail(e, a->at, "'%s' is given twice", a->name);
    note(e, before->at, "the first is here");
    return false;
  }
  const char *what = arena_printf(e->arena, "'%s' of the block '%s'", a->name, b->name.text);
  struct item item = item_poison();
  if (is_const(b, a->name))
    item = eval_constant(e, a->value, what);
  else if (eval_number(e, a->value, what, &item.number))
    item = item_number(item.number);
  vec_push(e->arena, ref->given, (struct given){a->name, item, a->at});
  return item.kind != ITEM_POISON;
}

static bool give_all(struct elaborator *e, struct block_ref *ref, const struct bindings *given) {
  bool ok = !given->arrow || give_side(e, ref, given, false);
  ok &= !given->arrow || give_side(e, ref, given, true);
  for (int i = 0; i < given->named.n; i++)
    ok &= give_named(e, ref, &given->named.at[i]);
  return ok;
}

/* ---- blocks as values --------------------------------------------------------------------------------- */

static struct block_ref *new_ref(struct elaborator *e, struct block_node *b, const char *as, struct loc at) {
  struct block_ref *ref = arena_new(e->arena, struct block_ref);
  ref->block = b;
  ref->as = as;
  ref->at = at;
  find_dimensions(e, b);
  return ref;
}

/* The block that an item is, under the name by which it was found. */
static const struct block_ref *known_as(struct elaborator *e, struct item item, const char *name,
                                        struct loc at) {
  struct block_ref *ref = arena_new(e->arena, struct block_ref);
  *ref = *item.ref;
  ref->as = name;
  ref->at = at;
  ref->of = item.ref;
  return ref;
}

const struct block_ref *block_named(struct elaborator *e, const char *name, struct loc at) {
  const struct binding *b = e->instance ? find_name(e, name) : NULL;
  struct item item;
  if (b && b->item.kind == ITEM_BLOCK)
    return known_as(e, b->item, name, at);
  if (!b && param_item(e, name, &item) && item.kind == ITEM_BLOCK)
    return known_as(e, item, name, at);
  struct block_node *block = program_block(e->program, e->file, name);
  return block && !block->is_model ? new_ref(e, block, name, at) : NULL;
}

void block_names(struct elaborator *e, name_texts *names) {
  for (int i = 0; i < e->program->files.n; i++)
    for (int k = 0; k < e->program->files.at[i]->blocks.n; k++) {
      const struct block_node *b = e->program->files.at[i]->blocks.at[k];
      if (!b->is_model && program_block(e->program, e->file, b->name.text))
        vec_push(e->arena, *names, b->name.text);
    }
  for (int i = 0; i < e->params.n; i++)
    if (e->params.at[i].item.kind == ITEM_BLOCK && program_param(e->program, e->file, e->params.at[i].name))
      vec_push(e->arena, *names, e->params.at[i].name);
}

static void no_block(struct elaborator *e, const struct node *n) {
  name_texts names = {0};
  const struct block_node *model = program_block(e->program, e->file, n->text);
  block_names(e, &names);
  if (model)
    fail(e, n->at, "'%s' is the model; only blocks are used", n->text);
  else
    fail(e, n->at, "there is no block '%s'%s", n->text, suggestion(e, n->text, names.at, names.n));
}

static const struct block_ref *named_block(struct elaborator *e, const struct node *n) {
  struct item item = item_poison();
  const struct binding *b = find_name(e, n->text);
  const struct block_ref *ref = block_named(e, n->text, n->at);
  if (ref)
    return ref;
  if (b)
    item = b->item;
  if (!b && (!param_item(e, n->text, &item) || item.kind == ITEM_POISON))
    b = NULL;
  if (item.kind == ITEM_NUMBER || item.kind == ITEM_TEXT || item.kind == ITEM_LIST)
    fail(e, n->at, "a block is expected; '%s' is %s", n->text, item_noun(item));
  else if (!b && !program_param(e->program, e->file, n->text))
    no_block(e, n);
  else if (item.kind == ITEM_VALUE)
    fail(e, n->at, "a block is expected; '%s' is %s", n->text, type_of(e, item.value->type));
  return NULL;
}

static const struct block_ref *given_block(struct elaborator *e, const struct node *n) {
  const struct block_ref *base = eval_block(e, n->a);
  if (!base)
    return NULL;
  struct block_ref *ref = new_ref(e, base->block, base->as, base->at);
  ref->of = base->of;
  for (int i = 0; i < base->given.n; i++)
    vec_push(e->arena, ref->given, base->given.at[i]);
  return give_all(e, ref, n->given) ? ref : NULL;
}

const struct block_ref *eval_block(struct elaborator *e, const struct node *n) {
  double number;
  switch (n->kind) {
  case NODE_NAME: return named_block(e, n);
  case NODE_GIVEN: return given_block(e, n);
  case NODE_CHOICE:
    return eval_number(e, n->a, "what chooses a block", &number) ? eval_block(e, number != 0 ? n->b : n->c)
                                                                 : NULL;
  case NODE_ERROR: return NULL;
  default: break;
  }
  struct item item = eval_one(e, n);
  if (item.kind == ITEM_BLOCK)
    return item.ref;
  if (item.kind != ITEM_POISON)
    fail(e, n->at, "a block is expected; this is %s",
         item.kind == ITEM_VALUE ? type_of(e, item.value->type) : item_noun(item));
  return NULL;
}

/* ---- declarations ------------------------------------------------------------------------------------- */

/* The name of the block in what a `use` says. */
static struct loc block_at(const struct node *n) {
  while (n->kind == NODE_GIVEN)
    n = n->a;
  return n->at;
}

/* All that has no default is given. */
static bool complete(struct elaborator *e, const struct block_ref *ref, struct loc at) {
  for (int i = 0; i < ref->block->consts.n; i++) {
    const struct block_const *c = ref->block->consts.at[i];
    if (c->value || given_named(ref, c->name.text))
      continue;
    fail(e, at, "the block '%s' needs [%s = ...]", ref->block->name.text, c->name.text);
    note(e, c->name.at, "'%s' has no default here", c->name.text);
    block_note(e, ref);
    return false;
  }
  return true;
}

static bool same_path(const struct path *a, const struct path *b) {
  return strcmp(a->text, b->text) == 0 && a->n == b->n &&
         memcmp(a->holes, b->holes, (size_t)a->n * sizeof *a->holes) == 0;
}

struct binding *bind_path(struct elaborator *e, enum binding_kind kind, struct statement *s, int i) {
  struct declared_path *d = s->paths.at[i];
  struct path path = {0};
  bool ok = path_of(e, d->path, &path, true);
  for (int k = e->instance->scope; ok && k < e->scope.n; k++) {
    const struct binding *b = e->scope.at[k];
    bool simple =
        b->kind != BIND_WEIGHT && b->kind != BIND_USE && path.n == 0 && strcmp(b->path.text, path.text) == 0;
    if (!simple && ((b->kind != BIND_WEIGHT && b->kind != BIND_USE) || !same_path(&b->path, &path)))
      continue;
    fail(e, d->path->at, "'%s' is already declared", node_text(e->arena, d->path));
    note(e, b->at, "it is declared here");
    ok = false;
  }
  struct binding *b = bind(e, kind, ok ? path.text : node_text(e->arena, d->path), d->path->at, &d->used);
  b->path = ok ? path : b->path;
  b->place = b->path;
  b->statement = s;
  b->broken = !ok;
  return b;
}

void declare_use(struct elaborator *e, struct statement *s) {
  const struct block_ref *ref = eval_block(e, s->block);
  struct path place = {.text = ""};
  bool ok = ref && complete(e, ref, block_at(s->block));
  if (s->place)
    ok &= path_of(e, s->place, &place, true);
  for (int i = 0; i < s->paths.n; i++) {
    struct binding *b = bind_path(e, BIND_USE, s, i);
    b->ref = ref;
    b->broken |= !ok;
    if (s->placed)
      b->place = place;
  }
}
