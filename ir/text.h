/* text.h: what the printer, the parser and the lexer of the IR's text form share.
 *
 * Tokens: words (letters, digits, '_', '.'; not starting with a digit), %values, @symbols, "strings",
 * numbers,
 * "->" and single characters. "//" starts a comment. */
#ifndef TERN_IR_TEXT_H
#define TERN_IR_TEXT_H

#include "ir/ir.h"

/* Characters of names without quotes. */
static inline bool ir_word_char(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

enum token_kind {
  TOKEN_END,
  TOKEN_WORD,
  TOKEN_VALUE,  /* text without the % */
  TOKEN_SYMBOL, /* text without the @ and the quotes */
  TOKEN_STRING, /* text without the quotes, escapes resolved */
  TOKEN_NUMBER,
  TOKEN_MARK, /* text: one character, or "->" */
  TOKEN_BAD   /* text: what is wrong */
};

struct token {
  enum token_kind kind;
  const char *text; /* in the arena; never NULL */
  struct loc at;
};

struct lexer {
  struct arena *arena;
  const char *start, *p, *end;
  const char *line_start;
  struct loc here; /* file and line */
};

struct lexer lexer_new(struct arena *a, uint16_t file, const char *text, size_t length);
struct token lexer_next(struct lexer *l);

#endif
