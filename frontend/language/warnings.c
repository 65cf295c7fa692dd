/* warnings.c: what a spec declares and does not use. Only blocks that were elaborated are looked at: the
 * others may be a library's, and are mentioned in the main file alone. */
#include "frontend/language/elaborate.h"

#include <string.h>

static void warn(struct elaborator *e, struct loc at, const char *format, const char *name) {
  char *message = arena_printf(e->arena, "%s", format);
  char *hole = strstr(message, "%s");
  diag_at(e->diag, SEVERITY_WARNING, at, "%.*s%s%s", (int)(hole - message), message, name, hole + 2);
}

static void warn_paths(struct elaborator *e, const struct statement *s, const char *format) {
  for (int i = 0; i < s->paths.n; i++)
    if (!s->paths.at[i]->used)
      warn(e, s->paths.at[i]->path->at, format, node_text(e->arena, s->paths.at[i]->path));
}

/* Whether another statement introduces the name: then this one only assigns it anew. */
static void warn_names(struct elaborator *e, const struct statement *s, const char *format,
                       name_list *introduced) {
  for (int i = 0; i < s->names.n; i++) {
    struct name *name = s->names.at[i];
    bool again = strcmp(name->text, "_") == 0;
    for (int k = 0; k < introduced->n; k++)
      again |= strcmp(introduced->at[k]->text, name->text) == 0;
    if (again)
      continue;
    vec_push(e->arena, *introduced, name);
    if (!name->used)
      warn(e, name->at, format, name->text);
  }
}

static void warn_body(struct elaborator *e, const statement_list *body, name_list *introduced) {
  int outer = introduced->n;
  for (int i = 0; i < body->n; i++) {
    const struct statement *s = body->at[i];
    switch (s->kind) {
    case STATEMENT_WEIGHT:
      warn_paths(e, s, "the weight '%s' is never used, and is not part of the model");
      break;
    case STATEMENT_USE:
      warn_paths(e, s, "'%s' is never called, and its weights are not part of the model");
      break;
    case STATEMENT_STATE: warn_names(e, s, "the state '%s' is never read", introduced); break;
    case STATEMENT_ASSIGN: warn_names(e, s, "'%s' is never used", introduced); break;
    case STATEMENT_REPEAT:
    case STATEMENT_EACH:
      if (s->entered)
        warn_body(e, &s->body, introduced);
      break;
    case STATEMENT_RETURN:
    case STATEMENT_REQUIRE: break;
    }
  }
  introduced->n = outer;
}

static void warn_block(struct elaborator *e, struct block_node *b) {
  name_list introduced = {0};
  for (int i = 0; i < b->params.n; i++) {
    struct name *name = &b->params.at[i]->name;
    vec_push(e->arena, introduced, name);
    if (!name->used && strcmp(name->text, "_") != 0)
      warn(e, name->at, "the argument '%s' is never used", name->text);
  }
  warn_body(e, &b->body, &introduced);
}

/* ---- blocks that nothing chose ------------------------------------------------------------------------ */

/* Whether an expression names the block, chosen or not. */
static bool names(const struct node *n, const char *block) {
  if (!n)
    return false;
  bool found = n->kind == NODE_NAME && strcmp(n->text, block) == 0;
  found = found || names(n->a, block) || names(n->b, block) || names(n->c, block);
  for (int i = 0; !found && i < n->args.n; i++)
    found = names(n->args.at[i].value, block);
  for (int i = 0; !found && n->given && i < n->given->named.n; i++)
    found = names(n->given->named.at[i].value, block);
  return found;
}

static bool body_names(const statement_list *body, const char *block) {
  bool found = false;
  for (int i = 0; !found && i < body->n; i++) {
    const struct statement *s = body->at[i];
    found = names(s->block, block) || body_names(&s->body, block);
    for (int k = 0; !found && k < s->values.n; k++)
      found = names(s->values.at[k], block);
  }
  return found;
}

/* A block that another value of a param, another config.json or another constant would have chosen is none
 * that nobody needs. */
static bool could_be_used(const struct elaborator *e, const char *block) {
  bool found = false;
  for (int i = 0; i < e->params.n; i++) /* --set can name any block */
    found |= e->params.at[i].item.kind == ITEM_BLOCK;
  for (int i = 0; !found && i < e->program->files.n; i++) {
    const struct spec_file *f = e->program->files.at[i];
    for (int k = 0; !found && k < f->params.n; k++)
      found = names(f->params.at[k]->value, block);
    for (int k = 0; !found && k < f->blocks.n; k++) {
      const struct block_node *b = f->blocks.at[k];
      for (int c = 0; !found && c < b->consts.n; c++)
        found = names(b->consts.at[c]->value, block);
      found = found || (b->used && body_names(&b->body, block));
    }
  }
  return found;
}

void warn_unused(struct elaborator *e) {
  for (int i = 0; i < e->program->files.n; i++) {
    struct spec_file *f = e->program->files.at[i];
    for (int k = 0; k < f->blocks.n; k++) {
      struct block_node *b = f->blocks.at[k];
      if (b->used)
        warn_block(e, b);
      else if (i == 0 && !could_be_used(e, b->name.text))
        warn(e, b->name.at, "the block '%s' is never used", b->name.text);
    }
  }
}
