/* require.c: what a spec states must hold, and the models that it is for. A requirement that does not hold
 * says what was found, where that comes from and what can be done. */
#include "frontend/language/elaborate.h"

#include "support/escape.h"
#include <string.h>

typedef VEC(const struct node *) nodes;

/* The parts of a condition that were looked up: calls of config, and names. */
static void find_asked(struct elaborator *e, const struct node *n, nodes *asked) {
  if (!n)
    return;
  bool config = n->kind == NODE_CALL && n->a->kind == NODE_NAME && strcmp(n->a->text, "config") == 0;
  bool name = n->kind == NODE_NAME && strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0;
  bool again = false;
  for (int i = 0; i < asked->n; i++)
    again |= strcmp(node_text(e->arena, asked->at[i]), node_text(e->arena, n)) == 0;
  if ((config || name) && !again)
    vec_push(e->arena, *asked, n);
  if (config || name)
    return;
  if (n->kind != NODE_CALL)
    find_asked(e, n->a, asked);
  find_asked(e, n->b, asked);
  find_asked(e, n->c, asked);
  for (int i = 0; i < n->args.n; i++)
    find_asked(e, n->args.at[i].value, asked);
}

static void report(struct elaborator *e, struct loc at, const char *message) {
  if (!e->options->no_require)
    fail(e, at, "%s", message);
  else
    diag_at(e->diag, SEVERITY_WARNING, at, "%s", message);
}

/* Where a call of config found its value. */
static void config_note(struct elaborator *e, const struct node *n) {
  const char *key =
      n->args.n > 0 && n->args.at[0].value->kind == NODE_STRING ? n->args.at[0].value->text : NULL;
  const struct config_source *source = e->options->config;
  struct config_value value;
  if (!key || !source)
    return;
  int found = source->there ? source->find(source->self, key, &value) : 0;
  if (found > 0)
    note(e, value.at, "'%s' is read here", key);
  else
    diag_note(e->diag, "%s/config.json %s '%s'; this is the default", source->folder,
              source->there ? "has no" : "is not there, and so is not", key);
}

/* The param that a name stands for, and where it has its value from. */
static const struct param *param_note(struct elaborator *e, const struct node *n) {
  const struct param_node *p = find_name(e, n->text) ? NULL : program_param(e->program, e->file, n->text);
  for (int i = 0; p && i < e->params.n; i++)
    if (strcmp(e->params.at[i].name, n->text) == 0) {
      nodes asked = {0};
      if (e->params.at[i].set)
        diag_note(e->diag, "--set gives '%s' its value", n->text);
      else
        find_asked(e, p->value, &asked);
      for (int k = 0; k < asked.n; k++)
        if (asked.at[k]->kind == NODE_CALL)
          config_note(e, asked.at[k]);
      return &e->params.at[i];
    }
  return NULL;
}

static void origin_of_param(struct elaborator *e, const char *name) {
  const struct param_node *p = find_name(e, name) ? NULL : program_param(e->program, e->file, name);
  for (int i = 0; p && i < e->params.n; i++) {
    struct param *known = &e->params.at[i];
    if (strcmp(known->name, name) != 0 || known->told)
      continue;
    known->told = true;
    if (known->set)
      diag_note(e->diag, "--set gives '%s' its value", name);
    else
      origin_notes(e, p->value);
  }
}

void origin_notes(struct elaborator *e, const struct node *n) {
  const struct config_source *source = e->options->config;
  nodes asked = {0};
  find_asked(e, n, &asked);
  for (int i = 0; i < asked.n; i++) {
    const struct node *call = asked.at[i];
    struct config_value value;
    if (call->kind == NODE_NAME) {
      origin_of_param(e, call->text);
      continue;
    }
    const char *key = call->args.n > 0 ? call->args.at[0].value->text : NULL; /* NULL: no string */
    if (key && source && source->there && source->find(source->self, key, &value) > 0) {
      note(e, value.at, "'%s' has its value here", key);
      note(e, call->at, "'%s' of config.json is read here", key);
    } else if (call->args.n == 2) {
      origin_notes(e, call->args.at[1].value);
    }
  }
}

