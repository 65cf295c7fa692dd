/* lex.c: the tokens of the IR's text form. Any bytes may come; what is no token becomes TOKEN_BAD. */
#include "ir/text.h"

#include <string.h>

struct lexer lexer_new(struct arena *a, uint16_t file, const char *text, size_t length) {
  return (struct lexer){.arena = a,
                        .start = text,
                        .p = text,
                        .end = text + length,
                        .line_start = text,
                        .here = {.file = file, .line = 1}};
}

static int peek(const struct lexer *l, int ahead) {
  return l->end - l->p > ahead ? (unsigned char)l->p[ahead] : -1;
}

static void newline(struct lexer *l) {
  l->here.line++;
  l->line_start = l->p;
}

static void skip_blanks(struct lexer *l) {
  for (;;) {
    int c = peek(l, 0);
    if (c == '/' && peek(l, 1) == '/')
      while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
        l->p++;
    else if (c == '\n')
      l->p++, newline(l);
    else if (c == ' ' || c == '\t' || c == '\r')
      l->p++;
    else
      return;
  }
}

/* Columns that do not fit a struct loc (lines of over 64 KiB) stay at its end. */
static uint16_t column(const struct lexer *l, const char *p) {
  ptrdiff_t c = p - l->line_start + 1;
  return c > UINT16_MAX ? UINT16_MAX : (uint16_t)c;
}

static const char *word(struct lexer *l) {
  const char *from = l->p;
  while (ir_word_char(peek(l, 0)))
    l->p++;
  return arena_strndup(l->arena, from, (size_t)(l->p - from));
}

static int hex_digit(int c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character after a backslash, or -1. Zero bytes cannot be written. */
static int escape(struct lexer *l) {
  int c = peek(l, 0), high = hex_digit(peek(l, 1)), low = high < 0 ? -1 : hex_digit(peek(l, 2));
  if (c == '"' || c == '\\') {
    l->p++;
    return c;
  }
  if (c != 'x' || low < 0 || high * 16 + low == 0)
    return -1;
  l->p += 3;
  return high * 16 + low;
}

static const char *string(struct lexer *l, enum token_kind *kind) {
  l->p++;
  const char *close = l->p;
  while (close < l->end && *close != '"' && *close != '\n')
    close += *close == '\\' && l->end - close > 1 ? 2 : 1;
  char *text = arena_alloc(l->arena, (size_t)(close - l->p) + 1);
  for (size_t n = 0;; n++) {
    int c = peek(l, 0);
    if (c == '"')
      break;
    if (c < 32) {
      *kind = TOKEN_BAD;
      return c < 0 || c == '\n' ? "this string has no end" : "a control character in a string";
    }
    l->p++;
    if (c == '\\' && (c = escape(l)) < 0) {
      *kind = TOKEN_BAD;
      return "an escape is \\\", \\\\ or \\x and two hexadecimal digits";
    }
    text[n] = (char)c;
  }
  l->p++;
  return text;
}

static bool digit(int c) {
  return c >= '0' && c <= '9';
}

static bool number_start(const struct lexer *l) {
  int c = peek(l, 0), next = peek(l, 1);
  return digit(c) || (c == '-' && (digit(next) || (next == 'i' && peek(l, 2) == 'n' && peek(l, 3) == 'f')));
}

/* Takes what may belong to a number; the parser checks that it is one. */
static const char *number(struct lexer *l) {
  const char *from = l->p++;
  for (;; l->p++) {
    int c = peek(l, 0), last = l->p[-1];
    bool exponent_sign = (c == '-' || c == '+') && (last == 'e' || last == 'E') && digit(peek(l, 1));
    if (!ir_word_char(c) && !exponent_sign)
      return arena_strndup(l->arena, from, (size_t)(l->p - from));
  }
}

static const char *mark(struct lexer *l, enum token_kind *kind) {
  int c = peek(l, 0);
  int length = c == '-' && peek(l, 1) == '>' ? 2 : 1;
  l->p += length;
  if (length == 2 || (c > 0 && strchr("(){}[]:,=", c)))
    return arena_strndup(l->arena, l->p - length, (size_t)length);
  *kind = TOKEN_BAD;
  return c > 32 && c < 127 ? arena_printf(l->arena, "'%c' has no meaning here", c)
                           : arena_printf(l->arena, "the byte 0x%02x has no meaning here", (unsigned)c);
}

static const char *sigil(struct lexer *l, enum token_kind *kind) {
  int c = peek(l, 0);
  l->p++;
  if (c == '@' && peek(l, 0) == '"') {
    *kind = TOKEN_SYMBOL;
    return string(l, kind);
  }
  const char *text = word(l);
  *kind = !*text ? TOKEN_BAD : c == '@' ? TOKEN_SYMBOL : TOKEN_VALUE;
  return *text ? text : arena_printf(l->arena, "a name must follow '%c'", c);
}

struct token lexer_next(struct lexer *l) {
  skip_blanks(l);
  struct token t = {.at = l->here, .text = ""};
  t.at.column = column(l, l->p);
  int c = peek(l, 0);
  if (c == '%' || c == '@')
    t.text = sigil(l, &t.kind);
  else if (c == '"')
    t.kind = TOKEN_STRING, t.text = string(l, &t.kind);
  else if (number_start(l))
    t.kind = TOKEN_NUMBER, t.text = number(l);
  else if (c >= 0 && c != '.' && ir_word_char(c))
    t.kind = TOKEN_WORD, t.text = word(l);
  else if (c >= 0)
    t.kind = TOKEN_MARK, t.text = mark(l, &t.kind);
  t.at.end = column(l, l->p);
  return t;
}
