/* ast.c: nodes, their heights and places, and expressions as text. */
#include "frontend/language/ast.h"

#include <string.h>

const char *const binary_text[BINARY_COUNT] = {
    [BINARY_ADD] = "+",    [BINARY_SUB] = "-", [BINARY_MUL] = "*", [BINARY_DIV] = "/",   [BINARY_MOD] = "%",
    [BINARY_MATMUL] = "@", [BINARY_POW] = "^", [BINARY_LT] = "<",  [BINARY_LE] = "<=",   [BINARY_GT] = ">",
    [BINARY_GE] = ">=",    [BINARY_EQ] = "==", [BINARY_NE] = "!=", [BINARY_AND] = "and", [BINARY_OR] = "or"};

struct node *node_new(struct arena *a, enum node_kind kind, struct loc at) {
  struct node *n = arena_new(a, struct node);
  n->kind = kind;
  n->at = at;
  n->height = 1;
  return n;
}

static int taller(int height, const struct node *n) {
  return n && n->height >= height ? n->height + 1 : height;
}

static int height_of_given(const struct bindings *b) {
  int height = 1;
  for (int i = 0; i < b->in.n; i++)
    height = taller(height, b->in.at[i]);
  for (int i = 0; i < b->out.n; i++)
    height = taller(height, b->out.at[i]);
  for (int i = 0; i < b->named.n; i++)
    height = taller(height, b->named.at[i].value);
  return height;
}

struct node *node_seal(struct node *n) {
  n->height = taller(taller(taller(n->height, n->a), n->b), n->c);
  for (int i = 0; i < n->args.n; i++)
    n->height = taller(n->height, n->args.at[i].value);
  if (n->given && height_of_given(n->given) > n->height)
    n->height = height_of_given(n->given);
  if (n->height > AST_MAX_HEIGHT) {
    n->kind = NODE_ERROR;
    n->height = 1;
  }
  return n;
}

struct loc loc_span(struct loc from, struct loc to) {
  if (from.file != to.file)
    return from;
  from.end = from.line == to.line ? to.end : UINT16_MAX;
  return from;
}

/* ---- text -------------------------------------------------------------------------------------------- */

static const char *args_text(struct arena *a, const struct node *n) {
  const char *text = "";
  for (int i = 0; i < n->args.n; i++) {
    const struct argument *arg = &n->args.at[i];
    text = arena_printf(a, "%s%s%s%s%s", text, i ? ", " : "", arg->name ? arg->name : "",
                        arg->name ? " = " : "", node_text(a, arg->value));
  }
  return text;
}

static const char *nodes_text(struct arena *a, const node_list *nodes) {
  const char *text = "";
  for (int i = 0; i < nodes->n; i++)
    text = arena_printf(a, "%s%s%s", text, i ? ", " : "", node_text(a, nodes->at[i]));
  return text;
}

static const char *given_text(struct arena *a, const struct bindings *b) {
  const char *text =
      b->arrow ? arena_printf(a, "%s -> %s", nodes_text(a, &b->in), nodes_text(a, &b->out)) : "";
  for (int i = 0; i < b->named.n; i++)
    text = arena_printf(a, "%s%s%s = %s", text, *text ? ", " : "", b->named.at[i].name,
                        node_text(a, b->named.at[i].value));
  return text;
}

const char *node_text(struct arena *a, const struct node *n) {
  if (!n)
    return "";
  switch (n->kind) {
  case NODE_NUMBER: return arena_printf(a, "%.15g", n->number);
  case NODE_STRING: return arena_printf(a, "\"%s\"", n->text);
  case NODE_NAME: return n->text;
  case NODE_FIELD: return arena_printf(a, "%s.%s", node_text(a, n->a), n->text);
  case NODE_INDEX: return arena_printf(a, "%s[%s]", node_text(a, n->a), args_text(a, n));
  case NODE_RANGE: return arena_printf(a, "%s:%s", node_text(a, n->a), node_text(a, n->b));
  case NODE_CALL: return arena_printf(a, "%s(%s)", node_text(a, n->a), args_text(a, n));
  case NODE_NOT: return arena_printf(a, "(not %s)", node_text(a, n->a));
  case NODE_NEGATE: return arena_printf(a, "(-%s)", node_text(a, n->a));
  case NODE_BINARY:
    return arena_printf(a, "(%s %s %s)", node_text(a, n->a), binary_text[n->binary], node_text(a, n->b));
  case NODE_CHOICE:
    return arena_printf(a, "(%s ? %s : %s)", node_text(a, n->a), node_text(a, n->b), node_text(a, n->c));
  case NODE_LIST: return arena_printf(a, "[%s]", args_text(a, n));
  case NODE_GIVEN: return arena_printf(a, "%s[%s]", node_text(a, n->a), given_text(a, n->given));
  case NODE_ERROR: break;
  }
  return "?";
}

/* ---- the tree, a statement a line -------------------------------------------------------------------- */

struct tree_printer {
  FILE *out;
  struct arena arena; /* texts of expressions */
  int depth;
};

static void indent(struct tree_printer *p) {
  fprintf(p->out, "%*s", 2 * p->depth, "");
}