static const char *found_text(struct elaborator *e, const nodes *asked) {
  const char *text = "";
  for (int i = 0; i < asked->n; i++)
    text = arena_printf(e->arena, "%s%s%s is %s", text, i ? ", " : "", node_text(e->arena, asked->at[i]),
                        item_text(e, eval_one(e, asked->at[i])));
  return text;
}

static void not_held(struct elaborator *e, const struct statement *s, const struct node *n) {
  nodes asked = {0};
  const char *settable = NULL;
  find_asked(e, n, &asked);
  const char *why =
      s->message ? s->message : arena_printf(e->arena, "this spec requires %s", node_text(e->arena, n));
  const char *found = found_text(e, &asked);
  report(e, n->at, *found ? arena_printf(e->arena, "%s; %s", why, found) : why);
  for (int i = 0; i < asked.n; i++)
    if (asked.at[i]->kind == NODE_CALL)
      config_note(e, asked.at[i]);
    else if (param_note(e, asked.at[i]) && !settable)
      settable = asked.at[i]->text;
  if (!e->options->no_require)
    diag_note(e->diag,
              "take a spec that computes this model%s%s%s, or give --no-require to go on all the same",
              settable ? ", or give the parameter another value with --set " : "", settable ? settable : "",
              settable ? "=..." : "");
}

void elaborate_require(struct elaborator *e, struct statement *s) {
  for (int i = 0; i < s->values.n && !s->failed; i++) {
    double number;
    int errors = e->diag->errors;
    if (!eval_number(e, s->values.at[i], "what 'require' states", &number))
      s->failed = e->diag->errors > errors;
    else if (number == 0) {
      s->failed = true;
      not_held(e, s, s->values.at[i]);
    }
  }
}

/* ---- for --------------------------------------------------------------------------------------------- */

static bool is_for(const struct spec_file *f, const char *kind) {
  for (int i = 0; i < f->kinds.n; i++)
    if (strcmp(f->kinds.at[i].text, kind) == 0)
      return true;
  return false;
}

/* The config.json's model_type, or without one its architectures, are among what the spec is for. */
static void check_kind(struct elaborator *e, const struct spec_file *f) {
  const struct config_source *source = e->options->config;
  struct config_value value;
  const char *key = "model_type", *found = NULL;
  if (source->find(source->self, key, &value) > 0 && value.kind == CONFIG_TEXT) {
    found = value.text;
  } else {
    key = "architectures";
    if (source->find(source->self, key, &value) <= 0 || value.kind != CONFIG_LIST)
      return;
    for (int i = 0; i < value.n; i++)
      if (value.items[i].kind == CONFIG_TEXT && is_for(f, value.items[i].text))
        return;
      else if (value.items[i].kind == CONFIG_TEXT)
        found = value.items[i].text;
  }
  if (!found || is_for(f, found))
    return;
  const char *names = "";
  for (int i = 0; i < f->kinds.n; i++)
    names = arena_printf(e->arena, "%s%s'%s'", names, i ? ", " : "", f->kinds.at[i].text);
  report(e, f->kinds.at[0].at,
         arena_printf(e->arena, "this spec is for %s; config.json says '%s'", names,
                      message_text(e->arena, found)));
  note(e, value.at, "'%s' is read here", key);
  if (!e->options->no_require)
    diag_note(e->diag, "take a spec that computes this model, or give --no-require to go on all the same");
}

bool elaborate_required(struct elaborator *e, struct spec_file *f) {
  int errors = e->diag->errors;
  e->file = f;
  if (f->kinds.n && f == e->program->files.at[0] && e->options->config && e->options->config->there)
    check_kind(e, f);
  for (int i = 0; i < f->required.n; i++)
    elaborate_require(e, f->required.at[i]);
  return e->diag->errors == errors;
}
