/* syntax.c: the actions of the grammar: nodes are allocated, filled in and measured; nothing is looked up. */
#include "frontend/language/syntax.h"

#include "grammar.h"
#include <string.h>

int spec_yylex_init_extra(struct parse *p, void **scanner);
int spec_yylex_destroy(void *scanner);
struct yy_buffer_state *spec_yy_scan_bytes(const char *bytes, int length, void *scanner);

/* ---- the scanner's life ------------------------------------------------------------------------------ */

bool syntax_scan_begin(struct parse *p, const char *text, size_t length) {
  if (spec_yylex_init_extra(p, &p->scanner) != 0) {
    diag_error(p->diag, "%s: cannot be scanned", p->file->path);
    return false;
  }
  spec_yy_scan_bytes(text, (int)length, p->scanner);
  return true;
}

void syntax_scan_end(struct parse *p) {
  spec_yylex_destroy(p->scanner);
}

/* ---- expressions ------------------------------------------------------------------------------------- */

static struct node *sealed(struct parse *p, struct node *n) {
  bool broken = n->kind == NODE_ERROR;
  node_seal(n);
  if (n->kind == NODE_ERROR && !broken)
    diag_at(p->diag, SEVERITY_ERROR, n->at, "this expression nests more than %d deep", AST_MAX_HEIGHT);
  return n;
}

struct node *syntax_number(struct parse *p, struct loc at, double number) {
  struct node *n = node_new(p->arena, NODE_NUMBER, at);
  n->number = number;
  return n;
}

struct node *syntax_word(struct parse *p, enum node_kind kind, struct loc at, const char *text,
                         struct node *base) {
  struct node *n = node_new(p->arena, kind, at);
  n->text = text;
  n->a = base;
  return sealed(p, n);
}

struct node *syntax_node(struct parse *p, enum node_kind kind, struct loc at, struct node *a, struct node *b,
                         struct node *c) {
  struct node *n = node_new(p->arena, kind, at);
  n->a = a;
  n->b = b;
  n->c = c;
  return sealed(p, n);
}

struct node *syntax_binary(struct parse *p, enum binary binary, struct loc at, struct loc op_at,
                           struct node *a, struct node *b) {
  struct node *n = node_new(p->arena, NODE_BINARY, at);
  n->binary = binary;
  n->op_at = op_at;
  n->a = a;
  n->b = b;
  return sealed(p, n);
}

struct node *syntax_list(struct parse *p, enum node_kind kind, struct loc at, struct node *base,
                         argument_list args) {
  struct node *n = node_new(p->arena, kind, at);
  n->a = base;
  n->args = args;
  return sealed(p, n);
}

struct node *syntax_given(struct parse *p, struct loc at, struct node *base, struct bindings b) {
  struct node *n = node_new(p->arena, NODE_GIVEN, at);
  n->a = base;
  n->given = arena_new(p->arena, struct bindings);
  *n->given = b;
  return sealed(p, n);
}

static node_list dimensions(struct parse *p, argument_list args) {
  node_list nodes = {0};
  for (int i = 0; i < args.n; i++) {
    struct node *n = args.at[i].value;
    if (n->kind == NODE_RANGE)
      diag_at(p->diag, SEVERITY_ERROR, n->at, "a dimension is a number, not a range");
    vec_push(p->arena, nodes, n);
  }
  return nodes;
}

struct bindings syntax_arrow(struct parse *p, struct loc at, argument_list in, argument_list out,
                             argument_list named) {
  return (struct bindings){
      .in = dimensions(p, in), .out = dimensions(p, out), .arrow = true, .named = named, .at = at};
}

struct node *syntax_path_index(struct parse *p, struct loc at, struct node *base, struct node *index,
                               struct loc index_at) {
  argument_list args = {0};
  vec_push(p->arena, args, (struct argument){NULL, index_at, index});
  return syntax_list(p, NODE_INDEX, at, base, args);
}

/* ---- names and types --------------------------------------------------------------------------------- */

struct name *syntax_name(struct parse *p, const char *text, struct loc at) {
  struct name *n = arena_new(p->arena, struct name);
  *n = (struct name){.text = text, .at = at};
  return n;
}

