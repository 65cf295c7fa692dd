/* config.c: what a spec asks of config.json: numbers, true and false, strings and lists of them. A default
 * has the type that is expected; without one anything is taken as it is. */
#include "frontend/language/elaborate.h"

#include "support/escape.h"
#include <string.h>

/* ---- items as text ----------------------------------------------------------------------------------- */

const char *item_noun(struct item item) {
  switch (item.kind) {
  case ITEM_NUMBER: return item.boolean ? "true or false" : "a number";
  case ITEM_TEXT: return "a string";
  case ITEM_LIST: return "a list";
  case ITEM_BLOCK: return "a block";
  default: return "a value";
  }
}

const char *item_text(struct elaborator *e, struct item item) {
  if (item.kind == ITEM_NUMBER && item.boolean)
    return item.number != 0 ? "true" : "false";
  if (item.kind == ITEM_NUMBER)
    return arena_printf(e->arena, "%.15g", item.number);
  if (item.kind == ITEM_TEXT)
    return arena_printf(e->arena, "\"%s\"", message_text(e->arena, item.text));
  if (item.kind == ITEM_BLOCK)
    return item.ref->block->name.text;
  if (item.kind != ITEM_LIST)
    return "?";
  enum { MOST = 8 };
  const char *text = "";
  for (int i = 0; i < item.n && i < MOST; i++)
    text = arena_printf(e->arena, "%s%s%s", text, i ? ", " : "", item_text(e, item.items[i]));
  return arena_printf(e->arena, "[%s%s]", text, item.n > MOST ? ", ..." : "");
}

/* ---- comparing --------------------------------------------------------------------------------------- */

static bool equal(struct item a, struct item b) {
  if (a.kind != b.kind)
    return false;
  if (a.kind == ITEM_TEXT)
    return strcmp(a.text, b.text) == 0;
  if (a.kind == ITEM_NUMBER)
    return a.number == b.number;
  if (a.kind == ITEM_BLOCK)
    return a.ref->block == b.ref->block;
  bool same = a.n == b.n;
  for (int i = 0; same && i < a.n; i++)
    same = equal(a.items[i], b.items[i]);
  return same;
}

struct item compare_items(struct elaborator *e, const struct node *n, struct item a, struct item b) {
  bool order = n->binary >= BINARY_LT && n->binary <= BINARY_GE;
  if (!order && n->binary != BINARY_EQ && n->binary != BINARY_NE)
    fail(e, n->at, "this computes with %s", item_noun(a.kind == ITEM_NUMBER || a.kind == ITEM_VALUE ? b : a));
  else if (order)
    fail(e, n->at, "'%s' takes numbers; a string or a list is only == or != another", binary_text[n->binary]);
  else if (a.kind != b.kind)
    fail(e, n->at, "%s is compared with %s, and is never equal: %s and %s", item_noun(a), item_noun(b),
         item_text(e, a), item_text(e, b));
  else
    return item_boolean(equal(a, b) == (n->binary == BINARY_EQ));
  return item_poison();
}

/* ---- config() ---------------------------------------------------------------------------------------- */

static struct item item_of(struct elaborator *e, const struct config_value *v) {
  if (v->kind == CONFIG_NUMBER)
    return item_number(v->number);
  if (v->kind == CONFIG_BOOLEAN)
    return item_boolean(v->number != 0);
  if (v->kind == CONFIG_TEXT)
    return (struct item){.kind = ITEM_TEXT, .text = v->text};
  if (v->kind != CONFIG_LIST)
    return (struct item){.kind = ITEM_TEXT, .text = v->kind == CONFIG_NULL ? "null" : "{...}"};
  struct item *items = arena_array(e->arena, struct item, v->n);
  for (int i = 0; i < v->n; i++)
    items[i] = item_of(e, &v->items[i]);
  return (struct item){.kind = ITEM_LIST, .items = items, .n = v->n};
}

/* An item of the type that a default has, without computing it; poison: any. */
static struct item sample(struct elaborator *e, const struct node *n) {
  bool config = n->kind == NODE_CALL && n->a->kind == NODE_NAME && strcmp(n->a->text, "config") == 0;
  if (config)
    return n->args.n == 2 ? sample(e, n->args.at[1].value) : item_poison();
  if (n->kind == NODE_STRING || n->kind == NODE_LIST)
    return (struct item){.kind = n->kind == NODE_STRING ? ITEM_TEXT : ITEM_LIST};
  if (n->kind == NODE_NAME)
    return eval_one(e, n);
  bool truth = n->kind == NODE_NOT || (n->kind == NODE_BINARY && n->binary >= BINARY_LT);
  return truth ? item_boolean(false) : item_number(0);
}

/* Whether what was found has the default's type. Where a number is expected true is 1 and false 0; where true
 * or false is, 1 and 0 are too. */
