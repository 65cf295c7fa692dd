/* escape.c: identifiers, strings and comments of other languages from a user's texts. */
#include "support/escape.h"
#include "support/words.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>
#include <uthash.h>

/* ---- words ------------------------------------------------------------------------------------------- */

/* `list` has its words between blanks. */
static bool is_in(const char *list, const char *word, size_t n) {
  for (const char *p = list; n && (p = strstr(p, word)); p += n)
    if (p > list && p[-1] == ' ' && p[n] == ' ')
      return true;
  return false;
}

static size_t without_underscores(const char *name) {
  size_t n = strlen(name);
  while (n > 0 && name[n - 1] == '_')
    n--;
  return n;
}

/* Whether the name is one of the words, or one with underscores behind it, which other names become. */
static bool is_word(struct arena *a, const char *list, const char *name) {
  size_t n = without_underscores(name);
  return is_in(list, name, strlen(name)) || is_in(list, arena_strndup(a, name, n), n);
}

bool is_verilog_keyword(const char *name) {
  return is_in(verilog_keywords, name, strlen(name));
}

/* ---- identifiers ------------------------------------------------------------------------------------- */

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static uint32_t hash_of(const char *text) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 16777619u;
  return h;
}

static char *plain(struct arena *a, const char *text) {
  enum { HASH = 9 };
  bool bad = !*text || isdigit((unsigned char)*text);
  char *s = arena_printf(a, "%s%s", bad ? "_" : "", text);
  for (char *p = s; *p; p++)
    if (!is_letter(*p))
      *p = '_';
  return strlen(s) <= NAME_LONGEST ? s : arena_printf(a, "%.*s_%08x", NAME_LONGEST - HASH, s, hash_of(text));
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

const char *c_name(struct arena *a, const char *text) {
  const char *s = plain(a, text);
  bool ours = begins(s, "tern_") || begins(s, "TERN_");
  return ours || is_word(a, c_words, s) ? arena_printf(a, "%s_", s) : s;
}

const char *c_prefix(struct arena *a, const char *text) {
  const char *s = plain(a, text);
  return is_word(a, c_prefixes, s) ? arena_printf(a, "%s_", s) : s;
}

const char *verilog_name(struct arena *a, const char *text) {
  const char *s = plain(a, text);
  bool taken = begins(s, "tern_") || is_word(a, verilog_keywords, s) || is_word(a, verilog_words, s);
  return taken ? arena_printf(a, "%s_", s) : s;
}

/* A name that loses underscores gets the hash of what it was. */
const char *verilog_design_name(struct arena *a, const char *text) {
  const char *name = verilog_name(a, text);
  if (!strstr(name, "__"))
    return name;
  char *out = arena_strdup(a, name), *to = out;
  for (const char *s = name; *s; s++)
    if (*s != '_' || s == name || s[-1] != '_')
      *to++ = *s;
  *to = '\0';
  bool ends = to[-1] == '_';
  return arena_printf(a, "%s%s%08x", out, ends ? "" : "_", hash_of(name));
}

struct taken_name {
  const char *name;
  UT_hash_handle hh;
};

const char *name_unique(struct arena *a, struct name_set *set, const char *name) {
  struct taken_name *found;
  const char *base = name;
  for (int i = 2;; i++) {
    HASH_FIND_STR(set->names, name, found);
    if (!found)
      break;
    name = arena_printf(a, "%s_%d", base, i);
  }
  found = arena_new(a, struct taken_name);
  found->name = name;
  HASH_ADD_KEYPTR(hh, set->names, found->name, strlen(found->name), found);
  return name;
}

void name_set_clear(struct name_set *set) {
  HASH_CLEAR(hh, set->names);
}

/* ---- texts ------------------------------------------------------------------------------------------- */

/* Bytes of the character at `text` when it is UTF-8 that one sees: no control, no mark of direction. Else 0.
 */
static size_t visible(const char *text) {
  utf8proc_int32_t c;
  utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strlen(text), &c);
  if (n < 1)
    return 0;
  switch (utf8proc_category(c)) {
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP: return 0;
  default: return (size_t)n;
  }
}

