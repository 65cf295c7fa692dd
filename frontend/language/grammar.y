/* grammar.y: the grammar of the language; docs/language.md shows it without actions.
 *
 * Lines are the unit of recovery: after a syntax error the parser goes on behind the next line end or '}', so
 * that one run reports them all. */
%require "3.8"
%define api.pure full
%define api.prefix {spec_yy}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct loc}
%define parse.error custom
%define parse.lac full
%locations
%param {struct parse *p}
%expect 0

%code requires {
#include "frontend/language/spec_parse.h"

/* Words with a meaning of their own: at the start of a statement only, after it only, or after an operand
 * only; by what follows them: the scanner has a rule for each. */
enum keyword_place { KEYWORD_STARTS, KEYWORD_WITHIN, KEYWORD_INFIX, KEYWORD_BY_RULE };
struct keyword {
  const char *text;
  int token;
  enum keyword_place place;
};
extern const struct keyword spec_keywords[]; /* ends with a row of text NULL */
}

%code provides {
int spec_yylex(SPEC_YYSTYPE *value, struct loc *at, void *scanner); /* scanner.l */
int spec_lex(SPEC_YYSTYPE *value, struct loc *at, struct parse *p); /* the same, keeping track in p */
}

%code {
#include "frontend/language/syntax.h"

#define spec_yylex spec_lex
#define YYLLOC_DEFAULT(now, rhs, n) ((now) = (n) ? loc_span(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)) : YYRHSLOC(rhs, 0))
#define YYMAXDEPTH 4000
#define YYMALLOC xmalloc
#define YYFREE free
#include <stdlib.h>

static void spec_yyerror(struct loc *at, struct parse *p, const char *message);
}

%union {
  double number;
  const char *text;
  struct node *node;
  struct name *name;
  struct type_node *type;
  struct statement *statement;
  struct block_node *block;
  struct scale_node scale;
  struct argument argument;
  node_list nodes;
  name_list names;
  type_list types;
  statement_list statements;
  argument_list arguments;
}

%token END 0 "the end of the file"
%token EOL "the end of the line"
%token <text> NAME "a name"
%token <number> NUMBER "a number"
%token <text> STRING "a string"
%token IMPORT "'import'" PARAM "'param'" BLOCK "'block'" MODEL "'model'"
%token WEIGHT "'weight'" STATE "'state'" USE "'use'" REPEAT "'repeat'" EACH "'each'" RETURN "'return'"
%token REQUIRE "'require'" FOR "'for'" IN "'in'" PER "'per'" SCALE "'scale'" AT "'at'" AND "'and'" OR "'or'" NOT "'not'"
%token ARROW "'->'" LE "'<='" GE "'>='" EQ "'=='" NE "'!='"

%right '?'
%left OR
%left AND
%precedence NOT
%nonassoc '<' '>' LE GE EQ NE
%left '+' '-'
%left '*' '/' '%'
%left '@'
%precedence NEGATE
%right '^'

%type <name> name
%type <node> path expr choice postfix primary subscript
%type <nodes> paths exprs
%type <names> names
%type <type> type
%type <types> types
%type <scale> scale share
%type <nodes> bounds
%type <argument> argument named
%type <arguments> arguments argument_list nameds subscripts elements
%type <statement> statement use
%type <statements> body lines line uses
%type <text> library
%type <block> head

%%

file: items ;

items: item | items line_end item ;

line_end: EOL                                    { yyerrok; } ; /* here and no sooner: what is skipped before is skipped silently */

item:
    %empty
  | IMPORT STRING                                { syntax_import(p, $2, @2); }
  | IMPORT library                               { syntax_import_name(p, $2, @2); }
  | PARAM param_list
  | FOR kinds
  | REQUIRE exprs                                { syntax_file_require(p, @$, $2); }
  | head body                                    { syntax_block_end(p, $1, $2, @2); }
  | BLOCK error body                             { (void)$3; }
  | MODEL error body                             { (void)$3; }
  | error
  ;

kinds:
    STRING                                       { syntax_for(p, $1, @1); }
  | kinds ',' STRING                             { syntax_for(p, $3, @3); }
  ;

param_list: param | param_list ',' param ;

param: name '=' expr                             { syntax_param(p, $1, $3); } ;