struct type_node *syntax_type(struct parse *p, const char *elem, struct loc elem_at, struct loc at,
                              node_list dims) {
  static const char *const names[] = {"f32", "u32", "ternary", "i4", "i3", "i2", "i8", "bf16"};
  static const enum elem elems[] = {ELEM_F32, ELEM_U32, ELEM_TERNARY, ELEM_W4,
                                    ELEM_W3,  ELEM_W2,  ELEM_F32,     ELEM_F32};
  static const enum storage stored[] = {[6] = STORE_I8, [7] = STORE_BF16};
  struct type_node *t = arena_new(p->arena, struct type_node);
  *t = (struct type_node){.elem = ELEM_F32, .dims = dims, .at = at};
  for (int i = 0; i < 8; i++)
    if (strcmp(elem, names[i]) == 0) {
      t->elem = elems[i];
      t->stored = stored[i];
      return t;
    }
  const char *near = diag_nearest(elem, names, 3);
  diag_at(p->diag, SEVERITY_ERROR, elem_at, "there is no element type '%s'%s%s%s", elem,
          near ? "; did you mean '" : "; they are f32, u32, ternary, i8, i4, i3, i2", near ? near : "",
          near ? "'?" : "");
  return t;
}

struct scale_node syntax_scale(struct parse *p, const char *kind, struct loc at, struct node *group) {
  static const char *const names[] = {"tensor", "row", "group"};
  static const enum weight_scale kinds[] = {WSCALE_TENSOR, WSCALE_ROW, WSCALE_GROUP};
  struct scale_node s = {.kind = WSCALE_TENSOR, .at = at, .group = group};
  int i = 0;
  while (i < 3 && strcmp(kind, names[i]) != 0)
    i++;
  if (i == 3)
    diag_at(p->diag, SEVERITY_ERROR, at, "scales are per tensor, per row or per group N, not per '%s'", kind);
  else if ((kinds[i] == WSCALE_GROUP) != (group != NULL))
    diag_at(p->diag, SEVERITY_ERROR, at,
            group ? "'per %s' takes no number" : "'per %s' needs the number of columns that share a scale",
            kind);
  else
    s.kind = kinds[i];
  return s;
}

struct scale_node syntax_rule(struct parse *p, struct scale_node s, const char *rule, struct loc at) {
  s.rule_at = at;
  if (!scale_rule_parse(rule, &s.rule))
    diag_at(p->diag, SEVERITY_ERROR, at, "scales are by mean, largest, stored or inverse, not by '%s'", rule);
  return s;
}

/* ---- statements -------------------------------------------------------------------------------------- */

static struct statement *statement_new(struct parse *p, enum statement_kind kind, struct loc at) {
  struct statement *s = arena_new(p->arena, struct statement);
  s->kind = kind;
  s->at = at;
  return s;
}

static void take_paths(struct parse *p, struct statement *s, node_list paths) {
  for (int i = 0; i < paths.n; i++) {
    struct declared_path *d = arena_new(p->arena, struct declared_path);
    d->path = paths.at[i];
    vec_push(p->arena, s->paths, d);
  }
}

struct statement *syntax_weight(struct parse *p, struct loc at, node_list paths, struct type_node *type,
                                struct scale_node scale) {
  struct statement *s = statement_new(p, STATEMENT_WEIGHT, at);
  take_paths(p, s, paths);
  s->type = type;
  s->scale = scale;
  return s;
}

struct statement *syntax_use(struct parse *p, struct loc at, node_list paths, struct node *block) {
  struct statement *s = statement_new(p, STATEMENT_USE, at);
  take_paths(p, s, paths);
  s->block = block;
  return s;
}

struct statement *syntax_assign(struct parse *p, struct loc at, name_list names, node_list values) {
  struct statement *s = statement_new(p, STATEMENT_ASSIGN, at);
  s->names = names;
  s->values = values;
  return s;
}

struct statement *syntax_statement(struct parse *p, enum statement_kind kind, struct loc at, name_list names,
                                   struct node *value) {
  struct statement *s = statement_new(p, kind, at);
  s->names = names;
  vec_push(p->arena, s->values, value);
  return s;
}