static bool fits(struct item found, struct item otherwise) {
  if (otherwise.kind == ITEM_NUMBER && otherwise.boolean)
    return found.kind == ITEM_NUMBER && (found.number == 0 || found.number == 1);
  return found.kind == otherwise.kind || otherwise.kind == ITEM_POISON;
}

static struct item wrong_type(struct elaborator *e, const struct node *n, const char *key,
                              const struct config_value *v, struct item found, struct item otherwise) {
  diag_at(e->diag, SEVERITY_ERROR, v->at, "'%s' is %s%s; %s was expected", key,
          found.kind == ITEM_TEXT   ? "the string "
          : found.kind == ITEM_LIST ? "the list "
                                    : "",
          item_text(e, found), item_noun(otherwise));
  note(e, n->at, "'%s' of config.json is read here", key);
  return item_poison();
}

/* Nothing was found and there is no default. One error for all keys where the folder has no config.json. */
static struct item no_config(struct elaborator *e, const struct node *n, const char *key) {
  const struct config_source *source = e->options->config;
  if (source && !source->there) {
    if (!e->no_config)
      fail(e, n->at,
           "%s has no config.json, which this spec needs: '%s' has no default (copy it there, or give --set)",
           source->folder, key);
    e->no_config = true;
  } else
    fail(e, n->at,
         source ? "config.json has no '%s', and there is no default"
                : "'%s' comes from a checkpoint's config.json, "
                  "and there is no default; give --weights or --set",
         key);
  return item_poison();
}

static bool well_formed(const argument_list *args) {
  bool well = (args->n == 1 || args->n == 2) && args->at[0].value->kind == NODE_STRING;
  for (int i = 0; i < args->n; i++)
    well &= !args->at[i].name;
  return well;
}

static struct item default_of(struct elaborator *e, const struct node *n) {
  const struct config_source *source = e->options->config;
  if (source && !source->there && !e->no_config)
    diag_note(e->diag, "%s has no config.json; what the spec asks of it has the spec's defaults",
              source->folder);
  e->no_config |= source && !source->there;
  struct item item = eval_one(e, n);
  if (item.kind != ITEM_VALUE)
    return item;
  fail(e, n->at, "a default must be known when the model is compiled; this is %s",
       type_of(e, item.value->type));
  return item_poison();
}

/* The bytes of a key's name and of the indices behind it; 0: that is not how a key is written. */
static size_t part_length(const char *part) {
  size_t n = strcspn(part, ".[");
  if (n == 0)
    return 0;
  while (part[n] == '[') {
    size_t digits = strspn(part + n + 1, "0123456789");
    if (digits == 0 || part[n + 1 + digits] != ']')
      return 0;
    n += digits + 2;
  }
  return part[n] == '\0' || part[n] == '.' ? n : 0;
}

static bool key_well_formed(const char *key) {
  size_t n = part_length(key);
  while (n && key[n] == '.') {
    key += n + 1;
    n = part_length(key);
  }
  return n > 0;
}

struct item call_config(struct elaborator *e, const struct node *n) {
  const argument_list *args = &n->args;
  if (!well_formed(args)) {
    fail(e, n->at, "config takes a key and a default: config(\"hidden_size\", 2048)");
    return item_poison();
  }
  const struct config_source *source = e->options->config;
  const char *key = args->at[0].value->text;
  struct config_value value = {0};
  int found = source && source->there ? source->find(source->self, key, &value) : 0;
  if (found == 0 && !key_well_formed(key)) {
    fail(e, args->at[0].value->at,
         "'%s' is no key: names are joined by a dot, and an index stands in brackets: \"a.b[2]\"", key);
    return item_poison();
  }
  if (found < 0)
    note(e, n->at, "'%s' of config.json is read here", key);
  if (found == 0)
    return args->n == 2 ? default_of(e, args->at[1].value) : no_config(e, n, key);
  if (found < 0)
    return item_poison();
  struct item item = item_of(e, &value), like = args->n == 2 ? sample(e, args->at[1].value) : item_poison();
  if (!fits(item, like))
    return wrong_type(e, n, key, &value, item, like);
  item.boolean |= like.boolean;
  return item;
}

struct item call_length(struct elaborator *e, const struct node *n) {
  struct item item = n->args.n == 1 && !n->args.at[0].name ? eval_one(e, n->args.at[0].value) : item_poison();
  if (n->args.n != 1)
    fail(e, n->at, "length takes a list: length(config(\"layer_types\"))");
  else if (item.kind == ITEM_LIST)
    return item_number(item.n);
  else if (item.kind != ITEM_POISON)
    fail(e, n->at, "length takes a list; this is %s",
         item.kind == ITEM_VALUE ? type_of(e, item.value->type) : item_noun(item));
  return item_poison();
}