head:
    BLOCK name consts '(' params ')' ARROW types { $$ = syntax_block(p, $2, @$, false, $8); }
  | MODEL name '(' params ')' ARROW types        { $$ = syntax_block(p, $2, @$, true, $7); }
  ;

consts: %empty | '[' const_list ']' ;

const_list: const | const_list ',' const ;

const:
    name                                         { syntax_const(p, $1, NULL); }
  | name '=' expr                                { syntax_const(p, $1, $3); }
  ;

params: %empty | block_param | params ',' block_param ;

block_param: name ':' type                       { syntax_parameter(p, $1, $3); } ;

types:
    type                                         { $$ = (type_list){0}; vec_push(p->arena, $$, $1); }
  | types ',' type                               { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

type:
    NAME                                         { $$ = syntax_type(p, $1, @1, @$, (node_list){0}); }
  | NAME '[' exprs ']'                           { $$ = syntax_type(p, $1, @1, @$, $3); }
  ;

body: '{' lines '}'                              { $$ = $2; } ;

lines:
    line
  | lines line_end line                          { $$ = $1; for (int i = 0; i < $3.n; i++) vec_push(p->arena, $$, $3.at[i]); }
  ;

line:
    %empty                                       { $$ = (statement_list){0}; }
  | statement                                    { $$ = (statement_list){0}; vec_push(p->arena, $$, $1); }
  | USE uses                                     { $$ = $2; }
  | REPEAT error body                            { $$ = $3; }
  | EACH error body                              { $$ = $3; }
  | error                                        { $$ = (statement_list){0}; }
  ;

statement:
    WEIGHT paths ':' type scale                  { $$ = syntax_weight(p, @$, $2, $4, $5); }
  | WEIGHT paths ':' type scale '=' expr         { $$ = syntax_weight(p, @$, $2, $4, $5); vec_push(p->arena, $$->values, $7); }
  | STATE names ':' type '=' expr                { $$ = syntax_statement(p, STATEMENT_STATE, @$, $2, $6); $$->type = $4; }
  | STATE names ':' NAME '[' exprs ']' type      { $$ = syntax_past(p, @$, $2, $4, @4, $6, $8); }
  | names '=' exprs                              { $$ = syntax_assign(p, @$, $1, $3); }
  | REPEAT name IN bounds body                   { $$ = syntax_loop(p, STATEMENT_REPEAT, loc_span(@1, @4), $2, $4, $5); }
  | EACH name IN bounds body                     { $$ = syntax_loop(p, STATEMENT_EACH, loc_span(@1, @4), $2, $4, $5); }
  | REPEAT name ',' name IN expr body            { $$ = syntax_loop(p, STATEMENT_REPEAT, loc_span(@1, @6), $2, (node_list){0}, $7); vec_push(p->arena, $$->names, $4); vec_push(p->arena, $$->values, $6); }
  | REQUIRE exprs                                { $$ = syntax_require(p, @$, $2); }
  | RETURN exprs                                 { $$ = syntax_return(p, @$, $2); }
  ;

uses:
    use                                          { $$ = (statement_list){0}; vec_push(p->arena, $$, $1); }
  | uses ',' use                                 { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

use:
    paths ':' expr                               { $$ = syntax_use(p, @$, $1, $3); }
  | paths AT path ':' expr                       { $$ = syntax_use(p, @$, $1, $5); $$->placed = true; $$->place = $3; }
  | paths AT '.' ':' expr                        { $$ = syntax_use(p, @$, $1, $5); $$->placed = true; }
  ;

bounds:
    expr                                         { $$ = (node_list){0}; vec_push(p->arena, $$, $1); }
  | expr ':' expr                                { $$ = (node_list){0}; vec_push(p->arena, $$, $1); vec_push(p->arena, $$, $3); }
  ;

nameds:
    named                                        { $$ = (argument_list){0}; vec_push(p->arena, $$, $1); }
  | nameds ',' named                             { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

named: NAME '=' expr                             { $$ = (struct argument){$1, @1, $3}; } ;

scale:
    share
  | share SCALE NAME                             { $$ = syntax_rule(p, $1, $3, @3); }
  ;

share:
    %empty                                       { $$ = (struct scale_node){0}; }
  | PER NAME                                     { $$ = syntax_scale(p, $2, @2, NULL); }
  | PER NAME expr                                { $$ = syntax_scale(p, $2, @2, $3); }
  ;

names:
    name                                         { $$ = (name_list){0}; vec_push(p->arena, $$, $1); }
  | names ',' name                               { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

name: NAME                                       { $$ = syntax_name(p, $1, @1); } ;

paths:
    path                                         { $$ = (node_list){0}; vec_push(p->arena, $$, $1); }
  | paths ',' path                               { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

path:
    NAME                                         { $$ = syntax_word(p, NODE_NAME, @$, $1, NULL); }
  | path '.' NAME                                { $$ = syntax_word(p, NODE_FIELD, @$, $3, $1); }
  | path '[' expr ']'                            { $$ = syntax_path_index(p, @$, $1, $3, @3); }
  ;

library:
    NAME
  | library '.' NAME                             { $$ = arena_printf(p->arena, "%s.%s", $1, $3); }
  ;

exprs:
    expr                                         { $$ = (node_list){0}; vec_push(p->arena, $$, $1); }
  | exprs ',' expr                               { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

expr: choice ;

choice:
    expr '+' expr                                { $$ = syntax_binary(p, BINARY_ADD, @$, @2, $1, $3); }
  | expr '-' expr                                { $$ = syntax_binary(p, BINARY_SUB, @$, @2, $1, $3); }
  | expr '*' expr                                { $$ = syntax_binary(p, BINARY_MUL, @$, @2, $1, $3); }
  | expr '/' expr                                { $$ = syntax_binary(p, BINARY_DIV, @$, @2, $1, $3); }
  | expr '%' expr                                { $$ = syntax_binary(p, BINARY_MOD, @$, @2, $1, $3); }
  | expr '@' expr                                { $$ = syntax_binary(p, BINARY_MATMUL, @$, @2, $1, $3); }
  | expr '^' expr                                { $$ = syntax_binary(p, BINARY_POW, @$, @2, $1, $3); }
  | expr '<' expr                                { $$ = syntax_binary(p, BINARY_LT, @$, @2, $1, $3); }
  | expr '>' expr                                { $$ = syntax_binary(p, BINARY_GT, @$, @2, $1, $3); }
  | expr LE expr                                 { $$ = syntax_binary(p, BINARY_LE, @$, @2, $1, $3); }
  | expr GE expr                                 { $$ = syntax_binary(p, BINARY_GE, @$, @2, $1, $3); }
  | expr EQ expr                                 { $$ = syntax_binary(p, BINARY_EQ, @$, @2, $1, $3); }
  | expr NE expr                                 { $$ = syntax_binary(p, BINARY_NE, @$, @2, $1, $3); }
  | expr AND expr                                { $$ = syntax_binary(p, BINARY_AND, @$, @2, $1, $3); }
  | expr OR expr                                 { $$ = syntax_binary(p, BINARY_OR, @$, @2, $1, $3); }
  | NOT expr                                     { $$ = syntax_node(p, NODE_NOT, @$, $2, NULL, NULL); }
  | expr '?' expr ':' expr %prec '?'             { $$ = syntax_node(p, NODE_CHOICE, @$, $1, $3, $5); }
  | '-' expr %prec NEGATE                        { $$ = syntax_node(p, NODE_NEGATE, @$, $2, NULL, NULL); }
  | postfix
  ;

postfix:
    primary
  | postfix '.' NAME                             { $$ = syntax_word(p, NODE_FIELD, @$, $3, $1); }
  | postfix '[' subscripts ']'                   { $$ = syntax_list(p, NODE_INDEX, @$, $1, $3); }
  | postfix '[' nameds ']'                       { $$ = syntax_given(p, @$, $1, (struct bindings){.named = $3, .at = loc_span(@2, @4)}); }
  | postfix '[' subscripts ARROW subscripts ']'
      { $$ = syntax_given(p, @$, $1, syntax_arrow(p, loc_span(@2, @6), $3, $5, (argument_list){0})); }
  | postfix '[' subscripts ARROW subscripts ',' nameds ']'
      { $$ = syntax_given(p, @$, $1, syntax_arrow(p, loc_span(@2, @8), $3, $5, $7)); }
  | postfix '(' arguments ')'                    { $$ = syntax_list(p, NODE_CALL, @$, $1, $3); }
  ;

primary:
    NAME                                         { $$ = syntax_word(p, NODE_NAME, @$, $1, NULL); }
  | NUMBER                                       { $$ = syntax_number(p, @$, $1); }
  | STRING                                       { $$ = syntax_word(p, NODE_STRING, @$, $1, NULL); }
  | '(' expr ')'                                 { $$ = $2; }
  | '[' elements ']'                             { $$ = syntax_list(p, NODE_LIST, @$, NULL, $2); }
  ;

elements:
    expr                                         { $$ = (argument_list){0}; vec_push(p->arena, $$, (struct argument){NULL, @1, $1}); }
  | elements ',' expr                            { $$ = $1; vec_push(p->arena, $$, (struct argument){NULL, @3, $3}); }
  ;

subscripts:
    subscript                                    { $$ = (argument_list){0}; vec_push(p->arena, $$, (struct argument){NULL, @1, $1}); }
  | subscripts ',' subscript                     { $$ = $1; vec_push(p->arena, $$, (struct argument){NULL, @3, $3}); }
  ;

subscript:
    expr
  | ':'                                          { $$ = syntax_node(p, NODE_RANGE, @$, NULL, NULL, NULL); }
  | expr ':'                                     { $$ = syntax_node(p, NODE_RANGE, @$, $1, NULL, NULL); }
  | ':' expr                                     { $$ = syntax_node(p, NODE_RANGE, @$, NULL, $2, NULL); }
  | expr ':' expr                                { $$ = syntax_node(p, NODE_RANGE, @$, $1, $3, NULL); }
  ;

arguments: %empty                                { $$ = (argument_list){0}; } | argument_list ;

argument_list:
    argument                                     { $$ = (argument_list){0}; vec_push(p->arena, $$, $1); }
  | argument_list ',' argument                   { $$ = $1; vec_push(p->arena, $$, $3); }
  ;

argument: expr                                   { $$ = (struct argument){NULL, @1, $1}; } | named ;

%%

const struct keyword spec_keywords[] = {
    {"import", TOKEN_IMPORT, KEYWORD_STARTS}, {"param", TOKEN_PARAM, KEYWORD_STARTS},
    {"block", TOKEN_BLOCK, KEYWORD_STARTS},   {"model", TOKEN_MODEL, KEYWORD_STARTS},
    {"weight", TOKEN_WEIGHT, KEYWORD_STARTS}, {"state", TOKEN_STATE, KEYWORD_STARTS},
    {"use", TOKEN_USE, KEYWORD_STARTS},       {"repeat", TOKEN_REPEAT, KEYWORD_STARTS},
    {"return", TOKEN_RETURN, KEYWORD_STARTS}, {"require", TOKEN_REQUIRE, KEYWORD_BY_RULE},
    {"each", TOKEN_EACH, KEYWORD_BY_RULE},    {"at", TOKEN_AT, KEYWORD_INFIX},
    {"for", TOKEN_FOR, KEYWORD_BY_RULE},      {"in", TOKEN_IN, KEYWORD_WITHIN},
    {"per", TOKEN_PER, KEYWORD_WITHIN},       {"scale", TOKEN_SCALE, KEYWORD_INFIX},
    {"and", TOKEN_AND, KEYWORD_INFIX},        {"or", TOKEN_OR, KEYWORD_INFIX},
    {"not", TOKEN_NOT, KEYWORD_BY_RULE},      {NULL, 0, KEYWORD_WITHIN}};

/* The parser's own complaint: it has run out of the depth that it is given. */
static void spec_yyerror(struct loc *at, struct parse *p, const char *message) {
  (void)message;
  diag_at(p->diag, SEVERITY_ERROR, *at, "nested too deeply to be read");
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parse *p) {
  yysymbol_kind_t all[YYNTOKENS];
  const char *names[YYNTOKENS];
  int n = yypcontext_expected_tokens(context, all, YYNTOKENS);
  for (int i = 0; i < n; i++)
    names[i] = yysymbol_name(all[i]);
  syntax_error(p, *yypcontext_location(context), yysymbol_name(yypcontext_token(context)), names, n);
  return 0;
}

bool parse_text(struct arena *a, struct diag *d, struct spec_file *file, const char *text, size_t length) {
  struct parse p = {.arena = a, .diag = d, .file = file, .line = 1};
  int errors = d->errors;
  if (!syntax_scan_begin(&p, text, length))
    return false;
  if (spec_yyparse(&p) == 2 && d->errors == errors)
    diag_error(d, "%s: nested too deeply to be read", file->path);
  syntax_scan_end(&p);
  return d->errors == errors;
}
