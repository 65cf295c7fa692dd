/* blocks.c: calls. A called block is inlined: its arguments are bound, its dimensions found from them and
 * from what it is given, its body elaborated, its states written, its results handed back. */
#include "frontend/language/elaborate.h"

#include <string.h>

enum { MAX_CALLS = 50000, MAX_CALL_DEPTH = 64 };

/* ---- arguments --------------------------------------------------------------------------------------- */

static int parameter_named(const struct block_node *b, const char *name) {
  for (int i = 0; i < b->params.n; i++)
    if (strcmp(b->params.at[i]->name.text, name) == 0)
      return i;
  return -1;
}

/* Evaluates the call's arguments in the caller's scope, each to its parameter's place. */
static bool take_arguments(struct elaborator *e, const struct block_ref *ref, const struct node *n,
                           struct item *items, const struct node **nodes) {
  struct block_node *b = ref->block;
  int next = 0;
  bool ok = true;
  for (int i = 0; i < n->args.n; i++) {
    const struct argument *a = &n->args.at[i];
    int k = a->name ? parameter_named(b, a->name) : next++;
    if (k < 0 || k >= b->params.n || nodes[k]) {
      fail(e, a->at,
           k < 0              ? "the block '%s' has no argument '%s'"
           : k >= b->params.n ? "the block '%s' takes no further argument"
                              : "an argument of '%s' is given twice",
           b->name.text, a->name);
      note(e, b->at, "it is declared here");
      block_note(e, ref);
      return false;
    }
    nodes[k] = a->value;
    items[k] = eval_one(e, a->value);
    ok &= items[k].kind != ITEM_POISON;
  }
  for (int i = 0; i < b->params.n; i++)
    if (!nodes[i]) {
      fail(e, n->at, "the call of '%s' lacks its argument '%s'", b->name.text, b->params.at[i]->name.text);
      note(e, b->params.at[i]->name.at, "it is declared here");
      block_note(e, ref);
      return false;
    }
  return ok;
}

/* A dimension of a parameter's type against the argument's: binds a free one. */
static bool match_dimension(struct elaborator *e, struct block_node *b, const struct node *dim,
                            int64_t size) {
  const struct dimension *d = dim->kind == NODE_NAME ? dimension_named(b, dim->text) : NULL;
  if (d && !find_name(e, d->name)) {
    bind(e, BIND_NUMBER, d->name, d->at, NULL)->item = item_number((double)size);
    return true;
  }
  int64_t want;
  return eval_whole(e, dim, "a dimension", 1, &want) && want == size;
}

/* "f32[n], n = 256" */
static const char *wanted_type(struct elaborator *e, const struct block_node *block,
                               const struct type_node *t) {
  const char *text = arena_printf(e->arena, "%s%s", elem_name(t->elem), t->dims.n ? "[" : ""), *where = "";
  for (int i = 0; i < t->dims.n; i++) {
    const struct node *n = t->dims.at[i];
    const char *name = node_text(e->arena, n);
    text = arena_printf(e->arena, "%s%s%s", text, i ? ", " : "", name);
    bool bound = n->kind != NODE_NAME || find_name(e, n->text) || !dimension_named(block, n->text);
    struct item item = bound && n->kind != NODE_NUMBER ? eval(e, n) : item_poison();
    if (item.kind == ITEM_NUMBER && !strstr(where, arena_printf(e->arena, " %s = ", name)))
      where = arena_printf(e->arena, "%s%s %s = %.15g", where, *where ? "," : " with", name, item.number);
  }
  return arena_printf(e->arena, "%s%s%s", text, t->dims.n ? "]" : "", where);
}

