/* python_json.c: what Jansson refuses and Python takes is rewritten before it is parsed: an odd number
 * becomes a string that begins with U+0001, and half a surrogate pair U+FFFD. */
#include "frontend/checkpoint/python_json.h"
#include "support/escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK         "\"\\u0001" /* in front of an odd number; a quote follows it */
#define UTF8_BOM     "\xEF\xBB\xBF"
#define MARKED_CHAR  '\x01'
#define UNICODE_MARK "\\ufffd"

/* The text as it is rewritten. Where it has grown, positions must be told apart. */
struct growth {
  size_t at, by; /* in the new text from `at` on */
};

struct rewriter {
  const char *from, *end;
  char *text;
  size_t n, room;
  struct arena arena;
  VEC(struct growth) growths;
};

static void put(struct rewriter *r, const char *s, size_t n) {
  if (r->room - r->n < n)
    r->text = xrealloc(r->text, r->room = r->room * 2 + n);
  if (n)
    memcpy(r->text + r->n, s, n);
  r->n += n;
}

/* The code unit of an escape "\uXXXX" at s; -1: none. */
static int escaped_unit(const char *s, const char *end) {
  char digits[5] = "";
  if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
    return -1;
  memcpy(digits, s + 2, 4);
  for (int i = 0; i < 4; i++)
    if (!isxdigit((unsigned char)digits[i]))
      return -1;
  return (int)strtol(digits, NULL, 16);
}

/* Bytes of the escape at s, and whether it is half a surrogate pair. */
static size_t escape_length(const char *s, const char *end, bool *half) {
  int unit = escaped_unit(s, end);
  *half = unit >= 0xD800 && unit <= 0xDFFF;
  if (unit < 0)
    return end - s < 2 ? 1 : 2;
  int next = unit <= 0xDBFF ? escaped_unit(s + 6, end) : -1;
  if (!*half || next < 0xDC00 || next > 0xDFFF)
    return 6;
  *half = false;
  return 12;
}

/* From the quote on. */
static const char *rewrite_string(struct rewriter *r, const char *s) {
  const char *begin = s++;
  while (s < r->end && *s != '"') {
    if (*s != '\\') {
      s++;
      continue;
    }
    bool half;
    size_t n = escape_length(s, r->end, &half);
    if (half) {
      put(r, begin, (size_t)(s - begin));
      put(r, UNICODE_MARK, n);
      begin = s + n;
    }
    s += n;
  }
  s += s < r->end;
  put(r, begin, (size_t)(s - begin));
  return s;
}

/* Whether a word is a number for Python, and too much for Jansson. */
static bool is_odd(const char *word) {
  if (strcmp(word, "NaN") == 0 || strcmp(word, "Infinity") == 0 || strcmp(word, "-Infinity") == 0)
    return true;
  const char *digits = word + (*word == '-');
  if (!isdigit((unsigned char)*digits) || (digits[0] == '0' && isdigit((unsigned char)digits[1])))
    return false;
  char *end;
  errno = 0;
  if (strspn(digits, "0123456789") == strlen(digits)) {
    strtoll(word, NULL, 10);
    return errno == ERANGE;
  }
  double value = strtod(word, &end);
  return *end == 0 && strpbrk(word, "xXpP") == NULL &&
         (value > 1.7976931348623157e308 || value < -1.7976931348623157e308);
}

/* A word: a number or a name. */
static const char *rewrite_word(struct rewriter *r, const char *s) {
  const char *begin = s;
  while (s < r->end && (isalnum((unsigned char)*s) || strchr("+-.", *s)) && *s)
    s++;
  size_t n = (size_t)(s - begin);
  bool plain = n <= 18; /* digits alone, as the ids of a vocabulary are, fit 64 bits */
  for (size_t i = 0; i < n && plain; i++)
    plain = isdigit((unsigned char)begin[i]);
  if (!plain && is_odd(arena_strndup(&r->arena, begin, n))) {
    struct growth g = {r->n, strlen(MARK "\"")};
    put(r, MARK, strlen(MARK));
    put(r, begin, n);
    put(r, "\"", 1);
    vec_push(&r->arena, r->growths, g);
  } else {
    put(r, begin, n);
  }
  return s;
}

static bool begins_word(char c) {
  return isalnum((unsigned char)c) || c == '-';
}

static void rewrite(struct rewriter *r) {
  for (const char *s = r->from, *plain = s; s < r->end;) {
    if (*s != '"' && !begins_word(*s)) {
      plain = s;
      while (s < r->end && *s != '"' && !begins_word(*s))
        s++;
      put(r, plain, (size_t)(s - plain));
    } else {
      s = *s == '"' ? rewrite_string(r, s) : rewrite_word(r, s);
    }
  }
}

/* Where a byte of the new text was in the old one. */
static size_t old_place(const struct rewriter *r, size_t at) {
  size_t grown = 0;
  for (int i = 0; i < r->growths.n && r->growths.at[i].at < at; i++)
    grown += r->growths.at[i].by;
  return at - grown;
}

static void tell(const struct rewriter *r, const json_error_t *e, size_t skipped, struct json_fault *fault) {
  fault->at = skipped + old_place(r, e->position < 1 ? 0 : (size_t)e->position - 1);
  snprintf(fault->what, sizeof fault->what, "%s", e->text);
  for (char *s = fault->what; *s; s++)
    if (iscntrl((unsigned char)*s))
      *s = '?';
}

json_t *json_parse(const char *text, size_t n, struct json_fault *fault) {
  size_t skipped = n >= 3 && memcmp(text, UTF8_BOM, 3) == 0 ? 3 : 0;
  struct rewriter r = {.from = text + skipped, .end = text + n, .room = n + 64};
  json_error_t e;
  r.text = xmalloc(r.room);
  rewrite(&r);
  json_t *root = json_loadb(r.text, r.n, JSON_ALLOW_NUL, &e);
  if (!root)
    tell(&r, &e, skipped, fault);
  free(r.text);
  arena_free(&r.arena);
  return root;
}

const char *json_odd_number(const json_t *v) {
  const char *s = json_string_value(v);
  return s && *s == MARKED_CHAR ? s + 1 : NULL;
}

const char *json_kind(struct arena *a, const json_t *v) {
  static const char *const kinds[] = {
      [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
      [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
      [JSON_FALSE] = "false",      [JSON_NULL] = "null",
  };
  const char *odd = v ? json_odd_number(v) : NULL;
  return odd ? message_bytes(a, odd, strnlen(odd, 60)) : v ? kinds[json_typeof(v)] : "missing";
}
