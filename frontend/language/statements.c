/* statements.c: the statements of a block, in order. Weights and instances are bound to their paths, states
 * are variables that begin with what the token before left and are written when their block ends. */
#include "frontend/language/elaborate.h"

#include <math.h>
#include <string.h>

/* ---- weights ----------------------------------------------------------------------------------------- */

static bool weight_scale_of(struct elaborator *e, const struct statement *s, struct type t, int64_t *group) {
  *group = 0;
  if (!elem_codes(t.elem) && (s->scale.at.file || s->scale.rule_at.file)) {
    fail(e, s->scale.at.file ? s->scale.at : s->scale.rule_at,
         "only weights of codes (ternary, i8, i4, i3, i2) have scales; this one is %s", type_of(e, t));
    return false;
  }
  if (elem_code_bits(t.elem) && s->scale.rule == RULE_MEAN) {
    fail(e, s->scale.rule_at,
         "only ternary weights are scaled by the mean; codes of %d bits by largest, stored or inverse",
         elem_code_bits(t.elem));
    return false;
  }
  if (s->scale.kind != WSCALE_GROUP)
    return true;
  if (!eval_whole(e, s->scale.group, "the number of columns in a group", 1, group))
    return false;
  if (*group <= t.dim[1])
    return true;
  fail(e, s->scale.group->at, "a group of %lld columns is wider than %s", (long long)*group, type_of(e, t));
  return false;
}

static bool weight_type(struct elaborator *e, const struct statement *s, struct type *t) {
  bool bytes = s->type->stored == STORE_I8;
  if (!(bytes ? eval_row_type : eval_type)(e, s->type, t))
    return false;
  t->elem = bytes ? ELEM_W8 : t->elem;
  int bits = elem_code_bits(t->elem);
  if (t->elem == ELEM_F32 || (elem_codes(t->elem) && t->rank == 2))
    return true;
  if (bits)
    fail(e, s->type->at, "a weight of codes is a matrix: i%d[rows, columns]", bits);
  else
    fail(e, s->type->at,
         t->elem == ELEM_TERNARY ? "a ternary weight is a matrix: ternary[rows, columns]"
                                 : "a weight is f32, ternary, i8, i4, i3 or i2");
  return false;
}

/* `= 1`, or `= normal(0.02)` with the deviation. */
static bool weight_beginning(struct elaborator *e, const struct statement *s, struct beginning *b) {
  const struct node *n = s->values.n ? s->values.at[0] : NULL;
  bool normal = n && n->kind == NODE_CALL && n->a->kind == NODE_NAME && strcmp(n->a->text, "normal") == 0;
  b->given = n != NULL;
  if (!normal)
    return !n || eval_number(e, n, "a weight's first value", &b->mean);
  if (n->args.n != 1 || n->args.at[0].name) {
    fail(e, n->at, "normal takes the standard deviation of the first values: normal(0.02)");
    return false;
  }
  if (!eval_number(e, n->args.at[0].value, "the deviation of a weight's first values", &b->deviation))
    return false;
  if (b->deviation >= 0)
    return true;
  fail(e, n->args.at[0].value->at, "a standard deviation is not negative; this one is %g", b->deviation);
  return false;
}

static void declare_weight(struct elaborator *e, struct statement *s) {
  struct type t = {0};
  int64_t group = 0;
  struct beginning begins = {0};
  bool ok = weight_type(e, s, &t) && weight_scale_of(e, s, t, &group) && weight_beginning(e, s, &begins);
  for (int i = 0; i < s->paths.n; i++) {
    struct binding *b = bind_path(e, BIND_WEIGHT, s, i);
    b->type = t;
    b->group = group;
    b->begins = begins;
    b->broken |= !ok;
  }
}

/* ---- states ------------------------------------------------------------------------------------------ */

/* A state belongs to one place of a token's computation: every repeat around it is in its path. */
static bool state_alone(struct elaborator *e, const struct name *name, const struct symbol_path *symbol) {
  for (int i = 0; i < symbol->n; i++)
    if (symbol->index[i]->def) {
      fail(e, name->at,
           "the state '%s' would be another one from token to token: an index of its path '%s' is computed",
           name->text, symbol->name);
      return false;
    }
  if (symbol->n == e->repeats.n)
    return true;
  fail(e, name->at, "the state '%s' is in a repeat, but its path '%s' has no index of it", name->text,
       symbol->name);
  if (e->instance->use.file)
    note(e, e->instance->use, "declare the instance inside the repeat, with the index in its path");
  return false;
}

struct state *named_state(struct elaborator *e, const struct name *name, struct type t, double init,
                          struct symbol_path *symbol) {
  struct path path;
  if (!path_join(e, (struct path){.text = name->text}, name->at, &path))
    return NULL;
  *symbol = path_symbol(e, &path);
  if (!state_alone(e, name, symbol))
    return NULL;
  if (state_find(e->m, symbol->name)) {
    fail(e, name->at, "the state '%s' would be written twice for one token", symbol->name);
    if (e->instance->use.file)
      note(e, e->instance->use, "this instance is called more than once");
    return NULL;
  }
  if (!claim_states(e, symbol, name->at))
    return NULL;
  struct state *state = state_add(e->m, symbol->name, t);
  state->init = init;
  state->at = name->at;
  state->n_counts = symbol->n;
  memcpy(state->counts, symbol->counts, sizeof state->counts);
  return state;
}