/* Binds one parameter in the callee's scope. */
static bool match_argument(struct elaborator *e, struct block_node *b, int i, struct item item,
                           const struct node *node) {
  struct parameter *p = b->params.at[i];
  if (item.kind == ITEM_VALUE && p->type->elem != ELEM_U32)
    item = item_value(plain(e, item, node->at));
  if (item.kind == ITEM_POISON)
    return false;
  int errors = e->diag->errors;
  struct type t = item.kind == ITEM_VALUE ? item.value->type : type_scalar(ELEM_F32);
  if (type_is_past(e->m, t)) {
    fail(e, node->at, "an argument of a block has a fixed size; this is %s, as long as the tokens so far",
         type_of(e, t));
    return false;
  }
  bool ok = t.elem == p->type->elem && t.rank == p->type->dims.n;
  for (int k = 0; ok && k < t.rank; k++)
    ok &= match_dimension(e, b, p->type->dims.at[k], t.dim[k]);
  bind(e, BIND_VARIABLE, p->name.text, p->name.at, &p->name.used)->item = item;
  name_value(item, p->name.text);
  if (!ok && e->diag->errors == errors) {
    fail(e, node->at, "the argument '%s' of '%s' is %s; this is %s", p->name.text, b->name.text,
         wanted_type(e, b, p->type), item.kind == ITEM_NUMBER ? "a number" : type_of(e, t));
    note(e, p->name.at, "it is declared here");
  }
  return ok;
}

/* ---- calls ------------------------------------------------------------------------------------------- */

static bool bind_given(struct elaborator *e, const struct block_ref *ref) {
  const struct block_node *b = ref->block;
  for (int i = 0; i < b->consts.n; i++) {
    const struct block_const *c = b->consts.at[i];
    const struct given *g = given_named(ref, c->name.text);
    struct item item = g ? g->item : item_poison();
    if (!g && !c->value) {
      fail(e, e->instance->use, "the block '%s' needs [%s = ...]: give it with 'use'", b->name.text,
           c->name.text);
      return false;
    }
    if (!g)
      item = eval_constant(e, c->value, "a default");
    if (item.kind == ITEM_POISON)
      return false;
    bind(e, BIND_NUMBER, c->name.text, c->name.at, NULL)->item = item;
  }
  for (int i = 0; i < b->dims.n; i++) {
    const struct given *g = given_named(ref, b->dims.at[i].name);
    if (g)
      bind(e, BIND_NUMBER, g->name, g->at, NULL)->item = g->item;
  }
  return true;
}

static bool all_bound(struct elaborator *e, struct block_node *b, struct loc at) {
  for (int i = 0; i < b->dims.n; i++)
    if (!find_name(e, b->dims.at[i].name)) {
      fail(e, at, "the dimension '%s' of '%s' is not known here; give it: use ...: %s[%s = ...]",
           b->dims.at[i].name, b->name.text, b->name.text, b->dims.at[i].name);
      note(e, b->dims.at[i].at, "it is declared here");
      return false;
    }
  return true;
}

/* A result as the declaration says: numbers become f32, quantised values are dequantised. */
static bool match_result(struct elaborator *e, struct block_node *b, int i, struct item *item) {
  struct value *v = plain(e, *item, e->instance->result_at);
  struct type want;
  if (!v || !eval_type(e, b->results.at[i], &want))
    return false;
  *item = item_value(v);
  if (type_equal(v->type, want))
    return true;
  fail(e, e->instance->result_at, "'%s' returns %s; this is %s", b->name.text,
       wanted_type(e, b, b->results.at[i]), type_of(e, v->type));
  note(e, b->results.at[i]->at, "the result is declared here");
  return false;
}

bool match_results(struct elaborator *e, struct block_node *b) {
  struct instance *in = e->instance;
  if (!in->returned) {
    fail(e, b->end, "the block '%s' does not end with 'return'", b->name.text);
    return false;
  }
  if (in->result.kind == ITEM_POISON)
    return false;
  int n = in->result.kind == ITEM_SEVERAL ? in->result.n : 1;
  if (n != b->results.n) {
    fail(e, in->result_at, "'%s' returns %d value%s; here %s %d", b->name.text, b->results.n,
         b->results.n == 1 ? "" : "s", n == 1 ? "is" : "are", n);
    return false;
  }
  struct item *items = arena_array(e->arena, struct item, n);
  bool ok = true;
  for (int i = 0; i < n; i++) {
    items[i] = in->result.kind == ITEM_SEVERAL ? in->result.items[i] : in->result;
    ok &= match_result(e, b, i, &items[i]);
  }
  in->result = n == 1 ? items[0] : (struct item){.kind = ITEM_SEVERAL, .items = items, .n = n};
  return ok;
}