/* What ends or begins a comment is parted; a backslash at a line's end, which `??/` means too, goes on there;
 * Verilog expands what follows a backtick, make what follows a dollar. */
const char *comment_text(struct arena *a, const char *text) {
  char *out = arena_alloc(a, 2 * strlen(text) + 1), *to = out;
  while (*text) {
    size_t n = visible(text);
    bool bracket = to > out && ((to[-1] == '*' && *text == '/') || (to[-1] == '/' && *text == '*'));
    bool question = to > out && to[-1] == '?' && *text == '?';
    if (bracket || question)
      *to++ = ' ';
    if (n == 0 || strchr("\\`$", *text)) {
      *to++ = *text == '\\' ? '/' : *text == '`' ? '\'' : n == 0 && isspace((unsigned char)*text) ? ' ' : '?';
      n = 1;
    } else {
      memcpy(to, text, n);
      to += n;
    }
    text += n;
  }
  return out;
}

static char *octal(char *to, char c) {
  return to + sprintf(to, "\\%03o", (unsigned)(unsigned char)c);
}

/* Of a question mark two are never left side by side: they would begin a trigraph. */
const char *c_string(struct arena *a, const char *text) {
  char *out = arena_alloc(a, 4 * strlen(text) + 3), *to = out;
  *to++ = '"';
  for (; *text; text++)
    if (*text < 32 || *text > 126) {
      to = octal(to, *text);
    } else {
      if (*text == '"' || *text == '\\' || (*text == '?' && to[-1] == '?'))
        *to++ = '\\';
      *to++ = *text;
    }
  *to = '"';
  return out;
}

const char *verilog_string(struct arena *a, const char *text, bool format) {
  char *out = arena_alloc(a, 4 * strlen(text) + 1), *to = out;
  for (; *text; text++)
    if (*text < 32 || *text > 126 || *text == '`') {
      to = octal(to, *text);
    } else {
      if (*text == '"' || *text == '\\')
        *to++ = '\\';
      if (format && *text == '%')
        *to++ = '%';
      *to++ = *text;
    }
  return out;
}

const char *shell_word(struct arena *a, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+:,@%=";
  if (*text && text[strspn(text, plain)] == 0)
    return text;
  char *word = arena_alloc(a, 4 * strlen(text) + 3), *to = word;
  *to++ = '\'';
  for (; *text; text++)
    to = *text == '\'' ? stpcpy(to, "'\\''") : (*to = *text, to + 1);
  *to = '\'';
  return word;
}

bool is_harmful(int32_t c) {
  bool breaks = c == 0x2028 || c == 0x2029,
       turns = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return c < 32 || (c >= 127 && c < 160) || breaks || turns;
}

const char *message_text(struct arena *a, const char *text) {
  return message_bytes(a, text, strlen(text));
}

const char *message_bytes(struct arena *a, const char *text, size_t n) {
  enum { LONGEST = 6 }; /* \u001b, of one byte */
  char *out = arena_alloc(a, LONGEST * n + 1), *to = out;
  for (size_t step; n; text += step, n -= step) {
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &c);
    step = bytes > 0 ? (size_t)bytes : 1;
    if (bytes <= 0)
      to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*text);
    else if (c == '\n' || c == '\t' || c == '\r')
      to = stpcpy(to, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (is_harmful(c))
      to += sprintf(to, "\\u%04x", (unsigned)c);
    else
      to = mempcpy(to, text, step);
  }
  return out;
}

void html_text(FILE *out, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    switch (text[i]) {
    case '&': fputs("&amp;", out); break;
    case '<': fputs("&lt;", out); break;
    case '>': fputs("&gt;", out); break;
    case '"': fputs("&quot;", out); break;
    case '\'': fputs("&#39;", out); break;
    default: fputc(text[i] && (unsigned char)text[i] < 32 ? ' ' : text[i], out);
    }
}
