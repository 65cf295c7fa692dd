/* syntax.h: what the grammar's actions call: making of the tree, and the wording of syntax errors. */
#ifndef TERN_FRONTEND_SYNTAX_H
#define TERN_FRONTEND_SYNTAX_H

#include "frontend/language/spec_parse.h"

bool syntax_scan_begin(struct parse *p, const char *text, size_t length);
void syntax_scan_end(struct parse *p);

struct node *syntax_number(struct parse *p, struct loc at, double number);
/* NAME, STRING; FIELD of `base`. */
struct node *syntax_word(struct parse *p, enum node_kind kind, struct loc at, const char *text,
                         struct node *base);
struct node *syntax_node(struct parse *p, enum node_kind kind, struct loc at, struct node *a, struct node *b,
                         struct node *c);
struct node *syntax_binary(struct parse *p, enum binary binary, struct loc at, struct loc op_at,
                           struct node *a, struct node *b);
/* INDEX, CALL of `base`; LIST. */
struct node *syntax_list(struct parse *p, enum node_kind kind, struct loc at, struct node *base,
                         argument_list args);
/* base[bindings] */
struct node *syntax_given(struct parse *p, struct loc at, struct node *base, struct bindings b);
/* in -> out, named */
struct bindings syntax_arrow(struct parse *p, struct loc at, argument_list in, argument_list out,
                             argument_list named);
struct node *syntax_path_index(struct parse *p, struct loc at, struct node *base, struct node *index,
                               struct loc index_at);

struct name *syntax_name(struct parse *p, const char *text, struct loc at);
struct type_node *syntax_type(struct parse *p, const char *elem, struct loc elem_at, struct loc at,
                              node_list dims);
struct scale_node syntax_scale(struct parse *p, const char *kind, struct loc at, struct node *group);

struct statement *syntax_weight(struct parse *p, struct loc at, node_list paths, struct type_node *type,
                                struct scale_node scale);
struct statement *syntax_use(struct parse *p, struct loc at, node_list paths, struct node *block);
struct statement *syntax_assign(struct parse *p, struct loc at, name_list names, node_list values);
/* STATE: names and a value. */
struct statement *syntax_statement(struct parse *p, enum statement_kind kind, struct loc at, name_list names,
                                   struct node *value);
/* REPEAT, EACH. bounds: a count, or from and to. */
struct statement *syntax_loop(struct parse *p, enum statement_kind kind, struct loc at, struct name *index,
                              node_list bounds, statement_list body);
/* STATE: a history or a window of at most so many rows. */
struct statement *syntax_past(struct parse *p, struct loc at, name_list names, const char *kind,
                              struct loc kind_at, node_list most, struct type_node *row);
struct statement *syntax_return(struct parse *p, struct loc at, node_list values);

struct scale_node syntax_rule(struct parse *p, struct scale_node s, const char *rule, struct loc at);
struct statement *syntax_require(struct parse *p, struct loc at, node_list values);
void syntax_file_require(struct parse *p, struct loc at, node_list values);
void syntax_for(struct parse *p, const char *kind, struct loc at);
void syntax_import(struct parse *p, const char *path, struct loc at);
void syntax_import_name(struct parse *p, const char *name, struct loc at); /* std.norms */
void syntax_param(struct parse *p, struct name *name, struct node *value);
void syntax_const(struct parse *p, struct name *name, struct node *value);
void syntax_parameter(struct parse *p, struct name *name, struct type_node *type);
struct block_node *syntax_block(struct parse *p, struct name *name, struct loc at, bool is_model,
                                type_list results);
void syntax_block_end(struct parse *p, struct block_node *block, statement_list body, struct loc at);

/* Reports `found` where one of `expected` has its place. */
void syntax_error(struct parse *p, struct loc at, const char *found, const char *const *expected, int n);

#endif