/* In the callee's scope: everything from the dimensions to the results. */
static bool run_block(struct elaborator *e, const struct block_ref *ref, const struct node *n,
                      const struct item *items, const struct node **nodes) {
  struct block_node *b = ref->block;
  bool ok = bind_given(e, ref);
  for (int i = 0; ok && i < b->params.n; i++)
    ok &= match_argument(e, b, i, items[i], nodes[i]);
  if (!ok || !all_bound(e, b, n->at))
    return false;
  int errors = e->diag->errors;
  elaborate_body(e, &b->body);
  ok = match_results(e, b) && e->diag->errors == errors;
  finish_states(e);
  b->failed |= e->diag->errors > errors;
  return ok && !b->failed;
}

/* Whether the block may be entered now. */
static bool may_enter(struct elaborator *e, struct block_node *b, struct loc at) {
  int depth = 0;
  for (struct instance *i = e->instance; i; i = i->parent, depth++)
    if (i->block == b) {
      fail(e, at, "the block '%s' uses itself", b->name.text);
      note(e, b->at, "it is declared here");
      return false;
    }
  if (depth < MAX_CALL_DEPTH && e->calls++ < MAX_CALLS)
    return true;
  fail(e, at,
       depth < MAX_CALL_DEPTH ? "the model is made of more than %d blocks" : "blocks nest more than %d deep",
       depth < MAX_CALL_DEPTH ? MAX_CALLS : MAX_CALL_DEPTH);
  return false;
}

static bool keeps_anything(const statement_list *body) {
  for (int i = 0; i < body->n; i++)
    if (body->at[i]->kind == STATEMENT_WEIGHT || body->at[i]->kind == STATEMENT_STATE ||
        body->at[i]->kind == STATEMENT_USE || keeps_anything(&body->at[i]->body))
      return true;
  return false;
}

/* The path that the instance's tensors begin with. */
static bool enter_path(struct elaborator *e, struct block_node *b, const struct binding *use,
                       const struct node *n, struct path *prefix) {
  if (use)
    return path_join(e, use->place, use->at, prefix);
  if (b->is_model || keeps_anything(&b->body)) {
    fail(e, n->at,
         b->is_model ? "'%s' is the model and cannot be called%.0s"
                     : "the block '%s' has tensors of its own; give them a path: use PATH: %s",
         b->name.text, b->name.text);
    note(e, b->at, "it is declared here");
    return false;
  }
  *prefix = e->instance->prefix;
  return true;
}

struct item call_block(struct elaborator *e, const struct block_ref *ref, struct binding *use,
                       const struct node *n) {
  struct block_node *b = ref->block;
  struct item *items = arena_array(e->arena, struct item, b->params.n);
  const struct node **nodes = arena_array(e->arena, const struct node *, b->params.n);
  struct instance in = {.block = b, .use = use ? use->at : n->at, .parent = e->instance, .scope = e->scope.n};
  b->used = true;
  if (!take_arguments(e, ref, n, items, nodes) || b->failed || !may_enter(e, b, n->at) ||
      !enter_path(e, b, use, n, &in.prefix))
    return item_poison();
  struct spec_file *file = e->file;
  int ended = e->ended.n;
  e->instance = &in;
  e->file = b->file;
  bool ok = run_block(e, ref, n, items, nodes);
  e->instance = in.parent;
  e->file = file;
  e->ended.n = ended;
  unbind(e, in.scope, false);
  return ok ? in.result : item_poison();
}
