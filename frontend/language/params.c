/* params.c: the numbers of a model: what `--set` says, else what it said when the checkpoint was trained
 * (config.json's tern.params), else config.json where a param asks for it, else the spec's own default. */
#include "frontend/language/elaborate.h"

#include <math.h>
#include <string.h>

/* Unknown names of --set, each with the nearest that there is. */
static void check_settings(struct elaborator *e) {
  VEC(const char *) names = {0};
  for (int i = 0; i < e->params.n; i++)
    vec_push(e->arena, names, e->params.at[i].name);
  for (int i = 0; i < e->options->n_settings; i++) {
    const char *name = e->options->settings[i].name;
    bool known = false;
    for (int k = 0; k < names.n; k++)
      known |= strcmp(names.at[k], name) == 0;
    if (!known)
      diag_error(e->diag, "--set %s: the spec has no parameter '%s'%s", name, name,
                 suggestion(e, name, names.at, names.n));
  }
}

static const struct spec_setting *setting_of(const struct elaborator *e, const char *name) {
  const struct spec_setting *last = NULL;
  for (int i = 0; i < e->options->n_settings; i++)
    if (strcmp(e->options->settings[i].name, name) == 0)
      last = &e->options->settings[i];
  return last;
}

/* A setting as an item: true, false, a number, else a string. */
static struct item setting_item(const struct spec_setting *s) {
  if (!s->text || !isnan(s->value))
    return item_number(s->value);
  if (strcmp(s->text, "true") == 0 || strcmp(s->text, "false") == 0)
    return item_boolean(s->text[0] == 't');
  return (struct item){.kind = ITEM_TEXT, .text = s->text};
}

/* What --set said when the checkpoint was trained: its config.json has it as tern.params.NAME. */
static const struct spec_setting *kept_setting(struct elaborator *e, const char *name) {
  const struct config_source *source = e->options->config;
  struct config_value v = {0};
  if (!source || !source->there ||
      source->find(source->self, arena_printf(e->arena, "tern.params.%s", name), &v) != 1)
    return NULL;
  struct spec_setting *s = arena_new(e->arena, struct spec_setting);
  bool number = v.kind == CONFIG_NUMBER;
  *s = (struct spec_setting){name, number ? v.number : NAN,
                             number                     ? NULL
                             : v.kind == CONFIG_BOOLEAN ? (v.number != 0 ? "true" : "false")
                             : v.kind == CONFIG_TEXT    ? v.text
                                                        : "?"};
  return s;
}

/* The key of a value that is nothing but config("key", ...). */
static const char *key_of(const struct node *n) {
  bool config = n->kind == NODE_CALL && n->a->kind == NODE_NAME && strcmp(n->a->text, "config") == 0;
  return config && n->args.n && n->args.at[0].value->kind == NODE_STRING ? n->args.at[0].value->text : NULL;
}

/* The string that the spec gives a param, as it is or as a default; then --set can give another. */
static bool takes_text(const struct node *n) {
  if (n->kind == NODE_STRING)
    return true;
  bool config = n->kind == NODE_CALL && n->a->kind == NODE_NAME && strcmp(n->a->text, "config") == 0;
  return config && (n->args.n == 1 || takes_text(n->args.at[n->args.n - 1].value));
}

/* Whether the spec gives a param a block: by name, with what it is given, or one of two. */
static bool takes_block(struct elaborator *e, const struct node *n) {
  struct item item;
  if (n->kind == NODE_CHOICE)
    return takes_block(e, n->b) || takes_block(e, n->c);
  if (n->kind == NODE_GIVEN)
    return true;
  if (n->kind != NODE_NAME)
    return false;
  return param_item(e, n->text, &item) ? item.kind == ITEM_BLOCK : block_named(e, n->text, n->at) != NULL;
}

/* --set proj=linear */
static struct item set_block(struct elaborator *e, const struct param_node *p,
                             const struct spec_setting *setting) {
  name_texts names = {0};
  const struct block_ref *ref = setting->text ? block_named(e, setting->text, p->name.at) : NULL;
  if (ref)
    return (struct item){.kind = ITEM_BLOCK, .ref = ref};
  block_names(e, &names);
  const char *text = setting->text ? setting->text : arena_printf(e->arena, "%.15g", setting->value);
  diag_error(e->diag, "--set %s takes a block of the spec, got '%s'%s", p->name.text, text,
             suggestion(e, text, names.at, names.n));
  return item_poison();
}

static struct item set_param(struct elaborator *e, const struct param_node *p,
                             const struct spec_setting *setting) {
  if (takes_block(e, p->value))
    return set_block(e, p, setting);
  struct item item = setting_item(setting);
  if (item.kind == ITEM_TEXT ? takes_text(p->value) : isfinite(item.number))
    return item;
  if (item.kind == ITEM_TEXT)
    diag_error(e->diag, "--set %s takes a number, got '%s'", p->name.text, setting->text);
  else
    diag_error(e->diag, "--set %s: %g is not a number that a parameter can have", p->name.text, item.number);
  return item_poison();
}

static void elaborate_param(struct elaborator *e, struct param_node *p) {
  const struct spec_setting *given = setting_of(e, p->name.text);
  const struct spec_setting *setting = given ? given : kept_setting(e, p->name.text);
  struct item item = setting ? set_param(e, p, setting) : eval_constant(e, p->value, "a parameter");
  if (item.kind == ITEM_NUMBER && !isfinite(item.number)) {
    fail(e, p->value->at, "the parameter '%s' is %g", p->name.text, item.number);
    item = item_poison();
  }
  vec_push(e->arena, e->params,
           (struct param){p->name.text, item, p->name.at, key_of(p->value), given != NULL, false});
}

bool elaborate_params(struct elaborator *e) {
  int errors = e->diag->errors;
  for (int i = 0; i < e->program->order.n; i++) {
    e->file = e->program->order.at[i];
    for (int k = 0; k < e->file->params.n; k++)
      elaborate_param(e, e->file->params.at[k]);
  }
  check_settings(e);
  for (int i = 0; e->diag->errors == errors && i < e->program->order.n; i++)
    elaborate_required(e, e->program->order.at[i]);
  for (int i = 0; i < e->params.n; i++)
    if (e->params.at[i].item.kind == ITEM_NUMBER)
      vec_push(e->m->arena, e->m->params,
               (struct dim_param){e->params.at[i].name, e->params.at[i].item.number, e->params.at[i].key,
                                  e->params.at[i].item.boolean});
    else if (e->params.at[i].item.kind == ITEM_TEXT)
      vec_push(e->m->arena, e->m->texts,
               (struct text_param){e->params.at[i].name, e->params.at[i].item.text});
    else if (e->params.at[i].item.kind == ITEM_BLOCK &&
             !e->params.at[i].item.ref->given.n) /* a name says it all */
      vec_push(e->m->arena, e->m->texts,
               (struct text_param){e->params.at[i].name, e->params.at[i].item.ref->block->name.text});
  return e->diag->errors == errors;
}