struct statement *syntax_past(struct parse *p, struct loc at, name_list names, const char *kind,
                              struct loc kind_at, node_list most, struct type_node *row) {
  struct statement *s = statement_new(p, STATEMENT_STATE, at);
  s->names = names;
  s->type = row;
  s->values = most;
  s->past = strcmp(kind, "window") == 0 ? PAST_WINDOW : PAST_HISTORY;
  if (s->past == PAST_HISTORY && strcmp(kind, "history") != 0)
    diag_at(p->diag, SEVERITY_ERROR, kind_at,
            "there is no kind of state '%s'; a state that grows is a history[N] or a window[N], and another "
            "one has a value before the first token",
            kind);
  if (most.n != 1)
    diag_at(p->diag, SEVERITY_ERROR, kind_at, "a %s has one number of rows", kind);
  return s;
}

struct statement *syntax_loop(struct parse *p, enum statement_kind kind, struct loc at, struct name *index,
                              node_list bounds, statement_list body) {
  struct statement *s = statement_new(p, kind, at);
  vec_push(p->arena, s->names, index);
  s->values = bounds;
  s->body = body;
  return s;
}

struct statement *syntax_return(struct parse *p, struct loc at, node_list values) {
  struct statement *s = statement_new(p, STATEMENT_RETURN, at);
  s->values = values;
  return s;
}

/* A string at the end is the message. */
struct statement *syntax_require(struct parse *p, struct loc at, node_list values) {
  struct statement *s = statement_new(p, STATEMENT_REQUIRE, at);
  const struct node *last = values.at[values.n - 1];
  if (last->kind == NODE_STRING) {
    s->message = last->text;
    values.n--;
  }
  if (!values.n)
    diag_at(p->diag, SEVERITY_ERROR, at,
            "'require' states what must hold, then the message: require a == b, \"why\"");
  s->values = values;
  return s;
}

void syntax_file_require(struct parse *p, struct loc at, node_list values) {
  struct statement *s = syntax_require(p, at, values);
  vec_push(p->arena, p->file->required, s);
}