static void put_nodes(struct tree_printer *p, node_list nodes) {
  for (int i = 0; i < nodes.n; i++)
    fprintf(p->out, "%s%s", i ? ", " : "", node_text(&p->arena, nodes.at[i]));
}

static void put_type(struct tree_printer *p, const struct type_node *t) {
  fputs(elem_name(t->elem), p->out);
  if (t->dims.n > 0) {
    fputc('[', p->out);
    put_nodes(p, t->dims);
    fputc(']', p->out);
  }
}

static void put_names(struct tree_printer *p, name_list names) {
  for (int i = 0; i < names.n; i++)
    fprintf(p->out, "%s%s", i ? ", " : "", names.at[i]->text);
}

static void put_paths(struct tree_printer *p, const struct statement *s) {
  for (int i = 0; i < s->paths.n; i++)
    fprintf(p->out, "%s%s", i ? ", " : "", node_text(&p->arena, s->paths.at[i]->path));
}

static void put_scale(struct tree_printer *p, const struct scale_node *s) {
  static const char *const kinds[] = {
      [WSCALE_TENSOR] = "tensor", [WSCALE_ROW] = "row", [WSCALE_GROUP] = "group"};
  if (s->at.file)
    fprintf(p->out, " per %s%s%s", kinds[s->kind], s->group ? " " : "",
            s->group ? node_text(&p->arena, s->group) : "");
  if (s->rule_at.file)
    fprintf(p->out, " scale %s", scale_rule_name(s->rule));
}

static void put_body(struct tree_printer *p, const statement_list *body);

static void put_statement(struct tree_printer *p, const struct statement *s) {
  static const char *const words[] = {
      [STATEMENT_WEIGHT] = "weight ", [STATEMENT_STATE] = "state ",    [STATEMENT_USE] = "use ",
      [STATEMENT_ASSIGN] = "assign ", [STATEMENT_REPEAT] = "repeat ",  [STATEMENT_EACH] = "each ",
      [STATEMENT_RETURN] = "return ", [STATEMENT_REQUIRE] = "require "};
  bool loop = s->kind == STATEMENT_REPEAT || s->kind == STATEMENT_EACH;
  indent(p);
  fputs(words[s->kind], p->out);
  put_paths(p, s);
  put_names(p, s->names);
  if (s->type) {
    fputs(" : ", p->out);
    put_type(p, s->type);
  }
  put_scale(p, &s->scale);
  if (s->placed)
    fprintf(p->out, " at %s", s->place ? node_text(&p->arena, s->place) : ".");
  if (s->block)
    fprintf(p->out, " : %s", node_text(&p->arena, s->block));
  if (s->values.n > 0)
    fputs(s->kind == STATEMENT_RETURN || s->kind == STATEMENT_REQUIRE ? "" : loop ? " in " : " = ", p->out);
  if (loop && s->values.n == 2)
    fprintf(p->out, "%s : %s", node_text(&p->arena, s->values.at[0]), node_text(&p->arena, s->values.at[1]));
  else
    put_nodes(p, s->values);
  if (s->message)
    fprintf(p->out, ", \"%s\"", s->message);
  fputc('\n', p->out);
  if (loop)
    put_body(p, &s->body);
}

static void put_body(struct tree_printer *p, const statement_list *body) {
  p->depth++;
  for (int i = 0; i < body->n; i++)
    put_statement(p, body->at[i]);
  p->depth--;
}

static void put_block(struct tree_printer *p, const struct block_node *b) {
  fprintf(p->out, "%s %s", b->is_model ? "model" : "block", b->name.text);
  for (int i = 0; i < b->consts.n; i++)
    fprintf(p->out, "%s%s%s%s", i ? ", " : "[", b->consts.at[i]->name.text,
            b->consts.at[i]->value ? " = " : "", node_text(&p->arena, b->consts.at[i]->value));
  fputs(b->consts.n ? "](" : "(", p->out);
  for (int i = 0; i < b->params.n; i++) {
    fprintf(p->out, "%s%s: ", i ? ", " : "", b->params.at[i]->name.text);
    put_type(p, b->params.at[i]->type);
  }
  fputs(") -> ", p->out);
  for (int i = 0; i < b->results.n; i++) {
    fputs(i ? ", " : "", p->out);
    put_type(p, b->results.at[i]);
  }
  fputc('\n', p->out);
  put_body(p, &b->body);
}

void ast_print(const struct spec_file *f, FILE *out) {
  struct tree_printer p = {.out = out};
  fprintf(out, "file %s\n", f->path);
  p.depth = 0;
  for (int i = 0; i < f->imports.n; i++)
    if (f->imports.at[i].name)
      fprintf(out, "import %s\n", f->imports.at[i].name);
    else
      fprintf(out, "import \"%s\"\n", f->imports.at[i].path);
  for (int i = 0; i < f->kinds.n; i++)
    fprintf(out, "for \"%s\"\n", f->kinds.at[i].text);
  for (int i = 0; i < f->params.n; i++)
    fprintf(out, "param %s = %s\n", f->params.at[i]->name.text, node_text(&p.arena, f->params.at[i]->value));
  for (int i = 0; i < f->required.n; i++)
    put_statement(&p, f->required.at[i]);
  for (int i = 0; i < f->blocks.n; i++)
    put_block(&p, f->blocks.at[i]);
  arena_free(&p.arena);
}
