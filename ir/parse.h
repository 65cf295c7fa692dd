/* parse.h: the parser's parts: parse.c reads tokens, types and declarations, parse_op.c functions and
 * operators. Functions that return bool return false after a diagnostic. */
#ifndef TERN_IR_PARSE_H
#define TERN_IR_PARSE_H

#include "ir/text.h"

struct named_value {
  const char *name;
  struct value *value;
};

struct parser {
  struct arena *arena;
  struct module *m;
  struct lexer lexer;
  struct token tok;
  VEC(struct named_value) scope; /* values that can be named here, innermost block last */
  int depth;                     /* of bodies */
};

void p_next(struct parser *p);
__attribute__((format(printf, 3, 4))) bool p_error(struct parser *p, struct loc at, const char *format, ...);
/* "expected `what`, not ..." at the token. */
bool p_expected(struct parser *p, const char *what);
bool p_is(const struct parser *p, enum token_kind kind, const char *text);
bool p_accept(struct parser *p, const char *mark);
bool p_expect(struct parser *p, const char *mark);
bool p_word(struct parser *p, const char *word);
bool p_take(struct parser *p, enum token_kind kind, const char *what, const char **text);
/* A word, or any name in quotes. */
bool p_name(struct parser *p, const char *what, const char **text);
bool p_integer(struct parser *p, int64_t least, int64_t most, int64_t *n);
bool p_number(struct parser *p, double *x);
bool parse_type(struct parser *p, struct type *t);
/* " frac 16", or nothing: FRAC_NONE. */
bool parse_format(struct parser *p, int *frac);
bool parse_func(struct parser *p);
/* "{eps = 1e-06, ...}" for an operator; braces are optional where nothing must be given. */
bool parse_attrs(struct parser *p, enum opcode code, struct attrs *attr);

#endif