void name_value(struct item item, const char *name) {
  if (item.kind == ITEM_VALUE && !item.value->name && item.value->def)
    item.value->name = name;
}

static struct item read_state(struct elaborator *e, const struct symbol_path *symbol, const char *name,
                              struct loc at) {
  e->b.at = at;
  struct op *op =
      build(&e->b, OP_READ, symbol->n, symbol->index, &(struct attrs){.symbol = symbol->name}, NULL);
  struct item item = item_value(sound(op->out[0]));
  name_value(item, name);
  return item;
}

bool name_free(struct elaborator *e, const struct name *name) {
  const struct binding *b = find_name(e, name->text);
  if (!b)
    return true;
  fail(e, name->at, "'%s' is already declared", name->text);
  note(e, b->at, "it is declared here");
  return false;
}

static void declare_state(struct elaborator *e, struct statement *s) {
  if (s->past) {
    declare_past(e, s);
    return;
  }
  struct type t = {0};
  double init = 0;
  bool ok = eval_type(e, s->type, &t);
  ok &= eval_number(e, s->values.at[0], "a state's initial value", &init);
  if (ok && t.elem != ELEM_F32) {
    fail(e, s->type->at, "a state is f32, not %s", type_of(e, t));
    ok = false;
  }
  for (int i = 0; i < s->names.n; i++) {
    struct name *name = s->names.at[i];
    struct symbol_path symbol;
    struct state *state = ok && name_free(e, name) ? named_state(e, name, t, init, &symbol) : NULL;
    struct binding *b = bind(e, BIND_STATE, name->text, name->at, &name->used);
    b->state = state;
    if (state)
      b->symbol = symbol;
    b->type = t;
    b->statement = s;
    b->item = state ? read_state(e, &symbol, name->text, name->at) : item_poison();
  }
}

void finish_states(struct elaborator *e) {
  for (int i = e->instance->scope; i < e->scope.n; i++) {
    struct binding *b = e->scope.at[i];
    if (b->kind != BIND_STATE || !b->state)
      continue;
    if (!b->assigned.file) {
      fail(e, b->at, b->statement->past ? "nothing is appended to '%s'" : "the state '%s' is never assigned",
           b->path.text);
      continue;
    }
    if (b->item.kind != ITEM_VALUE || b->statement->past)
      continue;
    struct value *in[1 + MAX_REPEATS] = {b->item.value};
    memcpy(in + 1, b->symbol.index, sizeof b->symbol.index);
    e->b.at = b->assigned;
    build(&e->b, OP_WRITE, 1 + b->state->n_counts, in, &(struct attrs){.symbol = b->state->name}, NULL);
  }
}

/* ---- assignments ------------------------------------------------------------------------------------- */

/* A state's new value, stretched to the state's shape. */
static struct item state_value(struct elaborator *e, const struct binding *b, struct item item,
                               struct loc at) {
  struct value *v = plain(e, item, at);
  struct type both;
  if (!v || !b->state)
    return item_poison();
  if (b->statement->past && v != b->appended.value) {
    fail(e, at, "'%s' changes by append only: %s = append(%s, ...)", b->path.text, b->path.text,
         b->path.text);
    note(e, b->at, "it is declared here");
    return item_poison();
  }
  if (b->statement->past)
    return item;
  if (type_equal(v->type, b->type))
    return item_value(v);
  if (v->type.elem == ELEM_F32 && type_broadcast(v->type, b->type, &both) && type_equal(both, b->type)) {
    item = item_value(v);
    return apply(e, OP_BROADCAST, at, 1, &item, NULL, NULL, &b->type);
  }
  fail(e, at, "the state '%s' is %s; this is %s", b->path.text, type_of(e, b->type), type_of(e, v->type));
  note(e, b->at, "it is declared here");
  return item_poison();
}

/* What stands against an assignment to `name`: NULL when nothing does. */
static const char *not_assignable(struct elaborator *e, const struct name *name, const struct binding *b,
                                  struct loc *declared) {
  const struct param_node *p = b ? NULL : program_param(e->program, e->file, name->text);
  *declared = b ? b->at : p ? p->name.at : (struct loc){0};
  if (p)
    return "a parameter";
  if (b && b->kind == BIND_NUMBER)
    return "a dimension or a constant";
  if (b && (b->kind == BIND_INDEX || b->kind == BIND_ELEMENT))
    return b->kind == BIND_INDEX ? "the index of a repeat" : "the index of an 'each'";
  for (int i = e->instance->scope; !b && i < e->scope.n; i++) {
    const struct binding *other = e->scope.at[i];
    *declared = other->at;
    if (other->path.n == 0 && strcmp(other->path.text, name->text) == 0)
      return other->kind == BIND_WEIGHT ? "a weight" : "an instance";
  }
  return NULL;
}

