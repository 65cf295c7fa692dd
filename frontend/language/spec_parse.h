/* spec_parse.h: what scanner, grammar and the reader of files share. */
#ifndef TERN_FRONTEND_LANGUAGE_SPEC_PARSE_H
#define TERN_FRONTEND_LANGUAGE_SPEC_PARSE_H

#include "frontend/language/ast.h"

struct parse {
  struct arena *arena;
  struct diag *diag;
  struct spec_file *file;
  void *scanner;
  /* The scanner's view of line ends: a line end ends a statement unless a bracket is open or the last token
   * asks for more. */
  int brackets;
  int last; /* the last token; 0: none yet */
  uint32_t line;
  const char *line_start; /* in the scanner's buffer */
  VEC(struct loc) braces; /* open '{', to point at the one that is never closed */
  /* The first word of the statement, to recognise a misspelt keyword. */
  const char *word;
  struct loc word_at;
  int words;          /* tokens since the statement began */
  const char *found;  /* the last name scanned */
  uint32_t broken;    /* the line of the last error in a token: no syntax error is reported there too */
  struct loc comment; /* where the open comment began */
  /* Of the block whose head is being read. */
  VEC(struct block_const *) consts;
  VEC(struct parameter *) params;
};

/* Parses file->number's text into `file`. False after diagnostics. */
bool parse_text(struct arena *a, struct diag *d, struct spec_file *file, const char *text, size_t length);

#endif