void syntax_for(struct parse *p, const char *kind, struct loc at) {
  vec_push(p->arena, p->file->kinds, (struct name){.text = kind, .at = at});
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

void syntax_import(struct parse *p, const char *path, struct loc at) {
  if (path[0])
    vec_push(p->arena, p->file->imports, (struct import_node){.path = path, .at = at});
  else if (p->broken != at.line)
    diag_at(p->diag, SEVERITY_ERROR, at, "the name of the file to import is empty");
}

void syntax_import_name(struct parse *p, const char *name, struct loc at) {
  char *path = arena_printf(p->arena, "%s.tern", name);
  for (char *c = path; c < path + strlen(name); c++)
    if (*c == '.')
      *c = '/';
  vec_push(p->arena, p->file->imports, (struct import_node){.path = path, .name = name, .at = at});
}

void syntax_param(struct parse *p, struct name *name, struct node *value) {
  struct param_node *n = arena_new(p->arena, struct param_node);
  *n = (struct param_node){*name, value};
  vec_push(p->arena, p->file->params, n);
}

void syntax_const(struct parse *p, struct name *name, struct node *value) {
  struct block_const *c = arena_new(p->arena, struct block_const);
  *c = (struct block_const){*name, value};
  vec_push(p->arena, p->consts, c);
}

void syntax_parameter(struct parse *p, struct name *name, struct type_node *type) {
  struct parameter *a = arena_new(p->arena, struct parameter);
  *a = (struct parameter){*name, type};
  vec_push(p->arena, p->params, a);
}

struct block_node *syntax_block(struct parse *p, struct name *name, struct loc at, bool is_model,
                                type_list results) {
  struct block_node *b = arena_new(p->arena, struct block_node);
  *b =
      (struct block_node){.name = *name, .file = p->file, .at = at, .is_model = is_model, .results = results};
  for (int i = 0; i < p->consts.n; i++)
    vec_push(p->arena, b->consts, p->consts.at[i]);
  for (int i = 0; i < p->params.n; i++)
    vec_push(p->arena, b->params, p->params.at[i]);
  p->consts.n = p->params.n = 0;
  return b;
}

void syntax_block_end(struct parse *p, struct block_node *block, statement_list body, struct loc at) {
  block->body = body;
  block->end = at;
  vec_push(p->arena, p->file->blocks, block);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static bool among(const char *word, const char *const *list, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(word, list[i]) == 0)
      return true;
  return false;
}

/* Tokens that are said together, when one of them, `sign`, is expected: "" leaves them out. */
static const struct token_group {
  const char *sign, *said, *tokens;
} groups[] = {
    {"'return'", "a statement", "'weight' 'state' 'use' 'repeat' 'each' 'return' 'require' a name"},
    {"a number", "an expression", "a name a number a string 'not' '(' '[' '-'"},
    {"'*'", "", "'+' '-' '*' '/' '%' '@' '^' '<' '>' '<=' '>=' '==' '!=' 'and' 'or' '?' '.' '(' '[' '->'"},
    {"the end of the line", "", "the end of the file"},
    {"'param'", "", "'require' 'for'"}, /* the commoner ones are enough to say */
    {"'per'", "", "'scale'"},
    {"'{'", "", "':'"},
    {"':'", "", "'at'"},
};
enum { GROUPS = sizeof groups / sizeof *groups, MOST = 6 };

/* "an expression or ')'" from the tokens that the parser could have taken. */
static const char *expectation(struct arena *a, const char *const *expected, int n) {
  const char *kept[MOST];
  bool active[GROUPS];
  int k = 0;
  for (int g = 0; g < GROUPS; g++) {
    active[g] = among(groups[g].sign, expected, n);
    if (active[g] && groups[g].said[0])
      kept[k++] = groups[g].said;
  }
  for (int i = 0; i < n && k < MOST; i++) {
    bool grouped = false;
    for (int g = 0; g < GROUPS; g++)
      grouped |= active[g] && strstr(groups[g].tokens, expected[i]);
    if (!grouped)
      kept[k++] = expected[i];
  }
  const char *text = k ? kept[0] : "an operator";
  for (int i = 1; i < k; i++)
    text = arena_printf(a, "%s%s%s", text, i == k - 1 ? " or " : ", ", kept[i]);
  return text;
}

/* The keyword that the statement's first word, or `word`, was meant to be. */
static const char *meant(const char *word, bool starts) {
  const char *candidates[20];
  int n = 0;
  for (int i = 0; spec_keywords[i].text && n < 20; i++)
    if ((spec_keywords[i].place == KEYWORD_STARTS || strcmp(spec_keywords[i].text, "require") == 0 ||
         strcmp(spec_keywords[i].text, "each") == 0) == starts)
      candidates[n++] = spec_keywords[i].text;
  return word ? diag_nearest(word, candidates, n) : NULL;
}

/* A statement whose first word is not a keyword, though it is used like one: `wieght w : f32[n]`. */
static bool misspelt(struct parse *p, const char *found) {
  bool first = p->words == 1 && strcmp(found, "a name") == 0;
  bool second = p->words == 2 && p->word && (strcmp(found, "a name") == 0 || strcmp(found, "a string") == 0);
  const char *near = first || second ? meant(p->word, true) : NULL;
  if (near)
    diag_at(p->diag, SEVERITY_ERROR, p->word_at, "'%s' begins no statement; did you mean '%s'?", p->word,
            near);
  return near != NULL;
}

void syntax_error(struct parse *p, struct loc at, const char *found, const char *const *expected, int n) {
  p->brackets = 0; /* so that the next line end counts again */
  if (at.line == p->broken || misspelt(p, found))
    return;
  const char *want = expectation(p->arena, expected, n);
  const char *near = strcmp(found, "a name") == 0 && p->found ? meant(p->found, false) : NULL;
  if (near && !among(arena_printf(p->arena, "'%s'", near), expected, n))
    near = NULL;
  if (strcmp(found, "a name") == 0 && p->found)
    found = arena_printf(p->arena, "'%s'", p->found);
  diag_at(p->diag, SEVERITY_ERROR, at, "expected %s, found %s%s%s%s", want, found,
          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  if (strcmp(found, "the end of the file") == 0 && p->braces.n > 0)
    diag_at(p->diag, SEVERITY_NOTE, p->braces.at[p->braces.n - 1], "this '{' is not closed");
}