static void assign(struct elaborator *e, struct name *name, struct item item, struct loc at) {
  struct binding *b = find_name(e, name->text);
  struct loc declared;
  if (strcmp(name->text, "_") == 0)
    return;
  const char *what = not_assignable(e, name, b, &declared);
  if (what) {
    fail(e, name->at, "'%s' is %s and cannot be assigned", name->text, what);
    note(e, declared, "it is declared here");
    return;
  }
  if (!b)
    b = bind(e, BIND_VARIABLE, name->text, name->at, &name->used);
  if (b->kind == BIND_STATE) {
    item = state_value(e, b, item, at);
    b->assigned = name->at;
  }
  name_value(item, name->text);
  b->item = item;
}

/* What an assignment can take: poison after a report. */
static struct item assigned_item(struct elaborator *e, struct item item, struct loc at) {
  const char *why =
      item.kind == ITEM_LIST    ? "a list in brackets is only the shape of reshape() and broadcast()"
      : item.kind == ITEM_BLOCK ? "a block is no value of a model; it is called, or used under a path"
      : item.kind == ITEM_TEXT
          ? "a string is no value of a model; it is compared, or a key or a default of config()"
          : NULL;
  if (!why)
    return item;
  fail(e, at, "%s", why);
  return item_poison();
}

/* a, b = x, y: all of the right side is computed before the left side is assigned. */
static void assign_each(struct elaborator *e, struct statement *s) {
  int n = s->values.n;
  struct item *items = arena_array(e->arena, struct item, n);
  for (int i = 0; i < n; i++)
    items[i] = assigned_item(e, eval_one(e, s->values.at[i]), s->values.at[i]->at);
  if (n != s->names.n)
    fail(e, s->at, "%d name%s on the left, %d value%s on the right", s->names.n, s->names.n == 1 ? "" : "s",
         n, n == 1 ? "" : "s");
  for (int i = 0; i < s->names.n; i++)
    assign(e, s->names.at[i], n == s->names.n ? items[i] : item_poison(), s->values.at[i < n ? i : 0]->at);
}

static void elaborate_assign(struct elaborator *e, struct statement *s) {
  const struct node *n = s->values.at[0];
  if (s->values.n > 1) {
    assign_each(e, s);
    return;
  }
  struct item item = assigned_item(e, eval(e, n), n->at);
  int count = item.kind == ITEM_SEVERAL ? item.n : 1;
  if (item.kind != ITEM_POISON && count != s->names.n) {
    fail(e, n->at, "%d name%s on the left, %d value%s on the right", s->names.n, s->names.n == 1 ? "" : "s",
         count, count == 1 ? "" : "s");
    item = item_poison();
  }
  for (int i = 0; i < s->names.n; i++)
    assign(e, s->names.at[i], item.kind == ITEM_SEVERAL ? item.items[i] : item, n->at);
}

/* ---- return, and all --------------------------------------------------------------------------------- */

static void elaborate_return(struct elaborator *e, struct statement *s) {
  struct instance *in = e->instance;
  struct item *items = arena_array(e->arena, struct item, s->values.n);
  bool ok = true;
  in->returned = true;
  in->result_at = s->values.n == 1 ? s->values.at[0]->at : s->at;
  for (int i = 0; i < s->values.n; i++) {
    items[i] = s->values.n == 1 ? eval(e, s->values.at[i]) : eval_one(e, s->values.at[i]);
    ok &= items[i].kind != ITEM_POISON;
  }
  in->result = !ok                ? item_poison()
               : s->values.n == 1 ? items[0]
                                  : (struct item){.kind = ITEM_SEVERAL, .items = items, .n = s->values.n};
}

static void elaborate_statement(struct elaborator *e, struct statement *s) {
  switch (s->kind) {
  case STATEMENT_WEIGHT: declare_weight(e, s); break;
  case STATEMENT_STATE: declare_state(e, s); break;
  case STATEMENT_USE: declare_use(e, s); break;
  case STATEMENT_ASSIGN: elaborate_assign(e, s); break;
  case STATEMENT_REPEAT:
  case STATEMENT_EACH: elaborate_loop(e, s); break;
  case STATEMENT_RETURN: elaborate_return(e, s); break;
  case STATEMENT_REQUIRE: elaborate_require(e, s); break;
  }
}

void elaborate_body(struct elaborator *e, const statement_list *body) {
  const statement_list *whole = &e->instance->block->body;
  for (int i = 0; i < body->n; i++) {
    struct statement *s = body->at[i];
    if (s->kind == STATEMENT_RETURN && (body != whole || i != body->n - 1)) {
      fail(e, s->at, body == whole ? "nothing can follow 'return'" : "'return' cannot stand in a repeat");
      e->instance->returned = true;
      continue;
    }
    elaborate_statement(e, s);
  }
}
